//! Where rotating tokens are kept: beside the checkpoint, unless `auth.token_store` says otherwise.
//!
//! Its options are those of a checkpoint of the same type. Opens nothing.

use std::path::{Path as FilePath, PathBuf};

use super::node::{Node, Path};
use super::problem::Finding;
use super::read::{read, type_of};
use super::{CheckpointConfig, TokenStoreConfig, aws, gcp, written};

/// The types of stores.
const TYPES: &[&str] = &["file", "aws_s3", "gcp_cloud_storage"];

/// What `token_store` means.
pub(super) fn store(node: &Node, path: &Path) -> Result<TokenStoreConfig, Finding> {
    let checkpoint = match type_of(node, path, "type", TYPES)? {
        "file" => {
            let written: written::CheckpointFile = read(node, path)?;
            let place = written.path.ok_or_else(|| Finding::new(path, "missing field `path`"))?;
            return Ok(TokenStoreConfig::File { path: place.0.into() });
        }
        "aws_s3" => aws::checkpoint(node, path, &[])?,
        "gcp_cloud_storage" => gcp::checkpoint(node, path, &[])?,
        other => return Err(Finding::unknown_value(&path.key("type"), other, TYPES)),
    };
    match checkpoint {
        CheckpointConfig::AwsS3 { bucket, key } => Ok(TokenStoreConfig::AwsS3 { bucket, key }),
        CheckpointConfig::GcpCloudStorage { bucket, key } => {
            Ok(TokenStoreConfig::GcpCloudStorage { bucket, key })
        }
        CheckpointConfig::File { .. } | CheckpointConfig::Kafka(_) => {
            Err(Finding::new(path, "is not a bucket"))
        }
    }
}

/// The place beside a checkpoint. Kafka keeps none: what is put there is kept by every replica and
/// every mirror, so tokens stay in a file.
pub(super) fn beside(
    checkpoint: Option<&CheckpointConfig>,
    data_dir: &FilePath,
    source: &str,
) -> TokenStoreConfig {
    let name = format!("tokens/{source}.json");
    let beside = |key: &str| match key.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.clone(),
    };
    match checkpoint {
        Some(CheckpointConfig::AwsS3 { bucket, key }) => {
            TokenStoreConfig::AwsS3 { bucket: bucket.clone(), key: beside(key) }
        }
        Some(CheckpointConfig::GcpCloudStorage { bucket, key }) => {
            TokenStoreConfig::GcpCloudStorage { bucket: bucket.clone(), key: beside(key) }
        }
        Some(CheckpointConfig::File { .. } | CheckpointConfig::Kafka(_)) | None => {
            TokenStoreConfig::File { path: file(data_dir, source) }
        }
    }
}

/// The file under `data_dir` that holds the tokens of a source; without a config, of a subdomain.
pub fn file(data_dir: &FilePath, source: &str) -> PathBuf {
    data_dir.join("tokens").join(format!("{source}.json"))
}
