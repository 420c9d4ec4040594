//! Requests to any HTTP endpoint: a batch's events as the body.
//!
//! At least once: an answer that is lost says nothing, so the request is sent again, with the
//! same `Idempotency-Key`. What was answered is not sent again. It follows no redirect, and never
//! shows what authorizes it.

mod answer;
mod client;
mod secrets;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, Method, header};
use reqwest::{Client, Response};
use sha2::{Digest as _, Sha256};

use super::compress::Compressor;
use super::object::hex;
use super::pace::Pace;
use super::progress::{Fate, Part, Progress};
use super::{Batch, Checked, Compression, Encoder, Sink, SinkError, SinkErrorKind, Written, fault};
use crate::http_client::{self, ProxySettings};
use crate::normalize::Event;
use crate::tls::TlsSettings;
pub use answer::{ResponseFormat, RetryStrategy};
use answer::{Verdict, sorted_by_status};
pub use client::HttpAuth;
use secrets::Secrets;
use target::{Target, Targets};

/// Says that two requests are the same one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where there is no connection.
const AWAY: &str = "see whether it runs, and whether `uri`, `proxy` and the firewall let it be reached; events wait";
/// Where there is a connection and no answer.
const SLOW: &str = "see why it is slow; a smaller `batch` or a longer `request.timeout_secs` helps";
/// Where the answer says to come again.
const AGAIN: &str = "its own log says why; events wait until it takes them";

/// What the config says of an HTTP sink.
#[derive(Clone)]
pub struct HttpSettings {
    /// The address, with `{{ stream }}` and the like after the host.
    pub uri: String,
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// How to sign in.
    pub auth: Option<HttpAuth>,
    /// Headers and their values, which may be templates.
    pub headers: Vec<(String, String)>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// What stands before the events.
    pub payload_prefix: String,
    /// What stands after them.
    pub payload_suffix: String,
    /// How the endpoint proves who it is, and how we do.
    pub tls: TlsSettings,
    /// The longest that a request may take.
    pub timeout: Duration,
    /// The most requests in a span of time, if they are limited.
    pub rate_limit: Option<(u64, Duration)>,
    /// What is asked at start whether all is well; none: nothing.
    pub healthcheck_uri: Option<String>,
    /// After which answers a request is sent again.
    pub retry_strategy: RetryStrategy,
    /// What an answer says of the events.
    pub response_format: ResponseFormat,
}

impl HttpSettings {
    /// Whether addresses and headers can be made of them. Touches nothing.
    pub fn validate(&self) -> Result<(), SinkError> {
        Targets::new(self).map(drop)
    }
}

impl fmt::Debug for HttpSettings {
    /// Without addresses and headers, in which tokens may stand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("method", &self.method)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("retry_strategy", &self.retry_strategy)
            .field("response_format", &self.response_format)
            .finish_non_exhaustive()
    }
}

/// Sends batches as requests.
pub struct Http {
    client: Client,
    settings: Arc<HttpSettings>,
    encoder: Encoder,
    targets: Targets,
    secrets: Secrets,
    pace: Pace,
    progress: Progress<Target>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.settings).finish()
    }
}

impl Http {
    /// A sink for these settings. Connects to nothing; reads the certificates.
    pub fn new(
        settings: HttpSettings,
        encoder: Encoder,
        proxy: &ProxySettings,
    ) -> Result<Self, SinkError> {
        let targets = Targets::new(&settings)?;
        let client = client::new(proxy, &settings.tls, settings.timeout)?;
        let secrets = Secrets::of(&settings);
        let pace = Pace::new(settings.rate_limit);
        let (settings, progress) = (Arc::new(settings), Progress::default());
        Ok(Self { client, settings, encoder, targets, secrets, pace, progress })
    }

    async fn send(&self, batch: &Batch, part: &Part<Target>) -> Result<Fate, SinkError> {
        let events: Vec<Event> =
            part.places.iter().map(|place| batch.events[*place].clone()).collect();
        let key = idempotency_key(&events);
        let body = self.body(events).await?;
        let target = &part.target;
        let mut headers = header::HeaderMap::new();
        let content_type = header::HeaderValue::from_static(self.encoder.content_type());
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Some(encoding) = self.settings.compression.content_encoding() {
            let encoding = header::HeaderValue::from_static(encoding);
            headers.insert(header::CONTENT_ENCODING, encoding);
        }
        headers.insert(IDEMPOTENCY_KEY, key);
        // What the user says comes last, and so holds.
        for (name, value) in &target.headers {
            headers.insert(name, value.clone());
        }
        let request = self.client.request(self.settings.method.clone(), target.url.clone());
        let sent = request.headers(headers).body(body).send().await;
        let answer = sent.map_err(|error| self.unanswered(target, error))?;
        self.judge(target, answer, part.places.len()).await
    }

    /// Encodes and compresses where it may block.
    async fn body(&self, events: Vec<Event>) -> Result<Vec<u8>, SinkError> {
        let (encoder, settings) = (self.encoder.clone(), Arc::clone(&self.settings));
        let packed = tokio::task::spawn_blocking(move || {
            let mut compressor = Compressor::new(settings.compression)?;
            compressor.write_all(settings.payload_prefix.as_bytes())?;
            encoder.encode_all(events.iter(), &mut compressor)?;
            compressor.write_all(settings.payload_suffix.as_bytes())?;
            compressor.finish()
        });
        match packed.await {
            Ok(packed) => packed.map_err(|error| fault::of_io("cannot compress a batch", &error)),
            Err(lost) => Err(fault::of_lost_task(&lost)),
        }
    }

    /// There was no answer, so nobody knows what became of the request.
    fn unanswered(&self, target: &Target, error: reqwest::Error) -> SinkError {
        let kind = if error.is_builder() { SinkErrorKind::Config } else { SinkErrorKind::Retry };
        let place = target.place();
        let (text, hint) = if error.is_timeout() {
            let secs = self.settings.timeout.as_secs_f64();
            (format!("{place} did not answer within {secs} s"), SLOW)
        } else {
            (format!("cannot reach {place}: {}", http_client::cause(error)), AWAY)
        };
        SinkError::new(kind, self.secrets.hidden_in(&text)).with_hint(hint)
    }

    async fn judge(
        &self,
        target: &Target,
        answer: Response,
        events: usize,
    ) -> Result<Fate, SinkError> {
        let status = answer.status();
        let verdict = sorted_by_status(status, &self.settings.retry_strategy);
        if let (Verdict::Taken, ResponseFormat::ElasticsearchBulk) =
            (verdict, self.settings.response_format)
        {
            return self.judge_bulk(target, answer, events).await;
        }
        let said = answer::told(answer, &self.secrets).await;
        let text = format!("{} answered {status}{said}", target.place());
        match verdict {
            Verdict::Taken => Ok(Fate::Taken),
            Verdict::Again => Err(SinkError::new(SinkErrorKind::Retry, text).with_hint(AGAIN)),
            Verdict::Refused => Ok(Fate::Refused(text)),
            Verdict::RefusedTogether => Ok(Fate::RefusedTogether(text)),
        }
    }

    async fn judge_bulk(
        &self,
        target: &Target,
        answer: Response,
        events: usize,
    ) -> Result<Fate, SinkError> {
        let place = target.place();
        let body = answer::bulk_body(answer).await.map_err(|cause| {
            let text = format!("the answer of {place} was cut: {cause}");
            SinkError::new(SinkErrorKind::Retry, self.secrets.hidden_in(&text))
        })?;
        let fates = answer::bulk_fates(&body, events, &self.settings.retry_strategy, &self.secrets);
        let (fates, busy) = fates.map_err(|what| {
            let text = format!("the answer of {place} is not one to a bulk request: {what}");
            SinkError::new(SinkErrorKind::Config, text).with_hint(
                "let `uri` end in `/_bulk`, without `filter_path`; or leave `response_format` out",
            )
        })?;
        let error = busy.map(|busy| {
            SinkError::new(SinkErrorKind::Retry, format!("{place} did not take all events: {busy}"))
        });
        Ok(Fate::Mixed(fates, error))
    }
}

/// The same for the same events, whatever else was in the batch.
fn idempotency_key(events: &[Event]) -> header::HeaderValue {
    let mut hash = Sha256::new();
    for event in events {
        hash.update(event.id().as_bytes());
        hash.update(b"\n");
    }
    header::HeaderValue::from_str(&hex(&hash.finalize()))
        .expect("hexadecimal digits are a header's value")
}

#[async_trait]
impl Sink for Http {
    /// Asks `healthcheck.uri`, if there is one: nothing else can be asked of an endpoint of which
    /// nothing is known.
    async fn check(&self) -> Result<Checked, SinkError> {
        let Some(target) = self.targets.healthcheck() else {
            return Ok(Checked::new("nothing was tried: there is no `healthcheck.uri`")
                .with_hint("name an address in `healthcheck.uri` that answers HEAD with 2xx"));
        };
        let mut headers = header::HeaderMap::new();
        for (name, value) in &target.headers {
            headers.insert(name, value.clone());
        }
        let sent = self.client.head(target.url.clone()).headers(headers).send().await;
        let answer = sent.map_err(|error| self.unanswered(&target, error))?;
        let status = answer.status();
        let text = format!("{} answered {status} to the health check", target.place());
        match sorted_by_status(status, &RetryStrategy::Default) {
            Verdict::Taken => Ok(Checked::new(format!("{text}; nothing was sent"))),
            Verdict::Again => Err(SinkError::new(SinkErrorKind::Retry, text)),
            Verdict::Refused | Verdict::RefusedTogether => {
                Err(SinkError::new(SinkErrorKind::Config, text)
                    .with_hint("look at `auth`, `request.headers` and `healthcheck.uri`"))
            }
        }
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        if !self.progress.knows(batch) {
            self.progress.begin(batch, self.targets.parts(batch)?, BTreeMap::new());
            self.pace.begin();
        }
        while let Some(part) = self.progress.next() {
            self.pace.wait().await;
            let fate = self.send(batch, &part).await?;
            if fate.is_refusal() {
                self.pace.refused();
            }
            self.progress.settle(fate)?;
        }
        Ok(Written { state: None, refused: self.progress.finish() })
    }
}
