//! How long whoever wants to renew the tokens stands back for somebody else who does.
//!
//! A claim says who put it there and when. It must not decide what follows for the tokens.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::record::TokenVersion;

/// A claim that stands unchanged for so long is that of a process that is gone: an exchange and the save
/// after it take less.
const CLAIM_LIFE: Duration = Duration::from_secs(60);

/// A claim that says that it is this old is taken over at once.
const CLAIM_OLD: SignedDuration = SignedDuration::from_mins(5);

/// A claim of `id`.
pub(super) fn by(id: &str, now: Timestamp) -> String {
    format!("{id}@{now}")
}

/// Whether a claim was put there so long ago that the clocks of machines need not agree to say so. A
/// process that is started again and again lives too short to watch one grow old.
pub(super) fn is_old(claim: &str, now: Timestamp) -> bool {
    let at = claim.split_once('@').and_then(|(_, at)| at.parse::<Timestamp>().ok());
    at.is_some_and(|at| now.duration_since(at) > CLAIM_OLD)
}

/// Whether a claim has stood for too long, by our own clock: those of two machines may differ.
pub(super) fn is_abandoned(
    watched: &mut Option<(TokenVersion, Instant)>,
    version: &TokenVersion,
) -> bool {
    match watched {
        Some((known, since)) if known == version => {
            let is_old = since.elapsed() >= CLAIM_LIFE;
            if is_old {
                tracing::warn!("whoever was about to renew the tokens is gone; taking over");
            }
            is_old
        }
        _ => {
            tracing::info!("another process renews the tokens; waiting for it");
            *watched = Some((version.clone(), Instant::now()));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_says_that_it_is_old_need_not_be_watched() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().expect("a time");
        let claim = by("7f", now);
        for (minutes, expected) in [(-600, false), (0, false), (4, false), (6, true)] {
            let later = now.checked_add(SignedDuration::from_mins(minutes)).expect("a time");
            assert_eq!(is_old(&claim, later), expected, "{minutes}");
        }
        assert!(!is_old("7f", now) && !is_old("7f@yesterday", now));
    }
}
