//! `demo`: the whole program in one process, against a pretend account.
//!
//! The simulator throws in the failures that real accounts have; the summary counts what came
//! through. Everything but the account is the real thing: client, streams, pipeline, sink.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use url::Url;

use super::{Failure, output};
use crate::checkpoint::MemoryStore;
use crate::clock::Clock;
use crate::config::{AuthConfig, ProxySettings, RequestConfig, Since, SourceConfig, StreamConfig};
use crate::pipeline::{self, Outside, Pipeline, RunOptions, SinkPlan, SourcePlan, Tally};
use crate::random::Random;
use crate::simulator::transport::SimulatedTransport;
use crate::simulator::{Faults, Settings, Simulator};
use crate::sinks::{Console, Encoder, Target};
use crate::streams::{Emit, find};
use crate::zendesk::Client;

/// What to pretend.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where all variety comes from.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Audit logs of the pretend account.
    #[arg(long, value_name = "N", default_value = "400")]
    audit_logs: usize,
    /// Tickets of the pretend account.
    #[arg(long, value_name = "N", default_value = "20")]
    tickets: usize,
    /// What goes wrong and how often; see `zenstream simulate --help`.
    #[arg(long, value_name = "FAULTS", default_value = "503:4,cut:3")]
    faults: Faults,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let clock = Clock::system();
    let settings = Settings {
        seed: arguments.seed,
        now: clock.now(),
        audit_logs: arguments.audit_logs,
        tickets: arguments.tickets,
        faults: arguments.faults.clone(),
        ..Settings::default()
    };
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    let outside = Outside {
        clock,
        started: clock.now(),
        random: Arc::new(Random::from_seed(arguments.seed)),
        transport: Some(Arc::new(SimulatedTransport::new(Arc::clone(&simulator), clock))),
        follow: false,
    };
    let source = source()?;
    let client = Arc::new(pipeline::client(&source, &ProxySettings::default(), &outside)?);
    let pipeline = pipeline(&source, &client, &outside);
    let tally = pipeline.tally();
    let options =
        RunOptions { once: true, max_pages: None, shutdown_timeout: Duration::from_secs(60) };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    pipeline.run(options, interrupted).await?;
    let read: u64 = tally.streams.iter().map(|it| it.events.load(Ordering::Relaxed)).sum();
    // With the pipe closed early there is nothing to sum up.
    if delivered(&tally) == read {
        output::tell(&summary(&tally, &client, &simulator));
    }
    Ok(())
}

/// What a newcomer is shown: one list and one export.
const STREAMS: [&str; 2] = ["audit_logs", "tickets"];

/// The account every newcomer meets first.
fn source() -> Result<SourceConfig, Failure> {
    let endpoint = Url::parse("https://acme.zendesk.com")
        .map_err(|error| Failure::run(format!("the demo's address: {error}")))?;
    let streams = STREAMS.iter().filter_map(|name| find(name)).map(|spec| StreamConfig {
        spec,
        since: Since::Beginning,
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
        silence_alert: None,
    });
    Ok(SourceConfig {
        name: "acme".to_owned(),
        endpoint,
        subdomain: "acme".to_owned(),
        auth: AuthConfig::Bearer { token: "demo".into() },
        streams: streams.collect(),
        request: RequestConfig { timeout: Duration::from_secs(10), retry_attempts: 10, share: 0.8 },
    })
}

fn pipeline(source: &SourceConfig, client: &Arc<Client>, outside: &Outside) -> Pipeline {
    let plan = SourcePlan {
        name: source.name.clone(),
        client: Arc::clone(client),
        streams: pipeline::stream_settings(source, outside),
    };
    let outputs = source.streams.iter().map(|it| format!("{}.{}", source.name, it.spec.name));
    let sink = SinkPlan {
        name: "out".to_owned(),
        inputs: outputs.collect(),
        acknowledged: true,
        healthcheck: false,
        delivery: pipeline::DeliverySettings::STREAMING,
        sink: Arc::new(Console::new(Target::Stdout, Encoder::default())),
    };
    let store = Arc::new(MemoryStore::new());
    let random = Arc::clone(&outside.random);
    Pipeline::new(vec![plan], vec![sink], store, outside.clock, random)
}

fn delivered(tally: &Tally) -> u64 {
    tally.sinks.iter().map(|sink| sink.events.load(Ordering::Relaxed)).sum()
}

/// What a newcomer should take away.
fn summary(tally: &Tally, client: &Client, simulator: &Mutex<Simulator>) -> String {
    let counters = client.counters();
    let delivered = delivered(tally);
    let per_stream = tally.streams.iter().map(|stream| {
        let name = stream.name.split_once('.').map_or(stream.name.as_str(), |(_, name)| name);
        format!("{} {name}", stream.events.load(Ordering::Relaxed))
    });
    let faults = simulator
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .stats()
        .faults
        .values()
        .sum::<u64>();
    format!(
        "\ndemo: {delivered} events delivered ({}) in {} requests, of which {faults} failed on purpose; \
         each event once, each line as the account sent it\n\
         next: `zenstream read audit_logs` with your account, or `zenstream generate > zenstream.yaml`",
        per_stream.collect::<Vec<_>>().join(", "),
        counters.requests.load(Ordering::Relaxed),
    )
}
