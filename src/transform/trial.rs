//! The `tests` of a config: events into transforms, and what is asked of what comes out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;
use vrl::compiler::runtime::Runtime;
use vrl::path::OwnedTargetPath;
use vrl::value::{KeyString, Value};

use super::enrich::Known;
use super::item::Item;
use super::program::{Condition, Program, reason};
use super::{Graph, Made, Step};
use crate::normalize::{Event, Origin, RecordId};

/// One test.
#[derive(Debug)]
pub struct Trial {
    /// What it is called.
    pub name: String,
    /// What goes in: the transform by its place in the config, and the event.
    pub inputs: Vec<(usize, TrialInput)>,
    /// What is asked of outputs.
    pub outputs: Vec<Outlet>,
    /// The users that there are, by id: nobody else is found.
    pub users: HashMap<u64, Arc<serde_json::Map<String, serde_json::Value>>>,
    /// Outputs that are to stay empty.
    pub no_outputs_from: Vec<String>,
}

/// An event that goes in.
#[derive(Debug)]
pub enum TrialInput {
    /// The text of a record. What is no object becomes `{"message": <it>}`.
    Raw(String),
    /// Values by the paths of their fields.
    Log(Vec<(OwnedTargetPath, serde_json::Value)>),
    /// A program that makes it out of `{}`.
    Vrl(Program),
}

/// What is asked of what comes out of some outputs.
#[derive(Debug)]
pub struct Outlet {
    /// The outputs.
    pub extract_from: Vec<String>,
    /// Each has to hold for one of the events at least.
    pub conditions: Vec<Condition>,
    /// So many events are to come.
    pub expected_event_count: Option<usize>,
}

impl Trial {
    /// Nobody is asked here: there are the users that the test names.
    fn known(&self, ids: &BTreeSet<u64>) -> Known {
        let users = ids.iter().map(|id| (*id, self.users.get(id).cloned()));
        Known { users: users.collect(), failure: None }
    }

    /// Runs it. What is returned is what went wrong; nothing, if it passed.
    pub fn run(&self, steps: &[Step]) -> Vec<String> {
        let named = self.outputs.iter().flat_map(|outlet| &outlet.extract_from);
        let wanted: BTreeSet<&String> = named.chain(&self.no_outputs_from).collect();
        let graph = Graph::whole(steps, |output| wanted.contains(&output.to_owned()));
        let mut events = Vec::new();
        for (number, (at, input)) in self.inputs.iter().enumerate() {
            match input.event(number) {
                Ok(event) => events.push((*at, event)),
                Err(message) => return vec![format!("inputs[{number}]: {message}")],
            }
        }
        let passed = graph.run_at(events, |ids| self.known(ids), Instant::now());
        let mut errors = Vec::new();
        let failures = passed.counts.iter().zip(steps);
        for (counts, step) in failures {
            if let Some(failure) = &counts.failure {
                errors.push(format!("transform {:?} failed: {failure}", step.transform.name()));
            }
        }
        let of = |names: &[String]| -> Vec<Event> {
            let outputs = graph.collected().iter().zip(&passed.outputs);
            let outputs = outputs.filter(|(name, _)| names.contains(name));
            outputs.flat_map(|(_, events)| events.iter().map(|(_, event)| event.clone())).collect()
        };
        let before = errors.len();
        for (number, outlet) in self.outputs.iter().enumerate() {
            errors.extend(outlet.judge(number, of(&outlet.extract_from)));
        }
        for output in &self.no_outputs_from {
            if !of(std::slice::from_ref(output)).is_empty() {
                errors
                    .push(format!("check for transforms [{output:?}] failed: expected no outputs"));
            }
        }
        // A transform may fail on purpose, to be caught by `dropped`.
        if errors.len() == before { Vec::new() } else { errors }
    }
}

impl Outlet {
    fn judge(&self, number: usize, events: Vec<Event>) -> Vec<String> {
        let names = &self.extract_from;
        if let Some(expected) = self.expected_event_count
            && expected != events.len()
        {
            let found = events.len();
            return vec![format!(
                "check[{number}] for transforms {names:?} failed: expected {expected} event(s), got {found}"
            )];
        }
        if events.is_empty() && self.expected_event_count.is_none() {
            return vec![format!(
                "check[{number}] for transforms {names:?} failed: no events received; the transform dropped them, or its inputs do not reach it"
            )];
        }
        let lines: Vec<_> =
            events.iter().map(|event| String::from_utf8_lossy(&event.line).into_owned()).collect();
        let mut items: Vec<Item> = events.into_iter().map(Item::new).collect();
        let failed = self.conditions.iter().enumerate().filter_map(|(index, condition)| {
            unmet(condition, &mut items).map(|why| format!("  condition[{index}]: {why}"))
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() {
            return failed;
        }
        let mut errors =
            vec![format!("check[{number}] for transforms {names:?} failed conditions:")];
        errors.extend(failed);
        errors.push(format!(
            "output payloads from {names:?} (events encoded as JSON):\n  {}",
            lines.join("\n  ")
        ));
        errors
    }
}

/// Why the condition holds for none of the events, as the last of them has it.
fn unmet(condition: &Condition, items: &mut [Item]) -> Option<String> {
    let mut runtime = Runtime::default();
    let mut why = None;
    for item in items {
        let mut made = Made::default();
        if condition.holds(item, &mut runtime, &mut made) {
            return None;
        }
        why = Some(match made.failure {
            Some(failure) => format!("source execution failed: {failure}"),
            None => "source execution resolved to false".to_owned(),
        });
    }
    why
}

impl TrialInput {
    fn event(&self, number: usize) -> Result<Event, String> {
        let mut metadata = Value::Object([].into_iter().collect());
        let value = match self {
            Self::Raw(text) => return Ok(event(number, record(text), &metadata)),
            Self::Log(fields) => {
                let mut value = Value::Object([].into_iter().collect());
                for (path, field) in fields {
                    value.insert(&path.path, Value::from(field.clone()));
                }
                value
            }
            Self::Vrl(program) => {
                let mut value = Value::Object([].into_iter().collect());
                program
                    .run(&mut value, &mut metadata, &mut Runtime::default())
                    .map_err(|stopped| reason(&stopped))?;
                value
            }
        };
        let line = serde_json::to_vec(&value).map_err(|error| error.to_string())?;
        Ok(event(number, Bytes::from(line), &metadata))
    }
}

fn record(text: &str) -> Bytes {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => Bytes::from(text.trim().to_owned()),
        Err(_) => Bytes::from(serde_json::json!({ "message": text }).to_string()),
    }
}

/// An event as if it came from a stream: what the program left at `%zendesk` says from which.
fn event(number: usize, line: Bytes, metadata: &Value) -> Event {
    let known = metadata.as_object().and_then(|all| all.get(super::program::METADATA_KEY));
    let said = |key: &str| {
        let known = known.and_then(Value::as_object)?;
        known.get(&KeyString::from(key)).map(|value| value.to_string_lossy().into_owned())
    };
    let text = |key: &str| said(key).unwrap_or_else(|| "test".to_owned());
    let time = |key: &str| said(key).and_then(|text| text.parse::<Timestamp>().ok());
    let origin = Origin {
        source: text("source"),
        stream: text("stream"),
        subdomain: text("subdomain"),
        partition: said("partition").unwrap_or_else(|| "tail".to_owned()),
        ingest_time: time("ingest_time").unwrap_or(Timestamp::UNIX_EPOCH),
        through: None,
    };
    let prefix = format!("{}:{}:", origin.subdomain, origin.stream);
    let id = said("id").map(|id| id.strip_prefix(&prefix).unwrap_or(&id).to_owned());
    Event {
        line,
        id: RecordId { record: id.unwrap_or_else(|| number.to_string()).into(), version: None },
        time: time("event_time"),
        origin: Arc::new(origin),
        members: None,
    }
}
