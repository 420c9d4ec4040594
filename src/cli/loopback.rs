//! The address on this machine to which a browser brings the answer of a sign-in.
//!
//! Hands out what was brought and shows the page that comes of it. It must not judge an answer, and
//! listens to nobody but this machine.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// The path of the answer.
const PATH: &str = "/callback";

/// Answers that may wait to be judged; there is one, and whatever else knocks.
const WAITING: usize = 4;

/// How long the last page may take to get to the browser.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// What a person is shown at the end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Page {
    SignedIn,
    Failed,
    /// The answer belongs to another question.
    NotAsked,
}

impl Page {
    fn response(self) -> Response {
        let (status, text) = match self {
            Self::SignedIn => (
                StatusCode::OK,
                "zenstream is signed in. Close this page and go back to the terminal.",
            ),
            Self::Failed => (
                StatusCode::BAD_REQUEST,
                "zenstream is not signed in. Go back to the terminal: it says why.",
            ),
            Self::NotAsked => (
                StatusCode::BAD_REQUEST,
                "This answer belongs to another sign-in. Go back to the terminal, and open the \
                 address that it shows.",
            ),
        };
        page(status, text)
    }
}

fn page(status: StatusCode, text: &str) -> Response {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>zenstream</title>\
         </head><body><p>{text}</p></body></html>\n"
    );
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // The address holds the code.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// What a browser brought, and waits with.
pub(super) struct Brought {
    query: Vec<(String, String)>,
    page: oneshot::Sender<Page>,
}

impl Brought {
    /// A parameter of the answer.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Shows the page. A browser that has gone sees nothing.
    pub(super) fn show(self, page: Page) {
        if self.page.send(page).is_err() {
            tracing::debug!("the browser did not wait for its page");
        }
    }
}

/// Listens on this machine alone.
pub(super) struct Loopback {
    address: String,
    brought: mpsc::Receiver<Brought>,
    stop: watch::Sender<bool>,
    server: JoinSet<io::Result<()>>,
}

impl Loopback {
    /// Listens on `port`; 0 takes a free one.
    pub(super) async fn open(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = format!("http://{}{PATH}", listener.local_addr()?);
        let (sender, brought) = mpsc::channel(WAITING);
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let until_stopped = async move {
            // An error means that nobody is left to stop it.
            let _stopped = stopped.wait_for(|stop| *stop).await;
        };
        let router = Router::new().fallback(answer).with_state(sender);
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(until_stopped).await
        });
        Ok(Self { address, brought, stop, server })
    }

    /// What has to be registered with the OAuth client, exactly.
    pub(super) fn redirect_uri(&self) -> &str {
        &self.address
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> io::Result<Brought> {
        self.brought.recv().await.ok_or_else(|| io::Error::other("the server has ended"))
    }

    /// Sees the last page to the browser.
    pub(super) async fn close(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(LAST_PAGE, self.server.join_next()).await.is_err() {
            tracing::debug!("the browser keeps its connection");
        }
    }
}

async fn answer(State(sender): State<mpsc::Sender<Brought>>, uri: Uri) -> Response {
    if uri.path() != PATH {
        return page(StatusCode::NOT_FOUND, "There is nothing here.");
    }
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = query.into_owned().collect();
    let (page, shown) = oneshot::channel();
    if sender.send(Brought { query, page }).await.is_err() {
        return Page::Failed.response();
    }
    shown.await.unwrap_or(Page::Failed).response()
}
