//! What a field's name, and its place, say of what is in it.

use super::path::Place;

/// What numbers in a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Whatever somebody wrote.
    Text,
    /// An id.
    Id,
    /// What Zendesk itself wrote, ids among it.
    Told,
    /// Not known.
    Other,
}

/// Fields that people write text into.
const TEXT: &[&str] = &[
    "subject",
    "raw_subject",
    "title",
    "description",
    "body",
    "html_body",
    "plain_body",
    "message",
    "msg",
    "comment",
    "content",
    "text",
    "details",
    "note",
    "notes",
];

/// Zendesk's own words.
const TOLD: &[&str] = &["change_description", "source_label", "url", "uri"];

/// Ids that the caller gives, who may write anything, and those of mails.
const FREE_IDS: &[&str] = &["external_id", "message_id"];

/// Objects whose members have names that the account's people gave.
const FREE: &[&str] = &[
    "custom_object_fields",
    "custom_ticket_fields",
    "external_ids",
    "organization_fields",
    "user_fields",
];

impl Field {
    /// What the name says. Where others than Zendesk give the names, they tell of no ids.
    pub(super) fn of(name: &str, is_free: bool) -> Self {
        let is_id = ["id", "ids"].contains(&name)
            || ["_id", "_ids", "Id", "Ids"].iter().any(|end| name.ends_with(end));
        if is_id && !is_free && !FREE_IDS.contains(&name) {
            Self::Id
        } else if TEXT.contains(&name) {
            Self::Text
        } else if TOLD.contains(&name) || name.ends_with("_url") {
            Self::Told
        } else {
            Self::Other
        }
    }
}

/// Where a schema keeps the record as a string.
const ORIGINALS: &[&[&str]] = &[&["event", "original"], &["raw_data"], &["additional", "original"]];

/// Whether others than Zendesk give the names here: `metadata.custom`, fields of users.
pub(super) fn is_free(way: &[Place]) -> bool {
    way.iter().any(|place| FREE.iter().any(|name| is(place, name)))
        || way.windows(2).any(|two| is(&two[0], "metadata") && is(&two[1], "custom"))
}

/// Whether a schema keeps the record here.
pub(super) fn is_original(way: &[Place]) -> bool {
    ORIGINALS.iter().any(|names| {
        way.len() == names.len() && way.iter().zip(*names).all(|(place, name)| is(place, name))
    })
}

fn is(place: &Place, name: &str) -> bool {
    matches!(place, Place::Key(key) if key == name)
}
