//! What a run has done so far, counted where it happens and read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::ledger::SinkId;
use super::plan::{INTERNAL_LOGS, INTERNAL_METRICS};
use crate::streams::{HistoryLeft, Position};
use crate::transform::Transform;

/// Between two lines of the log on failures of one transform; Vector's own limit.
const FAILURES_APART: Duration = Duration::from_secs(10);

/// A batch that is not written by then is told as held: most take less than a second.
pub(super) const LONG_WRITE: Duration = Duration::from_mins(1);

/// Counts of everything in a pipeline. Shared; reading never stops the pipeline.
#[derive(Debug, Default)]
pub struct Tally {
    /// In the pipeline's order.
    pub streams: Vec<StreamTally>,
    /// In the pipeline's order.
    pub transforms: Vec<TransformTally>,
    /// In the pipeline's order.
    pub sinks: Vec<SinkTally>,
    /// Checkpoints saved.
    pub saves: AtomicU64,
    /// Why the checkpoint is not saved, where that has lasted.
    pub(super) unsaved: Mutex<Option<Trouble>>,
}

/// Counts of one stream.
#[derive(Debug, Default)]
pub struct StreamTally {
    /// The output's name, `acme.audit_logs`.
    pub name: String,
    /// The type of its source.
    pub source_type: &'static str,
    /// Pages taken.
    pub pages: AtomicU64,
    /// Events handed to sinks.
    pub events: AtomicU64,
    /// Bytes of their lines.
    pub bytes: AtomicU64,
    /// Records that cannot be events.
    pub rejected: AtomicU64,
    /// Records left out because they were delivered before.
    pub deduplicated: AtomicU64,
    /// Readings that brought no page, the client's own tries not counted.
    pub errors: AtomicU64,
    /// Records of history still to come; 0 where none is read, or it could not be counted.
    pub left: AtomicU64,
    /// How long the rate budget takes for those at least, in milliseconds.
    pub left_at_least_ms: AtomicU64,
    /// How it ended, once it has.
    pub outcome: Mutex<StreamOutcome>,
    standing: Mutex<Standing>,
}

/// Where a stream stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// The position that is saved, in brief; null: none yet.
    pub position: Value,
    /// Up to when that is, where it tells a time.
    pub reached: Option<Timestamp>,
    /// Everything that happened before it is where it should be, but for what shows up late; none:
    /// not known yet.
    pub delivered_through: Option<Timestamp>,
    /// The time of the newest event so far.
    pub last_event: Option<Timestamp>,
    /// Whether the last page reached the stream's present end.
    pub caught_up: bool,
    /// Since when nothing came, if that is longer than was asked for.
    pub silent_since: Option<Timestamp>,
    /// The sinks that lack some of the oldest page that is on its way, or must be ready before one is
    /// read.
    pub waits_for: Vec<SinkId>,
    /// What went wrong last.
    pub trouble: Option<Trouble>,
}

impl Standing {
    /// Stands at the position that is saved.
    pub fn stand_at(&mut self, position: &Position) {
        (self.position, self.reached) = (position.brief(), position.reached());
    }
}

/// What went wrong with a stream or a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub message: String,
    /// What a person could do.
    pub hint: Option<String>,
    /// Whether it lasts until somebody changes something.
    pub refused: bool,
    /// Whether it went well since.
    pub over: bool,
}

impl Trouble {
    /// What is to be said of a run that it ends.
    pub fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

/// How a stream ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It has not.
    #[default]
    Running,
    /// At its present end, or because the run was stopped.
    Ended,
    /// It may not be read: left out, the others go on.
    Denied(String),
    /// It broke.
    Failed(String),
}

/// Counts of one transform.
#[derive(Debug, Default)]
pub struct TransformTally {
    /// Its name in the config.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Events it was given.
    pub received: AtomicU64,
    /// Events it gave on, to all of its outputs together.
    pub sent: AtomicU64,
    /// Events it dropped as the config wants it.
    pub discarded: AtomicU64,
    /// Events at which its program failed.
    pub errors: AtomicU64,
    /// Those of them that were dropped.
    pub dropped: AtomicU64,
    /// When a failure was logged last.
    told: Mutex<Option<Instant>>,
}

/// Counts of one sink.
#[derive(Debug, Default)]
pub struct SinkTally {
    /// Its name in the config.
    pub name: String,
    /// Events put into its queue.
    pub received: AtomicU64,
    /// Events made durable.
    pub events: AtomicU64,
    /// Bytes of their lines.
    pub bytes: AtomicU64,
    /// Batches written.
    pub batches: AtomicU64,
    /// Writes that failed and were tried again.
    pub retries: AtomicU64,
    /// Events that it will never take; they went to its rejected output.
    pub refused: AtomicU64,
    /// Events dropped because the sink is not waited for and its queue was full.
    pub discarded: AtomicU64,
    last: Mutex<LastWrite>,
}

/// What a sink did last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastWrite {
    /// When it last made events durable.
    pub at: Option<Timestamp>,
    /// Since when a batch is being written, by the present try.
    pub under_way: Option<Instant>,
    /// What went wrong last.
    pub trouble: Option<Trouble>,
}

impl LastWrite {
    /// Since when a batch has been under way, where that is long and no error tells why.
    pub(super) fn held_since(&self) -> Option<Instant> {
        let fails = self.trouble.as_ref().is_some_and(|trouble| !trouble.over);
        self.under_way.filter(|since| !fails && since.elapsed() >= LONG_WRITE)
    }

    /// What is to be said of that.
    pub(super) fn held(&self, now: Timestamp) -> Option<Trouble> {
        let held_for = self.held_since()?.elapsed();
        let at = now.checked_sub(held_for).unwrap_or(now);
        let message =
            format!("a batch has been under way for {} s, without an error", held_for.as_secs());
        let hint = "see whether the destination answers; or, where the checkpoint is not saved or the sink of \
             rejected events does not get on, why that is";
        Some(Trouble { at, message, hint: Some(hint.to_owned()), refused: false, over: false })
    }
}

impl Tally {
    /// All streams but those in which the program tells about itself.
    pub(super) fn read(&self) -> impl Iterator<Item = &StreamTally> {
        let tells = |it: &&StreamTally| [INTERNAL_LOGS, INTERNAL_METRICS].contains(&it.source_type);
        self.streams.iter().filter(move |stream| !tells(stream))
    }

    /// Why the checkpoint is not saved, where that has lasted.
    pub(super) fn unsaved(&self) -> Option<Trouble> {
        lock(&self.unsaved).clone()
    }

    /// Tells why the checkpoint is not saved, or that it is.
    pub(super) fn note_unsaved(&self, trouble: Option<Trouble>) {
        *lock(&self.unsaved) = trouble;
    }

    /// Whether no stream has ever brought a page and each of them is refused: then nothing of
    /// this run works, and nothing will until somebody changes something.
    pub(super) fn is_refused_everywhere(&self) -> bool {
        self.read().all(|stream| {
            let refused = stream.standing().trouble.is_some_and(|trouble| trouble.refused);
            refused && stream.pages.load(Ordering::Relaxed) == 0
        })
    }
}

impl StreamTally {
    pub(super) fn named(name: String, source_type: &'static str) -> Self {
        Self { name, source_type, ..Self::default() }
    }

    /// So much of its history is still to come.
    pub(super) fn leaves(&self, left: Option<HistoryLeft>) {
        let at_least = left.map_or(Duration::ZERO, |left| left.at_least).as_millis();
        let at_least = u64::try_from(at_least).unwrap_or(u64::MAX);
        self.left_at_least_ms.store(at_least, Ordering::Relaxed);
        self.left.store(left.map_or(0, |left| left.records), Ordering::Relaxed);
    }

    /// What went wrong last is over.
    pub(super) fn is_well(&self) {
        self.stand(|standing| {
            if let Some(trouble) = &mut standing.trouble {
                trouble.over = true;
            }
        });
    }

    /// How it ended, or that it has not.
    pub fn outcome(&self) -> StreamOutcome {
        lock(&self.outcome).clone()
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        lock(&self.standing).clone()
    }

    pub(super) fn end(&self, outcome: StreamOutcome) {
        *lock(&self.outcome) = outcome;
    }

    pub(super) fn stand(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut lock(&self.standing));
    }
}

impl TransformTally {
    pub(super) fn of(transform: &Transform) -> Self {
        let (name, kind) = (transform.name().to_owned(), transform.kind());
        Self { name, kind, ..Self::default() }
    }

    /// Whether a failure is to be logged now: one in a while tells enough.
    pub(super) fn tells(&self, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| now >= told + FAILURES_APART);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

impl SinkTally {
    pub(super) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// What it did last.
    pub fn last(&self) -> LastWrite {
        lock(&self.last).clone()
    }

    /// Events given to it that are not durable yet.
    pub fn waiting(&self) -> u64 {
        let done = self.events.load(Ordering::Relaxed) + self.refused.load(Ordering::Relaxed);
        self.received.load(Ordering::Relaxed).saturating_sub(done)
    }

    /// It begins to write a batch.
    pub(super) fn writes(&self) {
        lock(&self.last).under_way = Some(Instant::now());
    }

    pub(super) fn wrote(&self, at: Timestamp) {
        let mut last = lock(&self.last);
        (last.at, last.under_way) = (Some(at), None);
        drop(last);
        self.is_well();
    }

    /// What went wrong last is over.
    pub(super) fn is_well(&self) {
        if let Some(trouble) = &mut lock(&self.last).trouble {
            trouble.over = true;
        }
    }

    pub(super) fn failed(&self, trouble: Trouble) {
        lock(&self.last).trouble = Some(trouble);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
