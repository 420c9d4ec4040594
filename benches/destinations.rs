//! What delivery into real servers costs beside compressing and sending the same lines from memory.
//!
//! Needs the servers: `tests/services/up && eval "$(tests/services/env)" && cargo bench --bench
//! destinations`. Prints medians of rounds taken in turn, and their ratio; a server that does not
//! run is left out, visibly.
//!
//! Ours is the pipeline over pages that lie in memory: split, batched, encoded, compressed, hashed,
//! put or committed, and the checkpoint saved. Beside it stands the same client with objects and
//! transactions of the same size, and nothing else.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use zenstream::buckets::{AwsS3, Bucket, Condition, NewObject};
use zenstream::checkpoint::{CheckpointStore, MemoryStore};
use zenstream::clock::Clock;
use zenstream::config::{self, Config, Environment, Format, SinkKind};
use zenstream::http_client::ProxySettings;
use zenstream::normalize::Event;
use zenstream::pipeline::{
    self, Connector, DeliverySettings, Outside, Pipeline, RunOptions, SinkPlan, SourcePlan,
};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::{Memory, Sink};
use zenstream::streams::History;
use zenstream::zendesk::transport::{Request, Response, Transport, TransportError};

/// Enough that what happens once, such as connecting, hardly counts.
const AUDIT_LOGS: usize = 400_000;
const ROUNDS: usize = 3;

/// As much as goes into one object.
const BATCH_BYTES: usize = 10_000_000;

/// No environment but what the text says.
struct Nobody;

impl Environment for Nobody {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

/// An answer as it came.
#[derive(Clone)]
struct Recorded {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers in their order: at first those of a simulator, then the same again from memory.
struct Tape {
    simulator: Option<SimulatedTransport>,
    answers: Mutex<Vec<Recorded>>,
    next: AtomicUsize,
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Tape {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let answer = if let Some(simulator) = &self.simulator {
            let Response { status, headers, body } = simulator.send(request).await?;
            let pieces: Vec<Bytes> = body.try_collect().await?;
            let answer = Recorded { status, headers, body: pieces.concat().into() };
            self.answers.lock().expect("nobody panics with it").push(answer.clone());
            answer
        } else {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            self.answers.lock().expect("nobody panics with it")[place].clone()
        };
        let Recorded { status, headers, body } = answer;
        Ok(Response { status, headers, body: stream::iter([Ok(body)]).boxed() })
    }
}

struct Bench {
    answers: Vec<Recorded>,
    runtime: Runtime,
    events: Vec<Event>,
}

impl Bench {
    fn new() -> Self {
        let now = Clock::system().now();
        let settings = Settings {
            audit_logs: AUDIT_LOGS,
            tickets: 0,
            rate_limit: 0,
            now,
            ..Settings::default()
        };
        let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
        let runtime = Runtime::new().expect("a runtime");
        let simulator = Some(SimulatedTransport::new(simulator, Clock::system()));
        let (answers, next) = (Mutex::default(), AtomicUsize::new(0));
        let tape = Arc::new(Tape { simulator, answers, next });
        let mut bench = Self { answers: Vec::new(), runtime, events: Vec::new() };
        let memory = Memory::new();
        bench.run(
            Arc::clone(&tape) as Arc<dyn Transport>,
            Arc::new(memory.clone()),
            DeliverySettings::STREAMING,
            None,
        );
        bench.answers.clone_from(&tape.answers.lock().expect("nobody panics with it"));
        bench.events = memory.events();
        assert_eq!(bench.events.len(), AUDIT_LOGS);
        bench
    }

    /// Takes the whole account through the pipeline into a sink, from memory; returns how long
    /// that took.
    fn collect(
        &self,
        sink: Arc<dyn Sink>,
        delivery: DeliverySettings,
        store: Option<Arc<dyn CheckpointStore>>,
    ) -> Duration {
        let answers = Mutex::new(self.answers.clone());
        let tape = Tape { simulator: None, answers, next: AtomicUsize::new(0) };
        self.run(Arc::new(tape), sink, delivery, store)
    }

    fn run(
        &self,
        transport: Arc<dyn Transport>,
        sink: Arc<dyn Sink>,
        delivery: DeliverySettings,
        store: Option<Arc<dyn CheckpointStore>>,
    ) -> Duration {
        let config = config("data_dir: x\nsinks: { out: { type: console, inputs: [acme] } }");
        let _entered = self.runtime.enter();
        let clock = Clock::system();
        let outside = Outside {
            clock,
            started: clock.now(),
            random: Arc::new(Random::from_seed(1)),
            transport: Some(transport),
            follow: false,
        };
        let source = &config.sources[0];
        let client = pipeline::client(source, &config.proxy, &outside).expect("a client");
        // One page after the other: the answers on the tape have an order.
        let mut streams = pipeline::stream_settings(source, &outside);
        for (stream, _) in &mut streams {
            stream.history = History::InOnePiece;
        }
        let source = SourcePlan { name: source.name.clone(), client: Arc::new(client), streams };
        let sink = SinkPlan {
            name: "out".to_owned(),
            inputs: vec!["acme.audit_logs".to_owned()],
            acknowledged: true,
            healthcheck: false,
            delivery,
            sink,
        };
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let random = Arc::clone(&outside.random);
        let pipeline = Pipeline::new(vec![source], vec![sink], store, clock, random);
        let options =
            RunOptions { once: true, max_pages: None, shutdown_timeout: Duration::from_secs(60) };
        let start = Instant::now();
        self.runtime.block_on(pipeline.run(options, std::future::pending())).expect("a run");
        start.elapsed()
    }

    /// The events of one batch after another.
    fn batches(&self) -> Vec<&[Event]> {
        let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
        for (place, event) in self.events.iter().enumerate() {
            if place > start && bytes + event.line.len() > BATCH_BYTES {
                batches.push(&self.events[start..place]);
                (start, bytes) = (place, 0);
            }
            bytes += event.line.len();
        }
        batches.push(&self.events[start..]);
        batches
    }

    /// The lines of each.
    fn bodies(&self) -> Vec<Vec<u8>> {
        let body = |events: &&[Event]| {
            let mut body = Vec::new();
            for event in *events {
                body.extend_from_slice(&event.line);
                body.push(b'\n');
            }
            body
        };
        self.batches().iter().map(body).collect()
    }

    fn outside(&self) -> Outside {
        let _entered = self.runtime.enter();
        Outside {
            clock: Clock::system(),
            started: Clock::system().now(),
            random: Arc::new(Random::from_system()),
            transport: None,
            follow: false,
        }
    }
}

fn config(rest: &str) -> Config {
    let text = format!(
        "sources:\n  acme:\n    type: zendesk\n    subdomain: acme\n    auth: {{ strategy: bearer, \
         token: any }}\n    streams: [audit_logs]\n    since: beginning\n    rate_limit: {{ share: 1 \
         }}\n    stream_options: {{ audit_logs: {{ lag_secs: 0 }} }}\n{rest}"
    );
    config::parse(&text, Format::Yaml, "bench.yaml", &Nobody).expect("a config")
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(format!("ZENSTREAM_TEST_{name}")).ok();
    if value.is_none() {
        println!("SKIPPED: ZENSTREAM_TEST_{name} names no server");
    }
    value
}

fn unique(name: &str) -> String {
    format!("bench-{name}-{:016x}", Random::from_system().bits() >> 64)
}

/// Rounds in turn, then medians and their ratio.
fn compare(
    name: &str,
    bytes: usize,
    mut ours: impl FnMut() -> Duration,
    mut bare: impl FnMut() -> Duration,
) {
    let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_bare.push(bare());
        of_ours.push(ours());
    }
    of_ours.sort_unstable();
    of_bare.sort_unstable();
    let (ours, bare) = (of_ours[ROUNDS / 2], of_bare[ROUNDS / 2]);
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let megabytes = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{name}: pipeline {:.0} ms ({:.0} MB/s), from memory {:.0} ms ({:.0} MB/s), ratio {:.2}",
        ours.as_secs_f64() * 1e3,
        megabytes(ours),
        bare.as_secs_f64() * 1e3,
        megabytes(bare),
        ours.as_secs_f64() / bare.as_secs_f64()
    );
}

fn s3(bench: &Bench, bytes: usize) -> Option<()> {
    let endpoint = variable("S3_ENDPOINT")?;
    let (key, secret) = (variable("S3_ACCESS_KEY")?, variable("S3_SECRET_KEY")?);
    let name = unique("s3");
    let text = format!(
        "data_dir: x\nsinks:\n  out: {{ type: aws_s3, inputs: [acme], bucket: {name}, endpoint: \
         '{endpoint}', region: us-east-1, auth: {{ access_key_id: {key}, secret_access_key: {secret} \
         }}, key_prefix: ours/ }}"
    );
    let config = config(&text);
    let SinkKind::AwsS3 { bucket, .. } = &config.sinks[0].kind else { return None };
    let bucket = AwsS3::new((**bucket).clone(), ProxySettings::default());
    bench.runtime.block_on(make_bucket(&endpoint, &key, &secret, &name));
    let bodies = bench.bodies();
    let bare = || {
        let start = Instant::now();
        for (number, body) in bodies.iter().enumerate() {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            gzip.write_all(body).expect("memory");
            let body = gzip.finish().expect("memory").into();
            let object = NewObject { body, ..NewObject::default() };
            let key = format!("bare/{number}-{}", unique("object"));
            let put = bucket.put(&key, object, Condition::Absent);
            bench.runtime.block_on(put).expect("a put");
        }
        start.elapsed()
    };
    let ours = || {
        let outside = bench.outside();
        let sink = Connector::apart(&config, &outside).sink(&config.sinks[0]).expect("a sink");
        bench.collect(sink, config.sinks[0].delivery, None)
    };
    compare("S3, gzip", bytes, ours, bare);
    Some(())
}

async fn make_bucket(endpoint: &str, key: &str, secret: &str, name: &str) {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Credentials::new(key, secret, None, None, "bench"));
    let client = aws_sdk_s3::Client::from_conf(config.build());
    client.create_bucket().bucket(name).send().await.expect("a bucket");
}

fn kafka(bench: &Bench, bytes: usize) -> Option<()> {
    let servers = variable("KAFKA")?;
    let bare_topic = unique("bare");
    // With the key and the headers that ours have, so that the same bytes are compressed.
    let headers = |event: &Event| {
        let origin = &event.origin;
        let texts = [
            ("source", origin.source.clone()),
            ("stream", origin.stream.clone()),
            ("subdomain", origin.subdomain.clone()),
            ("id", event.id()),
            ("event_time", event.time.map(|time| time.to_string()).unwrap_or_default()),
            ("ingest_time", origin.ingest_time.to_string()),
            ("partition", origin.partition.clone()),
        ];
        texts.iter().fold(OwnedHeaders::new_with_capacity(texts.len()), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        })
    };
    let bare = || {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", &servers)
            .set("enable.idempotence", "true")
            .set("transactional.id", unique("bare"))
            .set("compression.type", "zstd")
            .set("queue.buffering.max.messages", "1000000")
            .create()
            .expect("a producer");
        producer.init_transactions(Duration::from_secs(30)).expect("a transactional id");
        // Connected and with the topic's place known, as ours is before the clock runs.
        producer
            .client()
            .fetch_metadata(Some(&bare_topic), Duration::from_secs(30))
            .expect("there");
        let keys: Vec<String> = bench.events.iter().map(Event::id).collect();
        let start = Instant::now();
        let mut keys = keys.iter();
        for events in bench.batches() {
            producer.begin_transaction().expect("a transaction");
            for (event, key) in events.iter().zip(&mut keys) {
                let record = BaseRecord::to(&bare_topic)
                    .key(key)
                    .payload(&event.line[..])
                    .headers(headers(event));
                producer.send(record).map_err(|(error, _)| error).expect("there is room");
            }
            producer.commit_transaction(Duration::from_secs(60)).expect("a commit");
        }
        start.elapsed()
    };
    let ours = || {
        let name = unique("ours");
        let text = format!(
            "data_dir: x\ncheckpoint: {{ type: kafka, bootstrap_servers: '{servers}', topic: \
             {name}-state }}\nsinks:\n  out: {{ type: kafka, inputs: [acme], bootstrap_servers: \
             '{servers}', topic: {name}, compression: zstd }}"
        );
        let config = config(&text);
        let outside = bench.outside();
        let connector = Connector::new(&config, &outside);
        let sink = connector.sink(&config.sinks[0]).expect("a sink");
        let store = connector.store().expect("a store");
        // Topics are made and the transactional id is taken before the clock runs.
        bench.runtime.block_on(async {
            sink.check().await.expect("a cluster");
            store.load().await.expect("a checkpoint");
        });
        bench.collect(sink, config.sinks[0].delivery, Some(store))
    };
    compare("Kafka, zstd, one transaction with the checkpoint", bytes, ours, bare);
    Some(())
}

fn main() {
    let bench = Bench::new();
    let bytes = bench.events.iter().map(|event| event.line.len() + 1).sum();
    let start = Instant::now();
    bench.collect(Arc::new(Memory::new()), DeliverySettings::STREAMING, None);
    println!(
        "{AUDIT_LOGS} audit events, {} MB; reading them alone takes {:?}",
        bytes / 1_000_000,
        start.elapsed()
    );
    let done = [s3(&bench, bytes), kafka(&bench, bytes)];
    println!("{} of {} destinations", done.iter().flatten().count(), done.len());
}
