//! Azure Blob Storage.
//!
//! Block blobs, each put in one request. Nothing here knows what the blobs are for.

mod connection_string;
mod fault;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, GetResult, ObjectStore as _, PutMode,
    PutOptions, RetryConfig, TagSet, UpdateVersion,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Bucket, BucketError, BucketErrorKind, Condition, NewObject, ObjectInfo, Put, Version};
use crate::http_client::{self, ProxySettings};
pub use connection_string::ConnectionString;
use fault::Fault;

/// A container, and what is said of every blob put there.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    /// Its name.
    pub container: String,
    /// The storage account's name.
    pub account: String,
    /// Who answers for the account; none: `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Option<Url>,
    /// Who we are.
    pub credentials: AzureCredentials,
    /// Put beside every blob, with what the blob has of its own. The names are words of letters,
    /// digits and `_`.
    pub metadata: BTreeMap<String, String>,
    /// What every blob can be found by.
    pub tags: BTreeMap<String, String>,
    /// The longest that one request may take.
    pub timeout: Duration,
}

/// Who we are to Azure.
#[derive(Debug, Clone)]
pub enum AzureCredentials {
    /// The storage account's key, in Base64.
    AccessKey(SecretString),
    /// A shared access signature, as a query: `sv=…&sig=…`.
    Sas(SecretString),
    /// An application with a secret.
    ClientSecret {
        /// Its directory.
        tenant_id: String,
        /// The application.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
    },
    /// The identity that Azure gives this machine.
    ManagedIdentity(ManagedIdentity),
    /// The identity of a Kubernetes service account. What is not given is what the environment
    /// says in `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// Its directory.
        tenant_id: Option<String>,
        /// The application.
        client_id: Option<String>,
        /// Where Kubernetes keeps the token.
        token_file: Option<PathBuf>,
    },
    /// Whoever ran `az login`.
    AzureCli,
}

/// Which of a machine's identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedIdentity {
    /// The machine's own.
    System,
    /// The one with this client id.
    ClientId(String),
    /// The one with this object id.
    ObjectId(String),
    /// The one with this resource id.
    ResourceId(String),
}

/// A container of Azure Blob Storage.
pub struct AzureBlob {
    settings: AzureSettings,
    store: MicrosoftAzure,
}

impl fmt::Debug for AzureBlob {
    /// Without the library's part, which shows keys and signatures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureBlob").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl AzureBlob {
    /// The container that is meant. Connects to nothing; fails where the credentials cannot be
    /// used.
    pub fn new(settings: AzureSettings, proxy: &ProxySettings) -> Result<Self, BucketError> {
        let unusable = |why: String| {
            let text = format!("cannot use the container `{}`: {why}", settings.container);
            BucketError::new(BucketErrorKind::Config, text)
                .with_hint("check the connection string, or `auth`")
        };
        let text = |variable: &str| std::env::var(variable).ok();
        let client = http_client::builder(proxy)
            // What is stored is wanted as it is.
            .and_then(|client| client.no_gzip().timeout(settings.timeout).build())
            .map_err(|error| unusable(http_client::cause(error)))?;
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(&settings.account)
            .with_container_name(&settings.container)
            // Whoever asks tries again.
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(Connector(client));
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/').to_owned());
        }
        if let Some(host) = text("AZURE_AUTHORITY_HOST") {
            builder = builder.with_authority_host(host);
        }
        builder = signed(builder, &settings.credentials, text);
        let store = builder.build().map_err(|error| unusable(fault::bottom(&error)))?;
        Ok(Self { settings, store })
    }

    fn place(&self, key: &str) -> String {
        format!("{}/{key}", self.location())
    }

    fn failed(&self, what: &str, error: &object_store::Error) -> BucketError {
        Fault::of(error).about(what, &self.settings.container)
    }

    /// `None` only where there is a container that the blob could be in: a request for the head
    /// of a blob is answered alike for both.
    async fn look(&self, key: &str, head: bool) -> Result<Option<GetResult>, BucketError> {
        let what = format!("cannot read {}", self.place(key));
        let options = GetOptions { head, ..GetOptions::default() };
        match self.store.get_opts(&path(key)?, options).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => self.check().await.map(|()| None),
            Err(error) => Err(self.failed(&what, &error)),
        }
    }
}

/// Lets the library ask through our client.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// Keys are taken as they are, or not at all.
fn path(key: &str) -> Result<Path, BucketError> {
    match Path::parse(key) {
        Ok(path) if path.as_ref() == key && !key.is_empty() => Ok(path),
        _ => {
            let text = format!("`{key}` cannot be the name of a blob here");
            Err(BucketError::new(BucketErrorKind::Config, text)
                .with_hint("begin and end the prefix with a name, and put one `/` between names"))
        }
    }
}

fn signed(
    builder: MicrosoftAzureBuilder,
    credentials: &AzureCredentials,
    environment: impl Fn(&str) -> Option<String>,
) -> MicrosoftAzureBuilder {
    // Named, so that nothing else that is set decides.
    let of = |builder: MicrosoftAzureBuilder, kind: &str| builder.with_credential_type(kind);
    match credentials {
        AzureCredentials::AccessKey(key) => {
            of(builder, "access_key").with_access_key(key.expose_secret())
        }
        AzureCredentials::Sas(sas) => of(builder, "sas_token")
            .with_config(AzureConfigKey::SasKey, sas.expose_secret().trim_start_matches('?')),
        AzureCredentials::ClientSecret { tenant_id, client_id, client_secret } => of(
            builder,
            "client_secret",
        )
        .with_client_secret_authorization(client_id, client_secret.expose_secret(), tenant_id),
        AzureCredentials::ManagedIdentity(identity) => {
            let mut builder = of(builder, "managed_identity");
            // Where App Service and Functions offer it.
            if let Some(endpoint) = environment("IDENTITY_ENDPOINT") {
                builder = builder.with_msi_endpoint(endpoint);
            }
            match identity {
                ManagedIdentity::System => builder,
                ManagedIdentity::ClientId(id) => builder.with_client_id(id),
                ManagedIdentity::ObjectId(id) => builder.with_config(AzureConfigKey::ObjectId, id),
                ManagedIdentity::ResourceId(id) => {
                    builder.with_config(AzureConfigKey::MsiResourceId, id)
                }
            }
        }
        AzureCredentials::WorkloadIdentity { tenant_id, client_id, token_file } => {
            let or = |given: Option<String>, variable| given.or_else(|| environment(variable));
            let token_file = token_file.as_ref().map(|file| file.display().to_string());
            let mut builder = of(builder, "workload_identity");
            if let Some(id) = or(tenant_id.clone(), "AZURE_TENANT_ID") {
                builder = builder.with_tenant_id(id);
            }
            if let Some(id) = or(client_id.clone(), "AZURE_CLIENT_ID") {
                builder = builder.with_client_id(id);
            }
            if let Some(file) = or(token_file, "AZURE_FEDERATED_TOKEN_FILE") {
                builder = builder.with_federated_token_file(file);
            }
            builder
        }
        AzureCredentials::AzureCli => of(builder, "azure_cli"),
    }
}

/// The names of metadata must be words there.
fn attributes(settings: &AzureSettings, object: &NewObject) -> Attributes {
    let mut attributes = Attributes::new();
    for (name, value) in &settings.metadata {
        attributes.insert(Attribute::Metadata(name.clone().into()), value.clone().into());
    }
    for (name, value) in &object.metadata {
        let name = name.replace('-', "_");
        attributes.insert(Attribute::Metadata(name.into()), value.clone().into());
    }
    attributes.insert(Attribute::ContentType, object.content_type.clone().into());
    if let Some(encoding) = &object.content_encoding {
        attributes.insert(Attribute::ContentEncoding, encoding.clone().into());
    }
    attributes
}

fn info(found: &GetResult) -> ObjectInfo {
    let metadata = found.attributes.iter().filter_map(|(name, value)| match name {
        Attribute::Metadata(name) => Some((name.replace('_', "-"), value.to_string())),
        _ => None,
    });
    let version = Version(found.meta.e_tag.clone().unwrap_or_default());
    ObjectInfo { version, metadata: metadata.collect() }
}

#[async_trait]
impl Bucket for AzureBlob {
    fn location(&self) -> String {
        let AzureSettings { account, container, endpoint, .. } = &self.settings;
        match endpoint {
            Some(endpoint) => format!("{}/{container}", endpoint.as_str().trim_end_matches('/')),
            None => format!("https://{account}.blob.core.windows.net/{container}"),
        }
    }

    /// Lists at most one blob: reading the container's own properties takes rights that writing
    /// blobs does not.
    async fn check(&self) -> Result<(), BucketError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let what = format!("cannot list {}", self.location());
        let listed = self.store.list_paginated(None, options).await;
        listed.map(drop).map_err(|error| self.failed(&what, &error))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, BucketError> {
        Ok(self.look(key, true).await?.as_ref().map(info))
    }

    async fn get(&self, key: &str) -> Result<Option<(ObjectInfo, Bytes)>, BucketError> {
        let Some(found) = self.look(key, false).await? else { return Ok(None) };
        let info = info(&found);
        let body = found.bytes().await;
        let what = format!("cannot read {}", self.place(key));
        Ok(Some((info, body.map_err(|error| self.failed(&what, &error))?)))
    }

    async fn put(
        &self,
        key: &str,
        object: NewObject,
        condition: Condition,
    ) -> Result<Put, BucketError> {
        let mut tags = TagSet::default();
        for (name, value) in &self.settings.tags {
            tags.push(name, value);
        }
        let options = PutOptions {
            mode: match condition {
                Condition::Absent => PutMode::Create,
                Condition::Version(Version(e_tag)) => {
                    PutMode::Update(UpdateVersion { e_tag: Some(e_tag), version: None })
                }
            },
            tags,
            attributes: attributes(&self.settings, &object),
            ..PutOptions::default()
        };
        match self.store.put_opts(&path(key)?, object.body.into(), options).await {
            Ok(put) => Ok(Put::Done(Version(put.e_tag.unwrap_or_default()))),
            Err(error) if Fault::of(&error).is_refused_condition() => Ok(Put::Refused),
            Err(error) => Err(self.failed(&format!("cannot put {}", self.place(key)), &error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let what = format!("cannot list {}", self.place(prefix));
        let wanted = (!prefix.is_empty()).then_some(prefix);
        let (mut keys, mut next) = (Vec::new(), None);
        loop {
            let options =
                PaginatedListOptions { page_token: next, ..PaginatedListOptions::default() };
            let page = self.store.list_paginated(wanted, options).await;
            let page = page.map_err(|error| self.failed(&what, &error))?;
            keys.extend(page.result.objects.into_iter().map(|blob| blob.location.to_string()));
            next = page.page_token;
            if next.is_none() {
                break;
            }
        }
        // The library leaves out what is called like the prefix itself: that could be a directory.
        if path(prefix).is_ok() && self.head(prefix).await?.is_some() {
            keys.push(prefix.to_owned());
        }
        keys.sort_unstable();
        Ok(keys)
    }
}
