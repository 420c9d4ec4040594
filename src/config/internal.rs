//! What sources of the types `internal_logs` and `internal_metrics` mean: what is told, and under which names.

use std::time::Duration;

use super::node::{Node, Path};
use super::problem::Finding;
use super::read::read;
use super::written::{InternalLogs, InternalMetrics};
use crate::internal::{InternalSettings, Kind};
use crate::pipeline::{INTERNAL_LOGS, NAMESPACE};

/// As often as a Prometheus server looks; each time there are some tens of events.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

/// The source, by its type.
pub(super) fn source(
    name: &str,
    kind: &str,
    node: &Node,
    path: &Path,
) -> Result<InternalSettings, Finding> {
    if kind == INTERNAL_LOGS { logs(name, node, path) } else { metrics(name, node, path) }
}

fn logs(name: &str, node: &Node, path: &Path) -> Result<InternalSettings, Finding> {
    let written: InternalLogs = read(node, path)?;
    Ok(InternalSettings {
        source: name.to_owned(),
        host_key: key(written.host_key, Some("host")),
        pid_key: key(written.pid_key, Some("pid")),
        kind: Kind::Logs,
    })
}

fn metrics(name: &str, node: &Node, path: &Path) -> Result<InternalSettings, Finding> {
    let written: InternalMetrics = read(node, path)?;
    let interval = written.scrape_interval_secs.map_or(SCRAPE_INTERVAL, |seconds| seconds.0);
    if interval.is_zero() {
        return Err(Finding::new(&path.key("scrape_interval_secs"), "must be more than 0"));
    }
    let tags = written.tags.unwrap_or_default();
    let namespace = written.namespace.map_or_else(|| NAMESPACE.to_owned(), |it| it.0);
    Ok(InternalSettings {
        source: name.to_owned(),
        host_key: key(tags.host_key, Some("host")),
        pid_key: key(tags.pid_key, None),
        kind: Kind::Metrics { interval, namespace },
    })
}

/// A key that is empty is not wanted, as in Vector.
fn key(written: Option<String>, usual: Option<&str>) -> Option<String> {
    written.or_else(|| usual.map(str::to_owned)).filter(|key| !key.trim().is_empty())
}
