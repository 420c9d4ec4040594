//! What time it is, and how to wait.
//!
//! The only place that reads the wall clock. A simulated clock follows tokio's
//! timer from a fixed start, so that a test under paused time sees hours pass in
//! milliseconds. Nothing here knows what the time is used for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A source of wall time, shared by everything that needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    System,
    /// `start` was the time at `origin`.
    Simulated {
        start: Timestamp,
        origin: Instant,
    },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { kind: Kind::System }
    }

    /// A clock that shows `start` now and moves with tokio's timer, which a test
    /// may have paused. Must be called within a tokio runtime.
    pub fn simulated(start: Timestamp) -> Self {
        Self { kind: Kind::Simulated { start, origin: Instant::now() } }
    }

    /// The present time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        match self.kind {
            Kind::System => Timestamp::now(),
            Kind::Simulated { start, origin } => {
                let passed = SignedDuration::try_from(origin.elapsed());
                passed.ok().and_then(|passed| start.checked_add(passed).ok()).unwrap_or(start)
            }
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
