//! The account's records as they stand in a page, and as they are meant.
//!
//! The ground truth and the pages come from the same renderers, so that the one
//! can be held against the other byte by byte. What a page adds beside its
//! records is decided elsewhere.

use super::audit::AuditLogs;
use super::json;
use super::record::Record;
use super::settings::Settings;
use super::tickets::{Tickets, Version};
use super::{audit_record, ticket_record};

/// What stands in a page where a record should: none of these is one.
const MALFORMED: [&str; 6] =
    ["17", "\"text\"", "null", "[1,{\"id\":2}]", "true", r#"{"note":"no id"}"#];

/// The `records` member of a page while it is written.
#[derive(Debug)]
pub(super) struct Records<'a> {
    settings: &'a Settings,
    out: Vec<u8>,
    empty: bool,
}

impl<'a> Records<'a> {
    /// Opens the list as the member `key` behind what the page has already.
    pub(super) fn open(settings: &'a Settings, mut page: Vec<u8>, key: &str) -> Self {
        page.push(b'"');
        page.extend_from_slice(key.as_bytes());
        page.extend_from_slice(b"\":[");
        Self { settings, out: page, empty: true }
    }

    /// Adds the audit log at a place.
    pub(super) fn audit_log(&mut self, logs: &AuditLogs, place: usize) {
        self.intrude(place);
        audit_record::render(&mut self.out, self.settings, logs, place);
    }

    /// Adds a version of a ticket.
    pub(super) fn ticket(&mut self, tickets: &Tickets, version: Version, with_metrics: bool) {
        self.intrude(version.ticket as usize);
        ticket_record::render(&mut self.out, self.settings, tickets, version, with_metrics);
    }

    /// Adds a record of any other kind.
    pub(super) fn record(&mut self, record: &Record<'_>) {
        self.intrude(record.item.place as usize);
        record.render(&mut self.out);
    }

    /// Closes the list.
    pub(super) fn close(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }

    fn separate(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }

    /// Starts the record at `place`, behind whatever is meant to stand in its way.
    fn intrude(&mut self, place: usize) {
        let turn = |every: Option<usize>| {
            let every = every?;
            (place + 1).is_multiple_of(every).then(|| (place + 1) / every)
        };
        if let Some(turn) = turn(self.settings.malformed_every) {
            self.separate();
            self.out.extend_from_slice(MALFORMED[turn % MALFORMED.len()].as_bytes());
        }
        if let Some(turn) = turn(self.settings.oversized_every) {
            self.separate();
            self.out.extend_from_slice(br#"{"id":"#);
            json::int(&mut self.out, 9_000_000_000_000_000 + turn as u64);
            self.out.extend_from_slice(br#","created_at":"2026-01-01T00:00:00Z","description":""#);
            self.out.resize(self.out.len() + self.settings.oversized_bytes, b'x');
            self.out.extend_from_slice(br#""}"#);
        }
        self.separate();
    }
}

/// The finished page: indented when that was chosen.
pub(super) fn finish(settings: &Settings, page: Vec<u8>) -> Vec<u8> {
    if settings.pretty { json::pretty(&page) } else { page }
}
