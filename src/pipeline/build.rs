//! From a config to a pipeline.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::connect::Connector;
use super::plan::{DeliverySettings, SinkPlan, SourcePlan};
use super::topology::Pipeline;
use crate::alerts::Post;
use crate::buckets::{AwsS3, GcpCloudStorage};
use crate::checkpoint::StoreError;
use crate::clock::Clock;
use crate::config::{
    AuthConfig, Config, ProxySettings, Since, SourceConfig, StreamConfig, TokenStoreConfig,
};
use crate::random::Random;
use crate::sinks::{Compression, Encoder, File, FileSettings, SinkError};
use crate::streams::{History, StreamSettings};
use crate::tokens::{BucketTokens, FileTokens};
use crate::zendesk::transport::Transport;
use crate::zendesk::{
    Client, ClientSettings, Credentials, Network, NetworkError, OauthClient, RotatingCredentials,
    TokenStore,
};

/// A longer page, decompressed, is refused. A page of a thousand large tickets is about 10 MB.
const BODY_BYTES_MAX: usize = 256 << 20;

/// The name of the sink that keeps what no configured sink takes. No name in a config has a dot.
pub const KEPT: &str = "data_dir.rejected";

/// What a config cannot say: the parts of the outside world.
#[derive(Debug)]
pub struct Outside {
    /// The clock.
    pub clock: Clock,
    /// Seeds every random delay.
    pub random: Arc<Random>,
    /// The transport; none: the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// When the process began; of two that write to one checkpoint, the later one has to go.
    pub started: Timestamp,
    /// Whether streams are followed beyond their present end.
    pub follow: bool,
}

/// A config that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The checkpoint store.
    #[error("{0}")]
    Checkpoint(#[from] StoreError),
    /// The network.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// What posts alerts.
    #[error("alerts: cannot set up the HTTP client: {0}")]
    Alerts(String),
    /// A sink, by name.
    #[error("sink `{0}`: {1}")]
    Sink(String, SinkError),
}

/// Builds what the config describes. Connects to nothing; locks the checkpoint, unless it has a lease,
/// which the run takes.
pub fn build(config: &Config, outside: &Outside) -> Result<Pipeline, BuildError> {
    let mut sources = Vec::new();
    for source in &config.sources {
        let client = Arc::new(client(source, &config.proxy, outside)?);
        let streams = stream_settings(source, outside);
        sources.push(SourcePlan { name: source.name.clone(), client, streams });
    }
    let connector = Connector::new(config, outside);
    let mut sinks = Vec::new();
    for sink_config in &config.sinks {
        sinks.push(SinkPlan {
            name: sink_config.name.clone(),
            inputs: sink_config.inputs.clone(),
            acknowledged: sink_config.acknowledgements,
            healthcheck: sink_config.healthcheck,
            delivery: sink_config.delivery,
            sink: connector.sink(sink_config)?,
        });
    }
    let by_sinks = config.sinks.iter().map(|sink| &sink.inputs);
    let by_steps = config.transforms.iter().map(|step| &step.inputs);
    let inputs: Vec<&Vec<String>> = by_sinks.chain(by_steps).collect();
    let taken = |output: &String| inputs.iter().any(|inputs| inputs.contains(output));
    let of_sources = config.sources.iter().map(|source| &source.name);
    let of_webhooks = config.webhooks.iter().map(|webhook| &webhook.source);
    let of_sources = of_sources.chain(of_webhooks);
    let refusers = of_sources.chain(config.sinks.iter().map(|sink| &sink.name));
    let rejected = refusers.map(|name| format!("{name}.rejected"));
    let untaken: Vec<String> = rejected.filter(|output| !taken(output)).collect();
    if !untaken.is_empty() {
        sinks.push(rejected_file(&config.data_dir, untaken)?);
    }
    let (store, lease) = connector.store_for_turns(config.lease)?;
    let random = Arc::clone(&outside.random);
    let pipeline = Pipeline::new(sources, sinks, store, outside.clock, random);
    let mut pipeline = pipeline.with_lease(lease);
    let types = config.sinks.iter().map(|sink| (sink.name.clone(), sink.kind.name()));
    pipeline.sink_types = types.collect();
    if let Some(alerts) = config.alerts.clone() {
        let post = Post::new(alerts, &config.proxy).map_err(BuildError::Alerts)?;
        pipeline.alerts = Some(post);
    }
    let pipeline = pipeline.with_transforms(config.transforms.clone());
    let pipeline = pipeline.with_webhooks(config.webhooks.clone());
    Ok(pipeline.with_internal(config.internal.clone()))
}

/// The sink that keeps rejected records where no configured sink takes them: one file a source
/// under `rejected/` in the data directory.
pub fn rejected_file(data_dir: &Path, inputs: Vec<String>) -> Result<SinkPlan, BuildError> {
    let settings = FileSettings {
        path: "rejected/{{ source }}.ndjson".to_owned(),
        base_dir: Some(data_dir.to_owned()),
        compression: Compression::None,
        idle_timeout: Duration::from_secs(30),
    };
    let refuse = |error| BuildError::Sink(KEPT.to_owned(), error);
    Ok(SinkPlan {
        name: KEPT.to_owned(),
        inputs,
        acknowledged: true,
        // It is made when the first record is rejected.
        healthcheck: false,
        delivery: DeliverySettings::STREAMING,
        sink: Arc::new(File::new(settings, Encoder::default()).map_err(refuse)?),
    })
}

/// Talks to the account that a part of the config describes.
pub fn client(
    source: &SourceConfig,
    proxy: &ProxySettings,
    outside: &Outside,
) -> Result<Client, BuildError> {
    let transport: Arc<dyn Transport> = match &outside.transport {
        Some(transport) => Arc::clone(transport),
        None => Arc::new(Network::new(proxy, source.request.timeout)?),
    };
    let settings = ClientSettings {
        endpoint: source.endpoint.clone(),
        timeout: source.request.timeout,
        retry_attempts: source.request.retry_attempts,
        share: source.request.share,
        max_body_bytes: BODY_BYTES_MAX,
    };
    let credentials = credentials(&source.auth, proxy);
    Ok(Client::new(settings, credentials, transport, outside.clock, Arc::clone(&outside.random)))
}

fn credentials(auth: &AuthConfig, proxy: &ProxySettings) -> Credentials {
    match auth.clone() {
        AuthConfig::OauthClientCredentials { client_id, client_secret, scope } => {
            Credentials::ClientCredentials { client_id, client_secret, scope }
        }
        AuthConfig::OauthRefreshToken { client_id, client_secret, refresh_token, scope, store } => {
            Credentials::RefreshToken(RotatingCredentials {
                client: OauthClient { client_id, client_secret, scope },
                seed: refresh_token,
                store: token_store(&store, proxy),
            })
        }
        AuthConfig::Bearer { token } => Credentials::Bearer(token),
        AuthConfig::ApiToken { email, token } => Credentials::ApiToken { email, token },
        AuthConfig::Basic { user, password } => Credentials::Password { user, password },
    }
}

/// Where rotating tokens are kept. Connects to nothing.
pub fn token_store(config: &TokenStoreConfig, proxy: &ProxySettings) -> Arc<dyn TokenStore> {
    match config {
        TokenStoreConfig::File { path } => Arc::new(FileTokens::new(path.clone())),
        TokenStoreConfig::AwsS3 { bucket, key } => {
            let bucket = AwsS3::new((**bucket).clone(), proxy.clone());
            Arc::new(BucketTokens::new(Arc::new(bucket), key.clone()))
        }
        TokenStoreConfig::GcpCloudStorage { bucket, key } => {
            let bucket = GcpCloudStorage::new((**bucket).clone(), proxy.clone());
            Arc::new(BucketTokens::new(Arc::new(bucket), key.clone()))
        }
    }
}

/// How each stream of a source is read, and after how long without an event an alert is raised.
pub fn stream_settings(
    source: &SourceConfig,
    outside: &Outside,
) -> Vec<(StreamSettings, Option<Duration>)> {
    let now = outside.clock.now();
    let settings = |stream: &StreamConfig| StreamSettings {
        spec: stream.spec,
        source: source.name.clone(),
        subdomain: source.subdomain.clone(),
        since: stream.since.resolve(now),
        until: None,
        follow: outside.follow,
        poll_interval: stream.poll_interval,
        lag: stream.lag,
        overlap: stream.overlap,
        filter: stream.filter.clone(),
        include: stream.include.clone(),
        exclude_deleted: stream.exclude_deleted,
        report_removed: stream.report_removed,
        reread: stream.reread,
        max_record_bytes: stream.max_record_bytes,
        emit: stream.emit,
        // Who follows wants the present soonest; who reads once, all of it in order.
        history: if outside.follow { History::InSlices } else { History::InOrder },
    };
    source.streams.iter().map(|stream| (settings(stream), stream.silence_alert)).collect()
}

impl Since {
    /// The time that is meant.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Beginning => Timestamp::UNIX_EPOCH,
            Self::Ago(ago) => SignedDuration::try_from(ago)
                .ok()
                .and_then(|ago| now.checked_sub(ago).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}
