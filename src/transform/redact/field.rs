//! What a field's name says of the numbers in it.

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

impl Field {
    /// What the name says.
    pub(super) fn of(name: &str) -> Self {
        let is_id = ["id", "ids"].contains(&name)
            || ["_id", "_ids", "Id", "Ids"].iter().any(|end| name.ends_with(end));
        if is_id {
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
