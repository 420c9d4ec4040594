//! When to try again.
//!
//! The answer's own `Retry-After` comes first; without one the delay is random
//! between nothing and a ceiling that doubles (`backoff`'s exponential policy,
//! full jitter). The only file that knows the `backoff` crate.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::time::Instant;

use super::error::ApiError;
use crate::random::Random;

/// No answer makes us wait longer than this: an hourly quota refills by then.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What lies between is a time in seconds since 1970, not a wait: the years 2001 to 2286.
const EPOCH_MIN: f64 = 1e9;
const EPOCH_MAX: f64 = 1e10;

/// A server that asks for nothing, or for zero, still gets this much rest
/// (zero was seen in the field, and only brought the next 429).
pub(super) const SHORTEST_RATE_WAIT: Duration = Duration::from_secs(1);

/// Where the rate limit has let none of so many tries through, in so long, others use it up: that is told.
const LIMITED_TRIES: u32 = 3;
const LIMITED_FOR: Duration = Duration::from_mins(5);

/// The delays between tries of one thing: random between zero and a ceiling
/// that doubles from `first` to `last`.
#[derive(Debug)]
pub struct Backoff {
    ceiling: ExponentialBackoff,
}

impl Backoff {
    /// Starts with a ceiling of `first` and ends at `last`; never gives up by itself.
    pub fn new(first: Duration, last: Duration) -> Self {
        let ceiling = ExponentialBackoffBuilder::new()
            .with_initial_interval(first)
            .with_max_interval(last)
            .with_multiplier(2.0)
            // Jitter is ours, from a seed, so that a failing run can be had again.
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build();
        Self { ceiling }
    }

    /// The next delay.
    pub fn next(&mut self, random: &Random) -> Duration {
        let ceiling = self.ceiling.next_backoff().unwrap_or(self.ceiling.max_interval);
        ceiling.mul_f64(random.fraction())
    }

    /// Starts anew after a success.
    pub fn reset(&mut self) {
        self.ceiling.reset();
    }
}

/// For how long the rate limit has let a request not through.
#[derive(Debug, Default)]
pub(super) struct Limited {
    since: Option<Instant>,
    tries: u32,
}

impl Limited {
    /// One more try was refused. Returns whether that is to be told.
    pub(super) fn is_news(&mut self) -> bool {
        self.tries += 1;
        let since = *self.since.get_or_insert_with(Instant::now);
        self.tries >= LIMITED_TRIES && since.elapsed() >= LIMITED_FOR
    }

    /// Whether it was refused more than once: the log has it.
    pub(super) fn was_told(&self) -> bool {
        self.tries > 1
    }

    /// The error, with for how long that goes on.
    pub(super) fn tell(&self, error: ApiError) -> ApiError {
        let minutes = self.since.map_or(0, |since| since.elapsed().as_secs() / 60);
        error.with_hint(format!(
            "the rate limit has let nothing through for {minutes} minutes: see which integrations use \
             it up in Admin Center (Apps and integrations, API usage), or read fewer streams"
        ))
    }
}

/// The wait an answer asks for: `Retry-After` as seconds or as a date; for a 429 without one the
/// time at which the rate limit resets, as seconds or as a date-time (access logs have only that).
pub(super) fn requested_wait(
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> Option<Duration> {
    let wait = |name: &str| parse_wait(headers.get(name)?.to_str().ok()?, now);
    let asked = wait("retry-after").or_else(|| {
        // Every answer names the reset; only here does it matter.
        let limited = status == StatusCode::TOO_MANY_REQUESTS;
        limited.then(|| wait("ratelimit-reset").or_else(|| wait("rate-limit-reset")))?
    });
    asked.map(|wait| wait.min(LONGEST_WAIT))
}

pub(super) fn parse_wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let at = match text.parse::<f64>() {
        // So many seconds can only be a time.
        Ok(epoch) if (EPOCH_MIN..EPOCH_MAX).contains(&epoch) => {
            let since = Duration::try_from_secs_f64(epoch).ok()?;
            Timestamp::UNIX_EPOCH.checked_add(since).ok()
        }
        Ok(seconds) => return Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text.parse::<Timestamp>().ok(),
    };
    let at = at.or_else(|| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp()))?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> Option<Duration> {
        asked_by(StatusCode::TOO_MANY_REQUESTS, pairs)
    }

    fn asked_by(status: StatusCode, pairs: &[(&'static str, &'static str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        requested_wait(status, &headers, "2026-11-21T10:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(asked(&[("retry-after", "93")]), seconds(93));
        assert_eq!(asked(&[("retry-after", "0")]), seconds(0));
        assert_eq!(asked(&[("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT")]), seconds(30));
        assert_eq!(asked(&[("retry-after", "Sat, 21 Nov 2026 09:00:00 GMT")]), seconds(0));
        assert_eq!(asked(&[("ratelimit-reset", "2026-11-21T10:00:12Z")]), seconds(12));
        assert_eq!(asked(&[("retry-after", "7"), ("ratelimit-reset", "40")]), seconds(7));
        assert_eq!(asked(&[("retry-after", "999999999")]), seconds(3600));
        assert_eq!(asked(&[("ratelimit-reset", "1795255230")]), seconds(30));
        assert_eq!(asked(&[("ratelimit-reset", "1e300")]), None);
        assert_eq!(asked(&[("retry-after", "-5")]), None);
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_failure_does_not_wait_for_the_rate_limit() {
        let headers = [("ratelimit-reset", "40")];
        assert_eq!(asked_by(StatusCode::INTERNAL_SERVER_ERROR, &headers), None);
        let headers = [("ratelimit-reset", "40"), ("retry-after", "2")];
        assert_eq!(
            asked_by(StatusCode::SERVICE_UNAVAILABLE, &headers),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn delays_are_random_below_a_doubling_ceiling() {
        let random = Random::from_seed(7);
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let mut ceiling = 1.0;
        for _ in 0..10 {
            let delay = backoff.next(&random).as_secs_f64();
            assert!((0.0..=ceiling).contains(&delay), "{delay} is above {ceiling}");
            ceiling = f64::min(ceiling * 2.0, 30.0);
        }
        backoff.reset();
        assert!(backoff.next(&random) <= Duration::from_secs(1));
    }
}
