//! What a sink means: what it takes is left as it was written, for `inputs` to resolve. One file a
//! family of sinks, and `envelope` for what they have in common.

mod aws_s3;
mod azure_blob;
mod encoding;
mod envelope;
mod gcp_cloud_storage;
mod http;
mod kafka;
mod local;
mod objects;
mod tls;
mod vector;

use std::path::{Component, Path as FilePath};

use super::node::{Node, Path};
use super::problem::{Finding, Findings};
use super::read::type_of;
use super::written::Toggle;
use super::{SinkConfig, SinkKind};
use envelope::Envelope;
pub(super) use tls::Tls;
/// The types of sinks.
pub(super) const TYPES: &[&str] =
    &["aws_s3", "azure_blob", "console", "file", "gcp_cloud_storage", "http", "kafka", "vector"];

/// What the sink means; none if something is wrong with it.
pub(super) fn sink(
    name: &str,
    node: &Node,
    path: &Path,
    acknowledgements: bool,
    findings: &mut Findings,
) -> Option<SinkConfig> {
    let (envelope, kind) = match findings.keep(type_of(node, path, "type", TYPES))? {
        "aws_s3" => aws_s3::sink(node, path, findings),
        "azure_blob" => azure_blob::sink(node, path, findings),
        "console" => local::console(node, path, findings),
        "file" => local::file(node, path, findings),
        "gcp_cloud_storage" => gcp_cloud_storage::sink(node, path, findings),
        "http" => http::http(node, path, findings),
        "kafka" => kafka::kafka(node, path, findings),
        "vector" => vector::vector(node, path, findings),
        other => {
            findings.push(Finding::unknown_value(&path.key("type"), other, TYPES));
            None
        }
    }?;
    let Envelope { inputs, healthcheck, encoder, delivery, .. } = envelope;
    Some(SinkConfig {
        name: name.to_owned(),
        inputs,
        acknowledgements: envelope.acknowledgements.map_or(acknowledgements, |Toggle(on)| on),
        healthcheck: healthcheck.enabled,
        encoder,
        delivery,
        kind,
    })
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
            _ => None,
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
