//! A bucket in memory: for embedding, and for tests of whatever uses one.
//!
//! It keeps every promise of the trait, and can be slow, lose answers and let puts arrive after
//! their sender has gone, as a network does. It must not do so unasked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version};

/// Clones share what is in it.
#[derive(Debug, Clone, Default)]
pub struct MemoryBucket(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    objects: BTreeMap<String, (u64, NewObject)>,
    puts: u64,
    /// The next puts take place, but their answers are lost.
    lose_answers: u32,
    /// The next puts fail, and arrive later.
    delay: u32,
    /// How long a put is on its way.
    latency: Duration,
    /// Puts on their way, by number.
    under_way: BTreeMap<u64, (String, NewObject, Condition)>,
    begun: u64,
}

impl Inside {
    /// Sends a put on its way: its number, how long it takes, and whether it is delayed.
    fn begin(&mut self, key: &str, new: NewObject, condition: Condition) -> (u64, Duration, bool) {
        self.begun += 1;
        self.under_way.insert(self.begun, (key.to_owned(), new, condition));
        let delayed = self.delay > 0;
        self.delay = self.delay.saturating_sub(1);
        (self.begun, self.latency, delayed)
    }

    fn put(&mut self, key: &str, object: NewObject, condition: &Condition) -> Put {
        let present = self.objects.get(key).map(|(version, _)| version.to_string());
        let holds = match condition {
            Condition::Absent => present.is_none(),
            Condition::Version(Version(version)) => present.as_ref() == Some(version),
        };
        if !holds {
            return Put::Refused;
        }
        self.puts += 1;
        self.objects.insert(key.to_owned(), (self.puts, object));
        Put::Done(Version(self.puts.to_string()))
    }
}

impl MemoryBucket {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything, in the order in which it was put.
    pub fn objects(&self) -> Vec<(String, NewObject)> {
        let inside = self.lock();
        let mut objects: Vec<_> = inside.objects.iter().collect();
        objects.sort_by_key(|(_, (version, _))| *version);
        objects.into_iter().map(|(key, (_, object))| (key.clone(), object.clone())).collect()
    }

    /// The next `count` puts take place, but say that they failed.
    pub fn lose_answers(&self, count: u32) {
        self.lock().lose_answers = count;
    }

    /// The next `count` puts fail, and arrive when [`arrive`](Self::arrive) lets them.
    pub fn delay(&self, count: u32) {
        self.lock().delay = count;
    }

    /// What was delayed takes place now, as far as its condition holds.
    pub fn arrive(&self) {
        let mut inside = self.lock();
        for (key, object, condition) in std::mem::take(&mut inside.under_way).into_values() {
            inside.put(&key, object, &condition);
        }
    }

    /// One of what was delayed takes place now, as far as its condition holds: the `which`th,
    /// counted round and round.
    pub fn arrive_one(&self, which: usize) {
        let mut inside = self.lock();
        let Some(place) = which.checked_rem(inside.under_way.len()) else { return };
        let Some(number) = inside.under_way.keys().nth(place).copied() else { return };
        if let Some((key, object, condition)) = inside.under_way.remove(&number) {
            inside.put(&key, object, &condition);
        }
    }

    /// Every put is on its way for this long. One whose sender goes meanwhile arrives when
    /// [`arrive`](Self::arrive) lets it.
    pub fn slow_down(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// Removes an object, as somebody else would.
    pub fn remove(&self, key: &str) {
        self.lock().objects.remove(key);
    }

    /// Puts an object whatever is there, as somebody else would.
    pub fn overwrite(&self, key: &str, object: NewObject) {
        let mut inside = self.lock();
        inside.puts += 1;
        let version = inside.puts;
        inside.objects.insert(key.to_owned(), (version, object));
    }
}

fn away() -> BucketError {
    BucketError::new(BucketErrorKind::Retry, "memory: connection lost")
}

#[async_trait]
impl Bucket for MemoryBucket {
    fn location(&self) -> String {
        "memory://bucket".to_owned()
    }

    async fn check(&self) -> Result<(), BucketError> {
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError> {
        Ok(self.get(key).await?.map(|(info, _)| info))
    }

    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError> {
        let inside = self.lock();
        Ok(inside.objects.get(key).map(|(version, object)| {
            let (version, metadata) = (Version(version.to_string()), object.metadata.clone());
            (ObjectInfo { version, metadata }, object.body.clone())
        }))
    }

    async fn put(
        &self,
        key: &str,
        object: NewObject,
        condition: Condition,
    ) -> Result<Put, BucketError> {
        let (number, latency, delayed) = self.lock().begin(key, object, condition);
        if delayed {
            return Err(away());
        }
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let mut inside = self.lock();
        let Some((key, object, condition)) = inside.under_way.remove(&number) else {
            return Err(away());
        };
        let put = inside.put(&key, object, &condition);
        if inside.lose_answers > 0 {
            inside.lose_answers -= 1;
            return Err(away());
        }
        Ok(put)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let inside = self.lock();
        Ok(inside.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}
