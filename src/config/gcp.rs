//! Which bucket of Google Cloud Storage is meant, and who asks: the same options for a sink and
//! for a checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::endpoint;
use super::environment::Environment;
use super::node::{Node, Path};
use super::problem::Finding;
use super::read::read_rest;
use super::written::NonEmpty;
use super::{
    AuthConfig, CheckpointConfig, Config, SinkConfig, SinkKind, SourceConfig, TokenStoreConfig,
};
use crate::buckets::{GcpCredentials, GcsSettings};
use crate::http_client::ProxySettings;

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

/// The object that is meant; the fields `others` beside it are read elsewhere.
pub(super) fn checkpoint(
    node: &Node,
    path: &Path,
    others: &[&str],
) -> Result<CheckpointConfig, Finding> {
    let written: WrittenCheckpoint = read_rest(node, path, others)?;
    let NonEmpty(key) = written.key;
    if key.starts_with('/') || key.ends_with('/') {
        return Err(Finding::new(&path.key("key"), "must neither begin nor end with `/`")
            .hint("for example `zenstream/state.json`"));
    }
    let bucket = bucket(written.bucket, written.credentials_path, written.endpoint, path)?;
    Ok(CheckpointConfig::GcpCloudStorage { bucket: Box::new(bucket), key })
}

/// Google's library goes through the environment's proxies, whatever else is said.
pub(super) fn check_proxy(
    config: &Config,
    path: &Path,
    environment: &dyn Environment,
) -> Result<(), Finding> {
    let is_ours = |sink: &SinkConfig| matches!(sink.kind, SinkKind::GcpCloudStorage { .. });
    let keeps_tokens = |source: &SourceConfig| {
        let AuthConfig::OauthRefreshToken { store, .. } = &source.auth else { return false };
        matches!(store, TokenStoreConfig::GcpCloudStorage { .. })
    };
    let asks_google = matches!(config.checkpoint, CheckpointConfig::GcpCloudStorage { .. })
        || config.sinks.iter().any(is_ours)
        || config.sources.iter().any(keeps_tokens);
    // The environment's own mistakes are told where the proxies are read.
    let Ok(of_environment) = ProxySettings::of_environment(environment) else { return Ok(()) };
    if asks_google && config.proxy != of_environment {
        let message = "differs from the environment's, which is all that `gcp_cloud_storage` knows";
        return Err(Finding::new(path, message)
            .hint("leave it out, and set `HTTPS_PROXY` and `NO_PROXY` in the environment"));
    }
    Ok(())
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
        let message = format!("`{bucket}` is not the name of a bucket");
        return Err(Finding::new(&path.key("bucket"), message)
            .hint("write the name alone, without `gs://` and without a key"));
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
