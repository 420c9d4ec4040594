//! Sinks of type `http`.

use http::Method;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::envelope::{Envelope, REQUESTS, envelope, reported};
use super::tls;
use crate::config::SinkKind;
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::{read, read_rest, type_of};
use crate::config::written::{NonEmpty, Secret};
use crate::pipeline::BatchSettings;
use crate::sinks::{Compression, Framing, HttpAuth, HttpSettings, ResponseFormat, RetryStrategy};

/// As in Vector.
const BATCH: BatchSettings = BatchSettings {
    max_bytes: 10_000_000,
    max_events: usize::MAX,
    max_age: std::time::Duration::from_secs(1),
};

/// `sinks.*` of type `http`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHttp {
    uri: Secret,
    method: Option<WrittenMethod>,
    #[serde(rename = "auth")]
    _auth: Option<IgnoredAny>,
    #[serde(default)]
    payload_prefix: String,
    #[serde(default)]
    payload_suffix: String,
    retry_strategy: Option<WrittenRetryStrategy>,
    response_format: Option<WrittenResponseFormat>,
}

/// `sinks.*.method`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenMethod {
    Post,
    Put,
    Patch,
}

/// `sinks.*.retry_strategy`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRetryStrategy {
    #[serde(rename = "type")]
    kind: WrittenRetryKind,
    status_codes: Option<Vec<u16>>,
}

/// `sinks.*.retry_strategy.type`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenRetryKind {
    Default,
    None,
    All,
    Custom,
}

/// `sinks.*.response_format`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenResponseFormat {
    Status,
    ElasticsearchBulk,
}

/// `sinks.*.auth` with the strategy `basic`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basic {
    #[serde(rename = "strategy")]
    _strategy: IgnoredAny,
    user: NonEmpty,
    password: Secret,
}

/// `sinks.*.auth` with the strategy `bearer`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bearer {
    #[serde(rename = "strategy")]
    _strategy: IgnoredAny,
    token: Secret,
}

/// `sinks.*.auth` with the strategy `custom`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    #[serde(rename = "strategy")]
    _strategy: IgnoredAny,
    value: Secret,
}

pub(super) fn http(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let written: Option<WrittenHttp> = findings.keep(read_rest(node, path, REQUESTS));
    let keys = [REQUESTS, &["healthcheck.uri", "request.headers"]].concat();
    let auth = node.get("auth").map(|node| auth(node, &path.key("auth")));
    let auth = findings.keep(auth.transpose());
    let envelope = envelope(node, path, &keys, BATCH, findings)?;
    let in_address = "the scheme of `uri` says it";
    findings.keep(tls::has_no_toggle(&envelope.tls, path, in_address))?;
    findings.keep(tls::is_whole(&envelope.tls, path))?;
    let (written, auth) = (written?, auth?);
    findings.keep(payload(&written, envelope.encoder.framing, path))?;
    let retry_strategy = findings.keep(retry_strategy(written.retry_strategy, path))?;
    let settings = HttpSettings {
        uri: written.uri.0.expose_secret().to_owned(),
        method: match written.method {
            Some(WrittenMethod::Post) | None => Method::POST,
            Some(WrittenMethod::Put) => Method::PUT,
            Some(WrittenMethod::Patch) => Method::PATCH,
        },
        auth,
        headers: envelope.headers.clone(),
        compression: envelope.compression.unwrap_or(Compression::None),
        payload_prefix: written.payload_prefix,
        payload_suffix: written.payload_suffix,
        tls: envelope.tls.clone(),
        timeout: envelope.timeout,
        rate_limit: envelope.delivery.rate_limit,
        healthcheck_uri: envelope.healthcheck.uri.clone(),
        retry_strategy,
        response_format: match written.response_format {
            Some(WrittenResponseFormat::Status) | None => ResponseFormat::Status,
            Some(WrittenResponseFormat::ElasticsearchBulk) => ResponseFormat::ElasticsearchBulk,
        },
    };
    // The sink itself knows which addresses and headers it can make; this touches nothing.
    findings.keep(settings.validate().map_err(|error| reported(error, path)))?;
    Some((envelope, SinkKind::Http(Box::new(settings))))
}

fn auth(node: &Node, path: &Path) -> Result<HttpAuth, Finding> {
    const STRATEGIES: &[&str] = &["basic", "bearer", "custom"];
    match type_of(node, path, "strategy", STRATEGIES)? {
        "basic" => {
            let Basic { user, password, .. } = read(node, path)?;
            Ok(HttpAuth::Basic { user: user.0, password: password.0 })
        }
        "bearer" => {
            let Bearer { token, .. } = read(node, path)?;
            Ok(HttpAuth::Bearer { token: token.0 })
        }
        "custom" => {
            let Custom { value, .. } = read(node, path)?;
            Ok(HttpAuth::Custom { value: value.0 })
        }
        other => Err(Finding::unknown_value(&path.key("strategy"), other, STRATEGIES)),
    }
}

/// As in Vector: they make a JSON document of a JSON array.
fn payload(written: &WrittenHttp, framing: Framing, path: &Path) -> Result<(), Finding> {
    let WrittenHttp { payload_prefix: prefix, payload_suffix: suffix, .. } = written;
    if prefix.is_empty() && suffix.is_empty() {
        return Ok(());
    }
    if framing != Framing::CharacterDelimited(b',') {
        let message = "is only for a JSON array of events";
        return Err(Finding::new(&path.key("payload_prefix"), message).hint(
            "set `framing.method: character_delimited` and \
             `framing.character_delimited.delimiter: \",\"`",
        ));
    }
    let whole = format!("{prefix}[]{suffix}");
    match serde_json::from_str::<IgnoredAny>(&whole) {
        Ok(_) => Ok(()),
        Err(_) => Err(Finding::new(
            &path.key("payload_prefix"),
            "makes no JSON document with an array and `payload_suffix` after it",
        )
        .hint("for example `{\"events\":` and `}`")),
    }
}

fn retry_strategy(
    written: Option<WrittenRetryStrategy>,
    path: &Path,
) -> Result<RetryStrategy, Finding> {
    let path = path.key("retry_strategy");
    let Some(WrittenRetryStrategy { kind, status_codes }) = written else {
        return Ok(RetryStrategy::Default);
    };
    match (kind, status_codes) {
        (WrittenRetryKind::Custom, Some(status_codes)) => {
            match status_codes.iter().position(|status| !(300..=599).contains(status)) {
                Some(place) => {
                    let path = path.key("status_codes").index(place);
                    let message = format!("`{}` is no status of a failure", status_codes[place]);
                    Err(Finding::new(&path, message))
                }
                None => Ok(RetryStrategy::Custom { status_codes }),
            }
        }
        (WrittenRetryKind::Custom, None) => {
            Err(Finding::new(&path, "missing field `status_codes`"))
        }
        (_, Some(_)) => {
            let message = "is only for the type `custom`";
            Err(Finding::new(&path.key("status_codes"), message))
        }
        (WrittenRetryKind::Default, None) => Ok(RetryStrategy::Default),
        (WrittenRetryKind::None, None) => Ok(RetryStrategy::None),
        (WrittenRetryKind::All, None) => Ok(RetryStrategy::All),
    }
}
