//! The alert for a stream that brings nothing for too long.
//!
//! A stream that is quiet looks like one that is healthy: a filter too narrow, a role taken away
//! by halves. It says so once, and again after something was heard.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::tally::StreamTally;
use crate::alerts::{Alert, Bell};

/// Watches one stream.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    last_event: Instant,
    /// The time of `last_event`, where there is an alert.
    alerted: Option<Timestamp>,
    /// None: the log and the status tell it.
    bell: Option<Bell>,
}

const HINT: &str =
    "see the stream's filter and the account's activity, or raise `silence_alert_secs`";

impl Silence {
    /// From now on; none: never.
    pub(super) fn new(limit: Option<Duration>, bell: Option<Bell>) -> Self {
        Self { limit, last_event: Instant::now(), alerted: None, bell }
    }

    /// Returns when the next alert is due; never, where none is.
    pub(super) async fn due(&self) {
        match self.limit {
            Some(limit) if self.alerted.is_none() => {
                tokio::time::sleep_until(self.last_event + limit).await;
            }
            _ => std::future::pending().await,
        }
    }

    /// The stream brought something, or may have been silent for too long.
    pub(super) fn heard(&mut self, tally: &StreamTally, something: bool, now: Timestamp) {
        let stream = &tally.name;
        if something {
            if let Some(since) = self.alerted.take() {
                tracing::info!(stream, "events again");
                tally.stand(|standing| standing.silent_since = None);
                self.ring(stream, since, now, true);
            }
            self.last_event = Instant::now();
        }
        let silent = self.last_event.elapsed();
        if self.limit.is_some_and(|limit| silent >= limit) && self.alerted.is_none() {
            let since = now.checked_sub(silent).unwrap_or(now);
            self.alerted = Some(since);
            tally.stand(|standing| standing.silent_since = Some(since));
            let silent_secs = silent.as_secs();
            tracing::error!(stream, silent_secs, hint = HINT, "no event for too long");
            self.ring(stream, since, now, false);
        }
    }

    fn ring(&self, stream: &str, since: Timestamp, at: Timestamp, over: bool) {
        let Some(bell) = &self.bell else { return };
        let hint = (!over).then_some(HINT);
        bell.ring(Alert { stream: stream.to_owned(), over, since, at, hint });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_alerted_once_until_something_is_heard_again() {
        let tally = StreamTally::default();
        let mut silence = Silence::new(Some(Duration::from_secs(60)), None);
        let (start, now) = (Instant::now(), "2026-01-02T03:05:05Z".parse().unwrap());
        silence.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        silence.heard(&tally, false, now);
        let since = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(tally.standing().silent_since, Some(since));
        let again = tokio::time::timeout(Duration::from_secs(600), silence.due()).await;
        assert!(again.is_err(), "one alert is enough");
        silence.heard(&tally, true, now);
        assert!(silence.alerted.is_none() && tally.standing().silent_since.is_none());
    }
}
