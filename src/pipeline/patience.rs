//! How a followed stream that fails is tried again, and when that is said.
//!
//! What may pass is asked for again at the stream's own pace at first, since the client has waited
//! before, and then ever more slowly, one try at a time. What was refused (by plan, role, credentials) is asked for slowly, since only a person can change it;
//! so it comes back by itself when one has. Each trouble is said once, and once that it is over.

use std::time::Duration;

use tokio::time::Instant;

use crate::random::Random;
use crate::streams::LeftOut;
use crate::zendesk::ApiError;

/// How long a refused stream rests at first.
const FIRST_RESTS: Duration = Duration::from_mins(15);

/// So many times: the hour in which somebody looks into it.
const FIRST_TRIES: u32 = 4;

/// How long it rests from then on.
const LATER_RESTS: Duration = Duration::from_mins(60);

/// How long a stream rests after failures that may pass: first, and at the most. What no answer
/// caused, such as a network that is away, may be over at any moment and burdens nobody.
const PASSING_RESTS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(5));
const UNANSWERED_RESTS_MAX: Duration = Duration::from_mins(1);

/// Rests differ by up to this part in both directions, lest all streams come at once.
const JITTER: f64 = 0.1;

/// The trouble of one stream, if it is in any.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    /// What was said of it, to tell a new trouble from the same.
    said: Option<(bool, Option<u16>)>,
    refusals: u32,
    /// Failures that may pass, so far.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Patience {
    /// Waits until the stream may be asked again.
    pub(super) async fn rest(&self) {
        if let Some(until) = self.rests_until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// It failed. Returns whether that is news.
    pub(super) fn failed(&mut self, error: &ApiError, random: &Random) -> bool {
        let now = Instant::now();
        self.since.get_or_insert(now);
        let refused = !error.is_transient();
        let rest = if refused { self.next_rest() } else { self.next_passing_rest(error) };
        self.rests_until =
            Some(now + rest.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.fraction()));
        // Failures that may pass differ from one to the next; refusals are told by their status.
        let status = error.status.filter(|_| refused).map(|status| status.as_u16());
        let said = self.said.replace((refused, status));
        said != Some((refused, status))
    }

    fn next_rest(&mut self) -> Duration {
        self.refusals += 1;
        if self.refusals <= FIRST_TRIES { FIRST_RESTS } else { LATER_RESTS }
    }

    fn next_passing_rest(&mut self, error: &ApiError) -> Duration {
        let doublings = self.failures;
        self.failures += 1;
        if doublings == 0 {
            return Duration::ZERO;
        }
        let (first, most) = PASSING_RESTS;
        let most = if error.status.is_some() { most } else { UNANSWERED_RESTS_MAX };
        first.saturating_mul(2_u32.saturating_pow(doublings - 1)).min(most)
    }

    /// How long until the next try.
    pub(super) fn next_try(&self) -> Duration {
        self.rests_until.map_or(Duration::ZERO, |until| until.duration_since(Instant::now()))
    }

    /// It brought a page. Returns for how long it had failed, if it had.
    pub(super) fn recovered(&mut self) -> Option<Duration> {
        let since = self.since?;
        *self = Self::default();
        Some(since.elapsed())
    }
}

/// The parts of a stream that are left out, as far as that was said.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<LeftOut>);

impl Parts {
    /// Takes in which are left out now. Returns those of them that are news, and which are not left
    /// out any more.
    pub(super) fn compare<'a>(&mut self, now: &'a [LeftOut]) -> (Vec<&'a LeftOut>, Vec<String>) {
        let same = |one: &LeftOut, other: &LeftOut| {
            one.part == other.part && one.error.status == other.error.status
        };
        let news = now.iter().filter(|one| !self.0.iter().any(|said| same(one, said))).collect();
        let over = self.0.iter().filter(|said| !now.iter().any(|one| one.part == said.part));
        let over = over.map(|said| said.part.clone()).collect();
        self.0 = now.to_vec();
        (news, over)
    }

    /// The first of them.
    pub(super) fn first(&self) -> Option<&LeftOut> {
        self.0.first()
    }
}

/// What is said of a part that is left out.
pub(super) fn said_of(left_out: &LeftOut) -> String {
    format!("`{}` is left out: {}", left_out.part, left_out.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zendesk::ErrorKind;

    fn error(kind: ErrorKind) -> ApiError {
        ApiError { kind, ..ApiError::denied("no") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_said_once_and_asked_for_every_quarter_of_an_hour_then_hourly() {
        let random = Random::from_seed(7);
        let mut patience = Patience::default();
        let denied = error(ErrorKind::Denied);
        for number in 0..8 {
            assert_eq!(patience.failed(&denied, &random), number == 0);
            let rest = patience.next_try().as_secs();
            let expected = if number < 4 { 810..=990 } else { 3_240..=3_960 };
            assert!(expected.contains(&rest), "try {number} after {rest} s");
            patience.rest().await;
        }
        assert!(patience.recovered().expect("it had failed") > Duration::from_secs(4 * 3_240));
        assert_eq!(patience.recovered(), None, "once");
        assert!(patience.failed(&denied, &random), "a new trouble is news");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_said_once_asked_for_ever_more_slowly_and_a_refusal_after_it_is_news()
    {
        let random = Random::from_seed(7);
        let away = error(ErrorKind::Retry { after: None });
        let failing = ApiError { status: Some(http::StatusCode::BAD_GATEWAY), ..away.clone() };
        let mut patience = Patience::default();
        for (away, expected) in
            [(&away, [0, 15, 30, 60, 60, 60]), (&failing, [0, 15, 30, 60, 120, 240])]
        {
            patience = Patience::default();
            for (number, expected) in expected.into_iter().enumerate() {
                assert_eq!(patience.failed(away, &random), number == 0);
                let rest = patience.next_try().as_secs_f64();
                let expected = f64::from(expected);
                assert!((expected * 0.9..=expected * 1.1).contains(&rest), "{number}: {rest} s");
                patience.rest().await;
            }
        }
        let most = (0..10).map(|_| {
            patience.failed(&failing, &random);
            patience.next_try()
        });
        assert!(most.max().expect("ten") <= Duration::from_secs(330));
        assert!(patience.failed(&error(ErrorKind::Config), &random));
        assert!(patience.next_try() > Duration::ZERO);
    }
}
