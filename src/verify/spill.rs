//! Entries in temporary files, one a part of all ids, so that a part fits into memory.
//!
//! The files have no name: nobody else finds them, and they are gone when the process is.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write as _};
use std::path::Path;

/// Parts of all ids, told by the first bits of the key. Each has a file open.
const PARTITIONS: usize = 128;

/// The bits of the first byte that do not tell the part.
const SHIFT: u32 = 8 - PARTITIONS.trailing_zeros();

const BUFFER: usize = 16 << 10;

/// The hour of what has no time.
pub(super) const NO_HOUR: i32 = i32::MIN;

/// Where a line is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Account,
    Destination,
}

/// An object, by its number, and a line or offset in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) object: u32,
    pub(super) line: u64,
}

/// What is kept of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The hash of its id, by which entries are ordered.
    pub(super) key: [u8; 32],
    /// The hash of the line.
    pub(super) content: [u8; 32],
    /// Its time in hours since 1970.
    pub(super) hour: i32,
    /// Where it is.
    pub(super) place: Place,
    pub(super) id: String,
}

/// The files.
#[derive(Debug)]
pub(super) struct Spill {
    files: Vec<BufWriter<File>>,
}

impl Spill {
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let file = || Ok(BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(directory)?));
        Ok(Self { files: (0..PARTITIONS).map(|_| file()).collect::<io::Result<_>>()? })
    }

    pub(super) fn push(&mut self, side: Side, entry: &Entry) -> io::Result<()> {
        let file = &mut self.files[usize::from(entry.key[0] >> SHIFT)];
        let length = u32::try_from(entry.id.len()).map_err(io::Error::other)?;
        file.write_all(&[u8::from(side == Side::Destination)])?;
        file.write_all(&entry.key)?;
        file.write_all(&entry.content)?;
        file.write_all(&entry.hour.to_le_bytes())?;
        file.write_all(&entry.place.object.to_le_bytes())?;
        file.write_all(&entry.place.line.to_le_bytes())?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(entry.id.as_bytes())
    }

    /// Gives out one part after the other, in the order of keys, and within a part ordered by key
    /// and side.
    pub(super) fn each_partition(
        self,
        mut take: impl FnMut(&[(Side, Entry)]) -> io::Result<()>,
    ) -> io::Result<()> {
        for file in self.files {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            let mut entries = read_all(BufReader::with_capacity(BUFFER, file))?;
            entries.sort_by(|(side, entry), (other_side, other)| {
                (entry.key, *side, entry.place).cmp(&(other.key, *other_side, other.place))
            });
            take(&entries)?;
        }
        Ok(())
    }
}

fn read_all(mut file: impl Read) -> io::Result<Vec<(Side, Entry)>> {
    let mut entries = Vec::new();
    let mut side = [0];
    while file.read(&mut side)? == 1 {
        let (mut key, mut content) = ([0; 32], [0; 32]);
        file.read_exact(&mut key)?;
        file.read_exact(&mut content)?;
        let hour = i32::from_le_bytes(array(&mut file)?);
        let object = u32::from_le_bytes(array(&mut file)?);
        let place = Place { object, line: u64::from_le_bytes(array(&mut file)?) };
        let length = u32::from_le_bytes(array(&mut file)?);
        let mut id = String::new();
        (&mut file).take(u64::from(length)).read_to_string(&mut id)?;
        let side = if side == [0] { Side::Account } else { Side::Destination };
        entries.push((side, Entry { key, content, hour, place, id }));
    }
    Ok(entries)
}

fn array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
