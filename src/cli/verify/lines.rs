//! Lines out of a file or an object, packed or not. What it is packed with is told by its first
//! bytes: an ending may say anything, and stores may unpack on the way.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use crate::verify::Comparison;

/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 64 << 20;

const BUFFER: usize = 64 << 10;

/// Gives the lines of `input`, the object named last, to the comparison. What cannot be unpacked
/// is told as unreadable; an error is one of the temporary files.
pub(super) fn compare(input: impl Read, comparison: &mut Comparison) -> io::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let opened = input.fill_buf().map(Packing::of).and_then(|packing| {
        let reader: Box<dyn BufRead + '_> = match packing {
            Packing::None => Box::new(input),
            Packing::Gzip => Box::new(BufReader::new(MultiGzDecoder::new(input))),
            Packing::Zlib => Box::new(BufReader::new(ZlibDecoder::new(input))),
            Packing::Zstd => {
                Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(input)?))
            }
        };
        Ok(reader)
    });
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(error) => {
            comparison.unreadable(error.to_string());
            return Ok(());
        }
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => comparison.destination(line.strip_suffix(b"\n").unwrap_or(&line))?,
            Err(error) => {
                comparison.unreadable(error.to_string());
                return Ok(());
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zlib,
    Zstd,
}

impl Packing {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // No JSON begins with an `x`.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Self::Zlib,
            _ => Self::None,
        }
    }
}
