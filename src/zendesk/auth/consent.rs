//! Asking a person for consent: the authorization code flow, with PKCE.
//!
//! Makes the address that a browser opens, and exchanges the code that comes back. PKCE (RFC 7636) ties
//! the code to this process, so that whoever else sees it has nothing. Opens no browser and no port.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::super::error::{ApiError, ErrorKind};
use super::super::retry::Backoff;
use super::grant::{Grant, OauthClient, TokenEndpoint};
use super::record::{
    Fingerprint, TokenPair, TokenRecord, TokenSave, TokenStore, TokenStoreError,
    TokenStoreErrorKind,
};
use crate::clock::Clock;
use crate::random::{self, Random};

/// As RFC 7636 recommends, in bytes.
const VERIFIER_BYTES: usize = 32;

/// How often a store that is away is asked again before a sign-in is given up.
const SAVE_RETRIES: u32 = 8;

/// The first and the last ceiling of the random delay between those tries.
const SAVE_CEILINGS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// One question to a person, and the secrets that belong to it.
#[derive(Debug)]
pub struct Consent {
    client: OauthClient,
    redirect_uri: String,
    state: SecretString,
    verifier: SecretString,
}

impl Consent {
    /// Asks for `client`; the browser brings the answer to `redirect_uri`, which the client must have
    /// registered exactly so.
    pub fn new(client: OauthClient, redirect_uri: String) -> Result<Self, ApiError> {
        let unguessable = || match random::secret::<VERIFIER_BYTES>() {
            Ok(bytes) => Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes))),
            Err(error) => Err(ApiError::local(ErrorKind::Config, error.to_string())),
        };
        Ok(Self { client, redirect_uri, state: unguessable()?, verifier: unguessable()? })
    }

    /// What the browser is to open.
    pub fn url(&self, account: &Url) -> Url {
        let challenge = Sha256::digest(self.verifier.expose_secret().as_bytes());
        let mut url = account.clone();
        url.set_path("/oauth/authorizations/new");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.client.scope)
            .append_pair("state", self.state.expose_secret())
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// Whether an answer is one to this question.
    pub fn is_answered_by(&self, state: &str) -> bool {
        self.state.expose_secret() == state
    }

    /// Exchanges the code for a pair, once. `seed` is the token that stands in the config meanwhile:
    /// with this record in the store it will not be used.
    pub async fn exchange(
        &self,
        code: SecretString,
        endpoint: &TokenEndpoint,
        seed: Option<&SecretString>,
    ) -> Result<TokenRecord, ApiError> {
        let (redirect_uri, verifier) = (self.redirect_uri.clone(), self.verifier.clone());
        let grant = Grant::AuthorizationCode { code, redirect_uri, verifier };
        let granted = endpoint.exchange(&self.client, &grant).await.map_err(explained)?;
        let Some(refresh) = granted.refresh_token.clone() else {
            let message = "zendesk gave an access token without a refresh token";
            return Err(ApiError::local(ErrorKind::Config, message)
                .with_hint("the OAuth client is of an old kind; make a new one in Admin Center"));
        };
        Ok(TokenRecord {
            endpoint: endpoint.account().origin().ascii_serialization(),
            client_id: self.client.client_id.clone(),
            seed: seed.map(Fingerprint::of),
            pair: Some(TokenPair::of(granted, refresh)),
            claimed_by: None,
        })
    }
}

/// Makes a new sign-in durable. What the store held before is replaced.
pub async fn keep_tokens(
    store: &dyn TokenStore,
    record: &TokenRecord,
    clock: Clock,
    random: &Random,
) -> Result<(), TokenStoreError> {
    let mut backoff = Backoff::new(SAVE_CEILINGS.0, SAVE_CEILINGS.1);
    for _ in 0..SAVE_RETRIES {
        match replace(store, record).await {
            Err(error) if error.kind == TokenStoreErrorKind::Retry => {
                clock.sleep(backoff.next(random)).await;
            }
            replaced => return replaced,
        }
    }
    replace(store, record).await
}

/// A refusal of the code, with what a person could do about it.
fn explained(error: ApiError) -> ApiError {
    match error.code.as_deref() {
        Some("invalid_grant") => error.with_hint(
            "a code lives for two minutes; run `zenstream login` again, and see that the OAuth client \
             has the printed redirect URL",
        ),
        Some("invalid_client") => error.with_hint(
            "check `client_id`; a confidential client needs its secret, in `ZENDESK_CLIENT_SECRET` or \
             `client_secret`",
        ),
        _ => error,
    }
}

/// Puts the record there, whatever is there.
async fn replace(store: &dyn TokenStore, record: &TokenRecord) -> Result<(), TokenStoreError> {
    loop {
        let stored = store.load().await?;
        if stored.as_ref().is_some_and(|(_, found)| found == record) {
            return Ok(());
        }
        let expected = stored.map(|(version, _)| version);
        if let TokenSave::Done(_) = store.save(expected.as_ref(), record).await? {
            return Ok(());
        }
    }
}
