//! What can be chosen about the pretend account.
//!
//! Plain data with defaults that resemble an Enterprise account. Nothing here
//! acts.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::faults::Faults;
use super::refusal::Refusal;

/// Everything that can be chosen; two simulators with equal settings answer equal
/// requests equally.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Settings {
    /// Where all variety comes from.
    pub seed: u64,
    /// The account: `acme` in `acme.zendesk.com`.
    pub subdomain: String,
    /// Scheme and host of the links in answers. Without it they carry the host that was asked,
    /// with `http`, or `https` and the account's own host when that was asked.
    pub public_url: Option<String>,
    /// The anchor: the history ends here, live events follow.
    pub now: Timestamp,
    /// How far back the history reaches.
    pub history: Duration,
    /// Audit logs in the history.
    pub audit_logs: usize,
    /// Tickets in the history.
    pub tickets: usize,
    /// Agents and admins that act.
    pub users: usize,
    /// Audit logs that follow each minute after the anchor.
    pub live_audit_logs_per_minute: u32,
    /// Records in the history of every other stream but users; see [`Settings::counts`].
    pub records: usize,
    /// How many records some streams have, by name, in place of [`Settings::records`].
    pub counts: Vec<(String, usize)>,
    /// Changes that follow each minute after the anchor, in each stream but audit logs and
    /// tickets: new records, changed ones, and where records can go, gone ones.
    pub live_changes_per_minute: u32,
    /// How many percent of these changes are followed by another one in the same second, which can be
    /// seen when the second is over: the two have the same time.
    pub changed_again_percent: u32,
    /// Ticket changes that follow each minute after the anchor; every tenth is a new ticket.
    pub live_ticket_changes_per_minute: u32,
    /// How many percent of the audit logs can be seen only some time after their `created_at`.
    pub late_percent: u32,
    /// The longest such delay.
    pub late_max: Duration,
    /// How many percent of the records share the second of the one before; 100 puts all of the
    /// history in one second.
    pub burst_percent: u32,
    /// What the customer pays for.
    pub plan: Plan,
    /// Requests a minute for the account; 0 for no limit.
    pub rate_limit: u32,
    /// Requests a minute for the incremental exports; 0 for no limit. Without it: what
    /// [`Settings::export_limit`] makes of `rate_limit`.
    pub export_rate_limit: Option<u32>,
    /// How the rate headers are spelt.
    pub header_profile: HeaderProfile,
    /// What a 429 says of when to come back.
    pub retry_after: RetryAfter,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// How long each answer takes.
    pub latency: Duration,
    /// Who may come in. Without it anybody with a token that is neither empty nor `wrong`.
    pub credentials: Option<Credentials>,
    /// How long an issued access token lives unless it was asked to live longer.
    pub token_lifetime: Duration,
    /// However long an access token was asked to live, it lives no longer.
    pub token_lifetime_max: Option<Duration>,
    /// Leave `expires_in` out of what is said of a token.
    pub token_expiry_untold: bool,
    /// Scopes that the OAuth client is registered for; asking for others is refused. Without it
    /// any may be asked for.
    pub scope_ceiling: Option<Vec<String>>,
    /// Where consent may lead back to, to the letter. Without any: wherever is `https`, or on the
    /// user's own machine.
    pub redirect_uris: Vec<String>,
    /// The user who is asked for consent says no.
    pub consent_refused: bool,
    /// Requests a minute that another integration of the customer makes.
    pub other_client_per_minute: u32,
    /// Streams that are refused for a time.
    pub refusals: Vec<Refusal>,
    /// Scopes that OAuth tokens carry whatever was asked for; without it the ones asked for, and
    /// all for tokens that were not issued here.
    pub scopes: Option<Vec<String>>,
    /// The role of the signed-in user in `users/me`.
    pub role: String,
    /// Say `has_more` on every full page, also the last.
    pub has_more_on_full_page: bool,
    /// Answer 400 to a page size beyond 100, rather than give 100.
    pub oversized_page_is_error: bool,
    /// Let the time export cut a second that is fuller than a page, so that it never advances.
    pub stuck_time_export: bool,
    /// Give `after_cursor: null` on an empty export page, rather than the cursor that was sent.
    pub null_cursor_on_empty_export: bool,
    /// Answer 504 to export pages that ask for more records than this.
    pub gateway_timeout_above: Option<usize>,
    /// Indent the pages.
    pub pretty: bool,
    /// Before every n-th record stands something that is none: a number, a text, null, a list, an
    /// object without an id. They are not in the ground truth.
    pub malformed_every: Option<usize>,
    /// Before every n-th record stands one that is longer than
    /// [`oversized_bytes`](Settings::oversized_bytes). Not in the ground truth.
    pub oversized_every: Option<usize>,
    /// How long those are.
    pub oversized_bytes: usize,
    /// Leave out records of exactly the first second of a `created_at` pair.
    pub filter_start_exclusive: bool,
    /// Leave out records of exactly the last second of a `created_at` pair.
    pub filter_end_exclusive: bool,
    /// How many bytes of finished pages are kept.
    pub cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            subdomain: "acme".to_owned(),
            public_url: None,
            now: Timestamp::constant(1_793_491_200, 0),
            history: Duration::from_hours(30 * 24),
            audit_logs: 1_000,
            tickets: 500,
            users: 120,
            records: 30,
            counts: Vec::new(),
            live_changes_per_minute: 0,
            changed_again_percent: 0,
            live_audit_logs_per_minute: 0,
            live_ticket_changes_per_minute: 0,
            late_percent: 0,
            late_max: Duration::from_mins(5),
            burst_percent: 20,
            plan: Plan::Enterprise,
            rate_limit: 700,
            export_rate_limit: None,
            header_profile: HeaderProfile::default(),
            retry_after: RetryAfter::default(),
            faults: Faults::default(),
            latency: Duration::ZERO,
            credentials: None,
            token_lifetime: Duration::from_mins(30),
            token_lifetime_max: None,
            token_expiry_untold: false,
            scope_ceiling: None,
            redirect_uris: Vec::new(),
            consent_refused: false,
            other_client_per_minute: 0,
            refusals: Vec::new(),
            scopes: None,
            role: "admin".to_owned(),
            has_more_on_full_page: false,
            oversized_page_is_error: false,
            stuck_time_export: false,
            null_cursor_on_empty_export: false,
            gateway_timeout_above: None,
            pretty: false,
            malformed_every: None,
            oversized_every: None,
            oversized_bytes: 2 << 20,
            filter_start_exclusive: false,
            filter_end_exclusive: false,
            cache_bytes: 768 << 20,
        }
    }
}

impl Settings {
    /// Requests a minute for the incremental exports: a seventieth of the account's and at least
    /// 10 unless it was chosen. 0 for no limit.
    pub fn export_limit(&self) -> u32 {
        self.export_rate_limit.unwrap_or_else(|| self.scaled(10))
    }

    /// What becomes of a limit that Zendesk documents: it grows with the account's, and is none
    /// where the account has none.
    pub(super) fn scaled(&self, documented: u32) -> u32 {
        let share = u64::from(documented) * u64::from(self.rate_limit) / 700;
        if self.rate_limit == 0 {
            return 0;
        }
        documented.max(u32::try_from(share).unwrap_or(u32::MAX))
    }

    /// How many records a stream has.
    pub(super) fn count(&self, stream: &str) -> usize {
        let chosen = self.counts.iter().find(|(name, _)| name == stream);
        let usual = if stream == "users" { self.users } else { self.records };
        chosen.map_or(usual, |(_, count)| *count)
    }

    /// The history's end as an epoch second.
    pub(super) fn anchor(&self) -> i64 {
        self.now.as_second()
    }

    /// The history's start as an epoch second.
    pub(super) fn history_start(&self) -> i64 {
        self.anchor() - seconds(self.history)
    }

    /// The longest delay before a record can be seen.
    pub(super) fn lateness(&self) -> i64 {
        if self.late_percent == 0 { 0 } else { seconds(self.late_max) }
    }
}

/// Whole seconds, as times are counted.
pub(super) fn seconds(duration: Duration) -> i64 {
    SignedDuration::try_from(duration).map_or(i64::MAX >> 8, |signed| signed.as_secs())
}

/// What the customer pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Has audit logs.
    Enterprise,
    /// Answers 403 to whoever asks for them.
    Professional,
}

/// How rate headers were spelt over the years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderProfile {
    /// `rate-limit-*`, `x-rate-limit*`, `zendesk-rate-limit-<bucket>`.
    Y2023,
    /// `ratelimit-*`, `x-rate-limit*`, `zendesk-ratelimit-<bucket>`.
    #[default]
    Y2024,
    /// The documented names alone: `ratelimit-*`, `zendesk-ratelimit-<bucket>`.
    Y2026,
    /// Only the oldest of them: `x-rate-limit` and `x-rate-limit-remaining`, and no reset.
    OldestAlone,
}

/// What a 429 says of when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryAfter {
    /// The seconds until the bucket is full again.
    #[default]
    UntilReset,
    /// Always this many seconds.
    Seconds(u32),
    /// `0`, which some exports say.
    Zero,
    /// No header at all.
    Missing,
    /// The time of the reset as an HTTP date.
    HttpDate,
}

/// Who may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Email and API token.
    pub api_tokens: Vec<(String, String)>,
    /// Access tokens that never expire.
    pub bearer_tokens: Vec<String>,
    /// OAuth clients: unique identifier and secret.
    pub oauth_clients: Vec<(String, String)>,
    /// Refresh tokens that can be used once.
    pub refresh_tokens: Vec<String>,
}
