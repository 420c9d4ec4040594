//! A Kafka cluster, as a sink and a checkpoint name it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;
use xxhash_rust::xxh3::Xxh3;

use super::inputs::{Components, traced};
use super::node::{Node, Path};
use super::problem::{Finding, Findings};
use super::read::{read, read_rest};
use super::sink::Tls;
use super::written::{NonEmpty, Secret};
use super::{CheckpointConfig, KafkaCheckpoint, SinkConfig, SinkKind, SourceConfig};
use crate::kafka::{Codec, KafkaSettings, Mechanism, OauthSettings, SaslSettings};
use crate::transform::Step;

/// The options that [`connection`] reads, beside `tls`.
pub(super) const CONNECTION: &[&str] = &[
    "bootstrap_servers",
    "sasl",
    "compression",
    "socket_timeout_ms",
    "message_timeout_ms",
    "librdkafka_options",
];

/// Where state is kept on a cluster that says nothing else.
pub(super) const STATE_TOPIC: &str = "zenstream-checkpoints";

/// The same for everybody, so that no change of a config loses a position. Two that share it by
/// mistake stop one another, which is heard.
const KEY: &str = "zenstream";

/// The longest that a message may take: what brokers allow for a transaction, without its commit.
const TIMEOUT_MS_MAX: u64 = 800_000;

/// What [`connection`] reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenConnection {
    bootstrap_servers: NonEmpty,
    sasl: Option<WrittenSasl>,
    socket_timeout_ms: Option<Millis>,
    message_timeout_ms: Option<Millis>,
    librdkafka_options: Option<BTreeMap<String, AsText>>,
}

/// `sasl`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSasl {
    enabled: Option<bool>,
    mechanism: Option<WrittenMechanism>,
    username: Option<NonEmpty>,
    password: Option<Secret>,
    oauth2: Option<WrittenOauth>,
}

/// `sasl.mechanism`
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum WrittenMechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

/// `sasl.oauth2`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOauth {
    token_endpoint: NonEmpty,
    client_id: NonEmpty,
    client_secret: Secret,
    #[serde(default)]
    scopes: Vec<String>,
}

/// `compression`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenCodec {
    None,
    Gzip,
    Lz4,
    Snappy,
    Zstd,
}

/// Milliseconds, at least one.
struct Millis(Duration);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            millis @ 10..=TIMEOUT_MS_MAX => Ok(Self(Duration::from_millis(millis))),
            _ => Err(D::Error::custom(format!("must be from 10 to {TIMEOUT_MS_MAX} milliseconds"))),
        }
    }
}

/// A value that librdkafka reads from text.
struct AsText(String);

impl<'de> Deserialize<'de> for AsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsTextVisitor)
    }
}

struct AsTextVisitor;

impl Visitor<'_> for AsTextVisitor {
    type Value = AsText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bool<E>(self, value: bool) -> Result<AsText, E> {
        Ok(AsText(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<AsText, E> {
        Ok(AsText(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<AsText, E> {
        Ok(AsText(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<AsText, E> {
        Ok(AsText(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<AsText, E> {
        Ok(AsText(value.to_owned()))
    }
}

/// How the cluster that `node` names is reached; of its other options, `others` are read
/// elsewhere.
pub(super) fn connection(
    node: &Node,
    path: &Path,
    others: &[&str],
    findings: &mut Findings,
) -> Option<KafkaSettings> {
    let tls = match node.get("tls") {
        Some(node) => findings.keep(read::<Tls>(node, &path.key("tls"))),
        None => Some(Tls::default()),
    };
    let apart = ["tls", "compression"];
    let others: Vec<&str> =
        others.iter().copied().filter(|it| !apart.contains(it)).chain(apart).collect();
    let compression = codec(node.get("compression"), &path.key("compression"));
    let compression = findings.keep(compression);
    let written: WrittenConnection = findings.keep(read_rest(node, path, &others))?;
    let sasl = findings.keep(sasl(written.sasl, &path.key("sasl")));
    let options = options(written.librdkafka_options.unwrap_or_default(), path, findings);
    let usual = KafkaSettings::new(written.bootstrap_servers.0);
    let settings = KafkaSettings {
        sasl: sasl?,
        tls: tls?.settings(),
        socket_timeout: written.socket_timeout_ms.map_or(usual.socket_timeout, |it| it.0),
        message_timeout: written.message_timeout_ms.map_or(usual.message_timeout, |it| it.0),
        compression: compression?.map_or(Codec::None, WrittenCodec::meant),
        options: options?,
        ..usual
    };
    let refused = |error: crate::kafka::KafkaError| {
        let path = if settings.options.is_empty() { path } else { &path.key("librdkafka_options") };
        Finding::new(path, error.message)
    };
    findings.keep(settings.check().map_err(refused))?;
    Some(settings)
}

/// `compression`. zlib is what other sinks have; no Kafka has it.
fn codec(node: Option<&Node>, path: &Path) -> Result<Option<WrittenCodec>, Finding> {
    match node {
        Some(Node::Text(word)) if word.value == "zlib" => {
            Err(Finding::new(path, "`zlib` is not available for Kafka")
                .hint("it has `none`, `gzip`, `lz4`, `snappy` and `zstd`"))
        }
        node => node.map(|node| read(node, path)).transpose(),
    }
}

impl WrittenCodec {
    fn meant(self) -> Codec {
        match self {
            Self::None => Codec::None,
            Self::Gzip => Codec::Gzip,
            Self::Lz4 => Codec::Lz4,
            Self::Snappy => Codec::Snappy,
            Self::Zstd => Codec::Zstd,
        }
    }
}

fn sasl(written: Option<WrittenSasl>, path: &Path) -> Result<Option<SaslSettings>, Finding> {
    let Some(written) = written.filter(|written| written.enabled != Some(false)) else {
        return Ok(None);
    };
    let WrittenSasl { mechanism, username, password, oauth2, .. } = written;
    let missing = |field: &str| Finding::new(path, format!("missing field `{field}`"));
    let mechanism = mechanism.ok_or_else(|| {
        missing("mechanism")
            .hint("it is `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`")
    })?;
    let mechanism = match mechanism {
        WrittenMechanism::Plain => Mechanism::Plain,
        WrittenMechanism::ScramSha256 => Mechanism::ScramSha256,
        WrittenMechanism::ScramSha512 => Mechanism::ScramSha512,
        WrittenMechanism::OauthBearer => {
            let oauth = oauth2.ok_or_else(|| {
                missing("oauth2").hint("it has `token_endpoint`, `client_id` and `client_secret`")
            })?;
            return Ok(Some(SaslSettings::Oauth(oauth_settings(oauth, &path.key("oauth2"))?)));
        }
    };
    Ok(Some(SaslSettings::Password {
        mechanism,
        username: username.ok_or_else(|| missing("username"))?.0,
        password: password.ok_or_else(|| missing("password"))?.0,
    }))
}

fn oauth_settings(written: WrittenOauth, path: &Path) -> Result<OauthSettings, Finding> {
    let text = &written.token_endpoint.0;
    let url = Url::parse(text).ok().filter(|url| {
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || (url.scheme() == "http" && is_local)
    });
    let Some(token_endpoint) = url else {
        let message = format!("`{text}` is not the URL of a token endpoint");
        return Err(Finding::new(&path.key("token_endpoint"), message)
            .hint("write `https://HOST/PATH`; `http` only on this machine"));
    };
    Ok(OauthSettings {
        token_endpoint,
        client_id: written.client_id.0,
        client_secret: written.client_secret.0,
        scopes: written.scopes.join(" "),
    })
}

fn options(
    written: BTreeMap<String, AsText>,
    path: &Path,
    findings: &mut Findings,
) -> Option<BTreeMap<String, String>> {
    let path = path.key("librdkafka_options");
    let before = findings.0.len();
    for (name, AsText(value)) in &written {
        if let Some((message, hint)) = KafkaSettings::refusal(name, value) {
            findings.push(Finding::new(&path.key(name), message).hint(hint));
        }
    }
    let options = written.into_iter().map(|(name, AsText(value))| (name, value)).collect();
    (findings.0.len() == before).then_some(options)
}

/// `checkpoint` of type `kafka`, without its connection
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCheckpoint {
    topic: Option<NonEmpty>,
    key: Option<NonEmpty>,
}

/// `checkpoint` of type `kafka`
pub(super) fn checkpoint(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<CheckpointConfig> {
    let connection = connection(node, path, &["type", "topic", "key"], findings);
    let others: Vec<&str> = CONNECTION.iter().copied().chain(["type", "tls"]).collect();
    // What is known to neither was told with the connection.
    let connection = connection?;
    let written: WrittenCheckpoint = findings.keep(read_rest(node, path, &others))?;
    let topic = written.topic.map_or_else(|| STATE_TOPIC.to_owned(), |topic| topic.0);
    let key = written.key.map_or_else(|| KEY.to_owned(), |key| key.0);
    findings.keep(topic_name(&topic, &path.key("topic")))?;
    let kept = KafkaCheckpoint { topic, key, connection };
    Some(CheckpointConfig::Kafka(Box::new(kept)))
}

/// A topic that is named outright.
pub(super) fn topic_name(name: &str, path: &Path) -> Result<(), Finding> {
    let may_stand = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if name.len() <= 249 && name.chars().all(may_stand) && ![".", ".."].contains(&name) {
        return Ok(());
    }
    Err(Finding::new(path, format!("`{name}` is no name for a topic"))
        .hint("a topic's name has at most 249 letters, digits, `.`, `_` and `-`"))
}

/// Gives each sink that was given none a transactional id: the same for the same config on every
/// machine. Of two sinks with one id, each would shut out the other.
pub(super) fn name_transactions(
    components: &mut Components<'_>,
    paths: &[Path],
    checkpoint: &str,
    findings: &mut Findings,
) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let Components { sources, steps, sinks } = components;
    for (sink, path) in sinks.iter_mut().zip(paths) {
        let SinkKind::Kafka(settings) = &sink.kind else { continue };
        let id = match settings.transactional_id.as_str() {
            "" => transactional_id(sink, &sources.zendesk, steps, [&settings.topic, checkpoint]),
            id => id.to_owned(),
        };
        if let SinkKind::Kafka(settings) = &mut sink.kind {
            settings.transactional_id.clone_from(&id);
        }
        if let Some(other) = taken.insert(id, sink.name.clone()) {
            let message = format!("the sink `{other}` has it too");
            findings.push(Finding::new(&path.key("transactional_id"), message));
        }
    }
}

/// The same for the same config and checkpoint, and another for a copy of it with a checkpoint or a
/// topic of its own, which is not to be shut out.
fn transactional_id(
    sink: &SinkConfig,
    sources: &[SourceConfig],
    steps: &[Step],
    parts: [&str; 2],
) -> String {
    let SinkConfig { name, inputs, .. } = sink;
    let traced = traced(inputs, steps);
    let mut hash = Xxh3::new();
    for source in sources {
        let of_it = |input: &String| input.split_once('.').is_some_and(|(of, _)| of == source.name);
        if traced.iter().any(of_it) {
            hash.update(source.endpoint.as_str().as_bytes());
            hash.update(b"\n");
        }
    }
    for part in inputs.iter().map(String::as_str).chain(parts) {
        hash.update(part.as_bytes());
        hash.update(b"\n");
    }
    format!("zenstream-{name}-{:016x}", hash.digest())
}
