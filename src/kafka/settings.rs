//! What may be said of a cluster, and how librdkafka is told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::KafkaError;
use crate::tls::TlsSettings;

/// What a producer does without being told.
const PRODUCER: &[(&str, &str)] = &[
    // The largest message that is tried at all. Whether a topic takes it, its brokers say.
    ("message.max.bytes", "33554432"),
    // After so long a topic that is not there is an error. A cluster that makes one is quicker.
    ("topic.metadata.propagation.max.ms", "10000"),
];

/// A transaction may stay open this much longer than its messages may take.
const COMMIT_GRACE: Duration = Duration::from_secs(1);

/// How a cluster is reached and written to.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `HOST:PORT`, several with commas between.
    pub bootstrap_servers: String,
    /// How we sign in; none: not at all.
    pub sasl: Option<SaslSettings>,
    /// Whether and how TLS is spoken.
    pub tls: TlsSettings,
    /// The longest that one request may take.
    pub socket_timeout: Duration,
    /// The longest that the messages of one transaction may take.
    pub message_timeout: Duration,
    /// How batches of messages are compressed.
    pub compression: Codec,
    /// librdkafka's own options, which go before the others.
    pub options: BTreeMap<String, String>,
}

/// How we sign in.
#[derive(Debug, Clone)]
pub enum SaslSettings {
    /// With a password.
    Password {
        /// How it is proved.
        mechanism: Mechanism,
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// With a token of an identity provider: `OAUTHBEARER`.
    Oauth(OauthSettings),
}

/// How a password is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// By showing it.
    Plain,
    /// `SCRAM-SHA-256`
    ScramSha256,
    /// `SCRAM-SHA-512`
    ScramSha512,
}

/// Where tokens come from: OAuth's client credentials.
#[derive(Debug, Clone)]
pub struct OauthSettings {
    /// The provider's token endpoint.
    pub token_endpoint: Url,
    /// Who we are there.
    pub client_id: String,
    /// The secret to that.
    pub client_secret: SecretString,
    /// Space separated; empty: what the provider gives.
    pub scopes: String,
}

/// How batches of messages are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// `gzip`
    Gzip,
    /// `lz4`
    Lz4,
    /// `snappy`
    Snappy,
    /// `zstd`
    Zstd,
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }
}

/// Options that say who the client is or what it promises: none of them may be given.
const OWN: &[(&str, &str)] = &[
    ("bootstrap.servers", "use `bootstrap_servers`"),
    ("metadata.broker.list", "use `bootstrap_servers`"),
    ("transactional.id", "use `transactional_id`"),
    ("message.timeout.ms", "use `message_timeout_ms`"),
    ("delivery.timeout.ms", "use `message_timeout_ms`"),
    ("transaction.timeout.ms", "use `message_timeout_ms`, which it follows"),
    ("socket.timeout.ms", "use `socket_timeout_ms`"),
    ("compression.type", "use `compression`"),
    ("compression.codec", "use `compression`"),
    ("sasl.username", "use `sasl.username`"),
    ("sasl.password", "use `sasl.password`"),
    ("sasl.mechanism", "use `sasl.mechanism`"),
    ("sasl.mechanisms", "use `sasl.mechanism`"),
    ("sasl.oauthbearer.client.secret", "use `sasl.oauth2`"),
    ("ssl.key.password", "use `tls.key_pass`"),
    ("isolation.level", "leave it out: it is for consumers"),
    ("group.id", "leave it out: it is for consumers"),
    ("enable.auto.commit", "leave it out: it is for consumers"),
    ("enable.partition.eof", "leave it out: it is for consumers"),
];

/// Options with the only values that keep events from being lost or doubled.
const KEPT: &[(&str, &[&str])] = &[
    ("enable.idempotence", &["true"]),
    ("acks", &["all", "-1"]),
    ("request.required.acks", &["all", "-1"]),
];

impl KafkaSettings {
    /// The cluster at these servers, without TLS or sign-in, and everything else as usual.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            sasl: None,
            tls: TlsSettings::default(),
            socket_timeout: Duration::from_secs(60),
            message_timeout: Duration::from_secs(60),
            compression: Codec::None,
            options: BTreeMap::new(),
        }
    }

    /// What is wrong with an option of librdkafka, and what to do instead.
    pub fn refusal(name: &str, value: &str) -> Option<(String, String)> {
        if let Some((_, instead)) = OWN.iter().find(|(own, _)| *own == name) {
            return Some((format!("`{name}` cannot be set here"), (*instead).to_owned()));
        }
        if name.starts_with("sasl.kerberos") || value.eq_ignore_ascii_case("GSSAPI") {
            let message = "Kerberos is not available in this version".to_owned();
            return Some((message, "use `sasl` with PLAIN, SCRAM or OAUTHBEARER".to_owned()));
        }
        let (_, values) = KEPT.iter().find(|(kept, _)| *kept == name)?;
        (!values.contains(&value)).then(|| {
            let message = format!("`{name}` must stay `{}`", values[0]);
            (message, "anything else could lose events or write them twice".to_owned())
        })
    }

    /// Whether librdkafka knows these options and takes their values. Connects to nothing.
    pub fn check(&self) -> Result<(), KafkaError> {
        match self.producer("check").create_native_config() {
            Ok(_) => Ok(()),
            Err(error) => Err(KafkaError::of("librdkafka refuses these options", &error)),
        }
    }

    /// Whether these are its servers, in whatever order.
    pub fn has_servers(&self, servers: &str) -> bool {
        let sorted = |text: &str| {
            let mut servers: Vec<String> =
                text.split(',').map(|server| server.trim().to_lowercase()).collect();
            servers.sort_unstable();
            servers
        };
        sorted(&self.bootstrap_servers) == sorted(servers)
    }

    /// Whether both are one cluster, where we are the same user.
    pub fn same_cluster(&self, other: &Self) -> bool {
        let access = |settings: &Self| Self { options: BTreeMap::new(), ..settings.clone() };
        let security = |settings: &Self| {
            let mut config = access(settings).base();
            config.remove("socket.timeout.ms").remove("bootstrap.servers");
            config
        };
        self.has_servers(&other.bootstrap_servers)
            && security(self).config_map() == security(other).config_map()
            && self.same_token(other)
    }

    /// Whether one producer serves both.
    pub fn same_producer(&self, other: &Self) -> bool {
        let (one, two) = (self.producer(""), other.producer(""));
        one.config_map() == two.config_map() && self.same_token(other)
    }

    fn same_token(&self, other: &Self) -> bool {
        let oauth = |settings: &Self| match &settings.sasl {
            Some(SaslSettings::Oauth(oauth)) => Some((
                oauth.token_endpoint.clone(),
                oauth.client_id.clone(),
                oauth.client_secret.expose_secret().to_owned(),
                oauth.scopes.clone(),
            )),
            _ => None,
        };
        oauth(self) == oauth(other)
    }

    /// For clients that only ask: no topic is made because of them.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("allow.auto.create.topics", "false");
        config
    }

    /// For reading a register, or whole topics.
    pub(super) fn consumer(&self, isolation: &str) -> ClientConfig {
        let mut config = self.client();
        config
            // Never joined: partitions are assigned by hand, but librdkafka wants a name.
            .set("group.id", "zenstream")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // What is deleted meanwhile is passed over.
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            // What is fetched ahead, in KiB; small messages take several times as much.
            .set("queued.max.messages.kbytes", "4096")
            // The end is told at once, not when it has waited for more.
            .set("fetch.wait.max.ms", "10")
            .set("isolation.level", isolation);
        config
    }

    /// For transactions.
    pub(super) fn producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.base();
        for (name, value) in PRODUCER {
            if config.get(name).is_none() {
                config.set(*name, *value);
            }
        }
        config
            .set("transactional.id", transactional_id)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", self.compression.name())
            .set("message.timeout.ms", millis(self.message_timeout))
            .set("transaction.timeout.ms", millis(self.transaction_timeout()));
        config
    }

    /// How long a transaction may stay open before the cluster aborts it.
    pub(super) fn transaction_timeout(&self) -> Duration {
        self.message_timeout.max(self.socket_timeout) + COMMIT_GRACE
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", "zenstream")
            // Without it our OpenSSL would look for certificates where no system has them.
            .set("ssl.ca.location", "probe")
            .set("socket.timeout.ms", millis(self.socket_timeout));
        self.set_security(&mut config);
        for (name, value) in &self.options {
            config.set(name, value);
        }
        config
    }

    fn set_security(&self, config: &mut ClientConfig) {
        let tls = &self.tls;
        let protocol = match (self.sasl.is_some(), tls.enabled.unwrap_or(false)) {
            (false, false) => "plaintext",
            (false, true) => "ssl",
            (true, false) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        let files = [
            ("ssl.ca.location", &tls.ca_file),
            ("ssl.certificate.location", &tls.crt_file),
            ("ssl.key.location", &tls.key_file),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                config.set(name, file.display().to_string());
            }
        }
        if let Some(pass) = &tls.key_pass {
            config.set("ssl.key.password", pass.expose_secret());
        }
        if tls.verify_certificate == Some(false) {
            config.set("enable.ssl.certificate.verification", "false");
        }
        if tls.verify_hostname == Some(false) || tls.verify_certificate == Some(false) {
            config.set("ssl.endpoint.identification.algorithm", "none");
        }
        match &self.sasl {
            Some(SaslSettings::Password { mechanism, username, password }) => {
                config
                    .set("sasl.mechanism", mechanism.name())
                    .set("sasl.username", username)
                    .set("sasl.password", password.expose_secret());
            }
            Some(SaslSettings::Oauth(_)) => {
                config.set("sasl.mechanism", "OAUTHBEARER");
            }
            None => {}
        }
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

impl fmt::Debug for KafkaSettings {
    /// Without the values of options, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("sasl", &self.sasl)
            .field("tls", &self.tls)
            .field("socket_timeout", &self.socket_timeout)
            .field("message_timeout", &self.message_timeout)
            .field("compression", &self.compression)
            .field("options", &self.options.keys())
            .finish()
    }
}
