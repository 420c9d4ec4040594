//! The alert for a stream that brings nothing for too long.
//!
//! A stream that is quiet looks like one that is healthy: a filter too narrow, a role taken away
//! by halves. It says so once, and again after something was heard.

use std::time::Duration;

use tokio::time::Instant;

use super::tally::StreamTally;

/// Watches one stream.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    last_event: Instant,
    alerted: bool,
}

impl Silence {
    /// From now on; none: never.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, last_event: Instant::now(), alerted: false }
    }

    /// Returns when the next alert is due; never, where none is.
    pub(super) async fn due(&self) {
        match self.limit {
            Some(limit) if !self.alerted => {
                tokio::time::sleep_until(self.last_event + limit).await;
            }
            _ => std::future::pending().await,
        }
    }

    /// The stream brought something, or may have been silent for too long.
    pub(super) fn heard(&mut self, tally: &StreamTally, something: bool) {
        let stream = &tally.name;
        if something {
            if self.alerted {
                tracing::info!(stream, "events again");
                tally.stand(|standing| standing.silent = false);
            }
            self.last_event = Instant::now();
            self.alerted = false;
        }
        let silent = self.last_event.elapsed();
        if self.limit.is_some_and(|limit| silent >= limit) && !self.alerted {
            self.alerted = true;
            tally.stand(|standing| standing.silent = true);
            tracing::error!(
                stream,
                silent_secs = silent.as_secs(),
                hint = "see the stream's filter and the account's activity, or raise `silence_alert_secs`",
                "no event for too long"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_alerted_once_until_something_is_heard_again() {
        let tally = StreamTally::default();
        let mut silence = Silence::new(Some(Duration::from_secs(60)));
        let start = Instant::now();
        silence.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        silence.heard(&tally, false);
        assert!(silence.alerted && tally.standing().silent);
        let again = tokio::time::timeout(Duration::from_secs(600), silence.due()).await;
        assert!(again.is_err(), "one alert is enough");
        silence.heard(&tally, true);
        assert!(!silence.alerted && !tally.standing().silent);
    }
}
