//! Objects in a bucket: one a batch and prefix, each written once.
//!
//! Before an object is put, the checkpoint holds its key and what will be in it; the put itself
//! happens only if nothing is there. So whatever becomes of the process, a look at the key tells
//! what became of the put. Nothing here knows which kind of bucket it is.

mod intent;
mod name;
mod pack;
mod parts;
mod pending;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{StreamExt as _, stream};

use super::ahead::Ahead;
use super::{
    Batch, Checked, Compression, Encoder, Restored, Sink, SinkError, SinkErrorKind, SinkState,
    Written, fault,
};
use crate::buckets::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, Put};
use crate::clock::Clock;
use crate::normalize::{Event, Origin};
use crate::random::Random;
use crate::sinks::fingerprint::{Fingerprints, fingerprints};
use intent::{Intent, from_state, to_state};
use name::Namer;
pub(super) use pack::hex;
use pack::{COUNT, SHA256, pack};
use parts::{Divided, Part, divided};
use pending::Pending;

/// Requests that are under way at the same time.
const AT_ONCE: usize = 8;

/// How objects are named and packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSettings {
    /// What keys begin with: `zendesk/{{ stream }}/date=%F/`. Events with different prefixes go
    /// to different objects. May be empty.
    pub prefix: String,
    /// The strftime codes of the time of writing, in UTC, that follow; may be empty.
    pub time_format: String,
    /// Whether a random part follows. Without it and with equal times, keys would collide, which
    /// stops the run.
    pub append_uuid: bool,
    /// What keys end in; none: what Vector ends them in, by compression.
    pub extension: Option<String>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Instead of the encoding's own.
    pub content_type: Option<String>,
    /// Instead of the compression's own; empty: none.
    pub content_encoding: Option<String>,
}

impl ObjectSettings {
    /// What the keys of all objects with events of this origin begin with.
    pub fn prefix_of(&self, origin: &Origin) -> Result<String, SinkError> {
        let namer = Namer::new(self)?;
        Ok(namer.prefix().map(|prefix| prefix.prefix_of(origin)).unwrap_or_default())
    }

    /// Fails where no keys can be made from them.
    pub fn check(&self) -> Result<(), SinkError> {
        Namer::new(self).map(drop)
    }
}

/// Writes batches as objects.
#[derive(Debug)]
pub struct Object {
    bucket: Arc<dyn Bucket>,
    settings: Arc<ObjectSettings>,
    namer: Arc<Namer>,
    encoder: Encoder,
    clock: Clock,
    random: Arc<Random>,
    ahead: Ahead<Result<PackedBatch, SinkError>>,
    writing: Mutex<Writing>,
}

#[derive(Debug, Default)]
struct Writing {
    /// Objects of former runs of which it is not known yet whether they will appear: they were
    /// not there at the start, but a request may still be on its way.
    open: Vec<Intent>,
    /// The objects of the batch that was prepared, until all are put.
    pending: Vec<Arc<Pending>>,
    /// The keys that are closed before they are put.
    closing: BTreeSet<String>,
    /// What was found under the keys of former runs, while a sink is restored. A look that
    /// succeeded is not taken again because another failed.
    found: BTreeMap<String, Option<Found>>,
}

/// What is under a key.
#[derive(Debug, Clone)]
struct Found {
    sha256: String,
    /// Whether it only keeps the key: it has no events.
    is_empty: bool,
}

impl Object {
    /// A sink that writes to `bucket`. Connects to nothing; fails where no keys can be made from
    /// the settings.
    pub fn new(
        bucket: Arc<dyn Bucket>,
        settings: ObjectSettings,
        encoder: Encoder,
        clock: Clock,
        random: Arc<Random>,
    ) -> Result<Self, SinkError> {
        let namer = Arc::new(Namer::new(&settings)?);
        let (settings, ahead, writing) = (Arc::new(settings), Ahead::default(), Mutex::default());
        Ok(Self { bucket, settings, namer, encoder, clock, random, ahead, writing })
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What packs a batch: one object a prefix, or key of a former run.
    fn packing(
        &self,
        open: Vec<Intent>,
    ) -> impl FnOnce(&Batch) -> Result<PackedBatch, SinkError> + use<> {
        let (namer, encoder) = (Arc::clone(&self.namer), self.encoder.clone());
        let settings = Arc::clone(&self.settings);
        move |batch| {
            let Divided { parts, closes } = divided(&namer, &batch.events, &open);
            let packed = parts.into_iter().map(|Part { prefix, key, places }| {
                let events: Vec<&Event> =
                    places.into_iter().map(|place| &batch.events[place]).collect();
                let (object, sha256) = pack(batch, &events, &encoder, &settings)?;
                let events = fingerprints(events.into_iter());
                Ok(Packed { prefix, key, object, sha256, events })
            });
            Ok(PackedBatch { objects: packed.collect::<Result<_, SinkError>>()?, closes })
        }
    }

    /// Gives a packed object its key: a new one, or that of an object which a former run may
    /// still be putting. Whoever comes first then has it, and the other is refused.
    fn pending(&self, packed: Packed) -> Pending {
        let Packed { prefix, key, object, sha256, events } = packed;
        let takes_over = key.is_some();
        let new_key = || self.namer.key(&prefix, self.clock.now(), &self.random);
        let key = key.unwrap_or_else(new_key);
        let intent = Intent { key, prefix, sha256, events, missed_since: None };
        Pending { intent, object, takes_over, done: AtomicBool::new(false) }
    }

    /// Puts those of these objects that are not there yet, some at a time. All are tried, whatever
    /// becomes of one.
    async fn put_all(&self, pending: &[Arc<Pending>]) -> Result<(), SinkError> {
        let missing = pending.iter().filter(|pending| !pending.done.load(Ordering::Relaxed));
        let mut puts: Vec<BoxFuture<'_, Result<(), SinkError>>> = Vec::new();
        for pending in missing {
            puts.push(Box::pin(self.put(pending)));
        }
        let outcomes: Vec<_> = stream::iter(puts).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().collect()
    }

    async fn put(&self, pending: &Pending) -> Result<(), SinkError> {
        let key = &pending.intent.key;
        let put = self.bucket.put(key, pending.object.clone(), Condition::Absent).await;
        let put = put.map_err(|error| pending.failed(error.into()))?;
        if put == Put::Refused {
            self.recognise(pending).await?;
        }
        pending.done.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Something is under the key of this object. Fails unless it is this object.
    async fn recognise(&self, pending: &Pending) -> Result<(), SinkError> {
        let key = &pending.intent.key;
        let place = format!("{}/{key}", self.bucket.location());
        let Some(present) = self.bucket.head(key).await? else {
            let text = format!("{place} was there and is gone");
            return Err(SinkError::new(SinkErrorKind::Retry, text));
        };
        let sha256 = present.metadata.get(SHA256);
        if sha256 == Some(&pending.intent.sha256) {
            // The answer to an earlier try was lost.
            return Ok(());
        }
        let ours = |former: &Intent| former.key == *key && Some(&former.sha256) == sha256;
        // One that only keeps a key is put at a start; that one may be late as well.
        if is_empty(&present.metadata) || self.lock().open.iter().any(ours) {
            let text = format!("{place} was put by a former run just now");
            return Err(SinkError::new(SinkErrorKind::Superseded, text));
        }
        Err(foreign(&place))
    }

    /// Looks under these keys, some at a time, and remembers what is there. All are tried,
    /// whatever becomes of one.
    async fn look(&self, keys: Vec<String>) -> Result<(), SinkError> {
        let mut looks: Vec<BoxFuture<'_, Result<(), SinkError>>> = Vec::new();
        for key in keys {
            looks.push(Box::pin(async move {
                let present = self.bucket.head(&key).await?;
                // Of something without our mark it is known only that it is not ours.
                let found = present.map(|mut present| Found {
                    is_empty: is_empty(&present.metadata),
                    sha256: present.metadata.remove(SHA256).unwrap_or_default(),
                });
                self.lock().found.insert(key, found);
                Ok(())
            }));
        }
        let outcomes: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        outcomes.into_iter().collect()
    }

    /// What a former run may have put under `key`, and whether it did: one that is there is held,
    /// the others stay open.
    fn adopt(
        &self,
        key: &str,
        candidates: Vec<Intent>,
        open: &mut Vec<Intent>,
        held: &mut BTreeMap<String, Vec<u64>>,
    ) -> Result<(), SinkError> {
        let found = self.lock().found.get(key).cloned().flatten();
        let Some(Found { sha256, is_empty }) = found else {
            open.extend(candidates);
            return Ok(());
        };
        if is_empty {
            // The key was settled: none of them will ever be there.
            return Ok(());
        }
        let mut candidates = candidates.into_iter();
        let Some(found) = candidates.find(|candidate| candidate.sha256 == sha256) else {
            return Err(foreign(&format!("{}/{key}", self.bucket.location())));
        };
        tracing::debug!(key, "an object of a former run is complete");
        for (output, ids) in found.events {
            held.entry(output).or_default().extend(ids.0);
        }
        Ok(())
    }
}

/// The objects of a batch.
#[derive(Debug)]
struct PackedBatch {
    objects: Vec<Packed>,
    /// Keys that are closed before they are put.
    closes: BTreeSet<String>,
}

/// The body of an object.
#[derive(Debug)]
struct Packed {
    prefix: String,
    /// The key of a former run that it takes over; none: it has no key yet.
    key: Option<String>,
    object: NewObject,
    sha256: String,
    events: BTreeMap<String, Fingerprints>,
}

/// Whether what this was put beside only keeps its key.
fn is_empty(metadata: &BTreeMap<String, String>) -> bool {
    metadata.get(COUNT).is_some_and(|count| count == "0")
}

fn foreign(place: &str) -> SinkError {
    let text = format!("{place} is there already, and is not what this sink wrote");
    SinkError::new(SinkErrorKind::Config, text).with_hint(
        "let only one zenstream write there, and keep `filename_append_uuid` on; then move the \
         object away",
    )
}

impl From<BucketError> for SinkError {
    fn from(error: BucketError) -> Self {
        let BucketError { kind, message, hint } = error;
        let kind = match kind {
            BucketErrorKind::Retry => SinkErrorKind::Retry,
            BucketErrorKind::Config => SinkErrorKind::Config,
        };
        Self { kind, message, hint }
    }
}

#[async_trait]
impl Sink for Object {
    /// Puts nothing: whoever watches the bucket would take it for events.
    async fn check(&self) -> Result<Checked, SinkError> {
        self.bucket.check().await?;
        let place = self.bucket.location();
        Ok(Checked::new(format!("{place} can be listed; no object was put")))
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        let Some(state) = state else { return Ok(Restored::default()) };
        let mut by_key: BTreeMap<String, Vec<Intent>> = BTreeMap::new();
        for intent in from_state(state)? {
            by_key.entry(intent.key.clone()).or_default().push(intent);
        }
        let unknown: Vec<String> = {
            let writing = self.lock();
            by_key.keys().filter(|key| !writing.found.contains_key(*key)).cloned().collect()
        };
        self.look(unknown).await?;
        let (mut open, mut held) = (Vec::new(), BTreeMap::new());
        for (key, candidates) in by_key {
            self.adopt(&key, candidates, &mut open, &mut held)?;
        }
        let open = self.settle(open).await?;
        let mut writing = self.lock();
        writing.found.clear();
        writing.open.clone_from(&open);
        Ok(Restored { state: Some(to_state(open)), held })
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        if !self.lock().pending.is_empty() {
            // The same batch again, after a write that failed: its keys are saved already.
            return Ok(None);
        }
        let open = self.lock().open.clone();
        let packed = self.ahead.take(batch, self.packing(open)).await;
        let packed = packed.unwrap_or_else(|lost| Err(fault::of_lost_task(&lost)))?;
        let PackedBatch { objects: packed, closes } = packed;
        let pending: Vec<_> =
            packed.into_iter().map(|packed| Arc::new(self.pending(packed))).collect();
        let mut writing = self.lock();
        let mut intents = writing.open.clone();
        for new in pending.iter().map(|pending| &pending.intent) {
            let known = |known: &Intent| known.key == new.key && known.sha256 == new.sha256;
            if !intents.iter().any(known) {
                intents.push(new.clone());
            }
        }
        writing.pending = pending;
        writing.closing = closes;
        Ok(Some(to_state(intents)))
    }

    fn announce(&self, batch: &Batch) {
        // What is open decides how a batch is divided, and may change until it is its turn. What
        // is not, cannot become so.
        if self.lock().open.is_empty() {
            self.ahead.begin(batch, self.packing(Vec::new()));
        }
    }

    async fn write(&self, _batch: &Batch) -> Result<Written, SinkError> {
        let (pending, closing) = {
            let writing = self.lock();
            (writing.pending.clone(), writing.closing.clone())
        };
        for key in &closing {
            self.close(key).await?;
        }
        self.put_all(&pending).await?;
        let mut writing = self.lock();
        writing.pending.clear();
        writing.closing.clear();
        let is_put = |key: &String| pending.iter().any(|put| put.intent.key == *key);
        writing.open.retain(|former| !is_put(&former.key) && !closing.contains(&former.key));
        Ok(Written::all(Some(to_state(writing.open.clone()))))
    }
}
