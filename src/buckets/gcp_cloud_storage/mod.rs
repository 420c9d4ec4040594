//! Google Cloud Storage.
//!
//! What is in objects goes through Google's own client, which checks the CRC32C of every byte. Its
//! calls for what is beside objects speak gRPC alone, which neither emulators nor proxies take, so
//! `metadata` asks for that in JSON, with the same credentials. Nothing here knows what the
//! objects are for.

mod credentials;
mod fault;
mod metadata;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::NeverResume;
use tokio::sync::OnceCell;
use url::Url;

use super::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version};
use crate::http_client::ProxySettings;
pub use credentials::GcpCredentials;
use fault::Fault;
use metadata::Metadata;

/// Where Google answers.
const ENDPOINT: &str = "https://storage.googleapis.com/";

/// A bucket, and what is said of every object put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcsSettings {
    /// Its name.
    pub bucket: String,
    /// Who answers instead of Google: an emulator, a private endpoint.
    pub endpoint: Option<Url>,
    /// Who we are.
    pub credentials: GcpCredentials,
    /// Who may do what with the objects, as the JSON API names it: `projectPrivate`.
    pub acl: Option<String>,
    /// `NEARLINE`; none: the bucket's own.
    pub storage_class: Option<String>,
    /// How long readers may keep the objects, as HTTP's `Cache-Control` says it.
    pub cache_control: Option<String>,
    /// Put beside every object, with what the object has of its own.
    pub metadata: BTreeMap<String, String>,
    /// The longest that one request may take, from signing in to the last byte.
    pub timeout: Duration,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug)]
pub struct GcpCloudStorage {
    settings: GcsSettings,
    proxy: ProxySettings,
    connected: OnceCell<Connected>,
}

#[derive(Debug)]
struct Connected {
    storage: Storage,
    metadata: Metadata,
}

impl GcpCloudStorage {
    /// The bucket that is meant. Reads no credentials and connects to nothing yet.
    ///
    /// Google's own library takes proxies from the environment alone: `proxy` must say the same.
    pub fn new(settings: GcsSettings, proxy: ProxySettings) -> Self {
        Self { settings, proxy, connected: OnceCell::new() }
    }

    async fn connected(&self) -> Result<&Connected, Fault> {
        self.connected.get_or_try_init(|| Connected::new(&self.settings, &self.proxy)).await
    }

    /// `doing` within the time that a request has; what goes wrong is said of `what`.
    async fn within<T>(
        &self,
        what: &str,
        doing: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, BucketError> {
        let timeout = self.settings.timeout;
        let done = match tokio::time::timeout(timeout, doing).await {
            Ok(done) => done,
            Err(_) => Err(Fault::Lost(format!("no answer within {} s", timeout.as_secs_f64()))),
        };
        done.map_err(|fault| fault.about(what, &self.settings.bucket))
    }

    fn place(&self, key: &str) -> String {
        format!("gs://{}/{key}", self.settings.bucket)
    }

    async fn read(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, Fault> {
        let connected = self.connected().await?;
        let request = connected.storage.read_object(resource(&self.settings.bucket), key);
        let mut answer = match request.send().await.map_err(Fault::from) {
            Err(fault) if fault.is_absence() => return Ok(None),
            answer => answer?,
        };
        let found = answer.object();
        let info = ObjectInfo {
            version: Version(found.generation.to_string()),
            metadata: found.metadata.into_iter().collect(),
        };
        let mut body = BytesMut::new();
        while let Some(part) = answer.next().await.transpose()? {
            body.extend_from_slice(&part);
        }
        Ok(Some((info, body.freeze())))
    }

    async fn write(&self, key: &str, object: NewObject, generation: i64) -> Result<Put, Fault> {
        let connected = self.connected().await?;
        let NewObject { body, content_type, content_encoding, metadata } = object;
        let bucket = resource(&self.settings.bucket);
        let mut request = connected
            .storage
            .write_object(bucket, key, body)
            .set_if_generation_match(generation)
            .set_content_type(content_type)
            .set_metadata(self.settings.metadata.clone().into_iter().chain(metadata));
        if let Some(encoding) = content_encoding {
            request = request.set_content_encoding(encoding);
        }
        if let Some(acl) = &self.settings.acl {
            request = request.set_predefined_acl(acl);
        }
        if let Some(class) = &self.settings.storage_class {
            request = request.set_storage_class(class);
        }
        if let Some(cache_control) = &self.settings.cache_control {
            request = request.set_cache_control(cache_control);
        }
        match request.send_buffered().await.map_err(Fault::from) {
            Ok(written) if written.generation > 0 => {
                Ok(Put::Done(Version(written.generation.to_string())))
            }
            Ok(_) => Err(Fault::Lost("the answer names no generation".to_owned())),
            Err(fault) if fault.is_refused_condition() => Ok(Put::Refused),
            Err(fault) => Err(fault),
        }
    }

    /// Nothing is under a key only where there is a bucket that it could be in: the same answer
    /// is given for both.
    async fn absent<T>(&self) -> Result<Option<T>, BucketError> {
        self.check().await?;
        Ok(None)
    }
}

/// The bucket as Google's client wants it named.
fn resource(bucket: &str) -> String {
    format!("projects/_/buckets/{bucket}")
}

impl Connected {
    async fn new(settings: &GcsSettings, proxy: &ProxySettings) -> Result<Self, Fault> {
        let credentials = settings.credentials.load().await?;
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(ENDPOINT).map_err(|error| Fault::Unusable(error.to_string()))?,
        };
        let storage = Storage::builder()
            .with_endpoint(endpoint.as_str())
            .with_credentials(credentials.clone())
            // Whoever asks tries again, and no upload is one of several requests.
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(NeverResume)
            .with_resumable_upload_threshold(usize::MAX)
            .build()
            .await
            .map_err(|error| Fault::Unusable(error.to_string()))?;
        let metadata = Metadata::new(endpoint, settings.bucket.clone(), credentials, proxy)?;
        Ok(Self { storage, metadata })
    }
}

#[async_trait]
impl Bucket for GcpCloudStorage {
    fn location(&self) -> String {
        format!("gs://{}", self.settings.bucket)
    }

    /// Lists at most one object. What may only write cannot ask for the bucket itself
    /// (`storage.buckets.get`); and without `storage.objects.list`, an object that is absent is
    /// answered like one that may not be seen, so that no put could ever be found out about.
    async fn check(&self) -> Result<(), BucketError> {
        let asked =
            self.within("cannot list", async { self.connected().await?.metadata.any().await });
        asked.await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError> {
        let what = format!("cannot look at {}", self.place(key));
        let asked = async { self.connected().await?.metadata.object(key).await };
        match self.within(&what, asked).await? {
            Some(info) => Ok(Some(info)),
            None => self.absent().await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError> {
        let what = format!("cannot read {}", self.place(key));
        match self.within(&what, self.read(key)).await? {
            Some(found) => Ok(Some(found)),
            None => self.absent().await,
        }
    }

    async fn put(
        &self,
        key: &str,
        object: NewObject,
        condition: Condition,
    ) -> Result<Put, BucketError> {
        let what = format!("cannot put {}", self.place(key));
        let generation = match condition {
            Condition::Absent => 0,
            Condition::Version(Version(version)) => match version.parse() {
                // Generation 0 means that there is nothing.
                Ok(generation) if generation > 0 => generation,
                _ => {
                    let text = format!("{what}: `{version}` is not a generation");
                    return Err(BucketError::new(BucketErrorKind::Config, text));
                }
            },
        };
        self.within(&what, self.write(key, object, generation)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let what = format!("cannot list {}", self.place(prefix));
        let (mut keys, mut next) = (Vec::new(), None);
        loop {
            let asked =
                async { self.connected().await?.metadata.page(prefix, next.as_deref()).await };
            let page = self.within(&what, asked).await?;
            keys.extend(page.keys);
            next = match page.next {
                Some(next) => Some(next),
                None => return Ok(keys),
            };
        }
    }
}
