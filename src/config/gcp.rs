//! Which bucket of Google Cloud Storage is meant, and who asks: the same options for a sink and
//! for a checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::CheckpointConfig;
use super::endpoint;
use super::node::{Node, Path};
use super::problem::Finding;
use super::read::read;
use super::written::NonEmpty;
use crate::buckets::{GcpCredentials, GcsSettings};

/// The longest that reading or saving a checkpoint may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// `checkpoint` of type `gcp_cloud_storage`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCheckpoint {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    bucket: NonEmpty,
    key: NonEmpty,
    credentials_path: Option<NonEmpty>,
    endpoint: Option<NonEmpty>,
}

pub(super) fn checkpoint(node: &Node, path: &Path) -> Result<CheckpointConfig, Finding> {
    let written: WrittenCheckpoint = read(node, path)?;
    let NonEmpty(key) = written.key;
    if key.starts_with('/') || key.ends_with('/') {
        return Err(Finding::new(&path.key("key"), "must neither begin nor end with `/`")
            .hint("for example `zenstream/state.json`"));
    }
    let bucket = bucket(written.bucket, written.credentials_path, written.endpoint, path)?;
    Ok(CheckpointConfig::GcpCloudStorage { bucket, key })
}

/// The bucket, without what is said of its objects.
pub(super) fn bucket(
    NonEmpty(bucket): NonEmpty,
    credentials_path: Option<NonEmpty>,
    endpoint: Option<NonEmpty>,
    path: &Path,
) -> Result<GcsSettings, Finding> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !bucket.chars().all(is_part) {
        let finding = Finding::new(&path.key("bucket"), format!("`{bucket}` is not a bucket"));
        return Err(finding.hint("a bucket's name alone, such as `acme-zendesk`"));
    }
    let endpoint = match endpoint {
        Some(NonEmpty(text)) => Some(endpoint::of_service(&text, &path.key("endpoint"))?),
        None => None,
    };
    let credentials = match (credentials_path, &endpoint) {
        (Some(NonEmpty(file)), _) => GcpCredentials::File(file.into()),
        // An emulator on this machine; a token of Google's has no business there.
        (None, Some(endpoint)) if endpoint.scheme() == "http" => GcpCredentials::Anonymous,
        (None, _) => GcpCredentials::Default,
    };
    Ok(GcsSettings {
        bucket,
        endpoint,
        credentials,
        acl: None,
        storage_class: None,
        cache_control: None,
        metadata: BTreeMap::new(),
        timeout: TIMEOUT,
    })
}
