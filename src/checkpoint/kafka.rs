//! A checkpoint kept in Kafka: the value of one key of a compacted topic.
//!
//! Each save is a transaction. Messages that sinks have staged for it are in the same one, so
//! events and position become visible together or not at all. Who loads shuts out every other
//! with the same key: no second look is needed when saving.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Checkpoint, CheckpointStore, Revision, StoreError, StoreErrorKind, document};
use crate::kafka::{KafkaError, KafkaErrorKind, SharedTransaction, Transactor};

/// Keeps a checkpoint in Kafka.
#[derive(Debug)]
pub struct KafkaStore {
    transaction: Arc<SharedTransaction>,
    seen: Mutex<Seen>,
}

/// The revision of the document, once it was looked at. The transactional id keeps it true.
#[derive(Debug, Clone, Copy)]
enum Seen {
    NotYet,
    At(Option<Revision>),
}

impl KafkaStore {
    /// Keeps it where the transaction has its register. Connects to nothing yet.
    pub fn new(transaction: Arc<SharedTransaction>) -> Self {
        Self { transaction, seen: Mutex::new(Seen::NotYet) }
    }

    fn transactor(&self) -> &Transactor {
        self.transaction.transactor()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decode(&self, value: Option<Vec<u8>>) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        value.map(|bytes| document::decode(&bytes, &self.location())).transpose()
    }
}

impl From<KafkaError> for StoreError {
    fn from(error: KafkaError) -> Self {
        let KafkaError { kind, message, hint } = error;
        let kind = match kind {
            KafkaErrorKind::Retry => StoreErrorKind::Retry,
            KafkaErrorKind::Config => StoreErrorKind::Refused,
            KafkaErrorKind::Fenced => StoreErrorKind::Fenced,
        };
        Self { kind, message, hint }
    }
}

#[async_trait]
impl CheckpointStore for KafkaStore {
    fn location(&self) -> String {
        let register = self.transactor().register();
        let servers = &self.transactor().settings().bootstrap_servers;
        format!("kafka://{servers}/{}/{}", register.topic, register.key)
    }

    async fn peek(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        self.decode(self.transactor().peek().await?)
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        let loaded = self.decode(self.transactor().open().await?)?;
        *self.seen() = Seen::At(loaded.as_ref().map(|(revision, _)| *revision));
        Ok(loaded)
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        let seen = *self.seen();
        let found = match seen {
            Seen::At(found) => found,
            Seen::NotYet => self.load().await?.map(|(revision, _)| revision),
        };
        if found != expected {
            return Err(StoreError::conflict(&self.location(), expected, found));
        }
        let revision = expected.map_or(1, |revision| revision + 1);
        let value = document::encode(revision, next)?;
        self.transaction.commit(&next.sinks, value).await?;
        *self.seen() = Seen::At(Some(revision));
        Ok(revision)
    }
}
