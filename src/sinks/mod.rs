//! Where events go: one file a sink.
//!
//! A sink writes. It never retries, batches, counts or waits for its turn; the
//! pipeline does that around it. It knows nothing of checkpoints, only that a
//! state it hands out comes back after a restart.

mod ahead;
mod compress;
mod console;
#[cfg(test)]
mod contract;
mod encode;
mod fault;
mod file;
mod fingerprint;
mod http;
mod kafka;
mod memory;
mod object;
mod pace;
mod progress;
mod template;
mod vector;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::normalize::Event;

pub use compress::Compression;
pub use console::{Console, Target};
pub use encode::{
    Encoder, EncoderSettings, FieldPath, FieldPathError, Fields, Framing, Pattern, PatternError,
    TimestampFormat, without_metadata,
};
pub use file::{File, FileSettings};
pub use http::{Http, HttpAuth, HttpSettings, ResponseFormat, RetryStrategy};
pub use kafka::{Kafka, KafkaSinkSettings, MessageTime};
pub use memory::Memory;
pub use object::{Object, ObjectSettings};
pub use template::{Template, TemplateError};
pub use vector::{Vector, VectorSettings};

/// The events of one write, in order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Never empty when given to a sink.
    pub events: Vec<Event>,
    /// By output, `acme.audit_logs`: the position to read on from after the last page that ends
    /// in this batch. For people and for labels; nothing may depend on it.
    pub resume: BTreeMap<String, Value>,
}

/// What a sink wants to find again after a restart: saved in the checkpoint
/// together with the positions of the events it stands for, in one step.
pub type SinkState = Value;

/// Why a sink did not take a batch.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// What the pipeline does about it.
    pub kind: SinkErrorKind,
    /// What failed, in words, without secrets.
    pub message: String,
    /// What a person could do about it.
    pub hint: Option<String>,
}

impl SinkError {
    /// An error without a hint.
    pub fn new(kind: SinkErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same error, with what a person could do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What follows from a [`SinkError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkErrorKind {
    /// The destination is away or busy; the same write is tried again, for ever.
    Retry,
    /// The destination refuses for good (path, permission, credentials): the run fails.
    Config,
    /// Nobody reads any more (a closed pipe): the run ends, with success.
    Closed,
    /// A write of a former run arrived after this one began. The run has to begin again: then
    /// [`restore`](Sink::restore) sees what is there.
    Superseded,
}

/// What a sink found when it looked for what a former run had left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// The state from now on; none: as it was.
    pub state: Option<SinkState>,
    /// By output, `acme.audit_logs`: fingerprints of events that the sink holds although no
    /// position says so. It will not be given them again.
    pub held: BTreeMap<String, Vec<u64>>,
}

/// What became of a batch that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Replaces the state saved before, if any.
    pub state: Option<SinkState>,
    /// What the destination will never take. It goes to the output `<sink>.rejected` and counts
    /// as delivered.
    pub refused: Vec<Refused>,
}

impl Written {
    /// Everything was taken.
    pub fn all(state: Option<SinkState>) -> Self {
        Self { state, refused: Vec::new() }
    }
}

/// An event that the destination will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch.
    pub index: usize,
    /// Why, in words, without secrets.
    pub reason: String,
}

/// What a check tried, and found to be well. Most destinations cannot be proved to take a write
/// without one, so it says how far it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// In words, for a person: "the topic x is there; nothing was written".
    pub tried: String,
    /// How more could be tried.
    pub hint: Option<String>,
}

impl Checked {
    /// There is nothing more that could be tried.
    pub fn new(tried: impl Into<String>) -> Self {
        Self { tried: tried.into(), hint: None }
    }

    /// The same, with how more could be tried.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A destination.
///
/// The pipeline calls [`restore`](Sink::restore) once, before anything else, and then, for
/// each batch in turn, [`prepare`](Sink::prepare) and [`write`](Sink::write); never two at once,
/// but for [`announce`](Sink::announce).
/// A batch whose write failed with [`SinkErrorKind::Retry`] is prepared and written again, unchanged.
#[async_trait]
pub trait Sink: std::fmt::Debug + Send + Sync {
    /// Tries how far the destination can be written to without writing an event, and says what it
    /// tried.
    async fn check(&self) -> Result<Checked, SinkError>;

    /// Takes back what a former run had saved, and undoes whatever that run wrote after it, or
    /// tells what it was. `None`: there was no former run.
    async fn restore(&self, _state: Option<&SinkState>) -> Result<Restored, SinkError> {
        Ok(Restored::default())
    }

    /// What must be durable before this batch is written, if anything. Called with
    /// the events of the coming write; writes nothing that a reader could see.
    ///
    /// The state stands for everything written before too, so it is saved together with the
    /// positions of that: alone, it would make a restart write those events again.
    async fn prepare(&self, _batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        Ok(None)
    }

    /// Says which batch will be prepared next, perhaps while the one before is being written: what
    /// can be done for it in memory, such as to pack it, may begin. Nothing may depend on it.
    fn announce(&self, _batch: &Batch) {}

    /// Writes a batch: all of it or nothing that counts. `Ok` means durable; or, for a sink that
    /// shares a transaction with the checkpoint, durable with the save of the returned state.
    async fn write(&self, batch: &Batch) -> Result<Written, SinkError>;
}
