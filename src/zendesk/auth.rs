//! Signing in: what goes into the `Authorization` header, and how it is renewed.
//!
//! Facts: <https://developer.zendesk.com/documentation/authentication/oauth-migration/>. Secrets are held in types that cannot be printed, and the
//! header is marked sensitive so that no log of a lower layer shows it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::error::{ApiError, ErrorKind};
use super::transport::Request;

/// Asked for because the token endpoint leaves the lifetime out unless a request
/// names one, in seconds; the API allows 300 to 172,800.
const TOKEN_LIFETIME_SECS: u64 = 7_200;

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// OAuth for programs.
    ClientCredentials {
        /// The client's unique identifier.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// Scopes, space separated.
        scope: String,
    },
    /// A ready access token.
    Bearer(SecretString),
    /// A user's API token. Zendesk ends these on 2027-04-30.
    ApiToken {
        /// The user.
        email: String,
        /// The token.
        token: SecretString,
    },
    /// A user's password. Zendesk removed this in January 2026.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

impl Credentials {
    /// What the user of these should know, where they will not work for long.
    fn notice(&self) -> Option<&'static str> {
        match self {
            Self::ApiToken { .. } => Some(
                "zendesk ends API tokens on 2027-04-30; `oauth_client_credentials` goes on working",
            ),
            Self::Password { .. } => Some(
                "zendesk took passwords off the API in January 2026; use `oauth_client_credentials`",
            ),
            Self::ClientCredentials { .. } | Self::Bearer(_) => None,
        }
    }
}

/// Makes the `Authorization` header, and keeps an OAuth token until its half-life.
#[derive(Debug)]
pub(super) struct Signer {
    credentials: Credentials,
    token: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Option<Instant>,
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    expires_in: Option<u64>,
}

impl Signer {
    pub(super) fn new(credentials: Credentials) -> Self {
        if let Some(notice) = credentials.notice() {
            tracing::warn!("{notice}");
        }
        Self { credentials, token: Mutex::new(None) }
    }

    /// The header for the next request. `exchange` sends a token request and returns the body of
    /// a good answer; it is called at most once, and by one task at a time.
    pub(super) async fn header<F>(
        &self,
        endpoint: &Url,
        exchange: F,
    ) -> Result<HeaderValue, ApiError>
    where
        F: AsyncFnOnce(Request) -> Result<Bytes, ApiError>,
    {
        match &self.credentials {
            Credentials::Bearer(token) => bearer(token),
            Credentials::ApiToken { email, token } => basic(&format!("{email}/token"), token),
            Credentials::Password { user, password } => basic(user, password),
            Credentials::ClientCredentials { .. } => {
                let mut held = self.token.lock().await;
                let stale = |token: &Token| token.renew_at.is_some_and(|at| at <= Instant::now());
                if let Some(token) = held.as_ref().filter(|token| !stale(token)) {
                    return Ok(token.header.clone());
                }
                let reply = exchange(self.token_request(endpoint)?).await?;
                let token = read_token(&reply)?;
                tracing::info!(
                    renews = token.renew_at.is_some(),
                    "signed in with client credentials"
                );
                Ok(held.insert(token).header.clone())
            }
        }
    }

    /// Forgets the token that `refused` was made of. Returns whether another try
    /// would be signed anew.
    pub(super) async fn renew(&self, refused: &HeaderValue) -> bool {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| token.header == *refused) {
            *held = None;
        }
        matches!(self.credentials, Credentials::ClientCredentials { .. })
    }

    fn token_request(&self, endpoint: &Url) -> Result<Request, ApiError> {
        let Credentials::ClientCredentials { client_id, client_secret, scope } = &self.credentials
        else {
            return Err(ApiError::local(ErrorKind::Bug, "only client credentials are exchanged"));
        };
        let body = serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret.expose_secret(),
            "scope": scope,
            "expires_in": TOKEN_LIFETIME_SECS,
        });
        let mut uri = endpoint.clone();
        uri.set_path("/oauth/tokens");
        http::Request::builder()
            .uri(uri.as_str())
            .method(http::Method::POST)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| ApiError::local(ErrorKind::Bug, format!("token request: {error}")))
    }
}

fn read_token(reply: &[u8]) -> Result<Token, ApiError> {
    let reply: TokenReply = serde_json::from_slice(reply).map_err(|_| {
        // The parser's message could quote the token.
        ApiError::local(ErrorKind::Retry { after: None }, "the token reply could not be read")
    })?;
    let half_life = reply.expires_in.map(|secs| Duration::from_secs(secs) / 2);
    Ok(Token {
        header: bearer(&SecretString::from(reply.access_token))?,
        renew_at: half_life.map(|half_life| Instant::now() + half_life),
    })
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ApiError> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, ApiError> {
    let pair = format!("{user}:{}", password.expose_secret());
    sensitive(&format!("Basic {}", BASE64.encode(pair)))
}

fn sensitive(text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ApiError {
        hint: Some("look for a line break or another control character in the secret".to_owned()),
        ..ApiError::local(ErrorKind::Config, "the credentials cannot be put into a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
