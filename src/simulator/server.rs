//! The simulator on a port, for clients of any kind.
//!
//! Speaks HTTP/1.1 and does to a body what its answer says. Decides nothing.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;

use super::{Answer, BodyFault, Simulator};
use crate::clock::Clock;

/// No request has a larger body.
const MOST_REQUEST_BYTES: usize = 1 << 20;

#[derive(Clone)]
struct Shared {
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
}

/// Answers requests until `shutdown` is done and the connections are closed.
pub async fn serve(
    listener: tokio::net::TcpListener,
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new().fallback(answer).with_state(Shared { simulator, clock });
    // A page leaves in several writes; waiting to fill packets would cost 40 ms each.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off delayed sending");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn answer(State(shared): State<Shared>, request: http::Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MOST_REQUEST_BYTES).await.unwrap_or_default();
    let request = http::Request::from_parts(head, body);
    let now = shared.clock.now();
    let answer =
        shared.simulator.lock().unwrap_or_else(PoisonError::into_inner).handle(now, &request);
    if !answer.delay.is_zero() {
        shared.clock.sleep(answer.delay).await;
    }
    respond(answer, shared.clock)
}

fn respond(answer: Answer, clock: Clock) -> Response {
    let wire = answer.wire_body().clone();
    let arriving = answer.fault.map_or(wire.len(), |fault| fault.arriving(wire.len()));
    let part = wire.slice(..arriving);
    let body = match answer.fault {
        None | Some(BodyFault::Truncated { .. }) => Body::from(part),
        Some(BodyFault::Cut { .. }) => Body::from_stream(cut(part, clock)),
        Some(BodyFault::Slow { pieces, pause }) => {
            Body::from_stream(slow(part, pieces, pause, clock))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    if matches!(answer.fault, Some(BodyFault::Cut { .. } | BodyFault::Slow { .. })) {
        // All of it is announced, so that what is missing is missed.
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(wire.len()));
    }
    response
}

type Pieces = futures::stream::BoxStream<'static, io::Result<Bytes>>;

fn cut(part: Bytes, clock: Clock) -> Pieces {
    Box::pin(async_stream::stream! {
        yield Ok(part);
        // Lets what was written so far leave before the connection goes.
        clock.sleep(Duration::from_millis(5)).await;
        yield Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose"));
    })
}

fn slow(whole: Bytes, pieces: usize, pause: Duration, clock: Clock) -> Pieces {
    let size = whole.len().div_ceil(pieces.max(1)).max(1);
    Box::pin(async_stream::stream! {
        let mut rest = whole;
        while !rest.is_empty() {
            clock.sleep(pause).await;
            yield Ok(rest.split_to(size.min(rest.len())));
        }
    })
}
