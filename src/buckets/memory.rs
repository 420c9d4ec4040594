//! A bucket in memory, for tests of what uses one. It keeps every promise of the trait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version};

/// Clones share what is in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryBucket(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    objects: BTreeMap<String, (u64, NewObject)>,
    puts: u64,
    /// The next puts take place, but their answers are lost.
    lose_answers: u32,
    /// The next puts fail, and arrive later.
    delay: u32,
    /// Puts on their way, whose senders no longer wait.
    late: Vec<(String, NewObject, Condition)>,
}

impl Inside {
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
        self.0.lock().expect("nobody panics with it")
    }

    /// Everything, in the order in which it was put.
    pub(crate) fn objects(&self) -> Vec<(String, NewObject)> {
        let inside = self.lock();
        let mut objects: Vec<_> = inside.objects.iter().collect();
        objects.sort_by_key(|(_, (version, _))| *version);
        objects.into_iter().map(|(key, (_, object))| (key.clone(), object.clone())).collect()
    }

    /// The next `count` puts take place, but say that they failed.
    pub(crate) fn lose_answers(&self, count: u32) {
        self.lock().lose_answers = count;
    }

    /// The next `count` puts fail, and arrive when [`arrive`](Self::arrive) lets them.
    pub(crate) fn delay(&self, count: u32) {
        self.lock().delay = count;
    }

    /// What was delayed takes place now, as far as its condition holds.
    pub(crate) fn arrive(&self) {
        let mut inside = self.lock();
        for (key, object, condition) in std::mem::take(&mut inside.late) {
            inside.put(&key, object, &condition);
        }
    }

    /// Puts an object whatever is there, as somebody else would.
    pub(crate) fn overwrite(&self, key: &str, object: NewObject) {
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
        let mut inside = self.lock();
        if inside.delay > 0 {
            inside.delay -= 1;
            inside.late.push((key.to_owned(), object, condition));
            return Err(away());
        }
        let put = inside.put(key, object, &condition);
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
