//! What is beside objects, asked for in JSON: names, generations, metadata. Never their bytes.

use std::collections::BTreeMap;

use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::fault::Fault;
use crate::buckets::{ObjectInfo, Version};
use crate::http_client::{self, ProxySettings};

/// Asks one bucket.
#[derive(Debug)]
pub(super) struct Metadata {
    client: reqwest::Client,
    endpoint: Url,
    bucket: String,
    credentials: Credentials,
}

/// Some keys, in order.
pub(super) struct Page {
    pub(super) keys: Vec<String>,
    /// What to ask on with, if there are more.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    /// A number, written as a string.
    generation: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    items: Vec<Named>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Metadata {
    pub(super) fn new(
        endpoint: Url,
        bucket: String,
        credentials: Credentials,
        proxy: &ProxySettings,
    ) -> Result<Self, Fault> {
        let client = http_client::builder(proxy)
            .and_then(reqwest::ClientBuilder::build)
            .map_err(|error| Fault::Unusable(http_client::cause(error)))?;
        Ok(Self { client, endpoint, bucket, credentials })
    }

    /// What is under a key.
    pub(super) async fn object(&self, key: &str) -> Result<Option<ObjectInfo>, Fault> {
        let url = self.url(&[key], &[("fields", "generation,metadata")])?;
        match self.ask::<Object>(url).await {
            Ok(Object { generation, metadata }) => {
                Ok(Some(ObjectInfo { version: Version(generation), metadata }))
            }
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The keys that begin with `prefix`, from `next` on.
    pub(super) async fn page(&self, prefix: &str, next: Option<&str>) -> Result<Page, Fault> {
        let mut query = vec![("prefix", prefix), ("fields", "items(name),nextPageToken")];
        query.extend(next.map(|next| ("pageToken", next)));
        let Listing { items, next_page_token } = self.ask(self.url(&[], &query)?).await?;
        let keys = items.into_iter().map(|item| item.name).collect();
        Ok(Page { keys, next: next_page_token.filter(|token| !token.is_empty()) })
    }

    /// Whether the bucket lists what is in it.
    pub(super) async fn any(&self) -> Result<(), Fault> {
        let url = self.url(&[], &[("maxResults", "1"), ("fields", "items(name)")])?;
        self.ask::<Listing>(url).await.map(drop)
    }

    fn url(&self, below: &[&str], query: &[(&str, &str)]) -> Result<Url, Fault> {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["storage", "v1", "b", &self.bucket, "o"]).extend(below);
        } else {
            return Err(Fault::Unusable(format!("`{}` has no path", self.endpoint)));
        }
        url.query_pairs_mut().extend_pairs(query);
        Ok(url)
    }

    async fn ask<T: DeserializeOwned>(&self, url: Url) -> Result<T, Fault> {
        let request = self.client.get(url).headers(self.signed().await?);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await?;
        if status != 200 {
            return Err(Fault::answered(status, &body));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Fault::Lost(format!("the answer cannot be read: {error}")))
    }

    async fn signed(&self) -> Result<HeaderMap, Fault> {
        match self.credentials.headers(Extensions::new()).await? {
            CacheableResource::New { data, .. } => Ok(data),
            // Only answered to those who say what they have.
            CacheableResource::NotModified => Ok(HeaderMap::new()),
        }
    }
}
