//! The budgets: how many requests fit into a minute, and what the headers say.
//!
//! Every bucket is a fixed window with its own phase; none knows of another.

use jiff::Timestamp;

use super::draw::{Draw, Purpose};
use super::errors;
use super::reply::Reply;
use super::settings::{HeaderProfile, RetryAfter, Settings};

const WINDOW: i64 = 60;

/// One budget.
#[derive(Debug)]
pub(super) struct Bucket {
    total: u32,
    used: u32,
    phase: i64,
    window: i64,
}

impl Bucket {
    fn new(total: u32, phase: i64) -> Self {
        Self { total, used: 0, phase, window: i64::MIN }
    }

    /// Takes one request out of the window of `now`; false when nothing is left.
    fn take(&mut self, now: i64) -> bool {
        let window = self.window_of(now);
        if window != self.window {
            self.window = window;
            self.used = 0;
        }
        if self.total > 0 && self.used >= self.total {
            return false;
        }
        self.used += 1;
        true
    }

    fn window_of(&self, now: i64) -> i64 {
        (now - self.phase).div_euclid(WINDOW)
    }

    fn remaining(&self, now: i64) -> u32 {
        let used = if self.window_of(now) == self.window { self.used } else { 0 };
        self.total.saturating_sub(used)
    }

    /// Seconds until it is full again: 1 to 60.
    fn resets(&self, now: i64) -> i64 {
        WINDOW - (now - self.phase).rem_euclid(WINDOW)
    }
}

/// Which budget beside the account's a request draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    /// None.
    None,
    /// The incremental exports.
    Exports,
    /// The audit log's CSV.
    AuditExport,
}

/// How long a 429 lasts that is not of our own making, in seconds; the recorded
/// one said 1.
const PASSING: i64 = 1;

/// All budgets of the account.
#[derive(Debug)]
pub(super) struct Limits {
    account: Bucket,
    exports: Bucket,
    audit_export: Bucket,
    profile: HeaderProfile,
    retry_after: RetryAfter,
}

impl Limits {
    /// All budgets full.
    pub(super) fn new(settings: &Settings) -> Self {
        let phase = |place| Draw::new(settings.seed, Purpose::Phase, place).seconds(WINDOW);
        Self {
            account: Bucket::new(settings.rate_limit, phase(0)),
            exports: Bucket::new(settings.export_limit(), phase(1)),
            audit_export: Bucket::new(1, phase(2)),
            profile: settings.header_profile,
            retry_after: settings.retry_after,
        }
    }

    /// Takes one request out of the account's budget; false when nothing is left.
    pub(super) fn take_from_account(&mut self, now: i64) -> bool {
        self.account.take(now)
    }

    /// What is left of the account's budget; none without a limit.
    pub(super) fn account_remaining(&self, now: i64) -> Option<u32> {
        (self.account.total > 0).then(|| self.account.remaining(now))
    }

    /// Takes the request out of its budgets, or refuses it.
    pub(super) fn take(&mut self, now: i64, extra: Extra) -> Result<(), Reply> {
        if !self.account.take(now) {
            return Err(self.account_refusal(now, self.account.resets(now)));
        }
        let (bucket, refusal) = match extra {
            Extra::None => return Ok(()),
            Extra::Exports => (&mut self.exports, errors::export_limit()),
            Extra::AuditExport => (&mut self.audit_export, errors::audit_export_limit()),
        };
        if bucket.take(now) {
            return Ok(());
        }
        let resets = bucket.resets(now);
        Err(self.come_back(refusal, now, resets))
    }

    /// The 429 of a moment in which others use the account up, as recorded: it is over in a second.
    pub(super) fn passing_refusal(&self, now: i64) -> Reply {
        self.account_refusal(now, PASSING)
    }

    /// The 429 of the account's budget.
    fn account_refusal(&self, now: i64, resets: i64) -> Reply {
        let refusal = errors::account_limit().with("cache-control", "max-age=1,public");
        self.come_back(refusal, now, resets)
    }

    fn come_back(&self, refusal: Reply, now: i64, resets: i64) -> Reply {
        let value = match self.retry_after {
            RetryAfter::UntilReset => resets.to_string(),
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Zero => "0".to_owned(),
            RetryAfter::Missing => return refusal,
            RetryAfter::HttpDate => http_date(now + resets),
        };
        refusal.with("retry-after", value)
    }

    /// The headers that tell of the budgets. `refused`: in passing, so nothing is left for a moment.
    pub(super) fn headers(
        &self,
        now: i64,
        extra: Extra,
        refused: bool,
    ) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(6);
        if self.account.total > 0 {
            let limit = self.account.total.to_string();
            let remaining =
                if refused { "0".to_owned() } else { self.account.remaining(now).to_string() };
            let reset = if refused { PASSING } else { self.account.resets(now) }.to_string();
            if self.profile != HeaderProfile::Y2026 {
                headers.push(("x-rate-limit", limit.clone()));
                headers.push(("x-rate-limit-remaining", remaining.clone()));
            }
            let names = match self.profile {
                HeaderProfile::Y2023 => ["rate-limit", "rate-limit-remaining", "rate-limit-reset"],
                HeaderProfile::Y2024 | HeaderProfile::Y2026 => {
                    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
                }
            };
            headers.extend(names.into_iter().zip([limit, remaining, reset]));
        }
        let old = self.profile == HeaderProfile::Y2023;
        let (bucket, name) = match extra {
            Extra::None => return headers,
            Extra::Exports if old => (&self.exports, "zendesk-rate-limit-incremental-exports"),
            Extra::Exports => (&self.exports, "zendesk-ratelimit-incremental-exports"),
            Extra::AuditExport if old => {
                (&self.audit_export, "zendesk-rate-limit-audit-logs-export")
            }
            Extra::AuditExport => (&self.audit_export, "zendesk-ratelimit-audit-logs-export"),
        };
        if bucket.total > 0 {
            let (total, remaining, resets) =
                (bucket.total, bucket.remaining(now), bucket.resets(now));
            headers.push((name, format!("total={total}; remaining={remaining}; resets={resets}")));
        }
        headers
    }
}

/// An epoch second as HTTP writes dates.
pub(super) fn http_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
