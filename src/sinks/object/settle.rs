//! What a former run may still be putting although nobody waits for it: keys whose prefix never
//! comes again, because a record is gone or the config has changed.
//!
//! Whatever is put under a key first keeps it. So an empty object under such a key ends the
//! matter: what is on its way, however late, is refused. It is done only after a day, as it leaves
//! an object that has nothing in it; nearly always the next object of the prefix takes the key.

use std::time::Duration;

use jiff::Timestamp;

use super::intent::Intent;
use super::pack::pack;
use super::{Object, is_empty};
use crate::buckets::{Condition, Put};
use crate::sinks::{Batch, SinkError, SinkErrorKind};

/// How long a key is left to whoever had it.
pub(super) const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl Object {
    /// Which of these objects, which are not there, are still open: those that are missed for
    /// long are settled, and so are those with an event that another key has too. (A record that
    /// came twice in one batch, with other times, was to go to two dates.) So no event of what is
    /// left can come under two keys.
    pub(super) async fn settle(&self, open: Vec<Intent>) -> Result<Vec<Intent>, SinkError> {
        let now = self.clock.now();
        let mut left: Vec<Intent> = Vec::new();
        let mut settled: Vec<String> = Vec::new();
        for mut intent in open {
            let since = *intent.missed_since.get_or_insert(now);
            if settled.contains(&intent.key) {
                continue;
            }
            let elsewhere =
                |other: &Intent| other.key != intent.key && other.shares_events_with(&intent);
            if is_old(since, now) || left.iter().any(elsewhere) {
                self.close_unseen(&intent.key).await?;
                left.retain(|other| other.key != intent.key);
                settled.push(intent.key);
            } else {
                left.push(intent);
            }
        }
        Ok(left)
    }

    /// Closes a key under which nothing was found.
    async fn close_unseen(&self, key: &str) -> Result<(), SinkError> {
        match self.close(key).await {
            Err(error) if error.kind == SinkErrorKind::Superseded => {
                // The next look tells what has come.
                self.lock().found.remove(key);
                Err(SinkError { kind: SinkErrorKind::Retry, ..error })
            }
            closed => closed,
        }
    }

    /// Takes a key with nothing in it, unless that is done. Something else may have come.
    pub(super) async fn close(&self, key: &str) -> Result<(), SinkError> {
        let (object, _) = pack(&Batch::default(), &[], &self.encoder, &self.settings)?;
        if self.bucket.put(key, object, Condition::Absent).await? == Put::Refused {
            let present = self.bucket.head(key).await?;
            if !present.is_some_and(|present| is_empty(&present.metadata)) {
                let text = format!("{}/{key} has appeared just now", self.bucket.location());
                return Err(SinkError::new(SinkErrorKind::Superseded, text));
            }
        }
        tracing::info!(key, "a key that a former run left open is taken by an empty object");
        Ok(())
    }
}

fn is_old(since: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= PATIENCE)
}
