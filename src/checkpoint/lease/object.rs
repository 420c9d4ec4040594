//! A lease as one object in a bucket: who holds it, and proof that he is alive.
//!
//! Every write replaces the very version that was seen last, and no two have the same content, so a
//! version that stands for a whole `ttl` was not renewed for so long. Each side measures that with a
//! clock of its own that only goes forward; no time that another machine wrote is compared with.
//! The holder counts from before it sent, the others from after they saw, so the holder is the first
//! to know that its time is up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::super::{StoreError, StoreErrorKind};
use crate::buckets::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, Put, Version};
use crate::clock::Clock;

/// Goes up when an older version would misread the object.
const FORMAT: u64 = 1;

/// A lease that says it lasts longer was not written by us.
const TTL_MAX: Duration = Duration::from_secs(3_600);

/// The shortest and the longest pause between two looks of those who wait: each is a paid request.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// So often a write that was refused is tried again, on what was found instead.
const WRITES: u32 = 3;

/// What is in the object. The time is for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    format: u64,
    holder: String,
    /// Counts the writes of this holder, so that no two have the same content.
    renewals: u64,
    renewed: Timestamp,
    ttl_ms: u64,
    /// It was given back.
    released: bool,
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) enum Turn {
    Ours,
    /// `at_work` tells that he was seen to renew it.
    Taken {
        by: String,
        at_work: bool,
    },
    /// Somebody wrote at the same moment: to be looked at again.
    Raced,
}

/// What was seen of a lease that another holds.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: Option<(Version, Instant)>,
    /// Whether it ever changed while it was looked at.
    changed: bool,
}

impl Watch {
    /// Takes in a version. Returns since when it has stood.
    fn look(&mut self, version: &Version) -> Instant {
        match &self.seen {
            Some((seen, since)) if seen == version => *since,
            seen => {
                self.changed |= seen.is_some();
                let now = Instant::now();
                self.seen = Some((version.clone(), now));
                now
            }
        }
    }
}

/// The lease, as one process sees it.
#[derive(Debug)]
pub(super) struct ObjectLease {
    bucket: Arc<dyn Bucket>,
    key: String,
    ttl: Duration,
    holder: String,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    renewals: u64,
    held: Option<Held>,
}

/// The version that we wrote last, and when it was sent.
#[derive(Debug, Clone)]
struct Held {
    version: Version,
    sent: Instant,
}

impl ObjectLease {
    pub(super) fn new(
        bucket: Arc<dyn Bucket>,
        key: String,
        ttl: Duration,
        holder: String,
        clock: Clock,
    ) -> Self {
        Self { bucket, key, ttl, holder, clock, state: Mutex::default() }
    }

    /// Between two looks of one who waits.
    pub(super) fn pause(&self) -> Duration {
        (self.ttl / 10).clamp(PAUSES.0, PAUSES.1)
    }

    /// Proves that what is there can be read.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.look().await.map(drop)
    }

    /// Takes it if nobody has it: it is not there, was given back, or has stood for its `ttl`.
    pub(super) async fn try_take(&self, watch: &mut Watch) -> Result<Turn, StoreError> {
        let condition = match self.look().await? {
            None => Condition::Absent,
            Some((version, record)) => {
                // Ours is one whose write was answered by nobody.
                let is_free = record.released || record.holder == self.holder;
                let ttl = Duration::from_millis(record.ttl_ms).min(TTL_MAX);
                if !is_free && watch.look(&version).elapsed() < ttl {
                    return Ok(Turn::Taken { by: record.holder, at_work: watch.changed });
                }
                Condition::Version(version)
            }
        };
        let written = self.write(condition, false).await?;
        // Whoever was paused in between may have it no more.
        let in_time =
            self.lock().held.as_ref().is_some_and(|held| Instant::now() < self.end_of(held));
        Ok(if written && in_time { Turn::Ours } else { Turn::Raced })
    }

    /// When the holder has to stop: some time before another may begin.
    fn end_of(&self, held: &Held) -> Instant {
        held.sent + self.ttl * 5 / 6
    }

    /// Renews it until that fails. Who cannot renew it in time has to stop before another may begin.
    pub(super) async fn keep(&self) -> StoreError {
        let mut trouble = None;
        loop {
            let Some(held) = self.lock().held.clone() else {
                return std::future::pending().await;
            };
            let deadline = self.end_of(&held);
            let due = match &trouble {
                None => held.sent + self.ttl / 3,
                Some(_) => Instant::now() + self.ttl / 10,
            };
            sleep_until(due.min(deadline)).await;
            if Instant::now() >= deadline {
                return self.overdue(held.sent, trouble);
            }
            match timeout_at(deadline, self.replace(false)).await {
                Err(_) => return self.overdue(held.sent, trouble),
                Ok(Ok(None)) => trouble = None,
                Ok(Ok(Some(holder))) => return self.taken_by(&holder),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lease was not renewed, trying again");
                    trouble = Some(error);
                }
            }
        }
    }

    /// Gives it back, if it is held. Returns why that was too late, if another has it already.
    pub(super) async fn release(&self) -> Option<StoreError> {
        self.lock().held.as_ref()?;
        let released = self.replace(true).await;
        self.lock().held = None;
        match released {
            Ok(None) => tracing::info!("the lease was given back"),
            Ok(Some(holder)) => return Some(self.taken_by(&holder)),
            Err(error) => tracing::warn!(%error, "the lease was not given back; it ends by itself"),
        }
        None
    }

    /// Writes over what this process wrote last. Returns who else has it, if another does.
    async fn replace(&self, released: bool) -> Result<Option<String>, StoreError> {
        let Some(held) = self.lock().held.clone() else { return Ok(None) };
        let mut condition = Condition::Version(held.version);
        for _ in 0..WRITES {
            if self.write(condition, released).await? {
                return Ok(None);
            }
            condition = match self.look().await? {
                // Removed by hand, or by a rule of the bucket: nobody has taken it.
                None => Condition::Absent,
                // An earlier write of ours, whose answer was lost.
                Some((version, record)) if record.holder == self.holder => {
                    Condition::Version(version)
                }
                Some((_, record)) => return Ok(Some(record.holder)),
            };
        }
        let text = format!("the lease {} changes all the time", self.location());
        Err(StoreError::new(StoreErrorKind::Retry, text))
    }

    /// One write. Returns whether it took place.
    async fn write(&self, condition: Condition, released: bool) -> Result<bool, StoreError> {
        let body = self.next_record(released)?;
        let content_type = "application/json".to_owned();
        let object = NewObject { body, content_type, ..NewObject::default() };
        let sent = Instant::now();
        match self.within("write", self.bucket.put(&self.key, object, condition)).await? {
            Put::Done(version) => {
                self.lock().held = Some(Held { version, sent });
                Ok(true)
            }
            Put::Refused => Ok(false),
        }
    }

    fn next_record(&self, released: bool) -> Result<Bytes, StoreError> {
        let renewals = {
            let mut state = self.lock();
            state.renewals += 1;
            state.renewals
        };
        let record = Record {
            format: FORMAT,
            holder: self.holder.clone(),
            renewals,
            renewed: self.clock.now(),
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            released,
        };
        serde_json::to_vec(&record).map(Bytes::from).map_err(|error| {
            let text = format!("the lease cannot be written as JSON: {error}");
            StoreError::new(StoreErrorKind::Refused, text)
        })
    }

    /// What is there; none if there is nothing.
    async fn look(&self) -> Result<Option<(Version, Record)>, StoreError> {
        let Some((info, bytes)) = self.within("read", self.bucket.get(&self.key)).await? else {
            return Ok(None);
        };
        match serde_json::from_slice::<Record>(&bytes) {
            Ok(record) if record.format == FORMAT => Ok(Some((info.version, record))),
            _ => {
                let text = format!("what is at {} is no lease of this version", self.location());
                Err(StoreError::new(StoreErrorKind::Refused, text)
                    .with_hint("if no zenstream runs on the checkpoint, remove the object"))
            }
        }
    }

    /// An answer of the bucket, which must come before it is of no use.
    async fn within<T>(
        &self,
        doing: &str,
        answer: impl Future<Output = Result<T, BucketError>>,
    ) -> Result<T, StoreError> {
        let patience = self.ttl / 3;
        let failed = |kind, message: &str, hint| {
            let message = format!("cannot {doing} the lease {}: {message}", self.location());
            StoreError { kind, message, hint }
        };
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let kind = match error.kind {
                    BucketErrorKind::Retry => StoreErrorKind::Retry,
                    BucketErrorKind::Config => StoreErrorKind::Refused,
                };
                Err(failed(kind, &error.message, error.hint))
            }
            Err(_) => {
                let message = format!("no answer within {patience:?}");
                Err(failed(StoreErrorKind::Retry, &message, None))
            }
        }
    }

    fn overdue(&self, sent: Instant, trouble: Option<StoreError>) -> StoreError {
        self.lock().held = None;
        let why = trouble.map_or_else(String::new, |error| format!(": {error}"));
        let (location, since) = (self.location(), sent.elapsed().as_secs());
        let text = format!("the lease {location} was not renewed for {since} s{why}");
        StoreError::new(StoreErrorKind::Fenced, text).with_hint(
            "another zenstream may have taken over; nothing is lost, whoever runs next goes on from \
             the checkpoint",
        )
    }

    fn taken_by(&self, holder: &str) -> StoreError {
        self.lock().held = None;
        let location = self.location();
        let text = format!("another zenstream ({holder}) has taken over the lease {location}");
        StoreError::new(StoreErrorKind::Fenced, text).with_hint(
            "this process was paused or cut off for longer than `checkpoint.lease.ttl_secs`; nothing \
             is lost, the other one goes on from the checkpoint",
        )
    }

    fn location(&self) -> String {
        format!("{}/{}", self.bucket.location(), self.key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
