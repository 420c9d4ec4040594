//! One walk over a window, and what makes some walks go further back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::saved::SavedPass;
use crate::normalize::Event;
use crate::zendesk::Parameters;

/// Between two passes that look for changes of what was read before, in seconds.
pub(super) const REREAD_EVERY: i64 = 3_600;

/// How changes are looked for that no window meets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes {
    /// How old a record may be, in seconds.
    pub(super) within: i64,
    /// Every change before this second was met.
    pub(super) from: i64,
}

/// One walk from `from` to an end fixed when it began.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) began: i64,
    /// Nothing before this second is taken.
    pub(super) first: i64,
    /// What is asked for begins here, if that is earlier.
    pub(super) back_to: Option<i64>,
    pub(super) end: i64,
    pub(super) frontier: i64,
    /// What the next page is asked with beside the window; empty for the first.
    pub(super) next: Parameters,
    /// How many of each timeless record this pass may meet again.
    pub(super) known: BTreeMap<u64, usize>,
    /// Whether records came in the order asked for so far; if not, none of the pass is behind
    /// before all of it is.
    pub(super) ascending: bool,
    /// By how many seconds the clock that said when it began is ahead of the server's.
    pub(super) clock_ahead: i64,
    /// What was delivered before it began, where only its end moves the position.
    pub(super) before: BTreeSet<(i64, u64)>,
}

impl Pass {
    pub(super) fn saved(&self) -> SavedPass {
        let next = self.next.iter();
        SavedPass {
            began: self.began - self.clock_ahead,
            end: self.end,
            back_to: self.back_to,
            next: next.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    /// Moves the frontier over a page, and sees whether its records are in order.
    pub(super) fn walk(&mut self, events: &[Event]) {
        let mut last = self.frontier;
        for at in events.iter().filter_map(|event| event.time).map(Timestamp::as_second) {
            // The second before the first is asked for in case the pair's ends are left out.
            self.ascending &= at >= last || at < self.first;
            last = last.max(at);
        }
        self.frontier = last.min(self.end).max(self.frontier);
    }
}
