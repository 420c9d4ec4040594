//! Sinks of type `vector`.

use std::time::Duration;

use serde::Deserialize;

use super::envelope::{Envelope, UNFRAMED_REQUESTS, envelope, reported, without_zlib};
use super::tls;
use crate::config::SinkKind;
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::read_rest;
use crate::config::written::{NonEmpty, Seconds};
use crate::pipeline::BatchSettings;
use crate::sinks::{Compression, EncoderSettings, TimestampFormat, VectorSettings};
use crate::tls::TlsSettings;

/// As in Vector, which has no limit to the bytes; here memory is bounded.
const BATCH: BatchSettings =
    BatchSettings { max_bytes: 10_000_000, max_events: 1_000, max_age: Duration::from_secs(1) };

/// As in Vector.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// As in Vector.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// `sinks.*` of type `vector`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVector {
    address: Option<NonEmpty>,
    routing: Option<Routing>,
    keepalive: Option<Keepalive>,
    #[serde(rename = "version")]
    _version: Option<Version>,
}

/// `sinks.*.version`
#[derive(Deserialize)]
enum Version {
    #[serde(rename = "2")]
    Two,
}

/// `sinks.*.routing`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Routing {
    endpoints: Vec<NonEmpty>,
    strategy: Option<Strategy>,
}

/// `sinks.*.routing.strategy`
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Strategy {
    Failover,
    LoadBalance,
}

/// `sinks.*.keepalive`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keepalive {
    interval_secs: Option<Seconds>,
    timeout_secs: Option<Seconds>,
}

pub(super) fn vector(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let keys = [UNFRAMED_REQUESTS, &["encoding"]].concat();
    let written: Option<WrittenVector> = findings.keep(read_rest(node, path, &keys));
    let envelope = envelope(node, path, &keys, BATCH, findings)?;
    findings.keep(without_zlib(envelope.compression, path))?;
    findings.keep(tls::is_whole(&envelope.tls, path))?;
    findings.keep(verified(&envelope.tls, path))?;
    findings.keep(typed(&envelope.encoder, path))?;
    let written = written?;
    let endpoints = findings.keep(endpoints(&written, path))?;
    let keepalive = written.keepalive.unwrap_or_default();
    let of = |written: Option<Seconds>, usual| written.map_or(usual, |seconds| seconds.0);
    let settings = VectorSettings {
        endpoints,
        compression: envelope.compression.unwrap_or(Compression::None),
        tls: envelope.tls.clone(),
        timeout: envelope.timeout,
        rate_limit: envelope.delivery.rate_limit,
        keepalive_interval: of(keepalive.interval_secs, KEEPALIVE_INTERVAL),
        keepalive_timeout: of(keepalive.timeout_secs, KEEPALIVE_TIMEOUT),
    };
    findings.keep(settings.validate().map_err(|error| reported(error, path)))?;
    Some((envelope, SinkKind::Vector(settings)))
}

/// Where events are sent, from the one option or the other.
fn endpoints(written: &WrittenVector, path: &Path) -> Result<Vec<String>, Finding> {
    let endpoints = match (&written.address, &written.routing) {
        (Some(address), None) => return Ok(vec![address.0.clone()]),
        (None, Some(routing)) => &routing.endpoints,
        (Some(_), Some(_)) => {
            return Err(Finding::new(path, "`address` and `routing` both say where to send")
                .hint("leave `address` out"));
        }
        (None, None) => {
            return Err(Finding::new(path, "missing field `address`")
                .hint("for example `vector.example.com:6000`"));
        }
    };
    let path = path.key("routing");
    let fails_over =
        written.routing.as_ref().is_some_and(|it| it.strategy == Some(Strategy::Failover));
    match endpoints.len() {
        0 => Err(Finding::new(&path.key("endpoints"), "is empty")),
        // All strategies are the same then.
        1 => Ok(vec![endpoints[0].0.clone()]),
        _ if fails_over => Ok(endpoints.iter().map(|endpoint| endpoint.0.clone()).collect()),
        _ => Err(Finding::new(&path, "several endpoints cannot share the load in this version")
            .hint("set `strategy: failover`, or put a load balancer before them")),
    }
}

/// gRPC without verification is not to be had.
fn verified(tls: &TlsSettings, path: &Path) -> Result<(), Finding> {
    let options =
        [("verify_certificate", tls.verify_certificate), ("verify_hostname", tls.verify_hostname)];
    match options.into_iter().find(|(_, on)| *on == Some(false)) {
        Some((option, _)) => {
            let message = format!("`{option}: false` is not available for this type of sink");
            Err(Finding::new(&path.key("tls"), message).hint("name the certificate in `ca_file`"))
        }
        None => Ok(()),
    }
}

/// Events are sent as values, not as text.
fn typed(encoder: &EncoderSettings, path: &Path) -> Result<(), Finding> {
    let option = if encoder.template.is_some() {
        "template"
    } else if encoder.timestamp_format != TimestampFormat::default() {
        "timestamp_format"
    } else {
        return Ok(());
    };
    let message = format!("`{option}` is not available for this type of sink");
    Err(Finding::new(&path.key("encoding"), message)
        .hint("leave it out: events are sent as values, times as times"))
}
