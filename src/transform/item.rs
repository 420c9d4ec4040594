//! An event on its way through transforms.
//!
//! It is parsed when the first transform looks into it, once, and written anew only if one has
//! changed it: whoever only looks leaves its bytes as they came.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use vrl::path::OwnedTargetPath;
use vrl::value::{KeyString, Value};

use super::program::METADATA_KEY;
use crate::normalize::{Event, Origin, RecordId};

/// An event, with its value where that was asked for. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct Item {
    event: Event,
    value: Option<Arc<Value>>,
    metadata: Option<Arc<Value>>,
    /// Whether the value was changed since the line was written.
    is_stale: bool,
}

impl Item {
    pub(super) fn new(event: Event) -> Self {
        Self { event, value: None, metadata: None, is_stale: false }
    }

    /// The event itself, its line up to date.
    pub(super) fn event(&mut self) -> &mut Event {
        if self.is_stale {
            if let Some(value) = &self.value {
                self.event.line = encoded(value);
            }
            self.is_stale = false;
        }
        &mut self.event
    }

    pub(super) fn origin(&self) -> &Arc<Origin> {
        &self.event.origin
    }

    pub(super) fn set_origin(&mut self, origin: Arc<Origin>) {
        self.event.origin = origin;
    }

    pub(super) fn id(&self) -> &RecordId {
        &self.event.id
    }

    /// What the line says; an error where it cannot be said in VRL: a number beyond all range, half a
    /// surrogate pair, more than 128 levels.
    pub(super) fn value(&mut self) -> Result<&Arc<Value>, String> {
        match &mut self.value {
            Some(value) => Ok(value),
            empty => {
                let value = serde_json::from_slice(&self.event.line)
                    .map_err(|error| format!("cannot be read into VRL: {error}"))?;
                Ok(empty.insert(Arc::new(value)))
            }
        }
    }

    /// What is known of the event and stands beside it; nothing, where no one `asks`.
    pub(super) fn metadata(&mut self, asks: bool) -> Arc<Value> {
        match &mut self.metadata {
            Some(metadata) => Arc::clone(metadata),
            None if !asks => Arc::new(Value::Null),
            empty => Arc::clone(empty.insert(Arc::new(metadata_of(&self.event)))),
        }
    }

    /// The value, out of it: an original whose line is up to date is left to go on with.
    pub(super) fn take_value(&mut self, keep: bool) -> Result<Value, String> {
        self.value()?;
        if keep {
            self.event();
        }
        let value = self.value.take().map(Arc::unwrap_or_clone);
        Ok(value.unwrap_or(Value::Null))
    }

    /// The same event with this value, which is an object, and this metadata.
    pub(super) fn with(&self, id: RecordId, value: Value, metadata: Option<Arc<Value>>) -> Self {
        let event = Event { id, ..self.event.clone() };
        Self { event, value: Some(Arc::new(value)), metadata, is_stale: true }
    }

    /// The same with one more member. The others stay as they are, byte for byte, unless it takes
    /// the place of one of them, or a place further down.
    pub(super) fn annotate(&mut self, path: &OwnedTargetPath, member: Value) {
        let key = path.path.to_alternative_components(1).ok_or(()).map(|keys| keys.concat());
        let is_free = |value: &Value, key: &str| {
            value.as_object().is_some_and(|object| !object.contains_key(key))
        };
        let known = self.value().map(|value| (**value).clone());
        match (known, key, path.path.segments.len()) {
            (Ok(value), Ok(key), 1) if is_free(&value, &key) => self.append(&key, &member),
            (Ok(mut value), ..) => {
                value.insert(&path.path, member);
                self.value = Some(Arc::new(value));
                self.is_stale = true;
            }
            // What cannot be read can still be added to.
            (Err(_), Ok(key), _) => self.append(&key, &member),
            (Err(_), Err(()), _) => {}
        }
    }

    /// The same with another line.
    pub(super) fn rewrite(&mut self, line: Bytes) {
        self.event.line = line;
        (self.value, self.is_stale) = (None, false);
    }

    /// Writes a member behind the last one.
    fn append(&mut self, key: &str, member: &Value) {
        let line = self.event().line.clone();
        let Some(open) = line.strip_suffix(b"}") else { return };
        let separator = if open.ends_with(b"{") { "" } else { "," };
        let key = serde_json::Value::from(key).to_string();
        let member = encoded(member);
        let parts =
            [open, separator.as_bytes(), key.as_bytes(), b":".as_slice(), &member, b"}".as_slice()];
        self.rewrite(Bytes::from(parts.concat()));
    }
}

fn encoded(value: &Value) -> Bytes {
    // A value is a tree of what JSON has; nothing of it can fail to be written into memory.
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

/// `%zendesk`: the names are those of `encoding.metadata_key`.
fn metadata_of(event: &Event) -> Value {
    let origin = &event.origin;
    let text = |text: &str| Value::from(text);
    let known = [
        ("source", text(&origin.source)),
        ("stream", text(&origin.stream)),
        ("subdomain", text(&origin.subdomain)),
        ("id", Value::from(event.id())),
        ("event_time", event.time.map_or(Value::Null, timestamp)),
        ("ingest_time", timestamp(origin.ingest_time)),
        ("partition", text(&origin.partition)),
    ];
    let known = known.into_iter().map(|(key, value)| (KeyString::from(key), value)).collect();
    Value::Object([(KeyString::from(METADATA_KEY), Value::Object(known))].into_iter().collect())
}

fn timestamp(time: jiff::Timestamp) -> Value {
    Value::Timestamp(SystemTime::from(time).into())
}
