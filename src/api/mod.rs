//! What can be observed from outside, over HTTP.
//!
//! | path | answers |
//! |---|---|
//! | `/health` | 200, or 503 while draining; one that stands by is ready, too |
//! | `/metrics` | the metrics, as Prometheus reads them |
//! | `/status` | everything, as JSON |
//! | `/` | the same as a page for people |
//!
//! Reads what the pipeline counts, and changes nothing. Holds no secret, and so asks nobody for one: it listens on this
//! machine alone unless told otherwise.

mod history;
mod metrics;

use std::future::IntoFuture as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::history::{History, STEP};
use crate::clock::Clock;
use crate::pipeline::{self, Observer, Status};

/// The page for people: one file, no network but `/status`.
const PAGE: &str = include_str!("page.html");

/// The page runs what is in it, and asks nobody but us.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
     connect-src 'self'; frame-ancestors 'none'";

/// A port that is listened on, and not answered yet.
#[derive(Debug)]
pub struct Api {
    listener: TcpListener,
}

/// What is looked at.
#[derive(Debug)]
pub struct View {
    /// The pipeline; none before there is one. Another one takes its place when a run begins again.
    pub pipeline: watch::Receiver<Option<Observer>>,
    /// Whether the run is being stopped.
    pub draining: watch::Receiver<bool>,
    /// Tells when it began.
    pub clock: Clock,
}

struct Shared {
    view: View,
    started: jiff::Timestamp,
    history: Mutex<History>,
}

impl Api {
    /// Takes the port, so that whoever started the program learns at once if it cannot be had.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for as long as it is waited for.
    pub async fn serve(self, view: View) -> io::Result<()> {
        let started = view.clock.now();
        let shared = Arc::new(Shared { view, started, history: Mutex::default() });
        let router = Router::new()
            .route("/health", get(health))
            .route("/metrics", get(metrics_text))
            .route("/status", get(status))
            .route("/", get(page))
            .with_state(Arc::clone(&shared));
        tokio::select! {
            served = axum::serve(self.listener, router).into_future() => served,
            () = shared.keep_history() => Ok(()),
        }
    }
}

impl Shared {
    fn now(&self) -> Option<Status> {
        self.view.pipeline.borrow().as_ref().map(Observer::status)
    }

    fn is_draining(&self) -> bool {
        *self.view.draining.borrow()
    }

    /// Looks at the counters again and again; never ends.
    async fn keep_history(&self) {
        let mut ticks = tokio::time::interval(STEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(status) = self.now() {
                self.history.lock().unwrap_or_else(PoisonError::into_inner).look(&status);
            }
        }
    }

    fn whole_status(&self) -> Value {
        let status = self.now();
        let state = match (&status, self.is_draining()) {
            (_, true) => "draining",
            (None, false) => "starting",
            (Some(status), false) if status.stands_by() => "standby",
            (Some(_), false) => "running",
        };
        let mut whole = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "state": state,
            "started": self.started,
        });
        let Some(status) = status else { return whole };
        let parts = serde_json::to_value(&status).unwrap_or_default();
        if let (Value::Object(whole), Value::Object(parts)) = (&mut whole, parts) {
            whole.extend(parts);
        }
        self.history.lock().unwrap_or_else(PoisonError::into_inner).add_to(&mut whole);
        whole
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let draining = shared.is_draining();
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    answer(status, "application/json", json!({ "ok": !draining }).to_string())
}

async fn metrics_text(State(shared): State<Arc<Shared>>) -> Response {
    let up_for = shared.view.clock.now().duration_since(shared.started);
    let text = metrics::render(&pipeline::metrics(shared.now().as_ref(), up_for));
    answer(StatusCode::OK, metrics::CONTENT_TYPE, text)
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    answer(StatusCode::OK, "application/json", shared.whole_status().to_string())
}

async fn page() -> Response {
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", PAGE.to_owned());
    let policy = HeaderValue::from_static(PAGE_POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    (status, headers, body).into_response()
}
