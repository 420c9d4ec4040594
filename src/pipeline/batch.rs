//! Cutting what comes in into batches: by bytes, by count, by age.
//!
//! Pure: the time is handed in. A batch keeps the order of its events and says which page each
//! run of them belongs to, so that the ledger can be told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ledger::Seq;
use crate::normalize::Event;
use crate::sinks::Batch;

/// When a batch is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// At this many bytes of lines; a larger event goes alone.
    pub max_bytes: usize,
    /// At this many events.
    pub max_events: usize,
    /// When its first event has waited this long, and the sink is free.
    pub max_age: Duration,
}

/// The events of one page for one sink, or what another sink refused.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Who is to know when they are durable.
    pub whence: Whence,
    /// Shared by all sinks that take the whole page.
    pub events: Arc<[Event]>,
    /// Where the stream stands around it.
    pub around: Arc<Around>,
}

/// Where events come from: who is to know when they are durable.
#[derive(Debug, Clone)]
pub enum Whence {
    /// A page of a stream: its ledger.
    Page {
        /// The stream's place in the pipeline.
        stream: usize,
        /// The page.
        seq: Seq,
    },
    /// A sink that refused them, and is told how many of them are.
    Refused(mpsc::Sender<usize>),
}

/// Where a stream stands before and after a page.
#[derive(Debug, Default)]
pub struct Around {
    /// The stream's output, `acme.audit_logs`.
    pub output: String,
    /// The position that the page was read from.
    pub before: Value,
    /// The position to read on from.
    pub after: Value,
    /// Whether somebody waits for the events to become durable.
    pub is_awaited: bool,
}

/// A batch, and of which pages it is made.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    /// What to write.
    pub batch: Batch,
    /// In order: this many records of that page.
    pub spans: Vec<Span>,
    /// Bytes of lines, without their ends.
    pub bytes: usize,
}

/// A run of records of one delivery.
#[derive(Debug, Clone)]
pub struct Span {
    /// Where they come from.
    pub whence: Whence,
    /// How many of its records.
    pub count: usize,
}

/// Collects deliveries until they make a batch.
#[derive(Debug)]
pub struct Batcher {
    settings: BatchSettings,
    waiting: VecDeque<Delivery>,
    /// Events at the front delivery that went into a batch before.
    taken: usize,
    events: usize,
    bytes: usize,
    oldest: Option<Instant>,
    /// Whether somebody waits for some of it (a sink, or whoever sent it): then it waits for no more to come.
    is_awaited: bool,
}

impl Batcher {
    /// Empty.
    pub fn new(settings: BatchSettings) -> Self {
        let waiting = VecDeque::new();
        Self { settings, waiting, taken: 0, events: 0, bytes: 0, oldest: None, is_awaited: false }
    }

    /// Takes in the events of a page.
    pub fn push(&mut self, delivery: Delivery, now: Instant) {
        if delivery.events.is_empty() {
            return;
        }
        self.events += delivery.events.len();
        self.bytes += delivery.events.iter().map(|event| event.line.len()).sum::<usize>();
        self.oldest.get_or_insert(now);
        let is_refused = matches!(delivery.whence, Whence::Refused(_));
        self.is_awaited |= is_refused || delivery.around.is_awaited;
        self.waiting.push_back(delivery);
    }

    /// Whether there is enough for a whole batch.
    pub fn is_full(&self) -> bool {
        self.events >= self.settings.max_events || self.bytes >= self.settings.max_bytes
    }

    /// When the next batch is due; none while nothing waits.
    pub fn due_at(&self) -> Option<Instant> {
        let oldest = self.oldest?;
        let at_once = self.is_full() || self.is_awaited;
        Some(if at_once { oldest } else { oldest + self.settings.max_age })
    }

    /// The next batch: as much as fits, at least one event; none when nothing waits.
    pub fn cut(&mut self, now: Instant) -> Option<Cut> {
        let mut cut = Cut::default();
        while let Some(front) = self.waiting.front() {
            let room = self.settings.max_events - cut.batch.events.len();
            let span = &front.events[self.taken..];
            let mut count = 0;
            for event in span.iter().take(room) {
                let first = cut.batch.events.is_empty();
                if !first && cut.bytes + event.line.len() > self.settings.max_bytes {
                    break;
                }
                cut.bytes += event.line.len();
                cut.batch.events.push(event.clone());
                count += 1;
            }
            if count == 0 {
                break;
            }
            let records = span[..count].iter().map(Event::records).sum();
            cut.spans.push(Span { whence: front.whence.clone(), count: records });
            self.taken += count;
            let whole = self.taken == front.events.len();
            let resume = if whole { &front.around.after } else { &front.around.before };
            if !resume.is_null() {
                cut.batch.resume.insert(front.around.output.clone(), resume.clone());
            }
            if self.taken < front.events.len() {
                break;
            }
            self.waiting.pop_front();
            self.taken = 0;
        }
        self.events -= cut.batch.events.len();
        self.bytes -= cut.bytes;
        self.oldest = (self.events > 0).then_some(now);
        self.is_awaited &= self.events > 0;
        (!cut.batch.events.is_empty()).then_some(cut)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::{Origin, RecordId};

    fn delivery(seq: Seq, sizes: &[usize]) -> Delivery {
        let origin = Arc::new(Origin {
            source: "acme".to_owned(),
            stream: "tickets".to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: Timestamp::UNIX_EPOCH,
            through: None,
        });
        let event = |size: &usize| Event {
            line: Bytes::from(vec![b'x'; *size]),
            id: RecordId::of_content(b""),
            time: None,
            origin: Arc::clone(&origin),
            members: None,
        };
        Delivery {
            whence: Whence::Page { stream: 0, seq },
            events: sizes.iter().map(event).collect(),
            around: Arc::default(),
        }
    }

    proptest! {
        #[test]
        fn every_event_is_in_one_batch_in_order_and_no_batch_is_too_large(
            pages in prop::collection::vec(prop::collection::vec(0usize..30, 0..10), 0..10),
            max_bytes in 1usize..60,
            max_events in 1usize..12,
        ) {
            let settings = BatchSettings { max_bytes, max_events, max_age: Duration::ZERO };
            let now = tokio::time::Instant::now();
            let mut batcher = Batcher::new(settings);
            for (seq, sizes) in pages.iter().enumerate() {
                batcher.push(delivery(seq as Seq, sizes), now);
            }
            let (mut sizes, mut spans) = (Vec::new(), vec![0; pages.len()]);
            while let Some(cut) = batcher.cut(now) {
                let bytes: usize = cut.batch.events.iter().map(|event| event.line.len()).sum();
                prop_assert!(cut.batch.events.len() <= max_events);
                prop_assert!(bytes <= max_bytes || cut.batch.events.len() == 1);
                prop_assert_eq!(cut.bytes, bytes);
                sizes.extend(cut.batch.events.iter().map(|event| event.line.len()));
                for Span { whence, count } in &cut.spans {
                    let Whence::Page { seq, .. } = whence else { panic!("only pages went in") };
                    spans[usize::try_from(*seq).expect("small")] += count;
                }
            }
            prop_assert_eq!(sizes, pages.concat());
            prop_assert_eq!(spans, pages.iter().map(Vec::len).collect::<Vec<_>>());
            prop_assert_eq!(batcher.due_at(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_due_when_full_or_old() {
        let settings =
            BatchSettings { max_bytes: 100, max_events: 3, max_age: Duration::from_secs(5) };
        let mut batcher = Batcher::new(settings);
        let start = Instant::now();
        batcher.push(delivery(0, &[1, 1]), start);
        assert_eq!(batcher.due_at(), Some(start + Duration::from_secs(5)));
        batcher.push(delivery(1, &[1]), start + Duration::from_secs(1));
        assert_eq!(batcher.due_at(), Some(start), "full is due at once");
        batcher.cut(start).expect("it was full");
        let (refuser, _told) = mpsc::channel(1);
        let whence = Whence::Refused(refuser);
        batcher.push(Delivery { whence, ..delivery(2, &[1]) }, start);
        assert_eq!(batcher.due_at(), Some(start), "what a sink waits for is due at once");
        batcher.cut(start).expect("it was due");
        let around = Arc::new(Around { is_awaited: true, ..Around::default() });
        batcher.push(Delivery { around, ..delivery(2, &[1]) }, start);
        assert_eq!(batcher.due_at(), Some(start), "and what its sender waits for");
        batcher.cut(start).expect("it was due");
        batcher.push(delivery(3, &[1]), start);
        assert_eq!(batcher.due_at(), Some(start + Duration::from_secs(5)));
    }
}
