//! Sinks on this machine: standard output, standard error and files.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::envelope::{Envelope, STREAMING, envelope, reported, without_zlib};
use crate::config::SinkKind;
use crate::config::node::{Node, Path};
use crate::config::problem::Findings;
use crate::config::read::read_rest;
use crate::config::written::{NonEmpty, Seconds};
use crate::pipeline::DeliverySettings;
use crate::sinks::{Compression, Encoder, File, FileSettings, Target};

/// How long a file stays open without a line; as in Vector.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// `sinks.*` of type `console`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenConsole {
    target: Option<WrittenTarget>,
}

/// `sinks.*.target`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTarget {
    Stdout,
    Stderr,
}

pub(super) fn console(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let keys: Vec<&str> = STREAMING.iter().copied().filter(|key| *key != "compression").collect();
    let written: Option<WrittenConsole> = findings.keep(read_rest(node, path, &keys));
    let envelope = envelope(node, path, &keys, DeliverySettings::STREAMING.batch, findings)?;
    let target = match written?.target {
        Some(WrittenTarget::Stderr) => Target::Stderr,
        Some(WrittenTarget::Stdout) | None => Target::Stdout,
    };
    Some((envelope, SinkKind::Console { target }))
}

/// `sinks.*` of type `file`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    path: NonEmpty,
    base_dir: Option<PathBuf>,
    idle_timeout_secs: Option<Seconds>,
}

pub(super) fn file(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let written: Option<WrittenFile> = findings.keep(read_rest(node, path, STREAMING));
    let envelope = envelope(node, path, STREAMING, DeliverySettings::STREAMING.batch, findings)?;
    findings.keep(without_zlib(envelope.compression, path))?;
    let written = written?;
    let settings = FileSettings {
        path: written.path.0,
        base_dir: written.base_dir,
        compression: envelope.compression.unwrap_or(Compression::None),
        idle_timeout: written.idle_timeout_secs.map_or(IDLE_TIMEOUT, |seconds| seconds.0),
    };
    // The sink itself knows which paths it can keep to; making one touches nothing.
    if let Err(error) = File::new(settings.clone(), Encoder::default()) {
        findings.push(reported(error, &path.key("path")));
        return None;
    }
    Some((envelope, SinkKind::File(settings)))
}
