//! What was written, and what is meant.
//!
//! [`load()`] reads config files into the types here, in which every default is filled in, every
//! name is resolved and every value checked. The rest of the program sees only these. Nothing
//! here connects to anything.

mod alerts;
mod auth;
mod aws;
mod document;
mod endpoint;
mod environment;
mod expand;
mod gcp;
mod generate;
mod hidden;
mod inputs;
mod internal;
mod kafka;
mod load;
mod meaning;
mod node;
mod place;
mod placeholder;
mod problem;
mod read;
mod schema;
mod secret;
mod sign_in;
mod since;
mod sink;
mod source;
mod streams;
mod syntax;
#[cfg(test)]
mod tests;
mod tokens;
mod transform;
mod unavailable;
mod webhook;
mod written;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use crate::streams::StreamSpec;

pub use crate::http_client::ProxySettings;

pub use endpoint::{Account, parse_endpoint, parse_subdomain};
pub use environment::{Environment, ProcessEnvironment, default_data_dir};
pub use generate::generate;
pub use load::{Trials, load, load_trials, parse};
pub use place::bucket_sink;
pub use problem::{ConfigError, Problem};
pub use schema::schema;
pub use sign_in::SignIn;
pub use since::{SinceError, parse_since};
pub use syntax::Format;
pub use tokens::file as token_file;

/// A config that can be run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where state is kept; `checkpoint.json`, `rejected/` and the lock are in it.
    pub data_dir: PathBuf,
    /// Where positions are kept.
    pub checkpoint: CheckpointConfig,
    /// For how long a process that does not renew it has the right to run on the checkpoint; none: there
    /// is no lease, and no standby.
    pub lease: Option<Duration>,
    /// In the order of their names.
    pub sources: Vec<SourceConfig>,
    /// Sources that are sent to, in the order of their names.
    pub webhooks: Vec<crate::webhook::WebhookSettings>,
    /// Sources in which the program tells about itself, in the order of their names.
    pub internal: Vec<crate::internal::InternalSettings>,
    /// In the order of their names, globs of inputs resolved as those of sinks.
    pub transforms: Vec<crate::transform::Step>,
    /// In the order of their names.
    pub sinks: Vec<SinkConfig>,
    /// The proxies that requests go through.
    pub proxy: ProxySettings,
    /// Of each stream, at most this many pages a run, which then ends; none: no such end.
    pub max_pages: Option<NonZeroU64>,
    /// Where the api listens; none: nowhere.
    pub api: Option<SocketAddr>,
    /// Where alerts are posted to; none: nowhere.
    pub alerts: Option<crate::alerts::AlertSettings>,
    /// What can be run, and may not be what is wanted.
    pub warnings: Vec<Problem>,
}

/// Where positions are kept.
#[derive(Debug, Clone)]
pub enum CheckpointConfig {
    /// One file; by default `checkpoint.json` in the data directory.
    File {
        /// The file.
        path: PathBuf,
    },
    /// One object in S3.
    AwsS3 {
        /// The bucket it is in.
        bucket: Box<crate::buckets::AwsS3Settings>,
        /// Its key there.
        key: String,
    },
    /// One object in Google Cloud Storage.
    GcpCloudStorage {
        /// The bucket it is in.
        bucket: Box<crate::buckets::GcsSettings>,
        /// Its name there.
        key: String,
    },
    /// A key of a compacted topic.
    Kafka(Box<KafkaCheckpoint>),
}

/// A checkpoint kept in Kafka.
#[derive(Debug, Clone)]
pub struct KafkaCheckpoint {
    /// The compacted topic; made if it is not there.
    pub topic: String,
    /// The key, and with the topic the transactional id: who uses it shuts out everybody else
    /// who does.
    pub key: String,
    /// The cluster.
    pub connection: crate::kafka::KafkaSettings,
}

impl fmt::Display for CheckpointConfig {
    /// The place, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "{}", path.display()),
            Self::AwsS3 { bucket, key } => write!(f, "s3://{}/{key}", bucket.bucket),
            Self::GcpCloudStorage { bucket, key } => write!(f, "gs://{}/{key}", bucket.bucket),
            Self::Kafka(kept) => {
                write!(
                    f,
                    "kafka://{}/{}/{}",
                    kept.connection.bootstrap_servers, kept.topic, kept.key
                )
            }
        }
    }
}

/// One Zendesk account.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name in the config.
    pub name: String,
    /// `https://acme.zendesk.com`, without a path.
    pub endpoint: Url,
    /// `acme`; for an endpoint of another form its host.
    pub subdomain: String,
    /// How to sign in.
    pub auth: AuthConfig,
    /// What to read, in the catalogue's order.
    pub streams: Vec<StreamConfig>,
    /// How requests are made.
    pub request: RequestConfig,
}

/// One stream of an account, with its options.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// Its row in the catalogue.
    pub spec: &'static StreamSpec,
    /// Where it starts without a checkpoint.
    pub since: Since,
    /// How long to wait at its end before looking again.
    pub poll_interval: Duration,
    /// Nothing younger is asked for: records show up in the API after their time.
    pub lag: Duration,
    /// How far back each reading looks again for records that showed up late.
    pub overlap: Duration,
    /// Equality filters: the field and the values any of which match.
    pub filter: Vec<(String, Vec<String>)>,
    /// Sideloads asked for with `include=`.
    pub include: Vec<String>,
    /// Leave deleted records out.
    pub exclude_deleted: bool,
    /// Tell what is no longer in a list that is read as a whole.
    pub report_removed: bool,
    /// How old a record may be whose changes are still looked for, where a list may filter by when
    /// its records were made; zero: they are not.
    pub reread: Duration,
    /// A longer record is rejected.
    pub max_record_bytes: usize,
    /// What goes to the sinks.
    pub emit: crate::streams::Emit,
    /// Raise an alert when no event came for this long.
    pub silence_alert: Option<Duration>,
}

/// Where a stream without a checkpoint starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This long before now.
    Ago(Duration),
    /// At this time.
    At(Timestamp),
    /// With the first record there is.
    Beginning,
}

/// How to sign in.
#[derive(Debug, Clone)]
pub enum AuthConfig {
    /// OAuth for programs: no person, no refresh token to lose.
    OauthClientCredentials {
        /// The client's unique identifier.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// Scopes, space separated.
        scope: String,
    },
    /// OAuth for a person who consented once, in `zenstream login` or elsewhere.
    OauthRefreshToken {
        /// The client's unique identifier.
        client_id: String,
        /// Its secret; a public client has none.
        client_secret: Option<SecretString>,
        /// The token to begin with, if not that of a login.
        refresh_token: Option<SecretString>,
        /// Scopes, space separated.
        scope: String,
        /// Where the pair of tokens is kept.
        store: TokenStoreConfig,
    },
    /// A ready access token.
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// A user's API token.
    ApiToken {
        /// The user.
        email: String,
        /// The token.
        token: SecretString,
    },
    /// A user's password; Zendesk removed this in January 2026.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// Where rotating tokens are kept.
#[derive(Debug, Clone)]
pub enum TokenStoreConfig {
    /// One file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// One object in S3.
    AwsS3 {
        /// The bucket it is in.
        bucket: Box<crate::buckets::AwsS3Settings>,
        /// Its key there.
        key: String,
    },
    /// One object in Google Cloud Storage.
    GcpCloudStorage {
        /// The bucket it is in.
        bucket: Box<crate::buckets::GcsSettings>,
        /// Its name there.
        key: String,
    },
}

/// How requests are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestConfig {
    /// The longest a whole answer may take.
    pub timeout: Duration,
    /// How often a failed request is tried again. Waiting for the rate limit does not count.
    pub retry_attempts: u32,
    /// The part of the account's rate budget that may be used, above 0 and up to 1.
    pub share: f64,
}

/// One destination.
#[derive(Debug, Clone)]
pub struct SinkConfig {
    /// Its name in the config.
    pub name: String,
    /// The outputs it takes, globs resolved, sorted, each once: `acme.audit_logs`,
    /// `acme.rejected`, those of transforms. The name of a source or a glob means records; what was rejected is taken
    /// only by an input that itself ends in `rejected`.
    pub inputs: Vec<String>,
    /// Whether positions wait for it.
    pub acknowledgements: bool,
    /// Whether it is checked at start.
    pub healthcheck: bool,
    /// How events become bytes.
    pub encoder: crate::sinks::EncoderSettings,
    /// How events are handed to it.
    pub delivery: crate::pipeline::DeliverySettings,
    /// What it is.
    pub kind: SinkKind,
}

/// What a destination is.
#[derive(Debug, Clone)]
pub enum SinkKind {
    /// Standard output or standard error.
    Console {
        /// Which of the two.
        target: crate::sinks::Target,
    },
    /// Files, appended to.
    File(crate::sinks::FileSettings),
    /// Objects in S3.
    AwsS3 {
        /// Where they go.
        bucket: Box<crate::buckets::AwsS3Settings>,
        /// What they are called and how they are packed.
        object: crate::sinks::ObjectSettings,
    },
    /// Objects in Google Cloud Storage.
    GcpCloudStorage {
        /// Where they go.
        bucket: crate::buckets::GcsSettings,
        /// What they are called and how they are packed.
        object: crate::sinks::ObjectSettings,
    },
    /// Blobs in Azure.
    AzureBlob {
        /// Where they go.
        container: crate::buckets::AzureSettings,
        /// What they are called and how they are packed.
        object: crate::sinks::ObjectSettings,
    },
    /// Topics of a Kafka cluster.
    Kafka(Box<crate::sinks::KafkaSinkSettings>),
    /// Requests to an endpoint.
    Http(Box<crate::sinks::HttpSettings>),
    /// Another Vector.
    Vector(crate::sinks::VectorSettings),
}

impl SinkKind {
    /// The `type` of such a sink in a config.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Console { .. } => "console",
            Self::File(_) => "file",
            Self::AwsS3 { .. } => "aws_s3",
            Self::GcpCloudStorage { .. } => "gcp_cloud_storage",
            Self::AzureBlob { .. } => "azure_blob",
            Self::Kafka(_) => "kafka",
            Self::Http(_) => "http",
            Self::Vector(_) => "vector",
        }
    }
}
