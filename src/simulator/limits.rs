//! The budgets: how many requests fit into a minute, and what the headers say.
//!
//! Every bucket is a fixed window with its own phase; none knows of another.

use std::borrow::Cow;

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
    /// How long a window is, in seconds.
    length: i64,
    window: i64,
}

impl Bucket {
    fn new(total: u32, phase: i64, length: i64) -> Self {
        Self { total, used: 0, phase, length, window: i64::MIN }
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
        (now - self.phase).div_euclid(self.length)
    }

    fn remaining(&self, now: i64) -> u32 {
        let used = if self.window_of(now) == self.window { self.used } else { 0 };
        self.total.saturating_sub(used)
    }

    /// Seconds until it is full again: 1 to a window's.
    fn resets(&self, now: i64) -> i64 {
        self.length - (now - self.phase).rem_euclid(self.length)
    }
}

/// The budget that a request draws on first: each service has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// The account's, shared by most of Support.
    Account,
    /// The Help Center's.
    HelpCenter,
    /// The chat service's.
    Chat,
    /// The access log's, which says little of itself.
    AccessLogs,
    /// None, and nothing said of any.
    Unmetered,
}

/// Which budget beside that a request draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    /// None.
    None,
    /// The incremental exports.
    Exports,
    /// The users' export by cursor.
    UsersCursor,
    /// The custom objects' exports.
    CustomObjects,
    /// The voice exports.
    Talk,
    /// The deleted tickets.
    DeletedTickets,
    /// The side conversations' events.
    SideConversations,
    /// The tags. Recorded answers name it; how much it is nobody public says.
    Tags,
    /// The audit log's CSV.
    AuditExport,
}

impl Extra {
    /// All that are one, in the order in which they are declared.
    const ALL: [Self; 8] = [
        Self::Exports,
        Self::UsersCursor,
        Self::CustomObjects,
        Self::Talk,
        Self::DeletedTickets,
        Self::SideConversations,
        Self::Tags,
        Self::AuditExport,
    ];

    fn bucket(self, settings: &Settings, phase: i64) -> Bucket {
        let total = match self {
            Self::Exports => settings.export_limit(),
            Self::UsersCursor => settings.scaled(20),
            Self::SideConversations => settings.scaled(600),
            Self::Tags => settings.scaled(100),
            Self::AuditExport => 1,
            Self::None | Self::CustomObjects | Self::Talk | Self::DeletedTickets => {
                settings.scaled(10)
            }
        };
        let window = if self == Self::SideConversations { 10 * WINDOW } else { WINDOW };
        Bucket::new(total, phase, window)
    }

    /// As it stands in headers.
    fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Exports => "incremental-exports",
            Self::UsersCursor => "incremental-exports-cursor",
            Self::CustomObjects => "incremental-custom-objects",
            Self::Talk => "talk-incremental-exports",
            Self::DeletedTickets => "deleted-tickets-index",
            Self::SideConversations => "side-conversation-events",
            Self::Tags => "tags-index",
            Self::AuditExport => "audit-logs-export",
        }
    }

    fn refusal(self) -> Reply {
        match self {
            Self::AuditExport => errors::audit_export_limit(),
            Self::DeletedTickets | Self::SideConversations | Self::Tags => errors::account_limit(),
            _ => errors::export_limit(),
        }
    }
}

/// How long a 429 lasts that is not of our own making, in seconds; the recorded
/// one said 1.
const PASSING: i64 = 1;

/// All budgets of the account.
#[derive(Debug)]
pub(super) struct Limits {
    account: Bucket,
    help_center: Bucket,
    chat: Bucket,
    access_logs: Bucket,
    /// In the order of [`Extra::ALL`].
    extras: Vec<Bucket>,
    profile: HeaderProfile,
    retry_after: RetryAfter,
}

impl Limits {
    /// All budgets full.
    pub(super) fn new(settings: &Settings) -> Self {
        let phase = |place| Draw::new(settings.seed, Purpose::Phase, place).seconds(WINDOW);
        let bucket = |total, place| Bucket::new(total, phase(place), WINDOW);
        let extras = Extra::ALL.into_iter().zip(1..);
        Self {
            account: bucket(settings.rate_limit, 0),
            help_center: bucket(settings.rate_limit, 20),
            chat: bucket(settings.scaled(200), 21),
            access_logs: bucket(settings.scaled(50), 22),
            extras: extras.map(|(extra, place)| extra.bucket(settings, phase(place))).collect(),
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
    pub(super) fn take(&mut self, now: i64, base: Base, extra: Extra) -> Result<(), Reply> {
        if self.base_mut(base).is_some_and(|bucket| !bucket.take(now)) {
            return Err(self.base_refusal(now, base));
        }
        let Some(at) = Extra::ALL.iter().position(|other| *other == extra) else {
            return Ok(());
        };
        if self.extras[at].take(now) {
            return Ok(());
        }
        let resets = self.extras[at].resets(now);
        Err(self.come_back(extra.refusal(), now, resets))
    }

    fn base_mut(&mut self, base: Base) -> Option<&mut Bucket> {
        match base {
            Base::Account => Some(&mut self.account),
            Base::HelpCenter => Some(&mut self.help_center),
            Base::Chat => Some(&mut self.chat),
            Base::AccessLogs => Some(&mut self.access_logs),
            Base::Unmetered => None,
        }
    }

    fn base(&self, base: Base) -> Option<&Bucket> {
        match base {
            Base::Account => Some(&self.account),
            Base::HelpCenter => Some(&self.help_center),
            Base::Chat => Some(&self.chat),
            Base::AccessLogs => Some(&self.access_logs),
            Base::Unmetered => None,
        }
    }

    /// The 429 of a service. The access log's does not say when to come back but in a header of
    /// its own.
    fn base_refusal(&self, now: i64, base: Base) -> Reply {
        if base == Base::AccessLogs {
            return errors::access_log(429, "");
        }
        let resets = self.base(base).map_or(PASSING, |bucket| bucket.resets(now));
        self.account_refusal(now, resets)
    }

    /// The 429 of a moment in which others use the account up, as recorded: it is over in a second.
    pub(super) fn passing_refusal(&self, now: i64, base: Base) -> Reply {
        match base {
            Base::AccessLogs => errors::access_log(429, ""),
            _ => self.account_refusal(now, PASSING),
        }
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
        (base, extra): (Base, Extra),
        refused: bool,
    ) -> Vec<(Cow<'static, str>, String)> {
        let mut headers = Vec::with_capacity(6);
        if let Some(bucket) = self.base(base).filter(|bucket| bucket.total > 0) {
            let resets = if refused { PASSING } else { bucket.resets(now) };
            if base == Base::AccessLogs {
                let time = Timestamp::from_second(now + resets).unwrap_or(Timestamp::UNIX_EPOCH);
                return vec![("ratelimit-reset".into(), time.to_string())];
            }
            let remaining = if refused { 0 } else { bucket.remaining(now) };
            self.base_headers(&mut headers, [bucket.total, remaining], resets);
        }
        let Some(at) = Extra::ALL.iter().position(|other| *other == extra) else {
            return headers;
        };
        let bucket = &self.extras[at];
        if bucket.total > 0 {
            let old = self.profile == HeaderProfile::Y2023;
            let start = if old { "zendesk-rate-limit-" } else { "zendesk-ratelimit-" };
            let (total, remaining, resets) =
                (bucket.total, bucket.remaining(now), bucket.resets(now));
            let value = format!("total={total}; remaining={remaining}; resets={resets}");
            headers.push((format!("{start}{}", extra.name()).into(), value));
        }
        headers
    }

    fn base_headers(
        &self,
        headers: &mut Vec<(Cow<'static, str>, String)>,
        [limit, remaining]: [u32; 2],
        resets: i64,
    ) {
        let (limit, remaining) = (limit.to_string(), remaining.to_string());
        if self.profile != HeaderProfile::Y2026 {
            headers.push(("x-rate-limit".into(), limit.clone()));
            headers.push(("x-rate-limit-remaining".into(), remaining.clone()));
        }
        let names = match self.profile {
            HeaderProfile::OldestAlone => return,
            HeaderProfile::Y2023 => ["rate-limit", "rate-limit-remaining", "rate-limit-reset"],
            HeaderProfile::Y2024 | HeaderProfile::Y2026 => {
                ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
            }
        };
        let values = [limit, remaining, resets.to_string()];
        headers.extend(names.map(Cow::Borrowed).into_iter().zip(values));
    }
}

/// An epoch second as HTTP writes dates.
pub(super) fn http_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
