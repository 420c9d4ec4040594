//! Incremental exports by cursor: tickets, users, custom object records, routing, engagements.
//!
//! The cursor stands strictly after the last change it saw, so nothing overlaps and nothing is
//! missed; a change made while we read moves its record to the end. The end is what
//! `end_of_stream` says, the last cursor stays good, and an empty page has none. Some services put
//! the cursor into a link instead; its parameters alone are taken from there. Facts:
//! <https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/>
//! and recorded answers.
//!
//! A cursor that is refused is given up for the time up to which it had gone, where the export can
//! be asked for one: what is delivered twice then has the same ids.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::reader::{
    Fetched, Onward, Reader, Taken, ask, may_be_a_bad_cursor, saved, whole_seconds,
};
use super::standing::time_of_cursor;
use super::{CursorExport, NextCursor, Position, PositionError, StreamSettings};
use crate::normalize::{Event, SplitPage, parse_time};
use crate::zendesk::{ApiError, Envelope, PageEnd, PageRequest, Parameters};

/// A start must be more than a minute old, in seconds; a later one is answered with 422.
const START_AGE_MIN: i64 = 61;

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Saved {
    /// Before the first page: epoch seconds.
    StartTime(i64),
    /// After it, where the cursor tells its time, or nobody knows it.
    Cursor(String),
    /// After it, and the newest change before it, in epoch seconds.
    Behind {
        /// The cursor.
        cursor: String,
        /// The newest change.
        changed: i64,
    },
    /// The same for a cursor that is made of parameters.
    Next {
        /// Its parameters; empty before the first page.
        after: BTreeMap<String, String>,
        /// Where that began, in epoch seconds.
        start: i64,
        /// Fingerprints of what was delivered behind it: a last page may lead nowhere yet.
        seen: Vec<u64>,
    },
}

/// Reads one export; its state between two pages.
#[derive(Debug)]
pub(super) struct CursorReader {
    path: String,
    export: CursorExport,
    start: i64,
    next: Parameters,
    /// The newest change that was met.
    changed: Option<i64>,
    /// A cursor was given up, and nothing new has come since.
    restarted: bool,
    /// What was delivered behind the cursor.
    seen: HashSet<u64>,
    /// The records of the page before, which a server may send once more.
    last_page: HashSet<u64>,
    past_until: bool,
    /// When the page under way was asked for, by the server's clock.
    asked: i64,
    /// Everything up to this second was there to be read.
    complete: i64,
    reach: i64,
}

impl CursorReader {
    /// A reader of the export at that path.
    pub(super) fn new(
        path: String,
        export: CursorExport,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let mut reader = Self {
            path,
            export,
            start: settings.since.as_second().max(0),
            next: Vec::new(),
            changed: None,
            restarted: false,
            seen: HashSet::new(),
            last_page: HashSet::new(),
            past_until: false,
            asked: 0,
            complete: 0,
            reach: whole_seconds(settings.lag) + whole_seconds(settings.overlap),
        };
        match saved(settings, position)? {
            None => {}
            Some(Saved::StartTime(start)) => reader.start = start,
            Some(Saved::Cursor(cursor)) => {
                reader.changed = time_of_cursor(&cursor).map(Timestamp::as_second);
                reader.next = vec![("cursor", cursor)];
            }
            Some(Saved::Behind { cursor, changed }) => {
                reader.changed = Some(changed);
                reader.next = vec![("cursor", cursor)];
            }
            Some(Saved::Next { after, start, seen }) => {
                // Where a cursor is made of parameters, one of them is a time.
                reader.changed = after
                    .values()
                    .find_map(|it| parse_time(it.as_bytes()))
                    .map(Timestamp::as_second);
                let after = |name: &&'static str| Some((*name, after.get(*name)?.clone()));
                reader.next = export.next.known().iter().filter_map(after).collect();
                reader.start = start;
                reader.seen = seen.into_iter().collect();
            }
        }
        Ok(reader)
    }

    /// Gives up the cursor: the next page is asked for by time, if the export takes one. Where
    /// nobody knows the time there is no other place to go on from than the cursor.
    fn begin_again(&mut self) -> Option<Onward> {
        if self.next.is_empty() {
            return None;
        }
        let instead = if self.export.start.is_some() {
            self.start = self.changed?;
            "the export is read again from the last change that was met"
        } else {
            "the export is read again from its start: all of it is delivered once more"
        };
        self.next.clear();
        let again = !std::mem::replace(&mut self.restarted, true);
        again.then_some(Onward::Otherwise(instead))
    }

    fn linked_end(
        &self,
        page: Envelope<'_>,
        records: usize,
        link: &str,
        more: Option<&str>,
    ) -> Result<PageEnd, String> {
        let more = match more {
            Some(flag) => page.flag(flag)?.ok_or_else(|| format!("the page has no `{flag}`"))?,
            None => records > 0,
        };
        let next = page.link(link, self.export.next.known())?.unwrap_or_default();
        if more && next.is_empty() {
            return Err("the page promises more without a cursor".to_owned());
        }
        Ok(PageEnd { next: if records == 0 { Vec::new() } else { next }, more })
    }
}

impl NextCursor {
    /// The parameters that make a cursor.
    fn known(&self) -> &'static [&'static str] {
        match self {
            Self::Member => &["cursor"],
            Self::Link { known, .. } => known,
        }
    }
}

impl Reader for CursorReader {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        self.asked = now.as_second();
        let request = ask(&self.path, settings).with(self.export.size, page_size.to_string());
        Some(match self.export.start {
            Some(name) if self.next.is_empty() => {
                let start = self.start.min(now.as_second() - START_AGE_MIN);
                request.with(name, start.to_string())
            }
            _ => self.next.iter().fold(request, |request, (name, value)| request.with(name, value)),
        })
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        let envelope = Envelope::new(&page.envelope, account);
        let records = page.records.len() + page.rejected.len();
        let end = match self.export.next {
            NextCursor::Member => envelope.export_end()?,
            NextCursor::Link { member, more, .. } => {
                self.linked_end(envelope, records, member, more)?
            }
        };
        // The cursor stands behind the records of its page, so with records it has moved; an
        // empty page may give back the cursor it was asked with.
        if !end.next.is_empty() && end.next == self.next && (end.more || records > 0) {
            return Err("the page leads back to itself".to_owned());
        }
        Ok(end)
    }

    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        let of_page: HashSet<u64> =
            page.events.iter().chain(&page.rejected).map(Event::fingerprint).collect();
        let newest = page.events.iter().filter_map(changed_at).max();
        self.restarted &= newest <= self.changed;
        self.changed = newest.max(self.changed);
        let deduplicated = page.retain(|event| {
            let id = event.fingerprint();
            !self.last_page.contains(&id) && !self.seen.contains(&id)
        });
        if let Some(until) = settings.until {
            let in_time =
                |event: &Event| changed_at(event).is_none_or(|at| at <= until.as_second());
            self.past_until |= page.retain(in_time) > 0;
        }
        if end.next.is_empty() {
            self.seen.extend(&of_page);
        } else {
            self.next = end.next;
            // A page that is shorter than the last one leaves some of that before it.
            self.seen.retain(|id| !of_page.contains(id));
        }
        if !of_page.is_empty() {
            self.last_page = of_page;
        }
        if !end.more {
            self.complete = self.complete.max(self.asked - self.reach);
        }
        Taken { deduplicated, caught_up: !end.more || self.past_until }
    }

    fn position(&self) -> Position {
        let saved = match (self.export.next, self.next.first()) {
            (NextCursor::Member, None) => Saved::StartTime(self.start),
            (NextCursor::Member, Some((_, cursor))) => match self.changed {
                Some(changed) if time_of_cursor(cursor).is_none() => {
                    Saved::Behind { cursor: cursor.clone(), changed }
                }
                _ => Saved::Cursor(cursor.clone()),
            },
            (NextCursor::Link { .. }, _) => {
                let mut seen: Vec<u64> = self.seen.iter().copied().collect();
                seen.sort_unstable();
                let after = self.next.iter();
                let after = after.map(|(name, value)| ((*name).to_owned(), value.clone()));
                Saved::Next { after: after.collect(), start: self.start, seen }
            }
        };
        // An enum of numbers and texts always has a JSON form.
        Position(serde_json::to_value(saved).unwrap_or_default())
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.past_until || self.complete >= until.as_second()
    }

    fn heed(&mut self, clock_ahead: i64) {
        self.asked -= clock_ahead;
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        if error.is_too_recent() {
            return Some(Onward::AtEnd);
        }
        if may_be_a_bad_cursor(error) { self.begin_again() } else { None }
    }
}

/// When this version came to be, in epoch seconds.
fn changed_at(event: &Event) -> Option<i64> {
    let version = event.id.version.as_ref().and_then(|it| std::str::from_utf8(it).ok());
    let counted = version.and_then(|version| version.parse().ok());
    counted.or(event.time.map(Timestamp::as_second))
}
