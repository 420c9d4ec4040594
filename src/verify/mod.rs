//! Proof that a destination holds every event of a period once and unchanged.
//!
//! Both sides are told line by line: what the account has now, and what the destination holds.
//! What is kept of a line is its id, its hash and its hour, in temporary files that the line's id
//! chooses, so that memory does not grow with the number of events. Nothing here knows where
//! lines come from, and nothing connects to anything.

mod compare;
mod line;
mod report;
mod spill;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::normalize::PageLayout;
use compare::Findings;
use line::Reading;
pub use report::{Counts, Found, Hour, Kind, Report, Unreadable};
use spill::{Entry, Place, Side, Spill};

/// Of lines that cannot be read, this many are named; all are counted.
const UNREADABLE_NAMED_MAX: usize = 1_000;

/// What is compared.
#[derive(Debug, Clone)]
pub struct Subject {
    /// How the stream's records are taken apart.
    pub layout: PageLayout,
    /// The first instant of the period.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The key under which the destination's lines have metadata, if they have.
    pub metadata_key: Option<String>,
}

/// A comparison that is being fed.
#[derive(Debug)]
pub struct Comparison {
    reading: Reading,
    directory: PathBuf,
    spill: Spill,
    /// What was opened of the destination, in order.
    objects: Vec<String>,
    /// The line within the last of them, or the offset.
    line: u64,
    counts: Counts,
    unreadable: Vec<Unreadable>,
}

impl Comparison {
    /// Keeps its files in `directory`; they have no name there, and go with the process.
    pub fn new(subject: &Subject, directory: &Path) -> io::Result<Self> {
        Ok(Self {
            reading: Reading::new(subject),
            directory: directory.to_owned(),
            spill: Spill::new(directory)?,
            objects: Vec::new(),
            line: 0,
            counts: Counts::default(),
            unreadable: Vec::new(),
        })
    }

    /// A record that the account has, as one line. What is outside the period is passed over.
    pub fn account(&mut self, line: &[u8]) -> io::Result<()> {
        match self.reading.entry(line) {
            Ok(Some(entry)) => {
                self.counts.account += 1;
                self.spill.push(Side::Account, &entry)
            }
            Ok(None) => Ok(()),
            Err(reason) => Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
        }
    }

    /// The lines that follow stand in this object, file or partition.
    pub fn object(&mut self, name: &str) {
        self.objects.push(name.to_owned());
        self.line = 0;
        self.counts.objects += 1;
    }

    /// A line of the destination, without its line feed: a record, or a page of them. Blank ones are
    /// nothing.
    pub fn destination(&mut self, line: &[u8]) -> io::Result<()> {
        self.destination_at(self.line + 1, line)
    }

    /// The same of a line that has a number of its own.
    pub fn destination_at(&mut self, number: u64, line: &[u8]) -> io::Result<()> {
        self.line = number;
        self.counts.bytes += line.len() as u64 + 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.counts.lines += 1;
        let line = self.reading.without_metadata(line);
        match self.reading.page(&line) {
            Some(records) => records.iter().try_for_each(|record| self.record(record)),
            None => self.record(&line),
        }
    }

    fn record(&mut self, line: &[u8]) -> io::Result<()> {
        let place = self.place();
        match self.reading.entry(line) {
            Ok(Some(entry)) => {
                self.counts.destination += 1;
                self.spill.push(Side::Destination, &Entry { place, ..entry })
            }
            Ok(None) => {
                self.counts.outside += 1;
                Ok(())
            }
            Err(reason) => {
                self.unreadable(reason);
                Ok(())
            }
        }
    }

    /// Lines of the destination that are known to be of another stream or account.
    pub fn passed_over(&mut self, lines: u64) {
        self.counts.lines += lines;
        self.counts.outside += lines;
    }

    /// The rest of the object that was named last cannot be read.
    pub fn unreadable(&mut self, reason: String) {
        self.counts.unreadable += 1;
        if self.unreadable.len() < UNREADABLE_NAMED_MAX {
            let object = self.objects.last().cloned().unwrap_or_default();
            self.unreadable.push(Unreadable { object, line: self.line, reason });
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Compares both sides.
    pub fn finish(self) -> io::Result<Report> {
        let Self { reading, directory, spill, objects, counts, unreadable, .. } = self;
        let mut findings = Findings::new(counts, reading.is_versioned(), &directory)?;
        spill.each_partition(|entries| findings.partition(entries, &objects))?;
        Ok(findings.report(unreadable))
    }

    fn place(&self) -> Place {
        let object = self.objects.len().saturating_sub(1);
        Place { object: u32::try_from(object).unwrap_or(u32::MAX), line: self.line }
    }
}
