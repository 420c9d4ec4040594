//! Which position of a stream is safe to save.
//!
//! Pure. Pages are told in the order they were fetched, deliveries in the order each sink made
//! them. The position moves over a page once every sink holds all of it; what a sink holds beyond
//! that is remembered by fingerprint, so that after a crash it is not given the same again.
//! Whatever needs an order uses the page's sequence number: positions have none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::checkpoint::{Quiet, StreamState};
use crate::streams::Resume;

/// Counts the pages of one stream in one run, from 0.
pub type Seq = u64;

/// A sink's place in the pipeline.
pub type SinkId = usize;

/// What one page means to one sink.
#[derive(Debug, Clone)]
pub struct Share {
    /// Whose share.
    pub sink: SinkId,
    /// Fingerprints of the records it will be given, in order.
    pub given: Arc<[u64]>,
    /// Fingerprints of those left out because it holds them already.
    pub held: Vec<u64>,
}

/// The books of one stream.
#[derive(Debug)]
pub struct Ledger {
    endpoint: String,
    position: Resume,
    pages: VecDeque<Fetched>,
    /// What a former run's sinks held beyond its position and have not met again yet.
    restored: BTreeMap<SinkId, BTreeSet<u64>>,
    /// What sinks hold of pages that left the position where it was, as those of a list do that is
    /// behind only when it was read to its end.
    beyond: BTreeMap<SinkId, BTreeSet<u64>>,
    /// Since when the stream has brought nothing.
    quiet: Option<Quiet>,
    /// The time of the newest event that it ever brought.
    last_event: Option<Timestamp>,
}

#[derive(Debug)]
struct Fetched {
    seq: Seq,
    resume: Resume,
    shares: Vec<(Share, usize)>,
}

impl Fetched {
    fn is_done(&self) -> bool {
        self.shares.iter().all(|(share, delivered)| *delivered >= share.given.len())
    }
}

impl Ledger {
    /// Opens the books at a position, with what a former run's sinks held beyond it. `sink_id`
    /// finds a sink by name; what is remembered of sinks that are gone is dropped.
    pub fn new(start: StreamState, sink_id: impl Fn(&str) -> Option<SinkId>) -> Self {
        let ahead = start.ahead.into_iter();
        let restored = ahead
            .filter_map(|(name, ids)| Some((sink_id(&name)?, ids.into_iter().collect())))
            .collect();
        let StreamState { endpoint, position, quiet, last_event, .. } = start;
        let (position, pages, beyond) = (position.into(), VecDeque::new(), BTreeMap::new());
        Self { endpoint, position, pages, restored, beyond, quiet, last_event }
    }

    /// The stream has been quiet since then. Returns whether that is worth a save of its own: the
    /// time of the last event is saved with what that event brings about.
    pub fn is_quiet(&mut self, quiet: Quiet) -> bool {
        let before = self.quiet.replace(quiet);
        before.is_none_or(|before| before.told != quiet.told)
    }

    /// A page brought events up to that time. Saved with what else it brings about.
    pub fn brought(&mut self, newest: Option<Timestamp>) {
        self.last_event = self.last_event.max(newest);
    }

    /// The sinks that lack some of the oldest page: the position waits for them.
    pub fn waits_for(&self) -> Vec<SinkId> {
        let shares = self.pages.front().into_iter().flat_map(|page| &page.shares);
        let lacking = shares.filter(|(share, delivered)| *delivered < share.given.len());
        lacking.map(|(share, _)| share.sink).collect()
    }

    /// A sink turned out to hold these events of a former run too.
    pub fn hold(&mut self, sink: SinkId, ids: &[u64]) {
        self.restored.entry(sink).or_default().extend(ids);
    }

    /// What this sink holds beyond the position, of a former run.
    pub fn restored(&self, sink: SinkId) -> BTreeSet<u64> {
        self.restored.get(&sink).cloned().unwrap_or_default()
    }

    /// A page is on its way. Returns whether the position moved, as it does over a page that no
    /// sink waits for.
    pub fn fetched(&mut self, seq: Seq, resume: Resume, shares: Vec<Share>) -> bool {
        debug_assert!(self.pages.back().is_none_or(|last| last.seq < seq), "pages come in order");
        for share in &shares {
            if let Some(restored) = self.restored.get_mut(&share.sink) {
                for held in &share.held {
                    restored.remove(held);
                }
            }
        }
        let is_empty = |share: &Share| share.given.is_empty() && share.held.is_empty();
        if let Some(last) = self.pages.back_mut()
            && shares.iter().all(is_empty)
        {
            // However long a sink is away, looks that bring nothing take no room.
            last.resume = resume;
            return false;
        }
        let shares = shares.into_iter().map(|share| (share, 0)).collect();
        self.pages.push_back(Fetched { seq, resume, shares });
        self.advance()
    }

    /// A sink made the next `count` records of its share of a page durable. Returns
    /// whether the position moved.
    pub fn delivered(&mut self, sink: SinkId, seq: Seq, count: usize) -> bool {
        let page = self.pages.iter_mut().find(|page| page.seq == seq);
        let share = page.and_then(|page| page.shares.iter_mut().find(|(it, _)| it.sink == sink));
        match share {
            Some((share, delivered)) => {
                *delivered += count;
                debug_assert!(*delivered <= share.given.len(), "no more is delivered than given");
            }
            None => debug_assert!(false, "what is delivered was fetched"),
        }
        self.advance()
    }

    /// The stream reached its end with nothing under way: whatever was restored and has not been
    /// met again changed at the source and will not come again under the same fingerprint.
    pub fn caught_up(&mut self) {
        if self.pages.is_empty() {
            self.restored.clear();
        }
    }

    /// Whether that page, the last one, is told of together with the one before it, which waits.
    pub fn is_joined(&self, seq: Seq) -> bool {
        self.pages.back().is_some_and(|page| page.seq < seq)
    }

    /// Whether the position has passed that page.
    pub fn is_safe(&self, seq: Seq) -> bool {
        self.pages.front().is_none_or(|page| page.seq > seq)
    }

    fn advance(&mut self) -> bool {
        let mut moved = false;
        while self.pages.front().is_some_and(Fetched::is_done) {
            let Some(page) = self.pages.pop_front() else { break };
            if self.position.is_same(&page.resume) {
                for (share, _) in page.shares {
                    let ids = share.given.iter().chain(&share.held);
                    self.beyond.entry(share.sink).or_default().extend(ids);
                }
            } else {
                self.beyond.clear();
                moved = true;
            }
            self.position = page.resume;
        }
        moved
    }

    /// What to save now.
    pub fn state(&self, sink_name: impl Fn(SinkId) -> String) -> StreamState {
        let mut ahead = self.restored.clone();
        for (sink, ids) in &self.beyond {
            ahead.entry(*sink).or_default().extend(ids);
        }
        for (share, delivered) in self.pages.iter().flat_map(|page| &page.shares) {
            let held = share.held.iter().chain(share.given.iter().take(*delivered));
            ahead.entry(share.sink).or_default().extend(held);
        }
        ahead.retain(|_, ids| !ids.is_empty());
        let ahead =
            ahead.into_iter().map(|(sink, ids)| (sink_name(sink), ids.into_iter().collect()));
        StreamState {
            endpoint: self.endpoint.clone(),
            position: self.position.position(),
            ahead: ahead.collect(),
            quiet: self.quiet,
            last_event: self.last_event,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::streams::Position;

    fn share(sink: SinkId, given: &[u64]) -> Share {
        Share { sink, given: given.into(), held: Vec::new() }
    }

    fn position(n: u64) -> Position {
        Position(json!(n))
    }

    fn resume(n: u64) -> Resume {
        position(n).into()
    }

    fn ledger() -> Ledger {
        let start = StreamState {
            endpoint: "https://acme.zendesk.com".to_owned(),
            position: position(0),
            ahead: BTreeMap::new(),
            quiet: None,
            last_event: None,
        };
        Ledger::new(start, |_| None)
    }

    fn saved(ledger: &Ledger) -> (Position, BTreeMap<String, Vec<u64>>) {
        let state = ledger.state(|sink| format!("sink{sink}"));
        (state.position, state.ahead)
    }

    #[test]
    fn the_position_waits_for_the_slowest_sink() {
        let mut ledger = ledger();
        ledger.fetched(0, resume(1), vec![share(0, &[1, 2]), share(1, &[1, 2])]);
        assert!(!ledger.delivered(0, 0, 2));
        let ahead = BTreeMap::from([("sink0".to_owned(), vec![1, 2])]);
        assert_eq!(saved(&ledger), (position(0), ahead));
        assert!(!ledger.is_safe(0));
        assert_eq!(ledger.waits_for(), [1]);
        assert!(ledger.delivered(1, 0, 2));
        assert!(ledger.waits_for().is_empty());
        assert!(ledger.is_safe(0));
        assert_eq!(saved(&ledger), (position(1), BTreeMap::new()));
    }

    #[test]
    fn what_a_fast_sink_holds_is_remembered_across_restarts() {
        let mut first = ledger();
        first.fetched(0, resume(1), vec![share(0, &[1]), share(1, &[1])]);
        first.delivered(0, 0, 1);
        first.delivered(1, 0, 1);
        first.fetched(1, resume(2), vec![share(0, &[2, 3]), share(1, &[2, 3])]);
        first.delivered(0, 1, 1);
        let state = first.state(|sink| format!("sink{sink}"));
        assert_eq!(state.ahead, BTreeMap::from([("sink0".to_owned(), vec![2])]));

        let by_name = |name: &str| name.strip_prefix("sink")?.parse().ok();
        let mut second = Ledger::new(state, by_name);
        assert_eq!(second.restored(0), BTreeSet::from([2]));
        let held = Share { sink: 0, given: [3].into(), held: vec![2] };
        second.fetched(0, resume(2), vec![held, share(1, &[2, 3])]);
        second.delivered(1, 0, 2);
        let ahead =
            BTreeMap::from([("sink0".to_owned(), vec![2]), ("sink1".to_owned(), vec![2, 3])]);
        assert_eq!(saved(&second), (position(1), ahead));
        second.delivered(0, 0, 1);
        assert_eq!(saved(&second), (position(2), BTreeMap::new()));
    }

    #[test]
    fn what_sinks_hold_of_pages_that_do_not_move_the_position_is_remembered_until_one_does() {
        let mut first = ledger();
        first.fetched(0, resume(0), vec![share(0, &[1, 2])]);
        assert!(!first.delivered(0, 0, 2));
        first.fetched(1, resume(0), vec![share(0, &[3])]);
        first.delivered(0, 1, 1);
        let ahead = BTreeMap::from([("sink0".to_owned(), vec![1, 2, 3])]);
        assert_eq!(saved(&first), (position(0), ahead.clone()));

        let state = first.state(|sink| format!("sink{sink}"));
        let mut second = Ledger::new(state, |_| Some(0));
        let held = |held: &[u64], given: &[u64]| {
            vec![Share { sink: 0, given: given.into(), held: held.to_vec() }]
        };
        second.fetched(0, resume(0), held(&[1, 2, 3], &[]));
        assert_eq!(saved(&second), (position(0), ahead), "killed once more");
        second.fetched(1, resume(1), held(&[], &[4]));
        assert!(second.delivered(0, 1, 1));
        assert_eq!(saved(&second), (position(1), BTreeMap::new()));
    }

    #[test]
    fn pages_of_nothing_behind_one_that_waits_are_one_page() {
        let mut ledger = ledger();
        ledger.fetched(0, resume(1), vec![share(0, &[1])]);
        for seq in 1..1_000 {
            assert!(!ledger.fetched(seq, resume(seq + 1), vec![share(0, &[])]));
            assert!(ledger.is_joined(seq) && !ledger.is_joined(0));
        }
        assert_eq!(ledger.pages.len(), 1);
        assert!(!ledger.is_safe(999));
        assert!(ledger.delivered(0, 0, 1));
        assert!(ledger.is_safe(999));
        assert_eq!(saved(&ledger), (position(1_000), BTreeMap::new()));
    }

    #[test]
    fn a_page_nobody_waits_for_moves_the_position_at_once() {
        let mut ledger = ledger();
        assert!(ledger.fetched(0, resume(1), vec![]));
        assert!(!ledger.fetched(1, resume(1), vec![share(0, &[])]), "the same position");
    }

    proptest! {
        /// Whatever the order in which sinks deliver, the position never passes a page that some
        /// sink lacks, and position and ahead together name exactly what each sink holds.
        #[test]
        fn position_and_ahead_name_exactly_what_each_sink_holds(
            pages in prop::collection::vec(0usize..4, 1..8),
            steps in prop::collection::vec((0usize..3, 1usize..3), 0..40),
        ) {
            let mut ledger = ledger();
            let mut next_id = 0u64;
            let mut contents = Vec::new();
            for (seq, size) in pages.iter().enumerate() {
                let ids: Vec<u64> = (next_id..next_id + *size as u64).collect();
                next_id += *size as u64;
                ledger.fetched(seq as u64, resume(seq as u64 + 1), (0..3).map(|s| share(s, &ids)).collect());
                contents.push(ids);
            }
            let mut done = [(0usize, 0usize); 3];
            for (sink, count) in steps {
                let (page, offset) = &mut done[sink];
                while *page < contents.len() && contents[*page].len() == *offset {
                    (*page, *offset) = (*page + 1, 0);
                }
                let Some(ids) = contents.get(*page) else { continue };
                let count = count.min(ids.len() - *offset);
                ledger.delivered(sink, *page as u64, count);
                *offset += count;
            }
            let (safe, ahead) = saved(&ledger);
            let safe = safe.0.as_u64().and_then(|n| usize::try_from(n).ok()).expect("a count");
            for (sink, (page, offset)) in done.iter().enumerate() {
                let mut holds: BTreeSet<u64> = contents[..*page].iter().flatten().copied().collect();
                holds.extend(contents.get(*page).into_iter().flat_map(|ids| &ids[..*offset]));
                let mut named: BTreeSet<u64> = contents[..safe].iter().flatten().copied().collect();
                named.extend(ahead.get(&format!("sink{sink}")).into_iter().flatten());
                prop_assert_eq!(&named, &holds);
            }
        }
    }
}
