//! Which outputs a sink takes: the globs of `inputs` against what the sources give.
//!
//! Pure. A source gives `<source>.<stream>` and `<source>.rejected`, a sink `<sink>.rejected`.

use std::collections::BTreeSet;

use glob::Pattern;

use super::node::Path;
use super::problem::{Finding, Findings, suggestion};
use super::source::Sources;
use super::{SinkConfig, SourceConfig};
use crate::webhook::{Kind, WebhookSettings};

/// Puts the outputs meant in the place of each sink's globs, sorted, each once.
///
/// `paths` are the sinks' own. A stream that no sink takes is an error: it would be read, and its
/// position would move, for nothing.
pub(super) fn resolve(
    sinks: &mut [SinkConfig],
    paths: &[Path],
    sources: &Sources,
    findings: &mut Findings,
) {
    let mut outputs = outputs(sources);
    outputs.extend(sinks.iter().map(|sink| format!("{}.{REJECTED}", sink.name)));
    let before = findings.0.len();
    for (sink, path) in sinks.iter_mut().zip(paths) {
        let path = path.key("inputs");
        let mut taken = BTreeSet::new();
        for (index, input) in sink.inputs.iter().enumerate() {
            if let Some(found) = findings.keep(matching(input, &path.index(index), &outputs)) {
                let own = format!("{}.{REJECTED}", sink.name);
                taken.extend(found.into_iter().filter(|output| *output != own));
            }
        }
        if sink.inputs.is_empty() {
            findings.push(Finding::new(&path, "is empty").hint("name a source, or `*` for all"));
        }
        sink.inputs = taken.into_iter().collect();
    }
    if findings.0.len() == before {
        check_taken(sinks, sources, findings);
        check_circles(sinks, paths, findings);
    }
}

fn outputs(sources: &Sources) -> Vec<String> {
    let of = |source: &SourceConfig| {
        let names = source.streams.iter().map(|stream| stream.spec.name).chain([REJECTED]);
        names.map(|name| format!("{}.{name}", source.name)).collect::<Vec<_>>()
    };
    let of_webhook = |webhook: &WebhookSettings| {
        let names = Kind::ALL.iter().map(|kind| kind.name()).chain([REJECTED]);
        names.map(|name| format!("{}.{name}", webhook.source)).collect::<Vec<_>>()
    };
    let of_webhooks = sources.webhooks.iter().flat_map(of_webhook);
    sources.zendesk.iter().flat_map(of).chain(of_webhooks).collect()
}

/// The output of what is not a record. Only an input that says so takes it: a glob means records.
const REJECTED: &str = "rejected";

fn matching(input: &str, path: &Path, outputs: &[String]) -> Result<Vec<String>, Finding> {
    let pattern = Pattern::new(input)
        .map_err(|error| Finding::new(path, format!("`{input}` is not a glob: {}", error.msg)))?;
    let meant = |output: &&String| {
        let (source, stream) = output.split_once('.').unwrap_or((output, ""));
        let named = pattern.matches(output) || source == input;
        named && (stream != REJECTED || input.ends_with(REJECTED))
    };
    let found: Vec<String> = outputs.iter().filter(meant).cloned().collect();
    if found.is_empty() {
        let sources = outputs.iter().filter_map(|output| output.split_once('.'));
        let sources: BTreeSet<&str> = sources.map(|(source, _)| source).collect();
        let known = outputs.iter().map(String::as_str).chain(sources);
        return Err(Finding::new(path, format!("no output matches `{input}`")).hint(suggestion(
            input,
            known,
            "the outputs are",
        )));
    }
    Ok(found)
}

fn check_taken(sinks: &[SinkConfig], sources: &Sources, findings: &mut Findings) {
    for webhook in &sources.webhooks {
        // One of them is enough: a request of the other kind is refused, not lost in silence.
        let outputs = Kind::ALL.map(|kind| format!("{}.{kind}", webhook.source));
        if !sinks.iter().any(|sink| outputs.iter().any(|it| sink.inputs.contains(it))) {
            let path = Path::default().key("sources").key(&webhook.source);
            let message = format!("no sink takes `{}`", outputs.join("` or `"));
            findings.push(Finding::new(&path, message).hint("add it to a sink's `inputs`"));
        }
    }
    for source in &sources.zendesk {
        for stream in &source.streams {
            let output = format!("{}.{}", source.name, stream.spec.name);
            if !sinks.iter().any(|sink| sink.inputs.contains(&output)) {
                let path = Path::default().key("sources").key(&source.name).key("streams");
                findings.push(
                    Finding::new(&path, format!("no sink takes `{output}`"))
                        .hint("add it to a sink's `inputs`, or leave it out of `streams`"),
                );
            }
        }
    }
}

/// Two sinks that each take what the other refuses would wait for one another.
fn check_circles(sinks: &[SinkConfig], paths: &[Path], findings: &mut Findings) {
    let takers = |name: &str| {
        let rejected = format!("{name}.{REJECTED}");
        sinks.iter().filter(move |sink| sink.inputs.contains(&rejected))
    };
    for (sink, path) in sinks.iter().zip(paths) {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = vec![&sink.name];
        while let Some(name) = next.pop() {
            next.extend(
                takers(name).map(|taker| taker.name.as_str()).filter(|taker| reached.insert(taker)),
            );
        }
        if reached.contains(sink.name.as_str()) {
            let message = "takes what is refused by a sink that takes what this one refuses";
            findings.push(Finding::new(&path.key("inputs"), message).hint("leave one of them out"));
        }
    }
}
