//! The seam between the client and the network.
//!
//! [`Transport`] is the only thing that a simulation replaces. It sends one
//! request and yields one answer; it must not retry, follow redirects, pace,
//! or know what a page is.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::{HeaderMap, StatusCode};

/// A request as it leaves: absolute URI, all headers set.
pub type Request = http::Request<Bytes>;

/// The decoded (no longer compressed) body of an answer, in pieces as they arrive.
pub type BodyStream = BoxStream<'static, Result<Bytes, TransportError>>;

/// An answer whose body may still be on its way.
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers, repeated ones included.
    pub headers: HeaderMap,
    /// The body. A connection that is cut yields an error here.
    pub body: BodyStream,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no (whole) answer. All of these may pass, so all are retried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nobody knows the host by its name, or nobody could be asked.
    #[error("{0}")]
    Lookup(String),
    /// No connection: refused, TLS failed.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// Nothing came within the time allowed.
    #[error("timed out: {0}")]
    Timeout(String),
    /// The connection broke while the answer was read.
    #[error("the answer was cut off: {0}")]
    Cut(String),
}

/// Speaks HTTP.
///
/// `send` returns once the head of the answer is there. It may be called from
/// many tasks at once. An answer with any status is `Ok`.
#[async_trait]
pub trait Transport: std::fmt::Debug + Send + Sync {
    /// Sends one request.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
