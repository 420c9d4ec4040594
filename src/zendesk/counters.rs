//! What a client did, counted. For whoever watches: nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

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
    }
}
