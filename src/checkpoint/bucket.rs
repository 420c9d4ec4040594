//! The checkpoint as one object in a bucket.
//!
//! A save replaces the very version that was seen last, and the store itself compares: of two
//! holders only one saves. It must not know which kind of bucket it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::document::{decode, encode};
use super::{Checkpoint, CheckpointStore, Revision, StoreError, StoreErrorKind};
use crate::buckets::{
    Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version,
};
use crate::random::Random;

/// The object's metadata that says which process wrote it.
const WRITER: &str = "zenstream-writer";

/// The object's metadata that says when that process began, in milliseconds since 1970.
const STARTED: &str = "zenstream-started";

/// Between two saves that nobody waits for: each is a paid request, and Google lets one object be
/// replaced about once a second (<https://cloud.google.com/storage/quotas>).
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps a checkpoint under one key.
#[derive(Debug)]
pub struct BucketStore {
    bucket: Arc<dyn Bucket>,
    key: String,
    /// Tells what this process wrote from what another did.
    writer: String,
    started: Timestamp,
    /// What was there when we last looked or wrote.
    seen: Mutex<Option<(Revision, Version)>>,
}

impl BucketStore {
    /// A store for the object `key`. Connects to nothing.
    ///
    /// `started` is when the process began: of two that write to one key, the later one goes.
    pub fn new(bucket: Arc<dyn Bucket>, key: String, random: &Random, started: Timestamp) -> Self {
        let writer = format!("{:032x}", random.bits());
        Self { bucket, key, writer, started, seen: Mutex::default() }
    }

    fn seen(&self) -> Option<(Revision, Version)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn see(&self, seen: Option<(Revision, Version)>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    async fn get(&self) -> Result<Option<(ObjectInfo, Bytes)>, StoreError> {
        self.bucket.get(&self.key).await.map_err(|error| self.failed("read", error))
    }

    fn failed(&self, doing: &str, error: BucketError) -> StoreError {
        let BucketError { kind, message, hint } = error;
        let kind = match kind {
            BucketErrorKind::Retry => StoreErrorKind::Retry,
            BucketErrorKind::Config => StoreErrorKind::Refused,
        };
        let message = format!("cannot {doing} the checkpoint {}: {message}", self.location());
        StoreError { kind, message, hint }
    }

    /// The object is not the version that was seen last. That is well if an earlier try of this
    /// very save made it so, whose answer was lost.
    async fn look_again(
        &self,
        expected: Option<Revision>,
        document: &[u8],
    ) -> Result<Version, StoreError> {
        let conflict = |found| StoreError::conflict(&self.location(), expected, found);
        let Some((info, bytes)) = self.get().await? else { return Err(conflict(None)) };
        if info.metadata.get(WRITER) == Some(&self.writer) && bytes == document {
            return Ok(info.version);
        }
        let (found, _) = decode(&bytes, &self.location())?;
        let started = info.metadata.get(STARTED).and_then(|at| at.parse::<i64>().ok());
        let conflict = conflict(Some(found));
        Err(match started {
            Some(started) if started > self.started.as_millisecond() => {
                StoreError { kind: StoreErrorKind::Intruded, ..conflict }
            }
            _ => conflict,
        })
    }
}

#[async_trait]
impl CheckpointStore for BucketStore {
    fn location(&self) -> String {
        format!("{}/{}", self.bucket.location(), self.key)
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        let Some((info, bytes)) = self.get().await? else {
            self.see(None);
            return Ok(None);
        };
        let loaded = decode(&bytes, &self.location())?;
        self.see(Some((loaded.0, info.version)));
        Ok(Some(loaded))
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        let seen = self.seen();
        if seen.as_ref().map(|(revision, _)| *revision) != expected {
            // Whoever saves without having loaded gets the truth to compare with.
            let found = self.get().await?.map(|(_, bytes)| decode(&bytes, &self.location()));
            let found = found.transpose()?.map(|(revision, _)| revision);
            return Err(StoreError::conflict(&self.location(), expected, found));
        }
        let revision = expected.map_or(1, |revision| revision + 1);
        let document = encode(revision, next)?;
        let condition = seen.map_or(Condition::Absent, |(_, version)| Condition::Version(version));
        let object = NewObject {
            body: Bytes::from(document.clone()),
            content_type: "application/json".to_owned(),
            content_encoding: None,
            metadata: [
                (WRITER.to_owned(), self.writer.clone()),
                (STARTED.to_owned(), self.started.as_millisecond().to_string()),
            ]
            .into(),
        };
        let put = self.bucket.put(&self.key, object, condition).await;
        let version = match put.map_err(|error| self.failed("write", error))? {
            Put::Done(version) => version,
            Put::Refused => self.look_again(expected, &document).await?,
        };
        self.see(Some((revision, version)));
        Ok(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buckets::MemoryBucket;
    use crate::checkpoint::contract::{Home, store_contract};

    #[async_trait]
    impl Home for MemoryBucket {
        async fn open(&self) -> Result<Box<dyn CheckpointStore>, StoreError> {
            Ok(Box::new(store(self)))
        }

        async fn put(&self, document: &[u8]) {
            let body = Bytes::copy_from_slice(document);
            self.overwrite("state.json", NewObject { body, ..NewObject::default() });
        }
    }

    fn store(bucket: &MemoryBucket) -> BucketStore {
        store_of(bucket, 0)
    }

    /// Of a process that began then.
    fn store_of(bucket: &MemoryBucket, second: i64) -> BucketStore {
        let (random, key) = (Random::from_system(), "state.json".to_owned());
        let started = Timestamp::from_second(second).unwrap();
        BucketStore::new(Arc::new(bucket.clone()), key, &random, started)
    }

    #[tokio::test]
    async fn of_two_processes_the_earlier_one_knows_that_the_other_is_in_the_way() {
        let bucket = MemoryBucket::default();
        let (first, second) = (store_of(&bucket, 1), store_of(&bucket, 2));
        first.load().await.unwrap();
        second.load().await.unwrap();
        second.save(None, &Checkpoint::default()).await.unwrap();
        let error = first.save(None, &Checkpoint::default()).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Intruded);
        first.load().await.unwrap();
        first.save(Some(1), &Checkpoint::default()).await.unwrap();
        let error = second.save(Some(1), &Checkpoint::default()).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Conflict);
    }

    store_contract!(bucket, MemoryBucket::default(), documents);

    #[tokio::test]
    async fn a_save_whose_answer_was_lost_is_not_a_conflict_with_itself() {
        let bucket = MemoryBucket::default();
        let store = store(&bucket);
        store.load().await.unwrap();
        for expected in [None, Some(1), Some(2)] {
            bucket.lose_answers(1);
            let lost = store.save(expected, &Checkpoint::default()).await.unwrap_err();
            assert_eq!(lost.kind, StoreErrorKind::Retry);
            let revision = store.save(expected, &Checkpoint::default()).await.unwrap();
            assert_eq!(revision, expected.unwrap_or(0) + 1);
        }
    }

    #[tokio::test]
    async fn the_same_document_of_another_holder_is_a_conflict() {
        let bucket = MemoryBucket::default();
        let (one, other) = (store(&bucket), store(&bucket));
        one.load().await.unwrap();
        other.load().await.unwrap();
        one.save(None, &Checkpoint::default()).await.unwrap();
        let error = other.save(None, &Checkpoint::default()).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Conflict);
    }
}
