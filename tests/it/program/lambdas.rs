//! `lambda`: the custom runtime of a function, against the loop that AWS documents.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::Value;
use zenstream::clock::Clock;

use super::CONFIG;
use crate::binary::{Account, Home, Running};

/// What the runtime told its API.
#[derive(Debug)]
struct Told {
    path: String,
    error_type: Option<String>,
    body: Value,
}

#[expect(clippy::disallowed_methods, reason = "it ends with the test's process")]
/// A runtime API that has these invocations, by id and time left, and then none any more.
fn runtime_api(invocations: &[(&str, Duration)]) -> (String, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut waiting: Vec<_> =
        invocations.iter().map(|(id, left)| ((*id).to_owned(), *left)).collect();
    waiting.reverse();
    let (told, heard) = sync_channel(64);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.extend(answer(stream.expect("a connection"), &mut waiting, &told));
        }
    });
    (address, heard)
}

/// Answers a request; gives the connection back if there is no answer yet.
fn answer(
    stream: TcpStream,
    waiting: &mut Vec<(String, Duration)>,
    told: &SyncSender<Told>,
) -> Option<TcpStream> {
    let mut reader = BufReader::new(&stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line of the head");
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let mut lines = head.iter().filter_map(|line| line.split_once(": "));
        lines.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let path = head[0].split(' ').nth(1).expect("a path");
    let path = path.strip_prefix("/2018-06-01/runtime/").expect("the version of the API");
    let length = header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = if path == "invocation/next" {
        let Some((id, left)) = waiting.pop() else { return Some(stream) };
        let deadline = Clock::system().now() + left;
        let deadline = deadline.as_millisecond();
        format!(
            "200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n"
        )
    } else {
        let body = serde_json::from_slice(&body).expect("JSON");
        let error_type = header("lambda-runtime-function-error-type");
        let _gone = told.send(Told { path: path.to_owned(), error_type, body });
        "202 Accepted\r\n".to_owned()
    };
    let answer = format!("HTTP/1.1 {answer}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}");
    (&stream).write_all(answer.as_bytes()).expect("a reader");
    None
}

/// A function whose checkpoint outlives it, on a file system that is mounted.
struct Function {
    home: Home,
    _mounted: tempfile::TempDir,
}

impl Function {
    fn new() -> Self {
        Self::of("audit_logs, tickets")
    }

    fn of(streams: &str) -> Self {
        let mounted = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let home = Home::new();
        let state = format!("data_dir: {}", mounted.path().display());
        let config = CONFIG.replace("data_dir: state", &state);
        home.write("zenstream.yaml", &config.replace("audit_logs, tickets", streams));
        Self { home, _mounted: mounted }
    }

    fn start(&self, account: &Account, api: &str) -> Running {
        let program = self.home.zenstream("lambda -c zenstream.yaml").at(account);
        program.env("AWS_LAMBDA_RUNTIME_API", api).start()
    }
}

fn hear(heard: &Receiver<Told>) -> Told {
    heard.recv_timeout(Duration::from_secs(60)).expect("an answer to the invocation")
}

#[test]
fn each_invocation_reads_to_the_present_end_and_the_next_one_goes_on() {
    let (function, account) = (Function::new(), Account::small());
    let minute = Duration::from_secs(60);
    let (api, heard) = runtime_api(&[("first", minute), ("second", minute)]);
    let running = function.start(&account, &api);
    for (id, audit_logs, tickets) in [("first", 250, 30), ("second", 0, 0)] {
        let told = hear(&heard);
        assert_eq!(told.path, format!("invocation/{id}/response"), "{told:?}");
        assert_eq!(told.body["finished"], true, "{told:?}");
        assert_eq!(told.body["streams"]["acme.audit_logs"]["events"], audit_logs, "{told:?}");
        assert_eq!(told.body["streams"]["acme.tickets"]["events"], tickets, "{told:?}");
        assert_eq!(told.body["sinks"]["files"]["events"], audit_logs + tickets, "{told:?}");
    }
    running.kill();
    for stream in ["audit_logs", "tickets"] {
        assert_eq!(function.home.lines(&format!("out/{stream}.ndjson")), account.records(stream));
    }
}

#[test]
fn an_invocation_stops_before_its_deadline_and_the_next_one_goes_on() {
    let function = Function::new();
    // Some 20 pages of half a second each are more than fits the first two.
    let account = Account::new("--audit-logs 2000 --tickets 30 --rate-limit 0 --latency-ms 500");
    let short = Duration::from_secs(5);
    let (api, heard) = runtime_api(&[("a", short), ("b", short), ("c", Duration::from_secs(120))]);
    let running = function.start(&account, &api);
    let finished: Vec<_> = (0..3)
        .map(|_| hear(&heard))
        .map(|told| {
            assert!(told.path.ends_with("/response"), "{told:?}");
            told.body["finished"].clone()
        })
        .collect();
    assert_eq!(finished, [false, false, true]);
    running.kill();
    for stream in ["audit_logs", "tickets"] {
        assert_eq!(function.home.lines(&format!("out/{stream}.ndjson")), account.records(stream));
    }
}

#[test]
fn what_fails_is_told_and_the_next_invocation_is_taken() {
    let (function, account) = (Function::of("audit_logs"), Account::new("--without-enterprise"));
    let minute = Duration::from_secs(60);
    let (api, heard) = runtime_api(&[("first", minute), ("second", minute)]);
    let running = function.start(&account, &api);
    for id in ["first", "second"] {
        let told = hear(&heard);
        assert_eq!(told.path, format!("invocation/{id}/error"), "{told:?}");
        assert_eq!(told.error_type.as_deref(), Some("Function.RunFailed"), "{told:?}");
        assert!(
            told.body["errorMessage"].as_str().is_some_and(|it| it.contains("403")),
            "{told:?}"
        );
    }
    running.kill();
}

#[test]
fn a_checkpoint_that_goes_with_the_function_is_refused_at_its_start() {
    let (home, account) = (Home::new(), Account::small());
    let state = format!("data_dir: {}", home.path("state").display());
    home.write("zenstream.yaml", &CONFIG.replace("data_dir: state", &state));
    let (api, heard) = runtime_api(&[]);
    let program = home.zenstream("lambda -c zenstream.yaml").at(&account);
    let ended = program.env("AWS_LAMBDA_RUNTIME_API", &api).run();
    let told = hear(&heard);
    assert_eq!(told.path, "init/error");
    assert_eq!(told.error_type.as_deref(), Some("Runtime.InvalidConfig"));
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("is lost with the function's environment"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: keep it in a bucket"), "{}", ended.stderr);
}
