//! What an event is put into: text of the destination's own, such as
//! `{"event": {{ event }}, "host": "{{ subdomain }}"}`.
//!
//! Pure. Whatever goes in is escaped for the place it is meant for, so that no record can break
//! out of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::metadata::{TimestampFormat, Written};
use super::push_json;
use crate::normalize::Event;

/// The names that may stand between `{{` and `}}`.
const FIELDS: &str = "event, event_string, event_base64, id, event_time, ingest_time, stream, \
                      source, subdomain, partition";

/// Text with fields. It is no [`Template`](crate::sinks::Template): those make names, and have
/// times in strftime codes.
///
/// `event` is the event as JSON, `event_string` the same as one JSON string with its quotes,
/// `event_base64` in base64. The others are escaped to stand within the quotes of a JSON string.
/// Times are written as the encoding's `timestamp_format` says, without quotes; `event_time` is
/// the time of receipt where an event has none of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Event,
    EventString,
    EventBase64,
    Id,
    EventTime,
    IngestTime,
    Stream,
    Source,
    Subdomain,
    Partition,
}

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `{{` without `}}`.
    #[error("`{{{{` has no `}}}}` after it")]
    Unclosed,
    /// A field that events do not have.
    #[error("unknown field `{0}`; there are: {FIELDS}")]
    UnknownField(String),
    /// Every event would be the same.
    #[error("the event is not in it: one of `event`, `event_string` and `event_base64` must be")]
    NoEvent,
}

impl Pattern {
    /// Reads a text in which the event has its place.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(PatternError::Unclosed)?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Field(Field::named(name.trim())?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let is_event = |part: &Part| {
            matches!(part, Part::Field(Field::Event | Field::EventString | Field::EventBase64))
        };
        if parts.iter().any(is_event) { Ok(Self(parts)) } else { Err(PatternError::NoEvent) }
    }

    /// Adds the text with `line` in the event's place.
    pub(super) fn fill(
        &self,
        event: &Event,
        line: &[u8],
        format: TimestampFormat,
        out: &mut Vec<u8>,
    ) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Field(field) => field.add(event, line, format, out),
            }
        }
    }
}

impl Field {
    fn named(name: &str) -> Result<Self, PatternError> {
        Ok(match name {
            "event" => Self::Event,
            "event_string" => Self::EventString,
            "event_base64" => Self::EventBase64,
            "id" => Self::Id,
            "event_time" => Self::EventTime,
            "ingest_time" => Self::IngestTime,
            "stream" => Self::Stream,
            "source" => Self::Source,
            "subdomain" => Self::Subdomain,
            "partition" => Self::Partition,
            _ => return Err(PatternError::UnknownField(name.to_owned())),
        })
    }

    fn add(self, event: &Event, line: &[u8], format: TimestampFormat, out: &mut Vec<u8>) {
        let origin = &event.origin;
        match self {
            Self::Event => out.extend_from_slice(line),
            Self::EventString => push_json(out, &String::from_utf8_lossy(line)),
            Self::EventBase64 => out.extend_from_slice(STANDARD.encode(line).as_bytes()),
            Self::Id => push_escaped(out, &event.id()),
            Self::EventTime => {
                push_time(out, Written(event.time.unwrap_or(origin.ingest_time), format));
            }
            Self::IngestTime => push_time(out, Written(origin.ingest_time, format)),
            Self::Stream => push_escaped(out, &origin.stream),
            Self::Source => push_escaped(out, &origin.source),
            Self::Subdomain => push_escaped(out, &origin.subdomain),
            Self::Partition => push_escaped(out, &origin.partition),
        }
    }
}

/// Adds text as it stands within the quotes of a JSON string.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    push_json(out, &text);
    out.remove(start);
    out.pop();
}

fn push_time(out: &mut Vec<u8>, time: Written) {
    let start = out.len();
    push_json(out, &time);
    if out.get(start) == Some(&b'"') {
        out.remove(start);
        out.pop();
    }
}
