//! The example configs that send requests: each against a server that takes exactly what its
//! destination documents, and what stands beside them for Vector.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use zenstream::clock::Clock;
use zenstream::config::{self, Config};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::pipeline::{self, Outside};
use zenstream::random::Random;
use zenstream::sinks::{Batch, Written};

/// A request, its body unpacked.
struct Asked {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn lines(&self) -> Vec<Value> {
        assert!(self.body.ends_with('\n'), "the last line is cut");
        self.body.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
/// A server that answers as the destination would; its judge panics where a request is not what
/// the destination documents, which is a 500 here.
async fn server(
    judge: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (judge, bodies) = (Arc::new(judge), Arc::<Mutex<Vec<String>>>::default());
    let seen = Arc::clone(&bodies);
    let router = axum::Router::new().fallback(move |request: Request| {
        let (judge, seen) = (Arc::clone(&judge), Arc::clone(&seen));
        async move {
            let (parts, body) = request.into_parts();
            let packed = to_bytes(body, usize::MAX).await.expect("a body");
            let mut body = String::new();
            match parts.headers.get("content-encoding").map(http::HeaderValue::as_bytes) {
                Some(b"gzip") => flate2::read::GzDecoder::new(&packed[..])
                    .read_to_string(&mut body)
                    .map(drop)
                    .expect("gzip"),
                None => body = String::from_utf8(packed.to_vec()).expect("text"),
                Some(other) => panic!("{other:?}"),
            }
            let asked = Asked { path: parts.uri.to_string(), headers: parts.headers, body };
            seen.lock().expect("a lock").push(asked.body.clone());
            let (status, answer) = judge(&asked);
            Response::builder()
                .status(StatusCode::from_u16(status).expect("a status"))
                .body(Body::from(answer.to_string()))
                .expect("an answer")
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
    (address, bodies)
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples").join(name)
}

fn loaded(name: &str, variables: &[(&str, &str)]) -> Config {
    let usual = [
        ("HOME", "/home/u"),
        ("ZENDESK_SUBDOMAIN", "acme"),
        ("ZENDESK_CLIENT_ID", "id"),
        ("ZENDESK_CLIENT_SECRET", "secret"),
    ];
    let all = usual.iter().chain(variables);
    let environment: HashMap<String, String> =
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    config::load(&[example(name)], &environment).expect("the example loads")
}

const LINES: [&str; 2] =
    [r#"{"id":11,"action":"login","text":"\u00e9\n\"}{"}"#, r#"{"id":10000000000000000012}"#];

fn batch() -> Batch {
    let origin = Arc::new(Origin {
        source: "acme".into(),
        stream: "audit_logs".into(),
        subdomain: "acme".into(),
        partition: "tail".into(),
        ingest_time: "2026-01-02T03:04:05Z".parse().expect("a time"),
        through: None,
    });
    let events = LINES.iter().zip(["11", "12"]).map(|(line, id)| Event {
        line: Bytes::from_static(line.as_bytes()),
        id: RecordId { record: Bytes::from_static(id.as_bytes()), version: None },
        time: Some("2026-01-01T00:00:00.5Z".parse().expect("a time")),
        origin: Arc::clone(&origin),
        members: None,
    });
    Batch { events: events.collect(), ..Batch::default() }
}

/// What the example's sink of this name does with two audit events.
async fn delivered(config: &Config, sink: &str) -> Written {
    let outside = Outside {
        clock: Clock::system(),
        started: Clock::system().now(),
        random: Arc::new(Random::from_seed(1)),
        transport: None,
        follow: false,
    };
    let of_name = config.sinks.iter().find(|it| it.name == sink).expect("a sink of that name");
    let connector = pipeline::Connector::apart(config, &outside);
    let sink = connector.sink(of_name).expect("a sink");
    sink.check().await.expect("a destination that is well");
    let batch = batch();
    assert!(sink.prepare(&batch).await.expect("prepared").is_none());
    sink.write(&batch).await.expect("delivered")
}

#[tokio::test]
async fn vector_push_is_what_an_http_server_source_takes() {
    let (address, bodies) = server(|asked| {
        assert_eq!(asked.path, "/zendesk");
        let basic = format!("Basic {}", STANDARD.encode("zenstream:pass"));
        assert_eq!(asked.header("authorization"), basic);
        assert!(asked.lines().iter().all(Value::is_object));
        (200, Value::Null)
    })
    .await;
    let variables = [("VECTOR_URL", address.as_str()), ("VECTOR_PASSWORD", "pass")];
    let written = delivered(&loaded("vector-push.yaml", &variables), "vector").await;
    assert_eq!(written, Written::default());
    let bodies = bodies.lock().expect("a lock");
    let first = bodies[0].lines().next().expect("a line");
    assert!(first.starts_with(LINES[0].trim_end_matches('}')), "{first}");
    let first: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first["zendesk"]["stream"], "audit_logs");
}

#[tokio::test]
async fn splunk_gets_objects_with_an_event_and_its_time() {
    let (address, _) = server(|asked| {
        assert_eq!(asked.path, "/services/collector/event");
        assert_eq!(asked.header("authorization"), "Splunk token-1");
        let stacked = serde_json::Deserializer::from_str(&asked.body).into_iter::<Value>();
        let events: Vec<Value> = stacked.map(|event| event.expect("JSON")).collect();
        assert_eq!(events.len(), LINES.len());
        for (event, line) in events.iter().zip(LINES) {
            let record: Value = serde_json::from_str(line).expect("JSON");
            let expected = json!({
                "time": 1_767_225_600.5,
                "host": "acme",
                "source": "zenstream",
                "sourcetype": "zendesk:audit_logs",
                "event": record,
            });
            assert_eq!(*event, expected);
        }
        (200, json!({ "text": "Success", "code": 0 }))
    })
    .await;
    let variables = [("SPLUNK_URL", address.as_str()), ("SPLUNK_HEC_TOKEN", "token-1")];
    let written = delivered(&loaded("splunk-hec.yaml", &variables), "splunk").await;
    assert_eq!(written, Written::default());
}

#[tokio::test]
async fn elasticsearch_gets_an_action_and_a_document_and_each_result_counts() {
    let (address, _) = server(|asked| {
        assert_eq!(asked.path, "/_bulk");
        assert_eq!(asked.header("authorization"), "ApiKey key-1");
        assert_eq!(asked.header("content-type"), "application/x-ndjson");
        let lines = asked.lines();
        let actions: Vec<&Value> = lines.iter().step_by(2).collect();
        let of = |id: &str| json!({ "create": { "_index": "zendesk-audit_logs", "_id": id } });
        assert_eq!(actions, [&of("acme:audit_logs:11"), &of("acme:audit_logs:12")]);
        let documents: Vec<&str> = asked.body.lines().skip(1).step_by(2).collect();
        assert_eq!(documents, LINES);
        let conflict = json!({ "type": "version_conflict_engine_exception", "reason": "exists" });
        let broken = json!({ "type": "mapper_parsing_exception", "reason": "no number" });
        let items = json!([
            { "create": { "_id": "acme:audit_logs:11", "status": 409, "error": conflict } },
            { "create": { "_id": "acme:audit_logs:12", "status": 400, "error": broken } },
        ]);
        (200, json!({ "took": 3, "errors": true, "items": items }))
    })
    .await;
    let variables = [("ELASTICSEARCH_URL", address.as_str()), ("ELASTICSEARCH_API_KEY", "key-1")];
    let written = delivered(&loaded("elasticsearch-bulk.yaml", &variables), "elasticsearch").await;
    assert_eq!(written.refused.len(), 1);
    assert_eq!(written.refused[0].index, 1);
    assert_eq!(written.refused[0].reason, "status 400: mapper_parsing_exception: no number");
}

#[tokio::test]
async fn google_secops_gets_raw_logs_in_base64_below_a_forwarder() {
    const PARENT: &str = "projects/p/locations/us/instances/i";
    let (address, _) = server(|asked| {
        let method = format!("/v1alpha/{PARENT}/logTypes/ZENDESK_CRM/logs:import");
        assert_eq!(asked.path, method);
        assert_eq!(asked.header("authorization"), "Bearer token-1");
        assert_eq!(asked.header("content-type"), "application/json");
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        let logs = LINES.map(|line| {
            json!({
                "data": STANDARD.encode(line),
                "log_entry_time": "2026-01-01T00:00:00.5Z",
                "collection_time": "2026-01-02T03:04:05Z",
            })
        });
        let forwarder = format!("{PARENT}/forwarders/f");
        assert_eq!(body, json!({ "inline_source": { "forwarder": forwarder, "logs": logs } }));
        (200, json!({}))
    })
    .await;
    let variables = [
        ("SECOPS_URL", address.as_str()),
        ("SECOPS_PARENT", PARENT),
        ("SECOPS_FORWARDER", "f"),
        ("SECOPS_TOKEN", "token-1"),
    ];
    let written = delivered(&loaded("google-secops-http.yaml", &variables), "secops").await;
    assert_eq!(written, Written::default());
}

#[tokio::test]
async fn the_collector_of_the_fan_out_gets_an_array_at_its_streams_address() {
    let (address, _) = server(|asked| {
        assert_eq!(asked.path, "/in/audit_logs");
        assert_eq!(asked.header("authorization"), "Bearer token-1");
        assert_eq!(asked.header("x-zendesk-account"), "acme");
        assert_eq!(asked.body, format!("[{}]", LINES.join(",")));
        (204, Value::Null)
    })
    .await;
    let variables = [("COLLECTOR_URL", address.as_str()), ("COLLECTOR_TOKEN", "token-1")];
    let config = loaded("fan-out.yaml", &variables);
    assert_eq!(delivered(&config, "collector").await, Written::default());
    let inputs = |name: &str| {
        config.sinks.iter().find(|sink| sink.name == name).expect("a sink").inputs.join(" ")
    };
    assert_eq!(inputs("archive"), "acme.audit_logs acme.tickets");
    assert_eq!(inputs("out"), "acme.audit_logs");
    assert_eq!(inputs("rejected"), "acme.rejected archive.rejected collector.rejected");
}

fn of_vector(name: &str) -> Value {
    let text = std::fs::read_to_string(example(name)).expect("an example");
    serde_saphyr::from_str(&text).expect("YAML")
}

#[test]
fn what_stands_beside_the_examples_for_vector_agrees_with_them() {
    let push = of_vector("vector-push.vector.yaml");
    let source = &push["sources"]["zendesk"];
    assert_eq!(source["type"], "http_server");
    assert_eq!((&source["path"], &source["method"]), (&json!("/zendesk"), &json!("POST")));
    assert_eq!(source["decoding"]["codec"], "json");
    assert_eq!(source["framing"]["method"], "newline_delimited");
    assert_eq!(source["auth"]["username"], "zenstream");

    let exec = of_vector("vector-exec.vector.yaml");
    let source = &exec["sources"]["zendesk"];
    assert_eq!((&source["type"], &source["mode"]), (&json!("exec"), &json!("streaming")));
    assert_eq!(source["include_stderr"], false);
    assert_eq!(source["decoding"]["codec"], "json");
    let command: Vec<&str> =
        source["command"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let ["zenstream", "run", "--config", path] = command[..] else { panic!("{command:?}") };
    let ours = Path::new(path).file_name().and_then(|name| name.to_str()).expect("a name");
    let config = loaded(ours, &[]);
    let out = &config.sinks[0];
    assert!(matches!(
        out.kind,
        config::SinkKind::Console { target: zenstream::sinks::Target::Stdout }
    ));
}

#[test]
fn each_example_with_tests_passes_them() {
    let key = ("REDACT_KEY".to_owned(), "0123456789abcdef".to_owned());
    let environment: HashMap<String, String> = HashMap::from([key]);
    for (name, count) in [
        ("transforms.yaml", 5),
        ("schema-ecs.yaml", 3),
        ("schema-ocsf.yaml", 3),
        ("schema-udm.yaml", 2),
        ("schema-splunk-cim.yaml", 2),
    ] {
        let trials = config::load_trials(&[example(name)], &environment);
        let config::Trials { steps, trials, warnings } =
            trials.unwrap_or_else(|error| panic!("{name} is read without an account: {error}"));
        assert_eq!(warnings, [], "{name}");
        assert_eq!(trials.len(), count, "{name}");
        for trial in trials {
            assert_eq!(trial.run(&steps), [""; 0], "{name}: {}", trial.name);
        }
    }
}

#[tokio::test]
async fn google_secops_gets_udm_events_for_its_customer() {
    let (address, _) = server(|asked| {
        assert_eq!(asked.path, "/v2/udmevents:batchCreate");
        assert_eq!(asked.header("authorization"), "Bearer token-1");
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        let events: Vec<Value> = LINES.map(|line| serde_json::from_str(line).expect("JSON")).into();
        assert_eq!(body, json!({ "customerId": "c-1", "events": events }));
        (200, json!({}))
    })
    .await;
    let variables =
        [("SECOPS_URL", address.as_str()), ("SECOPS_CUSTOMER", "c-1"), ("SECOPS_TOKEN", "token-1")];
    let written = delivered(&loaded("schema-udm.yaml", &variables), "secops").await;
    assert_eq!(written, Written::default());
}

#[test]
fn the_configs_for_a_schedule_have_no_end_in_pages_where_the_variable_is_empty() {
    let account = ("ZENDESK_BASE_URL", "https://acme.zendesk.com");
    let signed_in = [("ZENDESK_EMAIL", "a@example.com"), ("ZENDESK_API_TOKEN", "token")];
    let places = [("S3_BUCKET", "b"), ("GCS_BUCKET", "b")];
    for name in ["google-secops-s3.yaml", "google-secops-gcs.yaml"] {
        let variables: Vec<_> = [account].into_iter().chain(signed_in).chain(places).collect();
        let pages = |more: &[(&str, &str)]| loaded(name, &[&variables, more].concat()).max_pages;
        assert_eq!(pages(&[("MAX_PAGES", "")]), None, "{name}");
        assert_eq!(pages(&[]), std::num::NonZeroU64::new(20), "{name}");
        assert_eq!(pages(&[("MAX_PAGES", "7")]), std::num::NonZeroU64::new(7), "{name}");
    }
}
