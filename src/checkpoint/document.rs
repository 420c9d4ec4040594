//! The checkpoint as bytes, the same in every store that keeps documents.
//!
//! One JSON object, with a format, the revision and a checksum around the
//! checkpoint. Pure. Whatever it cannot be sure of it refuses: to take a damaged
//! document for an empty one would read everything twice, or lose a gap.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{Checkpoint, Revision, StoreError, StoreErrorKind};

/// Goes up when an older version would misread a document.
const FORMAT: u64 = 1;

const OTHER_VERSION: &str = "run the version of zenstream that wrote it, or a later one";

const OF_ANOTHER_PROGRAM: &str = "choose another place for the checkpoint; the state of the script of Google's guides \
     can then be taken over with `zenstream checkpoint import`";

/// What can be read of a document of any format.
#[derive(Deserialize)]
struct Head {
    format: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    format: u64,
    revision: Revision,
    /// Of the checkpoint's text, byte for byte.
    checksum: String,
    #[serde(borrow)]
    checkpoint: &'a RawValue,
}

/// A document with this checkpoint, ending in a line feed.
pub(super) fn encode(revision: Revision, checkpoint: &Checkpoint) -> Result<Vec<u8>, StoreError> {
    let bytes = || -> serde_json::Result<Vec<u8>> {
        let checkpoint = &serde_json::value::to_raw_value(checkpoint)?;
        let checksum = checksum(checkpoint);
        let document = Document { format: FORMAT, revision, checksum, checkpoint };
        let mut bytes = serde_json::to_vec(&document)?;
        bytes.push(b'\n');
        Ok(bytes)
    };
    bytes().map_err(|error| {
        let text = format!("the checkpoint cannot be written as JSON: {error}");
        StoreError::new(StoreErrorKind::Refused, text)
    })
}

/// Reads a document found at `location`.
pub(super) fn decode(bytes: &[u8], location: &str) -> Result<(Revision, Checkpoint), StoreError> {
    if bytes.trim_ascii().is_empty() {
        return Err(damaged(format!("the checkpoint {location} is empty")));
    }
    let invalid = |error: serde_json::Error| {
        let refused = damaged(format!("the checkpoint {location} cannot be read: {error}"));
        match error.classify() {
            // JSON, but not what we know: likelier a later version's than damaged.
            Category::Data => refused.with_hint(OTHER_VERSION),
            _ => refused,
        }
    };
    let head: Head = serde_json::from_slice(bytes).map_err(invalid)?;
    let Some(found) = head.format else {
        let text = format!("what is at {location} is no checkpoint of this program");
        return Err(StoreError::new(StoreErrorKind::Refused, text).with_hint(OF_ANOTHER_PROGRAM));
    };
    if found != FORMAT {
        let text = format!("the checkpoint {location} has format {found}, not {FORMAT}");
        return Err(StoreError::new(StoreErrorKind::Refused, text).with_hint(OTHER_VERSION));
    }
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(invalid)?;
    if document.checksum != checksum(document.checkpoint) {
        let text = format!("the checkpoint {location} does not match its checksum");
        return Err(damaged(text));
    }
    let checkpoint = serde_json::from_str(document.checkpoint.get()).map_err(invalid)?;
    Ok((document.revision, checkpoint))
}

fn checksum(body: &RawValue) -> String {
    format!("xxh3:{:016x}", xxh3_64(body.get().as_bytes()))
}

fn damaged(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, message).with_hint(
        "put a backup in its place; or move it away, after which streams start at their `since` \
         again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::contract::checkpoint_at;

    #[test]
    fn a_document_looks_like_this() {
        let text = String::from_utf8(encode(7, &checkpoint_at(3)).unwrap()).unwrap();
        insta::assert_snapshot!(text.trim_end(), @r#"{"format":1,"revision":7,"checksum":"xxh3:c2402285d8532282","checkpoint":{"streams":{"acme.tickets":{"endpoint":"https://acme.zendesk.com","position":{"cursor":"é\"3"},"ahead":{"archive":[3,18446744073709551615]}}},"sinks":{"archive":{"files":{"/a":3}}}}}"#);
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = encode(7, &checkpoint_at(3)).unwrap();
        assert_eq!(decode(&bytes, "here").unwrap(), (7, checkpoint_at(3)));
    }

    #[test]
    fn the_state_of_another_program_is_left_alone_and_can_be_taken_over() {
        let state = br#"{"audit_logs":{"next_url":null},"incremental_tickets":{"next":null}}"#;
        let error = decode(state, "s3://b/state.json").unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Refused);
        assert!(error.hint.is_some_and(|hint| hint.contains("checkpoint import")));
    }

    #[test]
    fn no_part_of_a_document_is_taken_for_one() {
        let bytes = encode(7, &checkpoint_at(3)).unwrap();
        for length in 0..bytes.len() - 1 {
            let error = decode(&bytes[..length], "here").unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Refused, "cut at {length}");
        }
    }

    #[test]
    fn no_changed_byte_changes_the_checkpoint() {
        let bytes = encode(7, &checkpoint_at(3)).unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1 << bit;
                if let Ok((_, checkpoint)) = decode(&bytes, "here") {
                    assert_eq!(checkpoint, checkpoint_at(3), "bit {bit} of byte {place}");
                }
            }
        }
    }

    #[test]
    fn a_message_names_the_place_and_the_way_out() {
        let told = |text: &str| {
            let error = decode(text.as_bytes(), "/x/state.json").unwrap_err();
            format!("{}\nhint: {}", error.message, error.hint.unwrap())
        };
        insta::assert_snapshot!(told(" \n"), @"
        the checkpoint /x/state.json is empty
        hint: put a backup in its place; or move it away, after which streams start at their `since` again
        ");
        insta::assert_snapshot!(told(r#"{"format":2,"anything":1}"#), @"
        the checkpoint /x/state.json has format 2, not 1
        hint: run the version of zenstream that wrote it, or a later one
        ");
        insta::assert_snapshot!(told(r#"{"format":1,"revision":1,"checksum":"","checkpoint":{},"more":1}"#), @"
        the checkpoint /x/state.json cannot be read: unknown field `more`, expected one of `format`, `revision`, `checksum`, `checkpoint` at line 1 column 61
        hint: run the version of zenstream that wrote it, or a later one
        ");
        insta::assert_snapshot!(told(r#"{"format":1,"revision":1,"checksum":"xxh3:0","checkpoint":{}}"#), @"
        the checkpoint /x/state.json does not match its checksum
        hint: put a backup in its place; or move it away, after which streams start at their `since` again
        ");
    }
}
