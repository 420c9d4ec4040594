//! Slices that could not be read, and when each is asked for again.
//!
//! Only a person can change a refusal, so it is asked for slowly: the tail and the other slices are
//! read meanwhile. What may pass is asked for sooner, and is taken for a matter of its slice only when
//! it stays so. It asks nothing and waits for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::parts;
use crate::streams::{History, LeftOut, StreamSettings};
use crate::zendesk::{ApiError, ErrorKind};

/// How long a slice rests that was refused; so often, and then longer.
const FIRST_RESTS: Duration = Duration::from_mins(15);
const FIRST_TRIES: u32 = 4;
const LATER_RESTS: Duration = Duration::from_mins(60);

/// How long one rests that failed in a way that may pass: at first, then twice as long each time, and
/// at the most.
const PASSING_RESTS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(5));

/// So many failures in a row that may pass are a matter of their slice.
pub(super) const PASSING_TRIES: u32 = 3;

/// What can be done where nothing better is known.
const HINT: &str = "all else of the stream is read; if this part cannot be read later either, show the answer \
                    to Zendesk's support";

/// The slices that could not be read, by their last second.
#[derive(Debug, Default)]
pub(super) struct Rests(BTreeMap<i64, Rest>);

#[derive(Debug)]
struct Rest {
    error: ApiError,
    /// Failures in a row, of this kind.
    tries: u32,
    /// It is a matter of this slice, and the others go on without it.
    is_left_out: bool,
    /// A page went out that says so.
    is_told: bool,
    /// None: it is asked for again, and nothing has come of that yet.
    until: Option<Instant>,
}

impl Rests {
    /// The slice could not be read. `at_once`: it is left out, even if the error may pass.
    pub(super) fn begin(&mut self, last: i64, error: ApiError, at_once: bool, now: Instant) {
        let may_pass = error.is_transient();
        let before = self.0.remove(&last);
        let (was_left_out, is_told) =
            before.as_ref().map_or((false, false), |it| (it.is_left_out, it.is_told));
        let same = before.filter(|before| before.error.is_transient() == may_pass);
        let tries = same.as_ref().map_or(0, |before| before.tries) + 1;
        let rest = match (may_pass, tries) {
            (true, _) => {
                let (first, most) = PASSING_RESTS;
                first.saturating_mul(2_u32.saturating_pow(tries - 1)).min(most)
            }
            (false, ..=FIRST_TRIES) => FIRST_RESTS,
            (false, _) => LATER_RESTS,
        };
        // Failures that may pass differ from one to the next, which is no news.
        let error = same.filter(|_| may_pass).map_or(error, |before| before.error);
        let is_left_out = was_left_out || at_once || !may_pass || tries >= PASSING_TRIES;
        self.0.insert(last, Rest { error, tries, is_left_out, is_told, until: Some(now + rest) });
    }

    /// A page of the slice came.
    pub(super) fn end(&mut self, last: i64) {
        self.0.remove(&last);
    }

    /// When the first of those that rest is asked for, if that is to come.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.0.values().filter_map(|rest| rest.until).filter(|until| *until > now).min()
    }

    /// Those that have rested long enough.
    pub(super) fn wake(&mut self, now: Instant) -> Vec<i64> {
        let over = self.0.iter_mut().filter(|(_, rest)| rest.until.is_some_and(|it| it <= now));
        let woken = over.map(|(last, rest)| {
            rest.until = None;
            *last
        });
        woken.collect()
    }

    /// Ends all rests: it was no matter of single slices. What was told of one stands until a page of
    /// it comes. Returns those that rested.
    pub(super) fn wake_all(&mut self) -> Vec<i64> {
        let rested = self.0.iter().filter(|(_, rest)| rest.until.is_some());
        let rested = rested.map(|(last, _)| *last).collect();
        self.0.retain(|_, rest| {
            rest.until = None;
            rest.is_told
        });
        rested
    }

    /// Whether it failed, and no page of it has come since.
    pub(super) fn has_failed(&self, last: i64) -> bool {
        self.0.contains_key(&last)
    }

    /// Whether the others go on without it.
    pub(super) fn is_left_out(&self, last: i64) -> bool {
        self.0.get(&last).is_some_and(|rest| rest.is_left_out)
    }

    /// Whether it is not asked for now.
    pub(super) fn is_resting(&self, last: i64) -> bool {
        self.0.get(&last).is_some_and(|rest| rest.until.is_some())
    }

    /// What is told of them with a page.
    pub(super) fn tell(&mut self) -> Vec<LeftOut> {
        let left_out = self.0.iter_mut().filter(|(_, rest)| rest.is_left_out);
        let left_out = left_out.map(|(last, rest)| {
            rest.is_told = true;
            LeftOut { part: parts::partition(*last), error: of_a_part(&rest.error) }
        });
        left_out.collect()
    }
}

/// Whether an error may be a matter of the slice that met it. Who follows in order waits for what may
/// pass.
pub(super) fn may_be_of_a_slice(error: &ApiError, settings: &StreamSettings) -> bool {
    let waits = settings.follow && settings.history == History::InOrder;
    match error.kind {
        ErrorKind::Config | ErrorKind::RateLimited { .. } => false,
        ErrorKind::Retry { .. } => !waits,
        ErrorKind::Denied | ErrorKind::Data | ErrorKind::Bug => true,
    }
}

/// The error of a part whose list can be read otherwise: no matter of plan, role or scope.
fn of_a_part(error: &ApiError) -> ApiError {
    let (kind, hint) = match error.kind {
        ErrorKind::Denied => (ErrorKind::Data, None),
        kind => (kind, error.hint.clone()),
    };
    let hint = hint.or_else(|| Some(HINT.to_owned()));
    ApiError { kind, hint, ..error.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> ApiError {
        ApiError { kind: ErrorKind::Retry { after: None }, ..ApiError::denied("cut") }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_left_out_when_it_stays_and_asked_for_ever_more_slowly() {
        let mut rests = Rests::default();
        for (tries, secs) in [15, 30, 60, 120, 240, 300, 300].into_iter().enumerate() {
            let now = Instant::now();
            rests.begin(7, failing(), false, now);
            assert_eq!(rests.is_left_out(7), tries >= 2, "{tries}");
            assert_eq!(rests.tell().len(), usize::from(tries >= 2));
            let until = now + Duration::from_secs(secs);
            assert_eq!(rests.due(now), Some(until), "{tries}");
            assert_eq!(rests.wake(until), [7]);
        }
        rests.end(7);
        assert!(rests.tell().is_empty() && !rests.has_failed(7));
        rests.begin(7, failing(), true, Instant::now());
        assert!(rests.is_left_out(7), "a run that looks once does not wait for another try");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_of_a_part_stands_until_a_page_of_it_comes() {
        let mut rests = Rests::default();
        let now = Instant::now();
        rests.begin(1, ApiError::denied("no"), false, now);
        let told = rests.tell();
        assert_eq!(told[0].error.kind, ErrorKind::Data, "others of the list are read");
        assert!(told[0].error.hint.is_some());
        rests.begin(2, ApiError::denied("no"), false, now);
        assert_eq!(rests.wake_all(), [1, 2]);
        assert_eq!(rests.tell(), told, "of the other one nothing was told yet");
        assert!(!rests.is_resting(1));
        // It counts on.
        for secs in [900, 900, 900, 3_600] {
            rests.begin(1, ApiError::denied("no"), false, now);
            assert_eq!(rests.due(now), Some(now + Duration::from_secs(secs)));
        }
        rests.end(1);
        assert!(rests.tell().is_empty());
    }
}
