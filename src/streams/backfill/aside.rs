//! When what the tail has before it is set aside for slices: once it turns out to be long, and once
//! the tail cannot be read any further.
//!
//! It does not read: it has the records counted and the history cut.

use std::sync::Arc;

use super::count::Counter;
use super::parts::Cut;
use super::plan::{SLICES_MAX, Span};
use super::rest::PASSING_TRIES;
use super::{Fetched, Reading};
use crate::streams::History;
use crate::streams::reader::Reader as _;
use crate::streams::window::Window;
use crate::zendesk::{ApiError, ErrorKind, PageRequest};

/// A pass of so many pages is a history; a shorter one is not worth counting.
const PAGES_ALONE: usize = 3;

/// While the tail fails, what it has before it is counted once in so many tries.
const COUNTED_EACH: u32 = 16;

impl Reading {
    /// Cuts what the tail has before it into slices, once it turns out to be a history. The tail
    /// reads on while that is counted.
    pub(super) fn cut_history(&mut self) {
        match self.counting.try_join_next() {
            None => {}
            Some(Ok(cut)) => self.take_cut(cut, 2),
            Some(Err(lost)) => std::panic::resume_unwind(lost.into_panic()),
        }
        let is_busy = self.parts.is_busy() || !self.counting.is_empty();
        if self.settings.history == History::InOnePiece || is_busy || self.pages_alone < PAGES_ALONE
        {
            return;
        }
        // Not again before the next long pass.
        self.pages_alone = 0;
        let Some((first, last)) = self.parts.tail.as_ref().and_then(Window::history) else {
            return;
        };
        self.counting.spawn(self.counter(false).cut(Span { first, last }));
    }

    fn counter(&self, single_try: bool) -> Counter {
        let (client, settings) = (Arc::clone(&self.client), Arc::clone(&self.settings));
        let like = PageRequest { single_try, ..self.like() };
        Counter { client, settings, filter: self.filter, like }
    }

    /// Reads history in slices, if it was cut into so many at least.
    fn take_cut(&mut self, mut cut: Cut, least: usize) {
        let Some(tail) = &self.parts.tail else { return };
        // What the tail has read meanwhile is no history any more.
        let Some((first, _)) = tail.history() else { return };
        cut.begin_at(first);
        cut.keep_whole_through(tail.timeless_through());
        if cut.slices.len() >= least {
            let (stream, slices) = (self.settings.spec.name, cut.slices.len());
            let records: Option<u64> = cut.slices.iter().map(|(_, records)| *records).sum();
            tracing::info!(stream, slices, records, "reading history in slices");
            self.pages_alone = 0;
            self.parts.cut(&cut);
        }
    }

    /// Where the tail could not be read and has history before it, a page of that may be why: slices
    /// are to bring it, and the tail goes on behind. Returns what came otherwise.
    pub(super) async fn set_history_aside(&mut self, mut fetched: Fetched) -> Option<Fetched> {
        let failed = fetched.answer.as_ref().err().filter(|_| fetched.slice.is_none());
        let Some(doubt) = failed.and_then(|error| self.doubt_of_a_page(error)) else {
            return Some(fetched);
        };
        // It lies behind all slices, whether they are read or rest.
        let is_full = self.parts.slices.len() >= SLICES_MAX;
        if self.settings.history == History::InOnePiece || is_full {
            return Some(fetched);
        }
        let (wall, page_size) = (self.client.clock().now(), self.page_size());
        // What was refused may have ended its pass.
        fetched.window.request(&self.settings, wall, page_size);
        let Some((first, last)) = fetched.window.history() else { return Some(fetched) };
        let cut = match self.counting.join_next().await {
            Some(Ok(cut)) => cut,
            _ => self.counter(doubt).cut(Span { first, last }).await,
        };
        // What counts its records answers, so that it is the page that does not.
        if doubt && cut.slices.iter().any(|(_, records)| records.is_none()) {
            return Some(fetched);
        }
        let before = self.parts.slices.len();
        self.parts.give_back(None, fetched.window);
        self.take_cut(cut, 1);
        self.is_in_trouble = true;
        if self.parts.slices.len() > before {
            return None;
        }
        let window = self.parts.tail.take()?;
        Some(Fetched { window, ..fetched })
    }

    /// Whether it may be a single page by which the tail fails, and if so, whether it may as well be
    /// the whole list.
    fn doubt_of_a_page(&self, error: &ApiError) -> Option<bool> {
        let is_less_asked_for = error.is_too_much() && self.size.can_shrink();
        // Who looks once has no other try to wait for. Where all of a list fails for days, counting
        // it must not double what is asked for.
        let is_asked = !self.settings.follow || self.tail_failures % COUNTED_EACH == PASSING_TRIES;
        match error.kind {
            _ if is_less_asked_for => None,
            ErrorKind::Data | ErrorKind::Bug => Some(false),
            ErrorKind::Retry { .. } => (is_asked && !error.unresolved).then_some(true),
            // An account that may not read a list is not to be asked twice.
            ErrorKind::Denied | ErrorKind::Config | ErrorKind::RateLimited { .. } => None,
        }
    }
}
