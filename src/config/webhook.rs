//! What a source of type `zendesk_webhook` means: where it listens and whom it believes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::node::{Node, Path};
use super::problem::{Finding, Findings, suggestion};
use super::read::read;
use super::written::{self, ZendeskWebhook};
use crate::webhook::{Kind, WebhookSettings};

/// As old as a request may be that was held up on its way, and as far as clocks may differ.
const MAX_AGE: Duration = Duration::from_mins(5);

/// An access log has a few hundred bytes, and a request brings some tens of them.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The longest body that may be asked for: as many as may wait take that much memory.
const MAX_BODY_BYTES_MAX: usize = 16 << 20;

/// Zendesk gives up after ten to twelve seconds, and would not hear what comes later.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(8);

/// What the source means; none if something is wrong with it.
pub(super) fn source(
    name: &str,
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<WebhookSettings> {
    let written: ZendeskWebhook = findings.keep(read(node, path))?;
    let address = written.address.0.parse().map_err(|_| {
        let message = format!("`{}` is not an address to listen on", written.address.0);
        Finding::new(&path.key("address"), message).hint("write `IP:PORT`, such as `0.0.0.0:8090`")
    });
    let address = findings.keep(address);
    let at = written.path.map_or_else(|| "/".to_owned(), |at| at.0);
    if !at.starts_with('/') || at.contains(['?', '#', '%']) || !at.is_ascii() {
        let message = format!("`{at}` is not the path of an address");
        findings
            .push(Finding::new(&path.key("path"), message).hint("it begins with `/`: `/zendesk`"));
    }
    let positive = |key: &str, seconds: Option<written::Seconds>, default: Duration| {
        let seconds = seconds.map_or(default, |seconds| seconds.0);
        let zero = || Finding::new(&path.key(key), "must be more than 0");
        if seconds.is_zero() { Err(zero()) } else { Ok(seconds) }
    };
    let max_age = findings.keep(positive("max_age_secs", written.max_age_secs, MAX_AGE));
    let timeout = written.acknowledge_timeout_secs;
    let timeout = positive("acknowledge_timeout_secs", timeout, ACKNOWLEDGE_TIMEOUT);
    let acknowledge_timeout = findings.keep(timeout);
    let max_body_bytes = written.max_body_bytes.unwrap_or(MAX_BODY_BYTES);
    if !(1..=MAX_BODY_BYTES_MAX).contains(&max_body_bytes) {
        let message = format!("expected 1 to {MAX_BODY_BYTES_MAX}, found `{max_body_bytes}`");
        findings.push(Finding::new(&path.key("max_body_bytes"), message));
    }
    let alerts = written.silence_alert_secs.as_ref();
    let silence_alerts = silence_alerts(alerts, &path.key("silence_alert_secs"));
    let silence_alerts = findings.keep(silence_alerts)?;
    Some(WebhookSettings {
        source: name.to_owned(),
        subdomain: written.subdomain.map_or_else(|| name.to_owned(), |subdomain| subdomain.0),
        address: address?,
        path: at,
        signing_secret: written.signing_secret.0,
        max_age: max_age?,
        max_body_bytes,
        acknowledge_timeout: acknowledge_timeout?,
        silence_alerts,
    })
}

/// After how long an output without an event raises an alert; 0 switches it off, and so does
/// nothing: nobody can say how often a webhook is sent.
fn silence_alerts(
    written: Option<&BTreeMap<String, written::Seconds>>,
    path: &Path,
) -> Result<Vec<(Kind, Duration)>, Finding> {
    let mut alerts = Vec::new();
    for (name, written::Seconds(silence)) in written.into_iter().flatten() {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let names = Kind::ALL.into_iter().map(Kind::name);
            return Err(Finding::new(&path.key(name), format!("no output is named `{name}`"))
                .hint(suggestion(name, names, "the outputs are")));
        };
        if !silence.is_zero() {
            alerts.push((kind, *silence));
        }
    }
    Ok(alerts)
}
