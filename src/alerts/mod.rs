//! What people are told at once: alerts, posted to an address of theirs.
//!
//! Whoever raises one never waits for it: the queue is short, and what finds no place in it stands in the log alone. A post is
//! tried a few times and then given up. Nothing here knows what is watched.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::http_client::{self, ProxySettings};
use crate::random::Random;

/// Alerts that may wait: one a stream of a large account.
const WAITING_MAX: usize = 64;

/// Tries of one post, the first among them.
const TRIES: u32 = 5;

/// The first ceiling of the random delay between two tries; it doubles.
const FIRST_CEILING: Duration = Duration::from_secs(2);

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long what still waits may take once the run is at its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Where alerts are posted to.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// The address. Its path is a credential with most chats, so it is never shown.
    pub uri: SecretString,
    /// Sent with each post.
    pub headers: Vec<(http::HeaderName, SecretString)>,
}

/// A stream that was silent for too long, or is no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The output, `acme.audit_logs`.
    pub stream: String,
    /// Whether it is over.
    pub over: bool,
    /// Since when the stream was silent.
    pub since: Timestamp,
    /// When this was found.
    pub at: Timestamp,
    /// What a person could do.
    pub hint: Option<&'static str>,
}

impl Alert {
    /// What is posted. `text` is what chats show.
    fn body(&self) -> Value {
        let Self { stream, over, since, at, hint } = self;
        let secs = at.duration_since(*since).as_secs();
        let for_long = in_words(secs);
        let text = if *over {
            format!("zenstream: {stream} brings events again, after {for_long} without any")
        } else {
            format!("zenstream: {stream} has brought no event for {for_long}, since {since:.0}")
        };
        json!({
            "text": text,
            "alert": "silence",
            "state": if *over { "resolved" } else { "firing" },
            "stream": stream,
            "since": since,
            "at": at,
            "silent_secs": secs,
            "hint": hint,
        })
    }
}

fn in_words(secs: i64) -> String {
    match secs {
        ..120 => format!("{secs} seconds"),
        120..7200 => format!("{} minutes", secs / 60),
        7200..172_800 => format!("{} hours", secs / 3600),
        _ => format!("{} days", secs / 86400),
    }
}

/// Raises alerts.
#[derive(Debug, Clone)]
pub struct Bell(mpsc::Sender<Alert>);

impl Bell {
    /// Hands an alert over, if there is a place for it.
    pub fn ring(&self, alert: Alert) {
        if let Err(refused) = self.0.try_send(alert) {
            let stream = refused.into_inner().stream;
            tracing::error!(stream, "too many alerts wait: one is not posted");
        }
    }
}

/// Posts alerts.
#[derive(Debug)]
pub struct Post {
    client: Client,
    settings: AlertSettings,
}

/// Why a post failed.
enum Failure {
    /// Another try may succeed.
    Passing(String),
    Lasting(String),
}

impl Post {
    /// Connects to nothing.
    pub fn new(settings: AlertSettings, proxy: &ProxySettings) -> Result<Self, String> {
        let client = http_client::builder(proxy).and_then(|it| it.timeout(TIMEOUT).build());
        Ok(Self { client: client.map_err(http_client::cause)?, settings })
    }

    /// The way in, and what posts for as long as somebody may still raise an alert; a little longer once the run `ended`.
    pub fn open(
        self,
        clock: Clock,
        random: Arc<Random>,
        ended: impl Future<Output = ()>,
    ) -> (Bell, impl Future<Output = ()>) {
        let (bell, mut alerts) = mpsc::channel(WAITING_MAX);
        let work = async move {
            let post_all = async {
                while let Some(alert) = alerts.recv().await {
                    self.post(&alert, clock, &random).await;
                }
            };
            tokio::select! {
                () = post_all => {}
                () = async { ended.await; clock.sleep(LAST_WORDS).await } => {}
            }
        };
        (Bell(bell), work)
    }

    async fn post(&self, alert: &Alert, clock: Clock, random: &Random) {
        let (stream, body) = (&alert.stream, alert.body().to_string());
        let mut ceiling = FIRST_CEILING;
        for tries in 1..=TRIES {
            match self.send(&body).await {
                Ok(()) => return tracing::info!(stream, over = alert.over, "alert posted"),
                Err(Failure::Passing(error)) if tries < TRIES => {
                    tracing::warn!(stream, error, "alert not posted, trying again");
                    clock.sleep(ceiling.mul_f64(random.fraction())).await;
                    ceiling *= 2;
                }
                Err(Failure::Passing(error) | Failure::Lasting(error)) => {
                    let hint = "see `alerts.webhook`: its `uri`, and `headers` if it needs a token";
                    return tracing::error!(stream, error, tries, hint, "alert not posted");
                }
            }
        }
    }

    async fn send(&self, body: &str) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        let json = http::HeaderValue::from_static("application/json");
        headers.insert(http::header::CONTENT_TYPE, json);
        for (name, value) in &self.settings.headers {
            if let Ok(mut value) = http::HeaderValue::from_str(value.expose_secret()) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let request = self.client.post(self.settings.uri.expose_secret()).headers(headers);
        let answer = request.body(body.to_owned()).send().await;
        let status = answer.map_err(|error| Failure::Passing(http_client::cause(error)))?.status();
        let told = format!("the answer was {status}");
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Passing(told))
            }
            _ if status.is_server_error() => Err(Failure::Passing(told)),
            _ => Err(Failure::Lasting(told)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(over: bool) -> Alert {
        Alert {
            stream: "acme.audit_logs".to_owned(),
            over,
            since: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            at: "2026-01-03T03:04:05.678Z".parse().unwrap(),
            hint: (!over).then_some("look at the account"),
        }
    }

    #[test]
    fn an_alert_says_which_stream_since_when_and_when_it_is_over() {
        let bodies = [alert(false), alert(true)].map(|alert| alert.body().to_string());
        insta::assert_snapshot!(bodies.join("\n"), @r#"
        {"text":"zenstream: acme.audit_logs has brought no event for 24 hours, since 2026-01-02T03:04:05Z","alert":"silence","state":"firing","stream":"acme.audit_logs","since":"2026-01-02T03:04:05.678Z","at":"2026-01-03T03:04:05.678Z","silent_secs":86400,"hint":"look at the account"}
        {"text":"zenstream: acme.audit_logs brings events again, after 24 hours without any","alert":"silence","state":"resolved","stream":"acme.audit_logs","since":"2026-01-02T03:04:05.678Z","at":"2026-01-03T03:04:05.678Z","silent_secs":86400,"hint":null}
        "#);
    }

    #[test]
    fn whoever_raises_too_many_does_not_wait() {
        let (sender, mut alerts) = mpsc::channel(1);
        let bell = Bell(sender);
        bell.ring(alert(false));
        bell.ring(alert(true));
        assert!(!alerts.try_recv().expect("the first").over);
        assert!(alerts.try_recv().is_err());
    }

    #[test]
    fn an_address_is_not_shown() {
        let uri = SecretString::from("https://hooks.example.com/services/T0/B0/token");
        let settings = AlertSettings { uri, headers: Vec::new() };
        assert!(!format!("{settings:?}").contains("token"));
    }
}
