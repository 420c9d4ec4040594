//! Which events came lately, so that a request that is sent again brings none of them again.
//!
//! Pure. Zendesk sends again what was not answered in time, within minutes; so what came lately is enough. It is the
//! output's position, saved with the events themselves.

use std::collections::{HashSet, VecDeque};

use serde_json::json;

use crate::normalize::Event;
use crate::streams::{Position, PositionError};

/// So many are remembered.
const RECENT_MAX: usize = 4_096;

/// The fingerprints of the last events, the newest last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Recent {
    /// As a former run left it.
    pub(super) fn new(position: Option<&Position>) -> Result<Self, PositionError> {
        let mut recent = Self::default();
        let Some(Position(saved)) = position else { return Ok(recent) };
        let unreadable = |reason: &str| PositionError {
            stream: "a webhook's output",
            reason: reason.to_owned(),
        };
        let listed = saved.get("recent").and_then(serde_json::Value::as_array);
        for item in listed.ok_or_else(|| unreadable("it has no list `recent`"))? {
            let fingerprint = item.as_u64();
            recent.insert(fingerprint.ok_or_else(|| unreadable("`recent` has more than numbers"))?);
        }
        Ok(recent)
    }

    /// Whether the event did not come lately. From now on it did.
    pub(super) fn is_new(&mut self, event: &Event) -> bool {
        self.insert(event.fingerprint())
    }

    fn insert(&mut self, fingerprint: u64) -> bool {
        let new = self.known.insert(fingerprint);
        if new {
            self.order.push_back(fingerprint);
            if self.order.len() > RECENT_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        new
    }

    /// What to save.
    pub(super) fn position(&self) -> Position {
        Position(json!({ "recent": self.order }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_lately_is_known_also_after_a_restart_and_no_more_than_that_is_kept() {
        let mut recent = Recent::default();
        let count = RECENT_MAX as u64 + 10;
        assert!((0..count).all(|number| recent.insert(number)));
        assert_eq!((recent.order.len(), recent.known.len()), (RECENT_MAX, RECENT_MAX));
        let mut restarted = Recent::new(Some(&recent.position())).expect("our own");
        assert!(!restarted.insert(count - 1) && !restarted.insert(10));
        assert!(restarted.insert(9), "forgotten");
        assert_eq!(restarted.order.len(), RECENT_MAX);
    }

    #[test]
    fn a_position_of_something_else_is_refused() {
        for saved in [json!(null), json!({ "cursor": "x" }), json!({ "recent": ["x"] })] {
            assert!(Recent::new(Some(&Position(saved))).is_err());
        }
    }
}
