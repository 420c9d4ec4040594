//! The key of a message: an event's id, or what stands at a path. Pure.
//!
//! Paths are Vector's, read by its own library.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use vrl::path::{OwnedSegment, PathPrefix, parse_target_path};

use crate::normalize::Event;
use crate::sinks::{SinkError, SinkErrorKind};

/// Where a key comes from.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// The event's id.
    Id,
    /// What stands there in the record: the text of a string, or the value as it is written.
    /// No key where there is nothing, or `null`.
    Record(Vec<OwnedSegment>),
    /// What is known of the event beside it.
    Metadata(Known),
}

/// What may be asked for as `%zendesk.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Source,
    Stream,
    Subdomain,
    Id,
    EventTime,
    IngestTime,
    Partition,
}

/// The names of what is known.
const KNOWN: [(&str, Known); 7] = [
    ("source", Known::Source),
    ("stream", Known::Stream),
    ("subdomain", Known::Subdomain),
    ("id", Known::Id),
    ("event_time", Known::EventTime),
    ("ingest_time", Known::IngestTime),
    ("partition", Known::Partition),
];

impl Key {
    /// Reads `key_field`: `.a.b[0]`, `a."b c"`, or `%zendesk.stream`.
    pub(super) fn parse(text: &str) -> Result<Self, SinkError> {
        let refused = |what: &str, hint: &str| {
            let text = format!("`key_field` {what}");
            SinkError::new(SinkErrorKind::Config, text).with_hint(hint)
        };
        let path = parse_target_path(text).map_err(|_| {
            refused(
                &format!("is no path: `{text}`"),
                "for example `actor.id`, `.events[0].type` or `via.\"a b\"`; a name with other \
                 than `a-zA-Z0-9_@-` stands in quotes",
            )
        })?;
        let segments = path.path.segments;
        match path.prefix {
            PathPrefix::Event if segments.is_empty() => {
                Err(refused("is the whole record", "name a field, such as `actor.id`"))
            }
            PathPrefix::Event => Ok(Self::Record(segments)),
            PathPrefix::Metadata => known(&segments).map(Self::Metadata).ok_or_else(|| {
                let names = KNOWN.map(|(name, _)| format!("`%zendesk.{name}`")).join(", ");
                refused(&format!("names no metadata: `{text}`"), &format!("there is {names}"))
            }),
        }
    }

    /// The key of an event of this id.
    pub(super) fn of(&self, event: &Event, id: Bytes) -> Option<Bytes> {
        match self {
            Self::Id => Some(id),
            Self::Record(segments) => field(&event.line, segments).map(Bytes::from),
            Self::Metadata(known) => known.of(event).map(Bytes::from),
        }
    }
}

impl Known {
    fn of(self, event: &Event) -> Option<String> {
        let origin = &event.origin;
        Some(match self {
            Self::Source => origin.source.clone(),
            Self::Stream => origin.stream.clone(),
            Self::Subdomain => origin.subdomain.clone(),
            Self::Id => event.id(),
            Self::EventTime => event.time?.to_string(),
            Self::IngestTime => origin.ingest_time.to_string(),
            Self::Partition => origin.partition.clone(),
        })
    }
}

fn known(segments: &[OwnedSegment]) -> Option<Known> {
    let [OwnedSegment::Field(ours), OwnedSegment::Field(name)] = segments else { return None };
    let named = KNOWN.into_iter().find(|(known, _)| *known == name.as_str());
    named.filter(|_| ours.as_str() == "zendesk").map(|(_, known)| known)
}

/// What stands in a record at the end of a path.
fn field(line: &[u8], segments: &[OwnedSegment]) -> Option<String> {
    let mut here: &RawValue = serde_json::from_slice(line).ok()?;
    for segment in segments {
        here = match segment {
            OwnedSegment::Field(name) => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(here.get()).ok()?;
                members.get(name.as_str())?
            }
            OwnedSegment::Index(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(here.get()).ok()?;
                items.get(place(*index, items.len())?)?
            }
        };
    }
    match here.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

/// An index below 0 counts from the end.
fn place(index: isize, length: usize) -> Option<usize> {
    if index < 0 { length.checked_sub(index.unsigned_abs()) } else { usize::try_from(index).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::{event_of, event_with_line};

    fn key_of(key: &Key, event: &Event) -> Option<Bytes> {
        key.of(event, event.id().into())
    }

    fn text(key: Option<Bytes>) -> Option<String> {
        key.map(|key| String::from_utf8(key.to_vec()).unwrap())
    }

    #[test]
    fn a_key_is_what_stands_at_its_path() {
        let key = |line: &str, path: &str| {
            text(key_of(&Key::parse(path).unwrap(), &event_with_line(line)))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(key(r#"{"a":{"b":"x\n\u00e9"}}"#, "a.b"), some("x\né"));
        assert_eq!(
            key(r#"{"a":{"b":10000000000000000001.50}}"#, ".a.b"),
            some("10000000000000000001.50")
        );
        assert_eq!(key(r#"{"a":{"b":[1]}}"#, "a"), some(r#"{"b":[1]}"#));
        assert_eq!(key(r#"{"a":[{"b":1},{"b":2}]}"#, ".a[1].b"), some("2"));
        assert_eq!(key(r#"{"a":[{"b":1},{"b":2}]}"#, "a[-2].b"), some("1"));
        assert_eq!(key(r#"{"a":[1]}"#, "a[1]"), None);
        assert_eq!(key(r#"{"a":[1]}"#, "a[-2]"), None);
        assert_eq!(key(r#"{"a":{"b c":"x","b":{"c":"y"}}}"#, r#"a."b c""#), some("x"));
        assert_eq!(key(r#"{"a.b":"x"}"#, r#"."a.b""#), some("x"));
        assert_eq!(key(r#"{"a":null}"#, "a"), None);
        assert_eq!(key(r#"{"a":1}"#, "a.b"), None);
        assert_eq!(key("[1]", "a"), None);
    }

    #[test]
    fn all_that_is_known_of_an_event_may_be_its_key() {
        let keys = KNOWN.map(|(name, _)| {
            let key = Key::parse(&format!("%zendesk.{name}")).unwrap();
            text(key_of(&key, &event_of("tickets", 7))).unwrap_or_else(|| "none".to_owned())
        });
        insta::assert_snapshot!(keys.join(" "), @"test tickets acme acme:tickets:7 none 2026-01-02T03:04:05Z tail");
    }

    #[test]
    fn a_path_that_would_find_nothing_is_refused() {
        for text in ["a..b", "%", "a b", r#"a."b"#, "a[x]", "a[", "[0", "a%b", "", "{{ a }}"] {
            let error = Key::parse(text).unwrap_err();
            assert!(error.message.starts_with("`key_field` is "), "{text}: {error}");
            assert!(error.hint.is_some());
        }
        for text in ["%zendesk", "%zendesk.host", "%host", "%zendesk[0]", "%zendesk.id.x"] {
            let error = Key::parse(text).unwrap_err();
            assert_eq!(error.message, format!("`key_field` names no metadata: `{text}`"));
            assert!(error.hint.is_some_and(|hint| hint.contains("`%zendesk.stream`")));
        }
        assert!(Key::parse(".").unwrap_err().message.ends_with("is the whole record"));
    }
}
