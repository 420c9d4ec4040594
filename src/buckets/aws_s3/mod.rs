//! Amazon S3, and stores that speak its protocol, through Amazon's own SDK.
//!
//! A store must honour `If-None-Match` and `If-Match` on PUT: that is what "written once" stands
//! on, and no answer shows that a store ignored them. Bodies are whole in memory, so that a
//! request is signed over them and needs no chunked form, which many stores refuse.

mod client;
mod error;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption, StorageClass};
use bytes::Bytes;
use tokio::sync::OnceCell;
use url::form_urlencoded::Serializer;

use super::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version};
use crate::http_client::ProxySettings;
use error::{Answer, Failure, Request};
pub use settings::{
    AwsAuth, AwsCredentials, AwsRole, AwsS3Settings, Checksums, ImdsSettings, PutOptions,
};

/// What must be granted to see whether an object is there.
const TO_READ: &str = "`s3:GetObject` on its objects, and `s3:ListBucket` on the bucket, without \
                       which a missing object is answered so, too";

const TO_LIST: &str = "`s3:ListBucket` on the bucket";

/// A bucket in S3.
#[derive(Debug)]
pub struct AwsS3 {
    settings: AwsS3Settings,
    proxy: ProxySettings,
    /// Made with the first request: to find the region and credentials takes requests of its own.
    client: OnceCell<Client>,
}

impl AwsS3 {
    /// A bucket. Connects to nothing.
    pub fn new(settings: AwsS3Settings, proxy: ProxySettings) -> Self {
        Self { settings, proxy, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&Client, BucketError> {
        let made =
            self.client.get_or_try_init(|| client::client(&self.settings, &self.proxy)).await;
        made.map_err(|error| BucketError {
            message: format!("{}: {}", self.location(), error.message),
            ..error
        })
    }

    fn failed(&self, failure: impl Into<Failure>, doing: &str, needed: &str) -> BucketError {
        let (place, credentials) = (self.location(), &self.settings.auth.source);
        failure.into().of(Request { place: &place, doing, needed, credentials })
    }

    /// Whether the bucket is there and may be listed, and if not, why.
    async fn look(&self, doing: &str) -> Result<(), BucketError> {
        let client = self.client().await?;
        let bucket = &self.settings.bucket;
        let Err(error) = client.head_bucket().bucket(bucket).send().await else { return Ok(()) };
        let head = Failure::from(error);
        if !matches!(head, Failure::Answered(_)) {
            return Err(self.failed(head, doing, TO_LIST));
        }
        // An answer to HEAD has no words. The same question as a GET has.
        let listed = client.list_objects_v2().bucket(bucket).max_keys(1).send().await;
        Err(self.failed(listed.err().map_or(head, Failure::from), doing, TO_LIST))
    }

    /// A 404 to a request for an object: whether it is the object that is missing.
    async fn missing(&self, answer: &Answer, doing: &str) -> Result<(), BucketError> {
        match answer.code.as_deref() {
            Some("NoSuchKey") => Ok(()),
            _ => self.look(doing).await,
        }
    }

    /// The rest of an answer, for which the SDK has no time limit.
    async fn body(&self, body: ByteStream, longest: Duration) -> Result<Bytes, BucketError> {
        let lost = |reason: &str| {
            let text = format!("{}: cannot read an object: {reason}", self.location());
            BucketError::new(BucketErrorKind::Retry, text)
        };
        let read = tokio::time::timeout(longest, body.collect()).await;
        let read = read.map_err(|_| lost("it did not come whole within the time limit"))?;
        Ok(read.map_err(|_| lost("it was cut off or damaged on the way"))?.into_bytes())
    }

    /// What must be granted for a put as the settings have it.
    fn to_put(&self) -> String {
        let options = &self.settings.options;
        let grants = [&options.grant_full_control, &options.grant_read, &options.grant_read_acp];
        let mut actions = vec!["`s3:PutObject`"];
        if options.acl.is_some()
            || options.grant_write_acp.is_some()
            || grants.iter().any(|grant| grant.is_some())
        {
            actions.push("`s3:PutObjectAcl`");
        }
        if !options.tags.is_empty() {
            actions.push("`s3:PutObjectTagging`");
        }
        let key = match options.ssekms_key_id {
            Some(_) => ", and `kms:GenerateDataKey` on the key",
            None => "",
        };
        format!("{} on its objects{key}", actions.join(", "))
    }
}

/// `request` with what the settings say of every object.
fn with_options(request: PutObjectFluentBuilder, options: &PutOptions) -> PutObjectFluentBuilder {
    let PutOptions { acl, server_side_encryption, storage_class, tags, .. } = options.clone();
    let tagging =
        (!tags.is_empty()).then(|| Serializer::new(String::new()).extend_pairs(tags).finish());
    request
        .set_acl(acl.as_deref().map(ObjectCannedAcl::from))
        .set_grant_full_control(options.grant_full_control.clone())
        .set_grant_read(options.grant_read.clone())
        .set_grant_read_acp(options.grant_read_acp.clone())
        .set_grant_write_acp(options.grant_write_acp.clone())
        .set_server_side_encryption(
            server_side_encryption.as_deref().map(ServerSideEncryption::from),
        )
        .set_ssekms_key_id(options.ssekms_key_id.clone())
        .set_storage_class(storage_class.as_deref().map(StorageClass::from))
        .set_tagging(tagging)
}

fn version(tag: Option<String>, place: &str) -> Result<Version, BucketError> {
    tag.map(Version).ok_or_else(|| {
        let text = format!("{place}: an answer has no `ETag`");
        BucketError::new(BucketErrorKind::Config, text)
            .with_hint("the store must tell versions of an object apart")
    })
}

#[async_trait]
impl Bucket for AwsS3 {
    fn location(&self) -> String {
        format!("s3://{}", self.settings.bucket)
    }

    async fn check(&self) -> Result<(), BucketError> {
        self.look("be reached").await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError> {
        let doing = "look for an object";
        let request = self.client().await?.head_object().bucket(&self.settings.bucket).key(key);
        let output = match request.send().await.map_err(Failure::from) {
            Ok(output) => output,
            Err(Failure::Answered(answer)) if answer.status == 404 => {
                return self.missing(&answer, doing).await.map(|()| None);
            }
            Err(failure) => {
                if matches!(&failure, Failure::Answered(answer) if answer.refused_without_words()) {
                    self.look(doing).await?;
                }
                return Err(self.failed(failure, doing, TO_READ));
            }
        };
        let version = version(output.e_tag, &self.location())?;
        let metadata = output.metadata.unwrap_or_default().into_iter().collect();
        Ok(Some(ObjectInfo { version, metadata }))
    }

    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError> {
        let doing = "read an object";
        let request = self.client().await?.get_object().bucket(&self.settings.bucket).key(key);
        let output = match request.send().await.map_err(Failure::from) {
            Ok(output) => output,
            Err(Failure::Answered(answer)) if answer.status == 404 && !answer.no_bucket() => {
                return self.missing(&answer, doing).await.map(|()| None);
            }
            Err(failure) => return Err(self.failed(failure, doing, TO_READ)),
        };
        let version = version(output.e_tag, &self.location())?;
        let metadata = output.metadata.unwrap_or_default().into_iter().collect();
        let bytes = self.body(output.body, self.settings.timeout).await?;
        Ok(Some((ObjectInfo { version, metadata }, bytes)))
    }

    async fn put(
        &self,
        key: &str,
        object: NewObject,
        condition: Condition,
    ) -> Result<Put, BucketError> {
        let request = self.client().await?.put_object().bucket(&self.settings.bucket).key(key);
        let request = with_options(request, &self.settings.options)
            .body(ByteStream::from(object.body))
            .set_content_type(Some(object.content_type).filter(|kind| !kind.is_empty()))
            .set_content_encoding(object.content_encoding)
            .set_metadata(Some(object.metadata.into_iter().collect()));
        let (request, replaces) = match condition {
            Condition::Absent => (request.if_none_match("*"), false),
            Condition::Version(Version(tag)) => (request.if_match(tag), true),
        };
        match request.send().await.map_err(Failure::from) {
            Ok(output) => Ok(Put::Done(version(output.e_tag, &self.location())?)),
            Err(Failure::Answered(answer)) if answer.status == 412 => Ok(Put::Refused),
            Err(Failure::Answered(answer))
                if replaces && answer.status == 404 && !answer.no_bucket() =>
            {
                // What was to be replaced is gone.
                Ok(Put::Refused)
            }
            Err(failure) => Err(self.failed(failure, "put an object", &self.to_put())),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let request = self.client().await?.list_objects_v2().bucket(&self.settings.bucket);
        let mut pages = request.prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed(error, "list objects", TO_LIST))?;
            keys.extend(
                page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key),
            );
        }
        Ok(keys)
    }
}
