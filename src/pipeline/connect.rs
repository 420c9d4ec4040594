//! From what a config says of a sink or a checkpoint to the thing itself. Connects to nothing yet.

use std::sync::Arc;

use super::build::{BuildError, Outside};
use crate::buckets::{AwsS3, AzureBlob, Bucket, GcpCloudStorage};
use crate::checkpoint::{BucketStore, CheckpointStore, FileStore};
use crate::config::{CheckpointConfig, SinkConfig, SinkKind};
use crate::http_client::ProxySettings;
use crate::sinks::{Console, Encoder, File, Http, Object, ObjectSettings, Sink, SinkError, Vector};

/// The sink that a part of the config describes.
pub fn sink(
    config: &SinkConfig,
    proxy: &ProxySettings,
    outside: &Outside,
) -> Result<Arc<dyn Sink>, BuildError> {
    let refuse = |error| BuildError::Sink(config.name.clone(), error);
    let encoder = Encoder::new(config.encoder.clone());
    Ok(match &config.kind {
        SinkKind::Console { target } => Arc::new(Console::new(*target, encoder)),
        SinkKind::File(settings) => Arc::new(File::new(settings.clone(), encoder).map_err(refuse)?),
        SinkKind::AwsS3 { bucket, object } => {
            let bucket = Arc::new(AwsS3::new(bucket.clone(), proxy.clone()));
            objects(bucket, object, encoder, outside).map_err(refuse)?
        }
        SinkKind::GcpCloudStorage { bucket, object } => {
            let bucket = Arc::new(GcpCloudStorage::new(bucket.clone(), proxy.clone()));
            objects(bucket, object, encoder, outside).map_err(refuse)?
        }
        SinkKind::AzureBlob { container, object } => {
            let bucket = AzureBlob::new(container.clone(), proxy);
            let bucket = bucket.map_err(|error| refuse(error.into()))?;
            objects(Arc::new(bucket), object, encoder, outside).map_err(refuse)?
        }
        SinkKind::Http(settings) => {
            Arc::new(Http::new((**settings).clone(), encoder, proxy).map_err(refuse)?)
        }
        SinkKind::Vector(settings) => Arc::new(Vector::new(settings, encoder).map_err(refuse)?),
    })
}

fn objects(
    bucket: Arc<dyn Bucket>,
    settings: &ObjectSettings,
    encoder: Encoder,
    outside: &Outside,
) -> Result<Arc<dyn Sink>, SinkError> {
    let random = Arc::clone(&outside.random);
    Ok(Arc::new(Object::new(bucket, settings.clone(), encoder, outside.clock, random)?))
}

/// The store that a part of the config describes.
pub fn store(
    config: &CheckpointConfig,
    proxy: &ProxySettings,
    outside: &Outside,
) -> Result<Arc<dyn CheckpointStore>, BuildError> {
    Ok(match config {
        CheckpointConfig::File { path } => Arc::new(FileStore::open(path)?),
        CheckpointConfig::AwsS3 { bucket, key } => {
            let bucket = Arc::new(AwsS3::new(bucket.clone(), proxy.clone()));
            Arc::new(BucketStore::new(bucket, key.clone(), &outside.random))
        }
        CheckpointConfig::GcpCloudStorage { bucket, key } => {
            let bucket = Arc::new(GcpCloudStorage::new(bucket.clone(), proxy.clone()));
            Arc::new(BucketStore::new(bucket, key.clone(), &outside.random))
        }
    })
}
