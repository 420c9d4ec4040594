//! From what a config says of a sink or a checkpoint to the thing itself. Connects to nothing yet.

use std::sync::Arc;

use super::build::{BuildError, Outside};
use crate::checkpoint::{CheckpointStore, FileStore, KafkaStore};
use crate::config::{CheckpointConfig, Config, KafkaCheckpoint, SinkConfig, SinkKind};
use crate::kafka::{KafkaSettings, RegisterSettings, SharedTransaction, Transactor};
use crate::sinks::{Console, Encoder, File, Kafka, Sink};

/// What a checkpoint in Kafka shares with the sinks that write to the same cluster: events and
/// positions are then one transaction.
pub type Shared = Option<Arc<SharedTransaction>>;

/// The transaction that the checkpoint and sinks of this config share, if it is kept in Kafka.
/// Its producer is as the first sink on that cluster wants it; sinks that want another have
/// transactions of their own.
pub fn shared(config: &Config) -> Shared {
    let CheckpointConfig::Kafka(kept) = &config.checkpoint else { return None };
    let connections = config.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::Kafka(settings) => Some(&settings.connection),
        _ => None,
    });
    let beside = connections.into_iter().find(|it| it.same_cluster(&kept.connection));
    Some(transaction(kept, beside))
}

fn transaction(kept: &KafkaCheckpoint, beside: Option<&KafkaSettings>) -> Arc<SharedTransaction> {
    let KafkaCheckpoint { topic, key, connection } = kept;
    let register = RegisterSettings { topic: topic.clone(), key: key.clone() };
    let connection = beside.unwrap_or(connection).clone();
    Arc::new(SharedTransaction::new(Transactor::new(
        connection,
        format!("{topic}-{key}"),
        register,
    )))
}

/// The sink that a part of the config describes.
pub fn sink(
    config: &SinkConfig,
    _outside: &Outside,
    shared: &Shared,
) -> Result<Arc<dyn Sink>, BuildError> {
    let refuse = |error| BuildError::Sink(config.name.clone(), error);
    let encoder = Encoder::new(config.encoder.clone());
    Ok(match &config.kind {
        SinkKind::Console { target } => Arc::new(Console::new(*target, encoder)),
        SinkKind::File(settings) => Arc::new(File::new(settings.clone(), encoder).map_err(refuse)?),
        SinkKind::Kafka(settings) => {
            let settings = settings.as_ref().clone();
            Arc::new(match shared {
                Some(it) if it.transactor().settings().same_producer(&settings.connection) => {
                    Kafka::beside(&config.name, settings, encoder, Arc::clone(it))
                        .map_err(refuse)?
                }
                _ => Kafka::new(settings, encoder).map_err(refuse)?,
            })
        }
    })
}

/// The store that a part of the config describes.
pub fn store(
    config: &CheckpointConfig,
    shared: Shared,
) -> Result<Arc<dyn CheckpointStore>, BuildError> {
    Ok(match config {
        CheckpointConfig::File { path } => Arc::new(FileStore::open(path)?),
        CheckpointConfig::Kafka(kept) => {
            Arc::new(KafkaStore::new(shared.unwrap_or_else(|| transaction(kept, None))))
        }
    })
}
