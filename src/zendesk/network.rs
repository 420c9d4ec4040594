//! The transport of production: reqwest, one connection pool, TLS always verified.
//!
//! It follows no redirect and retries nothing; the client decides both.

use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use url::Url;

use super::transport::{Request, Response, Transport, TransportError};

/// Longer means that a dead address is noticed late; shorter fails on slow links.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sent with every request, so that an account's owner can tell us apart.
const USER_AGENT: &str = concat!("zenstream/", env!("CARGO_PKG_VERSION"));

/// The proxies to go through. Those of the environment are not looked at here.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    /// For `http://` addresses.
    pub http: Option<Url>,
    /// For `https://` addresses.
    pub https: Option<Url>,
    /// Hosts reached directly.
    pub no_proxy: Vec<String>,
}

/// The network could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct NetworkError(String);

/// Speaks HTTP over the network.
#[derive(Debug)]
pub struct Network {
    client: reqwest::Client,
}

impl Network {
    /// One pool of connections, to be shared by everything that talks to one account.
    pub fn new(proxy: &ProxySettings) -> Result<Self, NetworkError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .gzip(true);
        let direct = reqwest::NoProxy::from_string(&proxy.no_proxy.join(","));
        let configured = [
            proxy.http.as_ref().map(|url| reqwest::Proxy::http(url.clone())),
            proxy.https.as_ref().map(|url| reqwest::Proxy::https(url.clone())),
        ];
        for proxy in configured.into_iter().flatten() {
            let proxy = proxy.map_err(|error| NetworkError(describe(error)))?;
            builder = builder.proxy(proxy.no_proxy(direct.clone()));
        }
        let client = builder.build().map_err(|error| NetworkError(describe(error)))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(classify)?;
        let answer = self.client.execute(request).await.map_err(classify)?;
        Ok(Response {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes_stream().map_err(classify).boxed(),
        })
    }
}

fn classify(error: reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::Timeout(describe(error))
    } else if error.is_connect() || error.is_builder() {
        TransportError::Connect(describe(error))
    } else {
        TransportError::Cut(describe(error))
    }
}

/// The cause at the bottom: what is above it only says that a request failed. Without the URL,
/// whose query may hold what the user filters by.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
