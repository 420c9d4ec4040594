//! From events to the body of an object. Pure; takes its time, so it runs where it may block.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::ObjectSettings;
use crate::buckets::NewObject;
use crate::normalize::Event;
use crate::sinks::compress::Compressor;
use crate::sinks::{Batch, Encoder, SinkError, fault};

/// The longest position that goes beside an object: S3 takes 2 KB of metadata in all.
const POSITION_BYTES_MAX: usize = 1_200;

/// The object's metadata that tells it from every other.
pub(super) const SHA256: &str = "zenstream-sha256";

/// The object's metadata that says how many events are in it.
pub(super) const COUNT: &str = "zenstream-count";

/// The object that holds these events of a batch, and its SHA-256 in hexadecimal.
pub(super) fn pack(
    batch: &Batch,
    events: &[&Event],
    encoder: &Encoder,
    settings: &ObjectSettings,
) -> Result<(NewObject, String), SinkError> {
    let compressed = || {
        let mut compressor = Compressor::new(settings.compression)?;
        encoder.encode_all(events.iter().copied(), &mut compressor)?;
        compressor.finish()
    };
    let body = compressed().map_err(|error| fault::of_io("cannot compress a batch", &error))?;
    let sha256 = hex(&Sha256::digest(&body));
    let mut metadata = BTreeMap::from([
        (SHA256.to_owned(), sha256.clone()),
        (COUNT.to_owned(), events.len().to_string()),
    ]);
    if let Some(position) = position(batch, events) {
        metadata.insert("zenstream-position".to_owned(), position);
    }
    let content_encoding = settings
        .content_encoding
        .clone()
        .or_else(|| settings.compression.content_encoding().map(str::to_owned))
        .filter(|encoding| !encoding.is_empty());
    let object = NewObject {
        body: Bytes::from(body),
        content_type: settings
            .content_type
            .clone()
            .unwrap_or_else(|| encoder.content_type().to_owned()),
        content_encoding,
        metadata,
    };
    Ok((object, sha256))
}

/// Where to read on after these events, by output, as JSON; none where it is too long to go
/// beside an object.
fn position(batch: &Batch, events: &[&Event]) -> Option<String> {
    let mut outputs: Vec<String> = Vec::new();
    let mut last: Option<&Event> = None;
    for event in events {
        if last.is_none_or(|last| !std::sync::Arc::ptr_eq(&last.origin, &event.origin)) {
            outputs.push(event.origin.output());
        }
        last = Some(event);
    }
    let mut resume = batch.resume.clone();
    resume.retain(|output, _| outputs.contains(output));
    let text = serde_json::to_string(&resume).ok()?;
    let fits = text.len() <= POSITION_BYTES_MAX && text.is_ascii();
    (fits && !resume.is_empty()).then_some(text)
}

/// Two digits a byte.
pub(in crate::sinks) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string cannot fail.
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok());
        out
    })
}
