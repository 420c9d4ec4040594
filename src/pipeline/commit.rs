//! Saving what is safe: the one task that writes the checkpoint.
//!
//! Feeds tell it what was fetched, sinks what they made durable; it keeps the ledgers and saves
//! positions and sink states together, in one step. Notes that arrive while a save is under way
//! share the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::deliver::Held;
use super::error::RunError;
use super::ledger::{Ledger, Seq, Share, SinkId};
use super::tally::{Tally, Trouble, add};
use crate::checkpoint::{Checkpoint, CheckpointStore, Quiet, Revision, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::random::Random;
use crate::sinks::SinkState;
use crate::streams::Resume;
use crate::webhook::Receipt;
use crate::zendesk::Backoff;

/// The first and the last ceiling of the random delay between tries to save.
const RETRY_CEILINGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A save that takes longer, with all its tries, is told: by then others would have the usual lease.
const LONG_UNSAVED: Duration = Duration::from_secs(30);

/// At most this many notes share a save, so that none waits for long.
const NOTES_PER_SAVE_MAX: usize = 256;

/// How fast a checkpoint may be written that nobody waits for, in bytes a second; and how long it may
/// wait for that. Whole lists make it as long as they are: saved with each of their pages it
/// would cost the square of that, and beside a stream that never rests it is written all day. What
/// lies between two saves a sink without a memory of its own is given again after a crash.
const PACE: u32 = 100 << 10;
const LONGEST_PACED: Duration = Duration::from_secs(60);

/// A shorter one is saved at once, in bytes.
const UNPACED_BYTES: usize = 64 << 10;

/// What the others tell the committer.
#[derive(Debug)]
pub(super) enum Note {
    /// A sink is as a former run left it. Sent before it is given anything.
    Restored { sink: SinkId, state: Option<SinkState>, held: Arc<Held> },
    /// A page is on its way to the sinks. Sent before any of its events is.
    Fetched {
        stream: usize,
        seq: Seq,
        resume: Resume,
        shares: Vec<Share>,
        caught_up: bool,
        /// Everything before it has been read with this page; none: not known.
        read_through: Option<Timestamp>,
        /// The time of its newest event.
        newest: Option<Timestamp>,
        /// Given once the page is durable and its position saved.
        receipt: Option<Receipt>,
    },
    /// Since when a stream has brought nothing, and whether that was told.
    Quiet { stream: usize, quiet: Quiet },
    /// A sink made a batch durable: so many events of that page of that stream each.
    Delivered { sink: SinkId, pages: Vec<(usize, Seq, usize)>, state: Option<SinkState> },
    /// A sink wants this to be durable before it writes.
    Prepared { sink: SinkId, state: SinkState, saved: oneshot::Sender<()> },
}

/// Keeps the ledgers and saves the checkpoint.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) store: Arc<dyn CheckpointStore>,
    pub(super) revision: Option<Revision>,
    /// When it was saved last.
    pub(super) saved: Option<Instant>,
    /// What is saved; entries of streams and sinks that this run does not have stay as they are.
    pub(super) checkpoint: Checkpoint,
    pub(super) stream_names: Vec<String>,
    pub(super) sink_names: Vec<String>,
    /// Whether positions wait for the sink, by sink.
    pub(super) acknowledged: Vec<bool>,
    pub(super) ledgers: Vec<Ledger>,
    /// How far pages read that are not safe yet, by stream, in order.
    pub(super) reading: Vec<VecDeque<(Seq, Option<Timestamp>)>>,
    /// Those that wait for their page, in order; a source has few of them under way.
    pub(super) receipts: VecDeque<(usize, Seq, Receipt)>,
    pub(super) clock: Clock,
    pub(super) random: Arc<Random>,
    pub(super) tally: Arc<Tally>,
}

impl Committer {
    /// Runs until everyone who could send a note is gone.
    pub(super) async fn run(mut self, mut notes: mpsc::Receiver<Note>) -> Result<(), RunError> {
        let mut together = Vec::new();
        while notes.recv_many(&mut together, NOTES_PER_SAVE_MAX).await > 0 {
            let mut dirty = false;
            let mut waiting = Vec::new();
            for note in together.drain(..) {
                dirty |= self.apply(note, &mut waiting);
            }
            if dirty && waiting.is_empty() {
                self.collect(&mut notes, &mut waiting).await;
            }
            if dirty {
                self.save().await?;
                self.give_receipts();
            }
            for saved in waiting {
                // A sink that stopped waiting is gone, and the run with it.
                let _gone = saved.send(());
            }
        }
        Ok(())
    }

    /// Takes further notes until the store may be written to again, or somebody waits for it.
    async fn collect(
        &mut self,
        notes: &mut mpsc::Receiver<Note>,
        waiting: &mut Vec<oneshot::Sender<()>>,
    ) {
        let Some(saved) = self.saved else { return };
        let interval = self.store.interval();
        let paced = interval.max(pace_of(self.checkpoint.bytes()));
        while waiting.is_empty() {
            let until = saved + if self.is_receipt_due() { interval } else { paced };
            if Instant::now() >= until {
                return;
            }
            match tokio::time::timeout_at(until, notes.recv()).await {
                Ok(Some(note)) => {
                    self.apply(note, waiting);
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Whether a save lets somebody go who waits for a page.
    fn is_receipt_due(&self) -> bool {
        self.receipts.iter().any(|(stream, seq, _)| self.ledgers[*stream].is_safe(*seq))
    }

    /// Enters a note into the books. Returns whether there is something new to save.
    fn apply(&mut self, note: Note, waiting: &mut Vec<oneshot::Sender<()>>) -> bool {
        match note {
            Note::Restored { sink, state, held } => {
                if let Some(state) = state {
                    self.checkpoint.sinks.insert(self.sink_names[sink].clone(), state);
                }
                for (name, ledger) in self.stream_names.iter().zip(&mut self.ledgers) {
                    ledger.hold(sink, held.get(name).map_or(&[], Vec::as_slice));
                }
                // What is saved already comes to the same.
                false
            }
            Note::Fetched {
                stream,
                seq,
                resume,
                shares,
                caught_up,
                read_through,
                newest,
                receipt,
            } => {
                let is_awaited = receipt.is_some();
                self.receipts.extend(receipt.map(|receipt| (stream, seq, receipt)));
                self.ledgers[stream].brought(newest);
                let moved = self.ledgers[stream].fetched(seq, resume, shares);
                self.note_read(stream, seq, read_through);
                if caught_up {
                    self.ledgers[stream].caught_up();
                }
                self.stand(stream);
                moved || is_awaited
            }
            Note::Quiet { stream, quiet } => self.ledgers[stream].is_quiet(quiet),
            Note::Delivered { sink, pages, state } => {
                if self.acknowledged[sink] {
                    for (stream, seq, count) in pages {
                        self.ledgers[stream].delivered(sink, seq, count);
                        self.stand(stream);
                    }
                }
                if let Some(state) = state {
                    self.checkpoint.sinks.insert(self.sink_names[sink].clone(), state);
                }
                true
            }
            Note::Prepared { sink, state, saved } => {
                self.checkpoint.sinks.insert(self.sink_names[sink].clone(), state);
                waiting.push(saved);
                true
            }
        }
    }

    /// Remembers how far a page read. One that is joined with the one before it takes no room of
    /// its own.
    fn note_read(&mut self, stream: usize, seq: Seq, through: Option<Timestamp>) {
        let is_joined = self.ledgers[stream].is_joined(seq);
        match self.reading[stream].back_mut() {
            Some((_, before)) if is_joined => *before = through.max(*before),
            _ => self.reading[stream].push_back((seq, through)),
        }
    }

    /// Shows how far a stream is delivered, and which sinks it waits for. What is read and lies
    /// before a sink that is away is behind, however fast it was read.
    fn stand(&mut self, stream: usize) {
        let (reading, ledger) = (&mut self.reading[stream], &self.ledgers[stream]);
        let safe = reading.iter().take_while(|(seq, _)| ledger.is_safe(*seq)).count();
        let through = reading.drain(..safe).filter_map(|(_, through)| through).max();
        self.tally.streams[stream].stand(|standing| {
            standing.waits_for = ledger.waits_for();
            standing.delivered_through = standing.delivered_through.max(through);
        });
    }

    /// Tells whoever waits for pages that are safe now. Called after a save alone.
    fn give_receipts(&mut self) {
        for _ in 0..self.receipts.len() {
            let Some((stream, seq, receipt)) = self.receipts.pop_front() else { return };
            if self.ledgers[stream].is_safe(seq) {
                receipt.give();
            } else {
                self.receipts.push_back((stream, seq, receipt));
            }
        }
    }

    /// Shows the positions that are saved now.
    fn publish(&self) {
        for stream in &self.tally.streams {
            if let Some(state) = self.checkpoint.streams.get(&stream.name) {
                stream.stand(|standing| standing.stand_at(&state.position));
            }
        }
    }

    async fn save(&mut self) -> Result<(), RunError> {
        for (name, ledger) in self.stream_names.iter().zip(&self.ledgers) {
            let state = ledger.state(|sink| self.sink_names[sink].clone());
            self.checkpoint.streams.insert(name.clone(), state);
        }
        let last_error = Mutex::new(None);
        let (began, since) = (Instant::now(), self.clock.now());
        let revision = {
            let mut saved = std::pin::pin!(self.try_to_save(&last_error));
            if let Ok(saved) = tokio::time::timeout(LONG_UNSAVED, &mut saved).await {
                saved?
            } else {
                let error = last_error.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.tell_unsaved(since, error);
                let revision = saved.await?;
                let unsaved_secs = began.elapsed().as_secs();
                tracing::info!(unsaved_secs, "checkpoint saved again");
                revision
            }
        };
        self.tally.note_unsaved(None);
        self.revision = Some(revision);
        self.saved = Some(Instant::now());
        add(&self.tally.saves, 1);
        self.publish();
        Ok(())
    }

    /// Saves it, however long the store is away.
    async fn try_to_save(
        &self,
        last_error: &Mutex<Option<StoreError>>,
    ) -> Result<Revision, RunError> {
        let mut backoff = Backoff::new(RETRY_CEILINGS.0, RETRY_CEILINGS.1);
        loop {
            match self.store.save(self.revision, &self.checkpoint).await {
                Err(error) if error.kind == StoreErrorKind::Retry => {
                    let wait = backoff.next(&self.random);
                    let (retry_in_ms, hint) = (wait.as_millis(), error.hint.as_deref());
                    tracing::warn!(%error, hint, retry_in_ms, "checkpoint not saved, trying again");
                    *last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    self.clock.sleep(wait).await;
                }
                done => return done.map_err(RunError::Checkpoint),
            }
        }
    }

    /// Says once that nothing has been saved for long: a store that hangs says nothing itself.
    fn tell_unsaved(&self, at: Timestamp, error: Option<StoreError>) {
        let (place, secs) = (self.store.location(), LONG_UNSAVED.as_secs());
        let (said, hint) = match error {
            Some(error) => (error.message, error.hint),
            None => (format!("no answer from {place}"), None),
        };
        let hint = hint.unwrap_or_else(|| "look at the place where it is kept".to_owned());
        let message = format!("the checkpoint could not be saved since {at:.0}: {said}");
        tracing::error!(error = said, hint, unsaved_secs = secs, "checkpoint not saved for long");
        let hint = Some(hint);
        self.tally.note_unsaved(Some(Trouble { at, message, hint, refused: false, over: false }));
    }
}

/// How long to wait after a save of so many bytes.
fn pace_of(bytes: usize) -> Duration {
    if bytes <= UNPACED_BYTES {
        return Duration::ZERO;
    }
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    (Duration::from_secs(1) * bytes / PACE).min(LONGEST_PACED)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::sync::Notify;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::checkpoint::StoreError;
    use crate::telemetry::{Heard, Tap};

    /// A store on a file system that has gone.
    #[derive(Debug, Default)]
    struct Hanging(Notify);

    #[async_trait]
    impl CheckpointStore for Hanging {
        fn location(&self) -> String {
            "/nfs/state.json".to_owned()
        }

        async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
            Ok(None)
        }

        async fn save(&self, _: Option<Revision>, _: &Checkpoint) -> Result<Revision, StoreError> {
            self.0.notified().await;
            Ok(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_save_that_hangs_is_told_until_it_is_done() {
        let tap = Tap::new();
        let mut listener = tap.listen();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap));
        let mut heard = || match listener.hear_now() {
            Some(Heard::Line(line)) => {
                Some((line.message.clone(), line.fields["unsaved_secs"].clone()))
            }
            _ => None,
        };
        let (store, tally) = (Arc::new(Hanging::default()), Arc::new(Tally::default()));
        let mut committer = Committer {
            store: Arc::clone(&store) as Arc<dyn CheckpointStore>,
            revision: None,
            saved: None,
            checkpoint: Checkpoint::default(),
            stream_names: Vec::new(),
            sink_names: Vec::new(),
            acknowledged: Vec::new(),
            ledgers: Vec::new(),
            reading: Vec::new(),
            receipts: VecDeque::new(),
            clock: Clock::simulated(Timestamp::UNIX_EPOCH),
            random: Arc::new(Random::from_seed(1)),
            tally: Arc::clone(&tally),
        };
        let watch = async {
            tokio::time::sleep(LONG_UNSAVED / 2).await;
            assert!(tally.unsaved().is_none(), "not yet");
            tokio::time::sleep(LONG_UNSAVED).await;
            let told = tally.unsaved().expect("it takes too long").with_hint();
            insta::assert_snapshot!(told, @"
            the checkpoint could not be saved since 1970-01-01T00:00:00Z: no answer from /nfs/state.json
            hint: look at the place where it is kept
            ");
            store.0.notify_one();
        };
        let (saved, ()) = tokio::join!(committer.save(), watch);
        saved.expect("it came back");
        assert!(tally.unsaved().is_none());
        assert_eq!(heard(), Some(("checkpoint not saved for long".to_owned(), 30.into())));
        assert_eq!(heard(), Some(("checkpoint saved again".to_owned(), 45.into())));
        assert_eq!(heard(), None);
        assert_eq!(tally.saves.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[test]
    fn a_long_checkpoint_is_written_slowly_and_waits_for_a_minute_at_most() {
        assert_eq!(pace_of(UNPACED_BYTES), Duration::ZERO);
        assert_eq!(pace_of(512 << 10), Duration::from_millis(5_120));
        for bytes in [6 << 20, 1 << 30, usize::MAX] {
            assert_eq!(pace_of(bytes), LONGEST_PACED);
        }
        // In a day, of three megabytes as of sixteen.
        for (megabytes, most) in [(1, 9_000), (3, 9_000), (16, 24_000)] {
            let a_day = megabytes as u128 * 86_400_000 / pace_of(megabytes << 20).as_millis();
            assert!(a_day < most, "{megabytes} MB: {a_day} MB");
        }
    }
}
