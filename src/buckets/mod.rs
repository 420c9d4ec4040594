//! Object storage: bytes under keys, written once or compared and set.
//!
//! What S3, Google Cloud Storage and Azure Blob have in common, as far as a sink and a checkpoint
//! need it. It knows no event and no position, and does not retry: whoever asks does.

mod aws_s3;
mod azure_blob;
mod error;
mod gcp_cloud_storage;
mod memory;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

pub use aws_s3::{
    AwsAuth, AwsCredentials, AwsRole, AwsS3, AwsS3Settings, Checksums, ImdsSettings, PutOptions,
};
pub use azure_blob::{
    AzureBlob, AzureCredentials, AzureSettings, ConnectionString, ManagedIdentity,
};
pub use error::{BucketError, BucketErrorKind};
pub use gcp_cloud_storage::{GcpCloudStorage, GcpCredentials, GcsSettings};
pub use memory::MemoryBucket;

/// Which state of an object this is: an `ETag` or a generation. Equal ones mean equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its present version.
    pub version: Version,
    /// What was put beside it: names of lowercase letters and `-`.
    pub metadata: BTreeMap<String, String>,
}

/// An object that is to be put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewObject {
    /// The bytes as they will be stored.
    pub body: Bytes,
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// What is put beside it: names of lowercase letters and `-`, values of printable ASCII. S3
    /// takes 2 KB of it in all.
    pub metadata: BTreeMap<String, String>,
}

/// What must hold for a put to happen. The store itself looks, in one step with the put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no object under the key.
    Absent,
    /// The object under the key has this version.
    Version(Version),
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is durable, and has this version.
    Done(Version),
    /// The condition does not hold. After a try whose answer was lost, it may be that try which
    /// made it so.
    Refused,
}

/// A bucket or container.
#[async_trait]
pub trait Bucket: std::fmt::Debug + Send + Sync {
    /// The place, for messages, such as `s3://acme-zendesk`; without secrets.
    fn location(&self) -> String;

    /// Proves that the bucket is there and answers these credentials. Writes nothing.
    async fn check(&self) -> Result<(), BucketError>;

    /// What is under the key; `None` only where there certainly is nothing.
    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError>;

    /// What is under the key, with its bytes as stored; `None` only where there certainly is
    /// nothing.
    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError>;

    /// Puts an object, in one request.
    async fn put(
        &self,
        key: &str,
        object: NewObject,
        condition: Condition,
    ) -> Result<Put, BucketError>;

    /// The keys that begin with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError>;
}
