//! What a source of type `zendesk` means: the account, how to sign in, what to read.

use std::time::Duration;

use super::node::{Node, Path};
use super::problem::{Finding, Findings};
use super::read::read;
use super::written::{self, Zendesk};
use super::{RequestConfig, SourceConfig, TokenStoreConfig, auth, endpoint, streams};
use crate::internal::InternalSettings;
use crate::pipeline::{INTERNAL_LOGS, INTERNAL_METRICS, ZENDESK, ZENDESK_WEBHOOK};
use crate::webhook::WebhookSettings;

/// The types of sources.
pub(super) const TYPES: &[&str] = &[ZENDESK, ZENDESK_WEBHOOK, INTERNAL_LOGS, INTERNAL_METRICS];

/// All sources, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) zendesk: Vec<SourceConfig>,
    pub(super) webhooks: Vec<WebhookSettings>,
    pub(super) internal: Vec<InternalSettings>,
}

/// The longest a whole answer may take: an export of a thousand tickets takes some seconds.
const TIMEOUT: written::Seconds = written::Seconds(Duration::from_mins(1));

/// With the client's back-off, some minutes of an API that is away.
const RETRY_ATTEMPTS: u32 = 10;

/// Leaves a fifth of the account's budget to the customer's other tools.
const SHARE: f64 = 0.8;

/// What the source means; none if something is wrong with it. `tokens` is where rotating tokens are
/// kept unless it says otherwise.
pub(super) fn source(
    name: &str,
    node: &Node,
    path: &Path,
    tokens: TokenStoreConfig,
    findings: &mut Findings,
) -> Option<SourceConfig> {
    let auth = node
        .get("auth")
        .and_then(|auth_node| findings.keep(auth::auth(auth_node, &path.key("auth"), tokens)));
    let written: Zendesk = findings.keep(read(node, path))?;
    let endpoint = findings.keep(endpoint::endpoint(
        written.subdomain.as_deref(),
        written.endpoint.as_deref(),
        path,
    ));
    let request = findings.keep(request(&written, path));
    let streams = streams::streams(&written, node, path, findings);
    let (endpoint, subdomain) = endpoint?;
    Some(SourceConfig {
        name: name.to_owned(),
        endpoint,
        subdomain,
        auth: auth?,
        streams: streams?,
        request: request?,
    })
}

fn request(written: &Zendesk, path: &Path) -> Result<RequestConfig, Finding> {
    let request = written.request.as_ref();
    let timeout = request.and_then(|request| request.timeout_secs).unwrap_or(TIMEOUT).0;
    if timeout.is_zero() {
        let path = path.key("request").key("timeout_secs");
        return Err(Finding::new(&path, "must be more than 0"));
    }
    let share = written.rate_limit.as_ref().and_then(|limit| limit.share).unwrap_or(SHARE);
    if !(share > 0.0 && share <= 1.0) {
        let path = path.key("rate_limit").key("share");
        return Err(Finding::new(
            &path,
            format!("expected more than 0 and up to 1, found `{share}`"),
        ));
    }
    let attempts = request.and_then(|request| request.retry_attempts);
    Ok(RequestConfig { timeout, retry_attempts: attempts.unwrap_or(RETRY_ATTEMPTS), share })
}
