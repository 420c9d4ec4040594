//! Records in the words of others: each audit and access event of many accounts, each kind of record that
//! there is, and records that nobody would expect, held against the published schemas.
//!
//! `tests/schemas` has what is published, in short, and says where it is from.

mod cim;
mod claims;
mod ecs;
mod ocsf;
mod odd;
mod rows;
mod udm;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use zenstream::config::{self, Format};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{Memory, Sink};
use zenstream::transform::{Graph, Step};

use crate::world::{Extra, Life, Reading, World};

/// What is wrong with an event; nothing, if it is as the schema has it.
type Check = fn(&Value) -> Vec<String>;

/// Every schema, by its name in a config.
const SCHEMAS: [(&str, Check); 4] = [
    ("ecs", ecs::problems),
    ("ocsf", ocsf::problems),
    ("udm", udm::problems),
    ("splunk_cim", cim::problems),
];

/// A config's `remap` with this schema; it takes everything, what is dropped can be had. A program is compiled
/// once for all tests.
fn remap(schema: &str) -> &'static [Step] {
    static COMPILED: LazyLock<HashMap<&str, Vec<Step>>> =
        LazyLock::new(|| SCHEMAS.map(|(schema, _)| (schema, loaded(schema))).into());
    &COMPILED[schema]
}

fn loaded(schema: &str) -> Vec<Step> {
    let text = format!(
        "sources: {{ acme: {{ type: zendesk, subdomain: acme, auth: {{ strategy: bearer, token: t }}, streams: ['*'] }} }}
transforms: {{ s: {{ type: remap, inputs: ['acme.*'], schema: {schema}, drop_on_error: true, reroute_dropped: true }} }}
sinks: {{ out: {{ type: console, inputs: ['s*'] }} }}"
    );
    let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
    let config = config::parse(&text, Format::Yaml, "c.yaml", &environment);
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, []);
    config.transforms
}

/// The event of a record of this stream.
fn event(stream: &str, record: String) -> Event {
    let known: Value = serde_json::from_str(&record).expect("JSON");
    let id = match &known["id"] {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    let time = known["created_at"].as_str().or(known["timestamp"].as_str());
    Event {
        id: RecordId { record: Bytes::from(id), version: None },
        time: time.and_then(|time| time.parse().ok()),
        line: Bytes::from(record),
        members: None,
        origin: Arc::new(Origin {
            source: "acme".to_owned(),
            stream: stream.to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: "2026-01-02T04:00:00Z".parse().expect("a time"),
            through: None,
        }),
    }
}

/// What a schema makes of records of a stream: one event of each, in order, and nothing dropped.
fn written(schema: &str, stream: &str, records: &[String]) -> Vec<Value> {
    let root = format!("acme.{stream}");
    let steps = remap(schema);
    let graph = Graph::between(steps, [&root, "acme.rejected"], |output| output.starts_with('s'));
    let events: Vec<Event> = records.iter().map(|record| event(stream, record.clone())).collect();
    let passed = graph.run(&events, &[], Instant::now());
    let of = |output: &str| {
        let slot = graph.collected().iter().position(|it| it == output).expect("an output");
        passed.outputs[slot]
            .iter()
            .map(|(_, event)| serde_json::from_slice(&event.line).expect("JSON"))
    };
    let dropped: Vec<Value> = of("s.dropped").collect();
    assert_eq!(dropped, [Value::Null; 0], "{schema} drops {stream}");
    let made: Vec<Value> = of("s").collect();
    assert_eq!(made.len(), records.len());
    made
}

/// What a schema makes of one record.
fn one(schema: &str, stream: &str, record: &Value) -> Value {
    written(schema, stream, &[record.to_string()]).remove(0)
}

/// An account's records of the streams that schemas are for, and of others.
fn account(seed: u64) -> Vec<(&'static str, Vec<String>)> {
    let counts = ["access_logs", "users", "ticket_audits", "groups", "calls", "sessions"];
    let settings = Settings {
        seed,
        audit_logs: 700,
        tickets: 40,
        counts: counts.iter().map(|name| ((*name).to_owned(), 60)).collect(),
        ..Settings::default()
    };
    let now = settings.now;
    let simulator = Simulator::new(Settings {
        counts: settings.counts.into_iter().chain([("access_logs".to_owned(), 300)]).collect(),
        ..settings
    });
    let streams = ["audit_logs", "tickets"].into_iter().chain(counts);
    let of = |stream| {
        let lines = simulator.records(stream, now);
        let lines = lines.map(|line| String::from_utf8(line.to_vec()).expect("text"));
        (stream, lines.collect::<Vec<String>>())
    };
    streams.map(of).collect()
}

#[test]
fn every_event_of_many_accounts_is_as_each_schema_has_it() {
    for seed in 1..=6 {
        for (stream, records) in account(seed) {
            assert!(!records.is_empty(), "seed {seed}: no {stream}");
            for (schema, problems) in SCHEMAS {
                let made = written(schema, stream, &records);
                for (record, event) in records.iter().zip(&made) {
                    let found = problems(event);
                    assert_eq!(found, [""; 0], "seed {seed}: {schema} of {record} is {event}");
                    assert_eq!(original(schema, event), parsed(record), "seed {seed}: {schema}");
                }
            }
        }
    }
}

fn parsed(record: &str) -> Value {
    serde_json::from_str(record).expect("JSON")
}

/// The record that an event of a schema brings along.
fn original(schema: &str, event: &Value) -> Value {
    let text = match schema {
        "ecs" => &event["event"]["original"],
        "ocsf" => &event["raw_data"],
        "udm" => &event["additional"]["original"],
        _ => return event["zendesk"].clone(),
    };
    parsed(text.as_str().expect("text"))
}

#[test]
fn the_account_brings_every_kind_of_event() {
    let mut found: HashMap<u64, usize> = HashMap::new();
    for (stream, records) in account(1) {
        for event in written("ocsf", stream, &records) {
            *found.entry(event["type_uid"].as_u64().expect("a number")).or_default() += 1;
        }
    }
    for uid in [
        300_101, 300_102, 300_104, 300_105, 300_106, 300_110, 300_111, 300_201, 300_401, 300_403,
        300_404, 300_408, 300_409, 300_499, 300_501, 300_502, 300_603, 300_604, 300_605, 300_606,
        300_699, 600_107, 600_301, 600_302, 600_303, 600_304,
    ] {
        assert!(found.contains_key(&uid), "the account has no {uid}: {found:?}");
    }
}

/// Through a whole pipeline, over faults: each record once, in the schema's words.
#[test]
fn a_run_delivers_each_record_once_in_the_words_of_the_schema() {
    let settings = Settings { audit_logs: 400, ..Settings::default() };
    let reading = Reading {
        streams: vec!["audit_logs", "access_logs"],
        sinks: vec!["rejected"],
        ..Reading::default()
    };
    let mut world = World::new(settings, reading);
    world.transforms = remap("ocsf").to_vec();
    let memory = Memory::new();
    let sink = Arc::new(memory.clone()) as Arc<dyn Sink>;
    let takes = vec!["@s"];
    world.extra.push(Extra { name: "ocsf", takes, acknowledged: true, sink, delivery: None });
    world.wait(std::time::Duration::from_secs(2_000));
    world.live(Life::Once).expect("a run");
    for stream in ["audit_logs", "access_logs"] {
        let ids = |values: &mut dyn Iterator<Item = Value>| {
            let mut ids: Vec<String> = values.map(|id| id.to_string().replace('"', "")).collect();
            ids.sort();
            ids
        };
        let truth = world.truth(stream);
        let lines = memory.lines();
        let events = lines.iter().map(|line| parsed(line));
        let mut of_stream = events.filter(|event| event["metadata"]["log_name"] == json!(stream));
        let delivered = ids(&mut of_stream.by_ref().map(|event| event["metadata"]["uid"].clone()));
        assert!(!truth.is_empty());
        assert_eq!(delivered, ids(&mut truth.iter().map(|line| parsed(line)["id"].clone())));
    }
}
