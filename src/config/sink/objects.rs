//! What sinks that write objects have in common beyond what all sinks have.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::envelope::Envelope;
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::read;
use crate::config::written::Seconds;
use crate::pipeline::BatchSettings;
use crate::sinks::ObjectSettings;

/// How much goes into one object without being told; as in Vector.
pub(super) const BATCH: BatchSettings = BatchSettings {
    max_bytes: 10_000_000,
    max_events: usize::MAX,
    max_age: Duration::from_secs(300),
};

/// The most requests in a second where nothing is said of it.
pub(super) fn limit_rate(envelope: &mut Envelope, node: &Node, path: &Path, usual: u64) {
    let of = |key: &str| node.get("request").and_then(|request| request.get(key));
    if of("rate_limit_num").is_some() {
        return;
    }
    let span = of("rate_limit_duration_secs").and_then(|span| read::<Seconds>(span, path).ok());
    let span = span.map_or(Duration::from_secs(1), |Seconds(span)| span);
    envelope.delivery.rate_limit = Some((usual, span));
}

/// `sinks.*.timezone`: times in keys are in UTC.
#[derive(Deserialize)]
pub(super) enum Timezone {
    #[serde(rename = "UTC")]
    Utc,
}

/// Checks what keys are made of: the prefix is at `prefix`, the time's format at `time_format`.
pub(super) fn check_names(
    object: &ObjectSettings,
    path: &Path,
    [prefix, time_format]: [&str; 2],
) -> Result<(), Finding> {
    let without_time = ObjectSettings { time_format: String::new(), ..object.clone() };
    check(&without_time, &path.key(prefix))?;
    check(object, &path.key(time_format))
}

/// The sink itself knows which keys it can make; to ask it touches nothing.
fn check(object: &ObjectSettings, path: &Path) -> Result<(), Finding> {
    object.check().map_err(|error| {
        let finding = Finding::new(path, error.message);
        match error.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    })
}

/// Metadata travels in headers, beside our own.
pub(super) fn check_metadata(
    metadata: &BTreeMap<String, String>,
    path: &Path,
) -> Result<(), Finding> {
    for (name, value) in metadata {
        let path = path.key("metadata").key(name);
        if name.to_ascii_lowercase().starts_with("zenstream") {
            return Err(Finding::new(&path, "is a name that zenstream keeps for itself")
                .hint("choose one that does not begin with `zenstream`"));
        }
        if value.is_empty() || value.chars().any(|c| !(' '..='~').contains(&c)) {
            return Err(Finding::new(&path, "must be text of printable ASCII"));
        }
    }
    Ok(())
}
