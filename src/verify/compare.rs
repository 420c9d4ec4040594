//! What of an account is not in a destination as it should be.
//!
//! Takes entries in the order of their keys, an id's entries of both sides together.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::line::start_of;
use super::report::{Counts, Hour, Kind, Report, Unreadable};
use super::spill::{Entry, NO_HOUR, Side};

/// What was found so far.
#[derive(Debug)]
pub(super) struct Findings {
    counts: Counts,
    /// Whether records change: what the account no longer has may be an earlier version.
    versioned: bool,
    hours: BTreeMap<i32, Hour>,
    digests: [Sha256; 2],
    /// One list a kind, a JSON object a line; they may be as long as the stream.
    lists: Vec<BufWriter<std::fs::File>>,
}

/// One finding, as the report has it.
#[derive(Serialize)]
struct Finding<'f> {
    id: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<jiff::Timestamp>,
    /// Where it is: objects, and lines or offsets in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
}

impl Findings {
    pub(super) fn new(counts: Counts, versioned: bool, directory: &Path) -> io::Result<Self> {
        let list = |_| Ok(BufWriter::new(tempfile::tempfile_in(directory)?));
        Ok(Self {
            counts,
            versioned,
            hours: BTreeMap::new(),
            digests: [Sha256::new(), Sha256::new()],
            lists: Kind::ALL.iter().map(list).collect::<io::Result<_>>()?,
        })
    }

    /// Takes a part of all entries.
    pub(super) fn partition(
        &mut self,
        entries: &[(Side, Entry)],
        objects: &[String],
    ) -> io::Result<()> {
        for same in entries.chunk_by(|(_, one), (_, other)| one.key == other.key) {
            let split = same.iter().position(|(side, _)| *side == Side::Destination);
            let (account, destination) = same.split_at(split.unwrap_or(same.len()));
            self.judge(account, destination, objects)?;
        }
        Ok(())
    }

    /// Judges all entries of one id.
    fn judge(
        &mut self,
        account: &[(Side, Entry)],
        destination: &[(Side, Entry)],
        objects: &[String],
    ) -> io::Result<()> {
        for (digest, entry) in self.digests.iter_mut().zip([account.first(), destination.first()]) {
            if let Some((_, entry)) = entry {
                digest.update(format!("{} {}\n", hex(&entry.key), hex(&entry.content)));
            }
        }
        let Some((_, entry)) = account.first().or(destination.first()) else { return Ok(()) };
        if account.is_empty() && entry.hour == NO_HOUR {
            // It may belong to any period.
            self.counts.outside += destination.len() as u64;
            self.counts.destination -= destination.len() as u64;
            return Ok(());
        }
        let hour = self.hours.entry(entry.hour).or_default();
        hour.account += u64::from(!account.is_empty());
        hour.destination += destination.len() as u64;
        // An account may give out a record twice; that is no second event.
        self.counts.account -= (account.len() as u64).saturating_sub(1);
        let is_same = |entry: &Entry| account.iter().any(|(_, had)| had.content == entry.content);
        let mut found = Vec::new();
        if destination.is_empty() {
            found.push(Kind::Missing);
        }
        if destination.len() > 1 {
            found.push(Kind::Doubled);
        }
        if account.is_empty() {
            found.push(if self.versioned { Kind::Superseded } else { Kind::Unexpected });
        } else if destination.iter().any(|(_, entry)| !is_same(entry)) {
            found.push(Kind::Altered);
        }
        for kind in found {
            self.note(kind, entry, destination, objects)?;
        }
        Ok(())
    }

    fn note(
        &mut self,
        kind: Kind,
        entry: &Entry,
        destination: &[(Side, Entry)],
        objects: &[String],
    ) -> io::Result<()> {
        *self.counts.found.of_mut(kind) += 1;
        *self.hours.entry(entry.hour).or_default().found.of_mut(kind) += 1;
        let place = |(_, entry): &(Side, Entry)| {
            let object = usize::try_from(entry.place.object).ok().and_then(|at| objects.get(at));
            format!("{}:{}", object.map_or("?", String::as_str), entry.place.line)
        };
        let places = destination.iter().map(place).collect();
        let finding = Finding { id: &entry.id, hour: start_of(entry.hour), places };
        let list = &mut self.lists[kind as usize];
        serde_json::to_writer(&mut *list, &finding)?;
        list.write_all(b"\n")
    }

    pub(super) fn report(self, unreadable: Vec<Unreadable>) -> Report {
        let [account, destination] = self.digests.map(|digest| hex(&digest.finalize()));
        let hours = self.hours.into_iter().map(|(hour, counts)| (start_of(hour), counts));
        Report {
            counts: self.counts,
            hours: hours.collect(),
            account_digest: account,
            destination_digest: destination,
            unreadable,
            lists: self.lists,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        [digit(byte >> 4), digit(byte & 15)]
    };
    bytes.iter().flat_map(digits).collect()
}
