//! What is known of an event, to be put beside its record: its members, how its times are
//! written, and a key for it that the record does not have.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use memchr::memmem;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::slice::Members;
use crate::normalize::Event;

/// How times are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2026-01-02T03:04:05Z`, with as many digits after the second as it has.
    #[default]
    Rfc3339,
    /// Whole seconds since 1970, as a number.
    Unix,
    /// Whole milliseconds.
    UnixMs,
    /// Whole microseconds.
    UnixUs,
    /// Nanoseconds.
    UnixNs,
    /// Seconds with their fraction, as a floating point number.
    UnixFloat,
}

/// A time, and how it is written.
#[derive(Clone, Copy)]
pub(super) struct Written(pub(super) Timestamp, pub(super) TimestampFormat);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(time, format) = self;
        match format {
            TimestampFormat::Rfc3339 => time.serialize(serializer),
            // Rounded down, before 1970 too: a moment lies in the second that began before it.
            TimestampFormat::Unix => {
                let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
                serializer.serialize_i128(seconds)
            }
            TimestampFormat::UnixMs => {
                serializer.serialize_i128(time.as_nanosecond().div_euclid(1_000_000))
            }
            TimestampFormat::UnixUs => {
                serializer.serialize_i128(time.as_nanosecond().div_euclid(1_000))
            }
            TimestampFormat::UnixNs => serializer.serialize_i128(time.as_nanosecond()),
            TimestampFormat::UnixFloat => {
                serializer.serialize_f64(time.as_duration().as_secs_f64())
            }
        }
    }
}

/// What stands under the metadata key. Always all of it, so that the shape is the same everywhere.
#[derive(Serialize)]
pub(in crate::sinks) struct Metadata<'a> {
    pub(in crate::sinks) source: &'a str,
    pub(in crate::sinks) stream: &'a str,
    pub(in crate::sinks) subdomain: &'a str,
    pub(in crate::sinks) id: String,
    event_time: Option<Written>,
    ingest_time: Written,
    pub(in crate::sinks) partition: &'a str,
}

impl<'a> Metadata<'a> {
    pub(in crate::sinks) fn of(event: &'a Event, format: TimestampFormat) -> Self {
        let origin = &event.origin;
        Self {
            source: &origin.source,
            stream: &origin.stream,
            subdomain: &origin.subdomain,
            id: event.id(),
            event_time: event.time.map(|time| Written(time, format)),
            ingest_time: Written(origin.ingest_time, format),
            partition: &origin.partition,
        }
    }
}

/// The key, with `_` after it until the record has no such member.
pub(in crate::sinks) fn free_key<'a>(line: &[u8], key: &'a str) -> Cow<'a, str> {
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

/// A line as it was before metadata was put into it under `key`, or under `key` with `_` after it:
/// the last member is taken out. A line that does not end in such a member is left as it is.
pub fn without_metadata<'l>(line: &'l [u8], key: &str) -> Cow<'l, [u8]> {
    let Some(last) = Members::of(line).and_then(Iterator::last) else { return Cow::Borrowed(line) };
    let is_ours = last.name().is_some_and(|name| {
        name.strip_prefix(key).is_some_and(|rest| rest.bytes().all(|byte| byte == b'_'))
    });
    let kept = line.len() - last.whole.len() - 1;
    if !is_ours || !line[kept..].starts_with(last.whole) {
        return Cow::Borrowed(line);
    }
    let kept = line[..kept].strip_suffix(b",").unwrap_or(&line[..kept]);
    Cow::Owned([kept, b"}"].concat())
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
