//! What of a page one sink is given, and how it gets into its queue.
//!
//! It decides for one sink and one page; it waits for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::deliver::Held;
use super::intake::{Intake, Place};
use super::ledger::SinkId;
use super::tally::{Tally, add};
use super::transforms::PageEvents;
use crate::normalize::{Event, Frame};
use crate::transform::Passed;

/// One sink that takes something of a stream.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) sink: SinkId,
    pub(super) intake: Intake,
    /// Set once the sink is restored, to what it turned out to hold.
    pub(super) restored: watch::Receiver<Option<Arc<Held>>>,
    /// Whether positions wait for it.
    pub(super) acknowledged: bool,
    /// Whether it takes the stream's events.
    pub(super) takes_events: bool,
    /// Whether it takes what the source rejects.
    pub(super) takes_rejected: bool,
    /// Which of the outputs of transforms it takes.
    pub(super) takes_transformed: Vec<usize>,
    /// What it holds beyond the position, of a former run.
    pub(super) holds: BTreeSet<u64>,
}

/// How the events of a page get into a sink's queue.
pub(super) enum Room<'a> {
    /// There are none.
    Nothing,
    /// There is a place.
    Kept(Place<'a>),
    /// They wait for one.
    Wait,
}

impl Route {
    /// What of a page this sink is given, and the fingerprints of what it holds already.
    pub(super) fn choose(
        &mut self,
        page: &PageEvents,
        transformed: &Passed,
    ) -> (Arc<[Event]>, Vec<u64>) {
        let PageEvents { events, rejected, frame } = page;
        let rejected = if self.takes_rejected { &**rejected } else { &[] };
        let is_direct = self.takes_transformed.is_empty();
        let is_whole = is_direct && rejected.is_empty() && frame.is_none();
        if self.takes_events && is_whole && self.holds.is_empty() {
            return (Arc::clone(events), Vec::new());
        }
        let untouched = events.iter().enumerate().filter(|_| self.takes_events);
        let rejected = (events.len()..).zip(rejected);
        let mut wanted: Vec<(usize, &Event)> = untouched.chain(rejected).collect();
        for slot in &self.takes_transformed {
            let output = transformed.outputs.get(*slot).into_iter().flatten();
            wanted.extend(output.map(|(at, event)| (*at, event)));
        }
        // In the order of the stream, by whatever way they came.
        wanted.sort_by_key(|(at, _)| *at);
        let mut held = Vec::new();
        let mut given = Vec::new();
        for (at, event) in wanted {
            let fingerprint = event.fingerprint();
            if self.holds.remove(&fingerprint) {
                held.push(fingerprint);
            } else {
                given.push((at, event.clone()));
            }
        }
        let given = match frame {
            Some(frame) => in_pages(frame, given, events.len()),
            None => given.into_iter().map(|(_, event)| event).collect(),
        };
        (given, held)
    }

    /// How this many events get into the sink's queue; none: they are dropped and counted, at the
    /// full queue of a sink that is not waited for, or that is to drop what finds no room.
    pub(super) fn room(&self, events: usize, tally: &Tally) -> Option<Room<'_>> {
        if events == 0 {
            return Some(Room::Nothing);
        }
        if self.acknowledged && !self.intake.drops() {
            return Some(Room::Wait);
        }
        let place = self.intake.place_now(events);
        if place.is_none() {
            let sink = &tally.sinks[self.sink];
            add(&sink.discarded, events);
            tracing::error!(sink = sink.name, count = events, "events dropped");
        }
        place.map(Room::Kept)
    }
}

/// Records in their page's envelope, those apart that came through different outputs; behind them
/// what stands at `records` and after, which was rejected.
fn in_pages(frame: &Frame, given: Vec<(usize, Event)>, records: usize) -> Arc<[Event]> {
    let mut ways: Vec<Vec<Event>> = Vec::new();
    let mut others = Vec::new();
    for (at, event) in given {
        if at >= records {
            others.push(event);
            continue;
        }
        let through = &event.origin.through;
        match ways
            .iter_mut()
            .find(|way| way.first().is_some_and(|it| it.origin.through == *through))
        {
            Some(way) => way.push(event),
            None => ways.push(vec![event]),
        }
    }
    let pages = ways.iter().flat_map(|way| frame.around(way));
    pages.chain(others).collect()
}
