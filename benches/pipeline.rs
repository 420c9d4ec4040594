//! The whole pipeline in one process: simulator, client, streams, batches, sink, checkpoint.
//!
//! The simulator keeps its pages rendered, so that after the first round the pipeline is what is
//! measured. `cargo bench --bench pipeline`.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use url::Url;

use zenstream::checkpoint::MemoryStore;
use zenstream::clock::Clock;
use zenstream::pipeline::{DeliverySettings, Pipeline, RunOptions, SinkPlan, SourcePlan};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};
use zenstream::sinks::Memory;
use zenstream::streams::{Emit, History, StreamSettings, find};
use zenstream::zendesk::{Client, ClientSettings, Credentials};

/// A pretend account that is only read from.
struct Account {
    simulator: Arc<Mutex<Simulator>>,
    now: Timestamp,
}

impl Account {
    fn new(audit_logs: usize, tickets: usize) -> Self {
        let settings = Settings { audit_logs, tickets, rate_limit: 0, ..Settings::default() };
        let now = settings.now;
        Self { simulator: Arc::new(Mutex::new(Simulator::new(settings))), now }
    }

    fn bytes(&self, stream: &str) -> u64 {
        let simulator = self.simulator.lock().expect("nobody panics");
        simulator.records(stream, self.now).map(|line| line.len() as u64 + 1).sum()
    }

    /// A pipeline of one stream into memory.
    fn pipeline(&self, stream: &str) -> (Pipeline, Memory) {
        let clock = Clock::simulated(self.now);
        let random = Arc::new(Random::from_seed(1));
        let settings = ClientSettings {
            endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
            timeout: Duration::from_secs(60),
            retry_attempts: 10,
            share: 1.0,
            max_body_bytes: 64 << 20,
        };
        let transport = Arc::new(SimulatedTransport::new(Arc::clone(&self.simulator), clock));
        let credentials = Credentials::Bearer("bench".into());
        let client = Client::new(settings, credentials, transport, clock, Arc::clone(&random));
        let source = SourcePlan {
            name: "acme".to_owned(),
            client: Arc::new(client),
            streams: vec![(stream_settings(stream), None)],
        };
        let memory = Memory::new();
        let sink = SinkPlan {
            name: "memory".to_owned(),
            inputs: vec![format!("acme.{stream}")],
            acknowledged: true,
            healthcheck: false,
            delivery: DeliverySettings::STREAMING,
            sink: Arc::new(memory.clone()),
        };
        let store = Arc::new(MemoryStore::new());
        (Pipeline::new(vec![source], vec![sink], store, clock, random), memory)
    }
}

fn stream_settings(stream: &str) -> StreamSettings {
    StreamSettings {
        spec: find(stream).expect("a stream of the catalogue"),
        source: "acme".to_owned(),
        subdomain: "acme".to_owned(),
        since: Timestamp::UNIX_EPOCH,
        until: None,
        follow: false,
        poll_interval: Duration::from_secs(60),
        lag: Duration::ZERO,
        overlap: Duration::from_secs(900),
        filter: Vec::new(),
        include: Vec::new(),
        exclude_deleted: false,
        report_removed: false,
        reread: Duration::ZERO,
        max_record_bytes: 10 << 20,
        emit: Emit::Records,
        history: History::InOnePiece,
    }
}

/// Runs a pipeline to its end and returns how many events arrived.
fn collect(runtime: &Runtime, pipeline: Pipeline, memory: &Memory) -> usize {
    let options =
        RunOptions { once: true, max_pages: None, shutdown_timeout: Duration::from_secs(60) };
    runtime.block_on(pipeline.run(options, std::future::pending())).expect("a run");
    memory.len()
}

fn pipeline(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(20);
    for (stream, account, count) in [
        ("audit_logs", Account::new(20_000, 0), 20_000),
        ("tickets", Account::new(0, 5_000), 5_000),
    ] {
        group.throughput(Throughput::Bytes(account.bytes(stream)));
        group.bench_function(stream, |bencher| {
            bencher.iter_batched(
                || account.pipeline(stream),
                |(pipeline, memory)| {
                    assert_eq!(black_box(collect(&runtime, pipeline, &memory)), count);
                    memory
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
