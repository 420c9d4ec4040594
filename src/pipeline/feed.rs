//! From a stream's pages to the sinks that take them.
//!
//! One task a stream. It gives each page a number, tells the committer what is coming, leaves out
//! what a sink holds from a former run, and hands the events over. It decides what an error
//! means for the stream, and never touches another stream.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::batch::{Around, Delivery, Whence};
use super::commit::Note;
use super::deliver::Held;
use super::error::RunError;
use super::intake::{Intake, Place};
use super::ledger::{Seq, Share, SinkId};
use super::tally::{StreamOutcome, StreamTally, Tally, add};
use crate::normalize::Event;
use crate::streams::Page;
use crate::zendesk::{ApiError, ErrorKind};

/// One sink that takes something of a stream.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) sink: SinkId,
    pub(super) intake: Intake,
    /// Set once the sink is restored, to what it turned out to hold.
    pub(super) restored: watch::Receiver<Option<Arc<Held>>>,
    /// Whether positions wait for it.
    pub(super) acknowledged: bool,
    /// Whether it takes the stream's events.
    pub(super) takes_events: bool,
    /// Whether it takes what the source rejects.
    pub(super) takes_rejected: bool,
    /// What it holds beyond the position, of a former run.
    pub(super) holds: BTreeSet<u64>,
}

/// Feeds the pages of one stream to its sinks.
pub(super) struct Feed {
    pub(super) stream: usize,
    /// Where the stream stands, for labels.
    pub(super) position: Value,
    pub(super) routes: Vec<Route>,
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether an error that may pass ends the stream.
    pub(super) once: bool,
    /// The most pages to take.
    pub(super) max_pages: Option<u64>,
    pub(super) silence_alert: Option<Duration>,
    pub(super) tally: Arc<Tally>,
}

impl Feed {
    /// Runs until the stream ends, breaks, or the run is stopped.
    pub(super) async fn run(
        mut self,
        pages: impl Stream<Item = Result<Page, ApiError>> + Send,
    ) -> Result<(), RunError> {
        let mut pages = pin!(pages);
        let mut stop = self.stop.clone();
        let ready = tokio::select! {
            ready = self.sinks_are_ready() => ready,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        if !ready {
            self.tally().end(StreamOutcome::Ended);
            return Ok(());
        }
        let mut seq: Seq = 0;
        let mut taken = 0;
        let mut silence = Silence::new(self.silence_alert);
        let outcome = loop {
            let next = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break StreamOutcome::Ended,
                next = pages.next() => next,
                // Also while a request hangs or a sink holds the stream.
                () = silence.due() => {
                    silence.heard(&self.tally().name, false);
                    continue;
                }
            };
            match next {
                None => break StreamOutcome::Ended,
                Some(Err(error)) => {
                    silence.heard(&self.tally().name, false);
                    if let Some(outcome) = self.judge(&error) {
                        break outcome;
                    }
                }
                Some(Ok(page)) => {
                    silence.heard(&self.tally().name, !page.events.is_empty());
                    // A page of nothing but what is known does not count: more of them than a run may
                    // take would keep every run at the same place.
                    let known = page.events.is_empty() && page.rejected.is_empty();
                    taken += u64::from(!known || page.caught_up);
                    if !self.take(seq, page).await {
                        break StreamOutcome::Ended;
                    }
                    seq += 1;
                    if self.max_pages.is_some_and(|most| taken >= most) {
                        break StreamOutcome::Ended;
                    }
                }
            }
        };
        self.tally().end(outcome);
        Ok(())
    }

    fn tally(&self) -> &StreamTally {
        &self.tally.streams[self.stream]
    }

    /// Waits until every sink that is waited for at all knows what it holds. Returns whether the
    /// run goes on.
    async fn sinks_are_ready(&mut self) -> bool {
        let output = self.tally.streams[self.stream].name.as_str();
        for route in self.routes.iter_mut().filter(|route| route.acknowledged) {
            let Ok(held) = route.restored.wait_for(Option::is_some).await else { return false };
            let held = held.as_ref().and_then(|held| held.get(output));
            route.holds.extend(held.into_iter().flatten());
        }
        true
    }

    /// What an error means for the stream; none: it goes on.
    fn judge(&self, error: &ApiError) -> Option<StreamOutcome> {
        let (stream, hint) = (&self.tally().name, error.hint.as_deref().unwrap_or_default());
        if error.is_transient() && !self.once {
            tracing::error!(stream, %error, hint, "stream failed, trying again");
            return None;
        }
        tracing::error!(stream, %error, hint, "stream failed, left out");
        let text = match &error.hint {
            Some(hint) => format!("{error}\nhint: {hint}"),
            None => error.to_string(),
        };
        Some(if error.kind == ErrorKind::Denied {
            StreamOutcome::Denied(text)
        } else {
            StreamOutcome::Failed(text)
        })
    }

    /// Hands a page over. Returns whether the run goes on.
    async fn take(&mut self, seq: Seq, page: Page) -> bool {
        let tally = self.tally();
        add(&tally.pages, 1);
        add(&tally.events, page.events.len());
        add(&tally.rejected, page.rejected.len());
        add(&tally.deduplicated, page.deduplicated);
        if !page.rejected.is_empty() {
            let (stream, count) = (&tally.name, page.rejected.len());
            tracing::warn!(stream, count, "records rejected");
        }
        let events: Arc<[Event]> = page.events.into();
        let after = page.resume.0.clone();
        let before = std::mem::replace(&mut self.position, after.clone());
        let output = self.tally().name.clone();
        let around = Arc::new(Around { output, before, after });
        let mut shares = Vec::new();
        let mut deliveries = Vec::new();
        for route in &mut self.routes {
            let (given, held) = route.choose(&events, &page.rejected);
            let Some(room) = route.room(given.len(), &self.tally) else { continue };
            if route.acknowledged {
                let given = given.iter().map(Event::fingerprint).collect();
                shares.push(Share { sink: route.sink, given, held });
            }
            deliveries.push((&route.intake, room, given));
        }
        let note = Note::Fetched {
            stream: self.stream,
            seq,
            resume: page.resume,
            shares,
            caught_up: page.caught_up,
        };
        if self.notes.send(note).await.is_err() {
            return false;
        }
        for (intake, room, events) in deliveries {
            let place = match room {
                Room::Nothing => continue,
                Room::Kept(place) => Some(place),
                Room::Wait => intake.place(events.len()).await,
            };
            let Some(place) = place else { return false };
            let whence = Whence::Page { stream: self.stream, seq };
            place.put(Delivery { whence, events, around: Arc::clone(&around) });
        }
        true
    }
}

/// How the events of a page get into a sink's queue.
enum Room<'a> {
    /// There are none.
    Nothing,
    /// There is a place.
    Kept(Place<'a>),
    /// They wait for one.
    Wait,
}

impl Route {
    /// What of a page this sink is given, and the fingerprints of what it holds already.
    fn choose(&mut self, events: &Arc<[Event]>, rejected: &[Event]) -> (Arc<[Event]>, Vec<u64>) {
        let rejected = if self.takes_rejected { rejected } else { &[] };
        if self.takes_events && rejected.is_empty() && self.holds.is_empty() {
            return (Arc::clone(events), Vec::new());
        }
        let wanted = events.iter().filter(|_| self.takes_events).chain(rejected);
        let mut held = Vec::new();
        let mut given = Vec::new();
        for event in wanted {
            let fingerprint = event.fingerprint();
            if self.holds.remove(&fingerprint) {
                held.push(fingerprint);
            } else {
                given.push(event.clone());
            }
        }
        (given.into(), held)
    }

    /// How this many events get into the sink's queue; none: they are dropped and counted, at the
    /// full queue of a sink that is not waited for, or that is to drop what finds no room.
    fn room(&self, events: usize, tally: &Tally) -> Option<Room<'_>> {
        if events == 0 {
            return Some(Room::Nothing);
        }
        if self.acknowledged && !self.intake.drops() {
            return Some(Room::Wait);
        }
        let place = self.intake.place_now(events);
        if place.is_none() {
            let sink = &tally.sinks[self.sink];
            add(&sink.discarded, events);
            tracing::error!(sink = sink.name, count = events, "events dropped");
        }
        place.map(Room::Kept)
    }
}

/// Raises an alert when a stream brings nothing for too long.
struct Silence {
    limit: Option<Duration>,
    last_event: Instant,
    alerted: bool,
}

impl Silence {
    fn new(limit: Option<Duration>) -> Self {
        Self { limit, last_event: Instant::now(), alerted: false }
    }

    /// Returns when the next alert is due; never, where none is.
    async fn due(&self) {
        match self.limit {
            Some(limit) if !self.alerted => {
                tokio::time::sleep_until(self.last_event + limit).await;
            }
            _ => std::future::pending().await,
        }
    }

    fn heard(&mut self, stream: &str, something: bool) {
        if something {
            self.last_event = Instant::now();
            self.alerted = false;
        }
        let silent = self.last_event.elapsed();
        if self.limit.is_some_and(|limit| silent >= limit) && !self.alerted {
            self.alerted = true;
            tracing::error!(stream, silent_secs = silent.as_secs(), "no event for too long");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_alerted_once_until_something_is_heard_again() {
        let mut silence = Silence::new(Some(Duration::from_secs(60)));
        let start = Instant::now();
        silence.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        silence.heard("acme.audit_logs", false);
        assert!(silence.alerted);
        let again = tokio::time::timeout(Duration::from_secs(600), silence.due()).await;
        assert!(again.is_err(), "one alert is enough");
        silence.heard("acme.audit_logs", true);
        assert!(!silence.alerted);
    }
}
