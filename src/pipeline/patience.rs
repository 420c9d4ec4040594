//! How a followed stream that fails is tried again, and when that is said.
//!
//! What may pass is asked for again at the stream's own pace: the client has waited before. What
//! was refused (by plan, role, credentials) is asked for slowly, since only a person can change it;
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

/// Rests differ by up to this part in both directions, lest all streams come at once.
const JITTER: f64 = 0.1;

/// The trouble of one stream, if it is in any.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    /// What was said of it, to tell a new trouble from the same.
    said: Option<(bool, Option<u16>)>,
    refusals: u32,
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
        self.rests_until = refused.then(|| now + self.next_rest(random));
        // Failures that may pass differ from one to the next; refusals are told by their status.
        let status = error.status.filter(|_| refused).map(|status| status.as_u16());
        let said = self.said.replace((refused, status));
        said != Some((refused, status))
    }

    fn next_rest(&mut self, random: &Random) -> Duration {
        self.refusals += 1;
        let rest = if self.refusals <= FIRST_TRIES { FIRST_RESTS } else { LATER_RESTS };
        rest.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.fraction())
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
    async fn what_may_pass_is_asked_for_without_a_rest_and_a_refusal_after_it_is_news() {
        let random = Random::from_seed(7);
        let mut patience = Patience::default();
        let away = error(ErrorKind::Retry { after: None });
        assert!(patience.failed(&away, &random));
        assert!(!patience.failed(&away, &random));
        assert_eq!(patience.next_try(), Duration::ZERO);
        patience.rest().await;
        assert!(patience.failed(&error(ErrorKind::Config), &random));
        assert!(patience.next_try() > Duration::ZERO);
    }
}
