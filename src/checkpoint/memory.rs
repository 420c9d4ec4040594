//! A checkpoint kept in memory, for tests and for runs that need none after.
//!
//! It outlives the pipeline that uses it, not the process. It must be as strict
//! about revisions as a store that keeps documents.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Checkpoint, CheckpointStore, Revision, StoreError};

/// Keeps a checkpoint in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Option<(Revision, Checkpoint)>>>,
}

impl MemoryStore {
    /// One with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is kept now.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|(_, checkpoint)| checkpoint.clone())
    }
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.as_ref().map(|(revision, _)| *revision);
        if found != expected {
            return Err(StoreError::conflict("memory", expected, found));
        }
        let revision = expected.map_or(1, |revision| revision + 1);
        *kept = Some((revision, next.clone()));
        Ok(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::contract::{Home, store_contract};

    #[async_trait]
    impl Home for MemoryStore {
        async fn open(&self) -> Result<Box<dyn CheckpointStore>, StoreError> {
            Ok(Box::new(self.clone()))
        }

        async fn put(&self, _document: &[u8]) {
            unreachable!("there are no documents in memory")
        }
    }

    store_contract!(memory, MemoryStore::new(), any);
}
