//! The transport of production: reqwest, one connection pool, TLS always verified.
//!
//! It follows no redirect and retries nothing; the client decides both.

use std::time::Duration;

use super::transport::{Request, Response, Transport, TransportError};
use crate::http_client::{self, ProxySettings};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};

/// How often a connection with a request under way is asked for a sign of life, and how soon one
/// must come.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// One pool of connections, to be shared by everything that talks to one account. `timeout` is
    /// how long a whole answer may take.
    pub fn new(proxy: &ProxySettings, timeout: Duration) -> Result<Self, NetworkError> {
        let client = http_client::builder(proxy).and_then(|builder| {
            // Whoever cannot connect must learn that before the answer is late: an answer that is
            // late is taken for one that is too large.
            let builder = builder.connect_timeout(http_client::CONNECT_TIMEOUT.min(timeout / 2));
            // So does a connection that is dead: HTTP/2 would go on to use it.
            let builder = builder.http2_keep_alive_interval(PING_EVERY);
            builder.http2_keep_alive_timeout(PING_TIMEOUT).build()
        });
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
    if let Some(unresolved) = http_client::unresolved(&error) {
        return TransportError::Lookup(unresolved.to_string());
    }
    // Before it is connected nothing says that too much was asked for.
    if error.is_connect() || error.is_builder() {
        TransportError::Connect(http_client::cause(error))
    } else if error.is_timeout() {
        TransportError::Timeout(http_client::cause(error))
    } else {
        TransportError::Cut(http_client::cause(error))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use url::Url;

    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;
    use crate::zendesk::{Client, ClientSettings, Credentials, PageRequest};

    fn client_of(endpoint: &str, timeout: Duration, retry_attempts: u32) -> Client {
        let settings = ClientSettings {
            endpoint: Url::parse(endpoint).expect("an address"),
            timeout,
            retry_attempts,
            share: 1.0,
            max_body_bytes: 1 << 20,
        };
        let network = Network::new(&ProxySettings::default(), timeout).expect("a client");
        let random = std::sync::Arc::new(Random::from_seed(1));
        let credentials = Credentials::Bearer("t".into());
        let transport = std::sync::Arc::new(network);
        Client::new(settings, credentials, transport, Clock::system(), random)
    }

    /// `.invalid` is no domain by promise (RFC 6761).
    #[tokio::test]
    async fn a_host_that_nobody_knows_is_named_and_soon_given_up_by_whoever_wants_that() {
        let client = client_of("https://typo.invalid", Duration::from_secs(60), 1_000);
        let client = client.giving_up_on_names_after(0);
        let error = client.get(&PageRequest::new("/x"), |_| Ok(())).await.expect_err("nobody");
        assert!(error.message.starts_with("cannot look up the host `typo.invalid`: "), "{error}");
        assert!(error.unresolved && error.is_transient(), "a run that follows tries again");
        assert_eq!(client.counters().retries.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    /// Whoever accepts and then says nothing lets nobody through to TLS, like a dead gateway.
    #[tokio::test]
    async fn who_cannot_connect_in_time_is_told_so_and_not_that_the_answer_is_late() {
        let dead = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = dead.local_addr().expect("its address");
        let timeout = Duration::from_millis(400);
        let client = client_of(&format!("https://{address}"), timeout, 0);
        let error = client.get(&PageRequest::new("/x"), |_| Ok(())).await.expect_err("nobody");
        assert!(!error.is_too_much() && error.is_transient(), "{error}");
        assert!(error.message.starts_with("cannot connect"), "{error}");
    }
}
