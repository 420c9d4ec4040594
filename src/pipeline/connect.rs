//! From what a config says of a sink or a checkpoint to the thing itself. Connects to nothing yet.

use std::sync::Arc;

use super::build::{BuildError, Outside};
use crate::checkpoint::{CheckpointStore, FileStore};
use crate::config::{CheckpointConfig, SinkConfig, SinkKind};
use crate::http_client::ProxySettings;
use crate::sinks::{Console, Encoder, File, Http, Sink, Vector};

/// The sink that a part of the config describes.
pub fn sink(
    config: &SinkConfig,
    proxy: &ProxySettings,
    _outside: &Outside,
) -> Result<Arc<dyn Sink>, BuildError> {
    let refuse = |error| BuildError::Sink(config.name.clone(), error);
    let encoder = Encoder::new(config.encoder.clone());
    Ok(match &config.kind {
        SinkKind::Console { target } => Arc::new(Console::new(*target, encoder)),
        SinkKind::File(settings) => Arc::new(File::new(settings.clone(), encoder).map_err(refuse)?),
        SinkKind::Http(settings) => {
            Arc::new(Http::new((**settings).clone(), encoder, proxy).map_err(refuse)?)
        }
        SinkKind::Vector(settings) => Arc::new(Vector::new(settings, encoder).map_err(refuse)?),
    })
}

/// The store that a part of the config describes.
pub fn store(config: &CheckpointConfig) -> Result<Arc<dyn CheckpointStore>, BuildError> {
    Ok(match config {
        CheckpointConfig::File { path } => Arc::new(FileStore::open(path)?),
    })
}
