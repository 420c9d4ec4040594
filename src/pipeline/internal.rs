//! What the program tells about itself as streams of a pipeline.
//!
//! They are there for as long as there is something else to tell of: where all other streams of a run end, so do
//! they. They are no reason for a run to fail.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::watch;

use super::feed::Arrival;
use super::feeds::{Opening, Wiring, state};
use super::ledger::Ledger;
use super::metrics::metrics;
use super::tally::StreamTally;
use super::topology::{Pipeline, Tasks};
use crate::internal::{self, InternalSettings, Kind, Speaker};
use crate::streams::Page;
use crate::telemetry::{self, Listener};
use crate::zendesk::ApiError;

/// What stands for the account in a checkpoint.
const ENDPOINT: &str = "internal";

/// One source, which listens already.
#[derive(Debug)]
pub(super) struct InternalPlan {
    settings: InternalSettings,
    /// None where there is nothing to listen to.
    listener: Option<Listener>,
}

impl Pipeline {
    /// With these sources after those that read and those that are sent to. Said before anybody
    /// asks for the tally.
    pub fn with_internal(mut self, sources: Vec<InternalSettings>) -> Self {
        let tally = |it: &InternalSettings| {
            let kind = it.kind.name();
            StreamTally::named(format!("{}.{kind}", it.source), kind)
        };
        let tallies: Vec<_> = sources.iter().map(tally).collect();
        if let Some(tally) = Arc::get_mut(&mut self.tally) {
            tally.streams.extend(tallies);
        }
        let plan = |settings: InternalSettings| {
            let listener = (settings.kind == Kind::Logs).then(telemetry::listen);
            InternalPlan { settings, listener }
        };
        self.internal = sources.into_iter().map(plan).collect();
        self
    }

    pub(super) fn start_internal(
        &mut self,
        tasks: &mut Tasks,
        wiring: &Wiring<'_>,
        ledgers: &mut Vec<Ledger>,
    ) {
        // Where nothing else is read, a run that follows goes on until it is stopped.
        let is_alone = ledgers.is_empty() && !wiring.options.once;
        for plan in std::mem::take(&mut self.internal) {
            let (stream, source) = (ledgers.len(), plan.settings.source.clone());
            let start = state(ENDPOINT.to_owned(), internal::start());
            let opening = Opening {
                stream,
                source: &source,
                start,
                since: None,
                is_whole: false,
                silence_alert: None,
            };
            let (mut feed, ledger) = self.feed(opening, wiring);
            // Their pages are no measure of how far a run has come.
            feed.max_pages = None;
            let pages = self.pages(plan, wiring.working.subscribe());
            let working = is_alone.then(|| wiring.working.clone());
            tasks.spawn(async move {
                let _working = working;
                feed.run(pages.map(|page| Ok::<_, ApiError>(Arrival::from(page)))).await
            });
            ledgers.push(ledger);
        }
    }

    fn pages(&self, plan: InternalPlan, working: watch::Receiver<()>) -> BoxStream<'static, Page> {
        let InternalPlan { settings, listener } = plan;
        let speaker = Speaker::new(settings, telemetry::host());
        let idle = idle(working);
        if let Some(listener) = listener {
            return internal::log_pages(speaker, self.clock, listener, idle).boxed();
        }
        let (observer, started) = (self.observer(), self.clock.now());
        let look = move || {
            let status = observer.status();
            metrics(Some(&status), status.time.duration_since(started))
        };
        internal::metric_pages(speaker, self.clock, look, idle).boxed()
    }
}

/// Waits until nobody works any more.
pub(super) async fn idle(mut working: watch::Receiver<()>) {
    while working.changed().await.is_ok() {}
}
