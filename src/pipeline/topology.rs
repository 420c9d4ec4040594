//! A run: tasks and the channels between them, from start to drained end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::batch::{BatchSettings, Delivery};
use super::commit::{Committer, Note};
use super::deliver::{Deliverer, batch};
use super::error::RunError;
use super::feed::{Feed, Route};
use super::ledger::Ledger;
use super::tally::{SinkTally, StreamOutcome, StreamTally, Tally};
use crate::checkpoint::{Checkpoint, CheckpointStore, StoreError, StoreErrorKind, StreamState};
use crate::clock::Clock;
use crate::random::Random;
use crate::sinks::{Sink, SinkError, SinkErrorKind};
use crate::streams::{self, StreamSettings};
use crate::zendesk::Client;

/// Pages that may wait for a sink. More only costs memory: a page of tickets is 5 MB.
const PAGES_QUEUED: usize = 2;

/// Batches that may wait for a sink's writer beside the one it writes.
const BATCHES_QUEUED: usize = 1;

/// Notes that may wait for the committer; they are small.
const NOTES_QUEUED: usize = 64;

/// One account and what is read of it.
#[derive(Debug)]
pub struct SourcePlan {
    /// Its name in the config.
    pub name: String,
    /// Talks to the account.
    pub client: Arc<Client>,
    /// What is read, and after how long without an event an alert is raised.
    pub streams: Vec<(StreamSettings, Option<Duration>)>,
}

/// One destination and what it takes.
#[derive(Debug)]
pub struct SinkPlan {
    /// Its name in the config.
    pub name: String,
    /// The outputs it takes, `acme.audit_logs` or `acme.rejected`.
    pub inputs: Vec<String>,
    /// Whether positions wait for it.
    pub acknowledged: bool,
    /// Whether it is checked at start.
    pub healthcheck: bool,
    /// How its batches are cut.
    pub batch: BatchSettings,
    /// Where it writes.
    pub sink: Arc<dyn Sink>,
}

/// How long and how far a run goes.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Read every stream to its present end and stop there; the streams must not follow.
    pub once: bool,
    /// Take at most this many pages of each stream.
    pub max_pages: Option<u64>,
    /// How long a stopped run may take to write out what it holds.
    pub shutdown_timeout: Duration,
}

/// Everything a run needs, not yet running.
#[derive(Debug)]
pub struct Pipeline {
    sources: Vec<SourcePlan>,
    sinks: Vec<SinkPlan>,
    store: Arc<dyn CheckpointStore>,
    clock: Clock,
    random: Arc<Random>,
    tally: Arc<Tally>,
}

type Tasks = JoinSet<Result<(), RunError>>;

impl Pipeline {
    /// Wires nothing yet.
    pub fn new(
        sources: Vec<SourcePlan>,
        sinks: Vec<SinkPlan>,
        store: Arc<dyn CheckpointStore>,
        clock: Clock,
        random: Arc<Random>,
    ) -> Self {
        let outputs = sources.iter().flat_map(|source| {
            source.streams.iter().map(|(stream, _)| format!("{}.{}", source.name, stream.spec.name))
        });
        let tally = Tally {
            streams: outputs.map(StreamTally::named).collect(),
            sinks: sinks.iter().map(|sink| SinkTally::named(sink.name.clone())).collect(),
            ..Tally::default()
        };
        Self { sources, sinks, store, clock, random, tally: Arc::new(tally) }
    }

    /// What the run will have counted.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Runs until every stream has ended or `shutdown` is done, then drains.
    pub async fn run(
        self,
        options: RunOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let tally = self.tally();
        let stop = Arc::new(watch::Sender::new(false));
        let mut tasks = self.start(options, &stop).await?;
        let mut shutdown = std::pin::pin!(shutdown);
        let mut stopped = stop.subscribe();
        let stopping = async {
            tokio::select! {
                () = &mut shutdown => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
            stop.send_replace(true);
            tokio::time::sleep(options.shutdown_timeout).await;
        };
        tokio::select! {
            done = join_all(&mut tasks) => done?,
            () = stopping => {
                tasks.abort_all();
                return Err(RunError::Unfinished(options.shutdown_timeout));
            }
        }
        verdict(&tally, options.once)
    }

    /// Loads and restores what a former run left, then starts every task.
    async fn start(
        self,
        options: RunOptions,
        stop: &Arc<watch::Sender<bool>>,
    ) -> Result<Tasks, RunError> {
        let loaded = self.store.load().await.map_err(RunError::Checkpoint)?;
        let (revision, checkpoint) = loaded.map_or_else(Default::default, |(r, c)| (Some(r), c));
        for sink in &self.sinks {
            restore(sink, &checkpoint).await.map_err(|error| RunError::sink(&sink.name, error))?;
        }
        let mut tasks = Tasks::new();
        let (notes, to_commit) = mpsc::channel(NOTES_QUEUED);
        let queues = self.start_sinks(&mut tasks, &notes, stop);
        let ledgers = self.start_feeds(
            &mut tasks,
            &Wiring { options, stop, notes, queues, checkpoint: &checkpoint },
        )?;
        let committer = Committer {
            store: self.store,
            revision,
            checkpoint,
            stream_names: self.tally.streams.iter().map(|stream| stream.name.clone()).collect(),
            sink_names: self.sinks.iter().map(|sink| sink.name.clone()).collect(),
            acknowledged: self.sinks.iter().map(|sink| sink.acknowledged).collect(),
            ledgers,
            clock: self.clock,
            random: self.random,
            tally: self.tally,
        };
        tasks.spawn(committer.run(to_commit));
        Ok(tasks)
    }

    fn start_sinks(
        &self,
        tasks: &mut Tasks,
        notes: &mpsc::Sender<Note>,
        stop: &Arc<watch::Sender<bool>>,
    ) -> Vec<mpsc::Sender<Delivery>> {
        let mut queues = Vec::new();
        for (id, plan) in self.sinks.iter().enumerate() {
            let (queue, deliveries) = mpsc::channel(PAGES_QUEUED);
            let (batches, to_write) = mpsc::channel(BATCHES_QUEUED);
            let deliverer = Deliverer {
                id,
                sink: Arc::clone(&plan.sink),
                notes: notes.clone(),
                stop: Arc::clone(stop),
                clock: self.clock,
                random: Arc::clone(&self.random),
                tally: Arc::clone(&self.tally),
            };
            tasks.spawn(batch(plan.batch, deliveries, batches));
            tasks.spawn(deliverer.run(to_write));
            queues.push(queue);
        }
        queues
    }

    fn start_feeds(&self, tasks: &mut Tasks, wiring: &Wiring<'_>) -> Result<Vec<Ledger>, RunError> {
        let mut ledgers = Vec::new();
        for source in &self.sources {
            for (settings, silence_alert) in &source.streams {
                let stream = ledgers.len();
                let output = &self.tally.streams[stream].name;
                let saved = self.saved(source, output, wiring.checkpoint)?;
                let position = saved.as_ref().map(|saved| &saved.position);
                let client = Arc::clone(&source.client);
                let (start, pages) = streams::open(client, settings.clone(), position)?;
                let start = saved.unwrap_or_else(|| StreamState {
                    endpoint: endpoint(source),
                    position: start,
                    ahead: std::collections::BTreeMap::new(),
                });
                let ledger =
                    Ledger::new(start, |name| self.sinks.iter().position(|sink| sink.name == name));
                let feed = Feed {
                    stream,
                    routes: self.routes(output, &source.name, &ledger, &wiring.queues),
                    notes: wiring.notes.clone(),
                    stop: wiring.stop.subscribe(),
                    once: wiring.options.once,
                    max_pages: wiring.options.max_pages,
                    silence_alert: *silence_alert,
                    tally: Arc::clone(&self.tally),
                };
                tasks.spawn(feed.run(pages));
                ledgers.push(ledger);
            }
        }
        Ok(ledgers)
    }

    /// What a former run saved of a stream, if it was a stream of this account.
    fn saved(
        &self,
        source: &SourcePlan,
        output: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Option<StreamState>, RunError> {
        let Some(saved) = checkpoint.streams.get(output) else { return Ok(None) };
        let endpoint = endpoint(source);
        if saved.endpoint == endpoint {
            return Ok(Some(saved.clone()));
        }
        Err(RunError::Checkpoint(StoreError {
            kind: StoreErrorKind::Refused,
            message: format!(
                "`{output}` in {} was read from {}, not from {endpoint}",
                self.store.location(),
                saved.endpoint
            ),
            hint: Some("give the new account another source name or another checkpoint".to_owned()),
        }))
    }

    fn routes(
        &self,
        output: &str,
        source: &str,
        ledger: &Ledger,
        queues: &[mpsc::Sender<Delivery>],
    ) -> Vec<Route> {
        let rejected = format!("{source}.rejected");
        let routes = self.sinks.iter().zip(queues).enumerate().map(|(sink, (plan, queue))| Route {
            sink,
            queue: queue.clone(),
            acknowledged: plan.acknowledged,
            takes_events: plan.inputs.iter().any(|input| input == output),
            takes_rejected: plan.inputs.contains(&rejected),
            holds: ledger.restored(sink),
        });
        routes.filter(|route| route.takes_events || route.takes_rejected).collect()
    }
}

/// What every feed is connected to.
struct Wiring<'a> {
    options: RunOptions,
    stop: &'a watch::Sender<bool>,
    notes: mpsc::Sender<Note>,
    queues: Vec<mpsc::Sender<Delivery>>,
    checkpoint: &'a Checkpoint,
}

fn endpoint(source: &SourcePlan) -> String {
    source.client.endpoint().origin().ascii_serialization()
}

/// Checks a sink and gives it back its state. One that is only away is waited for
/// later, at its first write.
async fn restore(plan: &SinkPlan, checkpoint: &Checkpoint) -> Result<(), SinkError> {
    if plan.healthcheck {
        match plan.sink.check().await {
            Err(error) if error.kind == SinkErrorKind::Retry => {
                tracing::warn!(sink = plan.name, %error, "healthcheck failed");
            }
            checked => checked?,
        }
    }
    plan.sink.restore(checkpoint.sinks.get(&plan.name)).await
}

/// Waits for all tasks; the first failure ends the others.
async fn join_all(tasks: &mut Tasks) -> Result<(), RunError> {
    while let Some(joined) = tasks.join_next().await {
        let result = joined.unwrap_or_else(|error| Err(RunError::Panicked(error.to_string())));
        if result.is_err() {
            tasks.abort_all();
            return result;
        }
    }
    Ok(())
}

/// What the streams' ends mean for the run: one that may not be read is left out, but one must
/// be left; in a run that was to read all, none may have broken.
fn verdict(tally: &Tally, once: bool) -> Result<(), RunError> {
    let ends: Vec<_> = tally.streams.iter().map(|it| (&it.name, it.outcome())).collect();
    let failed = ends.iter().filter_map(|(name, outcome)| match outcome {
        StreamOutcome::Failed(why) => Some((name, why, false)),
        StreamOutcome::Denied(why) => Some((name, why, true)),
        StreamOutcome::Running | StreamOutcome::Ended => None,
    });
    let failed: Vec<_> = failed.collect();
    let none_left = !ends.is_empty() && failed.len() == ends.len();
    let broken = failed.iter().filter(|(_, _, denied)| none_left || (once && !denied));
    match broken.map(|(name, why, _)| format!("stream `{name}`: {why}")).next() {
        Some(first) => Err(RunError::Streams(first)),
        None => Ok(()),
    }
}
