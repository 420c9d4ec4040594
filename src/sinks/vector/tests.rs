//! The Vector sink: its bytes against the protocol's definition, and its behaviour against a
//! gRPC server on this machine.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response};
use tonic_prost::ProstCodec;

use super::proto::{
    Event as Wrapped, EventWrapper, HEALTH_CHECK, HealthCheckRequest, HealthCheckResponse, Kind,
    PUSH_EVENTS, PushEventsResponse, Timestamp, Value, ValueMap,
};
use super::*;
use crate::sinks::contract::{Destination, batch_of, event_of, event_with_line, sink_contract};
use crate::sinks::{EncoderSettings, FieldPath, Fields};

/// The request as Vector declares it, with its events as messages.
#[derive(Clone, PartialEq, prost::Message)]
struct Declared {
    #[prost(message, repeated, tag = "1")]
    events: Vec<EventWrapper>,
}

type Judge = dyn Fn(&Declared) -> Option<Status> + Send + Sync;

/// A `vector` source, as far as its protocol goes.
#[derive(Clone)]
struct Source {
    taken: Arc<Mutex<Vec<Declared>>>,
    requests: Arc<Mutex<Vec<usize>>>,
    judge: Arc<Judge>,
    serving: i32,
    bytes_max: usize,
}

impl Source {
    fn new(judge: impl Fn(&Declared) -> Option<Status> + Send + Sync + 'static) -> Self {
        let (taken, requests) = (Arc::default(), Arc::default());
        Self { taken, requests, judge: Arc::new(judge), serving: 0, bytes_max: 4 << 20 }
    }

    /// Listens, and says where.
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let source = self.clone();
        tokio::spawn(async move {
            Server::builder()
                .serve_with_incoming(source, TcpIncoming::from(listener))
                .await
                .unwrap();
        });
        address
    }
}

impl UnaryService<Declared> for Source {
    type Response = PushEventsResponse;
    type Future = Ready<Result<Response<PushEventsResponse>, Status>>;

    fn call(&mut self, request: Request<Declared>) -> Self::Future {
        let request = request.into_inner();
        self.requests.lock().unwrap().push(request.events.len());
        if let Some(status) = (self.judge)(&request) {
            return ready(Err(status));
        }
        self.taken.lock().unwrap().push(request);
        ready(Ok(Response::new(PushEventsResponse {})))
    }
}

impl UnaryService<HealthCheckRequest> for Source {
    type Response = HealthCheckResponse;
    type Future = Ready<Result<Response<HealthCheckResponse>, Status>>;

    fn call(&mut self, _: Request<HealthCheckRequest>) -> Self::Future {
        ready(Ok(Response::new(HealthCheckResponse { status: self.serving })))
    }
}

impl Service<http::Request<tonic::body::Body>> for Source {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let source = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                PUSH_EVENTS => {
                    let codec = ProstCodec::<PushEventsResponse, Declared>::default();
                    let mut grpc = Grpc::new(codec)
                        .max_decoding_message_size(source.bytes_max)
                        .accept_compressed(CompressionEncoding::Gzip)
                        .accept_compressed(CompressionEncoding::Zstd);
                    grpc.unary(source, request).await
                }
                HEALTH_CHECK => {
                    Grpc::new(ProstCodec::default()).unary::<_, _>(HealthOf(source), request).await
                }
                _ => Status::unimplemented("there is no such method").into_http(),
            })
        })
    }
}

/// Tells apart which of the two methods is meant.
struct HealthOf(Source);

impl UnaryService<HealthCheckRequest> for HealthOf {
    type Response = HealthCheckResponse;
    type Future = Ready<Result<Response<HealthCheckResponse>, Status>>;

    fn call(&mut self, request: Request<HealthCheckRequest>) -> Self::Future {
        UnaryService::<HealthCheckRequest>::call(&mut self.0, request)
    }
}

fn settings(address: &str) -> VectorSettings {
    VectorSettings {
        rate_limit: None,
        endpoints: vec![address.to_owned()],
        compression: Compression::None,
        tls: TlsSettings::default(),
        timeout: Duration::from_secs(5),
        keepalive_interval: Duration::from_secs(60),
        keepalive_timeout: Duration::from_secs(20),
    }
}

fn sink(address: &str) -> Vector {
    Vector::new(&settings(address), Encoder::default()).unwrap()
}

/// A source, and the sinks that write to it.
struct Place(Source, String);

impl Place {
    async fn new() -> Self {
        let source = Source::new(|_| None);
        let address = source.listen().await;
        Self(source, address)
    }
}

fn members(wrapper: &EventWrapper) -> &BTreeMap<String, Value> {
    let Some(Wrapped::Log(log)) = &wrapper.event else { panic!("no log") };
    match &log.value.as_ref().unwrap().kind {
        Some(Kind::Map(ValueMap { fields })) => fields,
        other => panic!("{other:?}"),
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    match value.kind.as_ref().unwrap() {
        Kind::RawBytes(text) => String::from_utf8(text.to_vec()).unwrap().into(),
        Kind::Integer(number) => (*number).into(),
        Kind::Float(number) => (*number).into(),
        Kind::Boolean(value) => (*value).into(),
        Kind::Null(0) => serde_json::Value::Null,
        Kind::Array(array) => array.items.iter().map(as_json).collect(),
        Kind::Map(map) => map.fields.iter().map(|(k, v)| (k.clone(), as_json(v))).collect(),
        other => panic!("{other:?}"),
    }
}

#[async_trait]
impl Destination for Place {
    async fn open(&self) -> Box<dyn Sink> {
        Box::new(sink(&self.1))
    }

    async fn read(&self) -> Vec<String> {
        let taken = self.0.taken.lock().unwrap();
        let events = taken.iter().flat_map(|request| &request.events);
        let lines = events.map(|event| {
            let object: serde_json::Map<_, _> =
                members(event).iter().map(|(k, v)| (k.clone(), as_json(v))).collect();
            serde_json::Value::Object(object).to_string()
        });
        lines.collect()
    }
}

sink_contract!(vector_sink, Place::new().await, at_least_once);

#[path = "../../../tests/it/detected.rs"]
mod detected;

/// A value a member is not a line a member: only what detections look at can show that all of it arrives.
#[tokio::test]
async fn detections_find_all_of_it_in_every_compression() {
    for compression in [Compression::None, Compression::GZIP, Compression::ZSTD] {
        let place = Place::new().await;
        let settings = VectorSettings { compression, ..settings(&place.1) };
        let sink = Vector::new(&settings, Encoder::default()).unwrap();
        let lines = detected::CASES.iter().map(|case| case.record);
        let events = lines.map(event_with_line).collect();
        sink.write(&Batch { events, ..Batch::default() }).await.unwrap();
        let found = place.read().await;
        assert_eq!(found.len(), detected::CASES.len());
        for (line, case) in found.iter().zip(detected::CASES) {
            let found: serde_json::Value = serde_json::from_str(line).unwrap();
            let sent: serde_json::Value = serde_json::from_str(case.record).unwrap();
            assert_eq!(found, sent, "{compression:?}");
            let sets_off = case.sets_off.iter().copied().collect();
            assert_eq!(detected::set_off(&found), sets_off, "{compression:?}: {line}");
        }
    }
}

fn encoded(line: &str) -> Result<Bytes, String> {
    encode::encoded(&event_with_line(line), &Encoder::default())
}

fn log_value(encoded: &[u8]) -> Value {
    let wrapper = EventWrapper::decode(encoded).unwrap();
    let Some(Wrapped::Log(log)) = wrapper.event else { panic!("no log") };
    log.value.unwrap()
}

/// Worked out by hand from Vector's `event.proto`: each field's number and wire type, its length
/// and its bytes.
#[test]
fn the_bytes_are_those_that_the_protocol_defines() {
    let value = [
        0x0a, 0x09, 0x0a, 0x01, b'a', 0x12, 0x04, 0x0a, 0x02, b'h', b'i', // "a": raw_bytes
        0x0a, 0x07, 0x0a, 0x01, b'b', 0x12, 0x02, 0x20, 0x07, // "b": integer
        0x0a, 0x0e, 0x0a, 0x01, b'c', 0x12, 0x09, 0x29, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, // float
        0x0a, 0x07, 0x0a, 0x01, b'd', 0x12, 0x02, 0x30, 0x01, // "d": boolean
        0x0a, 0x07, 0x0a, 0x01, b'e', 0x12, 0x02, 0x48, 0x00, // "e": null
        0x0a, 0x07, 0x0a, 0x01, b'f', 0x12, 0x02, 0x3a, 0x00, // "f": map
        0x0a, 0x0b, 0x0a, 0x01, b'g', 0x12, 0x06, 0x42, 0x04, 0x0a, 0x02, 0x20, 0x01, // array
    ];
    // EventWrapper.log = 1, Log.value = 2, Value.map = 7.
    let length = u8::try_from(value.len()).unwrap();
    let head = [0x0a, length + 4, 0x12, length + 2, 0x3a, length];
    let line = r#"{"a":"hi","b":7,"c":1.5,"d":true,"e":null,"f":{},"g":[1]}"#;
    assert_eq!(encoded(line).unwrap(), [&head[..], &value].concat());
}

#[test]
fn a_request_of_encoded_events_is_the_one_that_is_declared() {
    let events = [encoded("{\"a\":1}").unwrap(), encoded("{}").unwrap()];
    let declared = Declared {
        events: events.iter().map(|it| EventWrapper::decode(&it[..]).unwrap()).collect(),
    };
    let sent = PushEventsRequest { events: events.to_vec() };
    assert_eq!(sent.encode_to_vec(), declared.encode_to_vec());
}

#[test]
fn numbers_are_read_as_vector_reads_them() {
    for (text, expected) in [
        ("9223372036854775807", Kind::Integer(i64::MAX)),
        ("-9223372036854775808", Kind::Integer(i64::MIN)),
        ("9223372036854775808", Kind::Float(9_223_372_036_854_775_808.0)),
        ("1.0", Kind::Float(1.0)),
        ("1e3", Kind::Float(1000.0)),
    ] {
        assert_eq!(log_value(&encoded(text).unwrap()).kind, Some(expected), "{text}");
    }
}

#[test]
fn metadata_has_times_that_are_times_and_a_key_of_its_own() {
    let fields = Fields::new(None, &[FieldPath::parse("secret").unwrap()]);
    let metadata_key = Some("zendesk".to_owned());
    let encoder = Encoder::new(EncoderSettings { metadata_key, fields, ..Default::default() });
    let mut event = event_with_line(r#"{"zendesk":1,"secret":2}"#);
    event.time = Some("1969-12-31T23:59:59.25Z".parse().unwrap());
    let wrapper = EventWrapper::decode(encode::encoded(&event, &encoder).unwrap()).unwrap();
    let fields = members(&wrapper);
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["zendesk", "zendesk_"]);
    let Some(Kind::Map(metadata)) = &fields["zendesk_"].kind else { panic!() };
    let time = |name: &str| metadata.fields[name].kind.clone();
    let expected = Timestamp { seconds: -1, nanos: 250_000_000 };
    assert_eq!(time("event_time"), Some(Kind::Timestamp(expected)));
    let expected = Timestamp { seconds: 1_767_323_045, nanos: 0 };
    assert_eq!(time("ingest_time"), Some(Kind::Timestamp(expected)));
    assert_eq!(as_json(&metadata.fields["id"]), "acme:tickets:1");
}

/// What Vector's decoder cannot read it answers with an error that looks like a passing one.
#[test]
fn the_deepest_event_that_is_sent_can_be_read_and_deeper_ones_are_not_sent() {
    let nested = |depth: usize| {
        let half = depth / 2;
        let (arrays, maps) = (half, depth - half);
        let open = "{\"a\":".repeat(maps) + &"[".repeat(arrays);
        format!("{open}1{}{}", "]".repeat(arrays), "}".repeat(maps))
    };
    let only_maps = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for line in [nested(encode::DEPTH_MAX), only_maps(encode::DEPTH_MAX)] {
        let request = PushEventsRequest { events: vec![encoded(&line).unwrap()] };
        Declared::decode(&request.encode_to_vec()[..]).unwrap();
    }
    for line in [nested(encode::DEPTH_MAX + 1), only_maps(1_000)] {
        let error = encoded(&line).unwrap_err();
        assert!(error.starts_with("cannot be read as JSON: it is nested more than 31"), "{error}");
    }
}

#[tokio::test]
async fn an_event_that_is_no_log_is_refused_alone_and_the_rest_delivered() {
    let place = Place::new().await;
    let mut batch = batch_of("tickets", 0..3);
    batch.events[1] = event_with_line("{\"a\":1e999}");
    let written = sink(&place.1).write(&batch).await.unwrap();
    assert_eq!(written.refused.len(), 1);
    assert_eq!(written.refused[0].index, 1);
    assert_eq!(place.read().await.len(), 2);
}

#[tokio::test]
async fn what_each_answer_means() {
    use SinkErrorKind::{Config, Retry};
    for (code, kind) in [
        (Code::Unavailable, Some(Retry)),
        (Code::DeadlineExceeded, Some(Retry)),
        (Code::Internal, Some(Retry)),
        (Code::ResourceExhausted, Some(Retry)),
        (Code::Aborted, Some(Retry)),
        (Code::Unknown, Some(Retry)),
        (Code::Cancelled, Some(Retry)),
        (Code::Unauthenticated, Some(Config)),
        (Code::PermissionDenied, Some(Config)),
        (Code::Unimplemented, Some(Config)),
        (Code::DataLoss, None),
    ] {
        let source = Source::new(move |_| Some(Status::new(code, "it\n is so")));
        let address = source.listen().await;
        match (sink(&address).write(&batch_of("tickets", 0..2)).await, kind) {
            (Ok(written), None) => {
                assert_eq!(written.refused.len(), 2);
                assert_eq!(source.requests.lock().unwrap().len(), 1);
                let reason = format!("http://{address} answered DataLoss: it is so");
                assert_eq!(written.refused[0].reason, reason);
            }
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind, kind, "{code:?}");
                assert_eq!(error.hint.is_some(), kind == Config, "{code:?}");
            }
            (written, _) => panic!("{code:?}: {written:?}"),
        }
    }
}

#[tokio::test]
async fn requests_stay_below_what_a_server_takes_and_a_larger_event_goes_alone() {
    let place = Place::new().await;
    let large = |bytes: usize, number| event_of(&"x".repeat(bytes), number);
    let mut batch = batch_of("tickets", 0..10);
    batch.events.extend((10..20).map(|number| large(1 << 20, number)));
    batch.events.push(large(5 << 20, 20));
    batch.events.extend(batch_of("tickets", 21..23).events);
    let written = sink(&place.1).write(&batch).await.unwrap();
    assert_eq!(written.refused.iter().map(|it| it.index).collect::<Vec<_>>(), [20]);
    assert!(written.refused[0].reason.contains("OutOfRange"), "{:?}", written.refused);
    assert_eq!(place.read().await.len(), 22);
    assert_eq!(*place.0.requests.lock().unwrap(), [13, 3, 3, 1, 2]);
}

#[tokio::test]
async fn a_retry_never_sends_what_was_accepted() {
    let away = Arc::new(Mutex::new(3));
    let left = Arc::clone(&away);
    let source = Source::new(move |request| {
        let is_second = as_json(&members(&request.events[0])["id"]) != 0;
        let mut left = left.lock().unwrap();
        if !is_second || *left == 0 {
            return None;
        }
        *left -= 1;
        Some(Status::unavailable("no"))
    });
    let address = source.listen().await;
    let sink = sink(&address);
    let mut batch = batch_of("tickets", 0..1);
    batch.events.extend((1..3).map(|number| event_of(&"x".repeat(3 << 20), number)));
    for _ in 0..3 {
        assert_eq!(sink.write(&batch).await.unwrap_err().kind, SinkErrorKind::Retry);
    }
    sink.write(&batch).await.unwrap();
    let place = Place(source, address);
    let ids = crate::sinks::contract::seen(&place).await;
    assert_eq!(ids.into_values().flatten().collect::<Vec<_>>().len(), 3);
}

#[tokio::test]
async fn requests_are_compressed_as_asked() {
    for compression in [Compression::GZIP, Compression::ZSTD] {
        let place = Place::new().await;
        let settings = VectorSettings { compression, ..settings(&place.1) };
        let sink = Vector::new(&settings, Encoder::default()).unwrap();
        sink.write(&batch_of("tickets", 0..100)).await.unwrap();
        assert_eq!(place.read().await.len(), 100);
    }
}

#[tokio::test]
async fn the_health_check_asks_and_the_next_endpoint_is_gone_to_when_one_is_away() {
    let place = Place::new().await;
    let serving = format!("http://{} says it serves; nothing was sent", place.1);
    assert_eq!(sink(&place.1).check().await.unwrap().tried, serving);
    let ill = Source { serving: 1, ..Source::new(|_| None) }.listen().await;
    assert_eq!(sink(&ill).check().await.unwrap_err().kind, SinkErrorKind::Retry);
    let nobody = "127.0.0.1:9".to_owned();
    let error = sink(&nobody).check().await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Retry);
    assert!(error.message.starts_with("http://127.0.0.1:9 answered Unavailable: "), "{error}");

    let endpoints = vec![nobody, ill, place.1.clone()];
    let several = VectorSettings { endpoints, ..settings("x:1") };
    let sink = Vector::new(&several, Encoder::default()).unwrap();
    sink.check().await.unwrap();
    let again = Vector::new(&several, Encoder::default()).unwrap();
    let batch = batch_of("tickets", 0..3);
    assert_eq!(again.write(&batch).await.unwrap_err().kind, SinkErrorKind::Retry);
    again.write(&batch).await.unwrap();
}

#[tokio::test]
async fn a_source_that_does_not_answer_in_time_is_asked_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let settings = VectorSettings { timeout: Duration::from_millis(50), ..settings(&address) };
    let sink = Vector::new(&settings, Encoder::default()).unwrap();
    let error = sink.write(&batch_of("tickets", 0..1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Retry, "{error}");
}

#[test]
fn addresses_and_tls_agree() {
    let place = |address: &str, enabled| {
        let tls = TlsSettings { enabled, ..Default::default() };
        client::place(address, &tls).map_err(|error| error.message)
    };
    assert_eq!(place("vector:6000", None).unwrap(), "http://vector:6000");
    assert_eq!(place("vector:6000", Some(true)).unwrap(), "https://vector:6000");
    assert_eq!(place("https://[::1]:6000/", None).unwrap(), "https://[::1]:6000");
    for (address, enabled) in [
        ("http://vector:6000", Some(true)),
        ("https://vector:6000", Some(false)),
        ("http://u:hush@vector:6000", None),
        ("http://vector:6000/path", None),
        ("ftp://vector:6000", None),
        ("http://", None),
    ] {
        let error = place(address, enabled).unwrap_err();
        assert!(!error.contains("hush"), "{error}");
    }
    let ca = TlsSettings { ca_file: Some("ca.pem".into()), ..Default::default() };
    client::place("vector:6000", &ca).unwrap_err();
}
