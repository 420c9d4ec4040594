//! Which events a sink has, or may have, written: eight bytes each, by output.
//!
//! Pure. What a sink tells the checkpoint before it writes, so that a restart can tell what
//! became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::normalize::Event;

/// The fingerprints of these events, by output.
pub(super) fn fingerprints<'e>(
    events: impl Iterator<Item = &'e Event>,
) -> BTreeMap<String, Fingerprints> {
    let mut by_output: BTreeMap<String, Fingerprints> = BTreeMap::new();
    let mut last: Option<(&Event, String)> = None;
    for event in events {
        let output = match last.take() {
            Some((of, output)) if Arc::ptr_eq(&of.origin, &event.origin) => output,
            _ => event.origin.output(),
        };
        if let Some(ids) = by_output.get_mut(&output) {
            ids.0.extend(event.fingerprints());
        } else {
            let ids = Fingerprints(event.fingerprints().collect());
            by_output.insert(output.clone(), ids);
        }
        last = Some((event, output));
    }
    by_output
}

/// Fingerprints of events; in JSON, eight bytes each in Base64, which is half of their digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fingerprints(pub(super) Vec<u64>);

impl Serialize for Fingerprints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|id| id.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Fingerprints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let (ids, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(D::Error::custom("fingerprints are cut off"));
        }
        Ok(Self(ids.iter().map(|id| u64::from_le_bytes(*id)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::event_of;

    #[test]
    fn what_is_written_is_read_back_and_anything_else_is_refused() {
        let ids = Fingerprints(vec![0, 1, u64::MAX]);
        let written = serde_json::to_value(&ids).unwrap();
        assert_eq!(serde_json::from_value::<Fingerprints>(written).unwrap(), ids);
        for bad in ["!", "AAAA"] {
            let fingerprints: Result<Fingerprints, _> = serde_json::from_value(bad.into());
            fingerprints.unwrap_err();
        }
    }

    #[test]
    fn each_output_has_its_own() {
        let events = [event_of("tickets", 1), event_of("users", 1), event_of("tickets", 2)];
        let found = fingerprints(events.iter());
        assert_eq!(found["test.tickets"].0.len(), 2);
        assert_eq!(found["test.users"].0, [events[1].fingerprint()]);
    }
}
