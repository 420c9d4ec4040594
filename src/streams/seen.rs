//! What a snapshot remembers of a list, and how that is written into a position.
//!
//! Fingerprints in order, twelve bytes each, as one base64 text: a tenth of what lists of numbers
//! would take, and read and written in one go.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Position;

/// A fingerprint of id and version, and half a hash of the content.
const ENTRY_BYTES: usize = 12;

/// Ids of records, each with the time of the last pass that met it, if that was not the last one.
pub(super) type Ids = BTreeMap<String, Option<Timestamp>>;

/// Versions of records by fingerprint, each with a hash of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<u64, u32>);

impl Seen {
    /// Enters a version. Returns the content it had.
    pub(super) fn insert(&mut self, id: u64, content: u32) -> Option<u32> {
        self.0.insert(id, content)
    }

    /// The content of a version.
    pub(super) fn get(&self, id: u64) -> Option<u32> {
        self.0.get(&id).copied()
    }

    /// Those that are not among `others`.
    pub(super) fn without(mut self, others: &Self) -> Self {
        self.0.retain(|id, _| !others.0.contains_key(id));
        self
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * ENTRY_BYTES);
        for (id, content) in &self.0 {
            bytes.extend(id.to_be_bytes());
            bytes.extend(content.to_be_bytes());
        }
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(D::Error::custom("fingerprints are cut off"));
        }
        let entry = |entry: &[u8; ENTRY_BYTES]| {
            let (id, content) = entry.split_at(size_of::<u64>());
            let number =
                |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            (number(id), u32::try_from(number(content)).unwrap_or_default())
        };
        Ok(Self(entries.iter().map(entry).collect()))
    }
}

/// What is saved of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// What is older is not delivered, where the list is one of things that happened.
    pub(super) since: Timestamp,
    /// When the last complete pass began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) passed: Option<Timestamp>,
    /// What it met.
    pub(super) known: Seen,
    /// What the one before it met and it did not.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(super) missed: Seen,
    /// All ids, with removals told.
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub(super) ids: Ids,
}

impl Saved {
    /// Before the first pass.
    pub(super) fn starting(since: Timestamp) -> Self {
        let (known, missed) = (Seen::default(), Seen::default());
        Self { since, passed: None, known, missed, ids: Ids::new() }
    }

    /// As a position.
    pub(super) fn encode(&self) -> Position {
        // A struct of texts and times always has a JSON form.
        Position(serde_json::to_value(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_back_and_takes_sixteen_characters_a_record() {
        let seen = Seen((0..1_000u64).map(|n| (n.wrapping_mul(u64::MAX / 999), 7)).collect());
        let text = serde_json::to_string(&seen).expect("a text");
        assert_eq!(text.len(), 16_000 + 2);
        assert_eq!(serde_json::from_str::<Seen>(&text).expect("its own form"), seen);
    }

    #[test]
    fn what_is_cut_off_is_no_position() {
        assert!(serde_json::from_str::<Seen>(r#""AAAA""#).is_err());
    }
}
