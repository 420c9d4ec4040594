//! `filter`, `route` and `exclusive_route`: where an event goes, by conditions. The event stays as
//! it is, byte for byte.

use vrl::compiler::runtime::Runtime;

use super::Made;
use super::item::Item;
use super::program::{Condition, reason};

/// Conditions by the name of their output.
#[derive(Debug, Clone)]
pub struct Routes {
    /// Name and condition, in the order in which they are asked.
    pub routes: Vec<(String, Condition)>,
    /// Whether an event goes to the first one alone that takes it; if not, to each.
    pub exclusive: bool,
    /// Whether what none takes goes to the output `<name>._unmatched`.
    pub reroute_unmatched: bool,
}

impl Condition {
    /// Whether it holds. Where it fails it does not hold, which is counted and logged.
    pub(super) fn holds(&self, item: &mut Item, runtime: &mut Runtime, made: &mut Made) -> bool {
        let metadata = item.metadata(self.asked()).value;
        let answer = match item.value() {
            Ok(value) => self.ask(value, &metadata, runtime).map_err(|stopped| reason(&stopped)),
            Err(message) => Err(message),
        };
        answer.unwrap_or_else(|message| {
            made.fail(message, false);
            false
        })
    }
}

pub(super) fn filter(
    condition: &Condition,
    mut item: Item,
    runtime: &mut Runtime,
    made: &mut Made,
) {
    // Of a record that VRL cannot hold nobody can say whether it is wanted. It goes on, as through a
    // `remap`: otherwise it would be nowhere.
    if let Err(message) = item.value() {
        made.fail(message, false);
        return made.emit(0, item);
    }
    if condition.holds(&mut item, runtime, made) {
        made.emit(0, item);
    } else {
        made.turn_away();
    }
}

impl Routes {
    pub(super) fn apply(&self, mut item: Item, runtime: &mut Runtime, made: &mut Made) {
        let mut taken = false;
        for (port, (_, condition)) in self.routes.iter().enumerate() {
            if condition.holds(&mut item, runtime, made) {
                taken = true;
                made.emit(port, item.clone());
                if self.exclusive {
                    break;
                }
            }
        }
        if taken {
            return;
        }
        if self.reroute_unmatched {
            made.emit(self.routes.len(), item);
        } else {
            made.turn_away();
        }
    }
}
