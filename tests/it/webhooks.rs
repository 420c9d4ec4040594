//! What Zendesk sends by itself, over real sockets, to the real binary.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use zenstream::clock::Clock;
use zenstream::random::Random;

use crate::binary::{Answer, Home, Running, exchange, get, pause};

const SECRET: &str = "a-signing-secret-never-to-be-seen";

/// One file an output; answers within two seconds.
const CONFIG: &str = r#"
data_dir: state
sources:
  hooks:
    type: zendesk_webhook
    address: 127.0.0.1:0
    path: /zendesk
    subdomain: acme
    signing_secret: "${SECRET}"
    max_body_bytes: 100000
    acknowledge_timeout_secs: 2
sinks:
  files:
    type: file
    inputs: [hooks]
    path: "out/{{ stream }}.ndjson"
"#;

fn started(home: &Home, config: &str) -> (Running, String) {
    home.write("zenstream.yaml", config);
    let mut running = home.zenstream("run -c zenstream.yaml").env("SECRET", SECRET).start();
    running.wait_until("a port", |it| it.stderr().contains("webhooks are received"));
    let log = running.stderr();
    let (_, rest) = log.rsplit_once("address=").expect("it says where");
    let address = rest.split_whitespace().next().expect("an address").to_owned();
    (running, address)
}

/// A webhook as Zendesk sends it, and what a test may do to it.
struct Webhook<'b> {
    body: &'b [u8],
    path: &'static str,
    signed: Timestamp,
    signature: Option<String>,
    invocation: &'static str,
}

impl<'b> Webhook<'b> {
    fn new(body: &'b [u8]) -> Self {
        let (path, signed) = ("/zendesk", Clock::system().now());
        Self { body, path, signed, signature: None, invocation: "01INVOCATION" }
    }

    fn signed(self, seconds_from_now: i64) -> Self {
        let offset = SignedDuration::from_secs(seconds_from_now);
        let signed = self.signed.checked_add(offset).expect("a near time");
        Self { signed, ..self }
    }

    fn request(&self) -> Vec<u8> {
        let time = self.signed.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
        mac.update(time.as_bytes());
        mac.update(self.body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let signature = self.signature.as_deref().unwrap_or(&signature);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\nContent-Length: {}\r\n\
             User-Agent: Zendesk Webhook\r\nContent-Type: application/json; charset=utf-8\r\n\
             X-Zendesk-Webhook-Signature: {signature}\r\nX-Zendesk-Webhook-Signature-Timestamp: {time}\r\n\
             X-Zendesk-Webhook-Invocation-Id: {}\r\n\r\n",
            self.path,
            self.body.len(),
            self.invocation,
        );
        [head.as_bytes(), self.body].concat()
    }

    fn send(&self, address: &str) -> Answer {
        exchange(address, &self.request())
    }
}

fn access_logs(ids: &[&str]) -> String {
    let records = ids
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","timestamp":"2024-08-15T14:23:45Z","status":200}}"#));
    let records = records.collect::<Vec<_>>().join(", ");
    format!(
        r#"{{"type":"zen:event-type:access_log.created","id":"e","event":{{"access_logs":[{records}]}}}}"#
    )
}

fn ids(lines: &[String]) -> Vec<String> {
    let id = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        record["id"].as_str().expect("an id").to_owned()
    };
    lines.iter().map(id).collect()
}

#[test]
fn events_are_durable_when_the_answer_comes_and_a_repeat_adds_none() {
    let home = Home::new();
    let (running, address) = started(&home, CONFIG);
    let body = access_logs(&["01A", "01B"]);
    for _ in 0..2 {
        let answer = Webhook::new(body.as_bytes()).send(&address);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        assert_eq!(ids(&home.lines("out/access_logs.ndjson")), ["01A", "01B"]);
    }
    let event = br#"{"type":"zen:event-type:user.active_changed","id":"2b24", "time":"2099-07-04T05:33:18Z","event":{}}"#;
    assert_eq!(Webhook::new(event).send(&address).status, 200);
    assert_eq!(ids(&home.lines("out/events.ndjson")), ["2b24"]);
    running.signal("TERM");
    let ended = running.end().well();
    assert!(!ended.stderr.contains(SECRET));
    // The next run knows them too.
    let (running, address) = started(&home, CONFIG);
    assert_eq!(Webhook::new(body.as_bytes()).send(&address).status, 200);
    assert_eq!(ids(&home.lines("out/access_logs.ndjson")), ["01A", "01B"]);
    running.signal("TERM");
    running.end().well();
}

#[test]
fn each_change_that_a_trigger_tells_of_is_an_event_whatever_id_people_put_into_it() {
    let home = Home::new();
    let (running, address) = started(&home, CONFIG);
    let updates =
        [(r#"{"id":"7","status":"open"}"#, "01A"), (r#"{"id":"7","status":"solved"}"#, "01B")];
    for (body, invocation) in updates.iter().chain(&updates) {
        let webhook = Webhook { invocation, ..Webhook::new(body.as_bytes()) };
        assert_eq!(webhook.send(&address).status, 200);
    }
    assert_eq!(home.lines("out/events.ndjson"), updates.map(|(body, _)| body));
    running.signal("TERM");
    running.end().well();
}

#[test]
fn what_is_not_signed_by_zendesk_lately_is_refused() {
    let home = Home::new();
    let (running, address) = started(&home, CONFIG);
    let body = access_logs(&["01A"]);
    let webhook = || Webhook::new(body.as_bytes());
    let long = vec![b' '; 100_001];
    let cases = [
        (Webhook { signature: Some("AAAA".to_owned()), ..webhook() }, 401, "signature"),
        (Webhook { signature: Some("%%".to_owned()), ..webhook() }, 401, "signature"),
        (webhook().signed(-400), 401, "too long ago"),
        (webhook().signed(400), 401, "future"),
        (Webhook { path: "/", ..webhook() }, 404, "path"),
        (Webhook::new(&long), 413, "max_body_bytes"),
        (Webhook::new(b"<xml/>"), 400, "not a JSON object"),
        (Webhook::new(b""), 400, "not a JSON object"),
    ];
    for (webhook, status, reason) in cases {
        let answer = webhook.send(&address);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(reason), "{}", answer.body);
        assert!(!answer.body.contains(SECRET));
    }
    assert_eq!(get(&address, "/zendesk").status, 405);
    let unsigned =
        format!("POST /zendesk HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(exchange(&address, unsigned.as_bytes()).status, 401);
    // As old as may be.
    assert_eq!(webhook().signed(-290).send(&address).status, 200);
    assert_eq!(ids(&home.lines("out/access_logs.ndjson")), ["01A"]);
    running.signal("TERM");
    running.end().well();
}

/// More at once than may wait for a sink.
#[test]
fn a_burst_is_taken_whole() {
    let home = Home::new();
    let config = CONFIG.replace("acknowledge_timeout_secs: 2", "acknowledge_timeout_secs: 60");
    let (running, address) = started(&home, &config);
    std::thread::scope(|scope| {
        for number in 0..150 {
            let address = &address;
            scope.spawn(move || {
                let body = access_logs(&[&format!("01A{number}")]);
                assert_eq!(Webhook::new(body.as_bytes()).send(address).status, 200);
            });
        }
    });
    let mut taken = ids(&home.lines("out/access_logs.ndjson"));
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 150);
    running.signal("TERM");
    running.end().well();
}

#[test]
fn connections_that_send_nothing_shut_nobody_out() {
    let home = Home::new();
    let (running, address) = started(&home, CONFIG);
    let head = "POST /zendesk HTTP/1.1\r\nHost: hooks\r\nContent-Length: 1000\r\n\
                X-Zendesk-Webhook-Signature: AAAA\r\nX-Zendesk-Webhook-Signature-Timestamp: now\r\n\r\n";
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&address).expect("somebody listens");
        stream.write_all(head.as_bytes()).expect("a head");
        silent.push(stream);
    }
    let body = access_logs(&["01A"]);
    let asked = tokio::time::Instant::now();
    assert_eq!(Webhook::new(body.as_bytes()).send(&address).status, 200);
    assert!(asked.elapsed() < Duration::from_secs(9), "before those are given up");
    drop(silent);
    running.signal("TERM");
    running.end().well();
}

#[test]
fn a_body_that_grows_beyond_the_limit_is_cut_off() {
    let home = Home::new();
    let (running, address) = started(&home, CONFIG);
    let mut stream = TcpStream::connect(&address).expect("it listens");
    let head = "POST /zendesk HTTP/1.1\r\nHost: hooks\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\
                X-Zendesk-Webhook-Signature: AAAA\r\n\
                X-Zendesk-Webhook-Signature-Timestamp: 2026-01-01T00:00:00Z\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("a head");
    let chunk = [b"2710\r\n".as_slice(), &[b'x'; 10_000], b"\r\n"].concat();
    // It may be cut off while we write.
    let written = (0..50).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(written >= 10, "{written} chunks");
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    running.signal("TERM");
    running.end().well();
}

/// Nobody waits for a sink that is away: Zendesk is told to come again, and memory stays as it is.
#[test]
fn a_blocked_sink_means_come_again_and_not_memory() {
    let home = Home::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/", silent.local_addr().expect("an address"));
    let stuck =
        format!("  stuck: {{ type: http, inputs: [hooks], uri: \"{uri}\", healthcheck: false }}\n");
    let config = format!("{CONFIG}{stuck}").replace("timeout_secs: 2", "timeout_secs: 0.05");
    let (running, address) = started(&home, &config);
    for number in 0..90 {
        let id = format!("01{number:04}");
        let answer = Webhook::new(access_logs(&[&id]).as_bytes()).send(&address);
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.head.contains("retry-after: 10"), "{}", answer.head);
        if number >= 64 {
            assert!(answer.body.contains("too many events wait"), "{}", answer.body);
        }
    }
    running.signal("TERM");
    running.signal("TERM");
    running.end();
}

#[test]
fn what_no_sink_takes_is_refused_and_not_lost_in_silence() {
    let home = Home::new();
    let config = CONFIG.replace("inputs: [hooks]", "inputs: [hooks.access_logs]");
    let (running, address) = started(&home, &config);
    let answer = Webhook::new(b"{\"type\":\"else\",\"id\":\"1\"}").send(&address);
    assert_eq!((answer.status, answer.body.as_str()), (400, "no sink takes `hooks.events`\n"));
    assert_eq!(Webhook::new(access_logs(&["01A"]).as_bytes()).send(&address).status, 200);
    running.signal("TERM");
    running.end().well();
}

/// An output that only a transform takes is taken.
#[test]
fn events_pass_transforms_and_are_answered_when_what_comes_of_them_is_durable() {
    let home = Home::new();
    let step = "transforms:\n  kept: { type: filter, inputs: [hooks.access_logs], condition: '.id != \"01B\"' }\n";
    let config = CONFIG.replace("sinks:", &format!("{step}sinks:"));
    let (running, address) = started(&home, &config.replace("inputs: [hooks]", "inputs: [kept]"));
    let body = access_logs(&["01A", "01B", "01C"]);
    assert_eq!(Webhook::new(body.as_bytes()).send(&address).status, 200);
    assert_eq!(ids(&home.lines("out/access_logs.ndjson")), ["01A", "01C"]);
    let answer = Webhook::new(b"{\"type\":\"else\",\"id\":\"1\"}").send(&address);
    assert_eq!(answer.status, 400, "{}", answer.body);
    running.signal("TERM");
    running.end().well();
}

/// Whenever it dies, what was answered with 200 is there, and what is sent again is there once.
#[test]
fn a_crash_between_delivery_and_answer_costs_neither_an_event_nor_a_second_one() {
    let home = Home::new();
    let random = Random::from_seed(17);
    let mut sent = Vec::new();
    for round in 0..12 {
        let (running, address) = started(&home, CONFIG);
        let id = format!("01ROUND{round}");
        let body = access_logs(&[&id]);
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream.write_all(&Webhook::new(body.as_bytes()).request()).expect("a request");
        // From before anything was done until after the answer.
        pause(Duration::from_secs_f64(random.fraction() * 0.012));
        running.kill();
        let mut answer = String::new();
        let _cut = stream.read_to_string(&mut answer);
        let _closed = stream.shutdown(Shutdown::Both);
        sent.push(id);
        let (running, address) = started(&home, CONFIG);
        if answer.starts_with("HTTP/1.1 200") {
            assert!(ids(&home.lines("out/access_logs.ndjson")).contains(&sent[round]));
        }
        assert_eq!(Webhook::new(body.as_bytes()).send(&address).status, 200);
        assert_eq!(ids(&home.lines("out/access_logs.ndjson")), sent, "round {round}");
        running.kill();
    }
}

#[test]
fn a_port_that_is_taken_is_a_mistake_in_the_config() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    home.write("zenstream.yaml", &CONFIG.replace("127.0.0.1:0", &address));
    let ended = home.zenstream("run -c zenstream.yaml").env("SECRET", SECRET).run();
    assert_eq!(ended.code, Some(78), "{ended}");
    assert!(
        ended.stderr.contains(&format!("source `hooks`: cannot listen on `{address}`")),
        "{ended}"
    );
    assert!(ended.stderr.contains("hint: choose another `address`"), "{ended}");
}
