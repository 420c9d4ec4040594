//! What the kafka sink wants to find again: how many transactions there were, and which one may
//! be under way. Pure.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::sinks::fingerprint::Fingerprints;
use crate::sinks::{SinkError, SinkErrorKind, SinkState};

/// What the checkpoint keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// Of the last transaction.
    pub(super) number: u64,
    /// The transaction that is about to be committed, or may have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
}

/// A transaction that is about to be committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    /// Under which transactional id.
    pub(super) transactional_id: String,
    /// The topic that tells whether it was committed.
    pub(super) state_topic: String,
    /// What tells it from every other.
    pub(super) token: String,
    /// What is in it, by output.
    pub(super) events: BTreeMap<String, Fingerprints>,
}

/// What a transaction puts into the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    /// The transaction's token.
    pub(super) token: String,
    /// What was left out of it, by output.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) refused: BTreeMap<String, Fingerprints>,
}

impl Saved {
    pub(super) fn to_state(&self) -> SinkState {
        serde_json::to_value(self).expect("strings, numbers and lists can be written as JSON")
    }

    pub(super) fn from_state(state: &SinkState) -> Result<Self, SinkError> {
        Self::deserialize(state).map_err(|error| {
            let text = format!("the saved state of the sink cannot be read: {error}");
            SinkError::new(SinkErrorKind::Config, text)
                .with_hint("was another kind of sink saved under this name? rename this one")
        })
    }
}

impl Marker {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and lists can be written as JSON")
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Pending {
    /// What is in it of which no reader has seen anything else: the events that are there if
    /// this marker is.
    pub(super) fn held(&self, marker: &Marker) -> BTreeMap<String, Vec<u64>> {
        let of = |(output, ids): (&String, &Fingerprints)| {
            let left_out: HashSet<u64> = marker
                .refused
                .get(output)
                .map_or_else(HashSet::new, |ids| ids.0.iter().copied().collect());
            let held = ids.0.iter().copied().filter(|id| !left_out.contains(id)).collect();
            (output.clone(), held)
        };
        self.events.iter().map(of).collect()
    }
}

/// What tells the transaction with this number and these events from every other.
pub(super) fn token(number: u64, events: &BTreeMap<String, Fingerprints>) -> String {
    let mut hash = Xxh3::new();
    for (output, ids) in events {
        hash.update(output.as_bytes());
        hash.update(&[0]);
        for id in &ids.0 {
            hash.update(&id.to_le_bytes());
        }
    }
    format!("{number}-{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(ids: &[u64]) -> BTreeMap<String, Fingerprints> {
        [("acme.tickets".to_owned(), Fingerprints(ids.to_vec()))].into()
    }

    #[test]
    fn what_is_saved_is_read_back_and_anything_else_is_refused() {
        let pending = Pending {
            transactional_id: "id".to_owned(),
            state_topic: "states".to_owned(),
            token: token(3, &events(&[1, 2])),
            events: events(&[1, 2]),
        };
        for saved in [Saved::default(), Saved { number: 3, pending: Some(pending) }] {
            assert_eq!(Saved::from_state(&saved.to_state()).unwrap(), saved);
        }
        let error = Saved::from_state(&json!({ "files": {} })).unwrap_err();
        assert_eq!(error.kind, SinkErrorKind::Config);
    }

    #[test]
    fn a_token_is_of_one_number_and_these_events() {
        let of = |number, ids: &[u64]| token(number, &events(ids));
        assert_eq!(of(1, &[1, 2]), of(1, &[1, 2]));
        assert_ne!(of(1, &[1, 2]), of(2, &[1, 2]));
        assert_ne!(of(1, &[1, 2]), of(1, &[2, 1]));
        assert_ne!(of(1, &[1]), token(1, &BTreeMap::new()));
    }

    #[test]
    fn what_was_left_out_is_not_held() {
        let pending = Pending {
            transactional_id: String::new(),
            state_topic: String::new(),
            token: String::new(),
            events: events(&[1, 2, 3]),
        };
        let marker = Marker { token: String::new(), refused: events(&[2]) };
        let marker = Marker::from_bytes(&marker.to_bytes()).unwrap();
        assert_eq!(pending.held(&marker)["acme.tickets"], [1, 3]);
    }
}
