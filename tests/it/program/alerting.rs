//! Alerts of silence: on the status, and posted to an address, over real sockets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::CONFIG;
use crate::binary::{self, Account, Home};

/// What was posted: the lines before the body, and the body.
type Posts = Arc<Mutex<Vec<(String, Value)>>>;

#[expect(clippy::disallowed_methods, reason = "it ends with the test's process")]
/// Takes posts; the first is answered with 503.
fn receiver() -> (String, Posts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let posts = Posts::default();
    let taken = Arc::clone(&posts);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            let mut reader = BufReader::new(&stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line of the head");
                if line.trim().is_empty() {
                    break;
                }
                let line = line.to_lowercase();
                if let Some(count) = line.strip_prefix("content-length: ") {
                    length = count.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let body = serde_json::from_slice(&body).expect("JSON");
            let mut posts = taken.lock().expect("the posts");
            posts.push((head, body));
            let status = if posts.len() == 1 { "503 Later" } else { "200 OK" };
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).expect("a reader");
        }
    });
    (address, posts)
}

fn config(address: &str) -> String {
    let silence = "    silence_alert_secs: { audit_logs: 0.3, tickets: 0.3 }\nsinks:";
    let alerts = format!(
        "alerts:\n  webhook:\n    uri: http://{address}/services/never-to-be-seen\n    headers: {{ X-Token: also-never-to-be-seen }}\napi: {{ enabled: true, address: 127.0.0.1:0 }}\n"
    );
    CONFIG.replace("sinks:", silence) + &alerts
}

#[test]
fn a_silence_and_its_end_are_posted_and_stand_on_the_status() {
    let (home, account) = (
        Home::new(),
        Account::new("--audit-logs 50 --tickets 30 --rate-limit 0 --live-audit-logs 60"),
    );
    let (address, posts) = receiver();
    home.write("zenstream.yaml", &config(&address));
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    let posted = |stream: &str, state: &str| {
        let posts = posts.lock().expect("the posts");
        posts.iter().filter(|(_, body)| body["stream"] == stream && body["state"] == state).count()
    };
    running.wait_until("an end of silence", |_| posted("acme.audit_logs", "resolved") > 0);
    running.wait_until("a silence that lasts", |_| posted("acme.tickets", "firing") > 0);
    let api = running.stderr();
    let (_, api) = api.split_once("the api listens address=").expect("an address");
    let status = binary::get(api.split_whitespace().next().expect("an address"), "/status").body;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let tickets = &status["streams"][1];
    assert_eq!((&tickets["name"], &tickets["silent"]), (&"acme.tickets".into(), &true.into()));
    assert!(tickets["silent_since"].is_string(), "{tickets}");
    assert_eq!(posted("acme.tickets", "resolved"), 0);
    running.signal("TERM");
    let ended = running.end().well();
    let posts = posts.lock().expect("the posts");
    let (head, first) = &posts[0];
    assert!(head.starts_with("post /services/never-to-be-seen http/1.1"), "{head}");
    assert!(head.contains("x-token: also-never-to-be-seen"), "{head}");
    assert_eq!(posts[1].1, *first, "a post that was not taken is tried again");
    for member in ["text", "since", "at", "hint"] {
        assert!(first[member].is_string(), "{member}: {first}");
    }
    assert!(ended.stderr.contains("alert not posted, trying again"), "{}", ended.stderr);
    assert!(ended.stderr.contains("alert posted"), "{}", ended.stderr);
    assert!(
        !ended.stderr.contains("never-to-be-seen")
            && !status.to_string().contains("never-to-be-seen")
    );
}

/// `run --once`, as cron has it: each run is too short to see a silence by itself, and the first one
/// finds an account that has been silent for long.
#[test]
fn runs_that_end_at_once_tell_a_silence_once() {
    let home = Home::new();
    let account = Account::new("--audit-logs 50 --tickets 30 --rate-limit 0");
    let silence = "    silence_alert_secs: { audit_logs: 86400 }\nsinks:";
    home.write("zenstream.yaml", &CONFIG.replace("sinks:", silence));
    let once = || home.zenstream("run -c zenstream.yaml --once").at(&account).run().well().stderr;
    let told = once();
    assert_eq!(told.matches("no event for too long").count(), 1, "{told}");
    assert!(told.contains("stream=\"acme.audit_logs\""), "{told}");
    assert!(!once().contains("no event for too long"), "once is enough");
}

#[test]
fn an_address_that_takes_no_alerts_holds_up_nothing() {
    let (home, account) =
        (Home::new(), Account::new("--audit-logs 50 --tickets 30 --rate-limit 0"));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    home.write("zenstream.yaml", &config(&address));
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    running.wait_until("an alert", |it| it.stderr().contains("no event for too long"));
    running.wait_until("the events", |_| home.lines("out/tickets.ndjson").len() == 30);
    running.signal("TERM");
    running.end_within(std::time::Duration::from_secs(20)).well();
}
