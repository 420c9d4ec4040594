//! What travels: one record, with what is known of it beside it.
//!
//! An event is a slice of the page it came in; making one copies nothing. It
//! must not know where it goes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use xxhash_rust::xxh3::Xxh3;

/// Where an event came from, shared by all events of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The source's name in the config, `acme`.
    pub source: String,
    /// The stream's name in the catalogue, `audit_logs`.
    pub stream: String,
    /// The account, `acme` of `acme.zendesk.com`.
    pub subdomain: String,
    /// The part of the stream it was read as: `tail`, or a slice of history.
    pub partition: String,
    /// When the page arrived.
    pub ingest_time: Timestamp,
    /// The outputs of transforms that it came through, `split.logins>ecs`; none: straight from its
    /// source.
    pub through: Option<String>,
}

impl Origin {
    /// The partition of what came by a webhook.
    pub const WEBHOOK: &'static str = "webhook";

    /// The name of the stream's output, `acme.audit_logs`, whatever it came through since.
    pub fn output(&self) -> String {
        format!("{}.{}", self.source, self.stream)
    }
}

/// One record on its way to the sinks, or a page of them.
#[derive(Debug, Clone)]
pub struct Event {
    /// The record as Zendesk sent it, or the page, on one line, without the line feed.
    pub line: Bytes,
    /// What tells this version of this record from every other.
    pub id: RecordId,
    /// When it happened, where the record says so.
    pub time: Option<Timestamp>,
    /// Where it came from.
    pub origin: Arc<Origin>,
    /// Of a page: the fingerprints of its records, in its order. None: it is one record.
    pub members: Option<Arc<[u64]>>,
}

/// A record's own id, and for records that change the version of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RecordId {
    /// The id's text: digits of a number, or the inside of a string.
    pub record: Bytes,
    /// The text of the field that moves with every change; none for records
    /// that never change.
    pub version: Option<Bytes>,
}

impl RecordId {
    /// The id of a record that has none: a hash of its bytes.
    pub fn of_content(line: &[u8]) -> Self {
        let hash = xxhash_rust::xxh3::xxh3_128(line);
        Self { record: Bytes::from(format!("xxh3-{hash:032x}")), version: None }
    }

    /// The id of the `n`th of several events that were made of one: `<id>#<n>`.
    pub fn part(&self, n: usize) -> Self {
        let numbered = |text: &Bytes| {
            let text = [text, b"#".as_slice(), n.to_string().as_bytes()].concat();
            Bytes::from(text)
        };
        match &self.version {
            Some(version) => Self { version: Some(numbered(version)), ..self.clone() },
            None => Self { record: numbered(&self.record), version: None },
        }
    }
}

impl RecordId {
    /// The record's own id as it reads: without the escapes that the text may have in JSON.
    pub fn plain(&self) -> String {
        let text = String::from_utf8_lossy(&self.record);
        let plain = text.contains('\\').then(|| serde_json::from_str(&format!("\"{text}\"")).ok());
        plain.flatten().unwrap_or_else(|| text.into_owned())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.record))?;
        match &self.version {
            Some(version) => write!(f, "@{}", String::from_utf8_lossy(version)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl Event {
    /// The stable id `<subdomain>:<stream>:<record id>[@<change time>]`: the same
    /// version of the same record always has the same one.
    pub fn id(&self) -> String {
        format!("{}:{}:{}", self.origin.subdomain, self.origin.stream, self.id)
    }

    /// How many records it stands for.
    pub fn records(&self) -> usize {
        self.members.as_ref().map_or(1, |members| members.len())
    }

    /// What is delivered with it, by record: books are kept of records, however they travel.
    pub fn fingerprints(&self) -> impl Iterator<Item = u64> + '_ {
        let own = self.members.is_none().then(|| self.fingerprint());
        own.into_iter().chain(self.members.iter().flat_map(|members| members.iter().copied()))
    }

    /// Sixty-four bits of the record id, and of the way it came through transforms: a sink may take
    /// the same record by two of them. The same on every machine and in every
    /// version, for sets that are kept in a checkpoint. Unique within a stream
    /// for all practical numbers (a collision in a set of a million has odds of
    /// about one in forty million).
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.id.record);
        if let Some(version) = &self.id.version {
            hash.update(b"@");
            hash.update(version);
        }
        if let Some(through) = &self.origin.through {
            hash.update(b"|");
            hash.update(through.as_bytes());
        }
        hash.digest()
    }
}
