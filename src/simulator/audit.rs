//! The audit logs: when each came to be, when it can be seen, what it is about.
//!
//! Only the times are kept; a log is drawn again whenever it is needed. How a
//! page is cut is not decided here.

use std::ops::Range;

use super::draw::{Draw, Purpose};
use super::settings::Settings;
use super::timeline::{self, Live};
use super::users;

const FIRST_ID: u64 = 35_184_372_088_832 + 4_711;
/// Ids leave gaps, as those of real accounts do.
const ID_STEP: u64 = 32;

/// Every audit log of the account.
#[derive(Debug, Clone)]
pub(super) struct AuditLogs {
    seed: u64,
    users: u64,
    times: Vec<i64>,
    live: Live,
    late_percent: u32,
    late_max: i64,
    anchor: i64,
}

/// What a log can be filtered by.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The row that gives action, type and wording.
    pub(super) row: &'static Row,
    /// -1 is the system.
    pub(super) actor_id: i64,
    /// The user at this place did it.
    pub(super) actor: Option<u64>,
    /// What was acted on.
    pub(super) source_id: u64,
    /// From where.
    pub(super) ip: Option<String>,
}

/// A kind of log. Braces stand for words that are drawn.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) action: &'static str,
    pub(super) action_label: &'static str,
    pub(super) source_type: &'static str,
    pub(super) source_label: &'static str,
    pub(super) description: &'static str,
}

impl AuditLogs {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            seed: settings.seed,
            users: settings.users.max(1) as u64,
            times: timeline::history(settings, settings.audit_logs),
            live: Live::new(settings, settings.live_audit_logs_per_minute),
            late_percent: settings.late_percent,
            late_max: settings.lateness(),
            anchor: settings.anchor(),
        }
    }

    /// Lets everything happen that happens until `now`.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some((_, time)) = self.live.next_until(now) {
            self.times.push(time);
        }
    }

    /// The times, in order, of all logs that have happened.
    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    /// Whether nothing will be added any more to what is as old as `time`.
    pub(super) fn is_settled(&self, time: Option<i64>, now: i64) -> bool {
        let all_there = self.live.is_still() && now >= self.anchor + self.late_max;
        all_there || time.is_some_and(|time| time + self.late_max < now)
    }

    /// Logs before this place can be seen, whatever their delay.
    pub(super) fn settled_until(&self, now: i64) -> usize {
        self.times.partition_point(|time| time + self.late_max <= now)
    }

    /// Whether this log can be seen.
    pub(super) fn is_visible(&self, place: usize, now: i64) -> bool {
        let time = self.times[place];
        if time + self.late_max <= now {
            return true;
        }
        let mut draw = Draw::new(self.seed, Purpose::Lateness, place as u64);
        let late =
            if draw.percent(self.late_percent) { draw.seconds(self.late_max + 1) } else { 0 };
        time + late <= now
    }

    /// The places of the logs from one second to another, both included.
    pub(super) fn between(&self, start: i64, end: i64) -> Range<usize> {
        let from = self.times.partition_point(|time| *time < start);
        from..self.times.partition_point(|time| *time <= end).max(from)
    }

    /// The id of the log at a place; ids rise with places.
    pub(super) fn id(&self, place: usize) -> u64 {
        let mut draw = Draw::new(self.seed, Purpose::AuditId, place as u64);
        FIRST_ID + place as u64 * ID_STEP + draw.below(ID_STEP)
    }

    /// The place of the log with that id.
    pub(super) fn place(&self, id: u64) -> Option<usize> {
        let place = usize::try_from(id.checked_sub(FIRST_ID)? / ID_STEP).ok()?;
        (place < self.times.len() && self.id(place) == id).then_some(place)
    }

    /// What the log at a place is about.
    pub(super) fn facts(&self, place: usize) -> Facts {
        let mut draw = Draw::new(self.seed, Purpose::AuditFacts, place as u64);
        let row = &ROWS[draw.index(ROWS.len())];
        let actor = (!draw.percent(4)).then(|| draw.below(self.users));
        let actor_id = actor.map_or(-1, |place| users::user_id(place).cast_signed());
        let source_id = match row.source_type {
            "user" | "user_setting" => users::user_id(draw.below(self.users)),
            _ => 35_184_372_200_000 + draw.below(5_000) * 13,
        };
        Facts { row, actor_id, actor, source_id, ip: ip(&mut draw) }
    }
}

fn ip(draw: &mut Draw) -> Option<String> {
    match draw.below(100) {
        0..8 => None,
        8..14 => Some(format!("2001:db8::{:x}:{:x}", draw.below(65_536), draw.below(64))),
        _ => Some(format!("203.0.{}.{}", 113 + draw.below(4), draw.below(256))),
    }
}

/// One line for each kind: action, its label, type, label, description.
macro_rules! rows {
    ($(($action:literal, $label:literal, $type:literal, $source:literal, $text:literal)),* $(,)?) => {
        &[$(Row {
            action: $action,
            action_label: $label,
            source_type: $type,
            source_label: $source,
            description: $text,
        }),*]
    };
}

const ROWS: &[Row] = rows![
    ("update", "Updated", "user", "{name}", "Role changed from Administrator to End User"),
    ("update", "Updated", "user", "{name}", "Organization: {org} is asigned"),
    (
        "update",
        "Updated",
        "user",
        "{name}",
        "Support role changed from Agent to Administrator\nGuide role changed from Viewer to \
         Manager\n{title} role changed from X to Y"
    ),
    ("update", "Updated", "account", "Account: Account", "Owner changed from {name} to {name}"),
    ("create", "Created", "user_setting", "Suspension state: {name}", "Suspended"),
    ("update", "Updated", "user_setting", "Suspension state: {name}", "Unsuspended"),
    ("create", "Created", "api_token", "API token", ""),
    (
        "update",
        "Updated",
        "api_token",
        "API token: {title}",
        "description changed from not set to {title}"
    ),
    ("destroy", "Deleted", "apitoken", "API token: {title}", ""),
    ("create", "Created", "account_setting", "Credit Card Redaction", "Enabled"),
    ("create", "Created", "account_setting", "Zendesk Support Mobile App Access", "Disabled"),
    (
        "create",
        "Created",
        "account_setting",
        "Two-Factor authentication for all admins and agents",
        "Enabled"
    ),
    ("create", "Created", "account_setting", "Require Two Factor", "Disabled"),
    ("update", "Updated", "account_setting", "Account Assumption", "Changed"),
    ("update", "Updated", "account_setting", "Assumption duration", "Changed"),
    ("login", "Signed in", "user", "{name}", ""),
    ("login", "Signed in", "user", "{name}", "Signed in with {title}\tfrom a new device"),
    ("exported", "Exported", "view", "View: {title}", ""),
    ("exported", "Exported", "user", "{name}", "CSV of all users"),
    ("create", "Created", "rule", "Trigger: {title}", "{long}"),
    (
        "update",
        "Updated",
        "rule",
        "Automation: {title}",
        "Position changed from 3 to 11\nConditions changed: \"status\" \\ 'solved' => {title}"
    ),
    ("destroy", "Deleted", "macro", "Macro: {title}", ""),
    ("update", "Updated", "trigger", "{title}", "Active changed from true to false"),
    ("update", "Updated", "ticket_form", "Ticket form: {title}", "Name changed to {title}"),
    ("update", "Updated", "ticket_field", "{title}", "Title changed from {title} to {title}"),
    ("create", "Created", "custom_field/field", "{title}", "Type: Drop-down"),
    ("update", "Updated", "sla/policy", "SLA: {title}", "{long}"),
    ("create", "Created", "custom_status", "{title}", ""),
    ("destroy", "Deleted", "recipient_address", "help@example.com", ""),
    (
        "update",
        "Updated",
        "zendesk/business_hours/workweek",
        "{title}",
        "Mon 09:00-17:00 → Mon 08:00-16:30"
    ),
    ("create", "Created", "zendesk/business_hours/holiday", "{title}", "2026-12-25/2026-12-26"),
    ("create", "Created", "zendesk/app_market/installation", "App: {title}", "Installed"),
    ("update", "Updated", "zendesk/app_market/app", "App: {title}", "Version 1.50 to 1e3"),
    ("create", "Created", "brand", "{org}", "Subdomain: help-{org}"),
    ("update", "Updated", "permission_set", "Role: {title}", "{long}"),
    ("create", "Created", "group", "Group: {org}", ""),
    ("destroy", "Deleted", "ticket", "Ticket #1042", "Deleted by {name}"),
    ("soft_destroy", "Soft deleted", "user", "{name}", ""),
    ("create", "Created", "user", "{name}", ""),
    ("destroy", "Deleted", "user", "{name}", ""),
    ("update", "Updated", "user", "{name}", "Role changed"),
    (
        "login",
        "Signed in",
        "user",
        "{name}",
        "Successful sign-in using Zendesk password from https://{org}.example.com"
    ),
    ("login", "Signed in", "user", "{name}", "Failed sign-in: invalid password"),
    ("update", "Updated", "user", "{name}", "Password changed"),
    ("create", "Created", "user_setting", "Two-factor authentication: {name}", "Enabled"),
    ("update", "Updated", "user_setting", "Two-factor authentication: {name}", "Disabled"),
    ("update", "Updated", "group", "Group: {org}", "Name changed from {org} to {org}"),
    ("destroy", "Deleted", "group", "Group: {org}", ""),
    ("create", "Created", "group_membership", "Group: {org}", "{name} added"),
    ("destroy", "Deleted", "group_membership", "Group: {org}", "{name} removed"),
    ("update", "Updated", "organization", "Organization: {org}", "Domains: {long}"),
    ("destroy", "Deleted", "api_token", "API token: {title}", ""),
    ("create", "Created", "oauth_client", "OAuth client: {title}", "Scopes: read"),
    (
        "update",
        "Updated",
        "account_setting",
        "Session timeout",
        "{title} &lt;b&gt; =&amp;gt; &quot;8 h&quot;\n\nand a second line"
    ),
    ("update", "Updated", "account", "Account: Account", "Locale changed from en-US to de"),
    ("update", "Updated", "rule", "Trigger: {title}", "Active changed from false to true"),
    ("destroy", "Deleted", "attachment", "{title}.pdf", "Redacted by {name}"),
    ("exported", "Exported", "ticket", "Tickets: {title}", ""),
    ("reticulated", "Reticulated", "quantum/flux_rule", "{title} ✨", "Splines: 4 → 7"),
];
