//! Where we stopped: what is remembered between runs, and where it is kept.
//!
//! One document holds everything that must move in one step: the position of
//! every stream, what each sink holds beyond it, and the state of the sinks. A
//! store keeps it; it must not look inside.

mod bucket;
#[cfg(test)]
mod contract;
mod document;
mod file;
mod kafka;
mod lease;
mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sinks::SinkState;
use crate::streams::Position;

pub use bucket::BucketStore;
pub use file::FileStore;
pub use kafka::KafkaStore;
pub use lease::{Lease, LeaseSettings, Role};
pub use memory::MemoryStore;

/// What is remembered of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// By output name, `acme.audit_logs`.
    #[serde(default)]
    pub streams: BTreeMap<String, StreamState>,
    /// By sink name: what the sink asked to find again.
    #[serde(default)]
    pub sinks: BTreeMap<String, SinkState>,
}

impl Checkpoint {
    /// About how many bytes it takes when it is written.
    pub fn bytes(&self) -> usize {
        let streams = self.streams.values().map(|stream| {
            let ahead: usize = stream.ahead.values().map(Vec::len).sum();
            bytes_of(&stream.position.0) + ahead * FINGERPRINT_BYTES
        });
        streams.sum::<usize>() + self.sinks.values().map(bytes_of).sum::<usize>()
    }
}

/// A fingerprint in decimal, and the comma after it.
const FINGERPRINT_BYTES: usize = 20;

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(bytes_of).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + bytes_of(value)).sum::<usize>() + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => FINGERPRINT_BYTES / 2,
    }
}

/// What is remembered of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamState {
    /// The account it was read from, `https://acme.zendesk.com`; a position of
    /// one account means nothing in another.
    pub endpoint: String,
    /// Every sink holds every event before it.
    pub position: Position,
    /// By sink name: fingerprints of the events beyond the position that this sink
    /// holds already, so that it is not given them again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ahead: BTreeMap<String, Vec<u64>>,
    /// Since when it has brought no event, where that is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// The time of its newest event; it may lie beyond the position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<Timestamp>,
}

/// Since when a stream has brought no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// When the last one came, by this machine's clock, or its own time, where it came with all
    /// that had been before; or when it was first looked for.
    pub since: Timestamp,
    /// Whether an alert was raised of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
}

/// The number of saves a document has seen; what a save must name to replace it.
pub type Revision = u64;

/// A checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What the pipeline does about it.
    pub kind: StoreErrorKind,
    /// What failed, in words, with the place.
    pub message: String,
    /// What a person could do about it.
    pub hint: Option<String>,
}

impl StoreError {
    /// An error without a hint.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same error, with what a person could do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is there has the revision `found`, not `expected`: somebody else saved.
    pub(crate) fn conflict(
        location: &str,
        expected: Option<Revision>,
        found: Option<Revision>,
    ) -> Self {
        let named = |revision: Option<Revision>| match revision {
            Some(revision) => format!("at revision {revision}"),
            None => "absent".to_owned(),
        };
        let (expected, found) = (named(expected), named(found));
        let text =
            format!("the checkpoint {location} is {found}, but was {expected} when last seen");
        Self::new(StoreErrorKind::Conflict, text)
            .with_hint("let only one zenstream run on a checkpoint")
    }
}

/// What follows from a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store is away; saving is tried again, for ever.
    Retry,
    /// Someone else saved since we loaded: this run must stop. It may begin again once, because it
    /// may have been a former run, whose save arrived late.
    Conflict,
    /// Someone who started after us saved since we loaded: this run begins again, and the other
    /// one has to stop.
    Intruded,
    /// Someone else has taken our place: this run must stop.
    Fenced,
    /// What is there cannot be read by this version, or must not be touched: the run fails
    /// rather than start from nothing.
    Refused,
}

/// Keeps one [`Checkpoint`].
///
/// `load` is called once, then `save` any number of times, one at a time.
#[async_trait]
pub trait CheckpointStore: std::fmt::Debug + Send + Sync {
    /// The place, for messages: a path or a URL, without secrets.
    fn location(&self) -> String;

    /// How long to wait between two saves that nobody waits for. What lies between them is told
    /// again after a crash, or was already told by a sink's state.
    fn interval(&self) -> Duration {
        Duration::ZERO
    }

    /// Proves that what is there can be read, without taking it from a run that has it.
    async fn check(&self) -> Result<(), StoreError> {
        self.peek().await.map(drop)
    }

    /// What is there, without taking it from a run that has it. What a later `save` replaces is
    /// not what was seen here, but what `load` returned.
    async fn peek(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        self.load().await
    }

    /// What is there. `None` only where there certainly is nothing: whatever else goes wrong is an
    /// error, never "start from empty".
    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError>;

    /// Replaces what is there, durably and in one step, if it still has the revision `expected`
    /// (`None`: if there is nothing), and returns the new revision.
    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_checkpoint_is_known_about() {
        let long = |n: u64| StreamState {
            endpoint: "https://acme.zendesk.com".to_owned(),
            position: Position(
                serde_json::json!({ "met": "x".repeat(5_000), "seen": vec![n; 300] }),
            ),
            ahead: [("archive".to_owned(), vec![u64::MAX - n; 2_000])].into(),
            quiet: None,
            last_event: None,
        };
        let streams = (0..4).map(|n| (format!("s{n}"), long(n << 40))).collect();
        let checkpoint = Checkpoint { streams, ..Checkpoint::default() };
        let written = serde_json::to_vec(&checkpoint).unwrap().len();
        let (low, high) = (written * 8 / 10, written * 12 / 10);
        assert!((low..high).contains(&checkpoint.bytes()), "{} of {written}", checkpoint.bytes());
    }
}
