//! Sinks of type `aws_s3`.

use serde::Deserialize;

use super::envelope::{Envelope, REQUESTS, envelope};
use super::objects;
use crate::config::node::{Node, Path};
use crate::config::problem::Findings;
use crate::config::read::read_rest;
use crate::config::written::NonEmpty;
use crate::config::{SinkKind, aws};
use crate::sinks::{Compression, ObjectSettings};

/// What keys begin with, and what follows; as in Vector.
const KEY_PREFIX: &str = "date=%F";
const TIME_FORMAT: &str = "%s";

/// `sinks.*` of type `aws_s3`, without what says which bucket it is
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key_prefix: Option<String>,
    filename_time_format: Option<String>,
    filename_append_uuid: Option<bool>,
    filename_extension: Option<String>,
    content_type: Option<NonEmpty>,
    content_encoding: Option<String>,
    #[serde(rename = "timezone")]
    _timezone: Option<objects::Timezone>,
}

pub(super) fn sink(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let others: Vec<&str> = REQUESTS.iter().chain(aws::OPTIONS).copied().collect();
    let written: Option<Written> = findings.keep(read_rest(node, path, &others));
    let envelope = envelope(node, path, REQUESTS, objects::BATCH, findings)?;
    let bucket = findings.keep(aws::bucket(node, path, envelope.tls.clone(), envelope.timeout));
    let object = object(written?, &envelope);
    let names = ["key_prefix", "filename_time_format"];
    findings.keep(objects::check_names(&object, path, names))?;
    Some((envelope, SinkKind::AwsS3 { bucket: Box::new(bucket?), object }))
}

fn object(written: Written, envelope: &Envelope) -> ObjectSettings {
    let or = |text: Option<String>, usual: &str| text.unwrap_or_else(|| usual.to_owned());
    ObjectSettings {
        prefix: or(written.key_prefix, KEY_PREFIX),
        time_format: or(written.filename_time_format, TIME_FORMAT),
        append_uuid: written.filename_append_uuid.unwrap_or(true),
        extension: written.filename_extension,
        compression: envelope.compression.unwrap_or(Compression::GZIP),
        content_type: written.content_type.map(|text| text.0),
        content_encoding: written.content_encoding,
    }
}
