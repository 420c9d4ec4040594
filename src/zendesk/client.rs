//! One account's API: a page request in, a decoded page or an error out.
//!
//! The only retry loop toward Zendesk. Each try waits for the rate budget, is
//! signed, sent to the account's own origin and nowhere else, bounded in time and
//! size, and decoded; a page that cannot be decoded counts as a failed try.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{ACCEPT, AUTHORIZATION, DATE, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::auth::{Credentials, Signer, TokenEndpoint};
use super::counters::Counters;
use super::error::{ApiError, ErrorKind};
use super::needs::Needs;
use super::rate_limit::{self, BucketState, Draw, RateBudget};
use super::retry::{Backoff, Limited, SHORTEST_RATE_WAIT, requested_wait};
use super::transport::{BodyStream, Request, Transport, TransportError};
use crate::clock::Clock;
use crate::random::Random;

/// A renamed account answers with one redirect; more than a few are a loop.
const REDIRECTS_MAX: usize = 5;

/// The first and the last ceiling of the random delay between tries.
const RETRY_CEILINGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A clock that is wrong by more than this is worth a warning, in seconds.
const CLOCK_AHEAD_WARNING: i64 = 60;

/// How an account is talked to.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// `https://acme.zendesk.com`, without a path. No request leaves this origin.
    pub endpoint: Url,
    /// The longest a whole answer may take.
    pub timeout: Duration,
    /// How often a failed request is tried again; waiting for the rate limit does not count.
    pub retry_attempts: u32,
    /// The part of the rate budget that may be used, above 0 and up to 1.
    pub share: f64,
    /// A longer body, decompressed, is refused, in bytes. The largest page seen is 10 MB.
    pub max_body_bytes: usize,
}

/// What to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The path, `/api/v2/audit_logs`.
    pub path: String,
    /// The query, not yet encoded, in order.
    pub query: Vec<(String, String)>,
    /// The endpoint's own rate bucket, where it has one.
    pub bucket: Option<&'static str>,
    /// What that bucket is documented to take, in requests a minute: kept to until a header tells.
    pub limit: Option<u32>,
    /// What the endpoint asks of an account, for hints.
    pub needs: Option<Needs>,
    /// Whether it gives way to requests that are not: history gives way to the present.
    pub patient: bool,
    /// Whether an answer that takes too long is not worth another try: less is asked for instead.
    pub give_up_when_slow: bool,
    /// Whether a failure is told after one try: it failed before, and whoever asks has patience of
    /// its own.
    pub single_try: bool,
}

impl PageRequest {
    /// A request without parameters.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            query: Vec::new(),
            bucket: None,
            limit: None,
            needs: None,
            patient: false,
            give_up_when_slow: false,
            single_try: false,
        }
    }

    /// With one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    fn draw(&self) -> Draw {
        Draw::new(&self.path, self.bucket, self.patient).with_limit(self.limit)
    }
}

/// One account's API. Shared by all streams of the account.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    pub(super) signer: Signer,
    transport: Arc<dyn Transport>,
    budget: RateBudget,
    clock: Clock,
    random: Arc<Random>,
    counters: Counters,
    clock_ahead_secs: AtomicI64,
    /// How often a host that cannot be looked up is looked up again, at the most.
    lookup_retries: u32,
}

/// A whole answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// Connects nothing yet.
    pub fn new(
        settings: ClientSettings,
        credentials: Credentials,
        transport: Arc<dyn Transport>,
        clock: Clock,
        random: Arc<Random>,
    ) -> Self {
        let budget = RateBudget::new(settings.share);
        let (place, timeout) = (settings.endpoint.clone(), settings.timeout);
        let endpoint = TokenEndpoint::new(Arc::clone(&transport), place, timeout, clock);
        let signer = Signer::new(credentials, endpoint, &random);
        Self {
            settings,
            signer,
            transport,
            budget,
            clock,
            random,
            counters: Counters::default(),
            clock_ahead_secs: AtomicI64::new(0),
            lookup_retries: u32::MAX,
        }
    }

    /// For whoever sits and waits: a host that cannot be looked up is told after so many further tries.
    #[must_use]
    pub fn giving_up_on_names_after(self, lookup_retries: u32) -> Self {
        Self { lookup_retries, ..self }
    }

    /// What was done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is left of the rate budget, by bucket.
    pub fn budget(&self) -> Vec<(String, BucketState)> {
        self.budget.snapshot()
    }

    /// The bucket of the rate budget that some request waits for longest, and how long.
    pub fn longest_wait(&self) -> Option<(String, Duration)> {
        self.budget.longest_wait()
    }

    /// How many requests like this one must be under way at once to use the rate budget, at the
    /// time that answers take; none: no limit is known.
    pub fn in_flight_needed(&self, page: &PageRequest) -> Option<f64> {
        self.budget.in_flight_needed(&page.draw())
    }

    /// How long the rate budget takes for so many requests like this one, at the time that answers
    /// take; none: no limit is known.
    pub fn budget_time(&self, page: &PageRequest, requests: u64) -> Option<Duration> {
        self.budget.time_for(&page.draw(), requests)
    }

    /// The clock that paces this client.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// By how many seconds this machine's clock is ahead of Zendesk's, as the last answer's `Date`
    /// shows; 0 where it is not. What is ahead would take the future for read.
    pub fn clock_ahead_secs(&self) -> i64 {
        self.clock_ahead_secs.load(Ordering::Relaxed)
    }

    /// The account's address.
    pub fn endpoint(&self) -> &Url {
        &self.settings.endpoint
    }

    /// Gets a page and decodes it. `decode` says in words what is wrong with a body
    /// that is no page. Whatever may pass is tried again; the error is the last one. The rate limit
    /// uses up no tries, but is told where nothing gets through for minutes.
    pub async fn get<T>(
        &self,
        page: &PageRequest,
        decode: impl Fn(&Bytes) -> Result<T, String> + Send + Sync,
    ) -> Result<T, ApiError> {
        let mut backoff = Backoff::new(RETRY_CEILINGS.0, RETRY_CEILINGS.1);
        let mut failures = 0;
        let mut limited = Limited::default();
        loop {
            let error = match self.attempt(page, &decode).await {
                Ok(decoded) => return Ok(decoded),
                Err(error) => self.counters.failed(error),
            };
            if page.give_up_when_slow && error.is_too_much() {
                return Err(error);
            }
            let wait = match error.kind {
                ErrorKind::RateLimited { .. } if limited.is_news() => {
                    return Err(limited.tell(error));
                }
                ErrorKind::RateLimited { after } => {
                    after.unwrap_or_else(|| backoff.next(&self.random)).max(SHORTEST_RATE_WAIT)
                }
                ErrorKind::Retry { after } if failures < self.retries(page, &error) => {
                    failures += 1;
                    let after = after.filter(|after| !after.is_zero());
                    after.unwrap_or_else(|| backoff.next(&self.random))
                }
                _ => return Err(error),
            };
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if limited.was_told() {
                tracing::debug!(path = page.path, %error, retry_in_ms, "still rate limited");
            } else {
                tracing::warn!(path = page.path, %error, retry_in_ms, "request failed, trying again");
            }
            let is_limited = matches!(error.kind, ErrorKind::RateLimited { .. });
            let _held = is_limited.then(|| self.budget.held_back(&page.draw(), wait));
            self.clock.sleep(wait).await;
        }
    }

    /// How often a request that failed so is tried again.
    fn retries(&self, page: &PageRequest, error: &ApiError) -> u32 {
        let most = if error.unresolved { self.lookup_retries } else { u32::MAX };
        if page.single_try { 0 } else { self.settings.retry_attempts.min(most) }
    }

    /// One try: paced, signed, sent, read, decoded. A token that is refused is renewed once.
    async fn attempt<T>(
        &self,
        page: &PageRequest,
        decode: &(impl Fn(&Bytes) -> Result<T, String> + Send + Sync),
    ) -> Result<T, ApiError> {
        let draw = page.draw();
        let mut renewed = false;
        loop {
            let (permit, waited) = self.budget.acquire(&draw).await;
            self.count_wait(waited);
            let signature = self.signer.header().await?;
            let answer = self.exchange(self.build(page, &signature)?).await?;
            let is_good = answer.status.is_success();
            self.budget.learn(&permit, &answer.headers, is_good, self.clock.now());
            drop(permit);
            if answer.status == StatusCode::UNAUTHORIZED && !renewed {
                renewed = self.signer.renew(&signature);
                if renewed {
                    continue;
                }
            }
            let is_unauthorized = answer.status == StatusCode::UNAUTHORIZED;
            let body =
                self.accept(answer, &draw, page.needs.as_ref()).map_err(|error| {
                    match self.signer.remedy().filter(|_| is_unauthorized) {
                        Some(remedy) => error.with_hint(remedy),
                        None => error,
                    }
                })?;
            return decode(&body).map_err(|reason| ApiError::malformed(&body, &reason));
        }
    }

    fn build(&self, page: &PageRequest, signature: &HeaderValue) -> Result<Request, ApiError> {
        let mut url = self.settings.endpoint.clone();
        url.set_path(&page.path);
        if !page.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&page.query);
        }
        http::Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, signature)
            .body(Bytes::new())
            .map_err(|error| ApiError::local(ErrorKind::Bug, format!("request: {error}")))
    }

    /// The body of a good answer, or what the answer means.
    fn accept(
        &self,
        answer: Answer,
        draw: &Draw,
        needs: Option<&Needs>,
    ) -> Result<Bytes, ApiError> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let after = requested_wait(answer.status, &answer.headers, self.clock.now());
        let error = ApiError::from_answer(answer.status, &answer.body, after, needs);
        if let ErrorKind::RateLimited { after } = error.kind {
            self.counters.rate_limited.fetch_add(1, Ordering::Relaxed);
            let wait = after.unwrap_or(SHORTEST_RATE_WAIT).max(SHORTEST_RATE_WAIT);
            // The endpoint buckets answer with a code, or with headers that show that the account has some left.
            let has_left = rate_limit::has_left(&answer.headers);
            self.budget.block(draw, error.code.is_some() || has_left, wait);
        }
        Err(error)
    }

    /// Sends, follows redirects within the origin, reads the whole answer in time.
    async fn exchange(&self, mut request: Request) -> Result<Answer, ApiError> {
        for _ in 0..=REDIRECTS_MAX {
            let sent = Instant::now();
            let answer = tokio::time::timeout(self.settings.timeout, self.receive(request.clone()));
            let answer = answer.await.unwrap_or_else(|_| {
                let limit = self.settings.timeout.as_secs_f64();
                Err(TransportError::Timeout(format!("no whole answer in {limit} s")).into())
            });
            let answer = answer.inspect_err(|_| {
                self.counters.unanswered.fetch_add(1, Ordering::Relaxed);
            })?;
            self.counters.answered(answer.status, sent.elapsed());
            if !answer.status.is_redirection() {
                return Ok(answer);
            }
            *request.uri_mut() = self.redirect_target(&request, &answer)?;
        }
        Err(ApiError::local(ErrorKind::Config, "the account redirects in a circle"))
    }

    async fn receive(&self, request: Request) -> Result<Answer, ApiError> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(method = %request.method(), uri = %request.uri(), "sending");
        let answer = self.transport.send(request).await?;
        self.compare_clocks(&answer.headers);
        let body = self.read(answer.body).await?;
        self.counters.received_bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        let request_id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let (status, bytes) = (answer.status.as_u16(), body.len());
        tracing::debug!(status, bytes, request_id, "received");
        Ok(Answer { status: answer.status, headers: answer.headers, body })
    }

    fn compare_clocks(&self, headers: &HeaderMap) {
        let Some(date) = headers.get(DATE).and_then(|date| date.to_str().ok()) else { return };
        let Ok(date) = jiff::fmt::rfc2822::parse(date) else { return };
        let ahead = (self.clock.now().as_second() - date.timestamp().as_second()).max(0);
        let before = self.clock_ahead_secs.swap(ahead, Ordering::Relaxed);
        if ahead > CLOCK_AHEAD_WARNING && before <= CLOCK_AHEAD_WARNING {
            tracing::warn!(ahead_secs = ahead, "this machine's clock is ahead of zendesk's");
        }
    }

    async fn read(&self, mut body: BodyStream) -> Result<Bytes, ApiError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            if whole.len() + chunk.len() > self.settings.max_body_bytes {
                return Err(ApiError::too_long(self.settings.max_body_bytes));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Where a redirect leads, if that is within the account's origin: the
    /// credentials would go along.
    fn redirect_target(&self, from: &Request, answer: &Answer) -> Result<http::Uri, ApiError> {
        let refuse = |message: String| ApiError {
            status: Some(answer.status),
            hint: Some("set `subdomain` or `endpoint` to the account's present address".to_owned()),
            ..ApiError::local(ErrorKind::Config, message)
        };
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let base = Url::parse(&from.uri().to_string()).map_err(|e| refuse(e.to_string()))?;
        let target = location
            .and_then(|location| base.join(location).ok())
            .ok_or_else(|| refuse("the account redirects to nowhere".to_owned()))?;
        if target.origin() != self.settings.endpoint.origin() {
            let host = target.host_str().unwrap_or("nowhere").to_owned();
            return Err(refuse(format!("the account redirects to another host, `{host}`")));
        }
        target.as_str().parse().map_err(|_| refuse("the account redirects to nowhere".to_owned()))
    }

    fn count_wait(&self, waited: Duration) {
        let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.counters.budget_wait_ms.fetch_add(millis, Ordering::Relaxed);
    }
}
