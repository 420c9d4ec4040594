//! How what is written is compressed.
//!
//! The same bytes always give the same bytes, which is what a repeated write is told by. It must
//! not know what the bytes are or where they go.

use std::io::{self, Write};

use flate2::write::{GzEncoder, ZlibEncoder};

/// An algorithm and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, levels 0 to 9.
    Gzip {
        /// Higher is smaller and slower.
        level: u32,
    },
    /// zlib, levels 0 to 9.
    Zlib {
        /// Higher is smaller and slower.
        level: u32,
    },
    /// Zstandard, levels 1 to 21.
    Zstd {
        /// Higher is smaller and slower.
        level: u32,
    },
}

impl Compression {
    /// gzip at its usual level.
    pub const GZIP: Self = Self::Gzip { level: 6 };
    /// zlib at its usual level.
    pub const ZLIB: Self = Self::Zlib { level: 6 };
    /// Zstandard at its usual level.
    pub const ZSTD: Self = Self::Zstd { level: 3 };

    /// What HTTP's `Content-Encoding` calls it; none where nothing is compressed.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip { .. } => Some("gzip"),
            Self::Zlib { .. } => Some("deflate"),
            Self::Zstd { .. } => Some("zstd"),
        }
    }

    /// How Vector ends the name of a file of log lines compressed so.
    pub fn log_extension(self) -> &'static str {
        match self {
            Self::None => "log",
            Self::Gzip { .. } => "log.gz",
            Self::Zlib { .. } => "log.zz",
            Self::Zstd { .. } => "log.zst",
        }
    }
}

/// Takes bytes and gives them compressed: one member or frame, complete in itself.
pub(crate) struct Compressor(Kind);

enum Kind {
    None(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Zlib(Box<ZlibEncoder<Vec<u8>>>),
    Zstd(Box<zstd::Encoder<'static, Vec<u8>>>),
}

impl Compressor {
    /// One that has nothing yet. Fails where there is no memory for it.
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        let out = Vec::new();
        Ok(Self(match compression {
            Compression::None => Kind::None(out),
            Compression::Gzip { level } => {
                Kind::Gzip(Box::new(GzEncoder::new(out, flate2::Compression::new(level))))
            }
            Compression::Zlib { level } => {
                Kind::Zlib(Box::new(ZlibEncoder::new(out, flate2::Compression::new(level))))
            }
            Compression::Zstd { level } => {
                let level = i32::try_from(level).unwrap_or(i32::MAX);
                Kind::Zstd(Box::new(zstd::Encoder::new(out, level)?))
            }
        }))
    }

    /// The whole of it.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self.0 {
            Kind::None(bytes) => Ok(bytes),
            Kind::Gzip(encoder) => encoder.finish(),
            Kind::Zlib(encoder) => encoder.finish(),
            Kind::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::None(out) => out.write(bytes),
            Kind::Gzip(encoder) => encoder.write(bytes),
            Kind::Zlib(encoder) => encoder.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Nothing is gained by parts: only the whole counts.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::None => out.extend_from_slice(bytes),
            Compression::Gzip { .. } => {
                flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).map(drop).unwrap();
            }
            Compression::Zlib { .. } => {
                flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).map(drop).unwrap();
            }
            Compression::Zstd { .. } => out = zstd::decode_all(bytes).unwrap(),
        }
        out
    }

    #[test]
    fn what_goes_in_comes_out_and_the_same_again_gives_the_same_bytes() {
        let lines = "{\"id\":1}\n{\"id\":2}\n".repeat(5_000);
        for compression in
            [Compression::None, Compression::GZIP, Compression::ZLIB, Compression::ZSTD]
        {
            let pack = || {
                let mut compressor = Compressor::new(compression).unwrap();
                for part in lines.as_bytes().chunks(777) {
                    compressor.write_all(part).unwrap();
                }
                compressor.finish().unwrap()
            };
            assert_eq!(pack(), pack(), "{compression:?}");
            assert!(unpacked(compression, &pack()) == lines.as_bytes(), "{compression:?}");
        }
    }
}
