//! From an event to the log that Vector takes. Pure.
//!
//! Unlike everywhere else, records are decoded here, as Vector's own JSON decoder would do it:
//! whole numbers of 64 bits stay exact, all others become floating point numbers.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use prost::Message as _;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::proto::{self, EventWrapper, Kind, Log, Timestamp, Value, ValueArray, ValueMap};
use crate::normalize::Event;
use crate::sinks::Encoder;
use crate::sinks::encode::free_key;

/// Lists and objects that may stand in one another. What is nested deeper, Vector's decoder of
/// protocol buffers does not read: it allows a hundred messages, and each level takes three.
pub(super) const DEPTH_MAX: usize = 31;

/// The event as a log, or why it cannot be one.
pub(super) fn encoded(event: &Event, encoder: &Encoder) -> Result<Bytes, String> {
    let record = encoder.record(event);
    let mut json = serde_json::Deserializer::from_slice(&record);
    let value =
        Level(DEPTH_MAX).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    let mut value = value.map_err(|error| format!("cannot be read as JSON: {error}"))?;
    if let (Some(key), Some(Kind::Map(members))) = (encoder.metadata_key(), &mut value.kind) {
        members.fields.insert(free_key(&record, key).into_owned(), metadata(event));
    }
    let log = Log { value: Some(value) };
    let wrapper = EventWrapper { event: Some(proto::Event::Log(log)) };
    Ok(wrapper.encode_to_vec().into())
}

/// What is known of an event. Its times are times, not text.
fn metadata(event: &Event) -> Value {
    let origin = &event.origin;
    let event_time = event.time.map_or_else(null, timestamp);
    let members = [
        ("source", text(&origin.source)),
        ("stream", text(&origin.stream)),
        ("subdomain", text(&origin.subdomain)),
        ("id", text(&event.id())),
        ("event_time", event_time),
        ("ingest_time", timestamp(origin.ingest_time)),
        ("partition", text(&origin.partition)),
    ];
    let fields = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Kind::Map(ValueMap { fields }).into()
}

fn text(text: &str) -> Value {
    Kind::RawBytes(Bytes::copy_from_slice(text.as_bytes())).into()
}

fn null() -> Value {
    Kind::Null(proto::ValueNull::NullValue.into()).into()
}

/// A moment lies in the second that began before it: nanoseconds are never negative.
fn timestamp(time: jiff::Timestamp) -> Value {
    let nanosecond = time.as_nanosecond();
    let seconds = i64::try_from(nanosecond.div_euclid(1_000_000_000)).unwrap_or_default();
    let nanos = i32::try_from(nanosecond.rem_euclid(1_000_000_000)).unwrap_or_default();
    Kind::Timestamp(Timestamp { seconds, nanos }).into()
}

/// Reads a value in which so many more lists and objects may stand in one another.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Self(left)),
            None => Err(E::custom(format_args!("it is nested more than {DEPTH_MAX} levels deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Kind::Boolean(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Kind::Integer(value).into())
    }

    #[allow(clippy::cast_precision_loss, reason = "as Vector does; there is no larger integer")]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Kind::Float(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let level = self.below()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(level)? {
            all.push(item);
        }
        Ok(Kind::Array(ValueArray { items: all }).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let level = self.below()?;
        let mut fields = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            fields.insert(name, members.next_value_seed(level)?);
        }
        Ok(Kind::Map(ValueMap { fields }).into())
    }
}
