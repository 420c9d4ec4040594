//! Which transforms take what, and the way of a page through them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use vrl::compiler::runtime::Runtime;

use super::item::Item;
use super::{Made, Step, Transform};
use crate::normalize::{Event, Origin};

/// The transforms that lie between some outputs and those that are wanted.
#[derive(Debug)]
pub struct Graph {
    /// By place in the config.
    nodes: Vec<Node>,
    /// Who takes the events, and who what was rejected.
    roots: [Vec<usize>; 2],
    /// The outputs that are collected.
    collected: Vec<String>,
}

#[derive(Debug)]
struct Node {
    transform: Arc<Transform>,
    ports: Vec<Port>,
}

/// What becomes of an output.
#[derive(Debug)]
struct Port {
    output: String,
    /// Its place among those that are collected.
    slot: Option<usize>,
    /// The transforms that take it.
    takers: Vec<usize>,
}

/// What a page became.
#[derive(Debug, Default)]
pub struct Passed {
    /// By collected output, in the page's order: the event, and the place in the page of the one
    /// that it was made of.
    pub outputs: Vec<Vec<(usize, Event)>>,
    /// By transform.
    pub counts: Vec<Counts>,
}

/// What a transform did with a page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Events it was given.
    pub received: usize,
    /// Events it gave on.
    pub sent: usize,
    /// Events it dropped as the config wants it.
    pub discarded: usize,
    /// Events at which it failed.
    pub failed: usize,
    /// Those of them that were dropped.
    pub dropped: usize,
    /// The first failure.
    pub failure: Option<String>,
}

impl Graph {
    /// The way from the outputs `roots` (events, and what was rejected) through `steps` to what
    /// is `wanted`. Steps take what stands before them or after them, but never in a circle.
    pub fn between(steps: &[Step], roots: [&str; 2], wanted: impl Fn(&str) -> bool) -> Self {
        let mut reached: Vec<bool> = vec![false; steps.len()];
        let mut outputs: Vec<String> = roots.map(str::to_owned).into();
        while let Some(output) = outputs.pop() {
            for (step, reached) in steps.iter().zip(&mut reached) {
                if !*reached && step.inputs.contains(&output) {
                    *reached = true;
                    outputs.extend(step.transform.outputs());
                }
            }
        }
        Self::new(steps, roots.map(|root| takers(steps, root)), |at, output| {
            reached[at] && wanted(output)
        })
    }

    /// All of `steps`, for events that are put in anywhere.
    pub(super) fn whole(steps: &[Step], wanted: impl Fn(&str) -> bool) -> Self {
        Self::new(steps, [const { Vec::new() }; 2], |_, output| wanted(output))
    }

    fn new(steps: &[Step], roots: [Vec<usize>; 2], wanted: impl Fn(usize, &str) -> bool) -> Self {
        let mut collected = Vec::new();
        let mut nodes = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let outputs = step.transform.outputs().into_iter();
            let ports = outputs.map(|output| {
                let takers = takers(steps, &output);
                let slot = wanted(at, &output).then(|| {
                    collected.push(output.clone());
                    collected.len() - 1
                });
                Port { output, slot, takers }
            });
            let ports = ports.collect();
            nodes.push(Node { transform: Arc::clone(&step.transform), ports });
        }
        let mut graph = Self { nodes, roots, collected };
        graph.prune();
        graph
    }

    /// Leaves out what leads to nothing that is wanted.
    fn prune(&mut self) {
        let mut leads: Vec<bool> = vec![false; self.nodes.len()];
        for _ in 0..self.nodes.len() {
            for (index, node) in self.nodes.iter().enumerate() {
                leads[index] |= node.ports.iter().any(|port| {
                    port.slot.is_some() || port.takers.iter().any(|taker| leads[*taker])
                });
            }
        }
        let ports = self.nodes.iter_mut().flat_map(|node| &mut node.ports);
        for takers in ports.map(|port| &mut port.takers).chain(&mut self.roots) {
            takers.retain(|taker| leads[*taker]);
        }
    }

    /// Whether no event passes a transform on its way.
    pub fn is_empty(&self) -> bool {
        self.roots.iter().all(Vec::is_empty)
    }

    /// The outputs that are collected, by place.
    pub fn collected(&self) -> &[String] {
        &self.collected
    }

    fn walk(&self, now: Instant) -> Walk<'_> {
        Walk {
            graph: self,
            now,
            runtime: Runtime::default(),
            passed: Passed {
                outputs: vec![Vec::new(); self.collected.len()],
                counts: vec![Counts::default(); self.nodes.len()],
            },
            origins: HashMap::new(),
        }
    }

    /// Sends a page through.
    pub fn run(&self, events: &[Event], rejected: &[Event], now: Instant) -> Passed {
        let mut walk = self.walk(now);
        let [of_events, of_rejected] = &self.roots;
        let pages = [(events, of_events, 0), (rejected, of_rejected, events.len())];
        for (events, takers, first) in pages {
            // Not even a clone for what nobody takes.
            if takers.is_empty() {
                continue;
            }
            for (at, event) in events.iter().enumerate() {
                walk.give(takers, first + at, Item::new(event.clone()));
            }
        }
        walk.passed
    }

    /// Sends events to single transforms, by place in the config.
    pub(super) fn run_at(&self, events: Vec<(usize, Event)>, now: Instant) -> Passed {
        let mut walk = self.walk(now);
        for (at, (node, event)) in events.into_iter().enumerate() {
            walk.give(&[node], at, Item::new(event));
        }
        walk.passed
    }
}

/// The steps that take an output.
fn takers(steps: &[Step], output: &str) -> Vec<usize> {
    let takes =
        |(at, step): (usize, &Step)| step.inputs.iter().any(|input| input == output).then_some(at);
    steps.iter().enumerate().filter_map(takes).collect()
}

/// A page on its way.
struct Walk<'g> {
    graph: &'g Graph,
    now: Instant,
    runtime: Runtime,
    passed: Passed,
    /// By transform and port: origins, and what they are behind that output.
    origins: HashMap<(usize, usize), Vec<Behind>>,
}

/// An origin before an output, and behind it.
type Behind = (Arc<Origin>, Arc<Origin>);

impl Walk<'_> {
    fn give(&mut self, takers: &[usize], at: usize, item: Item) {
        let Some((last, others)) = takers.split_last() else { return };
        for taker in others {
            self.pass(*taker, at, item.clone());
        }
        self.pass(*last, at, item);
    }

    /// An event through a transform and all that follow it.
    fn pass(&mut self, node: usize, at: usize, item: Item) {
        let graph = self.graph;
        let Node { transform, ports } = &graph.nodes[node];
        let mut made = Made::default();
        transform.apply(item, self.now, &mut self.runtime, &mut made);
        let counts = &mut self.passed.counts[node];
        counts.received += 1;
        counts.sent += made.items.len();
        counts.discarded += made.discarded;
        counts.failed += made.failed;
        counts.dropped += made.dropped;
        if counts.failure.is_none() {
            counts.failure = made.failure;
        }
        for (port, mut item) in made.items {
            let Port { output, slot, takers } = &ports[port];
            let origin = self.behind((node, port), output, item.origin());
            item.set_origin(origin);
            if let Some(slot) = slot {
                self.passed.outputs[*slot].push((at, item.event().clone()));
            }
            self.give(takers, at, item);
        }
    }

    /// The origin of what came out of an output: with the whole way there, since the same record may
    /// come to one place by several.
    fn behind(&mut self, place: (usize, usize), output: &str, origin: &Arc<Origin>) -> Arc<Origin> {
        let known = self.origins.entry(place).or_default();
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
