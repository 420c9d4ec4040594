//! A run: tasks and the channels between them, from start to drained end.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::commit::{Committer, Note};
use super::deliver::{Deliverer, batch};
use super::error::RunError;
use super::feed::{Feed, Route};
use super::intake::Intake;
use super::ledger::Ledger;
use super::plan::{RunOptions, SinkPlan, SourcePlan};
use super::tally::{SinkTally, StreamOutcome, StreamTally, Tally};
use crate::checkpoint::{Checkpoint, CheckpointStore, StoreError, StoreErrorKind, StreamState};
use crate::clock::Clock;
use crate::random::Random;
use crate::sinks::{Restored, SinkError, SinkErrorKind};
use crate::streams;

/// Batches that may wait for a sink's writer beside the one it writes.
const BATCHES_QUEUED: usize = 1;

/// Notes that may wait for the committer; they are small.
const NOTES_QUEUED: usize = 64;

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
        let (revision, mut checkpoint) =
            loaded.map_or_else(Default::default, |(r, c)| (Some(r), c));
        let mut held = Vec::new();
        for sink in &self.sinks {
            let restored = restore(sink, &checkpoint).await;
            let restored = restored.map_err(|error| RunError::sink(&sink.name, error))?;
            if let Some(state) = restored.state {
                checkpoint.sinks.insert(sink.name.clone(), state);
            }
            held.push(restored.held);
        }
        let mut tasks = Tasks::new();
        let (notes, to_commit) = mpsc::channel(NOTES_QUEUED);
        let intakes = self.start_sinks(&mut tasks, &notes, stop);
        let ledgers = self.start_feeds(
            &mut tasks,
            &Wiring { options, stop, notes, intakes, held, checkpoint: &checkpoint },
        )?;
        let committer = Committer {
            store: self.store,
            revision,
            saved: None,
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
    ) -> Vec<Intake> {
        let queues = self.sinks.iter().map(|plan| Intake::new(plan.delivery.buffer));
        let (intakes, queues): (Vec<_>, Vec<_>) = queues.unzip();
        for ((id, plan), deliveries) in self.sinks.iter().enumerate().zip(queues) {
            let (batches, to_write) = mpsc::channel(BATCHES_QUEUED);
            let rejected = format!("{}.rejected", plan.name);
            let takers = self.sinks.iter().zip(&intakes);
            let takers = takers.filter(|(taker, _)| taker.inputs.contains(&rejected));
            let deliverer = Deliverer {
                id,
                sink: Arc::clone(&plan.sink),
                settings: plan.delivery,
                notes: notes.clone(),
                refused: takers.map(|(it, intake)| (intake.clone(), it.acknowledged)).collect(),
                stop: Arc::clone(stop),
                clock: self.clock,
                random: Arc::clone(&self.random),
                tally: Arc::clone(&self.tally),
            };
            tasks.spawn(batch(plan.delivery.batch, deliveries, batches));
            tasks.spawn(deliverer.run(to_write));
        }
        intakes
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
                    ahead: BTreeMap::new(),
                });
                let position = start.position.0.clone();
                let mut ledger =
                    Ledger::new(start, |name| self.sinks.iter().position(|sink| sink.name == name));
                for (sink, held) in wiring.held.iter().enumerate() {
                    ledger.hold(sink, held.get(output).map_or(&[], Vec::as_slice));
                }
                let feed = Feed {
                    stream,
                    position,
                    routes: self.routes(output, &source.name, &ledger, &wiring.intakes),
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
        intakes: &[Intake],
    ) -> Vec<Route> {
        let rejected = format!("{source}.rejected");
        let sinks = self.sinks.iter().zip(intakes).enumerate();
        let routes = sinks.map(|(sink, (plan, intake))| Route {
            sink,
            intake: intake.clone(),
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
    intakes: Vec<Intake>,
    /// What each sink turned out to hold, by output.
    held: Vec<BTreeMap<String, Vec<u64>>>,
    checkpoint: &'a Checkpoint,
}

fn endpoint(source: &SourcePlan) -> String {
    source.client.endpoint().origin().ascii_serialization()
}

/// Checks a sink and gives it back its state. One that is only away is waited for
/// later, at its first write.
async fn restore(plan: &SinkPlan, checkpoint: &Checkpoint) -> Result<Restored, SinkError> {
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
