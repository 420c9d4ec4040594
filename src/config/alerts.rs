//! What `alerts` means: where people are told of what they should see at once.

use secrecy::ExposeSecret as _;
use url::Url;

use super::node::{Node, Path};
use super::problem::Finding;
use super::read::read;
use super::written::{self, AlertWebhook};
use crate::alerts::AlertSettings;

/// Where alerts are posted to; none: they stand in the log and on the status page.
pub(super) fn alerts(node: &Node, path: &Path) -> Result<Option<AlertSettings>, Finding> {
    let written: written::Alerts = read(node, path)?;
    written.webhook.map(|webhook| settings(webhook, &path.key("webhook"))).transpose()
}

fn settings(written: AlertWebhook, path: &Path) -> Result<AlertSettings, Finding> {
    let uri = written.uri.0;
    let url = Url::parse(uri.expose_secret()).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    if url.is_none() {
        // It is not repeated: it may hold a token.
        return Err(Finding::new(&path.key("uri"), "is not an address to post to")
            .hint("write `https://HOST/PATH`, as the chat or the alerting service shows it"));
    }
    let mut headers = Vec::new();
    for (name, value) in written.headers.into_iter().flatten() {
        let path = path.key("headers").key(&name);
        let refused = |_| Finding::new(&path, "is not the name of a header");
        let key = http::HeaderName::from_bytes(name.as_bytes()).map_err(refused)?;
        if http::HeaderValue::from_str(value.0.expose_secret()).is_err() {
            return Err(Finding::new(&path, "cannot be the value of a header"));
        }
        headers.push((key, value.0));
    }
    Ok(AlertSettings { uri, headers })
}
