//! What is kept of a rotating pair of tokens, and what keeps it.
//!
//! Zendesk gives a new pair for every refresh and ends the old one, so that the pair has to outlive the
//! process, and only one process at a time may exchange it. The record says whose turn it is. Nothing
//! here asks Zendesk for anything.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::error::{ApiError, ErrorKind};
use super::grant::Granted;

/// The form that this version writes.
const FORMAT: u32 = 1;

/// An access token, and what it is renewed with.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// Signs requests.
    pub access_token: SecretString,
    /// Is exchanged, once, for the next pair.
    pub refresh_token: SecretString,
    /// The scopes that were granted, if Zendesk named them.
    pub scope: Option<String>,
    /// When it was given.
    pub obtained_at: Timestamp,
    /// When the access token ends, where that is known.
    pub expires_at: Option<Timestamp>,
}

impl PartialEq for TokenPair {
    /// The same pair: its tokens are unique.
    fn eq(&self, other: &Self) -> bool {
        same(&self.access_token, &other.access_token)
            && same(&self.refresh_token, &other.refresh_token)
    }
}

impl TokenPair {
    /// What was granted; `former` goes on to work where no other refresh token came with it.
    pub(super) fn of(granted: Granted, former: SecretString) -> Self {
        Self {
            access_token: granted.access_token,
            refresh_token: granted.refresh_token.unwrap_or(former),
            scope: granted.scope,
            obtained_at: granted.obtained_at,
            expires_at: granted.expires_at,
        }
    }

    /// Whether half of its life is still to come.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let Some(expires_at) = self.expires_at else { return true };
        let half = expires_at.duration_since(self.obtained_at) / 2;
        self.obtained_at.checked_add(half).is_ok_and(|renew_at| now < renew_at)
    }
}

pub(super) fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// By which a token that was written into a config is known again, without keeping it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// That of a token.
    pub fn of(token: &SecretString) -> Self {
        let digest = Sha256::digest(token.expose_secret().as_bytes());
        Self(URL_SAFE_NO_PAD.encode(&digest[..8]))
    }
}

/// What is kept: the pair, what it belongs to, and who is about to exchange it.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRecord {
    /// The account, `https://acme.zendesk.com`.
    pub endpoint: String,
    /// The OAuth client.
    pub client_id: String,
    /// The token in the config that the chain of pairs began with, or that was there when it began.
    pub seed: Option<Fingerprint>,
    /// None before the first exchange.
    pub pair: Option<TokenPair>,
    /// Who exchanges the pair right now; nobody else may.
    pub claimed_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    endpoint: String,
    client_id: String,
    seed: Option<Fingerprint>,
    pair: Option<PairDocument>,
    claimed_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PairDocument {
    access_token: String,
    refresh_token: String,
    scope: Option<String>,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl TokenRecord {
    /// As JSON, for a store.
    pub fn encode(&self) -> SecretString {
        let pair = self.pair.as_ref().map(|pair| {
            json!({
                "access_token": pair.access_token.expose_secret(),
                "refresh_token": pair.refresh_token.expose_secret(),
                "scope": pair.scope,
                "obtained_at": pair.obtained_at.to_string(),
                "expires_at": pair.expires_at.map(|at| at.to_string()),
            })
        });
        let document = json!({
            "format": FORMAT,
            "endpoint": self.endpoint,
            "client_id": self.client_id,
            "seed": self.seed.as_ref().map(|seed| &seed.0),
            "pair": pair,
            "claimed_by": self.claimed_by,
        });
        SecretString::from(format!("{document}\n"))
    }

    /// What a store kept at `location`.
    pub fn decode(bytes: &[u8], location: &str) -> Result<Self, TokenStoreError> {
        // The parser's message could quote a token.
        let read = serde_json::from_slice::<Document>(bytes).ok();
        let document = read.filter(|document| document.format == FORMAT).ok_or_else(|| {
            let message = format!("the tokens in {location} cannot be read by this version");
            TokenStoreError::new(TokenStoreErrorKind::Config, message)
                .with_hint("move it away, then sign in again with `zenstream login`")
        })?;
        let pair = document.pair.map(|pair| TokenPair {
            access_token: pair.access_token.into(),
            refresh_token: pair.refresh_token.into(),
            scope: pair.scope,
            obtained_at: pair.obtained_at,
            expires_at: pair.expires_at,
        });
        Ok(Self {
            endpoint: document.endpoint,
            client_id: document.client_id,
            seed: document.seed,
            pair,
            claimed_by: document.claimed_by,
        })
    }
}

/// Which state of a record this is: what a save must name to replace it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenVersion(pub String);

/// What became of a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSave {
    /// It is durable, and has this version.
    Done(TokenVersion),
    /// What is there is not what was expected. After a save whose answer was lost, it may be that
    /// save which made it so.
    Refused,
}

/// A store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TokenStoreError {
    /// What follows from it.
    pub kind: TokenStoreErrorKind,
    /// What failed, in words, with the place and without secrets.
    pub message: String,
    /// What a person could do about it.
    pub hint: Option<String>,
}

/// What follows from a [`TokenStoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStoreErrorKind {
    /// It may pass.
    Retry,
    /// It stays so until somebody changes something.
    Config,
}

impl TokenStoreError {
    /// An error without a hint.
    pub fn new(kind: TokenStoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same error, with what a person could do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<TokenStoreError> for ApiError {
    fn from(error: TokenStoreError) -> Self {
        let kind = match error.kind {
            TokenStoreErrorKind::Retry => ErrorKind::Retry { after: None },
            TokenStoreErrorKind::Config => ErrorKind::Config,
        };
        Self { hint: error.hint, ..Self::local(kind, error.message) }
    }
}

/// Keeps one [`TokenRecord`], for all processes that sign in with it.
#[async_trait]
pub trait TokenStore: std::fmt::Debug + Send + Sync {
    /// The place, for messages: a path or a URL, without secrets.
    fn location(&self) -> String;

    /// What is there. `None` only where there certainly is nothing.
    async fn load(&self) -> Result<Option<(TokenVersion, TokenRecord)>, TokenStoreError>;

    /// Replaces what is there, durably and in one step, if it still has the version `expected`
    /// (`None`: if there is nothing).
    async fn save(
        &self,
        expected: Option<&TokenVersion>,
        next: &TokenRecord,
    ) -> Result<TokenSave, TokenStoreError>;
}
