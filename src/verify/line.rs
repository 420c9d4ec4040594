//! From a line to what is compared of it.
//!
//! Both sides are read by the same code that cuts pages into events, so that an id is the same
//! on both. The hash is of the line's bytes: one that differs anywhere is another line.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Subject;
use super::spill::{Entry, NO_HOUR, Place};
use crate::normalize::{PageLayout, RecordId, parse_time, split};
use crate::sinks::without_metadata;

const SECONDS_AN_HOUR: i64 = 3_600;

/// Reads the lines of one comparison.
#[derive(Debug)]
pub(super) struct Reading {
    layout: PageLayout,
    since: Timestamp,
    until: Timestamp,
    metadata_key: Option<String>,
    /// What makes a page of a line.
    before: Vec<u8>,
}

impl Reading {
    pub(super) fn new(subject: &Subject) -> Self {
        let before = format!("{{\"{}\":[", subject.layout.records_key).into_bytes();
        Self {
            layout: subject.layout,
            since: subject.since,
            until: subject.until,
            metadata_key: subject.metadata_key.clone(),
            before,
        }
    }

    /// Whether the stream's records change, and the account has only their last version.
    pub(super) fn is_versioned(&self) -> bool {
        self.layout.version_field.is_some()
    }

    /// The line as it was before the sink put metadata into it.
    pub(super) fn without_metadata<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        match &self.metadata_key {
            Some(key) => without_metadata(line, key),
            None => Cow::Borrowed(line),
        }
    }

    /// The records of a line that is a page of them.
    pub(super) fn page(&self, line: &[u8]) -> Option<Vec<Bytes>> {
        // Most lines are no pages, and need not be read for that.
        memchr::memmem::find(line, &self.before[1..])?;
        let split = split(&Bytes::copy_from_slice(line), &self.layout).ok()?;
        let records = split.records.into_iter().map(|record| record.line);
        split.rejected.is_empty().then(|| records.collect())
    }

    /// What is compared of a line; none if it lies outside the period. An error says why it is no
    /// record.
    pub(super) fn entry(&self, line: &[u8]) -> Result<Option<Entry>, String> {
        let page = [&self.before, line, b"]}"].concat();
        let split = split(&Bytes::from(page), &self.layout).map_err(|fault| fault.reason)?;
        let (record, rejected) = (split.records.first(), split.rejected.first());
        let record = match (record, rejected) {
            (Some(record), None) if split.records.len() == 1 => record,
            (_, Some(rejected)) => return Err(rejected.reason.clone()),
            _ => return Err("is not one JSON object".to_owned()),
        };
        let version = record.version.as_deref();
        let time = version.and_then(epoch).or_else(|| record.time.as_deref().and_then(parse_time));
        if time.is_some_and(|time| time < self.since || time >= self.until) {
            return Ok(None);
        }
        let id = match record.id.clone().filter(|id| !id.is_empty()) {
            Some(id) => RecordId { record: id, version: record.version.clone() },
            None => RecordId::of_content(&record.line),
        };
        let id = id.to_string();
        Ok(Some(Entry {
            key: Sha256::digest(id.as_bytes()).into(),
            content: Sha256::digest(line).into(),
            hour: time.map_or(NO_HOUR, hour),
            place: Place::default(),
            id,
        }))
    }
}

/// A version that is a time in itself says when this version came to be, which is what an export
/// is ordered by.
fn epoch(version: &[u8]) -> Option<Timestamp> {
    let digits = version.len() >= 9 && version.iter().all(u8::is_ascii_digit);
    if digits { parse_time(version) } else { None }
}

fn hour(time: Timestamp) -> i32 {
    i32::try_from(time.as_second().div_euclid(SECONDS_AN_HOUR)).unwrap_or(NO_HOUR)
}

/// The first instant of an hour.
pub(super) fn start_of(hour: i32) -> Option<Timestamp> {
    if hour == NO_HOUR {
        return None;
    }
    Timestamp::from_second(i64::from(hour) * SECONDS_AN_HOUR).ok()
}
