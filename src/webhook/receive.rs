//! The server that webhooks are sent to: it decides what a request is answered with.
//!
//! Bounded in everything: how many requests are read at once, how long one may take to arrive, how long its body and all
//! bodies together are, how many wait for their events to become durable. What finds no place waits for one, and is told
//! to come again when Zendesk would no longer hear; nothing is kept for it.

use std::collections::HashMap;
use std::fmt;
use std::future::IntoFuture as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use jiff::Unit;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::payload::{self, Payload};
use super::{Arrived, Inlet, Kind, PENDING_MAX, Receipt, WebhookSettings, signature};
use crate::clock::Clock;
use crate::normalize::Origin;

const SIGNATURE: HeaderName = HeaderName::from_static("x-zendesk-webhook-signature");
const SIGNED_AT: HeaderName = HeaderName::from_static("x-zendesk-webhook-signature-timestamp");
const INVOCATION: HeaderName = HeaderName::from_static("x-zendesk-webhook-invocation-id");

/// How many requests may be read at once; more of them wait. Nobody has shown a signature by then.
const READING_MAX: usize = 1_024;

/// How many bytes of bodies may be here that are not handed over: who sends nothing takes up nothing.
const READING_BYTES_MAX: usize = 64 << 20;

/// How long a request may take to arrive: Zendesk itself waits no longer for its answer.
const READING_TIMEOUT: Duration = Duration::from_secs(10);

/// When to send again what could not be taken. Zendesk heeds it below a minute.
const COME_AGAIN_SECS: &str = "10";

/// The longest id of a request that is believed to be one, in bytes.
const INVOCATION_BYTES_MAX: usize = 128;

/// Between two lines of the log on refusals of the same kind.
const REFUSALS_APART: Duration = Duration::from_secs(60);

/// Receives webhooks.
pub struct Receiver {
    settings: WebhookSettings,
    clock: Clock,
    /// By output; none where nobody takes what would come out of it.
    inlets: Vec<(Kind, Inlet)>,
    reading: Semaphore,
    /// Each permit is a byte.
    bytes: Semaphore,
    pending: Arc<Semaphore>,
    /// Told of each refusal, for each output that may lack events by it.
    refused: Box<dyn Fn(Kind) + Send + Sync>,
    /// When a refusal was logged last.
    told: Mutex<HashMap<StatusCode, Instant>>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A body, and its part of the bytes that may be here.
struct Held<'r> {
    body: Bytes,
    _bytes: SemaphorePermit<'r>,
}

/// What a request is answered with.
struct Refusal {
    status: StatusCode,
    reason: String,
    /// The outputs that may lack events by it.
    outputs: &'static [Kind],
}

impl Refusal {
    /// Of a request that was signed, and may be for any output.
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), outputs: &Kind::ALL }
    }

    /// Of a request that is no webhook of Zendesk's: whoever looks for open doors sends those.
    fn stray(status: StatusCode, reason: &str) -> Self {
        Self { outputs: &[], ..Self::new(status, reason) }
    }

    /// Of a request that is for this output.
    fn of(self, kind: Kind) -> Self {
        let at = Kind::ALL.iter().position(|it| *it == kind).unwrap_or(0);
        Self { outputs: &Kind::ALL[at..=at], ..self }
    }
}

impl Receiver {
    /// Listens nowhere yet. `refused` is told of each request that was not taken, for each output that
    /// may lack its events.
    pub fn new(
        settings: WebhookSettings,
        clock: Clock,
        inlets: Vec<(Kind, Inlet)>,
        refused: impl Fn(Kind) + Send + Sync + 'static,
    ) -> Self {
        Self {
            settings,
            clock,
            inlets,
            reading: Semaphore::new(READING_MAX),
            bytes: Semaphore::new(READING_BYTES_MAX),
            refused: Box::new(refused),
            pending: Arc::new(Semaphore::new(PENDING_MAX)),
            told: Mutex::default(),
        }
    }

    /// Answers requests until `stop`, and those under way then.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) -> io::Result<()> {
        // Whoever is still connected then sends nothing.
        let last_answer = READING_TIMEOUT + self.settings.acknowledge_timeout;
        let clock = self.clock;
        let router = Router::new().fallback(answer).with_state(Arc::new(self));
        let stopped = |mut stop: watch::Receiver<bool>| async move {
            // Nobody left to say so: stopped as well.
            let _gone = stop.wait_for(|stop| *stop).await;
        };
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped(stop.clone()));
        tokio::select! {
            served = served.into_future() => served,
            () = async { stopped(stop).await; clock.sleep(last_answer).await } => Ok(()),
        }
    }

    async fn receive(&self, request: Request) -> Result<(), Refusal> {
        let (head, body) = request.into_parts();
        if head.uri.path() != self.settings.path {
            let reason = "webhooks are not received at this path";
            return Err(Refusal::stray(StatusCode::NOT_FOUND, reason));
        }
        if head.method != Method::POST {
            let reason = "webhooks are sent with POST";
            return Err(Refusal::stray(StatusCode::METHOD_NOT_ALLOWED, reason));
        }
        let kept = self.read(&head.headers, body).await?;
        self.verify(&head.headers, &kept.body)?;
        let header = |name| head.headers.get(name).and_then(|it| it.to_str().ok());
        let invocation = header(INVOCATION);
        let invocation = invocation.filter(|id| (1..=INVOCATION_BYTES_MAX).contains(&id.len()));
        // The signature holds the time too, so that it is at least no other request's.
        let request = invocation.or_else(|| header(SIGNATURE)).unwrap_or_default();
        let payload = payload::read(&kept.body, request, |kind| self.origin(kind))
            .map_err(|reason| Refusal::new(StatusCode::BAD_REQUEST, reason))?;
        let kind = payload.kind;
        self.hand_over(payload, kept).await.map_err(|refusal| refusal.of(kind))
    }

    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held<'_>, Refusal> {
        let most = self.settings.max_body_bytes;
        let too_long = || {
            let reason = format!("the body is longer than `max_body_bytes`, {most}");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
        };
        let announced = headers.get(http::header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        if announced.and_then(|text| text.parse::<u64>().ok()) > Some(most as u64) {
            return Err(too_long());
        }
        if !headers.contains_key(SIGNATURE) || !headers.contains_key(SIGNED_AT) {
            let reason = "the request is not signed";
            return Err(Refusal::stray(StatusCode::UNAUTHORIZED, reason));
        }
        let reading = tokio::time::timeout(READING_TIMEOUT, self.reading.acquire()).await;
        let Ok(Ok(_reading)) = reading else {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once");
        };
        match tokio::time::timeout(READING_TIMEOUT, self.whole(body, most)).await {
            Ok(Some(Ok(held))) => Ok(held),
            Ok(Some(Err(_))) => refuse(StatusCode::BAD_REQUEST, "the body ended early"),
            Ok(None) => Err(too_long()),
            Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
        }
    }

    /// A body as one; none if it is longer than that.
    async fn whole(&self, body: Body, most: usize) -> Option<Result<Held<'_>, axum::Error>> {
        let (mut pieces, mut whole) = (body.into_data_stream(), BytesMut::new());
        let mut bytes = self.bytes.try_acquire_many(0).ok()?;
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
            if whole.len() + piece.len() > most {
                return None;
            }
            bytes.merge(self.bytes.acquire_many(u32::try_from(piece.len()).ok()?).await.ok()?);
            whole.extend_from_slice(&piece);
        }
        Some(Ok(Held { body: whole.freeze(), _bytes: bytes }))
    }

    fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        let value = |name| headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
        signature::verify(
            self.settings.signing_secret.expose_secret(),
            (value(SIGNATURE), value(SIGNED_AT)),
            body,
            (self.clock.now(), self.settings.max_age),
        )
        .map_err(|forged| Refusal::new(StatusCode::UNAUTHORIZED, forged.to_string()))
    }

    fn origin(&self, kind: Kind) -> Arc<Origin> {
        let now = self.clock.now();
        Arc::new(Origin {
            source: self.settings.source.clone(),
            stream: kind.name().to_owned(),
            subdomain: self.settings.subdomain.clone(),
            partition: Origin::WEBHOOK.to_owned(),
            ingest_time: now.round(Unit::Millisecond).unwrap_or(now),
            through: None,
        })
    }

    /// Hands the events over and waits until they are durable. `held` counts until there is a place for them.
    async fn hand_over(&self, payload: Payload, held: Held<'_>) -> Result<(), Refusal> {
        let Payload { kind, events, rejected } = payload;
        let Some((_, inlet)) = self.inlets.iter().find(|(it, _)| *it == kind) else {
            let reason = format!("no sink takes `{}.{kind}`", self.settings.source);
            return refuse(StatusCode::BAD_REQUEST, reason);
        };
        let unavailable = |reason: &str| refuse(StatusCode::SERVICE_UNAVAILABLE, reason);
        let deadline = Instant::now() + self.settings.acknowledge_timeout;
        let place = Arc::clone(&self.pending).acquire_owned();
        let Ok(Ok(place)) = tokio::time::timeout_at(deadline, place).await else {
            return unavailable("too many events wait for a sink; send it again");
        };
        drop(held);
        let (told, is_told) = oneshot::channel();
        let receipt = Receipt { told, _place: place };
        if inlet.0.try_send(Arrived { events, rejected, receipt }).is_err() {
            return unavailable("the run is ending; send it again");
        }
        match tokio::time::timeout_at(deadline, is_told).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => unavailable("the run is ending; send it again"),
            Err(_) => unavailable("the sinks do not have the events yet; send it again"),
        }
    }

    /// Counts a refusal, and logs it unless one of its kind was logged lately.
    fn note(&self, Refusal { status, reason, outputs }: &Refusal) {
        outputs.iter().for_each(|kind| (self.refused)(*kind));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.get(status).is_none_or(|at| at.elapsed() >= REFUSALS_APART);
        let (source, status_code) = (&self.settings.source, status.as_u16());
        if is_due {
            told.insert(*status, Instant::now());
            tracing::warn!(source, status = status_code, reason, "webhook refused");
        } else {
            tracing::debug!(source, status = status_code, reason, "webhook refused");
        }
    }
}

fn refuse<T>(status: StatusCode, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(status, reason))
}

async fn answer(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let (status, text) = match receiver.receive(request).await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(refusal) => {
            receiver.note(&refusal);
            (refusal.status, refusal.reason)
        }
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN_SECS));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    (status, headers, text + "\n").into_response()
}
