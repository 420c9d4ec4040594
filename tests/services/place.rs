//! Where a collection goes: a bucket or topics of its own on a real server, the config that leads
//! there, and what is there in the end, as a consumer sees it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use zenstream::buckets::{AwsS3, AzureBlob, Bucket, GcpCloudStorage, Version};
use zenstream::config::{self, Environment, Format, SinkKind};
use zenstream::http_client::ProxySettings;

use crate::{proxy, server, unique};

/// What lies between the collector and the server, and who else may use the server meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Through {
    Nothing,
    /// Nobody else: the server is going to be stopped.
    Alone,
    /// A bad proxy, of this seed.
    BadProxy(u64),
}

/// One lock a server: a test that stops it waits for the others.
static LOCKS: [RwLock<()>; 4] =
    [RwLock::new(()), RwLock::new(()), RwLock::new(()), RwLock::new(())];

enum Guard {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

pub(crate) struct Place {
    service: &'static str,
    /// The bucket, container or beginning of topics.
    name: String,
    /// Where it is written to.
    endpoint: String,
    compression: &'static str,
    runtime: tokio::runtime::Runtime,
    _guard: Guard,
}

impl Place {
    /// A new one; none, with a line that says so, where the server does not run.
    pub(crate) fn open(service: &'static str, through: Through) -> Option<Self> {
        let (variable, lock) = match service {
            "s3" => ("ZENSTREAM_TEST_S3_ENDPOINT", &LOCKS[0]),
            "gcs" => ("ZENSTREAM_TEST_GCS_ENDPOINT", &LOCKS[1]),
            "azure" => ("ZENSTREAM_TEST_AZURE_ENDPOINT", &LOCKS[2]),
            _ => ("ZENSTREAM_TEST_KAFKA", &LOCKS[3]),
        };
        let direct = server(variable)?;
        let guard = match through {
            Through::Alone => Guard::Alone {
                _guard: lock.write().unwrap_or_else(std::sync::PoisonError::into_inner),
            },
            _ => Guard::Shared {
                _guard: lock.read().unwrap_or_else(std::sync::PoisonError::into_inner),
            },
        };
        let name = unique("kill");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        match service {
            "s3" => runtime.block_on(crate::aws_s3::make(&name)),
            "gcs" => runtime.block_on(crate::gcp_cloud_storage::make(&direct, &name)),
            "azure" => {
                let connection = server("ZENSTREAM_TEST_AZURE_CONNECTION_STRING")?;
                runtime.block_on(crate::azure_blob::make(&connection, &name));
            }
            _ => {}
        }
        let endpoint = match through {
            Through::BadProxy(seed) => {
                let (origin, path) = split(&direct);
                format!("{}{path}", proxy::before(origin, seed))
            }
            Through::Nothing | Through::Alone => direct,
        };
        let compression = if matches!(service, "gcs" | "kafka") { "zstd" } else { "gzip" };
        Some(Self { service, name, endpoint, compression, runtime, _guard: guard })
    }

    pub(crate) fn with_compression(self, compression: &'static str) -> Self {
        Self { compression, ..self }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.service, self.name)
    }

    /// The checkpoint and the sink of a config.
    pub(crate) fn config(&self) -> String {
        self.config_at(&self.endpoint, BATCHES)
    }

    fn config_at(&self, endpoint: &str, options: &str) -> String {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let (name, compression) = (&self.name, self.compression);
        let (connection, checkpoint, place) = match self.service {
            "s3" => (
                format!(
                    "bucket: {name}, endpoint: '{endpoint}', region: {}, auth: {{ access_key_id: {}, \
                     secret_access_key: {} }}",
                    variable("ZENSTREAM_TEST_S3_REGION"),
                    variable("ZENSTREAM_TEST_S3_ACCESS_KEY"),
                    variable("ZENSTREAM_TEST_S3_SECRET_KEY"),
                ),
                "type: aws_s3, key: state.json".to_owned(),
                "type: aws_s3, key_prefix: 'zendesk/{{ stream }}/%F/'".to_owned(),
            ),
            "gcs" => (
                format!("bucket: {name}, endpoint: '{endpoint}'"),
                "type: gcp_cloud_storage, key: state.json".to_owned(),
                "type: gcp_cloud_storage, key_prefix: 'zendesk/{{ stream }}/%F/'".to_owned(),
            ),
            "azure" => (
                String::new(),
                "type: file".to_owned(),
                format!(
                    "type: azure_blob, container_name: {name}, blob_prefix: \
                     'zendesk/{{{{ stream }}}}/%F/', connection_string: 'AccountName={};\
                     AccountKey={};BlobEndpoint={endpoint}'",
                    variable("ZENSTREAM_TEST_AZURE_ACCOUNT"),
                    variable("ZENSTREAM_TEST_AZURE_KEY"),
                ),
            ),
            _ => (
                format!("bootstrap_servers: '{endpoint}'"),
                format!("type: kafka, topic: {name}-state"),
                format!("type: kafka, topic: '{name}-{{{{ stream }}}}'"),
            ),
        };
        let comma = if connection.is_empty() { "" } else { ", " };
        format!(
            "checkpoint: {{ {checkpoint}{comma}{connection} }}\nsinks:\n  there: {{ {place}{comma}\
             {connection}, inputs: [acme], compression: {compression}, {options} }}\n"
        )
    }

    /// The same bucket, seen without anything in between; none for topics.
    fn bucket(&self) -> Option<Arc<dyn Bucket>> {
        let direct = match self.service {
            "s3" => server("ZENSTREAM_TEST_S3_ENDPOINT"),
            "gcs" => server("ZENSTREAM_TEST_GCS_ENDPOINT"),
            _ => server("ZENSTREAM_TEST_AZURE_ENDPOINT"),
        };
        let text = format!("{SOURCE}{}", self.config_at(&direct?, BATCHES));
        let config =
            config::parse(&text, Format::Yaml, "place.yaml", &Nobody).expect("a config of ours");
        let proxy = ProxySettings::default();
        Some(match &config.sinks[0].kind {
            SinkKind::AwsS3 { bucket, .. } => Arc::new(AwsS3::new(*bucket.clone(), proxy)),
            SinkKind::GcpCloudStorage { bucket, .. } => {
                Arc::new(GcpCloudStorage::new(bucket.clone(), proxy))
            }
            SinkKind::AzureBlob { container, .. } => {
                Arc::new(AzureBlob::new(container.clone(), &proxy).expect("a container"))
            }
            _ => return None,
        })
    }

    /// What is there of a stream, line by line, in the order of keys or offsets.
    pub(crate) fn lines(&self, stream: &str) -> Vec<String> {
        if self.service == "kafka" {
            return self.messages(stream);
        }
        let bucket = self.bucket().expect("a bucket");
        self.runtime.block_on(async {
            let mut lines = Vec::new();
            let prefix = format!("zendesk/{stream}/");
            for key in bucket.list(&prefix).await.expect("a listing") {
                let (info, body) = bucket.get(&key).await.expect("an answer").expect("an object");
                let text = unpacked(&key, &body);
                let count = info.metadata["zenstream-count"].parse::<usize>().expect("a count");
                assert_eq!(text.lines().count(), count, "{key}");
                lines.extend(text.lines().map(str::to_owned));
            }
            lines
        })
    }

    fn messages(&self, stream: &str) -> Vec<String> {
        let consumer = consumer("read_committed");
        let topic = format!("{}-{stream}", self.name);
        // A commit is answered before its marker stands in every topic. Until then the end of what
        // is committed is before the end of all.
        let end = |of: &BaseConsumer| {
            of.fetch_watermarks(&topic, 0, PATIENCE).expect("the topic's end").1
        };
        let all = end(&consumer_of_all());
        while end(&consumer) < all {
            crate::binary::pause(Duration::from_millis(100));
        }
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&topic, 0, Offset::Beginning).expect("a partition to read");
        consumer.assign(&assignment).expect("an assignment");
        let mut lines = Vec::new();
        loop {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let line = message.payload().expect("a message has a value");
                    lines.push(String::from_utf8(line.to_vec()).expect("a line is text"));
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return lines,
                Some(Err(error)) => panic!("{topic}: {error}"),
                None => panic!("{topic}: nothing came"),
            }
        }
    }

    /// What is there now, by key; panics where something that was there before is not there as it
    /// was. Messages cannot change, so for topics there is nothing to look at.
    pub(crate) fn assert_unchanged(
        &self,
        before: &BTreeMap<String, Version>,
    ) -> BTreeMap<String, Version> {
        if self.service == "kafka" {
            return BTreeMap::new();
        }
        let bucket = self.bucket().expect("a bucket");
        self.runtime.block_on(async {
            let mut now = BTreeMap::new();
            for key in bucket.list("zendesk/").await.expect("a listing") {
                let info = bucket.head(&key).await.expect("an answer").expect("an object");
                now.insert(key, info.version);
            }
            for (key, version) in before {
                assert_eq!(now.get(key), Some(version), "{key} has changed");
            }
            now
        })
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn consumer(isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", server("ZENSTREAM_TEST_KAFKA").expect("it runs"))
        .set("group.id", unique("reader"))
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer")
}

fn consumer_of_all() -> BaseConsumer {
    consumer("read_uncommitted")
}

/// Many small batches, so that there is much that can go wrong, and patience in test time.
const BATCHES: &str = "batch: { max_events: 500, timeout_secs: 0.05 }";

/// As little of a source as makes a sink's config whole.
const SOURCE: &str = "\
sources:
  acme:
    type: zendesk
    subdomain: acme
    auth: { strategy: bearer, token: any }
    streams: [audit_logs, tickets]
data_dir: state
";

/// No environment at all.
struct Nobody;

impl Environment for Nobody {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

fn split(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    url.split_at(end)
}

fn unpacked(key: &str, body: &[u8]) -> String {
    let mut text = String::new();
    match key.rsplit('.').next() {
        Some("gz") => {
            flate2::read::GzDecoder::new(body).read_to_string(&mut text).map(drop).expect("gzip");
        }
        Some("zz") => {
            flate2::read::ZlibDecoder::new(body).read_to_string(&mut text).map(drop).expect("zlib");
        }
        Some("zst") => {
            text = String::from_utf8(zstd::decode_all(body).expect("zstd")).expect("text");
        }
        _ => text = String::from_utf8(body.to_vec()).expect("text"),
    }
    text
}
