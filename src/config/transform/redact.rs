//! `redact`: what is taken out of events, where, and what takes its place.

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Found, SHARED};
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::{read, read_rest};
use crate::config::written::Secret;
use crate::transform::{FieldAction, Pattern, Redact, RedactPath, Search};

/// `transforms.*` of type `redact`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    profile: Option<Profile>,
    patterns: Option<Vec<WrittenPattern>>,
    within: Option<Vec<String>>,
    action: Option<WrittenAction>,
    #[serde(rename = "fields")]
    _fields: Option<Vec<IgnoredAny>>,
    key: Option<Secret>,
}

/// `transforms.*.profile`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Profile {
    TicketText,
}

/// `transforms.*.patterns[]`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenPattern {
    CardNumber,
    EmailAddress,
    IpAddress,
    PhoneNumber,
}

/// `transforms.*.action`
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum WrittenAction {
    Mask,
    Hash,
}

/// `transforms.*.fields[]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    path: String,
    action: WrittenFieldAction,
}

/// `transforms.*.fields[].action`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenFieldAction {
    Drop,
    Mask,
    Hash,
}

/// With a shorter key a hash can be undone by trying keys, in bytes.
const KEY_BYTES_MIN: usize = 16;

/// What to do about a key.
const KEY_HINT: &str = "for example `key: SECRET[backend.redact]`, 32 random characters or more";

pub(super) fn redact(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Redact> {
    let written: Written = found.findings.keep(read_rest(node, path, SHARED))?;
    let mut searches = match written.profile {
        Some(Profile::TicketText) => Search::ticket_text(),
        None => Vec::new(),
    };
    let lists = [
        ("patterns", written.patterns.as_ref().map(Vec::len)),
        ("within", written.within.as_ref().map(Vec::len)),
    ];
    for (name, _) in lists.into_iter().filter(|(_, length)| *length == Some(0)) {
        found.findings.push(
            Finding::new(&path.key(name), "is empty, so nothing would be found")
                .hint(format!("name some, or leave `{name}` out")),
        );
    }
    let within = written.within.map(|paths| {
        let paths = paths.iter().enumerate();
        let parsed = paths.map(|(index, text)| field(text, &path.key("within").index(index)));
        parsed.collect::<Result<Vec<RedactPath>, Finding>>()
    });
    let within = found.findings.keep(within.transpose());
    if let Some(patterns) = written.patterns {
        let patterns = patterns.into_iter().map(pattern).collect();
        searches.push(Search { patterns, within: within.clone().flatten() });
    } else if within.iter().flatten().next().is_some() {
        let finding = Finding::new(&path.key("within"), "is for `patterns`, and there are none");
        found.findings.push(finding);
    }
    let fields = fields(node.get("fields"), &path.key("fields"), found);
    let hashes = written.action == Some(WrittenAction::Hash);
    let by_fields = fields.iter().flatten().any(|(_, action)| *action == FieldAction::Hash);
    match &written.key {
        None if hashes || by_fields => found.findings.push(
            Finding::new(path, "a hash needs a `key`: without one anybody could make it")
                .hint(KEY_HINT),
        ),
        Some(Secret(key)) if key.expose_secret().len() < KEY_BYTES_MIN => found.findings.push(
            Finding::new(
                &path.key("key"),
                format!("is shorter than {KEY_BYTES_MIN} bytes, so it can be found by trying"),
            )
            .hint(KEY_HINT),
        ),
        _ => {}
    }
    if searches.is_empty() && fields.as_ref().is_some_and(Vec::is_empty) {
        found.findings.push(
            Finding::new(path, "takes nothing out")
                .hint("set `profile: ticket_text`, `patterns` or `fields`"),
        );
    }
    within?;
    Some(Redact { fields: fields?, searches, hashes, key: written.key.map(|Secret(key)| key) })
}

fn field(text: &str, path: &Path) -> Result<RedactPath, Finding> {
    RedactPath::parse(text).map_err(|message| {
        Finding::new(path, message).hint("for example `via.source.from` or `comments[*].body`")
    })
}

fn pattern(written: WrittenPattern) -> Pattern {
    match written {
        WrittenPattern::CardNumber => Pattern::CardNumber,
        WrittenPattern::EmailAddress => Pattern::EmailAddress,
        WrittenPattern::IpAddress => Pattern::IpAddress,
        WrittenPattern::PhoneNumber => Pattern::PhoneNumber,
    }
}

fn fields(
    node: Option<&Node>,
    path: &Path,
    found: &mut Found<'_>,
) -> Option<Vec<(RedactPath, FieldAction)>> {
    let items = match node {
        Some(Node::List(items)) => items.as_slice(),
        _ => &[],
    };
    let mut fields = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        let read = read::<WrittenField>(item, &path).and_then(|written| {
            let action = match written.action {
                WrittenFieldAction::Drop => FieldAction::Drop,
                WrittenFieldAction::Mask => FieldAction::Mask,
                WrittenFieldAction::Hash => FieldAction::Hash,
            };
            Ok((field(&written.path, &path.key("path"))?, action))
        });
        fields.push(found.findings.keep(read));
    }
    fields.into_iter().collect()
}
