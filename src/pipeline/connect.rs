//! From what a config says of a sink or a checkpoint to the thing itself. Connects to nothing yet.

use std::sync::Arc;
use std::time::Duration;

use super::build::{BuildError, Outside};
use crate::buckets::{AwsS3, AzureBlob, Bucket, GcpCloudStorage};
use crate::checkpoint::{
    BucketStore, Checkpoint, CheckpointStore, FileStore, KafkaStore, Lease, LeaseSettings, Revision,
};
use crate::config::{CheckpointConfig, Config, KafkaCheckpoint, SinkConfig, SinkKind};
use crate::http_client::ProxySettings;
use crate::kafka::{KafkaSettings, RegisterSettings, SharedTransaction, Transactor};
use crate::sinks::{
    Console, Encoder, File, Http, Kafka, KafkaSinkSettings, Object, ObjectSettings, Sink,
    SinkError, SinkErrorKind, Vector,
};
use crate::telemetry;

/// Makes the sinks and the checkpoint of one config.
#[derive(Debug)]
pub struct Connector<'a> {
    checkpoint: &'a CheckpointConfig,
    proxy: &'a ProxySettings,
    outside: &'a Outside,
    /// What a checkpoint in Kafka shares with the sinks that write to the same cluster: events and
    /// positions are then one transaction.
    shared: Option<Arc<SharedTransaction>>,
}

impl<'a> Connector<'a> {
    /// For a run.
    pub fn new(config: &'a Config, outside: &'a Outside) -> Self {
        Self { shared: shared(config), ..Self::apart(config, outside) }
    }

    /// For looking at each part on its own, beside a run that may be under way.
    pub fn apart(config: &'a Config, outside: &'a Outside) -> Self {
        Self::of_checkpoint(&config.checkpoint, &config.proxy, outside)
    }

    /// For looking after a checkpoint alone.
    pub fn of_checkpoint(
        checkpoint: &'a CheckpointConfig,
        proxy: &'a ProxySettings,
        outside: &'a Outside,
    ) -> Self {
        Self { checkpoint, proxy, outside, shared: None }
    }

    /// The sink that a part of the config describes.
    pub fn sink(&self, config: &SinkConfig) -> Result<Arc<dyn Sink>, BuildError> {
        let encoder = Encoder::new(config.encoder.clone());
        let made: Result<Arc<dyn Sink>, SinkError> = match &config.kind {
            SinkKind::Console { target } => Ok(Arc::new(Console::new(*target, encoder))),
            SinkKind::File(settings) => File::new(settings.clone(), encoder).map(arc),
            SinkKind::AwsS3 { object, .. }
            | SinkKind::GcpCloudStorage { object, .. }
            | SinkKind::AzureBlob { object, .. } => match self.bucket(config)? {
                Some(bucket) => self.objects(bucket, object, encoder),
                None => Err(SinkError::new(SinkErrorKind::Config, "is no bucket")),
            },
            SinkKind::Http(settings) => {
                Http::new((**settings).clone(), encoder, self.proxy).map(arc)
            }
            SinkKind::Vector(settings) => Vector::new(settings, encoder).map(arc),
            SinkKind::Kafka(settings) => self.kafka(&config.name, settings, encoder).map(arc),
        };
        made.map_err(|error| BuildError::Sink(config.name.clone(), error))
    }

    /// The bucket that a sink writes to; none if it writes to something else.
    pub fn bucket(&self, config: &SinkConfig) -> Result<Option<Arc<dyn Bucket>>, BuildError> {
        Ok(Some(match &config.kind {
            SinkKind::AwsS3 { bucket, .. } => {
                Arc::new(AwsS3::new((**bucket).clone(), self.proxy.clone()))
            }
            SinkKind::GcpCloudStorage { bucket, .. } => {
                Arc::new(GcpCloudStorage::new(bucket.clone(), self.proxy.clone()))
            }
            SinkKind::AzureBlob { container, .. } => {
                let refused = |error| BuildError::Sink(config.name.clone(), SinkError::from(error));
                Arc::new(AzureBlob::new(container.clone(), self.proxy).map_err(refused)?)
            }
            _ => return Ok(None),
        }))
    }

    fn objects(
        &self,
        bucket: Arc<dyn Bucket>,
        settings: &ObjectSettings,
        encoder: Encoder,
    ) -> Result<Arc<dyn Sink>, SinkError> {
        let random = Arc::clone(&self.outside.random);
        Object::new(bucket, settings.clone(), encoder, self.outside.clock, random).map(arc)
    }

    fn kafka(
        &self,
        name: &str,
        settings: &KafkaSinkSettings,
        encoder: Encoder,
    ) -> Result<Kafka, SinkError> {
        let settings = settings.clone();
        match &self.shared {
            Some(it) if it.transactor().settings().same_producer(&settings.connection) => {
                Kafka::beside(name, settings, encoder, Arc::clone(it))
            }
            _ => Kafka::new(settings, encoder),
        }
    }

    /// What is kept, without taking it from a run that has it.
    pub async fn peek(&self) -> Result<Option<(Revision, Checkpoint)>, BuildError> {
        match self.checkpoint {
            // Opening it would be taking it.
            CheckpointConfig::File { path } => Ok(FileStore::peek(path)?),
            _ => Ok(self.store()?.peek().await?),
        }
    }

    /// Where positions are kept.
    pub fn store(&self) -> Result<Arc<dyn CheckpointStore>, BuildError> {
        Ok(self.store_for_turns(None)?.0)
    }

    /// The same, with the lease of that `ttl` that has to be taken before it is used.
    pub fn store_for_turns(
        &self,
        ttl: Option<Duration>,
    ) -> Result<(Arc<dyn CheckpointStore>, Option<Lease>), BuildError> {
        Ok(match self.checkpoint {
            CheckpointConfig::File { path } if ttl.is_some() => {
                let store = FileStore::waiting(path)?;
                let lease = Lease::of_file(
                    store.clone(),
                    self.outside.clock,
                    Arc::clone(&self.outside.random),
                );
                (Arc::new(store), Some(lease))
            }
            CheckpointConfig::File { path } => (Arc::new(FileStore::open(path)?), None),
            CheckpointConfig::AwsS3 { bucket, key } => {
                self.in_bucket(AwsS3::new((**bucket).clone(), self.proxy.clone()), key, ttl)
            }
            CheckpointConfig::GcpCloudStorage { bucket, key } => {
                let bucket = GcpCloudStorage::new((**bucket).clone(), self.proxy.clone());
                self.in_bucket(bucket, key, ttl)
            }
            CheckpointConfig::Kafka(kept) => {
                let shared = self.shared.clone();
                let store = KafkaStore::new(shared.unwrap_or_else(|| transaction(kept, None)));
                (Arc::new(store), None)
            }
        })
    }

    fn in_bucket(
        &self,
        bucket: impl Bucket + 'static,
        key: &str,
        ttl: Option<Duration>,
    ) -> (Arc<dyn CheckpointStore>, Option<Lease>) {
        let Outside { clock, random, started, .. } = self.outside;
        let bucket: Arc<dyn Bucket> = Arc::new(bucket);
        let lease = ttl.map(|ttl| {
            let name = format!("{}/{}", telemetry::host(), std::process::id());
            let settings = LeaseSettings { ttl, name };
            Lease::of_object(Arc::clone(&bucket), key, settings, *clock, Arc::clone(random))
        });
        (Arc::new(BucketStore::new(bucket, key.to_owned(), random, *started)), lease)
    }
}

fn arc<S: Sink + 'static>(sink: S) -> Arc<dyn Sink> {
    Arc::new(sink)
}

/// The transaction that the checkpoint and sinks of this config share, if it is kept in Kafka. Its
/// producer is as the first sink on that cluster wants it; sinks that want another have
/// transactions of their own.
fn shared(config: &Config) -> Option<Arc<SharedTransaction>> {
    let CheckpointConfig::Kafka(kept) = &config.checkpoint else { return None };
    let mut connections = config.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::Kafka(settings) => Some(&settings.connection),
        _ => None,
    });
    let beside = connections.find(|connection| connection.same_cluster(&kept.connection));
    Some(transaction(kept, beside))
}

fn transaction(kept: &KafkaCheckpoint, beside: Option<&KafkaSettings>) -> Arc<SharedTransaction> {
    let KafkaCheckpoint { topic, key, connection } = kept;
    let register = RegisterSettings { topic: topic.clone(), key: key.clone() };
    let connection = beside.unwrap_or(connection).clone();
    let transactor = Transactor::new(connection, format!("{topic}-{key}"), register);
    Arc::new(SharedTransaction::new(transactor))
}
