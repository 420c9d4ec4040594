//! What is saved of a window.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// Everything before this second was delivered.
    pub(super) from: Timestamp,
    /// Fingerprints of what was delivered at or after it, by second.
    pub(super) seen: Vec<(i64, Vec<u64>)>,
    /// The same for what has no time of its own: by fingerprint, through which second the page
    /// went that each was on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) timeless: BTreeMap<u64, Vec<i64>>,
    /// Every change before this second was met, where changes are looked for by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changes_from: Option<Timestamp>,
    /// The last second of a slice of history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) through: Option<Timestamp>,
    /// The pass under way, where the order of the records tells nothing of how far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pass: Option<SavedPass>,
}

/// What is saved of a pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedPass {
    /// When it began, by the server's clock.
    pub(super) began: i64,
    /// The last second that it asks for.
    pub(super) end: i64,
    /// The first one, where it looks further back than to what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) back_to: Option<i64>,
    /// What the next page is asked with.
    pub(super) next: BTreeMap<String, String>,
}

/// Fingerprints by their second, from both in order.
pub(super) fn by_second<'a>(met: impl Iterator<Item = &'a (i64, u64)>) -> Vec<(i64, Vec<u64>)> {
    let mut seen: Vec<(i64, Vec<u64>)> = Vec::new();
    for &(at, id) in met {
        match seen.last_mut() {
            Some((second, ids)) if *second == at => ids.push(id),
            _ => seen.push((at, vec![id])),
        }
    }
    seen
}
