//! A stream's transforms: where they run, and what is told of them.
//!
//! Programs are work for a processor, so a page passes them on a thread for such work, and no other
//! stream waits. Nothing of the next page is fetched meanwhile, so one page is held.

use std::sync::Arc;

use tokio::time::Instant;

use super::error::RunError;
use super::tally::{Tally, add};
use crate::normalize::{Event, Frame};
use crate::transform::{Counts, Graph, Passed};

/// A page, shared by all that take it whole.
#[derive(Debug, Clone)]
pub(super) struct PageEvents {
    pub(super) events: Arc<[Event]>,
    pub(super) rejected: Arc<[Event]>,
    /// What stood around them, where that is to be delivered too.
    pub(super) frame: Option<Frame>,
}

/// What lies between a stream and the sinks.
#[derive(Debug)]
pub(super) struct Transforms {
    /// The output for what cannot be an event.
    pub(super) rejected: String,
    pub(super) graph: Arc<Graph>,
}

impl Transforms {
    /// Which of the outputs are among these inputs, by place.
    pub(super) fn taken_by(&self, inputs: &[String]) -> Vec<usize> {
        let outputs = self.graph.collected().iter().enumerate();
        outputs.filter(|(_, output)| inputs.contains(output)).map(|(slot, _)| slot).collect()
    }

    /// What a page becomes.
    pub(super) async fn pass(&self, page: &PageEvents, tally: &Tally) -> Result<Passed, RunError> {
        let is_empty = page.events.is_empty() && page.rejected.is_empty();
        if is_empty || self.graph.is_empty() {
            return Ok(Passed::default());
        }
        let (graph, page, now) = (Arc::clone(&self.graph), page.clone(), Instant::now());
        let passed =
            tokio::task::spawn_blocking(move || graph.run(&page.events, &page.rejected, now))
                .await
                .map_err(|error| RunError::Panicked(error.to_string()))?;
        for (counts, tally) in passed.counts.iter().zip(&tally.transforms) {
            let Counts { received, sent, discarded, failed, dropped, failure } = counts;
            add(&tally.received, *received);
            add(&tally.sent, *sent);
            add(&tally.discarded, *discarded);
            add(&tally.errors, *failed);
            add(&tally.dropped, *dropped);
            if let Some(error) = failure.as_ref().filter(|_| tally.tells(now)) {
                let (transform, count) = (&tally.name, failed);
                tracing::error!(transform, count, dropped, error, "events failed");
            }
        }
        Ok(passed)
    }
}
