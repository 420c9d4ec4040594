//! History: slices of time of one list, read side by side while the tail is followed.
//!
//! One page stream out of several readers. Each slice and the tail has a position of its own; a
//! page's `resume` is all of them together after the pages handed over so far, and a slice that is
//! done leaves it. The tail begins where no record can show up late any more, so no slice has to
//! look twice. A history of a few pages is read by the tail itself, in one piece. Nothing is
//! asked for two pages ahead, and no more at once than uses the rate budget.

mod parts;
mod plan;

use std::sync::Arc;

use async_stream::stream;
use futures::Stream;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::page_size::PageSize;
use super::poll::{self, Answer};
use super::reader::Reader as _;
use super::window::Window;
use super::{History, Page, Position, PositionError, StreamSettings, TimeFilter};
use crate::zendesk::{ApiError, Client, PageRequest};
use parts::{Cut, Parts};
use plan::{Counted, Plan, SLICES_MAX, Span};

/// A pass of so many pages is a history; a shorter one is not worth counting.
const PAGES_ALONE: usize = 3;

/// What is left after them must be at least so many pages to be cut.
const PAGES_SLICED: u64 = 8;

/// At least so many slices, and this many for each request that must be under way: one that is
/// done early leaves the others enough to do.
const SLICES_MIN: usize = 8;
const SLICES_A_REQUEST: f64 = 2.0;

/// At most so many requests of one stream are under way.
const AT_ONCE_MAX: usize = 32;

/// So many, where no limit is known.
const AT_ONCE_UNKNOWN: f64 = 8.0;

/// How many bytes of records may wait for their turn, where history is to come in order.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How many records of a history are cut at once where they are to come in order: those of the last
/// slice wait until all others are through, and records have about half a kilobyte.
const IN_ORDER_RECORDS: u64 = 60_000;

/// Opens a list that filters by time. See [`super::open`].
pub(super) fn open(
    client: Arc<Client>,
    settings: StreamSettings,
    filter: TimeFilter,
    position: Option<&Position>,
) -> Result<(Position, impl Stream<Item = Result<Page, ApiError>> + Send + use<>), PositionError> {
    let parts = Parts::new(filter, &settings, position)?;
    let start = parts.position();
    let size = PageSize::new(settings.spec);
    let mut reading = Reading {
        client,
        settings: Arc::new(settings),
        filter,
        parts,
        under_way: JoinSet::new(),
        rests_until: None,
        pages_alone: 0,
        size,
    };
    let pages = stream! {
        loop {
            reading.cut_history().await;
            let page = reading.next_page().await;
            let is_last = page.as_ref().is_ok_and(|page| page.caught_up) && reading.is_finished();
            yield page;
            if is_last {
                return;
            }
        }
    };
    Ok((start, pages))
}

/// The position at which [`open`] starts.
pub(super) fn start(
    settings: &StreamSettings,
    filter: TimeFilter,
    position: Option<&Position>,
) -> Result<Position, PositionError> {
    Ok(Parts::new(filter, settings, position)?.position())
}

/// What one request of a slice or the tail brought; its reader comes back with it.
struct Fetched {
    /// The slice's last second; none: the tail.
    slice: Option<i64>,
    window: Window,
    /// How many records were asked for.
    asked: usize,
    answer: Result<Answer, ApiError>,
}

struct Reading {
    client: Arc<Client>,
    settings: Arc<StreamSettings>,
    filter: TimeFilter,
    parts: Parts,
    under_way: JoinSet<Fetched>,
    /// After an error nothing is asked for before.
    rests_until: Option<Instant>,
    /// How many pages the tail has read without reaching its end.
    pages_alone: usize,
    size: PageSize,
}

impl Reading {
    fn is_finished(&self) -> bool {
        let is_past = |until: Timestamp| self.parts.tail_is_past(until);
        !self.settings.follow || self.settings.until.is_some_and(is_past)
    }

    /// The next page, or the error of one.
    async fn next_page(&mut self) -> Result<Page, ApiError> {
        loop {
            if let Some(page) = self.parts.next_waiting() {
                return Ok(page);
            }
            self.ask();
            if self.parts.is_waiting() {
                continue;
            }
            let due = self.due();
            let fetched = tokio::select! {
                Some(fetched) = self.under_way.join_next() => fetched,
                () = sleep_until(due) => continue,
            };
            let fetched = match fetched {
                Ok(fetched) => fetched,
                Err(lost) => std::panic::resume_unwind(lost.into_panic()),
            };
            self.take(fetched)?;
        }
    }

    /// When there may be something to ask for again; none: when what is under way has come.
    fn due(&self) -> Option<Instant> {
        match self.rests_until {
            Some(until) if until > Instant::now() => Some(until),
            _ => self.parts.tail_due,
        }
    }

    /// Sends off what may be sent.
    fn ask(&mut self) {
        let (now, wall) = (Instant::now(), self.client.clock().now());
        if self.rests_until.is_some_and(|until| until > now) {
            return;
        }
        self.rests_until = None;
        if let Some(mut window) = self.parts.lend_tail(now) {
            match window.request(&self.settings, wall, self.page_size()) {
                Some(request) => self.send(None, window, request),
                None => self.take_tail(window, Answer::Nothing { caught_up: true }),
            }
        }
        while let Some((last, mut window)) = self.parts.lend_slice(self.most_at_once()) {
            let Some(request) = window.request(&self.settings, wall, self.page_size()) else {
                // The clock was set back.
                self.parts.give_back(Some(last), window);
                self.rest();
                return;
            };
            self.send(Some(last), window, PageRequest { patient: true, ..request });
        }
    }

    fn page_size(&self) -> usize {
        self.size.now()
    }

    fn send(&mut self, slice: Option<i64>, mut window: Window, request: PageRequest) {
        let (client, settings) = (Arc::clone(&self.client), Arc::clone(&self.settings));
        let asked = self.page_size();
        let request = PageRequest { give_up_when_slow: self.size.can_shrink(), ..request };
        self.under_way.spawn(async move {
            let answer = poll::fetch(&client, &settings, &mut window, request).await;
            Fetched { slice, window, asked, answer }
        });
    }

    /// How many slices may have a request under way: what uses the budget at the time that answers
    /// take, and one more.
    fn most_at_once(&self) -> usize {
        let needed = self.client.in_flight_needed(&self.like());
        at_once(needed.unwrap_or(AT_ONCE_UNKNOWN) + 1.0).min(AT_ONCE_MAX)
    }

    /// A request like those of the slices.
    fn like(&self) -> PageRequest {
        let spec = self.settings.spec;
        PageRequest {
            bucket: spec.bucket,
            needs: Some(spec.needs()),
            patient: true,
            ..PageRequest::new(spec.path)
        }
    }

    /// Takes in what a request brought.
    fn take(&mut self, fetched: Fetched) -> Result<(), ApiError> {
        let Fetched { slice, mut window, asked, answer } = fetched;
        let answer = match answer {
            Ok(answer) => answer,
            // It is asked for again, and less of it.
            Err(error) if error.is_too_slow() && self.size.shrink_from(asked) => {
                let (stream, page_size) = (self.settings.spec.name, self.size.now());
                tracing::warn!(stream, page_size, %error, "a page took too long, asking for less");
                self.parts.give_back(slice, window);
                return Ok(());
            }
            Err(error) => {
                self.parts.give_back(slice, window);
                self.rest();
                return Err(error);
            }
        };
        self.size.succeeded();
        let Some(last) = slice else {
            self.take_tail(window, answer);
            return Ok(());
        };
        let wall = self.client.clock().now();
        let name = parts::partition(last);
        let page = poll::accept(&self.settings, &mut window, answer, &name, wall);
        if page.caught_up && !window.is_through() {
            // It ended before its end: the clocks do not agree on what is old enough.
            self.rest();
        }
        let is_done = page.caught_up && window.is_through();
        self.parts.take_slice(last, (!is_done).then_some(window), page);
        Ok(())
    }

    fn take_tail(&mut self, mut window: Window, answer: Answer) {
        let wall = self.client.clock().now();
        let page = poll::accept(&self.settings, &mut window, answer, poll::TAIL, wall);
        self.pages_alone = if page.caught_up { 0 } else { self.pages_alone + 1 };
        let looks_again = page.caught_up && self.settings.follow;
        let due = looks_again.then(|| Instant::now() + self.settings.poll_interval);
        self.parts.take_tail(window, page, due);
    }

    /// Asks for nothing for a while.
    fn rest(&mut self) {
        self.rests_until = Some(Instant::now() + self.settings.poll_interval);
    }

    /// Cuts what the tail has before it into slices, once it turns out to be a history.
    async fn cut_history(&mut self) {
        let may = self.settings.history != History::InOnePiece && self.parts.slices.is_empty();
        if !may || self.pages_alone < PAGES_ALONE {
            return;
        }
        // Not again before the next long pass.
        self.pages_alone = 0;
        let Some(tail) = &self.parts.tail else { return };
        let Some((first, last)) = tail.history() else { return };
        let cut = self.slices_of(tail, Span { first, last }).await;
        if cut.slices.len() > 1 {
            let (stream, slices) = (self.settings.spec.name, cut.slices.len());
            let records: Option<u64> = cut.slices.iter().map(|(_, records)| *records).sum();
            tracing::info!(stream, slices, records, "reading history in slices");
            self.parts.cut(&cut);
        }
    }

    /// The slices of a span. One: it is not worth it.
    async fn slices_of(&self, tail: &Window, whole: Span) -> Cut {
        let needed = self.client.in_flight_needed(&self.like()).unwrap_or(AT_ONCE_UNKNOWN);
        let wanted = at_once(needed * SLICES_A_REQUEST).clamp(SLICES_MIN, SLICES_MAX);
        let total = if self.filter.counts { self.count(tail, whole).await } else { None };
        let Some(total) = total else {
            let slices = whole.evenly(wanted).into_iter().map(|span| (span, None));
            return Cut { slices: slices.collect(), beyond: 0 };
        };
        if total.records < self.worth_cutting() {
            return Cut { slices: vec![(whole, Some(total.records))], beyond: 0 };
        }
        let part = match self.settings.history {
            History::InOrder => self.first_part(tail, total).await,
            _ => total,
        };
        let mut plan = Plan::new(part, wanted);
        loop {
            let questions = plan.questions();
            let answers = join_all(questions.into_iter().map(|span| self.count(tail, span))).await;
            let answers: Vec<Counted> = answers.into_iter().flatten().collect();
            if answers.is_empty() {
                break;
            }
            plan.answer(&answers);
        }
        let slices = plan.slices().into_iter().map(|slice| (slice.span, Some(slice.records)));
        Cut { slices: slices.collect(), beyond: total.records.saturating_sub(part.records) }
    }

    fn worth_cutting(&self) -> u64 {
        PAGES_SLICED * self.settings.spec.page_size as u64
    }

    /// The part of a history that is read next where all of it is to come in order: as much as may
    /// wait, where its records are not all at its end.
    async fn first_part(&self, tail: &Window, whole: Counted) -> Counted {
        let mut part = whole;
        while part.records > IN_ORDER_RECORDS
            && let Some(half) = part.span.half()
            && let Some(half) = self.count(tail, half).await
            && half.records >= self.worth_cutting()
        {
            part = half;
        }
        part
    }

    /// How many records a span has; none where it cannot be told.
    async fn count(&self, tail: &Window, span: Span) -> Option<Counted> {
        let request = tail.count_request(&self.settings, span.first, span.last);
        let like = self.like();
        let request = PageRequest { path: request.path, query: request.query, ..like };
        let counted = self.client.get(&request, poll::count).await;
        let untold = |error: &ApiError| tracing::debug!(%error, "records not counted");
        let records = counted.inspect_err(untold).ok()?;
        Some(Counted { span, records })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few and positive")]
fn at_once(needed: f64) -> usize {
    needed.clamp(1.0, 1e3).ceil() as usize
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
