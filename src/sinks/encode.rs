//! From events to bytes: one line an event.
//!
//! By default a line leaves as it came. It must not parse, reorder or rewrite
//! what the record says; metadata, when asked for, is put in beside it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io;

use jiff::Timestamp;
use memchr::memmem;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::normalize::Event;

/// Turns events into lines.
///
/// With a metadata key, what is known of an event goes into its object as the last member, under
/// that key. A record that has a member of that name already keeps it: the metadata then goes
/// under the key with `_` after it (as many as it takes), so that no object has two equal keys
/// and nothing of the record is hidden. A line that is no JSON object is left as it is.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    metadata_key: Option<String>,
}

/// How events become bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The key under which an event's metadata goes into its line; none: it does not.
    pub metadata_key: Option<String>,
}

/// What stands under the metadata key. Always all of it, so that the shape is the same everywhere.
#[derive(serde::Serialize)]
struct Metadata<'a> {
    source: &'a str,
    stream: &'a str,
    subdomain: &'a str,
    id: String,
    event_time: Option<Timestamp>,
    ingest_time: Timestamp,
    partition: &'a str,
}

impl Encoder {
    /// An encoder with these settings; the default one changes nothing.
    pub fn new(settings: EncoderSettings) -> Self {
        let EncoderSettings { metadata_key } = settings;
        Self { metadata_key }
    }

    /// Writes events one after another to `out`, as the body of a request or an object.
    pub fn encode_all<'e>(
        &self,
        events: impl Iterator<Item = &'e Event>,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let mut line = Vec::new();
        for event in events {
            line.clear();
            self.encode(event, &mut line);
            out.write_all(&line)?;
        }
        Ok(())
    }

    /// The `Content-Type` of what [`encode_all`](Self::encode_all) writes.
    pub fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    /// Adds the event's line and a line feed to `out`.
    pub fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        match (&self.metadata_key, object_body(&event.line)) {
            (Some(key), Some(body)) => {
                out.extend_from_slice(&event.line[..event.line.len() - 1]);
                if !body.trim_ascii().is_empty() {
                    out.push(b',');
                }
                push_json(out, &free_key(&event.line, key));
                out.push(b':');
                push_json(out, &Metadata::of(event));
                out.push(b'}');
            }
            _ => out.extend_from_slice(&event.line),
        }
        out.push(b'\n');
    }
}

impl<'a> Metadata<'a> {
    fn of(event: &'a Event) -> Self {
        let origin = &event.origin;
        Self {
            source: &origin.source,
            stream: &origin.stream,
            subdomain: &origin.subdomain,
            id: event.id(),
            event_time: event.time,
            ingest_time: origin.ingest_time,
            partition: &origin.partition,
        }
    }
}

/// What stands between the braces, if it is an object.
fn object_body(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"{")?.strip_suffix(b"}")
}

fn push_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Strings, times and nothing else, into memory: there is nothing that could fail.
    serde_json::to_writer(out, value).expect("plain values can be written to memory");
}

/// The key, with `_` after it until the record has no such member.
fn free_key<'a>(line: &[u8], key: &'a str) -> Cow<'a, str> {
    if !might_have_key(line, key) {
        return Cow::Borrowed(key);
    }
    let taken = keys_beginning_with(line, key);
    let mut free = Cow::Borrowed(key);
    while taken.contains(free.as_ref()) {
        free.to_mut().push('_');
    }
    free
}

/// A quick look that saves nearly every record the reading of its keys. It may say yes in vain,
/// never no: a plain key stands in the text as it is, unless a letter of it is escaped as `\u`.
fn might_have_key(line: &[u8], key: &str) -> bool {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte));
    let quoted = format!("\"{key}\"");
    !plain
        || memmem::find(line, quoted.as_bytes()).is_some()
        || memmem::find(line, b"\\u").is_some()
}

/// The members of the outermost object whose names begin with `prefix`.
fn keys_beginning_with(line: &[u8], prefix: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut json = serde_json::Deserializer::from_slice(line);
    // A line that cannot be read to its end (a depth beyond serde_json's) has given the keys
    // that it could; the split has validated it, so there is nothing to say about it here.
    drop(json.deserialize_map(Keys { prefix, found: &mut found }));
    found
}

struct Keys<'a> {
    prefix: &'a str,
    found: &'a mut HashSet<String>,
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key.starts_with(self.prefix) {
                self.found.insert(key);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::event_with_line;

    fn encoded(key: Option<&str>, line: &str) -> String {
        let mut out = b"before\n".to_vec();
        Encoder::new(EncoderSettings { metadata_key: key.map(str::to_owned) })
            .encode(&event_with_line(line), &mut out);
        String::from_utf8(out).unwrap().strip_prefix("before\n").unwrap().to_owned()
    }

    #[test]
    fn without_a_key_the_line_is_copied_byte_for_byte() {
        for line in [r#"{"id":1.0e5,"a":"\/\u00e9"}"#, "{}", "[1]", "not json"] {
            assert_eq!(encoded(None, line), format!("{line}\n"));
        }
    }

    #[test]
    fn metadata_is_the_last_member() {
        let out = encoded(Some("zendesk"), r#"{"id":10000000000000000001,"a":1.50}"#);
        insta::assert_snapshot!(out.trim_end(), @r#"{"id":10000000000000000001,"a":1.50,"zendesk":{"source":"test","stream":"tickets","subdomain":"acme","id":"acme:tickets:1","event_time":null,"ingest_time":"2026-01-02T03:04:05Z","partition":"tail"}}"#);
    }

    #[test]
    fn an_empty_object_gets_no_comma() {
        for line in ["{}", "{ }"] {
            let out = encoded(Some("z"), line);
            let value: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(value["z"]["stream"], "tickets");
        }
    }

    #[test]
    fn a_record_that_has_the_key_keeps_it() {
        for (line, expected) in [
            (r#"{"z":1}"#, "z_"),
            (r#"{"z":1,"z_":2,"z___":3}"#, "z__"),
            (r#"{"\u007a":1}"#, "z_"),
            (r#"{"a":{"z":1},"b":"\"z\""}"#, "z"),
            (r#"{"zz":1}"#, "z"),
        ] {
            let out = encoded(Some("z"), line);
            let value: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(value[expected]["subdomain"], "acme", "{out}");
            assert!(out.starts_with(&line[..line.len() - 1]), "{out}");
        }
    }

    #[test]
    fn a_key_that_needs_escaping_is_escaped_and_found_again() {
        let out = encoded(Some("a/\"b"), r#"{"a\/\"b":1}"#);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["a/\"b"], 1);
        assert_eq!(value["a/\"b_"]["source"], "test");
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for line in ["[1]", "1", "\"}\"", ""] {
            assert_eq!(encoded(Some("z"), line), format!("{line}\n"));
        }
    }
}
