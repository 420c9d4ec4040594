//! From a stream's pages to the sinks that take them.
//!
//! One task a stream. It gives each page a number, tells the committer what is coming, leaves out
//! what a sink holds from a former run, and hands the events over. It decides what an error
//! means for the stream, and never touches another stream.

use std::pin::pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::batch::{Around, Delivery, Whence};
use super::commit::Note;
use super::error::RunError;
use super::ledger::{Seq, Share};
use super::patience::{Parts, Patience, said_of};
use super::route::{Room, Route};
use super::silence::{News, Silence, Watched};
use super::tally::{StreamOutcome, StreamTally, Tally, Trouble, add};
use super::transforms::{PageEvents, Transforms};
use crate::alerts::Bell;
use crate::checkpoint::Quiet;
use crate::clock::Clock;
use crate::normalize::Event;
use crate::random::Random;
use crate::streams::{LeftOut, Page};
use crate::webhook::{Handed, Receipt};
use crate::zendesk::{ApiError, ErrorKind};

/// A page, and who is to know when it is durable.
pub(super) struct Arrival {
    pub(super) page: Page,
    pub(super) receipt: Option<Receipt>,
}

impl From<Page> for Arrival {
    fn from(page: Page) -> Self {
        Self { page, receipt: None }
    }
}

impl From<Handed> for Arrival {
    fn from(Handed { page, receipt }: Handed) -> Self {
        Self { page, receipt: Some(receipt) }
    }
}

/// Feeds the pages of one stream to its sinks.
pub(super) struct Feed {
    pub(super) stream: usize,
    /// Where the stream stands, for labels.
    pub(super) position: Value,
    pub(super) transforms: Transforms,
    pub(super) routes: Vec<Route>,
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether an error that may pass ends the stream.
    pub(super) once: bool,
    /// The most pages to take.
    pub(super) max_pages: Option<u64>,
    pub(super) watched: Watched,
    /// Whether it is a list of records of any age: then their times say nothing of how far it is read.
    pub(super) is_whole: bool,
    /// Tells people of it.
    pub(super) bell: Option<Bell>,
    pub(super) clock: Clock,
    pub(super) random: Arc<Random>,
    pub(super) tally: Arc<Tally>,
}

impl Feed {
    /// Runs until the stream ends, breaks, or the run is stopped.
    pub(super) async fn run(
        mut self,
        pages: impl Stream<Item = Result<Arrival, ApiError>> + Send,
    ) -> Result<(), RunError> {
        let mut stop = self.stop.clone();
        let ready = tokio::select! {
            ready = self.sinks_are_ready() => ready,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        let outcome = if ready { self.follow(pages).await? } else { StreamOutcome::Ended };
        self.tally().end(outcome);
        Ok(())
    }

    async fn follow(
        &mut self,
        pages: impl Stream<Item = Result<Arrival, ApiError>> + Send,
    ) -> Result<StreamOutcome, RunError> {
        let mut pages = pin!(pages);
        let mut stop = self.stop.clone();
        let (mut seq, mut taken): (Seq, u64) = (0, 0);
        let mut silence = self.silence();
        if self.watched.saved.is_none() {
            self.note_quiet(silence.quiet()).await;
        }
        let mut patience = Patience::default();
        let mut parts = Parts::default();
        loop {
            let next = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(StreamOutcome::Ended),
                next = async { patience.rest().await; pages.next().await } => Some(next),
                // Also while a request hangs or a sink holds the stream.
                () = silence.due() => None,
            };
            let Some(next) = next else {
                let news = silence.tell_if_due(self.tally(), self.clock.now());
                self.note_quiet(news).await;
                continue;
            };
            match next {
                None => return Ok(self.ended(&parts)),
                Some(Err(error)) => {
                    let news = silence.failed(self.tally(), self.clock.now());
                    self.note_quiet(news).await;
                    if let Some(outcome) = self.judge(&error, &mut patience)? {
                        return Ok(outcome);
                    }
                }
                Some(Ok(Arrival { page, receipt })) => {
                    let news = silence.took(&News::of(&page), self.tally(), self.clock.now());
                    self.note_quiet(news).await;
                    self.note_left_out(&mut parts, &page.left_out);
                    self.note_recovery(&mut patience, &parts);
                    // A page of nothing but what is known does not count: more of them than a run may
                    // take would keep every run at the same place.
                    let known = page.events.is_empty() && page.rejected.is_empty();
                    let caught_up = page.caught_up;
                    let Some(held) = self.take(seq, page, receipt).await? else {
                        return Ok(StreamOutcome::Ended);
                    };
                    taken += u64::from(!known && !held || caught_up);
                    seq += 1;
                    if self.max_pages.is_some_and(|most| taken >= most) {
                        return Ok(self.ended(&parts));
                    }
                }
            }
        }
    }

    fn tally(&self) -> &StreamTally {
        &self.tally.streams[self.stream]
    }

    fn silence(&self) -> Silence {
        Silence::new(self.watched, self.bell.clone(), self.tally(), self.clock.now())
    }

    /// Has it saved since when nothing came, for the runs to come.
    async fn note_quiet(&self, news: Option<Quiet>) {
        if let Some(quiet) = news {
            // Without a committer the run is over.
            let _over = self.notes.send(Note::Quiet { stream: self.stream, quiet }).await;
        }
    }

    /// Waits until every sink that is waited for at all knows what it holds. Returns whether the
    /// run goes on.
    async fn sinks_are_ready(&mut self) -> bool {
        let tally = &self.tally.streams[self.stream];
        let output = tally.name.as_str();
        for route in self.routes.iter_mut().filter(|route| route.acknowledged) {
            tally.stand(|standing| standing.waits_for = vec![route.sink]);
            let Ok(held) = route.restored.wait_for(Option::is_some).await else { return false };
            tally.stand(|standing| standing.waits_for.clear());
            let held = held.as_ref().and_then(|held| held.get(output));
            route.holds.extend(held.into_iter().flatten());
        }
        true
    }

    /// What an error means for the stream; none: it goes on. An error of its own where nothing of
    /// the run works.
    fn judge(
        &self,
        error: &ApiError,
        patience: &mut Patience,
    ) -> Result<Option<StreamOutcome>, RunError> {
        let tally = self.tally();
        let (stream, hint) = (&tally.name, error.hint.as_deref());
        let trouble = self.trouble(error, error.to_string());
        add(&tally.errors, 1);
        tally.stand(|standing| standing.trouble = Some(trouble.clone()));
        if self.once {
            tracing::error!(stream, %error, hint, "stream failed, left out");
            let text = trouble.with_hint();
            return Ok(Some(if error.kind == ErrorKind::Denied {
                StreamOutcome::Denied(text)
            } else {
                StreamOutcome::Failed(text)
            }));
        }
        if self.tally.is_refused_everywhere() {
            tracing::error!(stream, %error, hint, "stream failed");
            return Err(RunError::stream(stream, &trouble.with_hint()));
        }
        let news = patience.failed(error, &self.random);
        let retry_in_secs = patience.next_try().as_secs();
        match (news, trouble.refused) {
            (true, true) => tracing::error!(
                stream, %error, hint, retry_in_secs,
                "stream left out, tried again from time to time"
            ),
            (true, false) => tracing::error!(stream, %error, hint, "stream failed, trying again"),
            (false, _) => tracing::debug!(stream, %error, retry_in_secs, "stream failed again"),
        }
        Ok(None)
    }

    fn trouble(&self, error: &ApiError, message: String) -> Trouble {
        let (hint, refused) = (error.hint.clone(), !error.is_transient());
        Trouble { at: self.clock.now(), message, hint, refused, over: false }
    }

    /// What has become of a stream that reached its end: in a run that does not follow, what was
    /// left out of it is not read any more.
    fn ended(&self, parts: &Parts) -> StreamOutcome {
        let Some(left_out) = parts.first().filter(|_| self.once) else {
            return StreamOutcome::Ended;
        };
        let text = self.trouble(&left_out.error, said_of(left_out)).with_hint();
        if left_out.error.kind == ErrorKind::Denied {
            StreamOutcome::Denied(text)
        } else {
            StreamOutcome::Failed(text)
        }
    }

    /// Tells which parts of the stream are left out now, and which are read again.
    fn note_left_out(&self, parts: &mut Parts, now: &[LeftOut]) {
        let tally = self.tally();
        let stream = &tally.name;
        let (news, over) = parts.compare(now);
        let again =
            if self.once { "the next run tries it again" } else { "tried again from time to time" };
        for left_out in &news {
            let (part, error) = (&left_out.part, &left_out.error);
            let hint = error.hint.as_deref();
            tracing::error!(stream, part, %error, hint, "part of the stream left out, {again}");
            add(&tally.errors, 1);
        }
        for part in &over {
            tracing::info!(stream, part, "part of the stream is read again");
        }
        if !news.is_empty() || !over.is_empty() {
            self.stand_with(parts);
        }
    }

    /// The stream is read: nothing is wrong with it but what is left out.
    fn stand_with(&self, parts: &Parts) {
        match parts.first() {
            Some(left_out) => {
                let trouble = self.trouble(&left_out.error, said_of(left_out));
                self.tally().stand(|standing| standing.trouble = Some(trouble));
            }
            None => self.tally().is_well(),
        }
    }

    fn note_recovery(&self, patience: &mut Patience, parts: &Parts) {
        let Some(failed_for) = patience.recovered() else { return };
        self.stand_with(parts);
        let stream = &self.tally().name;
        tracing::info!(stream, failed_secs = failed_for.as_secs(), "stream recovered");
    }

    /// Where the stream stands with this page. Returns the time before which all is read with it.
    fn stand_at(&self, page: &Page, newest: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.clock.now();
        let oldest = page.events.iter().filter_map(|event| event.time).min();
        self.tally().stand(|standing| {
            standing.last_event = standing.last_event.max(newest);
            standing.caught_up = page.caught_up;
            // Until the first page is delivered, its sinks lack all of it. What is old in a list has
            // been there for long, and is missing since it was read.
            let first = oldest.filter(|_| !self.is_whole).unwrap_or(now);
            standing.delivered_through.get_or_insert(first);
        });
        if page.caught_up { Some(now) } else { newest.filter(|_| !self.is_whole) }
    }

    /// Hands a page over. Returns whether its sinks held all of it already; none: the run ends.
    async fn take(
        &mut self,
        seq: Seq,
        page: Page,
        receipt: Option<Receipt>,
    ) -> Result<Option<bool>, RunError> {
        let tally = self.tally();
        add(&tally.pages, 1);
        add(&tally.events, page.events.len());
        add(&tally.bytes, page.events.iter().map(|event| event.line.len()).sum());
        add(&tally.rejected, page.rejected.len());
        add(&tally.deduplicated, page.deduplicated);
        tally.leaves(page.left);
        if !page.rejected.is_empty() {
            let (stream, count) = (&tally.name, page.rejected.len());
            tracing::warn!(stream, count, "records rejected");
        }
        let newest = page.newest();
        let read_through = self.stand_at(&page, newest);
        let (events, rejected) = (page.events.into(), page.rejected.into());
        let page_events = PageEvents { events, rejected, frame: page.frame };
        let transformed = self.transforms.pass(&page_events, &self.tally).await?;
        let after = page.resume.if_short().unwrap_or_default();
        let before = std::mem::replace(&mut self.position, after.clone());
        let output = self.tally().name.clone();
        let around = Arc::new(Around { output, before, after, is_awaited: receipt.is_some() });
        let mut shares = Vec::new();
        let mut deliveries = Vec::new();
        let (mut any_held, mut any_given) = (false, false);
        for route in &mut self.routes {
            let (given, held) = route.choose(&page_events, &transformed);
            (any_held, any_given) = (any_held || !held.is_empty(), any_given || !given.is_empty());
            let Some(room) = route.room(given.len(), &self.tally) else { continue };
            if route.acknowledged {
                let given = given.iter().flat_map(Event::fingerprints).collect();
                shares.push(Share { sink: route.sink, given, held });
            }
            deliveries.push((route.sink, &route.intake, room, given));
        }
        let note = Note::Fetched {
            stream: self.stream,
            seq,
            resume: page.resume,
            shares,
            // What was left out comes later, and what sinks hold of it with it.
            caught_up: page.caught_up && page.left_out.is_empty(),
            read_through,
            newest,
            receipt,
        };
        if self.notes.send(note).await.is_err() {
            return Ok(None);
        }
        for (sink, intake, room, events) in deliveries {
            let place = match room {
                Room::Nothing => continue,
                Room::Kept(place) => Some(place),
                Room::Wait => intake.place(events.len()).await,
            };
            let Some(place) = place else { return Ok(None) };
            let whence = Whence::Page { stream: self.stream, seq };
            add(&self.tally.sinks[sink].received, events.len());
            place.put(Delivery { whence, events, around: Arc::clone(&around) });
        }
        Ok(Some(any_held && !any_given))
    }
}
