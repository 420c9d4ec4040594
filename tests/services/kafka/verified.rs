//! `verify` against topics: what is lost, doubled or changed is found, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode as Code;
use serde_json::Value;

use super::cluster::Cluster;
use crate::binary::{Account, Ended, Home, Program, pause};
use crate::unique;

const PERIOD: &str = "--since beginning --until 2024-06-02";

const PARTITIONS: i32 = 3;

/// Of each kind.
const PLANTED: usize = 100;

const PATIENCE: Duration = Duration::from_secs(30);

/// A config whose sinks write to topics that begin with `NAME`.
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
  each: { type: kafka, inputs: [acme], bootstrap_servers: SERVERS, topic: "NAME-{{ stream }}", compression: zstd }
  all:
    type: kafka
    inputs: [acme]
    bootstrap_servers: SERVERS
    topic: ALL
    timestamp: event_time
    key_field: "%zendesk.subdomain"
    encoding: { codec: json, metadata_key: zendesk }
  months: { type: kafka, inputs: [acme], bootstrap_servers: SERVERS, topic: "NAME-{{ stream }}-%Y-%m" }
  cut: { type: kafka, inputs: [acme], bootstrap_servers: SERVERS, topic: NAME-cut, encoding: { codec: json, only_fields: [id] } }
"#;

fn account() -> Account {
    Account::new("--audit-logs 2000 --tickets 60 --rate-limit 0")
}

/// A topic of several partitions.
fn topic(cluster: &Cluster) -> String {
    let name = unique("verified");
    let admin: AdminClient<DefaultClientContext> = cluster.client().create().unwrap();
    let new =
        NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for made in runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap() {
        made.unwrap();
    }
    name
}

/// A producer with a transaction that is open.
fn begun(cluster: &Cluster) -> BaseProducer {
    let mut config = cluster.client();
    config.set("transactional.id", unique("writer")).set("compression.type", "lz4");
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer
}

/// Lines over all partitions, without saying whose they are.
fn send<'l>(producer: &BaseProducer, topic: &str, lines: impl IntoIterator<Item = &'l String>) {
    for (number, line) in (0..).zip(lines) {
        loop {
            let record = BaseRecord::<str, str>::to(topic).partition(number % PARTITIONS);
            match producer.send(record.payload(line)) {
                Ok(()) => break,
                Err((error, _)) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                    producer.poll(Duration::from_millis(20));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }
    producer.flush(PATIENCE).unwrap();
}

fn commit<'l>(cluster: &Cluster, topic: &str, lines: impl IntoIterator<Item = &'l String>) {
    let producer = begun(cluster);
    send(&producer, topic, lines);
    producer.commit_transaction(PATIENCE).unwrap();
}

fn verify<'h>(home: &'h Home, account: &Account, line: &str) -> Program<'h> {
    home.zenstream(&format!("verify {line} {PERIOD}")).at(account)
}

fn address(cluster: &Cluster, topic: &str) -> String {
    format!("audit_logs --against kafka://{}/{topic}", cluster.servers)
}

/// A report's counts, and the ids that it has of a kind.
fn counts(ended: &Ended) -> Value {
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    report["counts"].clone()
}

fn ids(ended: &Ended, kind: &str) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(&ended.stdout).expect("a report");
    let found = report[kind].as_array().unwrap_or_else(|| panic!("{kind}: {ended}"));
    found.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

fn id(line: &str) -> String {
    let record: Value = serde_json::from_str(line).expect("a record");
    record["id"].to_string()
}

#[test]
fn what_was_collected_into_topics_is_verified() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account, name) = (Home::new(), account(), unique("collected"));
    // The others keep messages for a week; with the time of their events they would be gone.
    let all = topic(&cluster);
    let config = CONFIG.replace("SERVERS", &cluster.servers).replace("NAME", &name);
    home.write("zenstream.yaml", &config.replace("ALL", &all));
    home.zenstream("run -c zenstream.yaml --once").at(&account).run().well();
    for sink in ["each", "all", "months"] {
        for (stream, count) in [("audit_logs", 2_000), ("tickets", 60)] {
            let line = format!("{stream} -c zenstream.yaml --sink {sink} --format json");
            let ended = verify(&home, &account, &line).run().well();
            assert_eq!(counts(&ended)["destination"], count, "{sink}: {ended}");
        }
    }
    let whole = format!("{all} --metadata-key zendesk");
    for topics in [whole, format!("{name}-audit_logs"), format!("{name}-audit_logs-*")] {
        let ended = verify(&home, &account, &address(&cluster, &topics)).run().well();
        assert_eq!(ended.stderr, "verified: every event is there once and unchanged\n");
    }
    let own = format!("tickets -c zenstream.yaml --sink each --against kafka://{name}-tickets");
    verify(&home, &account, &own).run().well();
    let both = format!(
        "{0} --against kafka://{1}/{name}-audit_logs-*",
        address(&cluster, &format!("{name}-audit_logs")),
        cluster.servers
    );
    let ended = verify(&home, &account, &both).run();
    assert!(ended.stderr.contains("not verified: 2000 doubled\n"), "{ended}");
    let refused = verify(&home, &account, "tickets -c zenstream.yaml --sink cut").run();
    insta::assert_snapshot!(refused.last_words(), @"
    exit code 2
    --- stderr
    error: the sink `cut` does not write records as they are, one a line
    hint: what can be verified are records as Zendesk sent them
    ");
}

#[test]
fn every_planted_fault_is_found_and_nothing_else() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account) = (Home::new(), account());
    let topic = topic(&cluster);
    let mut random = fastrand::Rng::with_seed(11);
    let mut lines = account.records("audit_logs");
    random.shuffle(&mut lines);
    let (mut doubled, mut altered) = (Vec::new(), BTreeSet::new());
    let lost: BTreeSet<String> =
        lines.split_off(lines.len() - PLANTED).iter().map(|it| id(it)).collect();
    for line in &lines[..PLANTED] {
        doubled.push(line.clone());
    }
    for line in &mut lines[PLANTED..2 * PLANTED] {
        altered.insert(id(line));
        // One byte of a text, so that the record stays one, of the same id and time.
        let at = line.find("\"action\":\"").expect("a text") + "\"action\":\"".len();
        let other = if line.as_bytes()[at] == b'x' { "y" } else { "x" };
        line.replace_range(at..=at, other);
    }
    random.shuffle(&mut lines);
    let (first, second) = lines.split_at(700);
    commit(&cluster, &topic, first);
    commit(&cluster, &topic, doubled.iter().chain(second));
    let line = format!("{} --format json", address(&cluster, &topic));
    let ended = verify(&home, &account, &line).run();
    assert_eq!(ended.code, Some(1), "{ended}");
    let told = "not verified: 100 missing, 100 doubled, 100 altered\n";
    assert!(ended.stderr.contains(told), "{ended}");
    let doubled: BTreeSet<String> = doubled.iter().map(|it| id(it)).collect();
    for (kind, planted) in [("missing", lost), ("doubled", doubled), ("altered", altered)] {
        assert_eq!(ids(&ended, kind), planted, "{kind}");
    }
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let place = report["doubled"][0]["places"][0].as_str().unwrap();
    assert!(place.starts_with(&format!("kafka://{}/{topic}/", cluster.servers)), "{place}");
}

#[test]
fn what_was_aborted_does_not_count_and_what_is_open_is_waited_for() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account) = (Home::new(), account());
    let (topic, lines) = (topic(&cluster), account.records("audit_logs"));
    let aborted = begun(&cluster);
    send(&aborted, &topic, &lines[..500]);
    aborted.abort_transaction(PATIENCE).unwrap();
    let open = begun(&cluster);
    send(&open, &topic, &lines[..1_000]);
    commit(&cluster, &topic, &lines[1_000..]);
    // Behind what is open everything is hidden from a reader of what is committed.
    let line = format!("{} --format json", address(&cluster, &topic));
    let mut running = verify(&home, &account, &line).start();
    pause(Duration::from_secs(3));
    assert!(!running.has_ended(), "{}", running.stderr());
    open.commit_transaction(PATIENCE).unwrap();
    let ended = running.end().well();
    assert_eq!(counts(&ended)["destination"], 2_000, "{ended}");
    assert_eq!(counts(&ended)["lines"], 2_000, "{ended}");
    let late = begun(&cluster);
    send(&late, &topic, &lines[..500]);
    late.abort_transaction(PATIENCE).unwrap();
    verify(&home, &account, &line).run().well();
}

#[test]
fn messages_of_others_are_passed_over_and_what_is_no_record_is_told() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account) = (Home::new(), account());
    let (topic, lines) = (topic(&cluster), account.records("audit_logs"));
    let producer = begun(&cluster);
    send(&producer, &topic, &lines);
    let says = |name: &str, value: &str, text: &str| {
        let headers = OwnedHeaders::new().insert(Header { key: name, value: Some(value) });
        let record = BaseRecord::<str, str>::to(&topic).payload(text).headers(headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    };
    says("stream", "tickets", &lines[0]);
    says("subdomain", "globex", &lines[0]);
    producer.commit_transaction(PATIENCE).unwrap();
    let line = format!("{} --format json", address(&cluster, &topic));
    let ended = verify(&home, &account, &line).run().well();
    assert_eq!(counts(&ended)["outside"], 2, "{ended}");
    let producer = begun(&cluster);
    let nothing = BaseRecord::<str, str>::to(&topic).partition(1).key("a");
    producer.send(nothing).map_err(|(error, _)| error).unwrap();
    let strange = BaseRecord::to(&topic).partition(1).key("b").payload("strange");
    producer.send::<str, str>(strange).map_err(|(error, _)| error).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    let ended = verify(&home, &account, &line).run();
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("not verified: 2 unreadable\n"), "{ended}");
}

#[test]
fn what_retention_deleted_is_missing_and_the_hint_says_so() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account) = (Home::new(), account());
    let (topic, lines) = (topic(&cluster), account.records("audit_logs"));
    commit(&cluster, &topic, &lines);
    let admin: AdminClient<DefaultClientContext> = cluster.client().create().unwrap();
    let mut until = rdkafka::TopicPartitionList::new();
    until.add_partition_offset(&topic, 2, rdkafka::Offset::Offset(10)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(admin.delete_records(&until, &AdminOptions::new())).unwrap();
    let ended = verify(&home, &account, &address(&cluster, &topic)).run();
    assert!(ended.stderr.contains("not verified: 10 missing\n"), "{ended}");
    assert!(
        ended.stderr.contains("hint: the first 10 offsets are gone from the topics"),
        "{ended}"
    );
}

#[test]
fn a_topic_that_cannot_be_read_is_told_with_what_to_do() {
    let Some(cluster) = Cluster::named() else { return };
    let (home, account) = (Home::new(), account());
    let topic = topic(&cluster);
    let told = |line: &str| {
        let said = verify(&home, &account, line).run().last_words();
        said.replace(&cluster.servers, "[servers]").replace(&topic, "[topic]")
    };
    let misspelt = topic.replace("verified", "verifeid");
    let said = told(&address(&cluster, &misspelt)).replace(&misspelt, "[misspelt]");
    insta::assert_snapshot!(said, @"
    exit code 1
    --- stderr
    error: there is no topic `[misspelt]` at [servers]
    hint: did you mean `[topic]`?
    ");
    insta::assert_snapshot!(told(&address(&cluster, "never-made")), @"
    exit code 1
    --- stderr
    error: there is no topic `never-made` at [servers]
    hint: correct the name; `kafka-topics.sh --list` shows what there is
    ");
    insta::assert_snapshot!(told(&address(&cluster, "never-made-*")), @"
    exit code 1
    --- stderr
    error: no topic at [servers] matches `never-made-*`
    hint: correct the name; `kafka-topics.sh --list` shows what there is
    ");
    let Some(asking) = cluster.with_sign_in() else { return };
    let said = told(&address(&asking, &topic));
    assert!(said.contains("hint: if it stays like this, the port speaks otherwise"), "{said}");
}
