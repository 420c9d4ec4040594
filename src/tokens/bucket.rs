//! Tokens as one object in a bucket; the store itself compares and sets.
//!
//! Who may read the object may read the account: that is for the bucket's own rules to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::ExposeSecret as _;

use crate::buckets::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, Put, Version};
use crate::zendesk::{
    TokenRecord, TokenSave, TokenStore, TokenStoreError, TokenStoreErrorKind, TokenVersion,
};

/// Keeps tokens under one key.
#[derive(Debug)]
pub struct BucketTokens {
    bucket: Arc<dyn Bucket>,
    key: String,
}

impl BucketTokens {
    /// A store for the object `key`. Connects to nothing.
    pub fn new(bucket: Arc<dyn Bucket>, key: String) -> Self {
        Self { bucket, key }
    }

    fn failed(&self, doing: &str, error: BucketError) -> TokenStoreError {
        let BucketError { kind, message, hint } = error;
        let kind = match kind {
            BucketErrorKind::Retry => TokenStoreErrorKind::Retry,
            BucketErrorKind::Config => TokenStoreErrorKind::Config,
        };
        let message = format!("cannot {doing} the tokens in {}: {message}", self.location());
        TokenStoreError { kind, message, hint }
    }
}

#[async_trait]
impl TokenStore for BucketTokens {
    fn location(&self) -> String {
        format!("{}/{}", self.bucket.location(), self.key)
    }

    async fn load(&self) -> Result<Option<(TokenVersion, TokenRecord)>, TokenStoreError> {
        let found = self.bucket.get(&self.key).await.map_err(|error| self.failed("read", error))?;
        let Some((info, bytes)) = found else { return Ok(None) };
        let record = TokenRecord::decode(&bytes, &self.location())?;
        Ok(Some((TokenVersion(info.version.0), record)))
    }

    async fn save(
        &self,
        expected: Option<&TokenVersion>,
        next: &TokenRecord,
    ) -> Result<TokenSave, TokenStoreError> {
        let condition = match expected {
            Some(version) => Condition::Version(Version(version.0.clone())),
            None => Condition::Absent,
        };
        let object = NewObject {
            body: Bytes::from(next.encode().expose_secret().to_owned()),
            content_type: "application/json".to_owned(),
            content_encoding: None,
            metadata: BTreeMap::new(),
        };
        let put = self.bucket.put(&self.key, object, condition).await;
        match put.map_err(|error| self.failed("save", error))? {
            Put::Done(version) => Ok(TokenSave::Done(TokenVersion(version.0))),
            Put::Refused => Ok(TokenSave::Refused),
        }
    }
}
