//! What a sink means: what it takes is left as it was written, for `inputs` to resolve.

use std::path::{Component, Path as FilePath};
use std::time::Duration;

use super::node::{Node, Path};
use super::problem::{Finding, Findings};
use super::read::{read, type_of};
use super::written::{self, Encoding, Toggle};
use super::{SinkConfig, SinkKind};
use crate::sinks::{Compression, Encoder, File, FileSettings, Target};

/// The types of sinks.
pub(super) const TYPES: &[&str] = &["console", "file"];

/// How long a file stays open without a line; as in Vector.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the sink means; none if something is wrong with it.
pub(super) fn sink(
    name: &str,
    node: &Node,
    path: &Path,
    acknowledgements: bool,
    findings: &mut Findings,
) -> Option<SinkConfig> {
    let understood = match findings.keep(type_of(node, path, "type", TYPES))? {
        "console" => read(node, path).map(console),
        "file" => read(node, path).and_then(|written| file(written, path)),
        other => Err(Finding::unknown_value(&path.key("type"), other, TYPES)),
    };
    let (common, kind) = findings.keep(understood)?;
    let on = |toggle: Option<Toggle>, default| toggle.map_or(default, |Toggle(on)| on);
    Some(SinkConfig {
        name: name.to_owned(),
        inputs: common.inputs,
        acknowledgements: on(common.acknowledgements, acknowledgements),
        healthcheck: on(common.healthcheck, true),
        metadata_key: common.encoding.and_then(|encoding| encoding.metadata_key).map(|key| key.0),
        kind,
    })
}

/// What every sink has.
struct Envelope {
    inputs: Vec<String>,
    acknowledgements: Option<Toggle>,
    healthcheck: Option<Toggle>,
    encoding: Option<Encoding>,
}

fn console(written: written::Console) -> (Envelope, SinkKind) {
    let written::Console { inputs, acknowledgements, healthcheck, encoding, target, .. } = written;
    let target = match target {
        Some(written::Target::Stderr) => Target::Stderr,
        Some(written::Target::Stdout) | None => Target::Stdout,
    };
    (Envelope { inputs, acknowledgements, healthcheck, encoding }, SinkKind::Console { target })
}

fn file(written: written::File, path: &Path) -> Result<(Envelope, SinkKind), Finding> {
    let written::File { inputs, acknowledgements, healthcheck, encoding, .. } = written;
    let settings = FileSettings {
        path: written.path.0,
        base_dir: written.base_dir,
        compression: match written.compression {
            Some(written::Compression::Gzip) => Compression::Gzip,
            Some(written::Compression::None) | None => Compression::None,
        },
        idle_timeout: written.idle_timeout_secs.map_or(IDLE_TIMEOUT, |seconds| seconds.0),
    };
    // The sink itself knows which paths it can keep to; making one touches nothing.
    File::new(settings.clone(), Encoder::new(None)).map_err(|error| {
        let finding = Finding::new(&path.key("path"), error.message);
        match error.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    })?;
    Ok((Envelope { inputs, acknowledgements, healthcheck, encoding }, SinkKind::File(settings)))
}

/// The steps of a path, in which `.` is none.
fn steps(path: &str) -> impl Iterator<Item = Component<'_>> {
    FilePath::new(path).components().filter(|step| *step != Component::CurDir)
}

/// Two sinks that append to the same file would each truncate what the other wrote.
pub(super) fn check_paths(sinks: &[SinkConfig], paths: &[Path], findings: &mut Findings) {
    let files: Vec<(&SinkConfig, &Path, &str)> = sinks
        .iter()
        .zip(paths)
        .filter_map(|(sink, path)| match &sink.kind {
            SinkKind::File(settings) => Some((sink, path, settings.path.as_str())),
            SinkKind::Console { .. } => None,
        })
        .collect();
    for (position, (_, path, file)) in files.iter().enumerate() {
        let earlier = files.iter().take(position);
        if let Some((other, ..)) =
            earlier.into_iter().find(|(.., other)| steps(other).eq(steps(file)))
        {
            let message = format!("the sink `{}` writes to `{file}` too", other.name);
            findings.push(Finding::new(&path.key("path"), message));
        }
    }
}
