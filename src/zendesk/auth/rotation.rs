//! Keeps a rotating pair of tokens alive, for all processes that share its store.
//!
//! A refresh token works once: the answer that brings the new pair ends the old one. So whoever
//! exchanges it puts a claim into the store first, which also proves that the store can be written to,
//! and the new pair is durable there before anything is signed with it. Whoever loses the race reads
//! the winner's pair. It must not try an exchange again by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;

use super::super::error::{ApiError, ErrorKind};
use super::super::retry::Backoff;
use super::grant::{Grant, Granted, OauthClient, TokenEndpoint};
use super::kept::{Kept, Lasting, PROMPT};
use super::record::{
    Fingerprint, TokenPair, TokenRecord, TokenSave, TokenStore, TokenVersion, same,
};
use super::{bearer, claim};
use crate::random::Random;

/// How often to look whether another process is done.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Whoever lost its claim may have been slow rather than gone: how long its save is waited for.
const LATE_SAVE: Duration = Duration::from_secs(15);

/// The first and the last ceiling of the random delay between saves of a new pair.
const SAVE_CEILINGS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// What is signed in with.
#[derive(Debug, Clone)]
pub struct RotatingCredentials {
    /// The OAuth client that the tokens belong to.
    pub client: OauthClient,
    /// The token to begin with; one of these begins a chain of pairs, and a changed one a new chain.
    /// None: only what `store` holds.
    pub seed: Option<SecretString>,
    /// Where the pair is kept.
    pub store: Arc<dyn TokenStore>,
}

/// The pair in our hands, and the way to the next.
#[derive(Debug)]
pub(super) struct Rotation {
    exchanger: Arc<Exchanger>,
    pair: Kept<TokenPair>,
}

impl Lasting for TokenPair {
    fn is_fresh(&self, now: Timestamp) -> bool {
        Self::is_fresh(self, now)
    }

    fn ends(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn is(&self, other: &Self) -> bool {
        same(&self.access_token, &other.access_token)
    }
}

impl Rotation {
    pub(super) fn new(
        credentials: RotatingCredentials,
        endpoint: TokenEndpoint,
        random: Arc<Random>,
    ) -> Self {
        let pair = Kept::new(endpoint.clock());
        let exchanger = Exchanger {
            account: endpoint.account().origin().ascii_serialization(),
            id: format!("{:032x}", random.bits()),
            credentials,
            endpoint,
            random,
            at_stake: AtomicBool::new(false),
            refused: Mutex::default(),
            watched: Mutex::default(),
        };
        Self { exchanger: Arc::new(exchanger), pair }
    }

    /// A pair that is durable, and not yet at its half-life unless it cannot be renewed for now.
    pub(super) async fn pair(&self) -> Result<TokenPair, ApiError> {
        let renewal = || Arc::clone(&self.exchanger).obtain().boxed();
        self.pair.get(renewal).await
    }

    /// Does not use the pair again that `refused` was made of.
    pub(super) fn forget(&self, refused: &HeaderValue) {
        let is_refused =
            |held: &TokenPair| bearer(&held.access_token).is_ok_and(|it| it == refused);
        if let Some(pair) = self.pair.forget(is_refused) {
            *self.exchanger.refused() = Some(pair.access_token);
        }
    }

    /// Whether a pair may be on its way from Zendesk, or is here and not durable yet.
    pub(super) fn is_at_stake(&self) -> bool {
        self.exchanger.at_stake.load(Ordering::Relaxed)
    }

    /// Whether the pair will be renewed, as far as is known.
    pub(super) fn is_renewed(&self) -> bool {
        self.pair.is_renewed()
    }

    /// Waits for the end of a rotation that is under way, if there is one: what Zendesk has given out
    /// must not be lost because nobody asks any more.
    pub(super) async fn settle(&self) {
        self.pair.settle().await;
    }
}

/// Takes part in the race for the next pair.
#[derive(Debug)]
struct Exchanger {
    credentials: RotatingCredentials,
    endpoint: TokenEndpoint,
    random: Arc<Random>,
    /// `https://acme.zendesk.com`
    account: String,
    /// Tells our claim from those of others.
    id: String,
    /// From before the exchange until the new pair is durable, or there is none.
    at_stake: AtomicBool,
    /// The access token that Zendesk refused last.
    refused: Mutex<Option<SecretString>>,
    /// The claim of another that stood in the store when we looked last, and since when. What is stored
    /// may serve meanwhile, so it is watched over several tries.
    watched: Mutex<Option<(TokenVersion, Instant)>>,
}

/// What can be done with what is in the store.
enum Turn {
    Use(TokenPair),
    Exchange(SecretString),
}

/// A record that has our claim in it.
struct Claim {
    version: TokenVersion,
    record: TokenRecord,
    /// Another's claim was there before.
    taken_over: bool,
}

impl Exchanger {
    fn refused(&self) -> MutexGuard<'_, Option<SecretString>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another's claim has stood for too long.
    fn is_abandoned(&self, version: &TokenVersion) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        claim::is_abandoned(&mut watched, version)
    }

    /// The pair that is to be used from now on.
    async fn obtain(self: Arc<Self>) -> Result<TokenPair, ApiError> {
        let began = Instant::now();
        loop {
            let stored = self.credentials.store.load().await?;
            // Another process may end the stored pair at any moment of the wait.
            let refused = self.refused().clone();
            let record = stored.as_ref().map(|(_, record)| record);
            let refresh = match self.turn(record, refused.as_ref())? {
                Turn::Use(pair) => return Ok(pair),
                Turn::Exchange(refresh) => refresh,
            };
            let claimed = record.and_then(|record| record.claimed_by.as_ref());
            let mut taken_over = false;
            if let Some(by) = claimed.filter(|by| !by.starts_with(&self.id))
                && let Some((version, _)) = &stored
            {
                let now = self.endpoint.clock().now();
                if !claim::is_old(by, now) && !self.is_abandoned(version) {
                    // Whoever has the claim may be gone; what is stored still serves.
                    if began.elapsed() >= PROMPT
                        && let Some(pair) = self.serving(record, refused.as_ref(), now)
                    {
                        return Ok(pair);
                    }
                    self.endpoint.clock().sleep(LOOK_AGAIN).await;
                    continue;
                }
                taken_over = true;
            }
            if let Some((version, record)) = self.claim(stored).await? {
                self.at_stake.store(true, Ordering::Relaxed);
                let pair = self.exchange(Claim { version, record, taken_over }, refresh).await;
                self.at_stake.store(false, Ordering::Relaxed);
                return pair;
            }
        }
    }

    fn turn(
        &self,
        record: Option<&TokenRecord>,
        refused: Option<&SecretString>,
    ) -> Result<Turn, ApiError> {
        let seed = self.credentials.seed.as_ref();
        let pair = record.and_then(|record| record.pair.as_ref());
        let known = record.and_then(|record| record.seed.as_ref());
        if let Some(seed) = seed
            && (pair.is_none() || known != Some(&Fingerprint::of(seed)))
        {
            return Ok(Turn::Exchange(seed.clone()));
        }
        let (Some(record), Some(pair)) = (record, pair) else { return Err(self.not_signed_in()) };
        if !self.owns(record) {
            return Err(self.of_another(record));
        }
        let is_refused = refused.is_some_and(|refused| same(refused, &pair.access_token));
        if !is_refused && pair.is_fresh(self.endpoint.clock().now()) {
            return Ok(Turn::Use(pair.clone()));
        }
        Ok(Turn::Exchange(pair.refresh_token.clone()))
    }

    /// The stored pair, where it is beyond its half-life and has not ended.
    fn serving(
        &self,
        record: Option<&TokenRecord>,
        refused: Option<&SecretString>,
        now: Timestamp,
    ) -> Option<TokenPair> {
        let seed = self.credentials.seed.as_ref().map(Fingerprint::of);
        let record = record.filter(|it| seed.is_none() || it.seed == seed)?;
        let pair = record.pair.as_ref().filter(|pair| pair.ends().is_some_and(|end| now < end))?;
        let is_refused = refused.is_some_and(|refused| same(refused, &pair.access_token));
        (!is_refused).then(|| pair.clone())
    }

    /// Puts our claim into the record; none if somebody else was faster.
    async fn claim(
        &self,
        stored: Option<(TokenVersion, TokenRecord)>,
    ) -> Result<Option<(TokenVersion, TokenRecord)>, ApiError> {
        let (expected, record) = stored.unzip();
        let record = TokenRecord {
            claimed_by: Some(claim::by(&self.id, self.endpoint.clock().now())),
            ..record.unwrap_or_else(|| TokenRecord {
                endpoint: self.account.clone(),
                client_id: self.credentials.client.client_id.clone(),
                seed: None,
                pair: None,
                claimed_by: None,
            })
        };
        match self.credentials.store.save(expected.as_ref(), &record).await? {
            TokenSave::Done(version) => Ok(Some((version, record))),
            TokenSave::Refused => Ok(None),
        }
    }

    async fn exchange(&self, claim: Claim, refresh: SecretString) -> Result<TokenPair, ApiError> {
        let grant = Grant::RefreshToken(refresh.clone());
        let error = match self.endpoint.exchange(&self.credentials.client, &grant).await {
            Ok(granted) => return self.keep(claim, granted, refresh).await,
            Err(error) => error,
        };
        let is_spent = error.code.as_deref() == Some("invalid_grant");
        if is_spent
            && claim.taken_over
            && let Some(pair) = self.late_pair(&refresh).await?
        {
            return Ok(pair);
        }
        self.release(claim).await;
        Err(if is_spent { self.spent(error) } else { error })
    }

    /// Makes a new pair durable. Until that is done nothing else will do: the old pair has ended, and
    /// this one is nowhere else.
    async fn keep(
        &self,
        claim: Claim,
        granted: Granted,
        refresh: SecretString,
    ) -> Result<TokenPair, ApiError> {
        let pair = TokenPair::of(granted, refresh);
        let next = TokenRecord {
            endpoint: self.account.clone(),
            client_id: self.credentials.client.client_id.clone(),
            // A seed that was taken out of the config and put back has still been used.
            seed: self.credentials.seed.as_ref().map(Fingerprint::of).or(claim.record.seed),
            pair: Some(pair.clone()),
            claimed_by: None,
        };
        let store = &self.credentials.store;
        let mut expected = Some(claim.version);
        let mut backoff = Backoff::new(SAVE_CEILINGS.0, SAVE_CEILINGS.1);
        loop {
            let saved = store.save(expected.as_ref(), &next).await;
            let error = match saved {
                Ok(TokenSave::Done(_)) => {
                    tracing::info!(store = store.location(), "renewed the tokens");
                    return Ok(pair);
                }
                Ok(TokenSave::Refused) => match store.load().await {
                    Ok(Some((_, found))) if found.pair.as_ref() == Some(&pair) => return Ok(pair),
                    // Somebody took our claim for an abandoned one.
                    Ok(Some((version, found))) if found.pair == claim.record.pair => {
                        expected = Some(version);
                        continue;
                    }
                    Ok(Some((_, found))) => return self.pair_of_another(found),
                    Ok(None) => {
                        expected = None;
                        continue;
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let wait = backoff.next(&self.random);
            tracing::warn!(%error, "the new tokens are not saved yet, trying again");
            self.endpoint.clock().sleep(wait).await;
        }
    }

    /// The pair that somebody put there while we had a claim: a new sign-in.
    fn pair_of_another(&self, found: TokenRecord) -> Result<TokenPair, ApiError> {
        if !self.owns(&found) {
            return Err(self.of_another(&found));
        }
        found.pair.ok_or_else(|| self.not_signed_in())
    }

    /// What the former holder of the claim got for `refresh`, if it saves that yet.
    async fn late_pair(&self, refresh: &SecretString) -> Result<Option<TokenPair>, ApiError> {
        let since = Instant::now();
        while since.elapsed() < LATE_SAVE {
            let record = self.credentials.store.load().await?.map(|(_, record)| record);
            let pair = record.filter(|record| self.owns(record)).and_then(|record| record.pair);
            if let Some(pair) = pair.filter(|pair| !same(&pair.refresh_token, refresh)) {
                return Ok(Some(pair));
            }
            self.endpoint.clock().sleep(LOOK_AGAIN).await;
        }
        Ok(None)
    }

    /// Lets others try at once. If that fails they wait until the claim is old.
    async fn release(&self, claim: Claim) {
        let record = TokenRecord { claimed_by: None, ..claim.record };
        if let Err(error) = self.credentials.store.save(Some(&claim.version), &record).await {
            tracing::debug!(%error, "the claim to the tokens is left to grow old");
        }
    }

    fn owns(&self, record: &TokenRecord) -> bool {
        record.endpoint == self.account && record.client_id == self.credentials.client.client_id
    }

    fn not_signed_in(&self) -> ApiError {
        let place = self.credentials.store.location();
        ApiError::local(ErrorKind::Config, format!("there are no tokens in {place}"))
            .with_hint("sign in with `zenstream login`, or set `refresh_token`")
    }

    fn of_another(&self, record: &TokenRecord) -> ApiError {
        let place = self.credentials.store.location();
        let message = format!(
            "the tokens in {place} are those of the client `{}` at {}",
            record.client_id, record.endpoint
        );
        ApiError::local(ErrorKind::Config, message)
            .with_hint("sign in again with `zenstream login`, or set another `token_store`")
    }

    fn spent(&self, error: ApiError) -> ApiError {
        let place = self.credentials.store.location();
        let message = format!("the refresh token is spent (tokens in {place}): {}", error.message);
        let hint = "sign in again with `zenstream login`; a refresh token works once, so one that is \
                    used elsewhere too, was unused for too long, or whose answer was lost is gone";
        ApiError { kind: ErrorKind::Config, message, ..error }.with_hint(hint)
    }
}
