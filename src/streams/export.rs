//! Incremental exports by cursor: tickets.
//!
//! The cursor stands strictly after the last change it saw, so nothing overlaps and nothing is
//! missed; a change made while we read moves its record to the end. The end is what
//! `end_of_stream` says, the last cursor stays good, and an empty page has none. Facts:
//! <https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/>
//! and recorded answers.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reader::{Reader, Taken, saved};
use super::{Position, PositionError, StreamSettings};
use crate::normalize::Event;
use crate::zendesk::{Envelope, PageEnd, PageRequest};

/// A start must be more than a minute old, in seconds; a later one is answered with 422.
const START_AGE_MIN: i64 = 61;

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Saved {
    /// Before the first page: epoch seconds.
    StartTime(i64),
    /// After it.
    Cursor(String),
}

/// Reads one export; its state between two pages.
#[derive(Debug)]
pub(super) struct Export {
    next: Saved,
    /// The records of the page before, which a server may send once more.
    last_page: HashSet<u64>,
    past_until: bool,
}

impl Export {
    pub(super) fn new(
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let start = || Saved::StartTime(settings.since.as_second().max(0));
        let next = saved(settings, position)?.unwrap_or_else(start);
        Ok(Self { next, last_page: HashSet::new(), past_until: false })
    }
}

impl Reader for Export {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        let mut request =
            PageRequest::new(settings.spec.path).with("per_page", page_size.to_string());
        request = match &self.next {
            Saved::StartTime(start) => {
                let start = (*start).min(now.as_second() - START_AGE_MIN);
                request.with("start_time", start.to_string())
            }
            Saved::Cursor(cursor) => request.with("cursor", cursor.as_str()),
        };
        if !settings.include.is_empty() {
            request = request.with("include", settings.include.join(","));
        }
        if settings.exclude_deleted {
            request = request.with("exclude_deleted", "true");
        }
        Some(request)
    }

    fn end(&self, page: Envelope<'_>, records: usize) -> Result<PageEnd, String> {
        let end = page.export_end()?;
        let next = end.next.first().map(|(_, cursor)| cursor.as_str());
        let stands = match &self.next {
            Saved::Cursor(asked) => next == Some(asked),
            Saved::StartTime(_) => false,
        };
        // The cursor stands behind the records of its page, so with records it has moved; an
        // empty page may give back the cursor it was asked with.
        if stands && (end.more || records > 0) {
            return Err("the page leads back to itself".to_owned());
        }
        Ok(end)
    }

    fn accept(
        &mut self,
        settings: &StreamSettings,
        events: &mut Vec<Event>,
        rejected: &mut Vec<Event>,
        end: PageEnd,
    ) -> Taken {
        let before = events.len();
        let this_page: HashSet<u64> =
            events.iter().chain(&*rejected).map(Event::fingerprint).collect();
        let is_new = |event: &Event| !self.last_page.contains(&event.fingerprint());
        events.retain(is_new);
        rejected.retain(is_new);
        let deduplicated = before - events.len();
        if let Some(until) = settings.until {
            let in_time =
                |event: &Event| changed_at(event).is_none_or(|at| at <= until.as_second());
            let wanted = events.len();
            events.retain(in_time);
            self.past_until |= events.len() < wanted;
        }
        if !this_page.is_empty() {
            self.last_page = this_page;
        }
        if let Some((_, cursor)) = end.next.into_iter().next() {
            self.next = Saved::Cursor(cursor);
        }
        Taken { deduplicated, caught_up: !end.more || self.past_until }
    }

    fn position(&self) -> Position {
        // An enum of a number and a text always has a JSON form.
        Position(serde_json::to_value(&self.next).unwrap_or_default())
    }

    fn is_past(&self, _until: Timestamp) -> bool {
        self.past_until
    }
}

/// When this version came to be, in epoch seconds.
fn changed_at(event: &Event) -> Option<i64> {
    let version = event.id.version.as_ref()?;
    std::str::from_utf8(version).ok()?.parse().ok()
}
