//! Whole runs from a pretend account into Kafka, and runs that die.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use zenstream::clock::Clock;
use zenstream::config::{self, Format};
use zenstream::pipeline::{self, Outside, RunError, RunOptions};
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};

use super::cluster::Cluster;
use crate::{server, unique};

/// An account, a config, and the topics that it fills.
struct World {
    cluster: Cluster,
    simulator: Arc<Mutex<Simulator>>,
    text: String,
    /// By stream.
    topics: Vec<(&'static str, String)>,
    directory: tempfile::TempDir,
}

impl World {
    async fn new(cluster: Cluster, checkpoint: &str) -> Self {
        let settings = Settings {
            seed: 7,
            now: Clock::system().now(),
            audit_logs: 3_000,
            tickets: 200,
            live_audit_logs_per_minute: 0,
            live_ticket_changes_per_minute: 0,
            late_percent: 0,
            latency: Duration::from_millis(60),
            rate_limit: 0,
            ..Settings::default()
        };
        let topics = vec![
            ("audit_logs", cluster.topic("audit_logs", &[]).await),
            ("tickets", cluster.topic("tickets", &[]).await),
        ];
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "data_dir: {}
checkpoint: {checkpoint}
sources:
  acme:
    type: zendesk
    subdomain: acme
    auth: {{ strategy: bearer, token: t }}
    streams: [audit_logs, tickets]
    since: beginning
    stream_options: {{ audit_logs: {{ lag_secs: 0 }} }}
sinks:
  audit:
    type: kafka
    inputs: [acme.audit_logs]
    bootstrap_servers: {servers}
    topic: {}
    message_timeout_ms: 20000
    batch: {{ max_events: 300, timeout_secs: 0.05 }}
  tickets:
    type: kafka
    inputs: [acme.tickets]
    bootstrap_servers: {servers}
    topic: {}
    message_timeout_ms: 20000
    transactional_id: {}
    batch: {{ max_events: 30, timeout_secs: 0.05 }}
",
            directory.path().display(),
            topics[0].1,
            topics[1].1,
            unique("id"),
            servers = cluster.servers,
        );
        // Runs of this test alone.
        let text = text.replace("  audit:\n", &format!("  audit-{}:\n", unique("sink")));
        let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
        Self { cluster, simulator, text, topics, directory }
    }

    /// Runs to the end, or dies after this long, as a process would: with requests under way.
    async fn run(&self, dies_after: Option<Duration>) -> Result<(), RunError> {
        let home = self.directory.path().display().to_string();
        let environment = HashMap::from([("HOME".to_owned(), home)]);
        let config = config::parse(&self.text, Format::Yaml, "c.yaml", &environment).unwrap();
        let clock = Clock::system();
        let outside = Outside {
            clock,
            started: clock.now(),
            random: Arc::new(Random::from_seed(1)),
            transport: Some(Arc::new(SimulatedTransport::new(Arc::clone(&self.simulator), clock))),
            follow: false,
        };
        let options =
            RunOptions { once: true, max_pages: None, shutdown_timeout: Duration::from_secs(60) };
        let life = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let run = async {
                let pipeline = loop {
                    match pipeline::build(&config, &outside) {
                        Ok(pipeline) => break pipeline,
                        // What a life left behind still has the file: a dead process would not.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                };
                let run = pipeline.run(options, std::future::pending());
                match dies_after {
                    None => run.await,
                    Some(after) => tokio::time::timeout(after, run).await.unwrap_or(Ok(())),
                }
            };
            let result = runtime.block_on(run);
            runtime.shutdown_background();
            result
        });
        life.await.unwrap()
    }

    /// That each record of the account is there once, in order, and nothing else is.
    async fn assert_whole(&self) {
        for (stream, topic) in &self.topics {
            let truth: Vec<String> = {
                let simulator = self.simulator.lock().unwrap();
                let records = simulator.records(stream, Clock::system().now());
                records.map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
            };
            let seen: Vec<String> =
                self.cluster.read(topic).await.into_iter().map(|it| it.value).collect();
            let places = |of: &[String], not_in: &[String]| -> Vec<usize> {
                let others: HashSet<&String> = not_in.iter().collect();
                (0..of.len()).filter(|place| !others.contains(&of[*place])).collect()
            };
            let missing = places(&truth, &seen);
            assert!(
                missing.is_empty(),
                "{stream}: of {}, these are missing: {missing:?}",
                truth.len()
            );
            assert_eq!(seen.len(), truth.len(), "{stream}");
            assert!(seen == truth, "{stream}: the order is another");
        }
    }
}

fn beside(cluster: &Cluster) -> String {
    let key = unique("key");
    format!(
        "{{ type: kafka, bootstrap_servers: '{}', topic: zenstream-tests-state, key: {key} }}",
        cluster.servers
    )
}

async fn dies_often_and_still(checkpoint: impl Fn(&Cluster) -> String, lives: u32) {
    let Some(cluster) = Cluster::named() else { return };
    let checkpoint = checkpoint(&cluster);
    let world = World::new(cluster, &checkpoint).await;
    for life in 0..lives {
        let after = Duration::from_millis(u64::from(600 + 90 * life));
        world.run(Some(after)).await.unwrap();
    }
    world.run(None).await.unwrap();
    world.assert_whole().await;
    world.run(None).await.unwrap();
    world.assert_whole().await;
}

/// Calls `down` or `up` of the servers for tests.
async fn call(program: &str, arguments: &[&str]) {
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Takes the cluster down, so nothing else may run beside it.
#[tokio::test]
async fn a_cluster_that_goes_and_comes_back_has_each_event_once() {
    let Some(services) = server("ZENSTREAM_TEST_SERVICES") else { return };
    let Some((cluster, _alone)) = Cluster::alone() else { return };
    for (checkpoint, how) in
        [(beside(&cluster), &["kafka"][..]), ("{ type: file }".to_owned(), &["--kill", "kafka"])]
    {
        let world = World::new(cluster.clone(), &checkpoint).await;
        let outage = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            call(&format!("{services}/down"), how).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            call(&format!("{services}/up"), &["kafka"]).await;
        };
        let (run, ()) = tokio::join!(world.run(None), outage);
        run.unwrap();
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_run_whose_checkpoint_is_in_kafka_delivers_each_event_once() {
    dies_often_and_still(beside, 0).await;
}

#[tokio::test]
async fn runs_that_die_deliver_each_event_once_in_one_transaction_with_the_checkpoint() {
    dies_often_and_still(beside, 8).await;
}

#[tokio::test]
async fn runs_that_die_deliver_each_event_once_beside_a_checkpoint_in_a_file() {
    dies_often_and_still(|_| "{ type: file }".to_owned(), 8).await;
}
