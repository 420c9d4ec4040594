//! The sink that writes to Kafka.

use std::time::Duration;

use serde::Deserialize;

use super::envelope::{Envelope, MESSAGES, envelope};
use crate::config::SinkKind;
use crate::config::kafka::{CONNECTION, STATE_TOPIC, connection, topic_name};
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::read_rest;
use crate::config::written::{NonEmpty, Seconds};
use crate::pipeline::BatchSettings;
use crate::sinks::{Encoder, Kafka, KafkaSinkSettings, MessageTime};

/// One transaction. As much as Vector's sinks put into a request; its `timeout_secs`.
const BATCH: BatchSettings =
    BatchSettings { max_bytes: 10_000_000, max_events: 50_000, max_age: Duration::from_secs(1) };

/// `sinks.*` of type `kafka`, without its connection
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKafka {
    topic: NonEmpty,
    key_field: Option<NonEmpty>,
    timestamp: Option<WrittenTime>,
    healthcheck_topic: Option<NonEmpty>,
    transactional_id: Option<NonEmpty>,
    state_topic: Option<NonEmpty>,
    rate_limit_num: Option<u64>,
    rate_limit_duration_secs: Option<Seconds>,
}

/// `sinks.*.timestamp`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTime {
    IngestTime,
    EventTime,
}

const OWN: &[&str] = &[
    "topic",
    "key_field",
    "timestamp",
    "healthcheck_topic",
    "transactional_id",
    "state_topic",
    "rate_limit_num",
    "rate_limit_duration_secs",
];

/// Options of librdkafka that are `batch.*` in other words, as in Vector.
const BATCHED: &[(&str, &str)] = &[
    ("timeout_secs", "queue.buffering.max.ms"),
    ("timeout_secs", "linger.ms"),
    ("max_events", "batch.num.messages"),
    ("max_bytes", "batch.size"),
];

pub(super) fn kafka(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let outside: Vec<&str> = MESSAGES.iter().chain(OWN).copied().collect();
    let connection = connection(node, path, &outside, findings);
    let beside: Vec<&str> = MESSAGES.iter().chain(CONNECTION).copied().collect();
    let (keys, tls): (Vec<&str>, _) = (MESSAGES.to_vec(), "tls");
    // Read with the connection.
    let keys: Vec<&str> = keys.into_iter().filter(|key| *key != tls).collect();
    let envelope = envelope(node, path, &keys, BATCH, findings);
    // What is known to none of them was told with the connection.
    let connection = connection?;
    let written: WrittenKafka = findings.keep(read_rest(node, path, &beside))?;
    let mut envelope = envelope?;
    for (ours, theirs) in BATCHED {
        let ours_is_set = node.get("batch").is_some_and(|batch| batch.get(ours).is_some());
        if ours_is_set && connection.options.contains_key(*theirs) {
            let message = format!("`batch.{ours}` is set too");
            let path = path.key("librdkafka_options").key(theirs);
            findings.push(Finding::new(&path, message).hint("set one of them"));
        }
    }
    envelope.delivery.rate_limit = rate_limit(&written);
    let state_topic = written.state_topic.map_or_else(|| STATE_TOPIC.to_owned(), |it| it.0);
    findings.keep(topic_name(&state_topic, &path.key("state_topic")))?;
    let settings = KafkaSinkSettings {
        connection,
        topic: written.topic.0,
        key_field: written.key_field.map(|field| field.0),
        timestamp: match written.timestamp {
            Some(WrittenTime::EventTime) => MessageTime::Event,
            Some(WrittenTime::IngestTime) | None => MessageTime::Ingest,
        },
        healthcheck_topic: written.healthcheck_topic.map(|topic| topic.0),
        // What is not given is made from the inputs, once they are known.
        transactional_id: written.transactional_id.map_or_else(String::new, |id| id.0),
        state_topic,
    };
    // The sink itself knows which names it can make; making one connects to nothing.
    if let Err(error) = Kafka::new(settings.clone(), Encoder::default()) {
        let key = if error.message.starts_with("`key_field`") { "key_field" } else { "topic" };
        let finding = Finding::new(&path.key(key), error.message);
        findings.push(error.hint.into_iter().fold(finding, Finding::hint));
        return None;
    }
    Some((envelope, SinkKind::Kafka(Box::new(settings))))
}

/// As many transactions in that time, like Vector's messages.
fn rate_limit(written: &WrittenKafka) -> Option<(u64, Duration)> {
    let most = written.rate_limit_num.filter(|most| *most < i64::MAX as u64)?;
    let span = written.rate_limit_duration_secs.map_or(Duration::from_secs(1), |it| it.0);
    Some((most.max(1), span))
}
