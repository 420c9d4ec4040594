//! The simulator in place of the network, without a socket.
//!
//! Time passes on tokio's timer alone, so a test may pause it. Requests to
//! another host than the account's get no answer and are written down, so that a
//! test can tell whether credentials were about to leave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH};
use jiff::Timestamp;

use super::{Answer, BodyFault, Simulator};
use crate::clock::Clock;
use crate::zendesk::transport::{BodyStream, Request, Response, Transport, TransportError};

/// How large the pieces are in which a body arrives.
const PIECE: usize = 64 << 10;

/// A request that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// When.
    pub at: Timestamp,
    /// Its method.
    pub method: http::Method,
    /// Its whole address.
    pub uri: http::Uri,
    /// Whether it carried an `Authorization` header.
    pub has_credentials: bool,
    /// The answer's status; none if nothing came.
    pub status: Option<u16>,
}

/// Speaks to a simulator.
#[derive(Debug)]
pub struct SimulatedTransport {
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    timeout: Duration,
    authorities: Vec<String>,
    log: Mutex<Vec<SeenRequest>>,
    foreign: Mutex<Vec<SeenRequest>>,
}

impl SimulatedTransport {
    /// Answers for the simulator's `<subdomain>.zendesk.com`; gives up after 60 s.
    pub fn new(simulator: Arc<Mutex<Simulator>>, clock: Clock) -> Self {
        let host = format!("{}.zendesk.com", locked(&simulator).settings().subdomain);
        Self {
            simulator,
            clock,
            timeout: Duration::from_mins(1),
            authorities: vec![host],
            log: Mutex::new(Vec::new()),
            foreign: Mutex::new(Vec::new()),
        }
    }

    /// Gives up after this long.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Answers for this host (and port) too.
    pub fn with_authority(mut self, authority: &str) -> Self {
        self.authorities.push(authority.to_owned());
        self
    }

    /// The simulator behind it.
    pub fn simulator(&self) -> &Arc<Mutex<Simulator>> {
        &self.simulator
    }

    /// All requests to the account, in order.
    pub fn requests(&self) -> Vec<SeenRequest> {
        locked(&self.log).clone()
    }

    /// All requests to anybody else, in order.
    pub fn foreign_requests(&self) -> Vec<SeenRequest> {
        locked(&self.foreign).clone()
    }

    /// The account is reached by TLS alone; hosts that were added, by any scheme.
    fn is_ours(&self, uri: &http::Uri) -> bool {
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let known = self.authorities.iter().position(|own| own.eq_ignore_ascii_case(authority));
        known.is_some_and(|at| at > 0 || uri.scheme_str() == Some("https"))
    }

    /// What Zendesk says at the address of an account that does not exist.
    fn no_help_desk(&self, at: Timestamp, request: &Request, mut seen: SeenRequest) -> Response {
        let answer = locked(&self.simulator).handle(at, request);
        seen.status = Some(answer.status.as_u16());
        locked(&self.foreign).push(seen);
        Response {
            status: answer.status,
            headers: answer.headers.clone(),
            body: self.body(&answer),
        }
    }

    fn body(&self, answer: &Answer) -> BodyStream {
        let (whole, clock) = (answer.body.clone(), self.clock);
        let arriving = answer.fault.map_or(whole.len(), |fault| fault.arriving(whole.len()));
        // Half a gzip cannot be unpacked: what is a proper end on the wire is none behind it.
        let was_gzip = answer.gzip.is_some();
        let (pause, breaks) = match answer.fault {
            Some(BodyFault::Slow { pause, .. }) => (pause, false),
            Some(BodyFault::Cut { .. }) => (Duration::ZERO, true),
            Some(BodyFault::Truncated { .. }) => (Duration::ZERO, was_gzip),
            None => (Duration::ZERO, false),
        };
        let piece = match answer.fault {
            Some(BodyFault::Slow { pieces, .. }) => whole.len().div_ceil(pieces.max(1)).max(1),
            _ => PIECE,
        };
        Box::pin(async_stream::stream! {
            let mut rest = whole.slice(..arriving);
            while !rest.is_empty() {
                if !pause.is_zero() {
                    clock.sleep(pause).await;
                }
                yield Ok(rest.split_to(piece.min(rest.len())));
            }
            if breaks {
                yield Err(TransportError::Cut("the body ended early".to_owned()));
            }
        })
    }
}

#[async_trait]
impl Transport for SimulatedTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let at = self.clock.now();
        let mut seen = SeenRequest {
            at,
            method: request.method().clone(),
            uri: request.uri().clone(),
            has_credentials: request.headers().contains_key(AUTHORIZATION),
            status: None,
        };
        if !self.is_ours(request.uri()) {
            if is_zendesk(request.uri()) {
                return Ok(self.no_help_desk(at, &request, seen));
            }
            let refusal = TransportError::Connect(format!("nobody answers: {}", request.uri()));
            locked(&self.foreign).push(seen);
            return Err(refusal);
        }
        let mut answer = locked(&self.simulator).handle(at, &request);
        seen.status = (answer.delay <= self.timeout).then(|| answer.status.as_u16());
        locked(&self.log).push(seen);
        if !answer.delay.is_zero() {
            self.clock.sleep(answer.delay.min(self.timeout)).await;
        }
        if answer.delay > self.timeout {
            return Err(TransportError::Timeout(format!("nothing came in {:?}", self.timeout)));
        }
        // The seam hands out unpacked bodies.
        answer.headers.remove(CONTENT_ENCODING);
        answer.headers.remove(CONTENT_LENGTH);
        let body = self.body(&answer);
        Ok(Response { status: answer.status, headers: answer.headers, body })
    }
}

fn is_zendesk(uri: &http::Uri) -> bool {
    uri.scheme_str() == Some("https")
        && uri.host().is_some_and(|host| host.ends_with(".zendesk.com"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
