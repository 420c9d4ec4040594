//! `redact`: takes what is personal out of events: whole fields, and card numbers, addresses and
//! phone numbers within text. Ours, not Vector's.
//!
//! It works on the text of a record. What it does not touch stays byte for byte, keys in their
//! order. A hash is keyed, so that only who has the key can make it, and it stays the same.

mod address;
mod card;
mod digits;
mod email;
mod field;
mod find;
mod label;
mod letters;
mod path;
mod phone;
mod shape;
mod string;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

pub use find::Pattern;
pub use path::RedactPath;

use super::Made;
use super::item::Item;
use crate::normalize::Origin;
use field::Field;
use find::find;
use walk::redacted;

/// The `redact` of a config.
#[derive(Debug)]
pub struct Redact {
    /// Whole fields; the first that matches counts.
    pub fields: Vec<(RedactPath, FieldAction)>,
    /// What is looked for in text.
    pub searches: Vec<Search>,
    /// Whether what is found becomes a hash; if not, only its kind is left.
    pub hashes: bool,
    /// Of the hashes; there where one is asked for.
    pub key: Option<SecretString>,
}

/// What becomes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldAction {
    /// It is left out, with its name.
    Drop,
    /// `"[redacted]"` takes its place.
    Mask,
    /// `"[redacted:<hash>]"` takes its place.
    Hash,
}

/// What is looked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What.
    pub patterns: Vec<Pattern>,
    /// In these fields and all below them; none: everywhere.
    pub within: Option<Vec<RedactPath>>,
}

/// Where people write, in tickets, their comments and what Zendesk keeps beside them: in audits,
/// chats, side conversations, suspended tickets and posts too; and what Zendesk's own webhooks about
/// tickets bring. (`event` as a whole is a schema's.)
const TICKET_TEXT: &[&str] = &[
    "ticket",
    "detail",
    "event.comment",
    "event.current",
    "event.previous",
    "event.identity",
    "event.tags_added",
    "event.tags_removed",
    "object",
    "external_id",
    "message_id",
    "metadata.system",
    "system",
    "attachments[*]",
    "requester",
    "submitter",
    "subject",
    "raw_subject",
    "title",
    "description",
    "details",
    "body",
    "html_body",
    "plain_body",
    "content",
    "message",
    "via.source",
    "recipient",
    "tags",
    "custom_fields[*].value",
    "fields[*].value",
    "comment",
    "comments[*]",
    "events[*]",
    "child_events[*]",
    "history[*]",
    "metadata.custom",
    "reason",
    "satisfaction_rating.comment",
    "email_cc_ids",
    "email_ccs",
    "follower_emails",
    "collaborators[*]",
    "actor",
    "author",
    "visitor",
    // What `enrich_actors` adds.
    "zendesk_users",
];

impl Search {
    /// For tickets: card numbers wherever they are, everything else where people write. (Outside of
    /// text a phone number looks like a date.)
    pub fn ticket_text() -> Vec<Self> {
        let within = TICKET_TEXT.iter().filter_map(|path| RedactPath::parse(path).ok()).collect();
        vec![
            Self { patterns: vec![Pattern::CardNumber], within: None },
            Self { patterns: Pattern::ALL.to_vec(), within: Some(within) },
        ]
    }
}

impl Redact {
    pub(super) fn apply(&self, mut item: Item, made: &mut Made) {
        // The names in a webhook's body are those that its author gave, so that none tells of ids.
        let is_of_callers = item.origin().partition == Origin::WEBHOOK;
        let line = &item.event().line;
        if let Some(line) = redacted(self, line, is_of_callers) {
            item.rewrite(line);
        }
        made.emit(0, item);
    }

    /// What takes the place of `text`, a `kind` of thing.
    fn stand_in(&self, kind: &str, text: &str, hashes: bool) -> String {
        if hashes { format!("[{kind}:{}]", self.hash(kind, text)) } else { format!("[{kind}]") }
    }

    /// What takes the place of a field that is a string. If all of it is an address or a number, its
    /// hash is that of the same within a text.
    fn of_field(&self, text: &str, field: Field, action: FieldAction) -> String {
        let hashes = action == FieldAction::Hash;
        let trimmed = text.trim();
        match find(trimmed, &Pattern::ALL, field).as_slice() {
            [(range, pattern, plain)] if hashes && *range == (0..trimmed.len()) => {
                self.stand_in(pattern.name(), plain, true)
            }
            _ => self.stand_in("redacted", text, hashes),
        }
    }

    /// Sixty-four bits of an HMAC, in hex: the same for the same text, whoever wrote it how.
    fn hash(&self, kind: &str, text: &str) -> String {
        let key = self.key.as_ref().map_or("", |key| key.expose_secret());
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
            .expect("an HMAC takes keys of any length");
        mac.update(kind.as_bytes());
        mac.update(b"\n");
        mac.update(text.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(8).fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let written = write!(hex, "{byte:02x}");
            debug_assert!(written.is_ok());
            hex
        })
    }
}
