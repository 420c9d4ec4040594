//! Which streams a source reads, and the options of each.
//!
//! An option that a stream cannot follow is an error: it would seem to hold and would not.

use std::collections::BTreeMap;
use std::time::Duration;

use glob::Pattern;

use super::node::{Node, Path};
use super::problem::{Finding, Findings, suggestion};
use super::read::read;
use super::written::{self, Seconds, StreamOptions, Zendesk};
use super::{Since, StreamConfig, parse_since};
use crate::streams::{CATALOGUE, Emit, Paging, StreamSpec};

/// Where a stream without a checkpoint starts.
const SINCE: Since = Since::Ago(Duration::from_hours(24));

/// Audit events show up in the API some seconds after their time.
const LAG: Duration = Duration::from_mins(1);

/// How far back is looked again for those that took longer.
const OVERLAP: Duration = Duration::from_mins(15);

/// The same for exports by time and lists in order, which hold the last minute back or are near to
/// it.
const EXPORT_OVERLAP: Duration = Duration::from_mins(2);

/// How old a record may be whose changes are looked for: by then nobody answers a survey.
const REREAD_DAYS: u16 = 30;

/// No record of Zendesk's comes near; more is a fault that must not take the memory.
const MAX_RECORD_BYTES: usize = 10 << 20;

/// An account with admins at work changes something every day. Of other streams nobody can say.
const SILENCE_ALERTS: &[(&str, Duration)] = &[("audit_logs", Duration::from_hours(24))];

/// What holds for all streams of a source that do not say otherwise.
struct Defaults {
    since: Since,
    poll_interval: Option<Duration>,
    max_record_bytes: usize,
    emit: Emit,
    silence_alert: BTreeMap<String, Duration>,
}

/// The streams of a source, in the catalogue's order; none if something is wrong.
pub(super) fn streams(
    written: &Zendesk,
    node: &Node,
    path: &Path,
    findings: &mut Findings,
) -> Option<Vec<StreamConfig>> {
    let Some(chosen) = chosen(&written.streams, &path.key("streams"), findings) else {
        findings.keep(since(written.since.as_deref(), path));
        return None;
    };
    let options_path = path.key("stream_options");
    match node.get("stream_options") {
        Some(Node::Map(options)) => {
            for name in options.keys() {
                findings.keep(check_chosen(name, &options_path.key(name), &chosen));
            }
        }
        Some(Node::Null) | None => {}
        Some(_) => findings.push(Finding::new(&options_path, "expected a map of streams")),
    }
    let defaults = defaults(written, path, &chosen, findings);
    let configs: Vec<Option<StreamConfig>> = chosen
        .into_iter()
        .map(|spec| {
            let options = node.get("stream_options").and_then(|options| options.get(spec.name));
            stream(spec, options, &options_path.key(spec.name), defaults.as_ref(), findings)
        })
        .collect();
    configs.into_iter().collect()
}

fn chosen(
    written: &[String],
    path: &Path,
    findings: &mut Findings,
) -> Option<Vec<&'static StreamSpec>> {
    let names = || CATALOGUE.iter().map(|spec| spec.name);
    if written.is_empty() {
        let hint = "`*` for all, or some of those that `zenstream streams` shows";
        findings.push(Finding::new(path, "is empty").hint(hint));
        return None;
    }
    let mut patterns = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let path = path.index(index);
        let text = crate::streams::find(text).map_or(text.as_str(), |spec| spec.name);
        match Pattern::new(text) {
            Ok(pattern) if names().any(|name| pattern.matches(name)) => patterns.push(pattern),
            Ok(_) => findings.push(
                Finding::new(&path, format!("no stream is named `{text}`")).hint(suggestion(
                    text,
                    names(),
                    "`zenstream streams` shows all:",
                )),
            ),
            Err(error) => {
                let message = format!("`{text}` is not a glob: {}", error.msg);
                findings.push(Finding::new(&path, message));
            }
        }
    }
    let meant = |spec: &&StreamSpec| patterns.iter().any(|pattern| pattern.matches(spec.name));
    (patterns.len() == written.len()).then(|| CATALOGUE.iter().filter(meant).collect())
}

/// Options are for streams that are read.
fn check_chosen(name: &str, path: &Path, chosen: &[&StreamSpec]) -> Result<(), Finding> {
    let names = || chosen.iter().map(|spec| spec.name);
    if names().any(|stream| stream == name) {
        return Ok(());
    }
    let hint = if crate::streams::find(name).is_some() {
        "add it to `streams`".to_owned()
    } else {
        suggestion(name, names(), "the streams here are")
    };
    Err(Finding::new(path, format!("this source does not read `{name}`")).hint(hint))
}

fn defaults(
    written: &Zendesk,
    path: &Path,
    chosen: &[&StreamSpec],
    findings: &mut Findings,
) -> Option<Defaults> {
    let since = findings.keep(since(written.since.as_deref(), path))?;
    if written.max_record_bytes == Some(0) {
        findings.push(Finding::new(&path.key("max_record_bytes"), "must be more than 0"));
    }
    let mut silence_alert = BTreeMap::new();
    for (name, Seconds(silence)) in written.silence_alert_secs.iter().flatten() {
        let path = path.key("silence_alert_secs").key(name);
        findings.keep(check_chosen(name, &path, chosen));
        silence_alert.insert(name.clone(), *silence);
    }
    Some(Defaults {
        since: since.unwrap_or(SINCE),
        poll_interval: written.poll_interval_secs.map(|seconds| seconds.0),
        max_record_bytes: written.max_record_bytes.unwrap_or(MAX_RECORD_BYTES),
        emit: match written.emit {
            Some(written::Emit::Pages) => Emit::Pages,
            Some(written::Emit::Records) | None => Emit::Records,
        },
        silence_alert,
    })
}

fn since(written: Option<&str>, path: &Path) -> Result<Option<Since>, Finding> {
    let start = written.map(parse_since).transpose();
    start.map_err(|error| Finding::new(&path.key("since"), error.to_string()))
}

fn stream(
    spec: &'static StreamSpec,
    options: Option<&Node>,
    path: &Path,
    defaults: Option<&Defaults>,
    findings: &mut Findings,
) -> Option<StreamConfig> {
    let options: Option<StreamOptions> = match options {
        Some(Node::Null) | None => None,
        Some(node) => {
            // First, because it says which of the known options this stream does not have.
            findings.keep(check_known(spec, node, path))?;
            Some(findings.keep(read(node, path))?)
        }
    };
    let options = options.as_ref();
    let filter = findings.keep(filter(spec, options, &path.key("filter")))?;
    let since = findings.keep(since(options.and_then(|o| o.since.as_deref()), path))?;
    let defaults = defaults?;
    let include = findings.keep(include(spec, options, defaults.emit, &path.key("include")))?;
    let seconds = |written: Option<Seconds>, default| written.map_or(default, |seconds| seconds.0);
    let (lag, overlap) = match spec.paging {
        Paging::TimeWindow(_) => (LAG, OVERLAP),
        Paging::TimeExport(_) | Paging::Tail => (Duration::ZERO, EXPORT_OVERLAP),
        Paging::CursorExport(_) | Paging::Snapshot(_) => (Duration::ZERO, Duration::ZERO),
    };
    let usual = Duration::from_secs(spec.poll_interval_secs);
    let poll_interval = defaults.poll_interval.unwrap_or(usual);
    Some(StreamConfig {
        spec,
        since: since.unwrap_or(defaults.since),
        poll_interval: seconds(options.and_then(|o| o.poll_interval_secs), poll_interval),
        lag: seconds(options.and_then(|o| o.lag_secs), lag),
        overlap: seconds(options.and_then(|o| o.overlap_secs), overlap),
        filter,
        include,
        exclude_deleted: options.and_then(|o| o.exclude_deleted).unwrap_or(false),
        report_removed: options.and_then(|o| o.report_removed).unwrap_or(false),
        reread: reread(spec, options),
        max_record_bytes: defaults.max_record_bytes,
        emit: defaults.emit,
        silence_alert: silence_alert(spec, defaults),
    })
}

/// Only where a list may filter by another time than that of its records' changes.
fn reread(spec: &StreamSpec, options: Option<&StreamOptions>) -> Duration {
    let days = options.and_then(|options| options.reread_days).unwrap_or(REREAD_DAYS);
    if may_hide_changes(spec) { Duration::from_hours(24 * u64::from(days)) } else { Duration::ZERO }
}

fn may_hide_changes(spec: &StreamSpec) -> bool {
    matches!(spec.paging, Paging::TimeWindow(filter) if !filter.exact)
}

/// 0 switches it off.
fn silence_alert(spec: &StreamSpec, defaults: &Defaults) -> Option<Duration> {
    let usual = SILENCE_ALERTS.iter().find(|(name, _)| *name == spec.name).map(|(_, alert)| *alert);
    defaults.silence_alert.get(spec.name).copied().or(usual).filter(|alert| !alert.is_zero())
}

/// The options that a stream follows.
fn known_options(spec: &StreamSpec) -> Vec<&'static str> {
    let mut known = Vec::new();
    if spec.takes_since() {
        known.push("since");
    }
    known.push("poll_interval_secs");
    match spec.paging {
        Paging::TimeWindow(_) => known.extend(["overlap_secs", "lag_secs"]),
        Paging::TimeExport(_) | Paging::Tail => known.push("overlap_secs"),
        Paging::Snapshot(_) => known.push("report_removed"),
        Paging::CursorExport(_) => {}
    }
    let others = [
        ("include", spec.includes.is_some()),
        ("exclude_deleted", spec.exclude_deleted.is_some()),
        ("filter", !spec.filters.is_empty()),
        ("reread_days", may_hide_changes(spec)),
    ];
    known.extend(others.into_iter().filter_map(|(option, has)| has.then_some(option)));
    known
}

fn check_known(spec: &StreamSpec, node: &Node, path: &Path) -> Result<(), Finding> {
    let known = known_options(spec);
    let Node::Map(entries) = node else { return Ok(()) };
    match entries.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Finding::unknown_field(path, key, &known)),
        None => Ok(()),
    }
}

fn filter(
    spec: &StreamSpec,
    options: Option<&StreamOptions>,
    path: &Path,
) -> Result<Vec<(String, Vec<String>)>, Finding> {
    let written = options.and_then(|options| options.filter.as_ref());
    let mut filter = Vec::new();
    for (field, values) in written.into_iter().flatten() {
        if !spec.filters.contains(&field.as_str()) {
            return Err(Finding::new(path, format!("`{}` has no filter `{field}`", spec.name))
                .hint(suggestion(field, spec.filters.iter().copied(), "its filters are")));
        }
        filter.push((field.clone(), values.0.clone()));
    }
    Ok(filter)
}

fn include(
    spec: &StreamSpec,
    options: Option<&StreamOptions>,
    emit: Emit,
    path: &Path,
) -> Result<Vec<String>, Finding> {
    let written = options.and_then(|options| options.include.clone()).unwrap_or_default();
    let is_word = |text: &String| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some(index) = written.iter().position(|text| !is_word(text)) {
        let message = format!("`{}` is not the name of a sideload", written[index]);
        return Err(Finding::new(&path.index(index), message));
    }
    let within = spec.includes.unwrap_or_default();
    let is_dropped = |text: &String| emit == Emit::Records && !within.contains(&text.as_str());
    match written.iter().position(is_dropped) {
        Some(index) => {
            let message = format!(
                "`{}` would be dropped: it comes beside the records of a page, and only records \
                 are delivered",
                written[index]
            );
            let hint = match within {
                [] => "`emit: pages` delivers whole pages".to_owned(),
                within => format!(
                    "`emit: pages` delivers whole pages; within the records come `{}`",
                    within.join("`, `")
                ),
            };
            Err(Finding::new(&path.index(index), message).hint(hint))
        }
        None => Ok(written),
    }
}
