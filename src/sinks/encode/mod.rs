//! From events to bytes: one event after another, framed.
//!
//! By default an event leaves as it came. What is put beside it (metadata, a template's text) and
//! what is left out (fields) never changes what stays: nothing here decodes a value of a record
//! to write it again.

mod fields;
mod metadata;
mod pattern;
mod slice;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;

use crate::normalize::Event;

pub use fields::{FieldPath, FieldPathError, Fields};
pub(super) use metadata::{Metadata, free_key};
pub use metadata::{TimestampFormat, without_metadata};
pub use pattern::{Pattern, PatternError};

/// How events become bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The key under which an event's metadata goes into its line; none: it does not.
    pub metadata_key: Option<String>,
    /// How the times that are added are written. The record's own are text and stay as they are.
    pub timestamp_format: TimestampFormat,
    /// What of a record is written; by default all of it.
    pub fields: Fields,
    /// What each event is put into; none: it stands alone.
    pub template: Option<Pattern>,
    /// What stands between events.
    pub framing: Framing,
}

/// What stands between events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// A line feed after each.
    #[default]
    NewlineDelimited,
    /// An ASCII character. Where events are collected, it stands between them, and a comma makes
    /// a JSON array of them; where they are written as they come, it stands after each.
    CharacterDelimited(u8),
    /// Nothing at all.
    Bytes,
}

/// Turns events into bytes: an event's line, less the fields that are left out, with its metadata
/// as the last member, in the template's text.
///
/// A record that has a member of the metadata's name already keeps it: the metadata then goes
/// under the key with `_` after it (as many as it takes), so that no object has two equal keys
/// and nothing of the record is hidden. A line that is no JSON object is left as it is.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    settings: EncoderSettings,
}

impl Encoder {
    /// An encoder with these settings; the default one changes nothing.
    pub fn new(settings: EncoderSettings) -> Self {
        Self { settings }
    }

    /// Writes events one after another to `out`, as the body of a request or an object.
    pub fn encode_all<'e>(
        &self,
        events: impl Iterator<Item = &'e Event>,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let (before, between, after): (&[u8], &[u8], &[u8]) = match &self.settings.framing {
            Framing::NewlineDelimited => (b"", b"\n", b"\n"),
            Framing::CharacterDelimited(b',') => (b"[", b",", b"]"),
            Framing::CharacterDelimited(letter) => (b"", std::slice::from_ref(letter), b""),
            Framing::Bytes => (b"", b"", b""),
        };
        let mut events = events.peekable();
        if events.peek().is_none() && self.settings.framing == Framing::NewlineDelimited {
            // No event, no line.
            return Ok(());
        }
        out.write_all(before)?;
        let mut text = Vec::new();
        for (place, event) in events.enumerate() {
            if place > 0 {
                out.write_all(between)?;
            }
            text.clear();
            self.encode_one(event, &mut text);
            out.write_all(&text)?;
        }
        out.write_all(after)
    }

    /// The `Content-Type` of what [`encode_all`](Self::encode_all) writes; as in Vector.
    pub fn content_type(&self) -> &'static str {
        match self.settings.framing {
            Framing::NewlineDelimited => "application/x-ndjson",
            Framing::CharacterDelimited(b',') => "application/json",
            Framing::CharacterDelimited(_) | Framing::Bytes => "text/plain",
        }
    }

    /// Adds the event to `out` with what stands after each: for what is written as it comes.
    pub fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        self.encode_one(event, out);
        match self.settings.framing {
            Framing::NewlineDelimited => out.push(b'\n'),
            Framing::CharacterDelimited(letter) => out.push(letter),
            Framing::Bytes => {}
        }
    }

    /// Adds the event alone to `out`, without framing: for messages.
    pub fn encode_one(&self, event: &Event, out: &mut Vec<u8>) {
        match &self.settings.template {
            None => self.add_line(event, out),
            Some(template) => {
                let mut line = Vec::new();
                self.add_line(event, &mut line);
                template.fill(event, &line, self.settings.timestamp_format, out);
            }
        }
    }

    /// The event's line without the fields that are left out.
    pub(super) fn record<'e>(&self, event: &'e Event) -> Cow<'e, [u8]> {
        self.settings.fields.of(&event.line)
    }

    /// The key under which metadata goes, if it does.
    pub(super) fn metadata_key(&self) -> Option<&str> {
        self.settings.metadata_key.as_deref()
    }

    fn add_line(&self, event: &Event, out: &mut Vec<u8>) {
        let record = self.record(event);
        match (&self.settings.metadata_key, object_body(&record)) {
            (Some(key), Some(body)) => {
                out.extend_from_slice(&record[..record.len() - 1]);
                if !body.trim_ascii().is_empty() {
                    out.push(b',');
                }
                push_json(out, &free_key(&record, key));
                out.push(b':');
                push_json(out, &Metadata::of(event, self.settings.timestamp_format));
                out.push(b'}');
            }
            _ => out.extend_from_slice(&record),
        }
    }
}

/// What stands between the braces, if it is an object.
fn object_body(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"{")?.strip_suffix(b"}")
}

/// Adds plain values as JSON.
fn push_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Strings, times and nothing else, into memory: there is nothing that could fail.
    serde_json::to_writer(out, value).expect("plain values can be written to memory");
}
