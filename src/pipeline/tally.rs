//! What a run has done so far, counted where it happens and read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts of everything in a pipeline. Shared; reading never stops the pipeline.
#[derive(Debug, Default)]
pub struct Tally {
    /// In the pipeline's order.
    pub streams: Vec<StreamTally>,
    /// In the pipeline's order.
    pub sinks: Vec<SinkTally>,
    /// Checkpoints saved.
    pub saves: AtomicU64,
}

/// Counts of one stream.
#[derive(Debug, Default)]
pub struct StreamTally {
    /// The output's name, `acme.audit_logs`.
    pub name: String,
    /// Pages taken.
    pub pages: AtomicU64,
    /// Events handed to sinks.
    pub events: AtomicU64,
    /// Records that cannot be events.
    pub rejected: AtomicU64,
    /// Records left out because they were delivered before.
    pub deduplicated: AtomicU64,
    /// How it ended, once it has.
    pub outcome: Mutex<StreamOutcome>,
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

/// Counts of one sink.
#[derive(Debug, Default)]
pub struct SinkTally {
    /// Its name in the config.
    pub name: String,
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
}

impl StreamTally {
    pub(super) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// How it ended, or that it has not.
    pub fn outcome(&self) -> StreamOutcome {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn end(&self, outcome: StreamOutcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }
}

impl SinkTally {
    pub(super) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
