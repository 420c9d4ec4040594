//! The alert for a stream that brings nothing for too long.
//!
//! A stream that is quiet looks like one that is healthy: a filter too narrow, a role taken away
//! by halves. It says so once, and again after something was heard. Since when nothing came is
//! known from one run to the next, so that short runs and processes that are started again tell it too.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::plan::ZENDESK;
use super::tally::StreamTally;
use crate::alerts::{Alert, Bell};
use crate::checkpoint::Quiet;
use crate::streams::Page;

/// How long a run that finds its stream silent waits for what came before it, unless it has looked
/// by then.
const PATIENCE: Duration = Duration::from_mins(10);

/// How a stream is watched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watched {
    /// How long it may bring nothing; none: it is not watched.
    pub(super) limit: Option<Duration>,
    /// As a former run left it.
    pub(super) saved: Option<Quiet>,
    /// Where it begins, if it was never read.
    pub(super) since: Option<Timestamp>,
}

/// Watches one stream.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    /// When the run began, or last got on.
    went_on: Instant,
    last_event: Instant,
    /// How long it had been silent by then.
    before: Duration,
    /// Whether this run has seen the stream's present end, or cannot.
    has_looked: bool,
    /// Until this run has seen the stream's present end.
    first_look: Option<FirstLook>,
    /// What is to be known of it in the next run.
    quiet: Quiet,
    /// None: the log and the status tell it.
    bell: Option<Bell>,
}

/// What a run has found on its way to the stream's present end: what it reads there may be years old,
/// and only that end tells how long nothing has come since.
#[derive(Debug)]
struct FirstLook {
    brought: bool,
    /// The time of the newest event, of former runs too.
    newest: Option<Timestamp>,
    /// Nothing came before that, as far as former runs know; none: they know of none.
    not_before: Option<Timestamp>,
    /// Where it begins, if there were none.
    since: Option<Timestamp>,
}

/// What is to be known of a page here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    brought: bool,
    newest: Option<Timestamp>,
    caught_up: bool,
}

impl News {
    pub(super) fn of(page: &Page) -> Self {
        let (brought, newest) = (!page.events.is_empty(), page.newest());
        Self { brought, newest, caught_up: page.caught_up }
    }
}

const HINT: &str =
    "see the stream's filter and the account's activity, or raise `silence_alert_secs`";

impl Silence {
    /// Goes on from what a former run left.
    pub(super) fn new(
        watched: Watched,
        bell: Option<Bell>,
        tally: &StreamTally,
        now: Timestamp,
    ) -> Self {
        let Watched { limit, saved, since } = watched;
        let quiet = saved.unwrap_or(Quiet { since: now, told: false });
        if limit.is_some() && quiet.told {
            tally.stand(|standing| standing.silent_since = Some(quiet.since));
        }
        let newest = tally.standing().last_event;
        // What is sent to us has no end to look for, and an earlier version did not save how far a
        // history had come.
        let looks = tally.source_type == ZENDESK && (saved.is_none() || newest.is_some());
        let not_before = saved.map(|saved| saved.since);
        let first_look = looks.then_some(FirstLook { brought: false, newest, not_before, since });
        let (went_on, last_event, before) = (Instant::now(), Instant::now(), Duration::ZERO);
        let has_looked = false;
        let mut silence =
            Self { limit, went_on, last_event, before, has_looked, first_look, quiet, bell };
        silence.count_from(quiet.since, now);
        silence
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
        // What came before the run is only known once it has looked, and while pages come it does.
        if self.has_looked { due } else { due.max(self.went_on + limit.min(PATIENCE)) }
    }

    fn count_from(&mut self, since: Timestamp, now: Timestamp) {
        self.quiet.since = since;
        self.last_event = Instant::now();
        self.before = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    }

    /// The stream failed: more than is known cannot be known for now. Returns what is to be saved, if
    /// that has changed.
    pub(super) fn failed(&mut self, tally: &StreamTally, now: Timestamp) -> Option<Quiet> {
        self.has_looked = true;
        self.tell_if_due(tally, now)
    }

    /// A page came. Returns what is to be saved, if that has changed.
    pub(super) fn took(
        &mut self,
        news: &News,
        tally: &StreamTally,
        now: Timestamp,
    ) -> Option<Quiet> {
        let (limit, before) = (self.limit?, self.quiet);
        self.went_on = Instant::now();
        if news.brought {
            self.quiet.told = false;
            self.count_from(now, now);
            if before.told {
                tracing::info!(stream = tally.name, "events again");
                tally.stand(|standing| standing.silent_since = None);
                self.ring(&tally.name, before.since, now, true);
            }
        }
        if let Some(look) = &mut self.first_look {
            look.brought |= news.brought;
            look.newest = look.newest.max(news.newest);
            self.has_looked = news.caught_up;
        }
        if news.caught_up {
            self.has_looked = true;
            self.end_first_look(limit, now);
        }
        self.tell_if_due(tally, now);
        (self.quiet != before).then_some(self.quiet)
    }

    /// All that there was has been read: now it is known since when there was nothing.
    fn end_first_look(&mut self, limit: Duration, now: Timestamp) {
        let Some(look) = self.first_look.take() else { return };
        let since = if look.brought {
            look.newest.map(|newest| look.not_before.map_or(newest, |known| newest.max(known)))
        } else {
            // Nothing at all came: for how long before that there was nothing is not known.
            look.since.map(|since| now.checked_sub(limit).map_or(since, |limit| since.max(limit)))
        };
        // A clock that is ahead of ours says nothing of the future.
        if let Some(since) = since.filter(|since| *since < now) {
            self.count_from(since, now);
        }
    }

    /// Tells that the stream has been silent for too long, if it has. Returns what is to be saved, if that
    /// has changed.
    pub(super) fn tell_if_due(&mut self, tally: &StreamTally, now: Timestamp) -> Option<Quiet> {
        let (limit, stream) = (self.limit?, &tally.name);
        if self.quiet.told || Instant::now() < self.due_at(limit) {
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
        let watched = Watched { limit: Some(limit), saved, since: None };
        Silence::new(watched, None, tally, at(now))
    }

    /// A stream that is read, whose newest event a former run saw then.
    fn read_before(newest: Option<&str>) -> StreamTally {
        let tally = StreamTally::named("acme.audit_logs".to_owned(), ZENDESK);
        tally.stand(|standing| standing.last_event = newest.map(at));
        tally
    }

    fn page(newest: Option<&str>, caught_up: bool) -> News {
        News { brought: newest.is_some(), newest: newest.map(at), caught_up }
    }

    const NOTHING: News = News { brought: false, newest: None, caught_up: true };

    #[tokio::test(start_paused = true)]
    async fn silence_is_alerted_once_until_something_is_heard_again() {
        let tally = StreamTally::default();
        let mut silence = silence(Duration::from_mins(1), None, &tally, "2026-01-02T03:04:05Z");
        let (start, now) = (Instant::now(), at("2026-01-02T03:05:05Z"));
        silence.due().await;
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        let told = silence.tell_if_due(&tally, now);
        let since = at("2026-01-02T03:04:05Z");
        assert_eq!(told, Some(Quiet { since, told: true }));
        assert_eq!(tally.standing().silent_since, Some(since));
        let again = tokio::time::timeout(Duration::from_secs(600), silence.due()).await;
        assert!(again.is_err(), "one alert is enough");
        let heard = silence.took(&page(Some("2026-01-02T03:00:00Z"), false), &tally, now);
        assert_eq!(heard, Some(Quiet { since: now, told: false }));
        assert!(tally.standing().silent_since.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_finds_its_stream_silent_says_so_once_it_has_looked() {
        let tally = read_before(Some("2025-12-31T00:00:00Z"));
        let saved = Quiet { since: at("2026-01-01T00:00:00Z"), told: false };
        let now = "2026-01-02T03:00:00Z";
        let mut silent = silence(24 * HOUR, Some(saved), &tally, now);
        assert_eq!(silent.tell_if_due(&tally, at(now)), None, "nobody has looked yet");
        let told = silent.took(&NOTHING, &tally, at(now)).expect("27 hours");
        assert_eq!(told, Quiet { told: true, ..saved });
        assert_eq!(tally.standing().silent_since, Some(saved.since));
        // The next run knows that it was told, and tells that it is over.
        let mut next = silence(24 * HOUR, Some(told), &tally, now);
        assert_eq!(next.took(&NOTHING, &tally, at(now)), None);
        let heard = next.took(&page(Some(now), true), &tally, at(now));
        assert_eq!(heard.map(|quiet| quiet.told), Some(false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_while_nobody_ran_is_no_silence_and_a_run_that_cannot_look_waits_a_little() {
        let tally = read_before(Some("2025-12-31T00:00:00Z"));
        let saved = Quiet { since: at("2026-01-01T00:00:00Z"), told: false };
        let now = "2026-01-02T03:00:00Z";
        let mut silent = silence(24 * HOUR, Some(saved), &tally, now);
        silent.took(&page(Some("2026-01-02T02:00:00Z"), false), &tally, at(now));
        let heard = silent.took(&NOTHING, &tally, at(now));
        let since = at("2026-01-02T02:00:00Z");
        assert_eq!(heard, Some(Quiet { since, told: false }));
        let stuck = silence(24 * HOUR, Some(saved), &tally, now);
        let start = Instant::now();
        stuck.due().await;
        assert_eq!(start.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_run_tells_that_the_newest_event_is_old_once_all_of_history_is_read() {
        let (tally, now) = (read_before(None), at("2026-01-10T00:00:00Z"));
        let since = Some(at("2025-01-01T00:00:00Z"));
        let watched = Watched { limit: Some(24 * HOUR), saved: None, since };
        let mut first = Silence::new(watched, None, &tally, now);
        // In no order, and with an error in between.
        for (newest, fails) in [("2026-01-03T00:00:00Z", false), ("2025-02-01T00:00:00Z", true)] {
            let heard = first.took(&page(Some(newest), false), &tally, now);
            assert!(heard.is_none_or(|quiet| quiet == Quiet { since: now, told: false }));
            assert!(!fails || first.failed(&tally, now).is_none());
        }
        let told = first.took(&NOTHING, &tally, now).expect("7 days");
        assert_eq!(told, Quiet { since: at("2026-01-03T00:00:00Z"), told: true });
        assert_eq!(tally.standing().silent_since, Some(told.since));
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_history_comes_nothing_is_told_however_long_it_has_no_event() {
        let (tally, now) = (read_before(None), at("2026-01-10T00:00:00Z"));
        let mut first = silence(HOUR, None, &tally, "2026-01-10T00:00:00Z");
        for _ in 0..30 {
            tokio::time::advance(PATIENCE / 2).await;
            assert_eq!(first.took(&page(None, false), &tally, now), None);
            assert_eq!(first.tell_if_due(&tally, now), None);
        }
        let start = Instant::now();
        first.due().await;
        assert_eq!(start.elapsed(), PATIENCE, "it has stopped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_look_that_finds_nothing_at_all_tells_so_where_it_looked_far_enough_back() {
        let now = at("2026-01-10T00:00:00Z");
        for (since, expected) in
            [("2025-01-01T00:00:00Z", Some("2026-01-09T00:00:00Z")), ("2026-01-09T12:00:00Z", None)]
        {
            let tally = read_before(None);
            let since_then = Some(at(since));
            let watched = Watched { limit: Some(24 * HOUR), saved: None, since: since_then };
            let mut first = Silence::new(watched, None, &tally, now);
            let told = first.took(&NOTHING, &tally, now).filter(|quiet| quiet.told);
            assert_eq!(told.map(|quiet| quiet.since), expected.map(at), "{since}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_history_that_an_earlier_version_began_is_not_taken_for_its_end() {
        let (tally, now) = (read_before(None), at("2026-01-10T00:00:00Z"));
        let saved = Quiet { since: at("2026-01-09T23:00:00Z"), told: false };
        let mut next = silence(24 * HOUR, Some(saved), &tally, "2026-01-10T00:00:00Z");
        let heard = next.took(&page(Some("2020-01-01T00:00:00Z"), true), &tally, now);
        assert_eq!(heard, Some(Quiet { since: now, told: false }));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_is_watched_or_saved() {
        let tally = StreamTally::default();
        let now = at("2026-01-02T03:00:00Z");
        let mut silence = Silence::new(Watched::default(), None, &tally, now);
        let heard = silence.took(&page(Some("2026-01-02T03:00:00Z"), true), &tally, now);
        assert_eq!((silence.quiet(), heard), (None, None));
    }
}
