//! From deliveries to durable batches: the only retry loop toward sinks.
//!
//! Two tasks a sink: one collects what the feeds send, the other writes. While a write is under
//! way the next batch grows, up to its limits; then the feeds wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::batch::{BatchSettings, Batcher, Cut, Delivery};
use super::commit::Note;
use super::error::RunError;
use super::ledger::SinkId;
use super::tally::{SinkTally, add};
use crate::clock::Clock;
use crate::random::Random;
use crate::sinks::{Sink, SinkError, SinkErrorKind, SinkState};
use crate::zendesk::Backoff;

/// The first and the last ceiling of the random delay between tries.
const RETRY_CEILINGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Collects deliveries into batches until every feed is gone.
pub(super) async fn batch(
    settings: BatchSettings,
    mut deliveries: mpsc::Receiver<Delivery>,
    batches: mpsc::Sender<Cut>,
) -> Result<(), RunError> {
    let mut waiting = Batcher::new(settings);
    let mut open = true;
    while open || waiting.due_at().is_some() {
        let now = Instant::now();
        // What is left at the end is due at once.
        let due_at = waiting.due_at().map(|due| if open { due } else { now });
        let is_due = due_at.is_some_and(|due| due <= now);
        tokio::select! {
            biased;
            permit = batches.reserve(), if is_due => {
                // The writer is gone only when the run failed or its reader is: nothing to do.
                let Ok(permit) = permit else { return Ok(()) };
                if let Some(cut) = waiting.cut(now) {
                    permit.send(cut);
                }
            }
            delivery = deliveries.recv(), if open && !waiting.is_full() => match delivery {
                Some(delivery) => waiting.push(delivery, now),
                None => open = false,
            },
            () = tokio::time::sleep_until(due_at.unwrap_or(now)), if due_at.is_some() && !is_due => {}
        }
    }
    Ok(())
}

/// Writes one sink's batches.
pub(super) struct Deliverer {
    pub(super) id: SinkId,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) notes: mpsc::Sender<Note>,
    /// Set when nobody reads the sink any more.
    pub(super) stop: Arc<watch::Sender<bool>>,
    pub(super) clock: Clock,
    pub(super) random: Arc<Random>,
    pub(super) tally: Arc<super::tally::Tally>,
}

impl Deliverer {
    /// Writes each batch until there are no more.
    pub(super) async fn run(self, mut batches: mpsc::Receiver<Cut>) -> Result<(), RunError> {
        while let Some(cut) = batches.recv().await {
            let state = match self.write(&cut).await {
                Ok(state) => state,
                Err(error) if error.kind == SinkErrorKind::Closed => {
                    tracing::debug!(sink = self.tally().name, "nobody reads any more, ending");
                    self.stop.send_replace(true);
                    // Taken and dropped, not delivered: the position stays before them.
                    while batches.recv().await.is_some() {}
                    return Ok(());
                }
                Err(error) => return Err(RunError::sink(&self.tally().name, error)),
            };
            add(&self.tally().events, cut.batch.events.len());
            add(&self.tally().bytes, cut.bytes);
            add(&self.tally().batches, 1);
            let note = Note::Delivered { sink: self.id, spans: cut.spans, state };
            if self.notes.send(note).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn tally(&self) -> &SinkTally {
        &self.tally.sinks[self.id]
    }

    /// Writes a batch, however long it takes.
    async fn write(&self, cut: &Cut) -> Result<Option<SinkState>, SinkError> {
        let mut backoff = Backoff::new(RETRY_CEILINGS.0, RETRY_CEILINGS.1);
        loop {
            let error = match self.try_write(cut).await {
                Err(error) if error.kind == SinkErrorKind::Retry => error,
                done => return done,
            };
            add(&self.tally().retries, 1);
            let wait = backoff.next(&self.random);
            let (sink, retry_in_ms) = (&self.tally().name, wait.as_millis());
            tracing::warn!(sink, %error, retry_in_ms, "write failed, trying again");
            self.clock.sleep(wait).await;
        }
    }

    async fn try_write(&self, cut: &Cut) -> Result<Option<SinkState>, SinkError> {
        if let Some(state) = self.sink.prepare(&cut.batch).await? {
            let (saved, is_saved) = oneshot::channel();
            let note = Note::Prepared { sink: self.id, state, saved };
            let told = self.notes.send(note).await.is_ok();
            if !told || is_saved.await.is_err() {
                return Err(SinkError {
                    kind: SinkErrorKind::Closed,
                    message: "the run is ending".to_owned(),
                    hint: None,
                });
            }
        }
        self.sink.write(&cut.batch).await
    }
}
