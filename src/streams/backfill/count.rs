//! How many records a history has, and with that where it is cut. Asked beside the reading, which
//! waits for no count.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::parts::Cut;
use super::plan::{Counted, Plan, SLICES_MAX, Span};
use crate::streams::{History, StreamSettings, TimeFilter, poll, window};
use crate::zendesk::{ApiError, Client, PageRequest};

/// What is left of a history must be at least so many pages to be cut.
const PAGES_SLICED: u64 = 8;

/// At least so many slices, and this many for each request that must be under way: one that is
/// done early leaves the others enough to do.
const SLICES_MIN: usize = 8;
const SLICES_A_REQUEST: f64 = 2.0;

/// So many requests are under way, where no limit is known.
pub(super) const AT_ONCE_UNKNOWN: f64 = 8.0;

/// How many records of a history are cut at once where they are to come in order: those of the last
/// slice wait until all others are through, and records have about half a kilobyte.
const IN_ORDER_RECORDS: u64 = 60_000;

/// Counting takes no longer: what is not known by then is cut evenly.
const COUNTING_MAX: Duration = Duration::from_secs(60);

/// Counts the records of a history.
pub(super) struct Counter {
    pub(super) client: Arc<Client>,
    pub(super) settings: Arc<StreamSettings>,
    pub(super) filter: TimeFilter,
    /// A request of the slices, for what it draws on.
    pub(super) like: PageRequest,
}

impl Counter {
    /// The slices of a span. One: it is not worth it.
    pub(super) async fn cut(self, whole: Span) -> Cut {
        let until = Instant::now() + COUNTING_MAX;
        let needed = self.client.in_flight_needed(&self.like).unwrap_or(AT_ONCE_UNKNOWN);
        let wanted = at_once(needed * SLICES_A_REQUEST).clamp(SLICES_MIN, SLICES_MAX);
        let total = if self.filter.counts { self.count(whole, until).await } else { None };
        let Some(total) = total else {
            let slices = whole.evenly(wanted).into_iter().map(|span| (span, None));
            return Cut { slices: slices.collect(), beyond: 0 };
        };
        if total.records < self.worth_cutting() {
            return Cut { slices: vec![(whole, Some(total.records))], beyond: 0 };
        }
        let part = match self.settings.history {
            History::InOrder => self.first_part(total, until).await,
            _ => total,
        };
        let mut plan = Plan::new(part, wanted);
        loop {
            let questions = plan.questions().into_iter().map(|span| self.count(span, until));
            let answers: Vec<Counted> = join_all(questions).await.into_iter().flatten().collect();
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
    async fn first_part(&self, whole: Counted, until: Instant) -> Counted {
        let mut part = whole;
        while part.records > IN_ORDER_RECORDS
            && let Some(half) = part.span.half()
            && let Some(half) = self.count(half, until).await
            && half.records >= self.worth_cutting()
        {
            part = half;
        }
        part
    }

    /// How many records a span has; none where it cannot be told by then.
    async fn count(&self, span: Span, until: Instant) -> Option<Counted> {
        let asked = window::count_request(&self.filter, &self.settings, span.first, span.last);
        let request = PageRequest {
            path: asked.path,
            query: asked.query,
            give_up_when_slow: true,
            // Few, and all of history waits for them.
            patient: false,
            ..self.like.clone()
        };
        let counted = self.client.get(&request, poll::count);
        let counted = tokio::time::timeout_at(until, counted).await.ok()?;
        let untold = |error: &ApiError| tracing::debug!(%error, "records not counted");
        let records = counted.inspect_err(untold).ok()?;
        Some(Counted { span, records })
    }
}

/// So many requests at once, rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few and positive")]
pub(super) fn at_once(needed: f64) -> usize {
    needed.clamp(1.0, 1e3).ceil() as usize
}
