//! The transport of production: reqwest, one connection pool, TLS always verified.
//!
//! It follows no redirect and retries nothing; the client decides both.

use super::transport::{Request, Response, Transport, TransportError};
use crate::http_client::{self, ProxySettings};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};

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
        let client = http_client::builder(proxy).and_then(reqwest::ClientBuilder::build);
        let client = client.map_err(|error| NetworkError(http_client::cause(error)))?;
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
    // Before it is connected nothing says that too much was asked for.
    if error.is_connect() || error.is_builder() {
        TransportError::Connect(http_client::cause(error))
    } else if error.is_timeout() {
        TransportError::Timeout(http_client::cause(error))
    } else {
        TransportError::Cut(http_client::cause(error))
    }
}
