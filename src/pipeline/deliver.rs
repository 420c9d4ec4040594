//! From deliveries to durable batches: the only retry loop toward sinks.
//!
//! One task a sink. It gives the sink back what a former run left, collects what the feeds send,
//! and writes it in batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::batch::{Batcher, Cut, Delivery, Span, Whence};
use super::commit::Note;
use super::error::RunError;
use super::intake::{Intake, Queued};
use super::ledger::SinkId;
use super::plan::{DeliverySettings, RetrySettings};
use super::tally::{LONG_WRITE, SinkTally, Trouble, add};
use crate::clock::Clock;
use crate::normalize::{self, Event};
use crate::random::Random;
use crate::sinks::{Refused, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written};
use crate::zendesk::Backoff;

/// By output: fingerprints of events that a sink turned out to hold.
pub(super) type Held = BTreeMap<String, Vec<u64>>;

/// Restores one sink, then writes its batches.
pub(super) struct Deliverer {
    pub(super) id: SinkId,
    pub(super) sink: Arc<dyn Sink>,
    /// Whether it is checked before anything else.
    pub(super) healthcheck: bool,
    /// What a former run saved of it.
    pub(super) saved: Option<SinkState>,
    /// Set once it is restored: the feeds wait for that.
    pub(super) restored: watch::Sender<Option<Arc<Held>>>,
    pub(super) settings: DeliverySettings,
    pub(super) notes: mpsc::Sender<Note>,
    /// The sinks that take what this one refuses, and whether each is waited for.
    pub(super) refused: Vec<(SinkId, Intake, bool)>,
    /// Set when nobody reads the sink any more.
    pub(super) stop: Arc<watch::Sender<bool>>,
    pub(super) clock: Clock,
    pub(super) random: Arc<Random>,
    pub(super) tally: Arc<super::tally::Tally>,
}

impl Deliverer {
    /// Restores the sink, then writes what comes until every feed is gone. While a batch is
    /// written the next one grows, up to its limits; then the feeds wait, and the sink hears of it.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Queued>) -> Result<(), RunError> {
        let failed = |error| RunError::sink(&self.tally().name, error);
        if !self.restore().await.map_err(failed)? {
            return Ok(());
        }
        let mut waiting = Batcher::new(self.settings.batch);
        let mut pace = Pace::new(self.settings.rate_limit);
        let mut whole: Option<Cut> = None;
        loop {
            let cut = match whole.take() {
                Some(cut) => Some(cut),
                None => next(&mut waiting, &mut queue).await,
            };
            let Some(cut) = cut else { return Ok(()) };
            let mut delivered = std::pin::pin!(self.deliver(cut, &mut pace));
            let goes_on = loop {
                if whole.is_none() && waiting.is_full() {
                    whole = waiting.cut(Instant::now());
                    if let Some(next) = &whole {
                        self.sink.announce(&next.batch);
                    }
                }
                tokio::select! {
                    biased;
                    goes_on = &mut delivered => break goes_on,
                    Some(queued) = queue.recv(), if whole.is_none() => {
                        waiting.push(queued.take(), Instant::now());
                    }
                }
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.kind == SinkErrorKind::Closed => {
                    tracing::debug!(sink = self.tally().name, "nobody reads any more, ending");
                    self.stop.send_replace(true);
                    // Taken and dropped, not delivered: the position stays before them.
                    while queue.recv().await.is_some() {}
                    return Ok(());
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Makes a batch durable and says so. Returns whether the run goes on.
    async fn deliver(&self, cut: Cut, pace: &mut Pace) -> Result<bool, SinkError> {
        let Written { state, refused } = self.write(&cut, pace).await?;
        if !refused.is_empty() && !self.tell_if_long(self.pass_on(&cut, &refused)).await {
            return Ok(false);
        }
        let tally = self.tally();
        add(&tally.events, cut.batch.events.len().saturating_sub(refused.len()));
        add(&tally.refused, refused.len());
        let lines = refused.iter().filter_map(|it| cut.batch.events.get(it.index));
        let unwritten: usize = lines.map(|event| event.line.len()).sum();
        add(&tally.bytes, cut.bytes.saturating_sub(unwritten));
        add(&tally.batches, 1);
        tally.wrote(self.clock.now());
        Ok(self.tell(cut.spans, state).await)
    }

    /// Keeps what went wrong for whoever asks how the sink fares.
    fn note(&self, error: &SinkError) {
        self.tally().failed(Trouble {
            at: self.clock.now(),
            message: error.to_string(),
            hint: error.hint.clone(),
            refused: error.kind != SinkErrorKind::Retry,
            over: false,
        });
    }

    fn tally(&self) -> &SinkTally {
        &self.tally.sinks[self.id]
    }

    /// Checks the sink and gives it back its state, however long that takes. Returns whether the
    /// run goes on.
    async fn restore(&self) -> Result<bool, SinkError> {
        let mut backoff = Backoff::new(self.settings.retry.first, self.settings.retry.longest);
        let mut stop = self.stop.subscribe();
        let Restored { state, held } = loop {
            let error = match self.try_restore().await {
                Err(error) if error.kind == SinkErrorKind::Retry => error,
                done => break done?,
            };
            let wait = backoff.next(&self.random);
            let (sink, retry_in_ms) = (&self.tally().name, wait.as_millis());
            let hint = error.hint.as_deref();
            self.note(&error);
            tracing::warn!(sink, %error, hint, retry_in_ms, "sink not ready, trying again");
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(false),
            }
        };
        self.tally().is_well();
        let held = Arc::new(held);
        let note = Note::Restored { sink: self.id, state, held: Arc::clone(&held) };
        // The committer first: what the feeds send it next relies on it.
        let goes_on = self.notes.send(note).await.is_ok();
        self.restored.send_replace(Some(held));
        Ok(goes_on)
    }

    async fn try_restore(&self) -> Result<Restored, SinkError> {
        if self.healthcheck {
            match self.sink.check().await {
                Err(error) if error.kind == SinkErrorKind::Retry => {
                    // Whether it is really needed shows when it is.
                    let (sink, hint) = (&self.tally().name, error.hint.as_deref());
                    tracing::warn!(sink, %error, hint, "healthcheck failed");
                }
                checked => {
                    let tried = checked?.tried;
                    tracing::debug!(sink = self.tally().name, tried, "healthcheck passed");
                }
            }
        }
        self.sink.restore(self.saved.as_ref()).await
    }

    /// Says that these events are durable. Returns whether the run goes on.
    async fn tell(&self, spans: Vec<Span>, state: Option<SinkState>) -> bool {
        let mut pages = Vec::new();
        let mut refusers = Vec::new();
        for Span { whence, count } in spans {
            match whence {
                Whence::Page { stream, seq } => pages.push((stream, seq, count)),
                Whence::Refused(refuser) => refusers.push((refuser, count)),
            }
        }
        // The state first: who is told next saves a position that relies on it.
        let note = Note::Delivered { sink: self.id, pages, state };
        if self.notes.send(note).await.is_err() {
            return false;
        }
        for (refuser, count) in refusers {
            // A sink that no longer listens has ended with the run.
            let _told = refuser.send(count).await;
        }
        true
    }

    /// Hands what the sink will never take to those who do, and waits until they hold it.
    /// Returns whether the run goes on.
    async fn pass_on(&self, cut: &Cut, refused: &[Refused]) -> bool {
        let name = &self.tally().name;
        let (count, reason) = (refused.len(), refused.first().map_or("", |first| &first.reason));
        tracing::error!(sink = name, count, reason, "events refused");
        let events = refused.iter().filter_map(|Refused { index, reason }| {
            Some(normalize::refused_event(cut.batch.events.get(*index)?, name, reason))
        });
        let events: Arc<[Event]> = events.collect();
        let records: usize = events.iter().map(Event::records).sum();
        let (done, mut is_done) = mpsc::channel(events.len().max(1));
        let mut awaited = 0;
        for (taker, intake, acknowledged) in &self.refused {
            let delivery = Delivery {
                whence: Whence::Refused(done.clone()),
                events: Arc::clone(&events),
                around: Arc::default(),
            };
            match intake.place(events.len()).await {
                Some(place) => {
                    add(&self.tally.sinks[*taker].received, events.len());
                    place.put(delivery);
                }
                None => return false,
            }
            awaited += if *acknowledged { records } else { 0 };
        }
        drop(done);
        while awaited > 0 {
            match is_done.recv().await {
                Some(count) => awaited = awaited.saturating_sub(count),
                None => return false,
            }
        }
        true
    }

    /// Writes a batch, however long it takes, or as often as it may be tried.
    async fn write(&self, cut: &Cut, pace: &mut Pace) -> Result<Written, SinkError> {
        let RetrySettings { attempts, first, longest } = self.settings.retry;
        let mut backoff = Backoff::new(first, longest);
        let mut tries = 0;
        loop {
            pace.wait().await;
            self.tally().writes();
            let error = match self.tell_if_long(self.try_write(cut)).await {
                Err(error) if error.kind == SinkErrorKind::Retry => error,
                done => return done,
            };
            if attempts.is_some_and(|most| tries >= most) {
                let message = format!("given up after {} tries: {}", tries + 1, error.message);
                return Err(SinkError { kind: SinkErrorKind::Config, message, hint: error.hint });
            }
            tries += 1;
            add(&self.tally().retries, 1);
            let wait = backoff.next(&self.random);
            let (sink, retry_in_ms) = (&self.tally().name, wait.as_millis());
            let hint = error.hint.as_deref();
            self.note(&error);
            tracing::warn!(sink, %error, hint, retry_in_ms, "write failed, trying again");
            self.clock.sleep(wait).await;
        }
    }

    /// Does a part of what a batch takes, and says once that it is held.
    async fn tell_if_long<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let begun = self.tally().last().under_way.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep_until(begun + LONG_WRITE) => {}
        }
        if let Some(Trouble { message, hint, .. }) = self.tally().last().held(self.clock.now()) {
            tracing::warn!(sink = self.tally().name, hint, "{message}");
        }
        work.await
    }

    async fn try_write(&self, cut: &Cut) -> Result<Written, SinkError> {
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

/// Waits until a batch is due and cuts it; none once every feed is gone and nothing waits.
async fn next(waiting: &mut Batcher, queue: &mut mpsc::Receiver<Queued>) -> Option<Cut> {
    let mut open = true;
    loop {
        let now = Instant::now();
        // What is left at the end is due at once.
        let due_at = waiting.due_at().map(|due| if open { due } else { now });
        if due_at.is_some_and(|due| due <= now) {
            return waiting.cut(now);
        }
        if due_at.is_none() && !open {
            return None;
        }
        tokio::select! {
            queued = queue.recv(), if open => match queued {
                Some(queued) => waiting.push(queued.take(), now),
                None => open = false,
            },
            () = tokio::time::sleep_until(due_at.unwrap_or(now)), if due_at.is_some() => {}
        }
    }
}

/// Keeps writes to a rate: so many in each span of time.
struct Pace {
    limit: Option<(u64, Duration)>,
    began: Instant,
    writes: u64,
}

impl Pace {
    fn new(limit: Option<(u64, Duration)>) -> Self {
        Self { limit, began: Instant::now(), writes: 0 }
    }

    async fn wait(&mut self) {
        let Some((most, span)) = self.limit else { return };
        if self.began.elapsed() >= span {
            (self.began, self.writes) = (Instant::now(), 0);
        }
        if self.writes >= most {
            tokio::time::sleep_until(self.began + span).await;
            (self.began, self.writes) = (Instant::now(), 0);
        }
        self.writes += 1;
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::pipeline::tally::Tally;
    use crate::sinks::Memory;
    use crate::telemetry::{Heard, Tap};

    #[tokio::test(start_paused = true)]
    async fn a_write_that_hangs_is_told_once_and_shown_until_it_ends() {
        let tap = Tap::new();
        let mut listener = tap.listen();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap));
        let sinks = vec![SinkTally::named("slow".to_owned())];
        let tally = Arc::new(Tally { sinks, ..Tally::default() });
        let deliverer = Deliverer {
            id: 0,
            sink: Arc::new(Memory::new()),
            healthcheck: false,
            saved: None,
            restored: watch::channel(None).0,
            settings: DeliverySettings::STREAMING,
            notes: mpsc::channel(1).0,
            refused: Vec::new(),
            stop: Arc::new(watch::channel(false).0),
            clock: Clock::simulated(jiff::Timestamp::UNIX_EPOCH),
            random: Arc::new(Random::from_seed(1)),
            tally: Arc::clone(&tally),
        };
        let of_sink = &tally.sinks[0];
        let held = || of_sink.last().held(deliverer.clock.now());
        of_sink.writes();
        deliverer.tell_if_long(tokio::time::sleep(LONG_WRITE / 2)).await;
        assert_eq!(held(), None, "not yet");
        assert!(listener.hear_now().is_none());
        deliverer.tell_if_long(tokio::time::sleep(LONG_WRITE)).await;
        let Some(Heard::Line(line)) = listener.hear_now() else { panic!("nothing was said") };
        assert_eq!(line.message, "a batch has been under way for 60 s, without an error");
        assert_eq!(line.fields["sink"], "slow");
        assert!(listener.hear_now().is_none(), "once");
        let trouble = held().expect("ninety seconds");
        assert!(trouble.message.contains("for 90 s") && trouble.hint.is_some(), "{trouble:?}");
        assert_eq!(trouble.at, jiff::Timestamp::UNIX_EPOCH);
        of_sink.wrote(deliverer.clock.now());
        assert_eq!(held(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn writes_keep_to_their_rate() {
        let mut pace = Pace::new(Some((3, Duration::from_secs(1))));
        let start = Instant::now();
        for _ in 0..10 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }
}
