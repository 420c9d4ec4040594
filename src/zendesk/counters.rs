//! What a client did, counted. For whoever watches: nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::error::{ApiError, ErrorKind};

/// So many tries without an answer, over at least so long, are more than a blip.
const AWAY_TRIES: u32 = 3;
const AWAY_AFTER: Duration = Duration::from_secs(10);

/// What the client did so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests sent, but for those that renew tokens.
    pub requests: AtomicU64,
    /// Requests without a whole answer.
    pub unanswered: AtomicU64,
    /// Milliseconds from sending to the end of each whole answer, all together.
    pub response_ms: AtomicU64,
    responses: Mutex<BTreeMap<u16, u64>>,
    /// Bytes of bodies received, decompressed.
    pub received_bytes: AtomicU64,
    /// Tries after a failure.
    pub retries: AtomicU64,
    /// Answers with 429.
    pub rate_limited: AtomicU64,
    /// Milliseconds spent waiting for the rate budget.
    pub budget_wait_ms: AtomicU64,
    unheard: Mutex<Option<Unheard>>,
}

/// Tries one after the other to which no answer came, neither from the account nor from where its
/// tokens come from.
#[derive(Debug, Clone)]
pub struct Unheard {
    /// When the first of them failed.
    pub since: Instant,
    /// When the last of them did.
    pub last: Instant,
    /// What that one failed with.
    pub error: ApiError,
    tries: u32,
}

impl Counters {
    /// Whole answers by HTTP status.
    pub fn responses(&self) -> BTreeMap<u16, u64> {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes down a whole answer.
    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.response_ms.fetch_add(millis, Ordering::Relaxed);
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        *responses.entry(status.as_u16()).or_default() += 1;
        *self.unheard() = None;
    }

    /// Takes down a try that failed.
    pub(super) fn failed(&self, error: ApiError) -> ApiError {
        if matches!(error.kind, ErrorKind::Retry { .. }) && error.status.is_none() {
            let now = Instant::now();
            let before = self.unheard().take();
            let (since, tries) = before.map_or((now, 0), |before| (before.since, before.tries));
            let tries = tries.saturating_add(1);
            *self.unheard() = Some(Unheard { since, last: now, error: error.clone(), tries });
        }
        error
    }

    /// What the account has not answered for a while; none: it answers, or was not asked.
    pub fn away(&self) -> Option<Unheard> {
        let unheard = self.unheard().clone();
        unheard.filter(|it| it.tries >= AWAY_TRIES && it.last - it.since >= AWAY_AFTER)
    }

    fn unheard(&self) -> MutexGuard<'_, Option<Unheard>> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zendesk::transport::TransportError;

    fn refused() -> ApiError {
        TransportError::Connect("refused".to_owned()).into()
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_is_away_after_several_tries_over_ten_seconds_until_it_answers() {
        let counters = Counters::default();
        for _ in 0..100 {
            counters.failed(refused());
        }
        assert!(counters.away().is_none(), "a blip, met by all streams at once");
        tokio::time::sleep(AWAY_AFTER * 10).await;
        assert!(counters.away().is_none(), "nobody has asked since");
        counters.failed(refused());
        let away = counters.away().expect("a hundred seconds");
        assert_eq!(away.error, refused());
        assert_eq!(away.last - away.since, AWAY_AFTER * 10);
        counters.answered(StatusCode::BAD_GATEWAY, Duration::ZERO);
        assert!(counters.away().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_cannot_be_used_are_answers() {
        let counters = Counters::default();
        let failing = ApiError { status: Some(StatusCode::BAD_GATEWAY), ..refused() };
        for _ in 0..10 {
            counters.failed(failing.clone());
            counters.answered(StatusCode::OK, Duration::ZERO);
            counters.failed(ApiError::malformed(b"<html>", "no page"));
            tokio::time::sleep(AWAY_AFTER).await;
        }
        assert!(counters.away().is_none());
    }
}
