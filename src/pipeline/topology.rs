//! A run: tasks and the channels between them, from start to drained end.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all as join_all_futures;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::commit::{Committer, Note};
use super::deliver::Deliverer;
use super::directories::{directories, lookups};
use super::error::RunError;
use super::feeds::{Entrance, Wiring};
use super::intake::Intake;
use super::internal::{InternalPlan, idle};
use super::observe::Observer;
use super::plan::{RunOptions, SinkPlan, SourcePlan, ZENDESK};
use super::scopes::Wanted;
use super::tally::{SinkTally, StreamOutcome, StreamTally, Tally, TransformTally};
use super::transforms::Directories;
use crate::alerts::{Bell, Post};
use crate::checkpoint::{
    Checkpoint, CheckpointStore, Lease, Revision, Role, StoreError, StoreErrorKind,
};
use crate::clock::Clock;
use crate::random::Random;
use crate::transform::Step;
use crate::webhook::WebhookSettings;
use crate::zendesk::Backoff;

/// How often a checkpoint store that is away is asked again at the start. Then the run fails: what
/// it runs under shows it, and starts it again.
const LOAD_RETRIES: u32 = 5;

/// The first and the last ceiling of the random delay between those tries.
const LOAD_CEILINGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

/// Notes that may wait for the committer; they are small.
const NOTES_QUEUED: usize = 64;

/// Everything a run needs, not yet running.
#[derive(Debug)]
pub struct Pipeline {
    pub(super) sources: Vec<SourcePlan>,
    pub(super) transforms: Vec<Step>,
    /// By source.
    pub(super) directories: BTreeMap<String, Directories>,
    pub(super) sinks: Vec<SinkPlan>,
    pub(super) store: Arc<dyn CheckpointStore>,
    /// Where several processes stand ready to run on it.
    pub(super) lease: Option<Arc<Lease>>,
    pub(super) clock: Clock,
    pub(super) random: Arc<Random>,
    pub(super) tally: Arc<Tally>,
    pub(super) webhooks: Vec<WebhookSettings>,
    pub(super) internal: Vec<InternalPlan>,
    pub(super) alerts: Option<Post>,
    /// By name, where they are known; for people.
    pub(super) sink_types: BTreeMap<String, &'static str>,
}

pub(super) type Tasks = JoinSet<Result<(), RunError>>;

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
            streams: outputs.map(|name| StreamTally::named(name, ZENDESK)).collect(),
            sinks: sinks.iter().map(|sink| SinkTally::named(sink.name.clone())).collect(),
            ..Tally::default()
        };
        Self {
            sources,
            transforms: Vec::new(),
            directories: BTreeMap::new(),
            sinks,
            store,
            lease: None,
            clock,
            random,
            tally: Arc::new(tally),
            webhooks: Vec::new(),
            internal: Vec::new(),
            alerts: None,
            sink_types: BTreeMap::new(),
        }
    }

    /// With these transforms between its sources and its sinks. Said before anybody asks for the
    /// tally.
    pub fn with_transforms(mut self, transforms: Vec<Step>) -> Self {
        let names = transforms.iter().map(|step| TransformTally::of(&step.transform));
        let names = names.collect();
        if let Some(tally) = Arc::get_mut(&mut self.tally) {
            tally.transforms = names;
        }
        self.directories = directories(&self.sources, &transforms);
        Self { transforms, ..self }
    }

    /// Runs only while it holds this lease, and waits for it before it reads the checkpoint.
    pub fn with_lease(self, lease: Option<Lease>) -> Self {
        Self { lease: lease.map(Arc::new), ..self }
    }

    /// What the run will have counted.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// A window onto the run.
    pub fn observer(&self) -> Observer {
        let sources = self.sources.iter();
        Observer {
            clock: self.clock,
            tally: self.tally(),
            sources: sources.map(|it| (it.name.clone(), Arc::clone(&it.client))).collect(),
            sink_types: self.sink_types.clone(),
            role: self.lease.as_ref().map(|lease| lease.role()),
        }
    }

    /// Asks what the tokens may read, and warns of streams that they do not cover.
    pub fn compare_scopes(&self) -> impl Future<Output = ()> + Send + use<> {
        let wanted = self.sources.iter().map(|source| Wanted {
            source: source.name.clone(),
            client: Arc::clone(&source.client),
            specs: source.streams.iter().map(|(stream, _)| stream.spec).collect(),
            lookups: lookups(&self.transforms, &source.name)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        });
        let compare = join_all_futures(wanted.map(Wanted::compare).collect::<Vec<_>>());
        let role = self.lease.as_ref().map(|lease| lease.role());
        async move {
            // One that stands by leaves the account alone.
            if let Some(mut role) = role
                && role.wait_for(|role| *role == Role::Leader).await.is_err()
            {
                return;
            }
            compare.await;
        }
    }

    /// Runs until every stream has ended or `shutdown` is done, then drains.
    pub async fn run(
        self,
        options: RunOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let clients: Vec<_> = self.sources.iter().map(|it| Arc::clone(&it.client)).collect();
        let lease = self.lease.clone();
        let ended = tokio::select! {
            ended = self.run_streams(options, shutdown) => ended,
            lost = keep(lease.as_deref()) => Err(RunError::Checkpoint(lost)),
        };
        join_all_futures(clients.iter().map(|client| client.settle())).await;
        let Some(lease) = lease else { return ended };
        match lease.release().await {
            // What another did to the checkpoint is no reason to begin again.
            Some(lost) if ended.is_err() => Err(RunError::Checkpoint(lost)),
            _ => ended,
        }
    }

    async fn run_streams(
        self,
        options: RunOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let tally = self.tally();
        let stop = Arc::new(watch::Sender::new(false));
        let mut shutdown = std::pin::pin!(shutdown);
        let is_our_turn = tokio::select! {
            taken = self.take_lease(options.once) => taken.map_err(RunError::Checkpoint)?,
            () = &mut shutdown => false,
        };
        if !is_our_turn {
            return Ok(());
        }
        let mut tasks = tokio::select! {
            started = self.start(options, &stop) => started?,
            () = &mut shutdown => return Ok(()),
        };
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

    /// Waits for the lease, if there is one. Returns whether it is our turn to run.
    async fn take_lease(&self, once: bool) -> Result<bool, StoreError> {
        match &self.lease {
            Some(lease) => lease.take(once).await,
            None => Ok(true),
        }
    }

    /// What a former run left. A store that is only away is asked a few times.
    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        let mut backoff = Backoff::new(LOAD_CEILINGS.0, LOAD_CEILINGS.1);
        for _ in 0..LOAD_RETRIES {
            match self.store.load().await {
                Err(error) if error.kind == StoreErrorKind::Retry => {
                    let wait = backoff.next(&self.random);
                    let retry_in_ms = wait.as_millis();
                    tracing::warn!(%error, retry_in_ms, "checkpoint not loaded, trying again");
                    self.clock.sleep(wait).await;
                }
                loaded => return loaded,
            }
        }
        self.store.load().await
    }

    /// Loads what a former run left, then starts every task.
    async fn start(
        mut self,
        options: RunOptions,
        stop: &Arc<watch::Sender<bool>>,
    ) -> Result<Tasks, RunError> {
        let (revision, checkpoint) = match self.load().await.map_err(RunError::Checkpoint)? {
            Some((revision, checkpoint)) => (Some(revision), checkpoint),
            None => (None, Checkpoint::default()),
        };
        let mut tasks = Tasks::new();
        let (notes, to_commit) = mpsc::channel(NOTES_QUEUED);
        let entrances = self.start_sinks(&mut tasks, &notes, stop, &checkpoint);
        let working = watch::Sender::new(());
        let bell = self.start_alerts(&mut tasks, stop, &working);
        let wiring =
            Wiring { options, stop, notes, entrances, working, bell, checkpoint: &checkpoint };
        let mut ledgers = self.start_feeds(&mut tasks, &wiring)?;
        self.start_webhooks(&mut tasks, &wiring, &mut ledgers).await?;
        self.start_internal(&mut tasks, &wiring, &mut ledgers);
        // The committer ends when nobody is left who could tell it something.
        drop(wiring);
        let committer = Committer {
            store: self.store,
            revision,
            saved: None,
            checkpoint,
            stream_names: self.tally.streams.iter().map(|stream| stream.name.clone()).collect(),
            sink_names: self.sinks.iter().map(|sink| sink.name.clone()).collect(),
            acknowledged: self.sinks.iter().map(|sink| sink.acknowledged).collect(),
            reading: ledgers.iter().map(|_| VecDeque::new()).collect(),
            ledgers,
            receipts: VecDeque::new(),
            clock: self.clock,
            random: self.random,
            tally: self.tally,
        };
        tasks.spawn(committer.run(to_commit));
        Ok(tasks)
    }

    /// Posts alerts beside everything else.
    fn start_alerts(
        &mut self,
        tasks: &mut Tasks,
        stop: &watch::Sender<bool>,
        working: &watch::Sender<()>,
    ) -> Option<Bell> {
        let mut stopped = stop.subscribe();
        let idle = idle(working.subscribe());
        let ended = async move {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                () = idle => {}
            }
        };
        let (bell, work) = self.alerts.take()?.open(self.clock, Arc::clone(&self.random), ended);
        tasks.spawn(async move {
            work.await;
            Ok(())
        });
        Some(bell)
    }

    fn start_sinks(
        &self,
        tasks: &mut Tasks,
        notes: &mpsc::Sender<Note>,
        stop: &Arc<watch::Sender<bool>>,
        checkpoint: &Checkpoint,
    ) -> Vec<Entrance> {
        let gone =
            checkpoint.sinks.keys().filter(|name| self.sinks.iter().all(|it| it.name != **name));
        for sink in gone {
            let hint = "if it was renamed, give it that name again: under another it writes anew \
                        what it wrote since the checkpoint";
            tracing::info!(sink, hint, "the checkpoint knows a sink that the config does not have");
        }
        let queues = self.sinks.iter().map(|plan| Intake::new(plan.delivery.buffer));
        let (intakes, queues): (Vec<_>, Vec<_>) = queues.unzip();
        let mut entrances = Vec::new();
        for ((id, plan), deliveries) in self.sinks.iter().enumerate().zip(queues) {
            let rejected = format!("{}.rejected", plan.name);
            let takers = self.sinks.iter().zip(&intakes).enumerate();
            let takers = takers.filter(|(_, (taker, _))| taker.inputs.contains(&rejected));
            let (restored, is_restored) = watch::channel(None);
            let deliverer = Deliverer {
                id,
                sink: Arc::clone(&plan.sink),
                healthcheck: plan.healthcheck,
                saved: checkpoint.sinks.get(&plan.name).cloned(),
                restored,
                settings: plan.delivery,
                notes: notes.clone(),
                refused: takers
                    .map(|(id, (it, intake))| (id, intake.clone(), it.acknowledged))
                    .collect(),
                stop: Arc::clone(stop),
                clock: self.clock,
                random: Arc::clone(&self.random),
                tally: Arc::clone(&self.tally),
            };
            tasks.spawn(deliverer.run(deliveries));
            entrances.push(Entrance { intake: intakes[id].clone(), restored: is_restored });
        }
        entrances
    }
}

/// Keeps the lease until it is lost; for ever without one.
async fn keep(lease: Option<&Lease>) -> StoreError {
    match lease {
        Some(lease) => lease.keep().await,
        None => std::future::pending().await,
    }
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
    let ends: Vec<_> = tally.read().map(|it| (&it.name, it.outcome())).collect();
    let failed = ends.iter().filter_map(|(name, outcome)| match outcome {
        StreamOutcome::Failed(why) => Some((name, why, false)),
        StreamOutcome::Denied(why) => Some((name, why, true)),
        StreamOutcome::Running | StreamOutcome::Ended => None,
    });
    let failed: Vec<_> = failed.collect();
    let none_left = !ends.is_empty() && failed.len() == ends.len();
    let mut broken = failed.iter().filter(|(_, _, denied)| none_left || (once && !denied));
    match broken.next() {
        Some((name, why, _)) => Err(RunError::stream(name, why)),
        None => Ok(()),
    }
}
