//! How fast the requests of one sink follow one another, within a write too.
//!
//! A batch that is refused as a whole is looked into with a request after another: an endpoint
//! that refuses everything must not get twice as many requests as there are events at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long nothing is sent after a request was refused: at most ten such requests in a second.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// So many requests in each span of time, if they are limited, and a pause after one that was
/// refused.
#[derive(Debug)]
pub(super) struct Pace {
    limit: Option<(u64, Duration)>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the present span began.
    began: Instant,
    /// Requests in it.
    sent: u64,
    /// Nothing is sent before.
    not_before: Instant,
}

impl Pace {
    pub(super) fn new(limit: Option<(u64, Duration)>) -> Self {
        let now = Instant::now();
        Self { limit, state: Mutex::new(State { began: now, sent: 0, not_before: now }) }
    }

    /// Waits until the next request may be sent.
    pub(super) async fn wait(&self) {
        let at = self.next(Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// A request was refused.
    pub(super) fn refused(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.not_before = Instant::now() + AFTER_REFUSAL;
    }

    /// When a request may be sent that is ready now; it is counted.
    fn next(&self, now: Instant) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = now.max(state.not_before);
        if let Some((most, span)) = self.limit {
            if at >= state.began + span {
                (state.began, state.sent) = (at, 0);
            } else if state.sent >= most {
                at = state.began + span;
                (state.began, state.sent) = (at, 0);
            }
            state.sent += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_keep_to_their_rate() {
        let pace = Pace::new(Some((3, Duration::from_secs(1))));
        let start = Instant::now();
        for _ in 0..10 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_followed_by_a_pause_and_nothing_else_is() {
        let pace = Pace::new(None);
        let start = Instant::now();
        for _ in 0..1_000 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.wait().await;
            pace.refused();
        }
        pace.wait().await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
