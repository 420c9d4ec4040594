//! Whose turn it is to run on a checkpoint, where several processes stand ready.
//!
//! One holds the lease and runs; the others stand by, and one of them goes on when it is given back or
//! not renewed. That saves work and noise, and nothing may rest on it: a process that was paused
//! believes for a moment that it holds what another has. What keeps such a one from writing is the
//! checkpoint itself, which each save compares and sets.

mod object;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use self::object::{ObjectLease, Turn};
use super::{FileStore, StoreError, StoreErrorKind};
use crate::buckets::Bucket;
use crate::clock::Clock;
use crate::random::Random;

/// How often a lock on a file is tried again.
const FILE_PAUSE: Duration = Duration::from_secs(1);

/// Before a store has ever answered it is asked so often. Then the run fails: likelier than away it
/// is not there at all. A store that has answered is waited for.
const FIRST_RETRIES: u32 = 5;

/// What this process is among those that may run on a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// It waits for its turn.
    Standby {
        /// Who runs, as far as it is known.
        held_by: Option<String>,
        /// Since when it waits.
        since: Timestamp,
    },
    /// It runs.
    Leader,
}

/// How a lease in a bucket is held.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// How long others wait for a holder that does not renew it.
    pub ttl: Duration,
    /// Tells people which process this is; a random part comes behind it.
    pub name: String,
}

/// The right to run on a checkpoint, for one process at a time.
#[derive(Debug)]
pub struct Lease {
    kind: Kind,
    role: watch::Sender<Role>,
    clock: Clock,
    random: Arc<Random>,
}

#[derive(Debug)]
enum Kind {
    Object(ObjectLease),
    /// The lock of the file itself, which ends with the process.
    File(FileStore),
}

impl Lease {
    /// Kept in the object `<key>.lease` beside the checkpoint `key`. Connects to nothing.
    pub fn of_object(
        bucket: Arc<dyn Bucket>,
        key: &str,
        settings: LeaseSettings,
        clock: Clock,
        random: Arc<Random>,
    ) -> Self {
        let LeaseSettings { ttl, name } = settings;
        let holder = format!("{name}/{:08x}", random.bits() & 0xffff_ffff);
        let object = ObjectLease::new(bucket, format!("{key}.lease"), ttl, holder, clock);
        Self::new(Kind::Object(object), clock, random)
    }

    /// The lock of a checkpoint file.
    pub fn of_file(store: FileStore, clock: Clock, random: Arc<Random>) -> Self {
        Self::new(Kind::File(store), clock, random)
    }

    fn new(kind: Kind, clock: Clock, random: Arc<Random>) -> Self {
        let role = watch::Sender::new(Role::Standby { held_by: None, since: clock.now() });
        Self { kind, role, clock, random }
    }

    /// What this process is now, and becomes.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    /// Proves that it can be read, without taking it.
    pub async fn check(&self) -> Result<(), StoreError> {
        match &self.kind {
            Kind::Object(object) => object.check().await,
            Kind::File(_) => Ok(()),
        }
    }

    /// Waits until it is this process's turn. Returns whether it is: one that runs `once` does not
    /// wait for another that is at work.
    pub async fn take(&self, once: bool) -> Result<bool, StoreError> {
        let mut wait = Wait::default();
        loop {
            let pause = match self.try_take(&mut wait).await {
                Ok(Turn::Ours) => {
                    self.lead(&wait);
                    return Ok(true);
                }
                Ok(Turn::Taken { by, at_work }) => {
                    if once && at_work {
                        tracing::info!(held_by = by, "another zenstream is at work: nothing to do");
                        return Ok(false);
                    }
                    self.stand_by(&mut wait, &by, once);
                    self.pause()
                }
                Ok(Turn::Raced) => self.pause(),
                Err(error) => wait.after(error)?,
            };
            tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * self.random.fraction())).await;
        }
    }

    async fn try_take(&self, wait: &mut Wait) -> Result<Turn, StoreError> {
        let turn = match &self.kind {
            Kind::Object(object) => object.try_take(&mut wait.watch).await?,
            Kind::File(store) => match store.lock().await {
                Ok(()) => Turn::Ours,
                Err(error) if error.kind == StoreErrorKind::Conflict => {
                    let holder = store.holder().await;
                    let by = holder.unwrap_or_else(|| "another process".to_owned());
                    Turn::Taken { by, at_work: true }
                }
                Err(error) => return Err(error),
            },
        };
        (wait.answered, wait.failures) = (true, 0);
        Ok(turn)
    }

    fn pause(&self) -> Duration {
        match &self.kind {
            Kind::Object(object) => object.pause(),
            Kind::File(_) => FILE_PAUSE,
        }
    }

    fn lead(&self, wait: &Wait) {
        self.role.send_replace(Role::Leader);
        if let Some(since) = wait.since {
            let waited_secs = since.elapsed().as_secs();
            tracing::info!(waited_secs, "leader: it is this process's turn");
        } else {
            tracing::info!("leader: no other zenstream has the lease");
        }
    }

    /// Says so once for each that holds it.
    fn stand_by(&self, wait: &mut Wait, by: &str, once: bool) {
        wait.since.get_or_insert_with(tokio::time::Instant::now);
        let is_told = self.role.send_if_modified(|role| {
            let Role::Standby { held_by, .. } = role else { return false };
            held_by.replace(by.to_owned()).as_deref() != Some(by)
        });
        if !is_told {
            return;
        }
        if once {
            tracing::info!(held_by = by, "looking whether it is still at work");
        } else {
            tracing::info!(held_by = by, "standing by");
        }
    }

    /// Renews it for as long as this process has it. Ends with the reason why it has it no more.
    pub async fn keep(&self) -> StoreError {
        let mut role = self.role();
        if role.wait_for(|role| *role == Role::Leader).await.is_err() {
            return std::future::pending().await;
        }
        match &self.kind {
            Kind::Object(object) => {
                let lost = object.keep().await;
                let since = self.clock.now();
                self.role.send_replace(Role::Standby { held_by: None, since });
                lost
            }
            Kind::File(_) => std::future::pending().await,
        }
    }

    /// Gives it back, so that another need not wait. Called when nothing is saved any more; if it
    /// fails, others wait for the `ttl`. Returns why that was too late, if another has it already.
    pub async fn release(&self) -> Option<StoreError> {
        match &self.kind {
            Kind::Object(object) => object.release().await,
            Kind::File(_) => None,
        }
    }
}

/// How the waiting goes.
#[derive(Debug, Default)]
struct Wait {
    watch: object::Watch,
    since: Option<tokio::time::Instant>,
    answered: bool,
    failures: u32,
}

impl Wait {
    /// How long to wait after a look that failed.
    fn after(&mut self, error: StoreError) -> Result<Duration, StoreError> {
        self.failures += 1;
        let may_pass = self.answered || self.failures <= FIRST_RETRIES;
        if error.kind != StoreErrorKind::Retry || !may_pass {
            return Err(error);
        }
        let pause = Duration::from_secs(1 << (self.failures - 1).min(3));
        let retry_in_ms = pause.as_millis();
        tracing::warn!(%error, retry_in_ms, "cannot look at the lease, trying again");
        Ok(pause)
    }
}
