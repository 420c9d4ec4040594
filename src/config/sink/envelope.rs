//! What sinks have in common: the same option under the same name, read by the same code.
//!
//! Each type of sink says which of these it has, and reads what is left with a type of its own.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use super::encoding::encoder;
use super::tls::Tls;
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::read;
use crate::config::written::{NonEmpty, Seconds, Toggle};
use crate::pipeline::{BatchSettings, BufferSettings, DeliverySettings, RetrySettings, WhenFull};
use crate::sinks::{Compression, EncoderSettings, SinkError};
use crate::tls::TlsSettings;

/// What sinks have that write as events come.
pub(super) const STREAMING: &[&str] = &[
    "type",
    "inputs",
    "acknowledgements",
    "healthcheck",
    "buffer",
    "encoding",
    "framing",
    "compression",
];

/// What sinks have that collect batches and send requests.
pub(super) const REQUESTS: &[&str] = &[
    "type",
    "inputs",
    "acknowledgements",
    "healthcheck",
    "buffer",
    "encoding",
    "framing",
    "batch",
    "request",
    "tls",
    "compression",
];

/// The same, where events are sent in a form of the protocol's own.
pub(super) const UNFRAMED_REQUESTS: &[&str] = &[
    "type",
    "inputs",
    "acknowledgements",
    "healthcheck",
    "buffer",
    "batch",
    "request",
    "tls",
    "compression",
];

/// What sinks have that send each event for itself.
pub(super) const MESSAGES: &[&str] =
    &["type", "inputs", "acknowledgements", "healthcheck", "buffer", "encoding", "batch", "tls"];

/// What stands in a config for options that every sink of a kind has.
pub(super) struct Envelope {
    pub(super) inputs: Vec<String>,
    pub(super) acknowledgements: Option<Toggle>,
    pub(super) healthcheck: Healthcheck,
    /// None where nothing is said of it.
    pub(super) compression: Option<Compression>,
    pub(super) encoder: EncoderSettings,
    pub(super) delivery: DeliverySettings,
    /// The longest that a request may take.
    pub(super) timeout: Duration,
    /// `request.headers`, as written.
    pub(super) headers: Vec<(String, String)>,
    pub(super) tls: TlsSettings,
}

/// Options that only some of those have that have the section. Where they stand among the keys as
/// `section.option`, the sink has them.
const PARTLY: [(&str, &str); 2] = [("healthcheck", "uri"), ("request", "headers")];

/// As in Vector.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads those of `keys` that are there. `batch` is what this type of sink does without being told.
pub(super) fn envelope(
    node: &Node,
    path: &Path,
    keys: &[&str],
    batch: BatchSettings,
    findings: &mut Findings,
) -> Option<Envelope> {
    let of = |key: &str| keys.contains(&key).then(|| node.get(key)).flatten();
    let inputs = node.get("inputs").ok_or_else(|| Finding::new(path, "missing field `inputs`"));
    let inputs = inputs.and_then(|node| read(node, &path.key("inputs")));
    let inputs = findings.keep(inputs);
    let acknowledgements = optional(of, path, "acknowledgements", findings);
    let healthcheck = findings.keep(healthcheck(of("healthcheck"), &path.key("healthcheck")));
    for (section, option) in PARTLY {
        let written = of(section).is_some_and(|node| node.get(option).is_some());
        if written && !keys.contains(&format!("{section}.{option}").as_str()) {
            findings.push(Finding::unknown_field(&path.key(section), option, &[]));
        }
    }
    let compression = findings.keep(compression(of("compression"), &path.key("compression")));
    let buffer = findings.keep(buffer(of("buffer"), &path.key("buffer")));
    let encoder = encoder(of("encoding"), of("framing"), path, findings);
    let cut = optional::<Batch>(of, path, "batch", findings);
    let request = optional::<Request>(of, path, "request", findings);
    let tls = optional::<Tls>(of, path, "tls", findings);
    let request = request?.unwrap_or_default();
    if request.timeout_secs.is_some_and(|seconds| seconds.0.is_zero()) {
        let path = path.key("request").key("timeout_secs");
        findings.push(Finding::new(&path, "must be more than 0"));
    }
    Some(Envelope {
        inputs: inputs?,
        acknowledgements: acknowledgements?,
        healthcheck: healthcheck?,
        compression: compression?,
        encoder: encoder?,
        delivery: DeliverySettings {
            batch: cut?.unwrap_or_default().settings(batch),
            buffer: buffer?.map_or(BufferSettings::USUAL, |buffer| buffer.settings()),
            retry: request.retry(),
            rate_limit: request.rate_limit(),
        },
        timeout: request.timeout_secs.map_or(REQUEST_TIMEOUT, |seconds| seconds.0),
        headers: request.headers.into_iter().collect(),
        tls: tls?.unwrap_or_default().settings(),
    })
}

/// What stands at `key`; none if it cannot be read, and nothing if it is not there.
#[expect(clippy::option_option, reason = "whether it can be read, and whether it is there")]
fn optional<'n, T: Deserialize<'n>>(
    of: impl Fn(&str) -> Option<&'n Node>,
    path: &Path,
    key: &str,
    findings: &mut Findings,
) -> Option<Option<T>> {
    match of(key) {
        Some(node) => findings.keep(read(node, &path.key(key))),
        None => Some(None),
    }
}

/// What a sink finds wrong with its settings, as what is wrong with the config at `path`.
pub(super) fn reported(error: SinkError, path: &Path) -> Finding {
    let finding = Finding::new(path, error.message);
    match error.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// Refuses zlib, which some sinks do not have.
pub(super) fn without_zlib(compression: Option<Compression>, path: &Path) -> Result<(), Finding> {
    match compression {
        Some(Compression::Zlib { .. }) => {
            let path = path.key("compression");
            Err(Finding::new(&path, "`zlib` is not available for this type of sink")
                .hint("it has `none`, `gzip` and `zstd`"))
        }
        _ => Ok(()),
    }
}

/// `sinks.*.healthcheck`: on, off, or a map.
#[derive(Debug, Clone)]
pub(super) struct Healthcheck {
    pub(super) enabled: bool,
    pub(super) uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHealthcheck {
    enabled: Option<bool>,
    uri: Option<NonEmpty>,
}

fn healthcheck(node: Option<&Node>, path: &Path) -> Result<Healthcheck, Finding> {
    match node {
        None => Ok(Healthcheck { enabled: true, uri: None }),
        Some(node @ Node::Map(_)) => {
            let WrittenHealthcheck { enabled, uri } = read(node, path)?;
            Ok(Healthcheck { enabled: enabled.unwrap_or(true), uri: uri.map(|uri| uri.0) })
        }
        Some(node) => Ok(Healthcheck { enabled: read(node, path)?, uri: None }),
    }
}

/// `sinks.*.compression` as a map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCompression {
    algorithm: Algorithm,
    level: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    None,
    Gzip,
    Zlib,
    Zstd,
}

fn compression(node: Option<&Node>, path: &Path) -> Result<Option<Compression>, Finding> {
    let (algorithm, level) = match node {
        None => return Ok(None),
        Some(node @ Node::Map(_)) => {
            let WrittenCompression { algorithm, level } = read(node, path)?;
            (algorithm, level)
        }
        Some(node) => (read(node, path)?, None),
    };
    let (usual, levels) = match algorithm {
        Algorithm::None => (Compression::None, 0..=0),
        Algorithm::Gzip => (Compression::GZIP, 0..=9),
        Algorithm::Zlib => (Compression::ZLIB, 0..=9),
        Algorithm::Zstd => (Compression::ZSTD, 1..=21),
    };
    let Some(level) = level else { return Ok(Some(usual)) };
    if !levels.contains(&level) {
        let message = format!("must be from {} to {}", levels.start(), levels.end());
        return Err(Finding::new(&path.key("level"), message));
    }
    Ok(Some(match usual {
        Compression::None => Compression::None,
        Compression::Gzip { .. } => Compression::Gzip { level },
        Compression::Zlib { .. } => Compression::Zlib { level },
        Compression::Zstd { .. } => Compression::Zstd { level },
    }))
}

/// `sinks.*.buffer`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Buffer {
    #[serde(rename = "type")]
    _type: Option<BufferType>,
    max_events: Option<NonZeroUsize>,
    when_full: Option<Full>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BufferType {
    Memory,
}

/// `sinks.*.buffer.when_full`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Full {
    Block,
    DropNewest,
}

/// A map, or a list of one as in Vector, where several make one buffer behind another.
fn buffer(node: Option<&Node>, path: &Path) -> Result<Option<Buffer>, Finding> {
    let Some(node) = node else { return Ok(None) };
    let is_on_disk =
        |node: &Node| matches!(node.get("type"), Some(Node::Text(kind)) if kind.value == "disk");
    let stages = match node {
        Node::List(stages) => stages.as_slice(),
        one => std::slice::from_ref(one),
    };
    if let Some(index) = stages.iter().position(is_on_disk) {
        let path = if matches!(node, Node::List(_)) { &path.index(index) } else { path };
        return Err(Finding::new(&path.key("type"), "`disk` is not available in this version")
            .hint(
                "leave it out: what is not delivered yet is not behind the checkpoint, and is read \
                 again after a restart",
            ));
    }
    match (node, stages) {
        (Node::List(_), [one]) => read(one, &path.index(0)).map(Some),
        (Node::List(_), _) => Err(Finding::new(path, "must be one buffer")
            .hint("for example `buffer: { max_events: 500, when_full: block }`")),
        (one, _) => read(one, path).map(Some),
    }
}

/// Events that wait in a buffer that is asked for without a size; as in Vector.
const BUFFER_EVENTS: usize = 500;

impl Buffer {
    fn settings(&self) -> BufferSettings {
        BufferSettings {
            max_events: Some(self.max_events.map_or(BUFFER_EVENTS, NonZeroUsize::get)),
            when_full: match self.when_full {
                Some(Full::DropNewest) => WhenFull::DropNewest,
                Some(Full::Block) | None => WhenFull::Block,
            },
        }
    }
}

/// `sinks.*.batch`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    max_bytes: Option<NonZeroUsize>,
    max_events: Option<NonZeroUsize>,
    timeout_secs: Option<Seconds>,
}

impl Batch {
    fn settings(&self, usual: BatchSettings) -> BatchSettings {
        BatchSettings {
            max_bytes: self.max_bytes.map_or(usual.max_bytes, NonZeroUsize::get),
            max_events: self.max_events.map_or(usual.max_events, NonZeroUsize::get),
            max_age: self.timeout_secs.map_or(usual.max_age, |seconds| seconds.0),
        }
    }
}

/// `sinks.*.request`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(rename = "concurrency")]
    _concurrency: Option<Concurrency>,
    timeout_secs: Option<Seconds>,
    retry_attempts: Option<u64>,
    retry_initial_backoff_secs: Option<Seconds>,
    retry_max_duration_secs: Option<Seconds>,
    #[serde(rename = "retry_jitter_mode")]
    _retry_jitter_mode: Option<Jitter>,
    rate_limit_num: Option<u64>,
    rate_limit_duration_secs: Option<Seconds>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
}

/// `sinks.*.request.concurrency`: writes follow one another, which is the order of the events.
struct Concurrency;

impl<'de> Deserialize<'de> for Concurrency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConcurrencyVisitor)
    }
}

struct ConcurrencyVisitor;

impl serde::de::Visitor<'_> for ConcurrencyVisitor {
    type Value = Concurrency;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`adaptive`, `none` or `1`: writes follow one another")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Concurrency, E> {
        if number == 1 {
            return Ok(Concurrency);
        }
        Err(E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Concurrency, E> {
        if ["adaptive", "none", "1"].contains(&word) {
            return Ok(Concurrency);
        }
        Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
    }
}

/// `sinks.*.request.retry_jitter_mode`
#[derive(Deserialize)]
enum Jitter {
    Full,
}

impl Request {
    fn retry(&self) -> RetrySettings {
        let usual = RetrySettings::USUAL;
        let of = |written: Option<Seconds>, usual| written.map_or(usual, |seconds| seconds.0);
        let longest = of(self.retry_max_duration_secs, usual.longest);
        RetrySettings {
            // Vector writes "for ever" as the largest number there is.
            attempts: self.retry_attempts.filter(|attempts| *attempts < i64::MAX as u64),
            first: of(self.retry_initial_backoff_secs, usual.first).min(longest),
            longest,
        }
    }

    fn rate_limit(&self) -> Option<(u64, Duration)> {
        let most = self.rate_limit_num.filter(|most| *most < i64::MAX as u64)?;
        let span = self.rate_limit_duration_secs.map_or(Duration::from_secs(1), |it| it.0);
        Some((most.max(1), span))
    }
}
