//! `remap`: an event through a program, and what becomes of it if that fails.

use std::sync::Arc;

use vrl::compiler::runtime::Runtime;
use vrl::path::{OwnedTargetPath, OwnedValuePath};
use vrl::value::{KeyString, Value};

use super::Made;
use super::item::{Beside, Item};
use super::program::{Program, Terminate, reason};

/// Where the reason is put why an event was dropped, as in Vector.
const DROPPED_KEY: &str = "metadata";

/// What an event that is no object becomes, as in Vector: `{"message": <it>}`.
const MESSAGE_KEY: &str = "message";

/// The `remap` of a config.
#[derive(Debug, Clone)]
pub struct Remap {
    /// What is run.
    pub program: Program,
    /// Whether an event at which it fails is dropped; if not, it goes on as it was.
    pub drop_on_error: bool,
    /// Whether an event at which it aborts is dropped; if not, it goes on as it was.
    pub drop_on_abort: bool,
    /// Whether what is dropped goes to the output `<name>.dropped`.
    pub reroute_dropped: bool,
}

/// The output of what went well, and of what went on as it was.
const PORT: usize = 0;
/// The output of what was dropped.
pub(super) const DROPPED: usize = 1;

/// Why a program did not come to its end.
struct Stopped {
    /// `error` or `abort`.
    kind: &'static str,
    message: String,
    drop: bool,
}

impl Remap {
    pub(super) fn apply(&self, name: &str, mut item: Item, runtime: &mut Runtime, made: &mut Made) {
        match self.run(&mut item, runtime) {
            Ok((value, metadata)) => emit(&item, value, metadata, made),
            Err(stopped) => self.give_up(name, item, stopped, made),
        }
    }

    fn run(
        &self,
        item: &mut Item,
        runtime: &mut Runtime,
    ) -> Result<(Value, Option<Beside>), Stopped> {
        let failed = |message| Stopped { kind: "error", message, drop: self.drop_on_error };
        let may_go_on = self.program.can_stop()
            && (!self.drop_on_error || !self.drop_on_abort || self.reroute_dropped);
        let mut value = item.take_value(may_go_on).map_err(failed)?;
        let mut beside = item.take_metadata(self.program.asked(), may_go_on);
        match self.program.run(&mut value, Arc::make_mut(&mut beside.value), runtime) {
            Ok(_) => Ok((value, (!beside.value.is_null()).then_some(beside))),
            Err(stopped @ Terminate::Abort(_)) => {
                Err(Stopped { kind: "abort", message: reason(&stopped), drop: self.drop_on_abort })
            }
            Err(stopped) => Err(failed(reason(&stopped))),
        }
    }

    fn give_up(&self, name: &str, mut item: Item, stopped: Stopped, made: &mut Made) {
        let Stopped { kind, message, drop } = stopped;
        let is_dropped = drop && !self.reroute_dropped;
        if kind == "error" {
            made.fail(message.clone(), is_dropped);
        } else if is_dropped {
            made.discard();
        }
        if !drop {
            made.emit(PORT, item);
        } else if self.reroute_dropped {
            let fields = [
                ("component_id", name),
                ("component_kind", "transform"),
                ("component_type", "remap"),
                ("message", &message),
                ("reason", kind),
            ];
            item.annotate_dropped(fields);
            made.emit(DROPPED, item);
        }
    }
}

impl Item {
    fn annotate_dropped(&mut self, fields: [(&str, &str); 5]) {
        let fields = fields.into_iter().map(|(key, text)| (KeyString::from(key), text.into()));
        let dropped = Value::Object(fields.collect());
        let has_metadata = self.value().is_ok_and(|value| {
            value.as_object().is_some_and(|object| object.contains_key(DROPPED_KEY))
        });
        let mut path = OwnedValuePath::single_field(DROPPED_KEY);
        if has_metadata {
            path.push_field("dropped");
            return self.annotate(&OwnedTargetPath::event(path), dropped);
        }
        let only = [(KeyString::from("dropped"), dropped)].into_iter().collect();
        self.annotate(&OwnedTargetPath::event(path), Value::Object(only));
    }
}

/// What a program left is one event, or one for each item of an array.
fn emit(item: &Item, value: Value, metadata: Option<Beside>, made: &mut Made) {
    match value {
        Value::Array(values) if values.is_empty() => made.discard(),
        Value::Array(values) => {
            for (n, value) in values.into_iter().enumerate() {
                let id = item.id().part(n);
                made.emit(PORT, item.with(id, object(value), metadata.clone()));
            }
        }
        value => made.emit(PORT, item.with(item.id().clone(), object(value), metadata)),
    }
}

fn object(value: Value) -> Value {
    match value {
        Value::Object(_) => value,
        other => Value::Object([(KeyString::from(MESSAGE_KEY), other)].into_iter().collect()),
    }
}
