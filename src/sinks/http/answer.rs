//! What an answer means: by its status, by what it says, and for bulk requests by its items.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::{HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::secrets::Secrets;
use crate::http_client;
use crate::sinks::progress::EventFate;

/// So much of a body is read to show its beginning: enough to find a secret in it whole.
const READ: usize = 16 << 10;

/// So much of what an endpoint says is shown, in characters.
const SHOWN: usize = 200;

/// The longest answer to a bulk request. One has some hundred bytes for each event.
const BULK_BYTES_MAX: usize = 64 << 20;

/// After which answers a request is sent again. Without an answer it always is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RetryStrategy {
    /// After 408, 429 and 500 and above, but not 501.
    #[default]
    Default,
    /// After none.
    None,
    /// After everything but success.
    All,
    /// After these.
    Custom {
        /// Their statuses.
        status_codes: Vec<u16>,
    },
}

impl RetryStrategy {
    fn tries_again(&self, status: StatusCode) -> bool {
        match self {
            Self::Default => {
                matches!(status.as_u16(), 408 | 429)
                    || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
            }
            Self::None => false,
            Self::All => true,
            Self::Custom { status_codes } => status_codes.contains(&status.as_u16()),
        }
    }
}

/// What an answer says of the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Its status holds for all of them.
    #[default]
    Status,
    /// It has an item for each, as the bulk API of Elasticsearch and `OpenSearch` gives it.
    ElasticsearchBulk,
}

/// What an answer's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    Again,
    Refused,
    /// For some of the events, it may be, or for there being so many.
    RefusedTogether,
}

pub(super) fn sorted_by_status(status: StatusCode, strategy: &RetryStrategy) -> Verdict {
    if status.is_success() {
        Verdict::Taken
    } else if strategy.tries_again(status) {
        Verdict::Again
    } else if matches!(status.as_u16(), 400 | 413 | 422) {
        Verdict::RefusedTogether
    } else {
        Verdict::Refused
    }
}

/// What an answer says beside its status, to be put after it.
pub(super) async fn told(answer: Response, secrets: &Secrets) -> String {
    let of = |name| answer.headers().get(name).map(HeaderValue::as_bytes);
    let wait = of(&RETRY_AFTER)
        .map_or_else(String::new, |wait| format!(", with `Retry-After: {}`", shown(wait, secrets)));
    let goal = of(&LOCATION).map_or_else(String::new, |goal| {
        // A query is where tokens stand.
        let goal = goal.split(|byte| *byte == b'?').next().unwrap_or_default();
        format!(", which leads to `{}`", shown(goal, secrets))
    });
    let (body, _) = read(answer, READ).await;
    let body = shown(&body, secrets);
    let colon = if body.is_empty() { "" } else { ": " };
    format!("{wait}{goal}{colon}{body}")
}

/// The body up to `most` bytes, and why there is no more of it if that is not its end.
async fn read(mut answer: Response, most: usize) -> (Vec<u8>, Option<String>) {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > most => {
                body.extend_from_slice(&chunk[..most - body.len()]);
                return (body, Some(format!("it is longer than {most} bytes")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, None),
            Err(error) => return (body, Some(http_client::cause(error))),
        }
    }
}

/// The beginning of what an endpoint says, on one line and without secrets.
fn shown(bytes: &[u8], secrets: &Secrets) -> String {
    let text = secrets.hidden_in(&String::from_utf8_lossy(bytes));
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The whole answer to a bulk request, or why there is none.
pub(super) async fn bulk_body(answer: Response) -> Result<Vec<u8>, String> {
    match read(answer, BULK_BYTES_MAX).await {
        (body, None) => Ok(body),
        (_, Some(cause)) => Err(cause),
    }
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Failure {
    Told { r#type: String, reason: Option<String> },
    Other(IgnoredAny),
}

/// What became of each event, and what the first that is to come again met.
pub(super) fn bulk_fates(
    body: &[u8],
    events: usize,
    strategy: &RetryStrategy,
    secrets: &Secrets,
) -> Result<(Vec<EventFate>, Option<String>), String> {
    let bulk: Bulk = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let items = bulk.items.into_iter().map(|item| item.into_values().next());
    let items: Option<Vec<Item>> = items.collect();
    let items = items.filter(|items| items.len() == events);
    let items = items.ok_or_else(|| format!("it has not one item for each of {events} events"))?;
    let mut busy = None;
    let fates = items.into_iter().map(|item| {
        let status = StatusCode::from_u16(item.status)
            .map_err(|_| format!("`{}` is no status", item.status))?;
        // The action `create` of an id that is there already: an earlier try put it there.
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok(EventFate::Taken);
        }
        let text = item.told(secrets);
        if strategy.tries_again(status) {
            busy.get_or_insert(text);
            return Ok(EventFate::Again);
        }
        Ok(EventFate::Refused(text))
    });
    let fates: Result<Vec<_>, String> = fates.collect();
    Ok((fates?, busy))
}

impl Item {
    fn told(&self, secrets: &Secrets) -> String {
        let text = match &self.error {
            Some(Failure::Told { r#type, reason }) => {
                format!(": {type}: {}", reason.as_deref().unwrap_or_default())
            }
            Some(Failure::Other(_)) | None => String::new(),
        };
        format!("status {}{}", self.status, shown(text.as_bytes(), secrets))
    }
}
