//! The messages that Vector's `vector` source takes, as far as they are needed: those of its
//! `proto/vector/vector.proto` and `lib/vector-core/proto/event.proto` (Vector is under the
//! MPL-2.0). Shapes alone, with their numbers on the wire; written by hand, so that no compiler
//! of protocol buffers is needed.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The service's method that takes events.
pub(super) const PUSH_EVENTS: &str = "/vector.Vector/PushEvents";

/// The one that tells how it is.
pub(super) const HEALTH_CHECK: &str = "/vector.Vector/HealthCheck";

/// `vector.PushEventsRequest`. Its events are encoded already: a message within another stands
/// on the wire as its bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PushEventsRequest {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) events: Vec<Bytes>,
}

/// `vector.PushEventsResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PushEventsResponse {}

/// `vector.HealthCheckRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HealthCheckRequest {}

/// `vector.HealthCheckResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    pub(super) status: i32,
}

/// `vector.ServingStatus`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ServingStatus {
    Serving = 0,
    NotServing = 1,
}

/// `event.EventWrapper`, of which only logs are sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EventWrapper {
    #[prost(oneof = "Event", tags = "1")]
    pub(super) event: Option<Event>,
}

/// What is in an `event.EventWrapper`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Event {
    #[prost(message, tag = "1")]
    Log(Log),
}

/// `event.Log`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Log {
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Value>,
}

/// `event.Value`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 4, 5, 6, 7, 8, 9")]
    pub(super) kind: Option<Kind>,
}

/// What is in an `event.Value`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(bytes = "bytes", tag = "1")]
    RawBytes(Bytes),
    #[prost(message, tag = "2")]
    Timestamp(Timestamp),
    #[prost(int64, tag = "4")]
    Integer(i64),
    #[prost(double, tag = "5")]
    Float(f64),
    #[prost(bool, tag = "6")]
    Boolean(bool),
    #[prost(message, tag = "7")]
    Map(ValueMap),
    #[prost(message, tag = "8")]
    Array(ValueArray),
    #[prost(enumeration = "ValueNull", tag = "9")]
    Null(i32),
}

/// `event.ValueMap`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueMap {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) fields: BTreeMap<String, Value>,
}

/// `event.ValueArray`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueArray {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<Value>,
}

/// `event.ValueNull`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ValueNull {
    NullValue = 0,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self { kind: Some(kind) }
    }
}
