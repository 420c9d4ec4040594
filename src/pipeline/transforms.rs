//! A stream's transforms: where they run, and what is told of them.
//!
//! Programs are work for a processor, so a page passes them on a thread for such work, and no other
//! stream waits. Nothing of the next page is fetched meanwhile, so one page is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use tokio::time::Instant;

use super::error::RunError;
use super::tally::{Tally, add};
use crate::directory::{self, Directory};
use crate::normalize::{Event, Frame};
use crate::transform::{Counts, Graph, Known, Passage, Passed};

/// Said where events come by a webhook, and no source reads the account that sends them.
const NO_ACCOUNT: &str = "users were not named: no source of type `zendesk` has this `subdomain`";

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
    /// By place of the transform: who is who in the stream's account.
    pub(super) directories: Directories,
}

/// By place of the transform that asks them.
pub(super) type Directories = BTreeMap<usize, Arc<Directory>>;

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
        let begin = move || Passage::begin(graph, &page.events, &page.rejected, now);
        let mut passage = apart(begin).await?;
        loop {
            let wanted = passage.wanted();
            if wanted.is_empty() {
                break;
            }
            let known = self.look_up(&wanted).await;
            passage = apart(move || passage.go_on(&known)).await?;
        }
        let passed = passage.end();
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

    /// Finds out who is who. It takes as long as the transforms let it, and no longer.
    async fn look_up(&self, wanted: &BTreeMap<usize, BTreeSet<u64>>) -> BTreeMap<usize, Known> {
        let known = wanted.iter().map(|(place, ids)| async move {
            let known = match self.directories.get(place) {
                Some(directory) => directory.look_up(ids).await,
                None if ids.is_empty() => directory::Known::default(),
                None => {
                    let failure = Some(NO_ACCOUNT.to_owned());
                    directory::Known { failure, ..directory::Known::default() }
                }
            };
            let directory::Known { users, failure } = known;
            (*place, Known { users, failure })
        });
        join_all(known).await.into_iter().collect()
    }
}

/// Work for a processor, where it holds up nothing else.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| RunError::Panicked(error.to_string()))
}
