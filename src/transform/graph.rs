//! Which transforms take what.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::enrich::Known;
use super::item::Item;
use super::passage::Walk;
use super::{Step, Transform};
use crate::normalize::Event;

/// The transforms that lie between some outputs and those that are wanted.
#[derive(Debug)]
pub struct Graph {
    /// By place in the config.
    pub(super) nodes: Vec<Node>,
    /// Who takes the events, and who what was rejected.
    pub(super) roots: [Vec<usize>; 2],
    /// The outputs that are collected.
    collected: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) transform: Arc<Transform>,
    pub(super) ports: Vec<Port>,
}

/// What becomes of an output.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) output: String,
    /// Its place among those that are collected.
    pub(super) slot: Option<usize>,
    /// The transforms that take it.
    pub(super) takers: Vec<usize>,
}

impl Port {
    /// Whether anything becomes of what goes to it.
    pub(super) fn is_taken(&self) -> bool {
        self.slot.is_some() || !self.takers.is_empty()
    }
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
    /// Events it gave on to whoever takes them.
    pub sent: usize,
    /// Events it dropped as the config wants it, or that went to no output that anybody takes.
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

    /// Sends a page through, where nobody can be asked who is who.
    pub fn run(&self, events: &[Event], rejected: &[Event], now: Instant) -> Passed {
        let mut walk = Walk::new(self, now);
        walk.page(events, rejected);
        walk.end(|_| Known::default())
    }

    /// Sends events to single transforms, by place in the config. `known` says who is who.
    pub(super) fn run_at(
        &self,
        events: Vec<(usize, Event)>,
        known: impl Fn(&BTreeSet<u64>) -> Known,
        now: Instant,
    ) -> Passed {
        let mut walk = Walk::new(self, now);
        for (at, (node, event)) in events.into_iter().enumerate() {
            walk.give(&[node], at, Item::new(event));
        }
        walk.end(known)
    }
}

/// The steps that take an output.
fn takers(steps: &[Step], output: &str) -> Vec<usize> {
    let takes =
        |(at, step): (usize, &Step)| step.inputs.iter().any(|input| input == output).then_some(at);
    steps.iter().enumerate().filter_map(takes).collect()
}
