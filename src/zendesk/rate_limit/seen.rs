//! What one answer's headers say of the buckets, in every spelling.
//!
//! Pure. It decides nothing: what to make of it is the bucket's business.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use crate::zendesk::retry::parse_wait;

/// The account's counts: the header with the limit, and what the other two begin with.
const ACCOUNT_FAMILIES: [(&str, &str); 3] = [
    ("ratelimit-limit", "ratelimit"),
    ("rate-limit", "rate-limit"),
    ("x-rate-limit", "x-rate-limit"),
];

/// What the headers of endpoint buckets begin with: since 2024, and before.
const ENDPOINT_PREFIXES: [&str; 2] = ["zendesk-ratelimit-", "zendesk-rate-limit-"];

/// Counts what is under way, not requests a minute.
const NO_BUCKET: &str = "inflight-jobs";

/// What one answer says of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) resets_in: Option<Duration>,
}

impl Seen {
    /// Of what counts all requests to a service. The reset is in seconds, or a date-time as the
    /// access logs have it.
    pub(super) fn of_account(headers: &HeaderMap, wall: Timestamp) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name)?.trim().parse::<u32>().ok();
        let resets_in = ["ratelimit-reset", "rate-limit-reset"]
            .iter()
            .find_map(|name| parse_wait(text(name)?, wall));
        ACCOUNT_FAMILIES.iter().find_map(|(limit, family)| {
            // A limit of nothing would be waited for in vain; it is none then.
            let limit = number(limit).filter(|limit| *limit > 0)?;
            let remaining = number(&format!("{family}-remaining"))?;
            Some(Self { limit, remaining, resets_in })
        })
    }

    /// Of each endpoint bucket that the request drew on, by its name:
    /// `zendesk-ratelimit-<name>: total=100; remaining=99; resets=43`.
    pub(super) fn of_endpoints(headers: &HeaderMap) -> Vec<(&str, Self)> {
        let named = headers.iter().filter_map(|(header, value)| {
            let name = ENDPOINT_PREFIXES.iter().find_map(|it| header.as_str().strip_prefix(it))?;
            let seen = (name != NO_BUCKET).then(|| Self::parse(value.to_str().ok()?))??;
            Some((name, seen))
        });
        named.collect()
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

    fn seen(reset: Option<u64>) -> Seen {
        Seen { limit: 700, remaining: 699, resets_in: reset.map(Duration::from_secs) }
    }

    #[test]
    fn the_account_is_read_in_every_spelling() {
        let wall: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let of = |pairs: &[(&'static str, &'static str)]| Seen::of_account(&headers(pairs), wall);
        let old = [("x-rate-limit", "700"), ("x-rate-limit-remaining", "699")];
        assert_eq!(of(&old), Some(seen(None)));
        let of_2023 =
            [("rate-limit", "700"), ("rate-limit-remaining", "699"), ("rate-limit-reset", "12")];
        assert_eq!(of(&of_2023), Some(seen(Some(12))));
        for reset in ["12", "2026-11-21T10:00:12Z", "Sat, 21 Nov 2026 10:00:12 GMT"] {
            let of_2024 = [
                ("ratelimit-limit", "700"),
                ("ratelimit-remaining", "699"),
                ("ratelimit-reset", reset),
            ];
            assert_eq!(of(&of_2024), Some(seen(Some(12))), "{reset}");
        }
        assert_eq!(of(&[("ratelimit-limit", "0"), ("ratelimit-remaining", "0")]), None);
    }

    #[test]
    fn each_endpoint_bucket_of_an_answer_is_read_by_its_name() {
        let both = headers(&[
            ("zendesk-ratelimit-tickets-index", "total=700; remaining=699; resets=43"),
            ("zendesk-rate-limit-incremental-exports-cursor", "total=10; remaining=9"),
            ("zendesk-ratelimit-inflight-jobs", "total=30; remaining=0; resets=0"),
        ]);
        let mut read = Seen::of_endpoints(&both);
        read.sort_by_key(|(name, _)| *name);
        let cursor = Seen { limit: 10, remaining: 9, resets_in: None };
        assert_eq!(
            read,
            [("incremental-exports-cursor", cursor), ("tickets-index", seen(Some(43)))]
        );
    }
}
