//! How fast the requests of one sink follow one another, within a write too.
//!
//! A batch that is refused as a whole is looked into with a request after another: an endpoint
//! that refuses everything must not get twice as many requests as there are events at once. Nor
//! must its streams wait for half an hour: the pauses of a batch have an end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long nothing is sent after a request was refused, at first: at most ten such requests in a
/// second.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// The most that the pauses of one batch take together.
const PAUSES_MAX: Duration = Duration::from_secs(60);

/// What a pause takes of those that the batch has left, at the most: five hundred are whole, and
/// from then on each is shorter than the one before.
const PART_OF_LEFT: u32 = 100;

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
    /// How long the pauses of the present batch may still take.
    pauses_left: Duration,
}

impl Pace {
    pub(super) fn new(limit: Option<(u64, Duration)>) -> Self {
        let now = Instant::now();
        let state = State { began: now, sent: 0, not_before: now, pauses_left: PAUSES_MAX };
        Self { limit, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch begins.
    pub(super) fn begin(&self) {
        self.lock().pauses_left = PAUSES_MAX;
    }

    /// Waits until the next request may be sent.
    pub(super) async fn wait(&self) {
        let at = self.next(Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// A request was refused.
    pub(super) fn refused(&self) {
        let mut state = self.lock();
        let pause = AFTER_REFUSAL.min(state.pauses_left / PART_OF_LEFT);
        state.pauses_left -= pause;
        state.not_before = Instant::now() + pause;
    }

    /// When a request may be sent that is ready now; it is counted.
    fn next(&self, now: Instant) -> Instant {
        let mut state = self.lock();
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

    #[tokio::test(start_paused = true)]
    async fn a_batch_of_which_everything_is_refused_is_done_within_a_minute() {
        let pace = Pace::new(None);
        for _ in 0..2 {
            let start = Instant::now();
            pace.begin();
            for _ in 0..20_000 {
                pace.wait().await;
                pace.refused();
            }
            pace.wait().await;
            let taken = start.elapsed();
            assert!((55..=65).contains(&taken.as_secs()), "{taken:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_keep_to_the_rate_too_when_their_pauses_are_over() {
        let pace = Pace::new(Some((1, Duration::from_secs(1))));
        pace.begin();
        let start = Instant::now();
        for _ in 0..3_000 {
            pace.wait().await;
            pace.refused();
        }
        assert_eq!(start.elapsed().as_secs(), 2_999);
    }
}
