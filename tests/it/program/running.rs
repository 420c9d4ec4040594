//! `run`: into files, with signals, checkpoints and refusals.

use serde_json::Value;

use super::{CONFIG, filters};
use crate::binary::{Account, Home};

fn home() -> Home {
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    home
}

/// Every record of the account is in its file once, byte for byte, in the account's order.
fn assert_collected(home: &Home, account: &Account) {
    for stream in ["audit_logs", "tickets"] {
        assert_eq!(home.lines(&format!("out/{stream}.ndjson")), account.records(stream));
    }
}

#[test]
fn once_and_once_more_brings_every_event_once() {
    let (home, account) = (home(), Account::small());
    for _ in 0..2 {
        let ended = home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
        assert_eq!(ended.stdout, "");
        assert_collected(&home, &account);
    }
}

#[test]
fn the_log_tells_what_was_read_and_delivered() {
    let _filters = filters();
    let (home, account) = (home(), Account::small());
    let unwatched = "    silence_alert_secs: { audit_logs: 0 }\nsinks:";
    home.write("zenstream.yaml", &CONFIG.replace("sinks:", unwatched));
    let ended = home.zenstream("run -c zenstream.yaml --once").at(&account).run();
    insta::assert_snapshot!(ended, @r#"
    exit code 0
    --- stderr
    [now]  INFO started streams=2 sinks=1
    [now]  INFO read stream="acme.audit_logs" events=250 deduplicated=0 rejected=0
    [now]  INFO read stream="acme.tickets" events=30 deduplicated=0 rejected=0
    [now]  INFO delivered sink="files" events=280 bytes=234171 discarded=0
    "#);
}

#[test]
fn a_stopped_run_has_written_everything_out() {
    let (home, account) = (home(), Account::small());
    for signal in ["TERM", "INT"] {
        let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
        running.wait_until("all was collected", |_| {
            home.lines("out/audit_logs.ndjson").len() == 250
                && home.lines("out/tickets.ndjson").len() == 30
        });
        running.wait_until("it listens", |it| it.stderr().contains("started"));
        running.signal(signal);
        running.end().well();
        assert_collected(&home, &account);
    }
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    assert_collected(&home, &account);
}

#[test]
fn a_run_stopped_in_the_middle_is_continued() {
    let home = home();
    let account = Account::new("--audit-logs 3000 --tickets 30 --rate-limit 0 --latency-ms 20");
    let mut running = home.zenstream("run -c zenstream.yaml").at(&account).start();
    running.wait_until("a first page", |_| !home.lines("out/audit_logs.ndjson").is_empty());
    running.signal("TERM");
    running.end().well();
    assert!(home.lines("out/audit_logs.ndjson").len() < 3000, "it was not in the middle");
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    // Whoever follows reads history in slices: all of it, in no order.
    for stream in ["audit_logs", "tickets"] {
        let mut held = home.lines(&format!("out/{stream}.ndjson"));
        let mut truth = account.records(stream);
        held.sort();
        truth.sort();
        assert_eq!(held, truth);
    }
}

/// Standard output that nobody reads: the pipe is full soon, and writing waits.
const STUCK: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs]
    since: beginning
sinks:
  out: { type: console, inputs: [acme] }
"#;

#[test]
fn a_reader_that_goes_ends_the_run_well() {
    let (home, account) = (Home::new(), Account::new("--audit-logs 5000 --rate-limit 0"));
    home.write("stuck.yaml", STUCK);
    for line in ["-q run -c stuck.yaml", "-q run -c stuck.yaml --once"] {
        let (first, ended) = home.zenstream(line).at(&account).read_one_line();
        assert!(first.starts_with('{'), "{first}");
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn a_run_that_waits_for_an_account_that_is_away_stops_when_told() {
    let home = home();
    let run = home.zenstream("run -c zenstream.yaml").env("ZENDESK_BEARER_TOKEN", "x");
    let mut running = run.env("ZENDESK_BASE_URL", "http://127.0.0.1:1").start();
    running.wait_until("it waits", |it| it.stderr().contains("Connection refused"));
    running.signal("TERM");
    running.end().well();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::new("--audit-logs 5000 --rate-limit 0"));
    home.write("stuck.yaml", STUCK);
    let mut running = home.zenstream("run -c stuck.yaml").at(&account).start_unread();
    running.wait_until("it runs", |it| it.stderr().contains("started"));
    crate::binary::pause(std::time::Duration::from_millis(500));
    running.signal("TERM");
    running.wait_until("the first signal", |it| it.stderr().contains("stopping"));
    running.signal("TERM");
    insta::assert_snapshot!(running.end().last_words(), @"
    exit code 1
    --- stderr
    error: stopped before everything was written out
    hint: nothing is lost: the next run reads it again
    ");
}

#[test]
fn a_run_that_cannot_write_out_in_time_says_so() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::new("--audit-logs 5000 --rate-limit 0"));
    home.write("stuck.yaml", STUCK);
    let line = "-qq run -c stuck.yaml --shutdown-timeout 1";
    let running = home.zenstream(line).at(&account).start_unread();
    crate::binary::pause(std::time::Duration::from_millis(1_000));
    running.signal("TERM");
    insta::assert_snapshot!(running.end().last_words(), @"
    exit code 1
    --- stderr
    error: not everything could be written within 1s
    hint: nothing is lost: the next run reads it again; see `--shutdown-timeout`
    ");
}

#[test]
fn a_stream_that_the_plan_lacks_is_left_out_and_named() {
    let _filters = filters();
    let home = home();
    let account = Account::new("--without-enterprise --tickets 30 --rate-limit 0");
    let ended = home.zenstream("-qq run -c zenstream.yaml --once").at(&account).run();
    assert_eq!(home.lines("out/tickets.ndjson"), account.records("tickets"));
    insta::assert_snapshot!(ended, @r#"
    exit code 0
    --- stderr
    [now] ERROR stream failed, left out stream="acme.audit_logs" error=zendesk answered: Forbidden: You do not have access to this page. Please contact the account owner of this help desk for further help. (403) hint="the plan, the role or the scope does not allow it; this needs the Enterprise plan, the role `admin` and the scope `auditlogs:read` or `read`"
    "#);
}

#[test]
fn a_run_without_a_stream_left_fails() {
    let _filters = filters();
    let home = Home::new();
    home.write("zenstream.yaml", &CONFIG.replace("[audit_logs, tickets]", "[audit_logs]"));
    let account = Account::new("--without-enterprise --rate-limit 0");
    for options in ["--once", ""] {
        let line = format!("run -c zenstream.yaml {options}");
        let ended = home.zenstream(&line).at(&account).run();
        insta::allow_duplicates! {
            insta::assert_snapshot!(ended.last_words(), @"
            exit code 1
            --- stderr
            error: stream `acme.audit_logs`: zendesk answered: Forbidden: You do not have access to this page. Please contact the account owner of this help desk for further help. (403)
            hint: the plan, the role or the scope does not allow it; this needs the Enterprise plan, the role `admin` and the scope `auditlogs:read` or `read`
            ");
        }
    }
}

#[test]
fn credentials_that_are_refused_fail_the_run() {
    let _filters = filters();
    let (home, account) = (home(), Account::small());
    let run = home.zenstream("run -c zenstream.yaml --once").at(&account);
    insta::assert_snapshot!(run.env("ZENDESK_BEARER_TOKEN", "wrong").run().last_words(), @"
    exit code 1
    --- stderr
    error: stream `acme.audit_logs`: zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)
    hint: the access token is expired, revoked or of another account: make a new one
    ");
}

#[test]
fn a_page_limit_ends_the_run_and_the_next_goes_on_from_there() {
    let (home, account) = (home(), Account::small());
    let run = home.zenstream("run -c zenstream.yaml --once --max-pages 1").at(&account);
    run.run().well();
    assert_eq!(home.lines("out/audit_logs.ndjson").len(), 100);
    let run = home.zenstream("run -c zenstream.yaml --once --max-pages 1").at(&account);
    run.run().well();
    // The second page may begin with records of the last second of the first.
    let second = home.lines("out/audit_logs.ndjson").len();
    assert!((101..=200).contains(&second), "{second}");
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    assert_collected(&home, &account);
}

#[test]
fn a_second_run_on_a_checkpoint_is_refused_and_writes_nothing() {
    let _filters = filters();
    let (home, account) = (home(), Account::small());
    home.write("second.yaml", &CONFIG.replace("out/", "second/"));
    let mut first = home.zenstream("run -c zenstream.yaml").at(&account).start();
    first.wait_until("it has the checkpoint", |_| !home.lines("state/checkpoint.json").is_empty());
    let second = home.zenstream("run -c second.yaml --once").at(&account).run();
    insta::assert_snapshot!(second.last_words(), @"
    exit code 1
    --- stderr
    error: another zenstream (process [pid]) runs on the checkpoint [home]/state/checkpoint.json
    hint: stop it first, or give this one another `data_dir`
    ");
    assert!(!home.path("second").try_exists().expect("a directory to look into"));
    first.signal("TERM");
    first.end().well();
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_refused_and_left_alone() {
    let _filters = filters();
    let (home, account) = (home(), Account::small());
    home.zenstream("run -c zenstream.yaml --once --max-pages 1").at(&account).run().well();
    let whole = home.lines("state/checkpoint.json").join("\n");
    let half = &whole[..whole.find("\"streams\":{").expect("streams") + "\"streams\":{".len()];
    home.write("state/checkpoint.json", half);
    let before = home.lines("out/audit_logs.ndjson");
    insta::assert_snapshot!(home.zenstream("run -c zenstream.yaml --once").at(&account).run().last_words(), @"
    exit code 1
    --- stderr
    error: the checkpoint [home]/state/checkpoint.json cannot be read: EOF while parsing an object at line 1 column [n]
    hint: put a backup in its place; or move it away, after which streams start at their `since` again
    ");
    assert_eq!(home.lines("state/checkpoint.json").join("\n"), half);
    assert_eq!(home.lines("out/audit_logs.ndjson"), before);
}

#[test]
fn another_account_under_the_same_name_is_refused() {
    let _filters = filters();
    let (home, account, other) = (home(), Account::small(), Account::small());
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    let before = home.lines("out/audit_logs.ndjson");
    insta::assert_snapshot!(home.zenstream("run -c zenstream.yaml --once").at(&other).run().last_words(), @"
    exit code 1
    --- stderr
    error: `acme.audit_logs` in [home]/state/checkpoint.json was read from http://127.0.0.1:[port], not from http://127.0.0.1:[port]
    hint: give the new account another source name or another checkpoint
    ");
    assert_eq!(home.lines("out/audit_logs.ndjson"), before);
}

#[test]
fn a_file_that_cannot_be_written_fails_the_run() {
    let _filters = filters();
    let (home, account) = (home(), Account::small());
    home.write("out", "a file where a directory should be");
    insta::assert_snapshot!(home.zenstream("run -c zenstream.yaml --once").at(&account).run().last_words(), @"
    exit code 1
    --- stderr
    error: sink `files`: cannot write to [home]/out/: Not a directory (os error 20)
    hint: make the directory, or choose another place
    ");
}

#[test]
fn a_log_that_cannot_be_written_costs_no_event() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
    let (_, nobody_reads) = std::io::pipe().expect("a pipe");
    for log in [std::process::Stdio::from(full()), nobody_reads.into()] {
        let (home, account) = (home(), Account::small());
        let code = home.zenstream("run -c zenstream.yaml --once").at(&account).run_logging_to(log);
        assert_eq!(code, Some(0));
        assert_collected(&home, &account);
    }
    let code = home().zenstream("run -c missing.yaml").run_logging_to(full());
    assert_eq!(code, Some(78), "the code says it even if nothing else can");
}

#[test]
fn a_log_of_json_is_json_and_stdout_is_data_alone() {
    let home = Home::new();
    home.write("zenstream.yaml", STUCK);
    let account = Account::new("--audit-logs 250 --rate-limit 0 --faults 500:3");
    let line = "-vvv --log-format json run -c zenstream.yaml --once";
    let ended = home.zenstream(line).at(&account).run().well();
    assert_eq!(ended.lines(), account.records("audit_logs"));
    let mut levels = std::collections::BTreeSet::new();
    for line in ended.stderr.lines() {
        let message: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        levels.insert(message["level"].as_str().expect("a level").to_owned());
        assert!(message["timestamp"].is_string(), "{line}");
    }
    assert!(levels.contains("INFO") && levels.contains("TRACE"), "{levels:?}");
}

#[test]
fn the_last_message_of_a_json_log_is_json_too() {
    let _filters = filters();
    let home = Home::new();
    let line = "--log-format json run -c missing.yaml --once";
    insta::assert_snapshot!(home.zenstream(line).run(), @r#"
    exit code 78
    --- stderr
    {"timestamp":"[now]","level":"ERROR","message":"cannot read config `missing.yaml`: No such file or directory (os error 2)","hint":"`zenstream generate` prints one to begin with"}
    "#);
    let read = home.zenstream("read audit_log").env("ZENSTREAM_LOG_FORMAT", "json");
    insta::assert_snapshot!(read.run(), @r#"
    exit code 2
    --- stderr
    {"timestamp":"[now]","level":"ERROR","message":"there is no stream `audit_log`","hint":"did you mean `audit_logs`?"}
    "#);
}
