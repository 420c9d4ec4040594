//! The tail and the slices of one list: who is asked next, whose page goes out next, and where all
//! of them stand.
//!
//! It asks nothing and waits for nothing. A position moves when its page goes out, not when it came.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::WAITING_BYTES_MAX;
use super::plan::{SLICES_MAX, Span};
use super::rest::Rests;
use crate::streams::reader::Reader as _;
use crate::streams::window::Window;
use crate::streams::{History, Page, Position, PositionError, StreamSettings, TimeFilter};
use crate::zendesk::ApiError;

/// What is saved while there are slices. Without any it is the tail's position alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    tail: Position,
    slices: Vec<SavedSlice>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedSlice {
    window: Position,
    /// How many records are still to come, if they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
}

/// How a history was cut.
pub(super) struct Cut {
    /// The slices in the order of time, and how many records each has, if they were counted.
    pub(super) slices: Vec<(Span, Option<u64>)>,
    /// How many records come after them and are history too.
    pub(super) beyond: u64,
}

impl Cut {
    /// Leaves out what is before that second.
    pub(super) fn begin_at(&mut self, first: i64) {
        self.slices.retain(|(span, _)| span.last >= first);
        let Some((span, records)) = self.slices.first_mut() else { return };
        let length = |span: &Span| u64::try_from(span.last - span.first + 1).unwrap_or(1).max(1);
        let before = length(span);
        span.first = first;
        *records = records.map(|records| records * length(span).min(before) / before);
    }

    /// The first slice reaches at least through that second; none is left where all are before it.
    pub(super) fn keep_whole_through(&mut self, second: Option<i64>) {
        let Some(second) = second else { return };
        let Some(at) = self.slices.iter().position(|(span, _)| span.last >= second) else {
            self.slices.clear();
            return;
        };
        let (mut whole, _) = self.slices[0];
        whole.last = self.slices[at].0.last;
        let records = self.slices.drain(..=at).map(|(_, records)| records).sum();
        self.slices.insert(0, (whole, records));
    }
}

/// One slice of history.
pub(super) struct Slice {
    /// None while it is asked.
    window: Option<Window>,
    position: Position,
    left: Option<u64>,
}

/// A page that waits to go out.
struct Waiting {
    /// Its slice's last second; none: the tail.
    slice: Option<i64>,
    /// Where its part stands after it; none: it is done.
    position: Option<Position>,
    page: Page,
}

/// All parts of one list.
pub(super) struct Parts {
    in_order: bool,
    looks_once: bool,
    /// None while it is asked.
    pub(super) tail: Option<Window>,
    tail_position: Position,
    /// It reached the present end, and has not looked again since.
    tail_at_end: bool,
    /// When it looks again.
    tail_due: Option<Instant>,
    /// By their last second.
    pub(super) slices: BTreeMap<i64, Slice>,
    /// Those that can be asked, in their turn.
    ready: BTreeSet<(u64, i64)>,
    turns: u64,
    /// Those that could not be read.
    pub(super) rests: Rests,
    /// Records of history that the tail has before it still.
    beyond: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

impl Parts {
    pub(super) fn new(
        filter: TimeFilter,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let unreadable = |reason: String| PositionError { stream: settings.spec.name, reason };
        let has_slices = |position: &&Position| position.0.get("slices").is_some();
        let saved = position.filter(has_slices).map(|it| Saved::deserialize(&it.0)).transpose();
        let saved = saved.map_err(|error| unreadable(error.to_string()))?;
        let (tail, slices) = match saved {
            Some(saved) => (Some(saved.tail), saved.slices),
            None => (position.cloned(), Vec::new()),
        };
        let tail = Window::new(filter, settings, tail.as_ref())?;
        let mut parts = Self {
            in_order: settings.history == History::InOrder,
            looks_once: !settings.follow,
            tail_position: tail.position(),
            tail: Some(tail),
            tail_at_end: false,
            tail_due: None,
            slices: BTreeMap::new(),
            ready: BTreeSet::new(),
            turns: 0,
            rests: Rests::default(),
            beyond: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        };
        for slice in slices {
            let window = Window::new(filter, settings, Some(&slice.window))?;
            let last =
                window.through().ok_or_else(|| unreadable("a slice has no end".to_owned()))?;
            parts.add(last, window, slice.left);
        }
        Ok(parts)
    }

    fn add(&mut self, last: i64, window: Window, left: Option<u64>) {
        let slice = Slice { position: window.position(), window: Some(window), left };
        self.slices.insert(last, slice);
        self.is_ready(last);
    }

    /// In order, earlier slices go first; else each in turn.
    fn is_ready(&mut self, last: i64) {
        self.turns += u64::from(!self.in_order);
        self.ready.insert((self.turns, last));
    }

    /// Gives the history before the tail to slices. The tail begins after them.
    pub(super) fn cut(&mut self, cut: &Cut) {
        let Some(tail) = &mut self.tail else { return };
        let slices = &cut.slices;
        let spans: Vec<(i64, i64)> =
            slices.iter().map(|(span, _)| (span.first, span.last)).collect();
        self.beyond = cut.beyond;
        let windows = tail.cut(&spans);
        self.tail_position = tail.position();
        for (window, (span, records)) in windows.into_iter().zip(slices) {
            self.add(span.last, window, *records);
        }
    }

    /// Where to resume after all pages that went out.
    pub(super) fn position(&self) -> Position {
        if self.slices.is_empty() {
            return self.tail_position.clone();
        }
        let slices = self.slices.values();
        let slices =
            slices.map(|it| SavedSlice { window: it.position.clone(), left: it.left }).collect();
        let saved = Saved { tail: self.tail_position.clone(), slices };
        // A struct of what has a JSON form has one.
        Position(serde_json::to_value(saved).unwrap_or_default())
    }

    pub(super) fn tail_is_past(&self, until: Timestamp) -> bool {
        self.tail.as_ref().is_some_and(|tail| tail.is_past(until))
    }

    /// In order, the tail comes last.
    fn tail_waits(&self) -> bool {
        self.in_order && self.turn().is_some()
    }

    /// When the tail is to be asked, if nothing else has to come before.
    pub(super) fn tail_due(&self) -> Option<Instant> {
        self.tail_due.filter(|_| !self.tail_waits())
    }

    /// The tail, if it is to be asked now.
    pub(super) fn lend_tail(&mut self, now: Instant) -> Option<Window> {
        let is_due = self.tail_due.map_or(!self.tail_at_end, |due| due <= now);
        let tail = (is_due && !self.tail_waits()).then(|| self.tail.take()).flatten()?;
        self.tail_due = None;
        self.tail_at_end = false;
        Some(tail)
    }

    /// The slice whose turn it is, if one more may be asked.
    pub(super) fn lend_slice(&mut self, most: usize) -> Option<(i64, Window)> {
        let lent = self.slices.values().filter(|slice| slice.window.is_none()).count();
        let is_full = self.waiting_bytes > WAITING_BYTES_MAX;
        let needed = self.turn().filter(|_| is_full);
        let mut ready = self.ready.iter().copied();
        let (turn, last) = ready.find(|(_, last)| !is_full || needed == Some(*last))?;
        if lent >= most {
            return None;
        }
        self.ready.remove(&(turn, last));
        let window = self.slices.get_mut(&last)?.window.take()?;
        Some((last, window))
    }

    /// A part comes back without a page.
    pub(super) fn give_back(&mut self, slice: Option<i64>, window: Window) {
        let Some(last) = slice else {
            self.tail = Some(window);
            return;
        };
        if let Some(slice) = self.slices.get_mut(&last) {
            slice.window = Some(window);
            self.is_ready(last);
        }
    }

    /// A slice could not be read: it is asked for again after a rest. Whether the tail can be is to be
    /// known now.
    pub(super) fn leave_out(&mut self, last: i64, window: Window, error: ApiError, now: Instant) {
        if let Some(slice) = self.slices.get_mut(&last) {
            slice.window = Some(window);
            // Who looks once has no other try to wait for.
            self.rests.begin(last, error, self.looks_once, now);
        }
        if self.tail_at_end {
            self.tail_due = Some(now);
        }
    }

    /// Slices that have rested long enough may be asked.
    pub(super) fn wake(&mut self, now: Instant) {
        for last in self.rests.wake(now) {
            self.is_ready(last);
        }
    }

    /// All slices may be asked, as if none had been refused.
    pub(super) fn wake_all(&mut self) {
        for last in self.rests.wake_all() {
            self.is_ready(last);
        }
    }

    /// Whether there is history that slices are to bring before anything else is cut.
    pub(super) fn is_busy(&self) -> bool {
        let is_read = |last: &i64| !self.rests.is_left_out(*last);
        self.slices.len() >= SLICES_MAX || self.slices.keys().any(is_read)
    }

    /// Whether no slice is to be asked in this run: none is left but those that rest and are told.
    pub(super) fn only_left_out_rest(&self) -> bool {
        let is_out = |(last, slice): (&i64, &Slice)| {
            let rests = self.rests.is_left_out(*last) && self.rests.is_resting(*last);
            slice.window.is_some() && rests
        };
        self.slices.iter().all(is_out)
    }

    /// A page of the tail came. `due`: when it looks again.
    pub(super) fn take_tail(&mut self, window: Window, page: Page, due: Option<Instant>) {
        self.tail_due = due;
        self.tail_at_end = page.caught_up;
        let position = Some(window.position());
        self.tail = Some(window);
        self.wait(Waiting { slice: None, position, page });
    }

    /// A page of a slice came; without its window, it was the last.
    pub(super) fn take_slice(&mut self, last: i64, window: Option<Window>, page: Page) {
        let position = window.as_ref().map(Window::position);
        self.rests.end(last);
        if let Some(window) = window {
            self.give_back(Some(last), window);
        }
        self.wait(Waiting { slice: Some(last), position, page });
    }

    /// Whether a page may go out.
    pub(super) fn is_waiting(&self) -> bool {
        self.goes_next().is_some()
    }

    /// Which of those that wait goes out next, if one may.
    fn goes_next(&self) -> Option<usize> {
        let turn = self.turn().filter(|_| self.in_order);
        self.waiting.iter().position(|it| !self.in_order || it.slice == turn)
    }

    /// The slice whose pages come next in the order of time; none: the tail's do. One that is left out
    /// has its turn for what came of it before.
    fn turn(&self) -> Option<i64> {
        let has_come = |last| self.waiting.iter().any(|it| it.slice == Some(last));
        let has_turn = |last: &i64| !self.rests.is_left_out(*last) || has_come(*last);
        self.slices.keys().copied().find(has_turn)
    }

    fn wait(&mut self, waiting: Waiting) {
        self.waiting_bytes += bytes(&waiting.page);
        self.waiting.push_back(waiting);
    }

    /// The page that goes out next, if one may.
    pub(super) fn next_waiting(&mut self) -> Option<Page> {
        let at = self.goes_next()?;
        let Waiting { slice, position, mut page } = self.waiting.remove(at)?;
        self.waiting_bytes -= bytes(&page);
        let taken = (page.events.len() + page.rejected.len()) as u64;
        match (slice, position) {
            (None, Some(position)) => {
                self.tail_position = position;
                self.beyond = if page.caught_up { 0 } else { self.beyond.saturating_sub(taken) };
            }
            (None, None) => {}
            (Some(last), None) => drop(self.slices.remove(&last)),
            (Some(last), Some(position)) => {
                if let Some(slice) = self.slices.get_mut(&last) {
                    slice.left = slice.left.map(|left| left.saturating_sub(taken));
                    slice.position = position;
                }
            }
        }
        page.resume = self.position().into();
        let is_left_out = |last: &i64| self.rests.is_left_out(*last);
        let none_to_come = self.waiting.is_empty() && self.slices.keys().all(is_left_out);
        page.caught_up = self.tail_at_end && none_to_come;
        page.left_out = self.rests.tell();
        Some(page)
    }

    /// How many records of history are still to come, if all were counted.
    pub(super) fn left(&self) -> Option<u64> {
        let left: Option<u64> = self.slices.values().map(|slice| slice.left).sum();
        left.map(|left| left + self.beyond).filter(|left| *left > 0 || !self.slices.is_empty())
    }
}

fn bytes(page: &Page) -> usize {
    page.events.iter().chain(&page.rejected).map(|event| event.line.len()).sum()
}

/// The name of the slice that ends with this second.
pub(super) fn partition(last: i64) -> String {
    let last = Timestamp::from_second(last).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("history-{}", last.strftime("%Y%m%dT%H%M%SZ"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::streams::{Emit, Paging, find};

    fn settings() -> (TimeFilter, StreamSettings) {
        let spec = find("audit_logs").expect("a row");
        let Paging::TimeWindow(filter) = spec.paging else { panic!("it filters by time") };
        let settings = StreamSettings {
            spec,
            source: "acme".to_owned(),
            subdomain: "acme".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            until: None,
            follow: true,
            poll_interval: Duration::from_secs(60),
            lag: Duration::from_secs(60),
            overlap: Duration::from_secs(900),
            filter: Vec::new(),
            include: Vec::new(),
            exclude_deleted: false,
            report_removed: false,
            reread: Duration::ZERO,
            max_record_bytes: 1 << 20,
            emit: Emit::Records,
            history: History::InSlices,
        };
        (filter, settings)
    }

    fn opened(position: &serde_json::Value) -> Result<Parts, PositionError> {
        let (filter, settings) = settings();
        Parts::new(filter, &settings, Some(&Position(position.clone())))
    }

    #[test]
    fn a_position_without_slices_is_that_of_the_tail_alone() {
        let plain = json!({"from": "2024-05-01T10:00:00Z", "seen": [[1_714_557_600, [7]]]});
        assert_eq!(opened(&plain).expect("a tail").position().0, plain);
    }

    #[test]
    fn a_position_with_slices_is_read_back_and_small() {
        let mut parts = opened(&json!({"from": "2024-05-01T10:00:00Z", "seen": []})).expect("one");
        let whole = Span { first: 1_714_557_600, last: 1_724_557_600 };
        let slices: Vec<_> = whole.evenly(32).into_iter().map(|span| (span, Some(9))).collect();
        parts.cut(&Cut { slices, beyond: 0 });
        let saved = parts.position().0;
        assert_eq!(opened(&saved).expect("its own form").position().0, saved);
        assert_eq!(saved["slices"].as_array().map(Vec::len), Some(32));
        assert_eq!(saved["tail"]["from"], "2024-08-25T03:46:41Z");
        assert!(saved.to_string().len() < 4_000, "{}", saved.to_string().len());
    }

    fn cut(slices: &[(i64, i64, u64)]) -> Cut {
        let slice =
            |&(first, last, records): &(i64, i64, u64)| (Span { first, last }, Some(records));
        Cut { slices: slices.iter().map(slice).collect(), beyond: 0 }
    }

    fn spans(cut: &Cut) -> Vec<(i64, i64, u64)> {
        let slices = cut.slices.iter();
        slices.map(|(span, records)| (span.first, span.last, records.unwrap_or(0))).collect()
    }

    #[test]
    fn what_was_read_while_it_was_counted_is_in_no_slice() {
        let planned = [(0, 9, 100), (10, 19, 100), (20, 29, 100)];
        let mut cut = cut(&planned);
        cut.begin_at(0);
        assert_eq!(spans(&cut), planned);
        cut.begin_at(15);
        assert_eq!(spans(&cut), [(15, 19, 50), (20, 29, 100)]);
        cut.begin_at(30);
        assert_eq!(spans(&cut), []);
    }

    #[test]
    fn what_can_be_met_again_anywhere_is_in_one_slice() {
        let planned = [(0, 9, 100), (10, 19, 100), (20, 29, 100)];
        for (through, left) in [
            (None, planned.to_vec()),
            (Some(9), planned.to_vec()),
            (Some(10), vec![(0, 19, 200), (20, 29, 100)]),
            (Some(29), vec![(0, 29, 300)]),
            (Some(30), Vec::new()),
        ] {
            let mut cut = cut(&planned);
            cut.keep_whole_through(through);
            assert_eq!(spans(&cut), left, "{through:?}");
        }
    }

    #[test]
    fn a_slice_without_an_end_is_refused() {
        let window = json!({"from": "2024-05-01T10:00:00Z", "seen": []});
        let broken = json!({"tail": window, "slices": [{"window": window}]});
        let error = opened(&broken).err().expect("not a slice").to_string();
        assert_eq!(error, "the position of `audit_logs` cannot be read: a slice has no end");
    }
}
