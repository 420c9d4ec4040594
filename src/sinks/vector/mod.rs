//! Vector's own protocol: events as logs to a `vector` source, over gRPC.
//!
//! At least once. The source answers when the sinks behind it have the events, where these
//! acknowledge; so a position moves only then. It must not know what Vector does with them.

mod client;
mod encode;
mod proto;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tonic::{Code, Status};

use super::pace::Pace;
use super::progress::{Fate, Part, Progress};
use super::{Batch, Checked, Compression, Encoder, Sink, SinkError, SinkErrorKind, Written, fault};
use crate::tls::TlsSettings;
use client::Remote;
use proto::{PushEventsRequest, ServingStatus};

/// The longest request: what a gRPC server takes that is not told otherwise, as older versions of
/// Vector are, is 4 MiB. A larger event goes alone.
const REQUEST_BYTES_MAX: usize = (4 << 20) - (1 << 10);

/// What the config says of a Vector sink.
#[derive(Debug, Clone)]
pub struct VectorSettings {
    /// Where `vector` sources listen, the first one first: `http://vector:6000`, or
    /// `vector:6000`. Another is gone to when one is away. Never empty.
    pub endpoints: Vec<String>,
    /// How requests are compressed; zlib is not spoken.
    pub compression: Compression,
    /// How the endpoint proves who it is, and how we do.
    pub tls: TlsSettings,
    /// The longest that a request may take.
    pub timeout: Duration,
    /// The most requests in a span of time, if they are limited.
    pub rate_limit: Option<(u64, Duration)>,
    /// How often a connection is proved to be alive while a request is on it.
    pub keepalive_interval: Duration,
    /// How long that proof may take.
    pub keepalive_timeout: Duration,
}

impl VectorSettings {
    /// Whether its addresses are some. Touches nothing.
    pub fn validate(&self) -> Result<(), SinkError> {
        self.endpoints.iter().try_for_each(|address| client::place(address, &self.tls).map(drop))
    }
}

/// Sends batches to a `vector` source.
#[derive(Debug)]
pub struct Vector {
    remotes: Vec<Remote>,
    /// The one that is talked to.
    active: AtomicUsize,
    encoder: Encoder,
    pace: Pace,
    progress: Progress<Vec<Bytes>>,
}

impl Vector {
    /// A sink for these settings. Connects to nothing; reads the certificates.
    pub fn new(settings: &VectorSettings, encoder: Encoder) -> Result<Self, SinkError> {
        settings.validate()?;
        let remotes = settings.endpoints.iter().map(|address| Remote::new(address, settings));
        let remotes = remotes.collect::<Result<Vec<_>, _>>()?;
        let (active, pace) = (AtomicUsize::new(0), Pace::new(settings.rate_limit));
        Ok(Self { remotes, active, encoder, pace, progress: Progress::default() })
    }

    fn remote(&self) -> &Remote {
        &self.remotes[self.active.load(Ordering::Relaxed) % self.remotes.len()]
    }

    /// Encodes a batch where it may block, and cuts it into requests.
    async fn begin(&self, batch: &Batch) -> Result<(), SinkError> {
        let (events, encoder) = (batch.events.clone(), self.encoder.clone());
        let made = tokio::task::spawn_blocking(move || {
            events.iter().map(|event| encode::encoded(event, &encoder)).collect::<Vec<_>>()
        });
        let made = made.await.map_err(|lost| fault::of_lost_task(&lost))?;
        let (mut logs, mut refused) = (Vec::new(), BTreeMap::new());
        for (place, log) in made.into_iter().enumerate() {
            match log {
                Ok(log) => logs.push(log),
                Err(reason) => {
                    refused.insert(place, reason);
                    logs.push(Bytes::new());
                }
            }
        }
        let requests = cut(&logs, &refused);
        let target = Arc::new(logs);
        let parts = requests.into_iter().map(|places| Part { target: Arc::clone(&target), places });
        self.progress.begin(batch, parts.collect(), refused);
        Ok(())
    }

    async fn send(&self, part: &Part<Vec<Bytes>>) -> Result<Fate, SinkError> {
        let events = part.places.iter().map(|place| part.target[*place].clone()).collect();
        let remote = self.remote();
        match remote.push(PushEventsRequest { events }).await {
            Ok(()) => Ok(Fate::Taken),
            Err(status) => self.judge(remote, &status),
        }
    }

    fn judge(&self, remote: &Remote, status: &Status) -> Result<Fate, SinkError> {
        let text = described(remote, status);
        match status.code() {
            // How Vector says that one of the sinks behind has rejected the events.
            Code::DataLoss => Ok(Fate::Refused(text)),
            // Too large, which is said in both of these ways, or something in it is wrong.
            Code::OutOfRange | Code::InvalidArgument => Ok(Fate::RefusedTogether(text)),
            _ => Err(self.failure(remote, status)),
        }
    }

    /// The error, after which another endpoint is talked to if there is one.
    fn failure(&self, remote: &Remote, status: &Status) -> SinkError {
        let text = described(remote, status);
        let hint = match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => {
                "look at `tls.crt_file` and at what stands before that Vector"
            }
            Code::Unimplemented | Code::NotFound => {
                "is it the address of a `vector` source? Its `http_server` source takes the `http` \
                 sink"
            }
            _ => {
                self.active.fetch_add(1, Ordering::Relaxed);
                return SinkError::new(SinkErrorKind::Retry, text);
            }
        };
        SinkError::new(SinkErrorKind::Config, text).with_hint(hint)
    }
}

fn described(remote: &Remote, status: &Status) -> String {
    format!("{} answered {:?}: {}", remote.place, status.code(), client::told(status))
}

/// The places of those logs that are not refused, in requests that are not too long.
fn cut(logs: &[Bytes], refused: &BTreeMap<usize, String>) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (place, log) in logs.iter().enumerate() {
        if refused.contains_key(&place) {
            continue;
        }
        // Before each log stand its field's number and its length.
        let length = log.len() + 1 + prost::length_delimiter_len(log.len());
        match requests.last_mut() {
            Some(request) if length <= room => {
                request.push(place);
                room -= length;
            }
            _ => {
                requests.push(vec![place]);
                room = REQUEST_BYTES_MAX.saturating_sub(length);
            }
        }
    }
    requests
}

#[async_trait]
impl Sink for Vector {
    /// Asks the endpoints how they are; one that is well is enough.
    async fn check(&self) -> Result<Checked, SinkError> {
        let mut failure = SinkError::new(SinkErrorKind::Config, "there is no endpoint");
        for _ in &self.remotes {
            let remote = self.remote();
            let status = match remote.health().await {
                Ok(health) if health.status == i32::from(ServingStatus::Serving) => {
                    let place = &remote.place;
                    return Ok(Checked::new(format!("{place} says it serves; nothing was sent")));
                }
                Ok(_) => Status::unavailable("it is not serving"),
                Err(status) => status,
            };
            failure = self.failure(remote, &status);
        }
        Err(failure)
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        if !self.progress.knows(batch) {
            self.begin(batch).await?;
            self.pace.begin();
        }
        while let Some(part) = self.progress.next() {
            self.pace.wait().await;
            let fate = self.send(&part).await?;
            if fate.is_refusal() {
                self.pace.refused();
            }
            self.progress.settle(fate)?;
        }
        Ok(Written { state: None, refused: self.progress.finish() })
    }
}
