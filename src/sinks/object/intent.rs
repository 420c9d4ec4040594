//! What a sink of objects says before it writes: which keys it will put, and what is in them.
//!
//! Pure. This is what the checkpoint keeps while a write is under way.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sinks::fingerprint::Fingerprints;
use crate::sinks::{SinkError, SinkErrorKind, SinkState};

/// One object that is to be put, or may have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    /// Where it goes.
    pub(super) key: String,
    /// What its key was made from: an object of the same prefix takes its place.
    pub(super) prefix: String,
    /// Of the body, in hexadecimal: tells our object from any other under the key.
    pub(super) sha256: String,
    /// What is in it, by output.
    pub(super) events: BTreeMap<String, Fingerprints>,
    /// When it was first looked for in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missed_since: Option<Timestamp>,
}

impl Intent {
    /// Whether an event is in both.
    pub(super) fn shares_events_with(&self, other: &Self) -> bool {
        other.events.iter().any(|(output, theirs)| {
            let ours: HashSet<u64> = match self.events.get(output) {
                Some(ours) => ours.0.iter().copied().collect(),
                None => return false,
            };
            theirs.0.iter().any(|id| ours.contains(id))
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    objects: Vec<Intent>,
}

/// What the checkpoint is to keep.
pub(super) fn to_state(intents: Vec<Intent>) -> SinkState {
    let saved = Saved { objects: intents };
    serde_json::to_value(saved).expect("strings and lists can be written as JSON")
}

/// What the checkpoint kept.
pub(super) fn from_state(state: &SinkState) -> Result<Vec<Intent>, SinkError> {
    let saved = Saved::deserialize(state).map_err(|error| {
        let text = format!("the saved state of the sink cannot be read: {error}");
        SinkError::new(SinkErrorKind::Config, text)
            .with_hint("was another kind of sink saved under this name? rename this one")
    })?;
    Ok(saved.objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let events = [("acme.tickets".to_owned(), Fingerprints(vec![0, 1, u64::MAX]))];
        let intent = Intent {
            key: "a/b".to_owned(),
            prefix: "a/".to_owned(),
            sha256: "00".to_owned(),
            events: BTreeMap::from(events),
            missed_since: Some(Timestamp::UNIX_EPOCH),
        };
        assert_eq!(from_state(&to_state(vec![intent.clone()])).unwrap(), [intent]);
    }
}
