//! A cluster as its operators and its readers see it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use zenstream::kafka::{KafkaSettings, RegisterSettings, SharedTransaction, Transactor};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::sinks::{Batch, Encoder, Kafka, KafkaSinkSettings};

use crate::{server, unique};

/// A message as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) key: Option<String>,
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) timestamp: Option<i64>,
}

/// One test takes the cluster down; all others hold this while it must stay up.
static UP: RwLock<()> = RwLock::new(());

/// Nobody else uses the cluster.
#[derive(Debug)]
pub(crate) struct Alone {
    _guard: RwLockWriteGuard<'static, ()>,
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) servers: String,
    _up: Option<Rc<RwLockReadGuard<'static, ()>>>,
}

impl Cluster {
    /// The cluster that is there, until this is dropped.
    pub(crate) fn named() -> Option<Self> {
        let servers = server("ZENSTREAM_TEST_KAFKA")?;
        let up = UP.read().unwrap_or_else(PoisonError::into_inner);
        Some(Self { servers, _up: Some(Rc::new(up)) })
    }

    /// The same, for a test that takes it down and has nobody else beside it.
    pub(crate) fn alone() -> Option<(Self, Alone)> {
        let servers = server("ZENSTREAM_TEST_KAFKA")?;
        let alone = UP.write().unwrap_or_else(PoisonError::into_inner);
        Some((Self { servers, _up: None }, Alone { _guard: alone }))
    }

    /// Where one has to sign in.
    pub(crate) fn with_sign_in(&self) -> Option<Self> {
        Some(Self { servers: server("ZENSTREAM_TEST_KAFKA_SASL")?, ..self.clone() })
    }

    /// Where everything is said in TLS, and whom to trust there.
    pub(crate) fn with_tls(&self) -> Option<(Self, PathBuf)> {
        let servers = server("ZENSTREAM_TEST_KAFKA_TLS")?;
        let authority = server("ZENSTREAM_TEST_KAFKA_TLS_CA")?.into();
        Some((Self { servers, ..self.clone() }, authority))
    }

    /// Servers that are not there.
    pub(crate) fn away() -> Self {
        Self { servers: "127.0.0.1:1".to_owned(), _up: None }
    }

    /// Makes a topic of one partition.
    pub(crate) async fn topic(&self, name: &str, config: &[(&str, &str)]) -> String {
        let topic = unique(name);
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        // Messages have the time of their events, and a cluster deletes what is a week old.
        let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        let mut new = new.set("retention.ms", "-1");
        for (name, value) in config {
            new = new.set(name, value);
        }
        for made in admin.create_topics([&new], &AdminOptions::new()).await.unwrap() {
            made.unwrap();
        }
        topic
    }

    /// All topics that there are.
    pub(crate) async fn topics(&self) -> Vec<String> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let asked = tokio::task::spawn_blocking(move || {
            let told = consumer.fetch_metadata(None, Duration::from_secs(20)).unwrap();
            told.topics().iter().map(|topic| topic.name().to_owned()).collect()
        });
        asked.await.unwrap()
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        config
    }

    /// Everything in a topic, for a reader of this isolation.
    pub(crate) async fn read_as(&self, isolation: &str, topic: &str) -> Vec<Seen> {
        let mut config = self.client();
        config
            .set("group.id", unique("reader"))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation);
        let topic = topic.to_owned();
        tokio::task::spawn_blocking(move || {
            settle(&config, &topic);
            read_all(&config, &topic)
        })
        .await
        .unwrap()
    }

    /// Everything in a topic that is committed.
    pub(crate) async fn read(&self, topic: &str) -> Vec<Seen> {
        self.read_as("read_committed", topic).await
    }

    /// The numbers of the events in a topic that are committed.
    pub(crate) async fn numbers(&self, topic: &str) -> Vec<u64> {
        let seen = self.read(topic).await;
        let number = |it: &Seen| serde_json::from_str::<serde_json::Value>(&it.value).unwrap();
        seen.iter().map(|it| number(it)["id"].as_u64().unwrap()).collect()
    }

    /// A sink alone, and where it writes.
    pub(crate) fn settings(&self, topic: &str) -> KafkaSinkSettings {
        KafkaSinkSettings {
            connection: self.connection(),
            topic: topic.to_owned(),
            key_field: None,
            healthcheck_topic: None,
            timestamp: zenstream::sinks::MessageTime::Event,
            transactional_id: unique("id"),
            state_topic: "zenstream-tests-state".to_owned(),
        }
    }

    pub(crate) fn connection(&self) -> KafkaSettings {
        KafkaSettings {
            message_timeout: Duration::from_secs(20),
            ..KafkaSettings::new(&self.servers)
        }
    }

    pub(crate) fn transaction(&self, key: &str) -> Arc<SharedTransaction> {
        let register =
            RegisterSettings { topic: "zenstream-tests-state".to_owned(), key: key.to_owned() };
        let transactor = Transactor::new(self.connection(), key, register);
        Arc::new(SharedTransaction::new(transactor))
    }
}

pub(crate) fn sink(settings: &KafkaSinkSettings) -> Kafka {
    Kafka::new(settings.clone(), Encoder::default()).unwrap()
}

/// Waits until all that was decided can be seen: a commit is answered before its marker is
/// written to every partition.
fn settle(config: &ClientConfig, topic: &str) {
    let end = |isolation: &str| {
        let mut config = config.clone();
        let consumer: BaseConsumer = config.set("isolation.level", isolation).create().unwrap();
        consumer.fetch_watermarks(topic, 0, Duration::from_secs(20)).unwrap().1
    };
    let settled = (0..100).any(|_| {
        std::thread::yield_now();
        end("read_committed") == end("read_uncommitted")
    });
    assert!(settled, "a transaction on {topic} was left open");
}

fn read_all(config: &ClientConfig, topic: &str) -> Vec<Seen> {
    let consumer: BaseConsumer = config.create().unwrap();
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&from).unwrap();
    let mut seen = Vec::new();
    let mut idle = 0;
    while idle < 300 {
        match consumer.poll(Duration::from_millis(100)) {
            None => idle += 1,
            Some(Err(KafkaError::PartitionEOF(_))) => return seen,
            Some(Err(error)) => panic!("cannot read {topic}: {error}"),
            Some(Ok(message)) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                seen.push(Seen {
                    key: message.key().map(text),
                    value: message.payload().map(text).unwrap_or_default(),
                    headers: headers
                        .map(|it| (it.key.to_owned(), it.value.map(text).unwrap_or_default()))
                        .collect(),
                    timestamp: message.timestamp().to_millis(),
                });
            }
        }
    }
    panic!("{topic} has no end")
}

/// Opens a transaction with this id, sends a message, and dies.
pub(crate) async fn die_within_a_transaction(cluster: &Cluster, id: &str, topic: &str) {
    let mut config = cluster.client();
    config.set("transactional.id", id);
    let topic = topic.to_owned();
    let dead = tokio::task::spawn_blocking(move || {
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(Duration::from_secs(30)).unwrap();
        producer.begin_transaction().unwrap();
        let record = BaseRecord::<str, str>::to(&topic).payload(r#"{"id":666}"#);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        // Not dropped, which could be seen as an end in good order.
        std::mem::forget(producer);
    });
    dead.await.unwrap();
}

pub(crate) fn event(number: u64, length: usize) -> Event {
    let line = format!(r#"{{"id":{number},"x":"{}"}}"#, "x".repeat(length));
    Event {
        line: line.into(),
        id: RecordId { record: Bytes::from(number.to_string()), version: None },
        time: "2026-03-09T23:59:59.5Z".parse().ok(),
        origin: Arc::new(Origin {
            source: "acme".into(),
            stream: "audit_logs".into(),
            subdomain: "acme".into(),
            partition: "tail".into(),
            ingest_time: "2026-03-10T01:02:03Z".parse().unwrap(),
            through: None,
        }),
        members: None,
    }
}

pub(crate) fn batch(numbers: Range<u64>) -> Batch {
    Batch { events: numbers.map(|number| event(number, 0)).collect(), ..Batch::default() }
}
