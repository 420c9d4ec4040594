//! What users want of events: VRL programs and conditions between a stream and its sinks.
//!
//! Pure: no async, no IO; the time is handed in, and so is what only the account knows. Events of a
//! page go through one by one, each all the way, so that one value is held at a time. It must not know where events come from or
//! where they go. Names, options and behaviour are Vector's
//! (<https://vector.dev/docs/reference/configuration/transforms/>).

mod choose;
mod enrich;
mod graph;
mod item;
mod parse;
mod passage;
mod program;
mod redact;
mod remap;
mod sample;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod throttle;
mod trial;
mod view;

use std::sync::Arc;

use tokio::time::Instant;
use vrl::compiler::runtime::Runtime;

pub use choose::Routes;
pub use enrich::{Enrich, IdField, Known, Lookup};
pub use graph::{Counts, Graph, Passed};
pub use passage::Passage;
pub use program::{CompileError, Compiled, Condition, Program, Source, Zone};
pub use redact::{FieldAction, Pattern, Redact, RedactPath, Search};
pub use remap::Remap;
pub use sample::{Rate, Sample};
pub use schema::Schema;
pub use text::{FieldText, path};
pub use throttle::{Limits, Throttle};
pub use trial::{Outlet, Trial, TrialInput};

use item::Item;
use passage::Waiting;

/// A transform and what it takes.
#[derive(Debug, Clone)]
pub struct Step {
    /// The outputs it takes: `acme.audit_logs`, `acme.rejected`, or another transform's.
    pub inputs: Vec<String>,
    /// What it does. Shared by all streams that pass it.
    pub transform: Arc<Transform>,
}

/// One transform of a config.
#[derive(Debug)]
pub struct Transform {
    name: String,
    kind: Kind,
}

/// What a transform does.
#[derive(Debug)]
pub enum Kind {
    /// Changes events.
    Remap(Remap),
    /// Drops those for which the condition does not hold.
    Filter(Condition),
    /// Sends them to outputs by conditions.
    Route(Routes),
    /// Says who the ids in them are.
    Enrich(Enrich),
    /// Takes out of them what is personal.
    Redact(Redact),
    /// Keeps a part of them.
    Sample(Sample),
    /// Keeps so many in a time.
    Throttle(Throttle),
}

impl Transform {
    /// A transform of this name in the config.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }

    /// Its name in the config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type, as a config has it.
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Remap(_) => "remap",
            Kind::Filter(_) => "filter",
            Kind::Route(Routes { exclusive: true, .. }) => "exclusive_route",
            Kind::Route(_) => "route",
            Kind::Enrich(_) => "enrich_actors",
            Kind::Redact(_) => "redact",
            Kind::Sample(_) => "sample",
            Kind::Throttle(_) => "throttle",
        }
    }

    /// Its outputs, by port: `ecs`, `ecs.dropped`.
    pub fn outputs(&self) -> Vec<String> {
        let port = |name: &str| format!("{}.{name}", self.name);
        match &self.kind {
            Kind::Remap(Remap { reroute_dropped: true, .. }) => {
                let mut outputs = vec![self.name.clone()];
                outputs.insert(remap::DROPPED, port("dropped"));
                outputs
            }
            Kind::Route(routes) => {
                let unmatched = routes.reroute_unmatched.then_some("_unmatched");
                let names = routes.routes.iter().map(|(name, _)| name.as_str());
                names.chain(unmatched).map(port).collect()
            }
            Kind::Remap(_)
            | Kind::Filter(_)
            | Kind::Enrich(_)
            | Kind::Redact(_)
            | Kind::Sample(_)
            | Kind::Throttle(_) => {
                vec![self.name.clone()]
            }
        }
    }

    /// How it finds users, if it does.
    pub fn lookup(&self) -> Option<&Lookup> {
        match &self.kind {
            Kind::Enrich(enrich) => Some(&enrich.lookup),
            _ => None,
        }
    }

    /// Takes an event. What is returned waits for an answer.
    fn apply(
        &self,
        item: Item,
        now: Instant,
        runtime: &mut Runtime,
        made: &mut Made,
    ) -> Option<Waiting> {
        match &self.kind {
            Kind::Enrich(enrich) => return enrich.ask(item, made),
            Kind::Remap(remap) => remap.apply(&self.name, item, runtime, made),
            Kind::Filter(condition) => choose::filter(condition, item, runtime, made),
            Kind::Route(routes) => routes.apply(item, runtime, made),
            Kind::Redact(redact) => redact.apply(item, made),
            Kind::Sample(sample) => sample.apply(item, runtime, made),
            Kind::Throttle(throttle) => throttle.apply(item, now, runtime, made),
        }
        None
    }
}

/// What a transform made of an event.
#[derive(Debug, Default)]
struct Made {
    /// By port.
    items: Vec<(usize, Item)>,
    /// Events dropped as the config wants it.
    discarded: usize,
    /// Failures, and what the first one was.
    failed: usize,
    failure: Option<String>,
    /// Failures whose event was dropped.
    dropped: usize,
}

impl Made {
    fn emit(&mut self, port: usize, item: Item) {
        self.items.push((port, item));
    }

    fn discard(&mut self) {
        self.discarded += 1;
    }

    /// Drops an event that no condition took, or nobody behind it: as the config wants it, unless one of them failed.
    fn turn_away(&mut self) {
        if self.failed > 0 {
            self.dropped += 1;
        } else {
            self.discard();
        }
    }

    fn fail(&mut self, message: String, is_dropped: bool) {
        self.failed += 1;
        self.dropped += usize::from(is_dropped);
        self.failure.get_or_insert(message);
    }
}
