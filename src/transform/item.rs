//! An event on its way through transforms.
//!
//! It is parsed when the first transform looks into it, once, and written anew only if one has
//! changed it: whoever only looks leaves its bytes as they came.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use vrl::path::{OwnedSegment, OwnedTargetPath, OwnedValuePath};
use vrl::value::{KeyString, ObjectMap, Value};

use super::parse::parse;
use super::program::METADATA_KEY;
use crate::normalize::{Event, Origin, RecordId};

/// An event, with its value where that was asked for. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct Item {
    event: Event,
    value: Option<Arc<Value>>,
    metadata: Option<Beside>,
    /// Whether the value was changed since the line was written.
    is_stale: bool,
}

/// What is known of an event and stands beside it, or as much of it as was asked for so far; and
/// what programs left there.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub(super) value: Arc<Value>,
    has: Asked,
}

/// The members of `%zendesk`: the names are those of `encoding.metadata_key`.
const KNOWN: [&str; 7] =
    ["source", "stream", "subdomain", "id", "event_time", "ingest_time", "partition"];

/// Which of [`KNOWN`] a program looks at, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked(u8);

impl Asked {
    /// Whatever there is.
    pub(super) const ALL: Self = Self(u8::MAX);

    /// What a path in the metadata leads to.
    pub(super) fn by(path: &OwnedValuePath) -> Self {
        let place = match path.segments.as_slice() {
            [OwnedSegment::Field(first), OwnedSegment::Field(name), ..]
                if first.as_str() == METADATA_KEY =>
            {
                KNOWN.iter().position(|known| *known == name.as_str())
            }
            _ => None,
        };
        place.map_or(Self::ALL, |place| Self(1 << place))
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Item {
    pub(super) fn new(event: Event) -> Self {
        Self { event, value: None, metadata: None, is_stale: false }
    }

    /// The event itself, its line up to date.
    pub(super) fn event(&mut self) -> &mut Event {
        if self.is_stale {
            if let Some(value) = &self.value {
                self.event.line = encoded(value, self.event.line.len());
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
                let value = parse(&self.event.line)
                    .map_err(|error| format!("cannot be read into VRL: {error}"))?;
                Ok(empty.insert(Arc::new(value)))
            }
        }
    }

    /// What stands beside the event, with what is `asked` for at least; nothing, where that is
    /// nothing.
    pub(super) fn metadata(&mut self, asked: Asked) -> Beside {
        let nothing = || Beside { value: Arc::new(Value::Null), has: Asked::default() };
        let mut beside = match self.metadata.take() {
            None if asked == Asked::default() => return nothing(),
            None => Beside { value: Arc::new(no_metadata()), has: Asked::default() },
            Some(known) => known,
        };
        let lacking = asked.without(beside.has);
        if lacking != Asked::default() {
            let object = Arc::make_mut(&mut beside.value).as_object_mut();
            let known = object.and_then(|all| all.get_mut(METADATA_KEY)?.as_object_mut());
            if let Some(known) = known {
                add_known(known, &self.event, lacking);
            }
            beside.has = beside.has.and(asked);
        }
        self.metadata = Some(beside.clone());
        beside
    }

    /// The same, out of it, unless it is to be kept.
    pub(super) fn take_metadata(&mut self, asked: Asked, keep: bool) -> Beside {
        let beside = self.metadata(asked);
        if !keep {
            self.metadata = None;
        }
        beside
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
    pub(super) fn with(&self, id: RecordId, value: Value, metadata: Option<Beside>) -> Self {
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
            (Ok(value), Ok(key), 1) if is_free(&value, &key) => {
                self.append(&key, &encoded(&member, 0));
            }
            (Ok(mut value), ..) => {
                value.insert(&path.path, member);
                self.value = Some(Arc::new(value));
                self.is_stale = true;
            }
            // What cannot be read can still be added to.
            (Err(_), Ok(key), _) => self.append(&key, &encoded(&member, 0)),
            (Err(_), Err(()), _) => {}
        }
    }

    /// The same with another line.
    pub(super) fn rewrite(&mut self, line: Bytes) {
        self.event.line = line;
        (self.value, self.is_stale) = (None, false);
    }

    /// Puts values in, or in the place of what is there.
    pub(super) fn insert(&mut self, members: impl Iterator<Item = (OwnedValuePath, Value)>) {
        let Ok(mut value) = self.take_value(false) else { return };
        for (path, member) in members {
            value.insert(&path, member);
        }
        self.value = Some(Arc::new(value));
        self.is_stale = true;
    }

    /// Keeps no more than the line and what is beside it, for an event that is not looked into for
    /// a while.
    pub(super) fn rest(&mut self) {
        self.event();
        self.value = None;
    }

    /// Writes a member, in JSON, behind the last one.
    pub(super) fn append(&mut self, key: &str, member: &[u8]) {
        let line = self.event().line.clone();
        let Some(open) = line.strip_suffix(b"}") else { return };
        let separator = if open.ends_with(b"{") { "" } else { "," };
        let key = serde_json::Value::from(key).to_string();
        let parts =
            [open, separator.as_bytes(), key.as_bytes(), b":".as_slice(), member, b"}".as_slice()];
        self.rewrite(Bytes::from(parts.concat()));
    }
}

/// A value as JSON, which is about as long as that.
fn encoded(value: &Value, about: usize) -> Bytes {
    const MORE: usize = 64;
    let mut line = Vec::with_capacity(about + MORE);
    // A value is a tree of what JSON has; nothing of it can fail to be written into memory.
    let written = serde_json::to_writer(&mut line, value);
    debug_assert!(written.is_ok());
    Bytes::from(line)
}

/// `%zendesk`, without a member.
fn no_metadata() -> Value {
    let nothing = Value::Object(ObjectMap::new());
    Value::Object([(KeyString::from(METADATA_KEY), nothing)].into_iter().collect())
}

fn add_known(known: &mut ObjectMap, event: &Event, asked: Asked) {
    let origin = &event.origin;
    for (place, name) in KNOWN.into_iter().enumerate() {
        if asked.0 & (1 << place) == 0 {
            continue;
        }
        let value = match name {
            "source" => Value::from(origin.source.as_str()),
            "stream" => Value::from(origin.stream.as_str()),
            "subdomain" => Value::from(origin.subdomain.as_str()),
            "id" => Value::from(event.id()),
            "event_time" => event.time.map_or(Value::Null, timestamp),
            "ingest_time" => timestamp(origin.ingest_time),
            _ => Value::from(origin.partition.as_str()),
        };
        known.insert(KeyString::from(name), value);
    }
}

fn timestamp(time: jiff::Timestamp) -> Value {
    Value::Timestamp(SystemTime::from(time).into())
}
