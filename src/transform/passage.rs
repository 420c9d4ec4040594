//! The way of a page through the transforms, and the places where it waits for an answer.
//!
//! Events go one by one, each all the way, but for those of which a transform has to know more
//! than they say: they stop there, as their lines alone, until somebody has found it out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;
use vrl::compiler::runtime::Runtime;

use super::enrich::{Known, Named};
use super::graph::{Counts, Graph, Node, Passed, Port};
use super::item::Item;
use super::{Kind, Made};
use crate::normalize::{Event, Origin};

/// An origin before an output, and behind it.
type Behind = (Arc<Origin>, Arc<Origin>);

/// An event at a transform that has to know more.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) item: Item,
    pub(super) named: Named,
}

/// An event that waits, and where: the transform, and its place in the page.
#[derive(Debug)]
struct Parked {
    node: usize,
    at: usize,
    waiting: Waiting,
}

/// What a page has become so far.
#[derive(Debug)]
struct State {
    passed: Passed,
    /// By transform and port: origins, and what they are behind that output.
    origins: HashMap<(usize, usize), Vec<Behind>>,
    parked: Vec<Parked>,
}

/// A page on its way.
#[derive(Debug)]
pub struct Passage {
    graph: Arc<Graph>,
    now: Instant,
    state: State,
}

impl Passage {
    /// Sends a page in.
    pub fn begin(graph: Arc<Graph>, events: &[Event], rejected: &[Event], now: Instant) -> Self {
        let mut walk = Walk::new(&graph, now);
        walk.page(events, rejected);
        let state = walk.state;
        Self { graph, now, state }
    }

    /// By place of the transform in the config: the users of whom it has to know; nothing, where the
    /// page has come to its end.
    pub fn wanted(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        self.state.wanted()
    }

    /// Goes on with what is known now.
    #[must_use]
    pub fn go_on(self, known: &BTreeMap<usize, Known>) -> Self {
        let Self { graph, now, state } = self;
        let mut walk = Walk { state, ..Walk::new(&graph, now) };
        walk.go_on(known);
        let state = walk.state;
        Self { graph, now, state }
    }

    /// What the page became.
    pub fn end(self) -> Passed {
        self.state.passed
    }
}

impl State {
    fn wanted(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut wanted: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for Parked { node, waiting, .. } in &self.parked {
            waiting.named.ids(wanted.entry(*node).or_default());
        }
        wanted
    }
}

/// The part of a way between two answers.
pub(super) struct Walk<'g> {
    graph: &'g Graph,
    now: Instant,
    runtime: Runtime,
    state: State,
    /// Room for what transforms make, to be used again.
    spare: Vec<Vec<(usize, Item)>>,
}

impl<'g> Walk<'g> {
    pub(super) fn new(graph: &'g Graph, now: Instant) -> Self {
        let passed = Passed {
            outputs: vec![Vec::new(); graph.collected().len()],
            counts: vec![Counts::default(); graph.nodes.len()],
        };
        let state = State { passed, origins: HashMap::new(), parked: Vec::new() };
        Self { graph, now, runtime: Runtime::default(), state, spare: Vec::new() }
    }

    pub(super) fn page(&mut self, events: &[Event], rejected: &[Event]) {
        let graph = self.graph;
        let [of_events, of_rejected] = &graph.roots;
        let pages = [(events, of_events, 0), (rejected, of_rejected, events.len())];
        for (events, takers, first) in pages {
            // Not even a clone for what nobody takes.
            if takers.is_empty() {
                continue;
            }
            for (at, event) in events.iter().enumerate() {
                self.give(takers, first + at, Item::new(event.clone()));
            }
        }
    }

    /// Sends it on as often as it stops. `known` says who is who.
    pub(super) fn end(mut self, known: impl Fn(&BTreeSet<u64>) -> Known) -> Passed {
        loop {
            let wanted = self.state.wanted();
            if wanted.is_empty() {
                return self.state.passed;
            }
            self.go_on(&wanted.iter().map(|(node, ids)| (*node, known(ids))).collect());
        }
    }

    pub(super) fn give(&mut self, takers: &[usize], at: usize, item: Item) {
        let Some((last, others)) = takers.split_last() else { return };
        for taker in others {
            self.pass(*taker, at, item.clone());
        }
        self.pass(*last, at, item);
    }

    /// An event through a transform and all that follow it.
    fn pass(&mut self, node: usize, at: usize, item: Item) {
        let transform = &self.graph.nodes[node].transform;
        self.state.passed.counts[node].received += 1;
        let mut made = self.nothing_made();
        match transform.apply(item, self.now, &mut self.runtime, &mut made) {
            Some(waiting) => {
                self.state.parked.push(Parked { node, at, waiting });
                self.spare.push(made.items);
            }
            None => self.hand_on(node, at, made),
        }
    }

    fn go_on(&mut self, known: &BTreeMap<usize, Known>) {
        let graph = self.graph;
        let nobody = Known::default();
        for Parked { node, at, waiting } in std::mem::take(&mut self.state.parked) {
            let Kind::Enrich(enrich) = &graph.nodes[node].transform.kind else { continue };
            let mut made = self.nothing_made();
            let Waiting { item, named } = waiting;
            enrich.answer(item, &named, known.get(&node).unwrap_or(&nobody), &mut made);
            self.hand_on(node, at, made);
        }
    }

    /// What a transform made of an event, to where it goes.
    fn hand_on(&mut self, node: usize, at: usize, mut made: Made) {
        let graph = self.graph;
        let Node { ports, .. } = &graph.nodes[node];
        // What goes where nobody takes it is not sent.
        let is_dropped = made.items.is_empty();
        made.items.retain(|(port, _)| ports[*port].is_taken());
        if !is_dropped && made.items.is_empty() {
            made.turn_away();
        }
        let counts = &mut self.state.passed.counts[node];
        counts.sent += made.items.len();
        counts.discarded += made.discarded;
        // An event at which several conditions fail is one.
        counts.failed += made.failed.min(1);
        counts.dropped += made.dropped;
        if counts.failure.is_none() {
            counts.failure = made.failure;
        }
        for (port, mut item) in made.items.drain(..) {
            let Port { output, slot, takers } = &ports[port];
            let origin = self.behind((node, port), output, item.origin());
            item.set_origin(origin);
            if let Some(slot) = slot {
                self.state.passed.outputs[*slot].push((at, item.event().clone()));
            }
            self.give(takers, at, item);
        }
        self.spare.push(made.items);
    }

    fn nothing_made(&mut self) -> Made {
        Made { items: self.spare.pop().unwrap_or_default(), ..Made::default() }
    }

    /// The origin of what came out of an output: with the whole way there, since the same record may
    /// come to one place by several.
    fn behind(&mut self, place: (usize, usize), output: &str, origin: &Arc<Origin>) -> Arc<Origin> {
        let known = self.state.origins.entry(place).or_default();
        if let Some((_, behind)) = known.iter().find(|(before, _)| Arc::ptr_eq(before, origin)) {
            return Arc::clone(behind);
        }
        let through = match &origin.through {
            Some(way) => format!("{way}>{output}"),
            None => output.to_owned(),
        };
        let behind = Arc::new(Origin { through: Some(through), ..(**origin).clone() });
        // A page has one origin, so these are the ways to here.
        known.push((Arc::clone(origin), Arc::clone(&behind)));
        behind
    }
}
