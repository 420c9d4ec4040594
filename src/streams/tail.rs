//! Lists in the order in which their records come to be, followed by cursor: ticket audits, skips.
//!
//! The cursor of a list stands behind the last record that a page held, and stays good. An empty
//! page has none, so the last one that was given is kept. Since a record can show up a little
//! late, behind the cursor, the cursor that is saved is that of the last page all of whose records
//! are older than `lag + overlap`; what was delivered after it is told again by id.
//!
//! A cursor that is refused is given up: the list is read again from its start, and what is older
//! than the last record before that cursor is left out.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::reader::{
    Fetched, Onward, Reader, Taken, ask, may_be_a_bad_cursor, saved, whole_seconds,
};
use super::time_export::leave_out_later;
use super::{Position, PositionError, StreamSettings};
use crate::normalize::{Event, SplitPage};
use crate::zendesk::{ApiError, Envelope, PAGE_AFTER, PageEnd, PageRequest, Parameters};

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// What is older was not asked for.
    since: Timestamp,
    /// Everything up to this cursor was delivered; none: the list is read from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Fingerprints of what was delivered behind it.
    seen: BTreeSet<u64>,
    /// The time of the last record before the cursor, in epoch seconds, and the fingerprints of
    /// all that have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<(i64, BTreeSet<u64>)>,
}

/// Reads one list; its state between two pages.
#[derive(Debug)]
pub(super) struct Tail {
    path: String,
    state: Saved,
    /// The records of the page before, which a server may send once more.
    last_page: HashSet<u64>,
    pass: Option<Pass>,
    /// A cursor was given up, and nothing new has come since.
    restarted: bool,
    complete: i64,
    reach: i64,
}

/// One walk from the saved cursor to the present end.
#[derive(Debug)]
struct Pass {
    began: i64,
    clock_ahead: i64,
    next: Parameters,
    /// Whether all pages so far were old enough for the saved cursor to go over them.
    settling: bool,
    /// Fingerprints of what was met behind the saved cursor.
    met: BTreeSet<u64>,
}

impl Tail {
    /// A reader of the list at that path.
    pub(super) fn new(
        path: String,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let start =
            || Saved { since: settings.since, after: None, seen: BTreeSet::new(), last: None };
        Ok(Self {
            path,
            state: saved(settings, position)?.unwrap_or_else(start),
            last_page: HashSet::new(),
            pass: None,
            restarted: false,
            complete: i64::MIN,
            reach: whole_seconds(settings.lag) + whole_seconds(settings.overlap),
        })
    }

    /// Gives up the cursor, and with it what is older than the last record before it. Returns
    /// whether that can help.
    fn begin_again(&mut self) -> bool {
        let Some(pass) = self.pass.take() else { return false };
        self.state.after = None;
        if let Some((last, _)) = &self.state.last {
            let last = Timestamp::from_second(*last).unwrap_or(Timestamp::UNIX_EPOCH);
            self.state.since = self.state.since.max(last);
        }
        !pass.next.is_empty() && !std::mem::replace(&mut self.restarted, true)
    }
}

impl Saved {
    /// Whether it was delivered, as far as that must be remembered.
    fn knows(&self, id: u64) -> bool {
        let id = &id;
        self.seen.contains(id) || self.last.as_ref().is_some_and(|(_, ids)| ids.contains(id))
    }

    /// The cursor goes over these.
    fn pass_over(&mut self, events: &[(u64, Option<Timestamp>)]) {
        for (id, time) in events {
            let Some(at) = time.map(Timestamp::as_second) else { continue };
            match &mut self.last {
                Some((last, ids)) if *last == at => drop(ids.insert(*id)),
                Some((last, _)) if *last > at => {}
                last => *last = Some((at, BTreeSet::from([*id]))),
            }
            // What was delivered behind this page is still behind the cursor.
            self.seen.remove(id);
        }
    }
}

impl Reader for Tail {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        let after = self.state.after.iter();
        let pass = self.pass.get_or_insert_with(|| Pass {
            began: now.as_second(),
            clock_ahead: 0,
            next: after.map(|cursor| (PAGE_AFTER, cursor.clone())).collect(),
            settling: true,
            met: BTreeSet::new(),
        });
        let request = ask(&self.path, settings).with("page[size]", page_size.to_string());
        Some(pass.next.iter().fold(request, |request, (name, value)| request.with(name, value)))
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        let end = Envelope::new(&page.envelope, account).list_end(&[PAGE_AFTER])?;
        let asked = self.pass.as_ref().map(|pass| &pass.next);
        // The cursor stands behind the records of its page, so with records it has moved.
        let moved = end.more || !page.records.is_empty();
        if moved && !end.next.is_empty() && asked == Some(&end.next) {
            return Err("the page leads back to itself".to_owned());
        }
        Ok(end)
    }

    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        let Some(mut pass) = self.pass.take() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        let settled = pass.began - pass.clock_ahead - self.reach;
        let newest = page.events.iter().filter_map(|event| event.time).max();
        let times = page.events.iter().chain(&page.rejected);
        let times: Vec<_> = times.map(|event| (event.fingerprint(), event.time)).collect();
        let of_page: HashSet<u64> = times.iter().map(|(id, _)| *id).collect();
        let known = |event: &Event| {
            let id = event.fingerprint();
            self.state.knows(id) || self.last_page.contains(&id)
        };
        let deduplicated = page.retain(|event| !known(event));
        let since = self.state.since;
        page.retain(|event| event.time.is_none_or(|time| time >= since));
        let past_until = leave_out_later(settings.until, page);
        pass.settling &= newest.is_none_or(|time| time.as_second() <= settled);
        if let (true, Some((_, cursor))) = (pass.settling, end.next.first()) {
            self.state.after = Some(cursor.clone());
            self.state.pass_over(&times);
        } else {
            self.state.seen.extend(&of_page);
            pass.met.extend(&of_page);
        }
        if !of_page.is_empty() {
            self.last_page = of_page;
        }
        let caught_up = !end.more || past_until;
        self.restarted &= page.events.is_empty() && !caught_up;
        if caught_up {
            if !past_until {
                self.state.seen = pass.met;
            }
            self.complete = if past_until { i64::MAX } else { settled };
        } else {
            pass.next = end.next;
            self.pass = Some(pass);
        }
        Taken { deduplicated, caught_up }
    }

    fn position(&self) -> Position {
        // A struct of texts and numbers always has a JSON form.
        Position(serde_json::to_value(&self.state).unwrap_or_default())
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.complete >= until.as_second()
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        if error.is_too_recent() {
            return Some(Onward::AtEnd);
        }
        let again = may_be_a_bad_cursor(error) && self.begin_again();
        again.then_some(Onward::Otherwise("the list is read again from its start"))
    }

    fn heed(&mut self, clock_ahead: i64) {
        if let Some(pass) = &mut self.pass {
            pass.clock_ahead = pass.clock_ahead.max(clock_ahead);
        }
    }
}
