//! The api of a run: health, metrics, status, page; over real sockets.

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::Value;

use super::{CONFIG, filters};
use crate::binary::{self, Account, Home, Running, TOKEN};

const API: &str = "api: { enabled: true, address: 127.0.0.1:0 }\n";

/// Where the api of a running program listens.
fn address(running: &mut Running) -> String {
    running.wait_until("the api", |it| it.stderr().contains("the api listens"));
    let log = running.stderr();
    let (_, rest) = log.split_once("the api listens address=").expect("it says where");
    rest.split_whitespace().next().expect("an address").to_owned()
}

fn status(address: &str) -> Value {
    serde_json::from_str(&binary::get(address, "/status").body).expect("JSON")
}

/// Every sample of a scrape, by name and labels.
fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        (series.to_owned(), value.to_owned())
    };
    lines.map(sample).collect()
}

/// Follows a small account until all of it is delivered.
fn followed(home: &Home, account: &Account, config: &str) -> (Running, String) {
    home.write("zenstream.yaml", config);
    let mut running = home.zenstream("run -c zenstream.yaml").at(account).start();
    let address = address(&mut running);
    let whole = account.records("tickets").len();
    running.wait_until("all tickets", |_| home.lines("out/tickets.ndjson").len() == whole);
    let is_saved = |_: &Running| {
        let status = status(&address);
        let streams = status["streams"].as_array().expect("streams");
        let settled = |it: &Value| it["caught_up"] == true && !it["position"].is_null();
        let done = |it: &Value| settled(it) || it["state"] == "refused";
        streams.iter().all(done) && status["sinks"][0]["queue"] == 0
    };
    running.wait_until("a saved end", is_saved);
    (running, address)
}

#[test]
fn metrics_count_what_was_read_and_delivered() {
    let (home, account) = (Home::new(), Account::small());
    let (running, address) = followed(&home, &account, &format!("{CONFIG}{API}"));
    let answer = binary::get(&address, "/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    assert!(!answer.body.contains(TOKEN));
    let samples = samples(&answer.body);
    let acme = r#"component_id="acme",component_kind="source",component_type="zendesk""#;
    let files = r#"component_id="files",component_kind="sink",component_type="file""#;
    for (series, expected) in [
        (format!(r#"component_received_events_total{{{acme},stream="audit_logs"}}"#), "250"),
        (format!(r#"component_received_events_total{{{acme},stream="tickets"}}"#), "30"),
        (format!(r#"component_sent_events_total{{{acme},output="tickets"}}"#), "30"),
        (format!("component_received_events_total{{{files}}}"), "280"),
        (format!("component_sent_events_total{{{files}}}"), "280"),
        (format!(r#"component_discarded_events_total{{{files},intentional="true"}}"#), "0"),
        (format!(r#"buffer_size_events{{{files},buffer_type="memory"}}"#), "0"),
        (format!(r#"stream_up{{{acme},stream="tickets"}}"#), "1"),
        (format!(r#"stream_caught_up{{{acme},stream="audit_logs"}}"#), "1"),
        // All that the account has is years old.
        (format!(r#"stream_silent{{{acme},stream="audit_logs"}}"#), "1"),
        (format!(r#"stream_silent{{{acme},stream="tickets"}}"#), "0"),
        (
            format!(
                r#"component_errors_total{{{acme},stream="tickets",error_type="request_failed",stage="receiving"}}"#
            ),
            "0",
        ),
    ] {
        let value = samples.get(&format!("zenstream_{series}")).map(String::as_str);
        assert_eq!(value, Some(expected), "{series}");
    }
    let lines = ["audit_logs", "tickets"].map(|stream| account.records(stream)).concat();
    let bytes: usize = lines.iter().map(String::len).sum();
    let sent = &samples[&format!("zenstream_component_sent_bytes_total{{{files}}}")];
    assert_eq!(*sent, bytes.to_string());
    let number = |series: &str| samples[series].parse::<f64>().expect("a number");
    let lag = number(&format!(r#"zenstream_stream_lag_seconds{{{acme},stream="tickets"}}"#));
    assert!(lag < 60.0, "{lag}");
    assert!(number("zenstream_checkpoint_saves_total") >= 1.0);
    let answers = format!(r#"zenstream_http_client_responses_total{{{acme},status="200"}}"#);
    assert!(number(&answers) >= 4.0);
    running.signal("TERM");
    running.end().well();
}

#[test]
fn a_stream_whose_sink_is_away_falls_behind_however_far_it_was_read() {
    let (home, account) = (Home::new(), Account::small());
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let away = format!(
        "  away:\n    type: http\n    inputs: [acme.audit_logs, acme.groups]\n    uri: http://{nobody}/\n"
    );
    let config = CONFIG.replace("tickets]", "tickets, groups]");
    let (sources, sinks) = config.split_once("sinks:\n").expect("sinks");
    let config = format!("{sources}sinks:\n{away}{sinks}{API}");
    home.write("zenstream.yaml", &config);
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    let address = address(&mut running);
    let stream = |name: &str| {
        let status = status(&address);
        // There is none before the pipeline is built.
        let mut streams = status["streams"].as_array().into_iter().flatten();
        streams.find(|it| it["name"] == name).cloned().unwrap_or_default()
    };
    let held_up = ["acme.audit_logs", "acme.groups"];
    running.wait_until("all read to their ends", |_| {
        held_up.iter().all(|name| stream(name)["state"] == "held_up")
            && held_up.iter().all(|name| stream(name)["caught_up"] == true)
            && stream("acme.tickets")["caught_up"] == true
            && stream("acme.tickets")["lag_secs"].as_f64().is_some_and(|lag| lag < 60.0)
    });
    // The account's oldest record is a month old, and the sink has none.
    let lag = stream("acme.audit_logs")["lag_secs"].as_f64().expect("a lag");
    assert!(lag > 86_400.0, "{lag}");
    // A list was read just now, however old what is in it.
    let lag = stream("acme.groups")["lag_secs"].as_f64().expect("a lag");
    assert!(lag < 3_600.0, "{lag}");
    assert_eq!(stream("acme.audit_logs")["held_up_by"], serde_json::json!(["away"]));
    assert_eq!(stream("acme.tickets")["state"], "running");
    let status = status(&address);
    let sinks = status["sinks"].as_array().expect("sinks");
    let health = sinks.iter().take(2).map(|sink| (sink["name"].as_str(), sink["state"].as_str()));
    assert_eq!(
        health.collect::<Vec<_>>(),
        [(Some("away"), Some("failing")), (Some("files"), Some("ok"))]
    );
    // What is down is the sink: the stream is read as far as it can be.
    let up = samples(&binary::get(&address, "/metrics").body);
    let up = up.iter().filter(|(series, _)| series.starts_with("zenstream_stream_up{"));
    assert!(up.clone().count() == 3 && up.clone().all(|(_, value)| value == "1"), "{up:?}");
    // While it drains nothing is read, and that is still what it waits for.
    running.signal("TERM");
    running.wait_until("an end of reading", |_| stream("acme.tickets")["state"] == "ended");
    assert_eq!(stream("acme.groups")["held_up_by"], serde_json::json!(["away"]));
    running.kill();
}

#[test]
fn the_newest_event_is_known_after_a_restart_that_brings_none() {
    let (home, account) = (Home::new(), Account::small());
    let newest = |address: &str| {
        let status = status(address);
        let streams = status["streams"].as_array().expect("streams");
        let times = streams.iter().map(|it| it["last_event"].as_str().map(str::to_owned));
        times.collect::<Vec<_>>()
    };
    let config = format!("{CONFIG}{API}");
    let (running, address) = followed(&home, &account, &config);
    let before = newest(&address);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    running.kill();
    let (running, address) = followed(&home, &account, &config);
    assert_eq!(newest(&address), before);
    running.kill();
}

#[test]
fn an_account_that_is_away_at_the_start_is_told_soon_and_how_far_behind_it_is_at_once() {
    let (home, account) = (Home::new(), Account::small());
    let config = CONFIG.replace("tickets]", "tickets, groups]");
    let (running, _) = followed(&home, &account, &format!("{config}{API}"));
    running.kill();
    let again = home.zenstream("run -c zenstream.yaml").at(&account);
    drop(account);
    let mut running = again.start();
    let address = address(&mut running);
    let streams = || status(&address)["streams"].as_array().cloned().unwrap_or_default();
    running.wait_until("the streams", |_| streams().len() == 3);
    let lags = || streams().iter().map(|it| it["lag_secs"].as_f64()).collect::<Vec<_>>();
    let at_first = lags();
    assert!(at_first.iter().all(Option::is_some), "{at_first:?}");
    running.wait_until("trouble", |_| streams().iter().all(|it| it["state"] == "failing"));
    for (stream, (before, now)) in streams().iter().zip(at_first.iter().zip(lags())) {
        assert!(*before < now, "{stream}");
        let trouble = &stream["last_error"];
        assert!(trouble["message"].as_str().is_some_and(|it| it.contains("cannot connect")));
        assert!(trouble["hint"].is_string(), "{trouble}");
        assert_eq!(stream["errors"], 0, "before its tries are all made");
    }
    running.kill();
}

/// The names are what dashboards and alerts are made of.
#[test]
fn the_names_of_metrics_stay() {
    let home = Home::new();
    let account = Account::new("--audit-logs 250 --tickets 30 --rate-limit 100000");
    let (running, address) = followed(&home, &account, &format!("{CONFIG}{API}"));
    let text = binary::get(&address, "/metrics").body;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE zenstream_"));
    insta::assert_snapshot!(types.collect::<Vec<_>>().join("\n"), @"
    build_info gauge
    uptime_seconds gauge
    checkpoint_saves_total counter
    component_received_events_total counter
    component_received_bytes_total counter
    component_received_event_bytes_total counter
    component_sent_events_total counter
    component_sent_bytes_total counter
    component_errors_total counter
    component_discarded_events_total counter
    buffer_received_events_total counter
    buffer_sent_events_total counter
    buffer_discarded_events_total counter
    buffer_size_events gauge
    sink_last_write_timestamp_seconds gauge
    sink_refused_events_total counter
    http_client_requests_sent_total counter
    http_client_responses_total counter
    http_client_errors_total counter
    http_client_rtt_seconds summary
    zendesk_rate_limit_limit gauge
    zendesk_rate_limit_remaining gauge
    zendesk_rate_limited_total counter
    zendesk_rate_limit_wait_seconds_total counter
    stream_up gauge
    stream_lag_seconds gauge
    stream_last_event_timestamp_seconds gauge
    stream_caught_up gauge
    stream_silent gauge
    stream_rejected_events_total counter
    events_deduplicated_total counter
    ");
    running.signal("TERM");
    running.end().well();
}

#[test]
fn the_status_tells_positions_troubles_and_hints_and_no_secret() {
    let home = Home::new();
    let account = Account::new("--without-enterprise --tickets 30 --rate-limit 0");
    let (running, address) = followed(&home, &account, &format!("{CONFIG}{API}"));
    let answer = binary::get(&address, "/status");
    assert!(!answer.body.contains(TOKEN));
    let status: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(status["state"], "running");
    let [audit_logs, tickets] = [&status["streams"][0], &status["streams"][1]];
    assert_eq!(
        (audit_logs["state"].as_str(), tickets["state"].as_str()),
        (Some("refused"), Some("running"))
    );
    let trouble = &audit_logs["last_error"];
    assert!(trouble["message"].as_str().expect("a text").contains("403"), "{trouble}");
    assert!(trouble["hint"].as_str().expect("a text").contains("Enterprise"), "{trouble}");
    assert_eq!(trouble["over"], false);
    assert!(!tickets["position"].is_null());
    assert_eq!((&tickets["events"], &status["sinks"][0]["type"]), (&30.into(), &"file".into()));
    assert!(tickets["events_per_minute"].is_u64() && tickets["recent"].is_array());
    running.signal("TERM");
    running.end().well();
}

#[test]
fn the_page_stands_alone_and_health_says_ok() {
    let (home, account) = (Home::new(), Account::small());
    let (running, address) = followed(&home, &account, &format!("{CONFIG}{API}"));
    let page = binary::get(&address, "/");
    assert!(page.head.contains("text/html"), "{}", page.head);
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    // But for the name of a namespace, which nobody asks for.
    let links = page.body.replace("http://www.w3.org/2000/svg", "");
    assert!(!links.contains("://") && !links.contains("innerHTML"), "it needs no network");
    let health = binary::get(&address, "/health");
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"ok":true}"#));
    assert_eq!(binary::get(&address, "/else").status, 404);
    running.signal("TERM");
    running.end().well();
}

#[test]
fn while_it_drains_health_is_503() {
    let (home, account) = (Home::new(), Account::small());
    // A sink that never answers keeps it draining.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/", silent.local_addr().expect("an address"));
    let sink =
        format!("  stuck: {{ type: http, inputs: [acme], uri: \"{uri}\", healthcheck: false }}\n");
    home.write("zenstream.yaml", &format!("{CONFIG}{sink}{API}"));
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    let address = address(&mut running);
    running.wait_until("a queue", |_| {
        let status = status(&address);
        let sinks = status["sinks"].as_array().cloned().unwrap_or_default();
        sinks.iter().any(|sink| sink["name"] == "stuck" && sink["queue"].as_u64() > Some(0))
    });
    running.signal("TERM");
    running.wait_until("draining", |_| binary::get(&address, "/health").status == 503);
    let status = status(&address);
    assert_eq!(status["state"], "draining");
    running.signal("TERM");
    assert_eq!(running.end().code, Some(1));
}

#[test]
fn a_port_that_is_taken_is_a_mistake_in_the_config() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    home.write(
        "zenstream.yaml",
        &format!("{CONFIG}api: {{ enabled: true, address: \"{address}\" }}\n"),
    );
    let ended = home.zenstream("run -c zenstream.yaml").at(&account).run();
    insta::assert_snapshot!(ended.last_words(), @"
    exit code 78
    --- stderr
    error: api.address: cannot listen on `127.0.0.1:[port]`: Address already in use (os error 98)
    hint: another program has it; choose another port
    ");
}
