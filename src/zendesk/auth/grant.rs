//! The token endpoint: what is brought there, and the tokens that come back.
//!
//! Facts: <https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/>. It sends
//! one request and reads one answer: it must not try again, keep a token, or follow a redirect, which
//! would take a secret along.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::super::error::{ApiError, ErrorKind};
use super::super::retry::requested_wait;
use super::super::transport::{BodyStream, Request, Transport, TransportError};
use crate::clock::Clock;

/// The path of the token endpoint.
const TOKENS: &str = "/oauth/tokens";

/// Asked for because the token endpoint leaves the lifetime out unless a request names one, in
/// seconds; the API allows 300 to 172,800.
const ACCESS_LIFETIME_SECS: u64 = 7_200;

/// The longest that the API allows, in seconds: a collector may stand still for that long.
const REFRESH_LIFETIME_SECS: u64 = 7_776_000;

/// No answer about tokens is longer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// However slow an account is otherwise: whoever renews tokens has others waiting.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(30);

/// What tokens are given for.
#[derive(Debug, Clone)]
pub(super) enum Grant {
    /// A client's own secret.
    ClientCredentials,
    /// The second half of a former answer. It works once.
    RefreshToken(SecretString),
    /// What the browser brought back after a person's consent.
    AuthorizationCode {
        /// The code; it lives for two minutes.
        code: SecretString,
        /// Where the browser brought it, exactly as it was asked for.
        redirect_uri: String,
        /// What the challenge was made of.
        verifier: SecretString,
    },
}

/// An OAuth client of an account.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its unique identifier.
    pub client_id: String,
    /// Its secret; a public client has none.
    pub client_secret: Option<SecretString>,
    /// The scopes to ask for, space separated.
    pub scope: String,
}

/// Tokens as they were given.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    pub(super) refresh_token: Option<SecretString>,
    /// The scopes that were granted, if the answer names them.
    pub(super) scope: Option<String>,
    /// When the answer came.
    pub(super) obtained_at: Timestamp,
    /// When the access token ends, if the answer says so.
    pub(super) expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Reply {
    access_token: String,
    refresh_token: Option<String>,
    scope: Option<String>,
    expires_in: Option<i64>,
}

/// Where an account exchanges grants for tokens.
#[derive(Debug, Clone)]
pub struct TokenEndpoint {
    transport: Arc<dyn Transport>,
    endpoint: Url,
    timeout: Duration,
    clock: Clock,
}

impl TokenEndpoint {
    /// That of the account at `endpoint`. An answer may take `timeout`, and never more than half a
    /// minute.
    pub fn new(
        transport: Arc<dyn Transport>,
        endpoint: Url,
        timeout: Duration,
        clock: Clock,
    ) -> Self {
        Self { transport, endpoint, timeout: timeout.min(LONGEST_EXCHANGE), clock }
    }

    /// The account's address.
    pub(super) fn account(&self) -> &Url {
        &self.endpoint
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Sends a grant, once.
    pub(super) async fn exchange(
        &self,
        client: &OauthClient,
        grant: &Grant,
    ) -> Result<Granted, ApiError> {
        self.ask(client, grant).await.map_err(|error| {
            // It is told beside the request that waits for the token.
            let message = format!("no token from {TOKENS}: {}", error.message);
            if error.is_transient() { ApiError { message, ..error } } else { error }
        })
    }

    async fn ask(&self, client: &OauthClient, grant: &Grant) -> Result<Granted, ApiError> {
        let request = self.request(client, grant)?;
        let answer = tokio::time::timeout(self.timeout, self.send(request));
        let body = answer.await.map_err(|_| {
            let limit = self.timeout.as_secs_f64();
            ApiError::from(TransportError::Timeout(format!("no token in {limit} s")))
        })??;
        let reply: Reply = serde_json::from_slice(&body).map_err(|_| {
            // The parser's message could quote the token.
            let kind = ErrorKind::Retry { after: None };
            ApiError::local(kind, "the token reply could not be read")
        })?;
        let obtained_at = self.clock.now();
        let end = |secs| obtained_at.checked_add(SignedDuration::from_secs(secs)).ok();
        Ok(Granted {
            access_token: reply.access_token.into(),
            refresh_token: reply.refresh_token.map(SecretString::from),
            scope: reply.scope,
            obtained_at,
            expires_at: reply.expires_in.and_then(end),
        })
    }

    fn request(&self, client: &OauthClient, grant: &Grant) -> Result<Request, ApiError> {
        let mut body = json!({ "client_id": client.client_id, "scope": client.scope });
        let mut put = |name: &str, value: Value| body[name] = value;
        if let Some(secret) = &client.client_secret {
            put("client_secret", secret.expose_secret().into());
        }
        put("expires_in", ACCESS_LIFETIME_SECS.into());
        match grant {
            Grant::ClientCredentials => put("grant_type", "client_credentials".into()),
            Grant::RefreshToken(token) => {
                put("grant_type", "refresh_token".into());
                put("refresh_token", token.expose_secret().into());
                put("refresh_token_expires_in", REFRESH_LIFETIME_SECS.into());
            }
            Grant::AuthorizationCode { code, redirect_uri, verifier } => {
                put("grant_type", "authorization_code".into());
                put("code", code.expose_secret().into());
                put("redirect_uri", redirect_uri.as_str().into());
                put("code_verifier", verifier.expose_secret().into());
                put("refresh_token_expires_in", REFRESH_LIFETIME_SECS.into());
            }
        }
        let mut uri = self.endpoint.clone();
        uri.set_path(TOKENS);
        http::Request::post(uri.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| ApiError::local(ErrorKind::Bug, format!("token request: {error}")))
    }

    /// The body of a good answer.
    async fn send(&self, request: Request) -> Result<Bytes, ApiError> {
        tracing::trace!(method = %request.method(), uri = %request.uri(), "sending");
        let answer = self.transport.send(request).await?;
        let body = read(answer.body).await?;
        if answer.status.is_success() {
            return Ok(body);
        }
        let after = requested_wait(answer.status, &answer.headers, self.clock.now());
        Err(ApiError::from_answer(answer.status, &body, after, None))
    }
}

async fn read(mut body: BodyStream) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk?);
        if whole.len() > ANSWER_BYTES_MAX {
            let message = format!("the token reply is longer than {ANSWER_BYTES_MAX} bytes");
            return Err(ApiError::local(ErrorKind::Data, message));
        }
    }
    Ok(whole.freeze())
}
