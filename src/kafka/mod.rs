//! Kafka: transactions that hold messages and one value each, and never lose count.
//!
//! What the sink and the checkpoint need of a cluster, around librdkafka. Each [`Transactor`] has
//! a transactional id, which keeps a second one with the same id out, and a *register*: a key of a
//! compacted topic whose value every transaction replaces. Whatever became of a transaction, the
//! register's value tells. (The offsets of a consumer group would do the same, but a cluster
//! forgets them after a week.) Nothing here knows an event, a position or a checkpoint; nothing
//! here retries for long: whoever asks does.
//!
//! librdkafka blocks. All of it runs where that is allowed, on tokio's blocking threads.

mod attempt;
mod client;
mod context;
mod error;
mod reader;
mod register;
mod settings;
mod shared;
mod token;
mod topic;
mod transactor;

pub use client::{Presence, check};
pub use error::{KafkaError, KafkaErrorKind};
pub use reader::{Read, Reader};
pub use settings::{Codec, KafkaSettings, Mechanism, OauthSettings, SaslSettings};
pub use shared::SharedTransaction;
pub use topic::RegisterSettings;
pub use transactor::{Committed, Transactor};

use std::sync::Arc;

use bytes::Bytes;

/// Headers that many messages have: their names and values.
pub type SharedHeaders = Arc<[(&'static str, String)]>;

/// A message for a topic. Those of a transaction are many, so they share what is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it goes. The cluster's partitioner chooses the partition, by the key if there is one.
    pub topic: Arc<str>,
    /// What tells messages apart, or keeps them together.
    pub key: Option<Bytes>,
    /// What it says.
    pub value: Bytes,
    /// What is known of it and of many others.
    pub common: SharedHeaders,
    /// What is known of it alone.
    pub headers: Vec<(&'static str, Bytes)>,
    /// Its time, in milliseconds since 1970.
    pub timestamp: i64,
}

/// Which messages of a transaction no broker takes, by their places, with the reason.
pub type Refusals = std::collections::BTreeMap<usize, String>;
