//! Webhooks as streams of a pipeline: two outputs each, fed by one server.

use std::sync::Arc;

use futures::StreamExt as _;
use tokio::net::TcpListener;

use super::error::RunError;
use super::feed::Arrival;
use super::feeds::{Opening, Wiring, state};
use super::ledger::Ledger;
use super::plan::ZENDESK_WEBHOOK;
use super::tally::{StreamTally, add};
use super::topology::{Pipeline, Tasks};
use crate::transform::Graph;
use crate::webhook::{self, Kind, Receiver, WebhookSettings};
use crate::zendesk::ApiError;

/// What stands for the account in a checkpoint: webhooks come from wherever they come.
const ENDPOINT: &str = "webhooks";

impl Pipeline {
    /// With these sources beside those that read. Said before anybody asks for the tally.
    pub fn with_webhooks(mut self, webhooks: Vec<WebhookSettings>) -> Self {
        let outputs = webhooks
            .iter()
            .flat_map(|settings| Kind::ALL.map(|kind| format!("{}.{kind}", settings.source)));
        let tallies = outputs.map(|output| StreamTally::named(output, ZENDESK_WEBHOOK));
        if let Some(tally) = Arc::get_mut(&mut self.tally) {
            tally.streams.extend(tallies);
        }
        self.webhooks = webhooks;
        self
    }

    /// Listens for webhooks. A run that reads to the present end has nobody to wait for.
    pub(super) async fn start_webhooks(
        &self,
        tasks: &mut Tasks,
        wiring: &Wiring<'_>,
        ledgers: &mut Vec<Ledger>,
    ) -> Result<(), RunError> {
        for settings in &self.webhooks {
            let source = settings.source.as_str();
            let mut inlets = Vec::new();
            let first = ledgers.len();
            for kind in Kind::ALL {
                let stream = ledgers.len();
                let saved = self.saved(stream, ENDPOINT, wiring.checkpoint)?;
                let position = saved.as_ref().map(|saved| &saved.position);
                let (inlet, start, pages) = webhook::open(position)?;
                let start = saved.unwrap_or_else(|| state(ENDPOINT.to_owned(), start));
                let mut alerts = settings.silence_alerts.iter();
                let silence_alert = alerts.find(|(of, _)| *of == kind).map(|(_, after)| *after);
                let (since, is_whole) = (None, false);
                let opening = Opening { stream, source, start, since, is_whole, silence_alert };
                let (feed, ledger) = self.feed(opening, wiring);
                if self.is_taken(&self.tally.streams[stream].name) && !wiring.options.once {
                    inlets.push((kind, inlet));
                }
                let working = wiring.working.clone();
                tasks.spawn(async move {
                    let _working = working;
                    feed.run(pages.map(|page| Ok::<_, ApiError>(Arrival::from(page)))).await
                });
                ledgers.push(ledger);
            }
            if wiring.options.once {
                tracing::warn!(source, "webhooks are not received with `--once`");
                continue;
            }
            let tally = self.tally();
            let refused = move |kind: Kind| {
                // Its outputs stand side by side, in the order of the kinds.
                let at = Kind::ALL.iter().position(|it| *it == kind).unwrap_or(0);
                add(&tally.streams[first + at].errors, 1);
            };
            let receiver = Receiver::new(settings.clone(), self.clock, inlets, refused);
            let listener = listen(settings).await?;
            let (stop, name) = (wiring.stop.subscribe(), settings.source.clone());
            let address = settings.address;
            tasks.spawn(async move {
                let served = receiver.serve(listener, stop).await;
                served.map_err(|error| RunError::Listen {
                    name,
                    address,
                    message: error.to_string(),
                })
            });
        }
        Ok(())
    }

    /// Whether a sink takes the output, or what transforms make of it.
    fn is_taken(&self, output: &str) -> bool {
        let wanted = |output: &str| {
            self.sinks.iter().any(|sink| sink.inputs.iter().any(|input| input == output))
        };
        let through = || Graph::between(&self.transforms, [output, output], wanted);
        wanted(output) || !through().collected().is_empty()
    }
}

async fn listen(settings: &WebhookSettings) -> Result<TcpListener, RunError> {
    let listener = TcpListener::bind(settings.address).await;
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = bound.map_err(|error| RunError::Listen {
        name: settings.source.clone(),
        address: settings.address,
        message: error.to_string(),
    })?;
    tracing::info!(source = settings.source, %address, path = settings.path, "webhooks are received");
    Ok(listener)
}
