//! `verify`: what a destination holds, against what the account has.

use std::io::Write as _;

use serde_json::Value;

use super::filters;
use crate::binary::{Account, Ended, Home};

/// The same records in three files: plain, packed, and with metadata in them.
const CONFIG: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs, tickets]
    since: beginning
    stream_options: { audit_logs: { lag_secs: 0 } }
sinks:
  plain: { type: file, inputs: [acme.*], path: "plain/{{ stream }}/%Y-%m.ndjson" }
  gzip: { type: file, inputs: [acme.*], path: "gzip/{{ stream }}.gz", compression: gzip }
  zstd: { type: file, inputs: [acme.*], path: "zstd/{{ stream }}", compression: zstd }
  beside:
    type: file
    inputs: [acme.audit_logs]
    path: "beside/{{ stream }}"
    encoding: { codec: json, metadata_key: zendesk }
  cut:
    type: file
    inputs: [acme.audit_logs]
    path: "cut/{{ stream }}"
    encoding: { codec: json, only_fields: [id] }
"#;

const PERIOD: &str = "--since beginning --until 2024-06-02";

fn collected(account: &Account) -> Home {
    let home = Home::new();
    home.write("zenstream.yaml", CONFIG);
    home.zenstream("run -c zenstream.yaml --once").at(account).run().well();
    home
}

fn verify(home: &Home, account: &Account, line: &str) -> Ended {
    home.zenstream(&format!("verify {line} {PERIOD}")).at(account).run()
}

#[test]
fn what_was_collected_is_verified() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    for sink in ["plain", "gzip", "zstd", "beside"] {
        let line = format!("audit_logs -c zenstream.yaml --sink {sink}");
        let ended = verify(&home, &account, &line).well();
        assert!(ended.stdout.contains("account      250 events"), "{sink}: {ended}");
        assert!(ended.stdout.contains("destination  250 events"), "{sink}: {ended}");
        assert_eq!(ended.stderr, "verified: every event is there once and unchanged\n", "{sink}");
    }
    for place in ["plain/audit_logs", "gzip/audit_logs", "zstd/audit_logs", "plain/audit"] {
        verify(&home, &account, &format!("audit_logs --against {place}")).well();
    }
    verify(&home, &account, "audit_logs --against beside/audit_logs --metadata-key zendesk").well();
    verify(&home, &account, "tickets -c zenstream.yaml --sink gzip").well();
}

#[test]
fn several_streams_are_verified_into_one_report() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    let line = "audit_logs,tickets -c zenstream.yaml --sink gzip --report proof.json";
    let ended = verify(&home, &account, line).well();
    assert_eq!(
        ended.stderr,
        "verified: audit_logs, tickets: every event is there once and unchanged\n"
    );
    let report = || -> Value {
        serde_json::from_str(&home.lines("proof.json").join("\n")).expect("a JSON report")
    };
    let both = report();
    assert_eq!(both["verified"], true);
    // Each section is what the report of that stream alone is.
    for (place, stream) in ["audit_logs", "tickets"].into_iter().enumerate() {
        let line = format!("{stream} -c zenstream.yaml --sink gzip --report proof.json");
        let alone = verify(&home, &account, &line).well();
        assert!(ended.stdout.contains(&alone.stdout), "{stream}: {ended}");
        assert_eq!(both["streams"][place], report(), "{stream}");
        assert!(report()["hours"].as_array().is_some_and(|hours| !hours.is_empty()), "{stream}");
        let digest = report()["digest"]["account"].as_str().map(str::len);
        assert_eq!(digest, Some(64), "{stream}");
    }
    verify(&home, &account, "tickets,audit_logs -c zenstream.yaml --sink plain").well();
}

#[test]
fn what_is_wrong_with_one_stream_keeps_no_other_from_being_verified() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    let places = |streams: &str| {
        let verify = home.zenstream(&format!("verify {streams} {PERIOD} --report proof.json"));
        verify.args("--against").arg("plain/{{ stream }}").at(&account).run()
    };
    places("audit_logs,tickets").well();
    let lost = home.gzip_lines("gzip/audit_logs.gz").remove(0);
    let file = std::fs::read_dir(home.path("plain/audit_logs")).expect("a directory").next();
    let file = file.expect("a file").expect("a file").path();
    let kept = std::fs::read_to_string(&file).expect("lines").replace(&(lost + "\n"), "");
    std::fs::write(&file, kept).expect("a file");
    let ended = places("users,audit_logs,tickets");
    assert_eq!(ended.code, Some(1), "{ended}");
    let told = ended.stderr.split("`zenstream read").next().expect("a beginning");
    insta::assert_snapshot!(told, @"
    error: users: there is nothing at plain/users
    hint: let `--against` point to where this stream's lines are
    error: audit_logs: not verified: 1 missing
    hint: 
    ");
    let report: Value =
        serde_json::from_str(&home.lines("proof.json").join("\n")).expect("a JSON report");
    let verified = |place: usize| report["streams"][place]["verified"].clone();
    assert_eq!([verified(0), verified(1), verified(2)].map(|it| it == true), [false, false, true]);
    assert_eq!(report["verified"], false);
    assert_eq!(report["streams"][0]["error"], "users: there is nothing at plain/users");
    assert_eq!(report["streams"][1]["missing"].as_array().map(Vec::len), Some(1));

    let refused = verify(&home, &account, "audit_logs,tickets --against plain");
    insta::assert_snapshot!(refused, @"
    exit code 2
    --- stderr
    error: several streams cannot be told apart in one place
    hint: let `--against` name the place of each, as in `s3://acme-logs/zendesk/{{ stream }}/`, or let a sink say it (`-c FILE --sink NAME`)
    ");
}

#[test]
fn a_part_of_the_time_is_verified_beside_the_rest() {
    let account = Account::small();
    let home = collected(&account);
    let line = "verify audit_logs --since 2024-05-10 --until 2024-05-20 --against plain/audit_logs";
    let ended = home.zenstream(line).args("--format json").at(&account).run().well();
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let counts = &report["counts"];
    assert!(counts["account"].as_u64().is_some_and(|count| (1..250).contains(&count)), "{counts}");
    assert_eq!(counts["account"], counts["destination"]);
    assert!(counts["outside"].as_u64().is_some_and(|count| count > 0), "{counts}");
    assert_eq!(report["digest"]["account"], report["digest"]["destination"]);
    assert_eq!(report["verified"], true);
}

#[test]
fn a_loss_a_double_and_a_change_are_found_and_named() {
    let account = Account::small();
    let home = collected(&account);
    let mut lines = home.gzip_lines("gzip/audit_logs.gz");
    let id = |line: &str| {
        let record: Value = serde_json::from_str(line).expect("a record");
        record["id"].to_string()
    };
    let (lost, double, altered) = (id(&lines[7]), id(&lines[80]), id(&lines[200]));
    let ip = lines[200].rfind("203.0").expect("an address");
    lines[200].replace_range(ip..=ip, "3");
    let again = lines[80].clone();
    lines.push(again);
    lines.remove(7);
    let file = std::fs::File::create(home.path("gzip/audit_logs.gz")).expect("a file");
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    packed.write_all((lines.join("\n") + "\n").as_bytes()).expect("lines");
    packed.finish().expect("a whole file");
    let line = "audit_logs -c zenstream.yaml --sink gzip --report proof.json";
    let ended = verify(&home, &account, line);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("not verified: 1 missing, 1 doubled, 1 altered\n"), "{ended}");
    // What it says to do brings the event that is lost.
    let (_, read) = ended.stderr.split_once("hint: `zenstream ").expect("a hint");
    let (read, _) = read.split_once('`').expect("a command");
    let brought = home.zenstream(read).at(&account).run().well();
    assert_eq!(brought.lines().iter().map(|line| id(line)).collect::<Vec<_>>(), [lost.as_str()]);
    for (kind, id) in [("missing", &lost), ("doubled", &double), ("altered", &altered)] {
        assert!(ended.stdout.contains(&format!("\n{kind} {id}")), "{ended}");
    }
    let report: Value =
        serde_json::from_str(&home.lines("proof.json").join("\n")).expect("a JSON report");
    for (kind, id) in [("missing", &lost), ("doubled", &double), ("altered", &altered)] {
        assert_eq!(report[kind].as_array().map(Vec::len), Some(1), "{kind}");
        assert_eq!(report[kind][0]["id"], Value::from(id.as_str()), "{kind}");
    }
    assert_eq!(report["verified"], false);
}

/// The first event, an hour of the one after, and what is not shown: told, and where it is.
#[test]
fn more_losses_than_are_shown_are_counted_and_named_by_hour() {
    let account = Account::small();
    let home = collected(&account);
    let lines = home.gzip_lines("gzip/audit_logs.gz");
    home.write("kept.ndjson", &(lines[25..].join("\n") + "\n"));
    let line = "audit_logs --against kept.ndjson";
    let ended = verify(&home, &account, line);
    assert_eq!(ended.code, Some(1), "{ended}");
    let found: Vec<&str> =
        ended.stdout.lines().filter_map(|line| line.strip_prefix("missing ")).skip(1).collect();
    assert_eq!(found.len(), 21, "{ended}");
    assert_eq!(found[20], "and 5 more: `--report FILE` has all");
    let hours: Vec<_> = found[..20].iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert!(hours.len() == 20 && hours.is_sorted(), "{ended}");
    assert!(hours[0].ends_with(":00:00Z"), "{ended}");
    assert!(ended.stderr.contains("(the ids: `--report FILE` has all)"), "{ended}");
    let ended = verify(&home, &account, &format!("{line} --report proof.json"));
    assert!(ended.stdout.contains("missing and 5 more: proof.json has all\n"), "{ended}");

    // Doubled or altered alone leave nobody without a word either.
    let twice = [&lines[..], &lines[..1]].concat().join("\n") + "\n";
    let altered = lines.join("\n").replacen("203.0", "303.0", 1) + "\n";
    for (text, hint) in [(twice, "hint: after the id"), (altered, "hint: `zenstream read ")] {
        home.write("kept.ndjson", &text);
        let ended = verify(&home, &account, line);
        assert!(ended.code == Some(1) && ended.stderr.contains(hint), "{ended}");
    }
}

#[test]
fn a_file_that_ends_too_early_is_told() {
    let account = Account::small();
    let home = collected(&account);
    let whole = std::fs::read(home.path("gzip/audit_logs.gz")).expect("a file");
    std::fs::write(home.path("gzip/audit_logs.gz"), &whole[..whole.len() - 20]).expect("a file");
    let ended = verify(&home, &account, "audit_logs --against gzip/audit_logs.gz");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("\nunreadable gzip/audit_logs.gz:"), "{ended}");
}

#[test]
fn what_cannot_be_verified_is_refused_with_a_way_out() {
    let _filters = filters();
    let account = Account::small();
    let home = collected(&account);
    let refused = |line: &str| verify(&home, &account, line).last_words();
    insta::assert_snapshot!(refused("audit_logs -c zenstream.yaml --sink cut"), @"
    exit code 2
    --- stderr
    error: the sink `cut` does not write records as they are, one a line
    hint: what can be verified are records as Zendesk sent them
    ");
    insta::assert_snapshot!(refused("tickets -c zenstream.yaml --sink beside"), @"
    exit code 2
    --- stderr
    error: the sink `beside` does not take `acme.tickets` itself
    hint: what can be verified are records as Zendesk sent them
    ");
    insta::assert_snapshot!(refused("tickets -c zenstream.yaml --sink archive"), @"
    exit code 2
    --- stderr
    error: the config has no sink `archive`
    hint: it has `beside`, `cut`, `gzip`, `plain`, `zstd`
    ");
    insta::assert_snapshot!(refused("audit_logs --against nowhere"), @"
    exit code 1
    --- stderr
    error: there is nothing at nowhere
    hint: let `--against` point to where this stream's lines are
    ");
    insta::assert_snapshot!(refused("audit_logs --against ftp://x/y"), @"
    exit code 2
    --- stderr
    error: `ftp://x/y` is no place that can be read
    hint: write `s3://`, `gs://`, `az://`, `kafka://`, or a file or directory
    ");
    insta::assert_snapshot!(refused("audit_logs --against az://logs/x"), @"
    exit code 2
    --- stderr
    error: which storage account is the container `logs` in?
    hint: set `AZURE_STORAGE_CONNECTION_STRING` or `AZURE_STORAGE_ACCOUNT`
    ");
}

#[test]
fn a_topic_needs_a_cluster_and_secrets_a_config() {
    let account = Account::small();
    let home = Home::new();
    let refused =
        |place: &str| verify(&home, &account, &format!("audit_logs --against {place}")).to_string();
    insta::assert_snapshot!(refused("kafka://zendesk-audit_logs"), @"
    exit code 2
    --- stderr
    error: which cluster is the topic `zendesk-audit_logs` at?
    hint: write `kafka://HOST:PORT/zendesk-audit_logs`, or name a sink of the cluster, which also says how to sign in: `-c FILE --sink NAME`
    ");
    insta::assert_snapshot!(refused("kafka://kafka-1:9092"), @"
    exit code 2
    --- stderr
    error: `kafka://kafka-1:9092` names no topic
    hint: write `kafka://HOST:PORT/TOPIC`
    ");
    insta::assert_snapshot!(refused("kafka://me:hunter2@kafka-1:9092/t"), @"
    exit code 2
    --- stderr
    error: credentials do not belong into an address
    hint: let a sink say how to sign in: `-c FILE --sink NAME`
    ");
    let away = refused("kafka://127.0.0.1:9/t");
    assert!(away.contains("error: cannot use the topic `t` at 127.0.0.1:9: "), "{away}");
    assert!(away.contains("hint: check `bootstrap_servers`"), "{away}");
}
