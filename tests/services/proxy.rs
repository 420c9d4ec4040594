//! What lies between a collector and its destination on a bad day: a proxy that is slow, answers
//! 503, and loses answers. A request that it has taken arrives, whether or not its sender lives to
//! see it.
#![expect(clippy::disallowed_methods, reason = "a proxy lives beside the tests, not in a run")]

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use zenstream::random::Random;

/// The longest that a request is held up.
const SLOWEST: Duration = Duration::from_millis(1_200);

struct Between {
    target: String,
    client: reqwest::Client,
    random: Random,
}

/// What becomes of one request.
enum Fate {
    Pass,
    /// Refused before it arrives.
    Busy,
    /// It arrives, and its sender is told that it did not.
    LostAnswer,
    /// It arrives late.
    Slow(Duration),
}

impl Between {
    fn fate(&self) -> Fate {
        match self.random.fraction() {
            chance if chance < 0.10 => Fate::Busy,
            chance if chance < 0.18 => Fate::LostAnswer,
            chance if chance < 0.35 => Fate::Slow(SLOWEST.mul_f64(self.random.fraction())),
            _ => Fate::Pass,
        }
    }

    async fn forward(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, 64 << 20).await else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", self.target);
        // With its own `Host`, which a signature may cover.
        let request = self.client.request(head.method, url).headers(head.headers).body(body);
        match request.send().await {
            Ok(answer) => {
                let (status, headers) = (answer.status(), answer.headers().clone());
                let body = answer.bytes().await.unwrap_or_else(|_| Bytes::new());
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response.headers_mut().remove("transfer-encoding");
                response
            }
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}

async fn handle(State(between): State<Arc<Between>>, request: Request) -> Response {
    let busy = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    let fate = between.fate();
    if matches!(fate, Fate::Busy) {
        return busy();
    }
    // In a task of its own: what was taken arrives even if the sender goes.
    let arriving = tokio::spawn(async move {
        if let Fate::Slow(delay) = fate {
            tokio::time::sleep(delay).await;
        }
        let answer = between.forward(request).await;
        if matches!(fate, Fate::LostAnswer) { busy() } else { answer }
    });
    arriving.await.unwrap_or_else(|_| busy())
}

/// Starts one on a port of its own, for as long as the process lives; returns its address.
pub(crate) fn before(target: &str, seed: u64) -> String {
    let (address, addressed) = std::sync::mpsc::channel();
    let target = target.trim_end_matches('/').to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async move {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            let between = Between { target, client, random: Random::from_seed(seed) };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let port = listener.local_addr().expect("an address").port();
            address.send(format!("http://127.0.0.1:{port}")).expect("somebody waits for it");
            let app = axum::Router::new().fallback(handle).with_state(Arc::new(between));
            axum::serve(listener, app).await.expect("it serves until the process ends");
        });
    });
    addressed.recv().expect("the proxy's address")
}
