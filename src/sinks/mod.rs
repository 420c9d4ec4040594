//! Where events go: one file a sink.
//!
//! A sink writes. It never retries, batches, counts or waits for its turn; the
//! pipeline does that around it. It knows nothing of checkpoints, only that a
//! state it hands out comes back after a restart.

mod console;
#[cfg(test)]
mod contract;
mod encode;
mod fault;
mod file;
mod memory;
mod template;

use async_trait::async_trait;
use serde_json::Value;

use crate::normalize::Event;

pub use console::{Console, Target};
pub use encode::Encoder;
pub use file::{Compression, File, FileSettings};
pub use memory::Memory;
pub use template::{Template, TemplateError};

/// The events of one write, in order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Never empty when given to a sink.
    pub events: Vec<Event>,
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
}

/// A destination.
///
/// The pipeline calls [`restore`](Sink::restore) once, before anything else, and then, for
/// each batch in turn, [`prepare`](Sink::prepare) and [`write`](Sink::write); never two at once.
/// A batch whose write failed with [`SinkErrorKind::Retry`] is prepared and written again, unchanged.
#[async_trait]
pub trait Sink: std::fmt::Debug + Send + Sync {
    /// Proves that the destination can be written to, without writing an event.
    async fn check(&self) -> Result<(), SinkError>;

    /// Takes back what a former run had saved, and undoes whatever that run wrote
    /// after it. `None`: there was no former run.
    async fn restore(&self, _state: Option<&SinkState>) -> Result<(), SinkError> {
        Ok(())
    }

    /// What must be durable before this batch is written, if anything. Called with
    /// the events of the coming write; writes nothing that a reader could see.
    ///
    /// The state stands for everything written before too, so it is saved together with the
    /// positions of that: alone, it would make a restart write those events again.
    async fn prepare(&self, _batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        Ok(None)
    }

    /// Writes a batch: all of it or nothing that counts. `Ok` means durable. The state
    /// returned, if any, replaces the one saved before.
    async fn write(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError>;
}
