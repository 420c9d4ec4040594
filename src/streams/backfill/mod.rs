//! History: slices of time of one list, read side by side while the tail is followed.
//!
//! One page stream out of several readers. Each slice and the tail has a position of its own; a
//! page's `resume` is all of them together after the pages handed over so far, and a slice that is
//! done leaves it. The tail begins where no record can show up late any more, so no slice has to
//! look twice. A history of a few pages is read by the tail itself, in one piece. Nothing is
//! asked for two pages ahead, and no more at once than uses the rate budget.
//!
//! A slice that is refused rests while the others and the tail are read, and is told as a part that
//! is left out; so is one that fails again and again while they do not. The tail is asked at once
//! then: where it cannot be read either, it is a matter of the stream. Whoever looks once comes to the
//! end without what rests, whose place is kept.

mod aside;
mod count;
mod parts;
mod plan;
mod rest;

use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::{FutureExt as _, Stream};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::page_size::PageSize;
use super::poll::{self, Answer};
use super::reader::Reader as _;
use super::window::Window;
use super::{HistoryLeft, Page, Position, PositionError, StreamSettings, TimeFilter};
use crate::zendesk::{ApiError, Client, PageRequest};
use count::{AT_ONCE_UNKNOWN, at_once};
use parts::{Cut, Parts};

/// At most so many requests of one stream are under way.
const AT_ONCE_MAX: usize = 32;

/// Whoever looks again at once still lets others have their turn after an error.
const SHORTEST_REST: Duration = Duration::from_millis(100);

/// How many bytes of records may wait for their turn, where history is to come in order.
const WAITING_BYTES_MAX: usize = 64 << 20;

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
        counting: JoinSet::new(),
        troubles: 0,
        tail_failures: 0,
        is_in_trouble: false,
        size,
    };
    let pages = stream! {
        loop {
            reading.cut_history();
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
    /// How many troubles there were before it was sent.
    troubles: u64,
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
    /// The count of a history, while it is under way.
    counting: JoinSet<Cut>,
    /// How many errors were handed over.
    troubles: u64,
    /// How often in a row the tail could not be read.
    tail_failures: u32,
    /// Nothing came since the last of them: one request is sent at a time.
    is_in_trouble: bool,
    size: PageSize,
}

impl Reading {
    fn is_finished(&self) -> bool {
        let is_past = |until: Timestamp| self.parts.tail_is_past(until);
        let is_over = !self.settings.follow || self.settings.until.is_some_and(is_past);
        is_over && self.parts.only_left_out_rest()
    }

    /// The next page, or the error of one.
    async fn next_page(&mut self) -> Result<Page, ApiError> {
        loop {
            if let Some(page) = self.parts.next_waiting() {
                return Ok(Page { left: self.left(), ..page });
            }
            let now = Instant::now();
            self.ask(now);
            if self.parts.is_waiting() {
                continue;
            }
            let due = self.due(now);
            let fetched = tokio::select! {
                Some(fetched) = self.under_way.join_next() => fetched,
                () = sleep_until(due) => continue,
            };
            let fetched = match fetched {
                Ok(fetched) => fetched,
                Err(lost) => std::panic::resume_unwind(lost.into_panic()),
            };
            if fetched.slice.is_none() {
                let has_failed = fetched.answer.is_err();
                self.tail_failures = if has_failed { self.tail_failures + 1 } else { 0 };
            }
            if let Some(fetched) = self.set_history_aside(fetched).boxed().await {
                self.take(fetched)?;
            }
        }
    }

    /// When there may be something to ask for again; none: when what is under way has come. No clock
    /// is read here: a rest counts until [`Self::ask`] has found it over.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.waits_for_one() {
            return None;
        }
        let looks = self.rests_until.or_else(|| self.parts.tail_due());
        looks.into_iter().chain(self.parts.rests.due(now)).min()
    }

    /// Whether nothing is sent before what is under way has come.
    fn waits_for_one(&self) -> bool {
        self.is_in_trouble && !self.under_way.is_empty()
    }

    /// Sends off what may be sent.
    fn ask(&mut self, now: Instant) {
        let wall = self.client.clock().now();
        if self.waits_for_one() || self.rests_until.is_some_and(|until| until > now) {
            return;
        }
        self.rests_until = None;
        self.parts.wake(now);
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
        let (asked, troubles) = (self.page_size(), self.troubles);
        let has_failed = slice.is_some_and(|last| self.parts.rests.has_failed(last));
        let single_try = self.is_in_trouble || has_failed;
        let give_up_when_slow = self.size.can_shrink();
        let request = PageRequest { give_up_when_slow, single_try, ..request };
        self.under_way.spawn(async move {
            let answer = poll::fetch(&client, &settings, &mut window, request).await;
            Fetched { slice, window, asked, troubles, answer }
        });
    }

    /// How many slices may have a request under way: what uses the budget at the time that answers
    /// take, and one more.
    fn most_at_once(&self) -> usize {
        if self.is_in_trouble {
            return usize::from(self.under_way.is_empty());
        }
        let needed = self.client.in_flight_needed(&self.like());
        at_once(needed.unwrap_or(AT_ONCE_UNKNOWN) + 1.0).min(AT_ONCE_MAX)
    }

    /// A request like those of the slices.
    fn like(&self) -> PageRequest {
        let spec = self.settings.spec;
        PageRequest {
            bucket: spec.bucket,
            limit: spec.limit_per_minute,
            needs: Some(spec.needs()),
            patient: true,
            ..PageRequest::new(spec.path)
        }
    }

    /// What of the history is still to come.
    fn left(&self) -> Option<HistoryLeft> {
        let records = self.parts.left()?;
        // The last page of a slice is half full, more or less.
        let requests =
            records.div_ceil(self.page_size() as u64) + self.parts.slices.len() as u64 / 2;
        let at_least = self.client.budget_time(&self.like(), requests).unwrap_or_default();
        Some(HistoryLeft { records, at_least })
    }

    /// Takes in what a request brought.
    fn take(&mut self, fetched: Fetched) -> Result<(), ApiError> {
        let Fetched { slice, mut window, asked, troubles, answer } = fetched;
        let answer = match answer {
            Ok(answer) => answer,
            // It is asked for again, and less of it.
            Err(error) if error.is_too_much() && self.size.shrink_from(asked) => {
                let (stream, page_size) = (self.settings.spec.name, self.size.now());
                tracing::warn!(stream, page_size, %error, "a page is too large, asking for less");
                self.parts.give_back(slice, window);
                return Ok(());
            }
            // It was under way when another one failed: that is told, and this one asks again.
            Err(_) if troubles < self.troubles => {
                self.parts.give_back(slice, window);
                return Ok(());
            }
            Err(error) => {
                if let Some(last) =
                    slice.filter(|_| rest::may_be_of_a_slice(&error, &self.settings))
                {
                    self.parts.leave_out(last, window, error, Instant::now());
                    self.is_in_trouble = true;
                    return Ok(());
                }
                self.parts.give_back(slice, window);
                if !error.is_transient() {
                    // It is no matter of single slices.
                    self.parts.wake_all();
                }
                self.rest();
                self.troubles += 1;
                self.is_in_trouble = true;
                return Err(error);
            }
        };
        self.size.succeeded();
        self.is_in_trouble &= troubles < self.troubles;
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
        self.rests_until = Some(Instant::now() + self.settings.poll_interval.max(SHORTEST_REST));
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
