//! The rate budget: what may still be sent, per bucket.
//!
//! Zendesk counts the account's requests, and those of some endpoints again on their own
//! (<https://developer.zendesk.com/api-reference/introduction/rate-limits/>). Both are learnt from the headers of every answer, in all three
//! spellings. Only our share is used: the rest is left to the customer's other tools. A request
//! that finds its bucket used up waits here; others pass.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use tokio::time::Instant;

use super::retry::parse_wait;

/// The name of the bucket that every request draws on.
pub(super) const ACCOUNT: &str = "account";

/// All documented windows are a minute; assumed where a header names no reset.
const WINDOW: Duration = Duration::from_secs(60);

/// No window is longer; a header that says so is wrong.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// How long to wait at the most before looking again, lest a wrong header stop a stream for long.
const LONGEST_SLEEP: Duration = Duration::from_secs(120);

/// What is known of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketState {
    /// Requests per window, as the last answer said.
    pub limit: u32,
    /// What is left of them, requests under way already taken off.
    pub remaining: u32,
}

#[derive(Debug, Default)]
struct Bucket {
    known: Option<BucketState>,
    resets_at: Option<Instant>,
    /// Set by a 429: nothing is sent before.
    blocked_until: Option<Instant>,
    in_flight: u32,
}

/// The budget of one account, shared by all its streams.
#[derive(Debug)]
pub(super) struct RateBudget {
    share: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// One request's place in the budget; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    budget: &'a RateBudget,
    bucket: &'a str,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut buckets = self.budget.lock();
        for name in [ACCOUNT, self.bucket] {
            if let Some(bucket) = buckets.get_mut(name) {
                bucket.in_flight = bucket.in_flight.saturating_sub(1);
            }
        }
    }
}

impl RateBudget {
    /// `share`: the part of each bucket that may be used, above 0 and up to 1.
    pub(super) fn new(share: f64) -> Self {
        Self { share, buckets: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may be sent on `bucket` and the account, and takes its place.
    /// Returns the place and how long that took.
    pub(super) async fn acquire<'a>(&'a self, bucket: &'a str) -> (Permit<'a>, Duration) {
        let asked = Instant::now();
        loop {
            let Some(wait) = self.try_acquire(bucket) else {
                return (Permit { budget: self, bucket }, asked.elapsed());
            };
            tracing::debug!(bucket, wait_ms = wait.as_millis(), "rate budget used up, waiting");
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a place, or says how long to wait before asking again.
    fn try_acquire(&self, name: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut buckets = self.lock();
        let names = [ACCOUNT, name];
        let waits = names.iter().filter_map(|name| buckets.get_mut(*name)?.wait(self.share, now));
        if let Some(wait) = waits.max() {
            return Some(wait.clamp(Duration::from_millis(10), LONGEST_SLEEP));
        }
        for name in names {
            let bucket = buckets.entry(name.to_owned()).or_default();
            bucket.in_flight += 1;
            if let Some(known) = &mut bucket.known {
                known.remaining = known.remaining.saturating_sub(1);
            }
        }
        None
    }

    /// Learns from the headers of an answer to a request on `name`.
    pub(super) fn learn(&self, name: &str, headers: &HeaderMap, wall: Timestamp) {
        let now = Instant::now();
        let mut buckets = self.lock();
        if let Some(seen) = Seen::of_account(headers, wall) {
            buckets.entry(ACCOUNT.to_owned()).or_default().learn(seen, now);
        }
        if let Some(seen) = Seen::of_endpoint(headers) {
            buckets.entry(name.to_owned()).or_default().learn(seen, now);
        }
    }

    /// Holds every request on the bucket that a 429 came from, for `wait`.
    pub(super) fn block(&self, name: &str, wait: Duration) {
        let until = Instant::now() + wait;
        let mut buckets = self.lock();
        let bucket = buckets.entry(name.to_owned()).or_default();
        bucket.blocked_until = bucket.blocked_until.max(Some(until));
    }

    /// What is known now, by bucket name.
    pub(super) fn snapshot(&self) -> Vec<(String, BucketState)> {
        let buckets = self.lock();
        let known = buckets.iter().filter_map(|(name, bucket)| Some((name.clone(), bucket.known?)));
        let mut known: Vec<_> = known.collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        known
    }
}

impl Bucket {
    /// How long a request must wait for this bucket, if it must.
    fn wait(&mut self, share: f64, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until {
            if until > now {
                return Some(until - now);
            }
            self.blocked_until = None;
        }
        let known = self.known.as_mut()?;
        let resets_at = self.resets_at?;
        if resets_at <= now {
            // A new window: full, but for what is already under way.
            known.remaining = known.limit.saturating_sub(self.in_flight);
            self.resets_at = Some(now + WINDOW);
        }
        (known.remaining <= reserve(known.limit, share)).then(|| self.resets_at_in(now))
    }

    fn resets_at_in(&self, now: Instant) -> Duration {
        self.resets_at.map_or(WINDOW, |at| at.saturating_duration_since(now))
    }

    fn learn(&mut self, seen: Seen, now: Instant) {
        // The answer does not count the requests still under way, but for its own.
        let others = self.in_flight.saturating_sub(1);
        let remaining = seen.remaining.saturating_sub(others);
        self.known = Some(BucketState { limit: seen.limit, remaining });
        match (seen.resets_in, self.resets_at) {
            // Half a second more: the header's seconds are rounded, and early is a 429.
            (Some(reset), _) => {
                self.resets_at = Some(now + reset.min(LONGEST_WINDOW) + Duration::from_millis(500));
            }
            (None, Some(at)) if at > now => {}
            (None, _) => self.resets_at = Some(now + WINDOW),
        }
    }
}

/// How many requests of a window are not ours.
fn reserve(limit: u32, share: f64) -> u32 {
    // The epsilon keeps 10 requests at 0.8 from leaving one instead of two.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1 of a `u32` is one"
    )]
    let reserve = (f64::from(limit) * (1.0 - share) + 1e-6).floor() as u32;
    // A share too small for even one request would stop the stream for good.
    reserve.min(limit.saturating_sub(1))
}

/// What one answer says of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    limit: u32,
    remaining: u32,
    resets_in: Option<Duration>,
}

impl Seen {
    fn of_account(headers: &HeaderMap, wall: Timestamp) -> Option<Self> {
        let text = |name: String| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: String| text(name)?.trim().parse::<u32>().ok();
        let reset = ["ratelimit-reset", "rate-limit-reset"]
            .iter()
            .find_map(|name| parse_wait(text((*name).to_owned())?, wall));
        [
            ("ratelimit-limit", "ratelimit"),
            ("rate-limit", "rate-limit"),
            ("x-rate-limit", "x-rate-limit"),
        ]
        .iter()
        .find_map(|(limit, family)| {
            // A limit of nothing would be waited for in vain; it is none then.
            let limit = number((*limit).to_owned()).filter(|limit| *limit > 0)?;
            let remaining = number(format!("{family}-remaining"))?;
            Some(Self { limit, remaining, resets_in: reset })
        })
    }

    /// The tightest of the endpoint's buckets: `zendesk-ratelimit-<bucket>: total=100;
    /// remaining=99; resets=43`, or `zendesk-rate-limit-<bucket>` as it was before 2024.
    fn of_endpoint(headers: &HeaderMap) -> Option<Self> {
        let named = headers.iter().filter(|(name, _)| {
            let name = name.as_str();
            let ours =
                name.starts_with("zendesk-ratelimit-") || name.starts_with("zendesk-rate-limit-");
            ours && !name.ends_with("inflight-jobs")
        });
        named
            .filter_map(|(_, value)| Self::parse(value.to_str().ok()?))
            .min_by_key(|seen| seen.remaining)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut parts = text.split(';').filter_map(|part| part.trim().split_once('='));
            parts.find(|(key, _)| *key == name)?.1.trim().parse::<u32>().ok()
        };
        let resets_in = field("resets").map(|secs| Duration::from_secs(secs.into()));
        let limit = field("total").filter(|limit| *limit > 0)?;
        Some(Self { limit, remaining: field("remaining")?, resets_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn every_spelling_is_read() {
        let expected = |reset: Option<u64>| {
            Some(Seen { limit: 700, remaining: 699, resets_in: reset.map(Duration::from_secs) })
        };
        let old = headers(&[("x-rate-limit", "700"), ("x-rate-limit-remaining", "699")]);
        assert_eq!(Seen::of_account(&old, Timestamp::UNIX_EPOCH), expected(None));
        let of_2023 = headers(&[
            ("rate-limit", "700"),
            ("rate-limit-remaining", "699"),
            ("rate-limit-reset", "12"),
        ]);
        assert_eq!(Seen::of_account(&of_2023, Timestamp::UNIX_EPOCH), expected(Some(12)));
        let of_2024 = headers(&[
            ("ratelimit-limit", "700"),
            ("ratelimit-remaining", "699"),
            ("ratelimit-reset", "12"),
        ]);
        assert_eq!(Seen::of_account(&of_2024, Timestamp::UNIX_EPOCH), expected(Some(12)));
        for name in [
            "zendesk-ratelimit-incremental-exports",
            "zendesk-rate-limit-incremental-exports-cursor",
        ] {
            let endpoint = headers(&[(name, "total=700; remaining=699; resets=43")]);
            assert_eq!(Seen::of_endpoint(&endpoint), expected(Some(43)), "{name}");
        }
        let jobs =
            headers(&[("zendesk-ratelimit-inflight-jobs", "total=30; remaining=0; resets=0")]);
        assert_eq!(Seen::of_endpoint(&jobs), None);
    }

    #[test]
    fn the_reserve_is_what_the_share_leaves() {
        assert_eq!(reserve(10, 0.8), 2);
        assert_eq!(reserve(700, 0.5), 350);
        assert_eq!(reserve(700, 1.0), 0);
        assert_eq!(reserve(1, 0.1), 0, "a stream is never stopped for good");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_at_its_reserve_waits_for_its_reset_and_no_other_does() {
        let budget = RateBudget::new(0.8);
        let (first, _) = budget.acquire("exports").await;
        let seen = headers(&[("zendesk-ratelimit-exports", "total=10; remaining=2; resets=30")]);
        budget.learn("exports", &seen, Timestamp::UNIX_EPOCH);
        drop(first);
        let (_other, waited) = budget.acquire("audit_logs").await;
        assert_eq!(waited, Duration::ZERO);
        let (_next, waited) = budget.acquire("exports").await;
        assert!(
            waited >= Duration::from_secs(30) && waited < Duration::from_secs(32),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_under_way_count_before_their_answers_do() {
        let budget = RateBudget::new(0.5);
        let (first, _) = budget.acquire("a").await;
        let seen = headers(&[
            ("ratelimit-limit", "10"),
            ("ratelimit-remaining", "7"),
            ("ratelimit-reset", "20"),
        ]);
        budget.learn("a", &seen, Timestamp::UNIX_EPOCH);
        drop(first);
        let mut permits = Vec::new();
        for _ in 0..2 {
            permits.push(budget.acquire("a").await);
        }
        assert!(permits.iter().all(|(_, waited)| waited.is_zero()));
        let (_third, waited) = budget.acquire("a").await;
        assert!(waited >= Duration::from_secs(20), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn headers_that_cannot_be_right_hold_nothing_for_long() {
        for (limit, remaining, reset) in [
            ("700", "0", "1e19"),
            ("700", "0", "99999999999999999999"),
            ("700", "0", "250000"),
            ("0", "0", "5"),
            ("many", "few", "soon"),
        ] {
            let budget = RateBudget::new(0.8);
            let (first, _) = budget.acquire("a").await;
            let seen = headers(&[
                ("ratelimit-limit", limit),
                ("ratelimit-remaining", remaining),
                ("ratelimit-reset", reset),
            ]);
            budget.learn("a", &seen, Timestamp::UNIX_EPOCH);
            drop(first);
            let (_next, waited) = budget.acquire("a").await;
            assert!(
                waited <= Duration::from_secs(3_601),
                "{limit} {remaining} {reset}: {waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_holds_its_bucket_alone() {
        let budget = RateBudget::new(1.0);
        budget.block("exports", Duration::from_secs(93));
        let (_other, waited) = budget.acquire("audit_logs").await;
        assert_eq!(waited, Duration::ZERO);
        let (_held, waited) = budget.acquire("exports").await;
        assert!(waited >= Duration::from_secs(93));
    }
}
