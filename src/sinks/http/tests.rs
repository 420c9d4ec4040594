//! The HTTP sink against a real server on this machine.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::sinks::contract::{Destination, batch_of, event_of, lines_of, sink_contract};
use crate::sinks::{EncoderSettings, Framing, Pattern, Refused};

/// A request as the endpoint saw it, its body unpacked.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    uri: String,
    headers: http::HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Answer = http::Response<Body>;
type Judge = dyn Fn(&Seen) -> Option<Answer> + Send + Sync;

/// An endpoint that takes everything, but what its judge says.
struct Endpoint {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// The bodies that it said 200 to.
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Endpoint {
    async fn new() -> Self {
        Self::judging(|_| None).await
    }

    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    async fn judging(judge: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (seen, taken) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<Mutex<Vec<u8>>>::default());
        let judge: Arc<Judge> = Arc::new(judge);
        let (all, of_taken) = (Arc::clone(&seen), Arc::clone(&taken));
        let router = axum::Router::new().fallback(move |request: Request| {
            let (judge, all, taken) = (Arc::clone(&judge), Arc::clone(&all), Arc::clone(&of_taken));
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let body = unpacked(&parts.headers, &body);
                let seen = Seen {
                    method: parts.method.to_string(),
                    uri: parts.uri.to_string(),
                    headers: parts.headers,
                    body: String::from_utf8(body).unwrap(),
                };
                all.lock().unwrap().push(seen.clone());
                judge(&seen).unwrap_or_else(|| {
                    taken.lock().unwrap().extend_from_slice(seen.body.as_bytes());
                    answer(200, "")
                })
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen, taken }
    }

    /// Gives these statuses in turn, and then 200.
    async fn saying(statuses: &[u16]) -> Self {
        let statuses = Mutex::new(VecDeque::from(statuses.to_vec()));
        Self::judging(move |_| statuses.lock().unwrap().pop_front().map(|it| answer(it, ""))).await
    }

    fn settings(&self, path: &str) -> HttpSettings {
        HttpSettings {
            uri: format!("{}{path}", self.address),
            method: Method::POST,
            auth: None,
            headers: Vec::new(),
            compression: Compression::None,
            payload_prefix: String::new(),
            payload_suffix: String::new(),
            tls: TlsSettings::default(),
            rate_limit: None,
            timeout: Duration::from_secs(5),
            healthcheck_uri: None,
            retry_strategy: RetryStrategy::Default,
            response_format: ResponseFormat::Status,
        }
    }

    fn sink(&self) -> Http {
        sink(self.settings("/in"))
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn bodies(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.body).collect()
    }
}

fn sink(settings: HttpSettings) -> Http {
    Http::new(settings, Encoder::default(), &ProxySettings::default()).unwrap()
}

fn answer(status: u16, body: impl Into<Body>) -> Answer {
    http::Response::builder().status(status).body(body.into()).unwrap()
}

fn unpacked(headers: &http::HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let unpacked = match headers.get("content-encoding").map(|value| value.to_str().unwrap()) {
        Some("gzip") => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
        Some("deflate") => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out),
        Some("zstd") => zstd::Decoder::new(body).unwrap().read_to_end(&mut out),
        Some(other) => panic!("{other}"),
        None => (&mut &*body).read_to_end(&mut out),
    };
    unpacked.unwrap();
    out
}

#[async_trait]
impl Destination for Endpoint {
    async fn open(&self) -> Box<dyn Sink> {
        Box::new(self.sink())
    }

    async fn read(&self) -> Vec<String> {
        lines_of(&self.taken.lock().unwrap())
    }
}

sink_contract!(http_sink, Endpoint::new().await, at_least_once);

fn places(refused: &[Refused]) -> Vec<usize> {
    refused.iter().map(|refused| refused.index).collect()
}

fn ids(bodies: &[String]) -> Vec<u64> {
    let lines = bodies.iter().flat_map(|body| body.lines());
    lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_event_that_is_refused_with_400_is_refused_alone_and_the_rest_delivered() {
    let is_bad = |seen: &Seen| seen.body.contains("\"id\":13}") || seen.body.contains("\"id\":60}");
    let judge = move |seen: &Seen| is_bad(seen).then(|| answer(400, "no such\n  thing"));
    let endpoint = Endpoint::judging(judge).await;
    let start = tokio::time::Instant::now();
    let written = endpoint.sink().write(&batch_of("tickets", 0..100)).await.unwrap();
    assert_eq!(places(&written.refused), [13, 60]);
    let refused = endpoint.seen().iter().filter(|seen| is_bad(seen)).count();
    // Each of these is followed by a pause, the last one perhaps by nothing.
    let least = Duration::from_millis(100) * u32::try_from(refused - 1).unwrap();
    assert!(refused > 10 && start.elapsed() >= least, "{refused} in {:?}", start.elapsed());
    let reason = format!("{} answered 400 Bad Request: no such thing", endpoint.address);
    assert_eq!(written.refused[0].reason, reason);
    let expected: Vec<u64> = (0..100).filter(|id| ![13, 60].contains(id)).collect();
    assert_eq!(ids(&endpoint.read().await), expected);
    // One for all, and at most two for each halving on the way to each of them.
    assert!(endpoint.seen().len() <= 1 + 2 * 7 * 2, "{}", endpoint.seen().len());
}

#[tokio::test]
async fn a_request_that_is_too_long_is_sent_in_parts_and_an_event_that_is_goes_nowhere() {
    let endpoint = Endpoint::judging(|seen| (seen.body.len() > 100).then(|| answer(413, ""))).await;
    let mut batch = batch_of("tickets", 0..10);
    batch.events.push(event_of(&"x".repeat(100), 99));
    let written = endpoint.sink().write(&batch).await.unwrap();
    assert_eq!(places(&written.refused), [10]);
    assert_eq!(ids(&endpoint.read().await), (0..10).collect::<Vec<u64>>());
}

#[tokio::test]
async fn other_refusals_are_not_looked_for_event_by_event() {
    for status in [301, 401, 403, 404, 405, 409, 501] {
        let endpoint = Endpoint::saying(&[status]).await;
        let written = endpoint.sink().write(&batch_of("tickets", 0..3)).await.unwrap();
        assert_eq!(places(&written.refused), [0, 1, 2], "{status}");
        assert_eq!(endpoint.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_busy_is_asked_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let endpoint = Endpoint::saying(&[status]).await;
        let sink = endpoint.sink();
        let batch = batch_of("tickets", 0..3);
        let error = sink.write(&batch).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Retry, "{status}");
        assert_eq!(sink.write(&batch).await.unwrap(), Written::default());
    }
}

#[tokio::test]
async fn the_retry_strategy_says_what_is_asked_again() {
    use RetryStrategy::{All, Custom, None};
    let custom = Custom { status_codes: vec![401] };
    for (strategy, status, again) in
        [(None, 503, false), (All, 404, true), (custom.clone(), 401, true), (custom, 503, false)]
    {
        let endpoint = Endpoint::saying(&[status]).await;
        let settings = HttpSettings { retry_strategy: strategy.clone(), ..endpoint.settings("/") };
        let written = sink(settings).write(&batch_of("tickets", 0..1)).await;
        assert_eq!(written.is_err(), again, "{strategy:?} {status}");
    }
}

#[tokio::test]
async fn the_wait_that_is_asked_for_is_told() {
    let endpoint = Endpoint::judging(|_| {
        Some(
            http::Response::builder()
                .status(429)
                .header("retry-after", "30")
                .body(Body::empty())
                .unwrap(),
        )
    })
    .await;
    let error = endpoint.sink().write(&batch_of("tickets", 0..1)).await.unwrap_err();
    let expected = "answered 429 Too Many Requests, with `Retry-After: 30`";
    assert!(error.message.ends_with(expected), "{error}");
}

#[tokio::test]
async fn a_retry_never_sends_what_was_accepted() {
    let away = Arc::new(Mutex::new(true));
    let is_away = Arc::clone(&away);
    let endpoint = Endpoint::judging(move |seen| {
        let users = seen.uri == "/users" && *is_away.lock().unwrap();
        let bad = seen.uri == "/tickets" && seen.body.contains("\"id\":1}");
        (users || bad).then(|| answer(if users { 503 } else { 400 }, ""))
    })
    .await;
    let sink = sink(endpoint.settings("/{{ stream }}"));
    let mut batch = batch_of("tickets", 0..4);
    batch.events.extend(batch_of("users", 0..2).events);
    sink.write(&batch).await.unwrap_err();
    sink.prepare(&batch).await.unwrap();
    sink.write(&batch).await.unwrap_err();
    *away.lock().unwrap() = false;
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(places(&written.refused), [1]);
    assert_eq!(ids(&endpoint.read().await), [0, 2, 3, 0, 1]);
    // The same events later are another write, and are sent.
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(places(&written.refused), [1]);
}

#[tokio::test]
async fn the_idempotency_key_is_the_same_on_a_retry_and_another_for_other_events() {
    let endpoint = Endpoint::saying(&[503, 500]).await;
    let batch = batch_of("tickets", 0..3);
    let sink = endpoint.sink();
    for _ in 0..3 {
        drop(sink.write(&batch).await);
    }
    // After a restart too.
    endpoint.sink().write(&batch).await.unwrap();
    endpoint.sink().write(&batch_of("tickets", 0..4)).await.unwrap();
    endpoint.sink().write(&batch_of("users", 0..3)).await.unwrap();
    let keys: Vec<String> =
        endpoint.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys[0].len(), 64);
    assert!(keys[..4].iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(keys[4] != keys[0] && keys[5] != keys[0] && keys[4] != keys[5], "{keys:?}");
}

#[tokio::test]
async fn the_users_own_headers_win() {
    let endpoint = Endpoint::new().await;
    let settings = HttpSettings {
        headers: vec![
            ("idempotency-key".to_owned(), "mine".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Stream".to_owned(), "zendesk-{{ stream }}".to_owned()),
        ],
        ..endpoint.settings("/")
    };
    sink(settings).write(&batch_of("tickets", 0..1)).await.unwrap();
    let seen = endpoint.seen();
    assert_eq!(seen[0].header("idempotency-key"), "mine");
    assert_eq!(seen[0].header("content-type"), "application/json");
    assert_eq!(seen[0].header("x-stream"), "zendesk-tickets");
    assert!(seen[0].header("user-agent").starts_with("zenstream/"));
}

#[tokio::test]
async fn each_address_and_each_set_of_headers_gets_its_own_request() {
    let endpoint = Endpoint::new().await;
    let settings = HttpSettings {
        headers: vec![("x-day".to_owned(), "%F".to_owned())],
        ..endpoint.settings("/in/{{ stream }}?day=1")
    };
    let mut batch = batch_of("tickets", 0..2);
    batch.events.extend(batch_of("users", 0..1).events);
    batch.events.extend(batch_of("tickets", 2..4).events);
    batch.events[4].time = Some("2025-05-05T00:00:00Z".parse().unwrap());
    sink(settings).write(&batch).await.unwrap();
    let seen = endpoint.seen();
    let told = |seen: &Seen| {
        (seen.uri.clone(), seen.header("x-day").to_owned(), ids(std::slice::from_ref(&seen.body)))
    };
    let expected = [
        ("/in/tickets?day=1", "2026-01-02", vec![0, 1, 2]),
        ("/in/users?day=1", "2026-01-02", vec![0]),
        ("/in/tickets?day=1", "2025-05-05", vec![3]),
    ];
    let expected = expected.map(|(uri, day, ids)| (uri.to_owned(), day.to_owned(), ids));
    assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn bodies_are_compressed_and_say_how() {
    for (compression, name) in [
        (Compression::None, ""),
        (Compression::GZIP, "gzip"),
        (Compression::ZLIB, "deflate"),
        (Compression::ZSTD, "zstd"),
    ] {
        let endpoint = Endpoint::new().await;
        let settings = HttpSettings { compression, method: Method::PUT, ..endpoint.settings("/") };
        sink(settings).write(&batch_of("tickets", 0..20)).await.unwrap();
        let seen = endpoint.seen();
        assert_eq!((seen[0].method.as_str(), seen[0].header("content-encoding")), ("PUT", name));
        assert_eq!(seen[0].header("content-type"), "application/x-ndjson");
        assert_eq!(ids(&endpoint.bodies()), (0..20).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn an_array_stands_between_prefix_and_suffix() {
    let endpoint = Endpoint::new().await;
    let settings = HttpSettings {
        payload_prefix: "{\"events\":".to_owned(),
        payload_suffix: "}".to_owned(),
        ..endpoint.settings("/")
    };
    let framing = Framing::CharacterDelimited(b',');
    let encoder = Encoder::new(EncoderSettings { framing, ..Default::default() });
    let sink = Http::new(settings, encoder, &ProxySettings::default()).unwrap();
    sink.write(&batch_of("tickets", 0..2)).await.unwrap();
    let body: Value = serde_json::from_str(&endpoint.bodies()[0]).unwrap();
    let events = [json!({ "stream": "tickets", "id": 0 }), json!({ "stream": "tickets", "id": 1 })];
    assert_eq!(body, json!({ "events": events }));
    assert_eq!(endpoint.seen()[0].header("content-type"), "application/json");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_goal_told() {
    let endpoint = Endpoint::judging(|_| {
        let goal = "https://elsewhere.example/login?token=abc";
        Some(
            http::Response::builder()
                .status(302)
                .header("location", goal)
                .body(Body::empty())
                .unwrap(),
        )
    })
    .await;
    let written = endpoint.sink().write(&batch_of("tickets", 0..1)).await.unwrap();
    let reason = &written.refused[0].reason;
    assert!(
        reason.ends_with("302 Found, which leads to `https://elsewhere.example/login`"),
        "{reason}"
    );
    assert_eq!(endpoint.seen().len(), 1);
}

/// Every place where the config may hold a secret, each a word that begins with `hush`.
fn secretive(endpoint: &Endpoint) -> Vec<HttpSettings> {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let host = endpoint.address.trim_start_matches("http://");
    let with = |uri: &str, auth, headers: &[(&str, &str)]| HttpSettings {
        auth,
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        ..endpoint.settings(uri)
    };
    let basic = HttpAuth::Basic { user: "u".to_owned(), password: secret("hush/basic+1") };
    vec![
        with("/", Some(basic), &[]),
        with("/", Some(HttpAuth::Bearer { token: secret("hush-bearer") }), &[]),
        with("/", Some(HttpAuth::Custom { value: secret("Splunk hush-custom") }), &[]),
        with("/", None, &[("Authorization", "Splunk hush-header"), ("X-Key", "hush-key")]),
        with("/services/hush-0123456789abcdef?token=hush-query", None, &[]),
        HttpSettings { uri: format!("http://u:hush-%%26user@{host}/"), ..with("/", None, &[]) },
    ]
}

#[tokio::test]
async fn secrets_are_in_no_message_even_where_the_endpoint_sends_them_back() {
    for status in [400, 401, 503] {
        let endpoint = Endpoint::judging(move |seen| {
            let basic = seen.header("authorization").strip_prefix("Basic ").unwrap_or_default();
            let plain = STANDARD.decode(basic).unwrap();
            let body =
                format!("{seen:?} {}", String::from_utf8(plain).unwrap().replace('/', "\\/"));
            let answer = http::Response::builder().status(status).header("retry-after", &seen.uri);
            Some(answer.header("location", &seen.uri).body(Body::from(body)).unwrap())
        })
        .await;
        for settings in secretive(&endpoint) {
            let debug = format!("{settings:?}");
            let sink = sink(settings);
            let told = match sink.write(&batch_of("tickets", 0..1)).await {
                Ok(written) => written.refused[0].reason.clone(),
                Err(error) => format!("{error:?}"),
            };
            for text in [told, debug, format!("{sink:?}")] {
                assert!(!text.contains("hush") && !text.contains("dTpodXNo"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn secrets_are_in_no_message_of_what_cannot_be_set_up_or_reached() {
    let nowhere = Endpoint { address: "http://127.0.0.1:9".to_owned(), ..Endpoint::new().await };
    for settings in secretive(&nowhere) {
        let error = sink(settings).write(&batch_of("tickets", 0..1)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Retry);
        assert!(error.message.starts_with("cannot reach http://127.0.0.1:9: "), "{error}");
        assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("`uri`")));
        assert!(!format!("{error:?}").contains("hush"));
    }
    for (uri, header) in [
        ("https://{{ stream }}/hush", "x"),
        ("ftp://u:hush@host/", "x"),
        ("hush", "x"),
        ("https://host/", "hush {{ stream"),
        ("https://host/", "hush\n"),
        ("https://host/", "hush%!"),
    ] {
        let headers = vec![("x-key".to_owned(), header.to_owned())];
        let settings = HttpSettings { uri: uri.to_owned(), headers, ..nowhere.settings("/") };
        let error = settings.validate().unwrap_err();
        let is_time = header.ends_with("%!");
        assert!(is_time || !format!("{error:?}").contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn what_says_twice_how_to_sign_in_is_refused() {
    let endpoint = Endpoint::new().await;
    let auth = Some(HttpAuth::Bearer { token: "t".to_owned().into() });
    let header = vec![("authorization".to_owned(), "x".to_owned())];
    let settings = HttpSettings { auth: auth.clone(), headers: header, ..endpoint.settings("/") };
    assert!(settings.validate().unwrap_err().message.contains("`Authorization`"));
    let uri = "http://u:p@host/".to_owned();
    let settings = HttpSettings { uri, auth, ..endpoint.settings("/") };
    assert!(settings.validate().unwrap_err().message.contains("the user in `uri`"));
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_asked_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new().await;
    let settings = HttpSettings {
        uri: format!("http://{}/", listener.local_addr().unwrap()),
        timeout: Duration::from_millis(50),
        ..endpoint.settings("/")
    };
    let error = sink(settings).write(&batch_of("tickets", 0..1)).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Retry);
    assert!(error.message.ends_with("did not answer within 0.05 s"), "{error}");
    assert!(error.hint.is_some_and(|hint| hint.contains("`request.timeout_secs`")));
}

#[tokio::test]
async fn the_health_check_asks_where_it_is_told_to_and_signs_in() {
    for (status, kind) in [
        (200, None),
        (204, None),
        (503, Some(SinkErrorKind::Retry)),
        (403, Some(SinkErrorKind::Config)),
        (302, Some(SinkErrorKind::Config)),
    ] {
        let endpoint = Endpoint::saying(&[status]).await;
        let settings = HttpSettings {
            healthcheck_uri: Some(format!("{}/health", endpoint.address)),
            auth: Some(HttpAuth::Bearer { token: "t".to_owned().into() }),
            ..endpoint.settings("/")
        };
        let checked = sink(settings).check().await;
        if let Ok(checked) = &checked {
            let said = format!("{} answered {status} ", endpoint.address);
            assert!(checked.tried.starts_with(&said), "{checked:?}");
            assert!(checked.tried.ends_with("; nothing was sent"), "{checked:?}");
        }
        assert_eq!(checked.err().map(|error| error.kind), kind, "{status}");
        let seen = endpoint.seen();
        assert_eq!((seen[0].method.as_str(), seen[0].uri.as_str()), ("HEAD", "/health"));
        assert_eq!(seen[0].header("authorization"), "Bearer t");
    }
    let endpoint = Endpoint::new().await;
    let untried = endpoint.sink().check().await.unwrap();
    assert_eq!(untried.tried, "nothing was tried: there is no `healthcheck.uri`");
    assert!(untried.hint.is_some_and(|hint| hint.contains("`healthcheck.uri`")));
    assert!(endpoint.seen().is_empty());
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_is_set() {
    let endpoint = Endpoint::new().await;
    let proxy =
        ProxySettings { http: Some(endpoint.address.parse().unwrap()), ..Default::default() };
    let uri = "http://collector.invalid/in".to_owned();
    let settings = HttpSettings { uri, ..endpoint.settings("/") };
    let sink = Http::new(settings, Encoder::default(), &proxy).unwrap();
    sink.write(&batch_of("tickets", 0..1)).await.unwrap();
    assert_eq!(endpoint.seen()[0].uri, "http://collector.invalid/in");
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let dir = tempfile::TempDir::new().unwrap();
    let (missing, empty) = (dir.path().join("missing.pem"), dir.path().join("empty.pem"));
    std::fs::write(&empty, "no certificate").unwrap();
    for (path, word) in [(missing, "cannot read "), (empty, "no certificate in ")] {
        let tls = TlsSettings { ca_file: Some(path.clone()), ..Default::default() };
        let error =
            client::new(&ProxySettings::default(), &tls, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Config);
        let expected = format!("{word}{}", path.display());
        assert!(error.message.contains(&expected), "{error}");
    }
}

/// As Elasticsearch: an action and a document a line; what is there already is a conflict.
async fn bulk_endpoint(status_of: impl Fn(u64) -> u16 + Send + Sync + 'static) -> Endpoint {
    let there = Mutex::new(std::collections::BTreeSet::new());
    Endpoint::judging(move |seen| {
        let lines: Vec<Value> =
            seen.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let items = lines.chunks(2).map(|pair| {
            let id = pair[0]["create"]["_id"].as_str().unwrap().to_owned();
            let status = match status_of(pair[1]["id"].as_u64().unwrap()) {
                201 if !there.lock().unwrap().insert(id) => 409,
                status => status,
            };
            let error = json!({ "type": "mapper_parsing_exception", "reason": "no" });
            let error = if status < 300 { Value::Null } else { error };
            json!({ "create": { "status": status, "error": error } })
        });
        let items: Vec<Value> = items.collect();
        Some(answer(200, json!({ "took": 1, "errors": true, "items": items }).to_string()))
    })
    .await
}

fn bulk_sink(endpoint: &Endpoint) -> Http {
    let template = "{\"create\":{\"_index\":\"{{ stream }}\",\"_id\":\"{{ id }}\"}}\n{{ event }}";
    let template = Some(Pattern::parse(template).unwrap());
    let encoder = Encoder::new(EncoderSettings { template, ..Default::default() });
    let settings = HttpSettings {
        response_format: ResponseFormat::ElasticsearchBulk,
        ..endpoint.settings("/_bulk")
    };
    Http::new(settings, encoder, &ProxySettings::default()).unwrap()
}

#[tokio::test]
async fn of_a_bulk_answer_each_item_counts() {
    let busy = Arc::new(Mutex::new(true));
    let is_busy = Arc::clone(&busy);
    let endpoint = bulk_endpoint(move |id| match id {
        1 => 400,
        2 | 4 if *is_busy.lock().unwrap() => 429,
        _ => 201,
    })
    .await;
    let sink = bulk_sink(&endpoint);
    let batch = batch_of("tickets", 0..5);
    let error = sink.write(&batch).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Retry);
    assert!(error.message.contains("status 429: mapper_parsing_exception: no"), "{error}");
    *busy.lock().unwrap() = false;
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(places(&written.refused), [1]);
    let bodies = endpoint.bodies();
    let documents = |body: &String| body.lines().skip(1).step_by(2).map(str::to_owned).collect();
    let sent: Vec<Vec<String>> = bodies.iter().map(documents).collect();
    assert_eq!(ids(&sent[0]), [0, 1, 2, 3, 4]);
    assert_eq!(ids(&sent[1]), [2, 4]);
    assert!(bodies[1].starts_with(
        "{\"create\":{\"_index\":\"tickets\",\"_id\":\"acme:tickets:2\"}}\n{\"stream\""
    ));
    // After a crash, all of them are there already, which is as good as taken.
    let written = bulk_sink(&endpoint).write(&batch).await.unwrap();
    assert_eq!(places(&written.refused), [1]);
}

#[tokio::test]
async fn an_answer_that_is_none_to_a_bulk_request_stops_the_run() {
    for body in ["<html>", "{}", "{\"items\":[]}", "{\"items\":[{\"create\":{\"status\":7}}]}"] {
        let endpoint = Endpoint::judging(move |_| Some(answer(200, body))).await;
        let error = bulk_sink(&endpoint).write(&batch_of("tickets", 0..1)).await.unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Config, "{body}");
    }
}
