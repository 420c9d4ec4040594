//! From the sources of a run to its feeds: where each stream begins, and which sinks take it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::commit::Note;
use super::deliver::Held;
use super::error::RunError;
use super::feed::{Arrival, Feed};
use super::intake::Intake;
use super::ledger::Ledger;
use super::plan::{RunOptions, SourcePlan};
use super::route::Route;
use super::silence::Watched;
use super::topology::{Pipeline, Tasks};
use super::transforms::Transforms;
use crate::alerts::Bell;
use crate::checkpoint::{Checkpoint, StoreError, StoreErrorKind, StreamState};
use crate::streams::{self, Paging, Position};
use crate::transform::Graph;

impl Pipeline {
    pub(super) fn start_feeds(
        &self,
        tasks: &mut Tasks,
        wiring: &Wiring<'_>,
    ) -> Result<Vec<Ledger>, RunError> {
        let mut ledgers = Vec::new();
        for source in &self.sources {
            for (settings, silence_alert) in &source.streams {
                let stream = ledgers.len();
                let saved = self.saved(stream, &endpoint(source), wiring.checkpoint)?;
                let position = saved.as_ref().map(|saved| &saved.position);
                let client = Arc::clone(&source.client);
                let (start, pages) = streams::open(client, settings.clone(), position)?;
                let since = position.is_none().then_some(settings.since);
                let start = saved.unwrap_or_else(|| state(endpoint(source), start));
                // What ends in the past brings nothing new, and is not meant to.
                let goes_on = settings.until.is_none_or(|until| until > self.clock.now());
                let silence_alert = silence_alert.filter(|_| goes_on);
                let is_whole = matches!(settings.spec.paging, Paging::Snapshot(_));
                let source = &source.name;
                let opening = Opening { stream, source, start, since, is_whole, silence_alert };
                let (feed, ledger) = self.feed(opening, wiring);
                let working = wiring.working.clone();
                tasks.spawn(async move {
                    let _working = working;
                    feed.run(pages.map(|page| page.map(Arrival::from))).await
                });
                ledgers.push(ledger);
            }
        }
        Ok(ledgers)
    }

    /// What takes the pages of a stream, and the books of it.
    pub(super) fn feed(&self, opening: Opening<'_>, wiring: &Wiring<'_>) -> (Feed, Ledger) {
        let Opening { stream, source, start, since, is_whole, silence_alert } = opening;
        let position = start.position.if_short().unwrap_or_default();
        let watched = Watched { limit: silence_alert, saved: start.quiet, since };
        let ledger =
            Ledger::new(start, |name| self.sinks.iter().position(|sink| sink.name == name));
        let output = &self.tally.streams[stream].name;
        let transforms = self.transforms(output, source);
        let feed = Feed {
            stream,
            position,
            routes: self.routes(output, &transforms, &ledger, &wiring.entrances),
            transforms,
            notes: wiring.notes.clone(),
            stop: wiring.stop.subscribe(),
            once: wiring.options.once,
            max_pages: wiring.options.max_pages,
            watched,
            is_whole,
            bell: wiring.bell.clone(),
            clock: self.clock,
            random: Arc::clone(&self.random),
            tally: Arc::clone(&self.tally),
        };
        (feed, ledger)
    }

    /// What a former run saved of a stream, if it was a stream of this account.
    pub(super) fn saved(
        &self,
        stream: usize,
        endpoint: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Option<StreamState>, RunError> {
        let output = &self.tally.streams[stream].name;
        let Some(saved) = checkpoint.streams.get(output) else { return Ok(None) };
        if saved.endpoint == endpoint {
            self.tally.streams[stream].stand(|standing| {
                standing.stand_at(&saved.position);
                // What it lacks it has lacked since before this run, whether or not it can be read.
                standing.delivered_through = saved.position.delivered_through();
                standing.last_event = saved.last_event;
            });
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

    /// What lies between a stream and the sinks.
    fn transforms(&self, output: &str, source: &str) -> Transforms {
        let rejected = format!("{source}.rejected");
        let wanted = |output: &str| {
            self.sinks.iter().any(|sink| sink.inputs.iter().any(|input| input == output))
        };
        let graph = Graph::between(&self.transforms, [output, &rejected], wanted);
        let directories = self.directories_of(source);
        Transforms { rejected, graph: Arc::new(graph), directories }
    }

    fn routes(
        &self,
        output: &str,
        transforms: &Transforms,
        ledger: &Ledger,
        entrances: &[Entrance],
    ) -> Vec<Route> {
        let sinks = self.sinks.iter().zip(entrances).enumerate();
        let routes = sinks.map(|(sink, (plan, entrance))| Route {
            sink,
            intake: entrance.intake.clone(),
            restored: entrance.restored.clone(),
            acknowledged: plan.acknowledged,
            takes_events: plan.inputs.iter().any(|input| input == output),
            takes_rejected: plan.inputs.contains(&transforms.rejected),
            takes_transformed: transforms.taken_by(&plan.inputs),
            holds: ledger.restored(sink),
        });
        let takes_any = |route: &Route| {
            route.takes_events || route.takes_rejected || !route.takes_transformed.is_empty()
        };
        routes.filter(takes_any).collect()
    }
}

/// What every feed is connected to.
pub(super) struct Wiring<'a> {
    pub(super) options: RunOptions,
    pub(super) stop: &'a watch::Sender<bool>,
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) entrances: Vec<Entrance>,
    /// Held by whoever reads or is sent to.
    pub(super) working: watch::Sender<()>,
    /// Tells people what they should see at once.
    pub(super) bell: Option<Bell>,
    pub(super) checkpoint: &'a Checkpoint,
}

/// A stream that is about to be followed.
pub(super) struct Opening<'a> {
    pub(super) stream: usize,
    pub(super) source: &'a str,
    pub(super) start: StreamState,
    /// Where it begins, if it was never read; none: it was, or it is sent to us.
    pub(super) since: Option<Timestamp>,
    /// Whether it is a list of records of any age, read as a whole again and again.
    pub(super) is_whole: bool,
    pub(super) silence_alert: Option<Duration>,
}

/// The state of a stream that was never read.
pub(super) fn state(endpoint: String, position: Position) -> StreamState {
    StreamState { endpoint, position, ahead: BTreeMap::new(), quiet: None, last_event: None }
}

/// The way into a sink, and what it held when it was opened.
pub(super) struct Entrance {
    pub(super) intake: Intake,
    pub(super) restored: watch::Receiver<Option<Arc<Held>>>,
}

fn endpoint(source: &SourcePlan) -> String {
    source.client.endpoint().origin().ascii_serialization()
}
