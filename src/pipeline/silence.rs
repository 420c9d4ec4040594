//! The alert for a stream that brings nothing for too long.
//!
//! A stream that is quiet looks like one that is healthy: a filter too narrow, a role taken away
//! by halves. It says so once, and again after something was heard. Since when nothing came is
//! known from one run to the next, so that short runs and processes that are started again tell it too.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::tally::StreamTally;
use crate::alerts::{Alert, Bell};
use crate::checkpoint::Quiet;

/// How long a run that finds its stream silent waits for what came before it, unless it has looked
/// by then.
const PATIENCE: Duration = Duration::from_mins(10);

/// Watches one stream.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    began: Instant,
    last_event: Instant,
    /// How long it had been silent by then; that is the start of the run unless something came.
    before: Duration,
    /// Whether this run has seen the stream's present end.
    has_looked: bool,
    /// What is to be known of it in the next run.
    quiet: Quiet,
    /// None: the log and the status tell it.
    bell: Option<Bell>,
}

const HINT: &str =
    "see the stream's filter and the account's activity, or raise `silence_alert_secs`";

impl Silence {
    /// As a former run left it; none: from now on. Without a limit nothing is watched.
    pub(super) fn new(
        limit: Option<Duration>,
        saved: Option<Quiet>,
        bell: Option<Bell>,
        tally: &StreamTally,
        now: Timestamp,
    ) -> Self {
        let quiet = saved.unwrap_or(Quiet { since: now, told: false });
        if limit.is_some() && quiet.told {
            tally.stand(|standing| standing.silent_since = Some(quiet.since));
        }
        let (began, before) = (Instant::now(), now.duration_since(quiet.since));
        let before = Duration::try_from(before).unwrap_or_default();
        Self { limit, began, last_event: began, before, has_looked: false, quiet, bell }
    }

    /// What is to be saved; none where nothing is watched.
    pub(super) fn quiet(&self) -> Option<Quiet> {
        self.limit.map(|_| self.quiet)
    }

    /// Returns when the next alert is due; never, where none is.
    pub(super) async fn due(&self) {
        match self.limit {
            Some(limit) if !self.quiet.told => {
                tokio::time::sleep_until(self.due_at(limit)).await;
            }
            _ => std::future::pending().await,
        }
    }

    fn due_at(&self, limit: Duration) -> Instant {
        let due = self.last_event + limit.saturating_sub(self.before);
        // What came before the run is only known once it has looked.
        if self.has_looked { due } else { due.max(self.began + limit.min(PATIENCE)) }
    }

    /// The stream was asked for all that there is.
    pub(super) fn looked(&mut self) {
        self.has_looked = true;
    }

    /// The stream brought something, or may have been silent for too long. Returns what is to be
    /// saved, if that has changed.
    pub(super) fn heard(
        &mut self,
        tally: &StreamTally,
        something: bool,
        now: Timestamp,
    ) -> Option<Quiet> {
        let limit = self.limit?;
        let (stream, now_at) = (&tally.name, Instant::now());
        if something {
            let before = std::mem::replace(&mut self.quiet, Quiet { since: now, told: false });
            (self.last_event, self.before) = (now_at, Duration::ZERO);
            if before.told {
                tracing::info!(stream, "events again");
                tally.stand(|standing| standing.silent_since = None);
                self.ring(stream, before.since, now, true);
            }
            return self.quiet();
        }
        if self.quiet.told || now_at < self.due_at(limit) {
            return None;
        }
        let since = self.quiet.since;
        self.quiet.told = true;
        tally.stand(|standing| standing.silent_since = Some(since));
        let silent_secs = (self.last_event.elapsed() + self.before).as_secs();
        tracing::error!(stream, silent_secs, hint = HINT, "no event for too long");
        self.ring(stream, since, now, false);
        self.quiet()
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

    const HOUR: Duration = Duration::from_hours(1);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn silence(limit: Duration, saved: Option<Quiet>, tally: &StreamTally, now: &str) -> Silence {
        Silence::new(Some(limit), saved, None, tally, at(now))
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_alerted_once_until_something_is_heard_again() {
        let tally = StreamTally::default();
        let mut silence = silence(Duration::from_mins(1), None, &tally, "2026-01-02T03:04:05Z");
        let (start, now) = (Instant::now(), at("2026-01-02T03:05:05Z"));
        silence.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        let told = silence.heard(&tally, false, now);
        let since = at("2026-01-02T03:04:05Z");
        assert_eq!(told, Some(Quiet { since, told: true }));
        assert_eq!(tally.standing().silent_since, Some(since));
        let again = tokio::time::timeout(Duration::from_secs(600), silence.due()).await;
        assert!(again.is_err(), "one alert is enough");
        assert_eq!(silence.heard(&tally, true, now), Some(Quiet { since: now, told: false }));
        assert!(tally.standing().silent_since.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_finds_its_stream_silent_says_so_once_it_has_looked() {
        let tally = StreamTally::default();
        let saved = Quiet { since: at("2026-01-01T00:00:00Z"), told: false };
        let now = "2026-01-02T03:00:00Z";
        let mut silent = silence(24 * HOUR, Some(saved), &tally, now);
        assert_eq!(silent.heard(&tally, false, at(now)), None, "nobody has looked yet");
        silent.looked();
        silent.due().await;
        let told = silent.heard(&tally, false, at(now)).expect("27 hours");
        assert_eq!(told, Quiet { told: true, ..saved });
        assert_eq!(tally.standing().silent_since, Some(saved.since));
        // The next run knows that it was told, and tells that it is over.
        let mut next = silence(24 * HOUR, Some(told), &tally, now);
        next.looked();
        assert_eq!(next.heard(&tally, false, at(now)), None);
        assert_eq!(next.heard(&tally, true, at(now)).map(|quiet| quiet.told), Some(false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_while_nobody_ran_is_no_silence_and_a_run_that_cannot_look_waits_a_little() {
        let tally = StreamTally::default();
        let saved = Quiet { since: at("2026-01-01T00:00:00Z"), told: false };
        let now = "2026-01-02T03:00:00Z";
        let mut silent = silence(24 * HOUR, Some(saved), &tally, now);
        silent.heard(&tally, true, at(now));
        silent.looked();
        assert_eq!(silent.heard(&tally, false, at(now)), None);
        let stuck = silence(24 * HOUR, Some(saved), &tally, now);
        let start = Instant::now();
        stuck.due().await;
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_is_watched_or_saved() {
        let tally = StreamTally::default();
        let now = at("2026-01-02T03:00:00Z");
        let mut silence = Silence::new(None, None, None, &tally, now);
        silence.looked();
        assert_eq!((silence.quiet(), silence.heard(&tally, true, now)), (None, None));
    }
}
