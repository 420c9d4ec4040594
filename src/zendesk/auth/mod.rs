//! Signing in: what goes into the `Authorization` header, and how it is renewed.
//!
//! Facts: <https://developer.zendesk.com/documentation/authentication/oauth-migration/>. Secrets are held in types that cannot be printed, and the
//! header is marked sensitive so that no log of a lower layer shows it. Where tokens are kept is not known here.

mod claim;
mod consent;
mod grant;
mod kept;
mod record;
mod rotation;

use std::sync::{Arc, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::FutureExt as _;
use http::header::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::error::{ApiError, ErrorKind};
use crate::random::Random;

pub use consent::{Consent, keep_tokens};
pub use grant::{OauthClient, TokenEndpoint};
pub use record::{
    Fingerprint, TokenPair, TokenRecord, TokenSave, TokenStore, TokenStoreError,
    TokenStoreErrorKind, TokenVersion,
};
pub use rotation::RotatingCredentials;

use grant::{Grant, Granted};
use kept::{Kept, Lasting};
use rotation::Rotation;

/// When Zendesk ends all API tokens, 2027-04-30, as its page on the move to OAuth says.
const API_TOKENS_END: Timestamp = Timestamp::constant(1_809_043_200, 0);

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
    /// OAuth for a person who consented once; a new pair of tokens replaces each old one.
    RefreshToken(RotatingCredentials),
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
            Self::ClientCredentials { .. } | Self::RefreshToken(_) | Self::Bearer(_) => None,
        }
    }
}

/// When credentials end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CredentialsEnd {
    /// Then.
    pub at: Timestamp,
    /// Whether a new token is got before that, at half of the old one's life; else somebody has to see to it, also
    /// where the renewal was refused.
    pub renewed: bool,
}

/// What a token is known to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Allowed {
    /// These scopes, space separated.
    Scopes(String),
    /// Whatever the user may.
    Everything,
    /// Zendesk would have to be asked.
    Untold,
}

/// Makes the `Authorization` header, and keeps an OAuth token until its half-life.
#[derive(Debug)]
pub(super) struct Signer {
    kind: Kind,
    /// When what was signed with last ends, where that is known.
    ends: std::sync::Mutex<Option<Timestamp>>,
}

#[derive(Debug)]
enum Kind {
    Bearer(SecretString),
    ApiToken { user: String, token: SecretString },
    Password { user: String, password: SecretString },
    Client(Box<Session>),
    Rotating(Box<Rotation>),
}

/// An OAuth client that signs in by itself.
#[derive(Debug)]
struct Session {
    client: OauthClient,
    endpoint: TokenEndpoint,
    token: Kept<Token>,
}

#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    scope: Option<String>,
}

impl Signer {
    pub(super) fn new(
        credentials: Credentials,
        endpoint: TokenEndpoint,
        random: &Arc<Random>,
    ) -> Self {
        if let Some(notice) = credentials.notice() {
            tracing::warn!("{notice}");
        }
        let kind = match credentials {
            Credentials::Bearer(token) => Kind::Bearer(without_scheme(token)),
            Credentials::ApiToken { email, token } => {
                // Some write it as the header has it.
                let email = email.trim().trim_end_matches("/token");
                Kind::ApiToken { user: format!("{email}/token"), token }
            }
            Credentials::Password { user, password } => Kind::Password { user, password },
            Credentials::ClientCredentials { client_id, client_secret, scope } => {
                let client = OauthClient { client_id, client_secret: Some(client_secret), scope };
                let token = Kept::new(endpoint.clock());
                Kind::Client(Box::new(Session { client, endpoint, token }))
            }
            Credentials::RefreshToken(credentials) => {
                Kind::Rotating(Box::new(Rotation::new(credentials, endpoint, Arc::clone(random))))
            }
        };
        let ends = matches!(kind, Kind::ApiToken { .. }).then_some(API_TOKENS_END);
        Self { kind, ends: std::sync::Mutex::new(ends) }
    }

    /// When the credentials, or the token that they last got, end; none: not known, or never.
    pub(super) fn end(&self) -> Option<CredentialsEnd> {
        let at = (*self.ends.lock().unwrap_or_else(PoisonError::into_inner))?;
        let renewed = match &self.kind {
            Kind::Client(session) => session.token.is_renewed(),
            Kind::Rotating(rotation) => rotation.is_renewed(),
            Kind::Bearer(_) | Kind::ApiToken { .. } | Kind::Password { .. } => false,
        };
        Some(CredentialsEnd { at, renewed })
    }

    /// The token that is signed with ends then.
    pub(super) fn learn_end(&self, ends: Option<Timestamp>) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = ends;
    }

    /// The header for the next request. Sends at most one token request of its own.
    pub(super) async fn header(&self) -> Result<HeaderValue, ApiError> {
        match &self.kind {
            Kind::Bearer(token) => bearer(token),
            Kind::ApiToken { user, token } => basic(user, token),
            Kind::Password { user, password } => basic(user, password),
            Kind::Rotating(rotation) => {
                let pair = rotation.pair().await?;
                self.learn_end(pair.expires_at);
                bearer(&pair.access_token)
            }
            Kind::Client(session) => {
                let token = session.token().await?;
                self.learn_end(token.expires_at);
                Ok(token.header)
            }
        }
    }

    /// Forgets the token that `refused` was made of. Returns whether another try
    /// would be signed anew.
    pub(super) fn renew(&self, refused: &HeaderValue) -> bool {
        match &self.kind {
            Kind::Bearer(_) | Kind::ApiToken { .. } | Kind::Password { .. } => false,
            Kind::Rotating(rotation) => {
                rotation.forget(refused);
                true
            }
            Kind::Client(session) => {
                session.token.forget(|token| token.header == *refused);
                true
            }
        }
    }

    /// What the present token allows, signing in first where there is none.
    pub(super) async fn allowed(&self) -> Result<Allowed, ApiError> {
        let scope = match &self.kind {
            Kind::ApiToken { .. } | Kind::Password { .. } => return Ok(Allowed::Everything),
            Kind::Bearer(_) => None,
            Kind::Rotating(rotation) => rotation.pair().await?.scope,
            Kind::Client(session) => session.token().await?.scope,
        };
        Ok(scope.map_or(Allowed::Untold, Allowed::Scopes))
    }

    /// What to do when Zendesk does not know who asks, where it is not the same for all.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Password { .. } => Some(
                "zendesk takes no passwords any more: make an OAuth client in Admin Center, and use \
                 `oauth_client_credentials` or `zenstream login`",
            ),
            Kind::Rotating(_) => Some("sign in again with `zenstream login`"),
            Kind::Client(_) => Some(
                "zendesk refuses the tokens that it gives this OAuth client: see in Admin Center that \
                 the client is still there and its user is active",
            ),
            Kind::Bearer(_) | Kind::ApiToken { .. } => None,
        }
    }

    /// Whether tokens would be lost if the process went now.
    pub(super) fn is_at_stake(&self) -> bool {
        matches!(&self.kind, Kind::Rotating(rotation) if rotation.is_at_stake())
    }

    /// Waits for the end of a renewal that is under way and must not be lost.
    pub(super) async fn settle(&self) {
        if let Kind::Rotating(rotation) = &self.kind {
            rotation.settle().await;
        }
    }
}

impl Session {
    async fn token(&self) -> Result<Token, ApiError> {
        self.token.get(|| Self::sign_in(self.client.clone(), self.endpoint.clone()).boxed()).await
    }

    async fn sign_in(client: OauthClient, endpoint: TokenEndpoint) -> Result<Token, ApiError> {
        let token = Token::of(endpoint.exchange(&client, &Grant::ClientCredentials).await?)?;
        let renews = token.renew_at.is_some();
        tracing::info!(renews, "signed in with client credentials");
        Ok(token)
    }
}

impl Lasting for Token {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }

    fn ends(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn is(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl Token {
    fn of(granted: Granted) -> Result<Self, ApiError> {
        let half_life = |end: Timestamp| end.duration_since(granted.obtained_at) / 2;
        let renew_at = granted.expires_at.map(half_life);
        Ok(Self {
            header: bearer(&granted.access_token)?,
            renew_at: renew_at.and_then(|half| granted.obtained_at.checked_add(half).ok()),
            expires_at: granted.expires_at,
            scope: granted.scope,
        })
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ApiError> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

/// The token alone, also where it was copied with the header's word before it.
fn without_scheme(token: SecretString) -> SecretString {
    match token.expose_secret().trim_start().split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start().into(),
        _ => token,
    }
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
