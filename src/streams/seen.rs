//! What a snapshot remembers of a list, how it changes, and how that is written into a position.
//!
//! Fingerprints in order, sixteen bytes each, as one base64 text: a tenth of what lists of numbers
//! would take, and read and written in one go.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Position;
use super::resume::Growing;

/// Ids of records, each with the time of the last pass that met it, if that was not the last one.
pub(super) type Ids = BTreeMap<String, Option<Timestamp>>;

/// Records by the fingerprint of their id, each with half a hash of its content and what is
/// remembered of the names that its versions had.
pub(super) type Seen = Prints<2>;

/// What earlier versions of this program saved: fingerprints of id and version, each with half a
/// hash of the content.
pub(super) type Former = Prints<1>;

/// Numbers by fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prints<const N: usize>(BTreeMap<u64, [u32; N]>);

impl<const N: usize> Default for Prints<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<const N: usize> Prints<N> {
    const ENTRY_BYTES: usize = size_of::<u64>() + N * size_of::<u32>();

    /// Enters what is known of one. Returns what was.
    pub(super) fn insert(&mut self, print: u64, known: [u32; N]) -> Option<[u32; N]> {
        self.0.insert(print, known)
    }

    /// Enters what is known of several.
    pub(super) fn extend(&mut self, known: impl IntoIterator<Item = (u64, [u32; N])>) {
        self.0.extend(known);
    }

    /// What is known of one.
    pub(super) fn get(&self, print: u64) -> Option<[u32; N]> {
        self.0.get(&print).copied()
    }

    /// With what is known now of those that are among `later` too.
    pub(super) fn updated_by(mut self, later: Self) -> Self {
        self.0.extend(later.0);
        self
    }

    /// Those that are not among `others`.
    pub(super) fn without(mut self, others: &Self) -> Self {
        self.0.retain(|print, _| !others.0.contains_key(print));
        self
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, [u32; N])> {
        self.0.iter().map(|(print, known)| (*print, *known))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> Serialize for Prints<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * Self::ENTRY_BYTES);
        for (print, known) in &self.0 {
            bytes.extend(print.to_be_bytes());
            bytes.extend(known.iter().flat_map(|number| number.to_be_bytes()));
        }
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Prints<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let entries = bytes.chunks_exact(Self::ENTRY_BYTES);
        if !entries.remainder().is_empty() {
            return Err(D::Error::custom("fingerprints are cut off"));
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let entry = |entry: &[u8]| {
            let (print, known) = entry.split_at(size_of::<u64>());
            let at = |n: usize| &known[n * size_of::<u32>()..(n + 1) * size_of::<u32>()];
            let known = std::array::from_fn(|n| u32::try_from(number(at(n))).unwrap_or_default());
            (number(print), known)
        };
        Ok(Self(entries.map(entry).collect()))
    }
}

/// What is saved of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// What is older is not delivered, where the list is one of things that happened.
    pub(super) since: Timestamp,
    /// When the last complete pass began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) passed: Option<Timestamp>,
    /// What it met.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(super) met: Seen,
    /// What the one before it met and it did not.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(super) absent: Seen,
    /// What was delivered of the pass that was under way, as it was then.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(super) told: Seen,
    /// The same as earlier versions of this program saved it, until the next pass is complete.
    #[serde(default, skip_serializing_if = "Former::is_empty")]
    pub(super) known: Former,
    #[serde(default, skip_serializing_if = "Former::is_empty")]
    pub(super) missed: Former,
    /// All ids, with removals told.
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub(super) ids: Ids,
}

impl List {
    /// Before the first pass.
    pub(super) fn starting(since: Timestamp) -> Self {
        Self {
            since,
            passed: None,
            met: Seen::default(),
            absent: Seen::default(),
            told: Seen::default(),
            known: Former::default(),
            missed: Former::default(),
            ids: Ids::new(),
        }
    }

    /// As a position.
    pub(super) fn position(&self) -> Position {
        // A struct of texts and times always has a JSON form.
        Position(serde_json::to_value(self).unwrap_or_default())
    }
}

/// What a page changes of it.
#[derive(Debug)]
pub(super) enum ListChange {
    /// A page of a pass that goes on: what was delivered of it, and the ids that were met.
    Told { told: Vec<(u64, [u32; 2])>, ids: Vec<String> },
    /// A pass came to its end.
    Passed {
        began: Timestamp,
        /// What it met that is new or other than before.
        met: Vec<(u64, [u32; 2])>,
        /// What it did not meet, all of it.
        absent: Vec<(u64, [u32; 2])>,
        /// Ids that are new or other than before.
        ids: Vec<(String, Option<Timestamp>)>,
        /// Ids that are gone.
        gone: Vec<String>,
    },
}

impl Growing for List {
    type Change = ListChange;

    fn take(&mut self, change: &ListChange) {
        match change {
            ListChange::Told { told, ids } => {
                self.told.extend(told.iter().copied());
                self.ids.extend(ids.iter().map(|id| (id.clone(), None)));
            }
            ListChange::Passed { began, met, absent, ids, gone } => {
                self.passed = Some(*began);
                self.absent = Prints(absent.iter().copied().collect());
                self.met.extend(met.iter().copied());
                for (print, _) in absent {
                    self.met.0.remove(print);
                }
                self.told = Seen::default();
                (self.known, self.missed) = Default::default();
                self.ids.extend(ids.iter().cloned());
                for id in gone {
                    self.ids.remove(id);
                }
            }
        }
    }

    fn entries_of(change: &ListChange) -> usize {
        match change {
            ListChange::Told { told, ids } => told.len() + ids.len(),
            ListChange::Passed { met, absent, ids, gone, .. } => {
                met.len() + absent.len() + ids.len() + gone.len()
            }
        }
    }

    fn entries(&self) -> usize {
        let prints = self.met.0.len() + self.absent.0.len() + self.told.0.len();
        prints + self.known.0.len() + self.missed.0.len() + self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_back_and_takes_twenty_two_characters_a_record() {
        let entry = |n: u64| (n.wrapping_mul(u64::MAX / 999), [7, u32::MAX]);
        let seen: Seen = Prints((0..1_000).map(entry).collect());
        let text = serde_json::to_string(&seen).expect("a text");
        assert!(text.len() <= 22_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Seen>(&text).expect("its own form"), seen);
    }

    #[test]
    fn what_is_cut_off_is_no_position() {
        assert!(serde_json::from_str::<Seen>(r#""AAAA""#).is_err());
    }
}
