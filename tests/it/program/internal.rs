//! `internal_logs` and `internal_metrics`: what the program tells about itself, as events.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use super::CONFIG;
use crate::binary::{Account, Home, pause};

/// The same, and what the program tells about itself into one file each under `own/`.
fn config(options: &str) -> String {
    let own = "  log: { type: internal_logs }
  numbers: { type: internal_metrics, scrape_interval_secs: 0.1 }
sinks:
  own:
    type: file
    inputs: [log, numbers]
    path: \"own/{{ stream }}.ndjson\"
";
    CONFIG.replace("sinks:\n", &format!("{own}{options}"))
}

fn events(home: &Home, stream: &str) -> Vec<Value> {
    let lines = home.lines(&format!("own/{stream}.ndjson"));
    lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// How much of the account reached the sink that takes it, as the metrics told it last.
fn delivered(home: &Home) -> Option<f64> {
    let events = events(home, "internal_metrics");
    let mut of_sink = events.iter().rev().filter(|event| {
        event["name"] == "component_sent_events_total" && event["tags"]["component_id"] == "files"
    });
    of_sink.next().and_then(|event| event["counter"]["value"].as_f64())
}

#[test]
fn the_log_and_the_metrics_are_events_like_others() {
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", &config(""));
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    running.wait_until("the last count", |_| delivered(&home) == Some(280.0));
    running.wait_until("a line of the log", |_| !events(&home, "internal_logs").is_empty());
    running.signal("TERM");
    let ended = running.end().well();
    let started = &events(&home, "internal_logs")[0];
    assert_eq!(
        (&started["message"], &started["metadata"]["level"]),
        (&"started".into(), &"INFO".into())
    );
    assert_eq!(
        (&started["source_type"], &started["streams"]),
        (&"internal_logs".into(), &4.into())
    );
    assert!(started["host"].is_string() && started["pid"].is_u64(), "{started}");
    assert!(ended.stderr.contains("started streams=4 sinks=2"), "{}", ended.stderr);
    let metrics = events(&home, "internal_metrics");
    for event in &metrics {
        assert_eq!(
            (&event["namespace"], &event["kind"]),
            (&"zenstream".into(), &"absolute".into())
        );
        let forms = ["counter", "gauge", "aggregated_summary"];
        assert_eq!(forms.iter().filter(|form| event[**form].is_object()).count(), 1, "{event}");
    }
}

#[test]
fn a_run_to_the_present_end_tells_until_the_others_are_done() {
    let (home, account) =
        (Home::new(), Account::new("--without-enterprise --tickets 30 --rate-limit 0"));
    home.write("zenstream.yaml", &config(""));
    home.zenstream("run --once -c zenstream.yaml").at(&account).run().well();
    let log = events(&home, "internal_logs");
    let left_out = log.iter().find(|line| line["message"] == "stream failed, left out");
    let left_out = left_out.expect("what was logged before the end");
    assert_eq!(left_out["stream"], "acme.audit_logs");
    let is_of_tickets = |event: &&Value| event["tags"]["stream"] == "tickets";
    let metrics = events(&home, "internal_metrics");
    let mut of_tickets = metrics.iter().rev().filter(is_of_tickets);
    let mut received =
        of_tickets.by_ref().filter(|it| it["name"] == "component_received_events_total");
    assert_eq!(received.next().expect("a count")["counter"]["value"], 30);
}

/// They do not stand for the account: where each stream of it is refused, the run fails.
#[test]
fn a_run_in_which_nothing_else_works_fails() {
    let (home, account) = (Home::new(), Account::new("--without-enterprise --rate-limit 0"));
    home.write("zenstream.yaml", &config("").replace("[audit_logs, tickets]", "[audit_logs]"));
    for line in ["run -c zenstream.yaml", "run --once -c zenstream.yaml"] {
        let ended = home.zenstream(line).at(&account).run();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.last_words().contains("`acme.audit_logs`"), "{}", ended.stderr);
    }
}

#[test]
fn alone_it_is_followed_until_it_is_stopped() {
    let home = Home::new();
    let config = "data_dir: state
sources:
  log: { type: internal_logs }
sinks:
  out: { type: console, inputs: [log] }
";
    home.write("zenstream.yaml", config);
    home.zenstream("run --once -c zenstream.yaml").run().well();
    let mut running = home.zenstream("run -c zenstream.yaml").start();
    running.wait_until("the start", |it| it.stdout().contains("\"message\":\"started\""));
    pause(Duration::from_millis(300));
    assert!(!running.has_ended());
    running.signal("TERM");
    running.end().well();
}

/// A sink that takes the log and cannot, and says so in the log, would take its own words for ever.
#[test]
fn a_sink_that_fails_on_the_log_is_not_kept_busy_by_its_own_words() {
    let (home, account) = (Home::new(), Account::small());
    // Nobody answers the one, nobody listens for the other.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("an address");
    let sinks = format!(
        "  full:
    type: http
    inputs: [log]
    uri: http://{silent}/
    healthcheck: false
    acknowledgements: false
    batch: {{ max_events: 1, timeout_secs: 0.01 }}
    buffer: {{ max_events: 1, when_full: drop_newest }}
  gone: {{ type: http, inputs: [log], uri: \"http://127.0.0.1:9/\", healthcheck: false, acknowledgements: false }}
"
    );
    home.write("zenstream.yaml", &config(&sinks));
    let mut running = home.zenstream("-vv run -c zenstream.yaml").at(&account).start();
    let dropped = |log: &str| log.matches("events dropped").count();
    running.wait_until("a full queue", |it| dropped(&it.stderr()) > 50);
    pause(Duration::from_secs(3));
    let before = dropped(&running.stderr());
    pause(Duration::from_secs(3));
    let log = running.stderr();
    // Each pass of the loop would take a millisecond.
    assert!(dropped(&log) < before + 100, "{} then {}", before, dropped(&log));
    assert!(dropped(&log) < 1000, "{}", dropped(&log));
    running.wait_until("the events", |_| home.lines("out/tickets.ndjson").len() == 30);
    running.kill();
}

#[test]
fn the_example_of_watching_oneself_works() {
    let (home, account) = (Home::new(), Account::small());
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/config-examples/self-monitoring.yaml");
    let example = std::fs::read_to_string(directory).expect("the example");
    let example = example.replace(
        "subdomain: ${ZENDESK_SUBDOMAIN}",
        "endpoint: ${ZENDESK_BASE_URL}\n    since: beginning",
    );
    // All that the account has is old, and that would be among the troubles.
    let watched = "silence_alert_secs: { audit_logs: 86400 }";
    assert!(example.contains(watched));
    let example = example.replace(watched, "silence_alert_secs: { audit_logs: 0 }");
    home.write("zenstream.yaml", &example);
    home.zenstream("run --once -c zenstream.yaml")
        .at(&account)
        .env("ZENDESK_CLIENT_ID", "id")
        .env("ZENDESK_CLIENT_SECRET", "secret")
        .env("DATA_DIR", "state")
        .env("ARCHIVE_DIR", "archive")
        .env("TROUBLES_URI", "http://127.0.0.1:9/")
        .run()
        .well();
    let of = |stream: &str| {
        let directory = home.path(&format!("archive/own/{stream}"));
        let mut files = std::fs::read_dir(&directory).expect("a directory");
        std::fs::read_to_string(files.next().expect("a file").expect("a file").path())
            .expect("text")
    };
    assert!(of("internal_logs").contains("\"message\":\"started\""));
    assert!(of("internal_metrics").contains("component_received_events_total"));
}
