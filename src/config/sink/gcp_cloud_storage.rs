//! Sinks of type `gcp_cloud_storage`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::envelope::{Envelope, REQUESTS, envelope};
use super::objects;
use crate::buckets::GcsSettings;
use crate::config::SinkKind;
use crate::config::gcp;
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, Findings};
use crate::config::read::read_rest;
use crate::config::written::NonEmpty;
use crate::sinks::{Compression, ObjectSettings};

/// As in Vector.
const REQUESTS_PER_SECOND: u64 = 1_000;

/// `sinks.*` of type `gcp_cloud_storage`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bucket: NonEmpty,
    credentials_path: Option<NonEmpty>,
    endpoint: Option<NonEmpty>,
    acl: Option<Acl>,
    storage_class: Option<StorageClass>,
    cache_control: Option<NonEmpty>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    key_prefix: Option<String>,
    filename_time_format: Option<String>,
    filename_append_uuid: Option<bool>,
    filename_extension: Option<String>,
    content_type: Option<NonEmpty>,
    content_encoding: Option<String>,
    #[serde(rename = "timezone")]
    _timezone: Option<objects::Timezone>,
}

/// `sinks.*.acl`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Acl {
    AuthenticatedRead,
    BucketOwnerFullControl,
    BucketOwnerRead,
    Private,
    ProjectPrivate,
    PublicRead,
}

impl Acl {
    /// As the JSON API writes it.
    fn name(&self) -> &'static str {
        match self {
            Self::AuthenticatedRead => "authenticatedRead",
            Self::BucketOwnerFullControl => "bucketOwnerFullControl",
            Self::BucketOwnerRead => "bucketOwnerRead",
            Self::Private => "private",
            Self::ProjectPrivate => "projectPrivate",
            Self::PublicRead => "publicRead",
        }
    }
}

/// `sinks.*.storage_class`
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum StorageClass {
    Standard,
    Nearline,
    Coldline,
    Archive,
}

impl StorageClass {
    fn name(&self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Nearline => "NEARLINE",
            Self::Coldline => "COLDLINE",
            Self::Archive => "ARCHIVE",
        }
    }
}

pub(super) fn sink(
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<(Envelope, SinkKind)> {
    let keys: Vec<&str> = REQUESTS.iter().copied().filter(|key| *key != "tls").collect();
    let written: Option<Written> = findings.keep(read_rest(node, path, &keys));
    let mut envelope = envelope(node, path, &keys, objects::BATCH, findings)?;
    objects::limit_rate(&mut envelope, node, path, REQUESTS_PER_SECOND);
    let (bucket, object) = findings.keep(settings(written?, &envelope, path))?;
    Some((envelope, SinkKind::GcpCloudStorage { bucket, object }))
}

fn settings(
    written: Written,
    envelope: &Envelope,
    path: &Path,
) -> Result<(GcsSettings, ObjectSettings), Finding> {
    for name in written.metadata.keys() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_part) {
            let finding = Finding::new(&path.key("metadata"), format!("`{name}` is not a name"));
            return Err(finding.hint("a name has letters, digits, `-` and `_`"));
        }
    }
    objects::check_metadata(&written.metadata, path)?;
    let place = gcp::bucket(written.bucket, written.credentials_path, written.endpoint, path)?;
    let bucket = GcsSettings {
        acl: written.acl.map(|acl| acl.name().to_owned()),
        storage_class: written.storage_class.map(|class| class.name().to_owned()),
        cache_control: written.cache_control.map(|text| text.0),
        metadata: written.metadata,
        timeout: envelope.timeout,
        ..place
    };
    let object = ObjectSettings {
        prefix: written.key_prefix.unwrap_or_default(),
        time_format: written.filename_time_format.unwrap_or_else(|| "%s".to_owned()),
        append_uuid: written.filename_append_uuid.unwrap_or(true),
        extension: written.filename_extension,
        compression: envelope.compression.unwrap_or(Compression::None),
        content_type: written.content_type.map(|text| text.0),
        content_encoding: written.content_encoding,
    };
    objects::check_names(&object, path, ["key_prefix", "filename_time_format"])?;
    Ok((bucket, object))
}
