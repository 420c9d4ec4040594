//! Lists that filter by time: audit logs.
//!
//! Read ascending in windows `[from, now - lag]`. Records show up seconds to minutes after their
//! time, even in seconds already read, so each window starts far enough back to meet
//! whatever can still show up, and what was delivered before is told by id.
//!
//! One rule makes this exact. A record shows up at most `lag + overlap` after its time. A pass
//! that began at `w` and has read through `t` has therefore met every record up to
//! `min(t, w - lag - overlap)`: that is the next `from`, and only the ids at or after it
//! need to be remembered. In old history that is the last second read; at the tail it is the
//! overlap.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Position, PositionError, StreamSettings};
use crate::normalize::Event;
use crate::zendesk::{PageEnd, PageRequest};

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// Everything before this second was delivered.
    from: Timestamp,
    /// Fingerprints of what was delivered at or after it, by second.
    seen: Vec<(i64, Vec<u64>)>,
}

/// Reads one such list; its state between two pages.
#[derive(Debug)]
pub(super) struct Window {
    from: i64,
    /// What was delivered, by second and fingerprint: at or after `from`, and what was on the last
    /// page, which a server may send once more.
    seen: BTreeSet<(i64, u64)>,
    pass: Option<Pass>,
    reach: i64,
}

/// One walk from `from` to an end fixed when it began.
#[derive(Debug)]
struct Pass {
    began: i64,
    first: i64,
    end: i64,
    frontier: i64,
    cursor: Option<String>,
}

impl Window {
    pub(super) fn new(
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved = match position {
            None => Saved { from: settings.since, seen: Vec::new() },
            Some(position) => serde_json::from_value(position.0.clone()).map_err(|error| {
                PositionError { stream: settings.spec.name, reason: error.to_string() }
            })?,
        };
        Ok(Self {
            from: saved.from.as_second().max(0),
            seen: saved
                .seen
                .into_iter()
                .flat_map(|(at, ids)| ids.into_iter().map(move |id| (at, id)))
                .collect(),
            pass: None,
            reach: whole_seconds(settings.lag) + whole_seconds(settings.overlap),
        })
    }

    /// The next page to ask for; none when nothing can be there yet.
    pub(super) fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
    ) -> Option<PageRequest> {
        let now = now.as_second();
        if self.pass.is_none() {
            let newest = now - whole_seconds(settings.lag);
            let end = settings.until.map_or(newest, |until| until.as_second().min(newest));
            if end < self.from {
                return None;
            }
            let first = self.from;
            self.pass = Some(Pass { began: now, first, end, frontier: first, cursor: None });
        }
        let pass = self.pass.as_ref()?;
        let mut request = PageRequest::new(settings.spec.path)
            .with("page[size]", settings.spec.page_size.to_string())
            .with("sort", "created_at")
            // Whether the pair's ends are within it is not documented: one second more at the
            // start costs little, and `accept` leaves it out again.
            .with("filter[created_at][]", rfc3339(pass.first.saturating_sub(1).max(0)))
            .with("filter[created_at][]", rfc3339(pass.end));
        for (field, values) in &settings.filter {
            let brackets = if values.len() > 1 { "[]" } else { "" };
            for value in values {
                request = request.with(&format!("filter[{field}]{brackets}"), value.as_str());
            }
        }
        if let Some(cursor) = &pass.cursor {
            request = request.with("page[after]", cursor.as_str());
        }
        Some(request)
    }

    /// Takes a page of the pass: leaves out what was delivered before, moves the position.
    /// Returns how many were left out, and whether the pass is over.
    pub(super) fn accept(&mut self, events: &mut Vec<Event>, end: PageEnd) -> (usize, bool) {
        let Some(mut pass) = self.pass.take() else { return (0, true) };
        let before = events.len();
        let page_first = pass.frontier;
        events.retain(|event| {
            // A record without a readable time belongs to the second of the one before it.
            let at = event.time.map_or(pass.frontier, Timestamp::as_second);
            pass.frontier = pass.frontier.max(at.min(pass.end));
            at >= pass.first && self.seen.insert((at, event.fingerprint()))
        });
        let over = !end.more;
        let read_through = if over { pass.end } else { pass.frontier };
        self.settle(read_through.min(pass.began - self.reach), page_first);
        if !over {
            // A page that says there is more always has a cursor; the decoder saw to it.
            pass.cursor = end.cursor.or(pass.cursor);
            self.pass = Some(pass);
        }
        (before - events.len(), over)
    }

    /// Gives up the cursor of this pass and starts it again from the position.
    /// Returns whether there was one to give up.
    pub(super) fn restart_pass(&mut self) -> bool {
        self.pass.take().is_some_and(|pass| pass.cursor.is_some())
    }

    /// The cursor the present page was asked with.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.pass.as_ref()?.cursor.as_deref()
    }

    fn settle(&mut self, complete: i64, page_first: i64) {
        self.from = self.from.max(complete);
        self.seen = self.seen.split_off(&(self.from.min(page_first), 0));
    }

    pub(super) fn position(&self) -> Position {
        let mut seen: Vec<(i64, Vec<u64>)> = Vec::new();
        for &(at, id) in self.seen.range((self.from, 0)..) {
            match seen.last_mut() {
                Some((second, ids)) if *second == at => ids.push(id),
                _ => seen.push((at, vec![id])),
            }
        }
        let from = Timestamp::from_second(self.from).unwrap_or(Timestamp::UNIX_EPOCH);
        let saved = Saved { from, seen };
        // A struct of numbers and lists always has a JSON form.
        Position(serde_json::to_value(saved).unwrap_or_default())
    }

    /// Whether everything up to `until` has been read and can no longer grow.
    pub(super) fn is_past(&self, until: Timestamp) -> bool {
        self.from >= until.as_second()
    }
}

/// Rounded up, so that a fraction of a second never narrows what is read again.
fn whole_seconds(duration: Duration) -> i64 {
    let secs = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(secs).unwrap_or(i64::MAX / 4)
}

fn rfc3339(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
