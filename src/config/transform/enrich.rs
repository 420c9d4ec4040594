//! `enrich_actors`: which fields hold ids of users, what of them is added, and how they are found.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Found, SHARED};
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings, suggestion};
use crate::config::read::read_rest;
use crate::config::written::Seconds;
use crate::transform::{Enrich, IdField, Lookup};

/// The fields of audit events and of access logs that say who did something.
const FIELDS: &[(&str, &str)] = &[("actor_id", "actor"), ("user_id", "user")];

/// What most rules and reports need.
const ADD: &[&str] = &["name", "email", "role"];

/// A key that no record of Zendesk's has.
const TARGET: &str = "zendesk_users";

/// An answer takes less than a second; a rate limit that is used up holds events no longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// All agents of nearly every account, in a few megabytes.
const MAX_ENTRIES: usize = 10_000;

/// Names and roles change seldom.
const TTL: Duration = Duration::from_hours(1);

/// Who is not there is gone, or came to be a moment ago.
const NEGATIVE_TTL: Duration = Duration::from_mins(10);

/// What a user has.
/// <https://developer.zendesk.com/api-reference/ticketing/users/users/#json-format>
const MEMBERS: &[&str] = &[
    "active",
    "alias",
    "created_at",
    "custom_role_id",
    "default_group_id",
    "details",
    "email",
    "external_id",
    "iana_time_zone",
    "last_login_at",
    "locale",
    "locale_id",
    "moderator",
    "name",
    "notes",
    "only_private_comments",
    "organization_id",
    "phone",
    "photo",
    "report_csv",
    "restricted_agent",
    "role",
    "role_type",
    "shared",
    "shared_agent",
    "shared_phone_number",
    "signature",
    "suspended",
    "tags",
    "ticket_restriction",
    "time_zone",
    "two_factor_auth_enabled",
    "updated_at",
    "url",
    "user_fields",
    "verified",
];

/// `transforms.*` of type `enrich_actors`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    fields: Option<BTreeMap<String, String>>,
    add: Option<Vec<String>>,
    target: Option<String>,
    timeout_secs: Option<Seconds>,
    cache: Option<WrittenCache>,
}

/// `transforms.*.cache`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCache {
    max_entries: Option<usize>,
    ttl_secs: Option<Seconds>,
    negative_ttl_secs: Option<Seconds>,
}

pub(super) fn enrich(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Enrich> {
    let findings = &mut *found.findings;
    let written: Written = findings.keep(read_rest(node, path, SHARED))?;
    let fields = fields(written.fields.as_ref(), &path.key("fields"), findings);
    let members = members(written.add.as_ref(), &path.key("add"), findings);
    let target = written.target.as_deref().unwrap_or(TARGET);
    let target = findings.keep(word(target, &path.key("target")));
    let timeout = written.timeout_secs.map_or(TIMEOUT, |seconds| seconds.0);
    let cache = written.cache.unwrap_or_default();
    let max_entries = cache.max_entries.unwrap_or(MAX_ENTRIES);
    if timeout.is_zero() {
        findings.push(Finding::new(&path.key("timeout_secs"), "must be more than 0"));
    }
    if max_entries == 0 {
        let path = path.key("cache").key("max_entries");
        findings.push(Finding::new(&path, "must be more than 0"));
    }
    let lookup = Lookup {
        members: members?,
        timeout,
        max_entries,
        ttl: cache.ttl_secs.map_or(TTL, |seconds| seconds.0),
        negative_ttl: cache.negative_ttl_secs.map_or(NEGATIVE_TTL, |seconds| seconds.0),
    };
    Some(Enrich { fields: fields?, target: target?, lookup })
}

fn fields(
    written: Option<&BTreeMap<String, String>>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Vec<(IdField, String)>> {
    let usual = || FIELDS.iter().map(|(field, name)| ((*field).to_owned(), (*name).to_owned()));
    let chosen = written.cloned().unwrap_or_else(|| usual().collect());
    if chosen.is_empty() {
        let finding = Finding::new(path, "is empty");
        findings.push(
            finding.hint("for example `actor_id: actor`: the field, and a name for who it is"),
        );
    }
    let mut fields = Vec::new();
    for (field, name) in &chosen {
        let path = path.key(field);
        let parsed = IdField::parse(field).map_err(|message| Finding::new(&path, message));
        let parsed = findings.keep(parsed);
        if chosen.values().filter(|other| *other == name).count() > 1 {
            let message = format!("`{name}` is the name of another field's users too");
            findings.push(Finding::new(&path, message));
        }
        fields.push(parsed.zip(findings.keep(word(name, &path))));
    }
    fields.into_iter().collect()
}

fn members(
    written: Option<&Vec<String>>,
    path: &Path,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    let Some(written) = written else {
        return Some(ADD.iter().map(|name| (*name).to_owned()).collect());
    };
    let strange = written.iter().position(|name| !MEMBERS.contains(&name.as_str()));
    if let Some(index) = strange {
        let name = &written[index];
        let hint = suggestion(name, MEMBERS.iter().copied(), "a user has");
        let message = format!("a user has no `{name}`");
        findings.push(Finding::new(&path.index(index), message).hint(hint));
        return None;
    }
    Some(written.clone())
}

/// A key that needs no quotes in a path.
fn word(text: &str, path: &Path) -> Result<String, Finding> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty()
        || text.starts_with(|c: char| c.is_ascii_digit())
        || !text.chars().all(is_word)
    {
        return Err(Finding::new(path, format!("`{text}` is not a name for a key"))
            .hint("a name has letters, digits and `_`"));
    }
    Ok(text.to_owned())
}
