//! Which outputs sinks and transforms take: the globs of `inputs` against what there is.
//!
//! Pure. A source gives `<source>.<stream>` and `<source>.rejected`, a sink `<sink>.rejected`, a
//! transform what its type says: `<transform>`, `<transform>.<route>`.

use std::collections::BTreeSet;

use glob::Pattern;

use super::node::Path;
use super::problem::{Finding, Findings, listed, suggestion};
use super::source::Sources;
use super::{SinkConfig, SourceConfig};
use crate::internal::InternalSettings;
use crate::transform::Step;
use crate::webhook::{Kind, WebhookSettings};

/// The output of what is not a record. Only an input that says so takes it: a glob means records.
const REJECTED: &str = "rejected";

/// All components of a config, those with inputs as they were written.
pub(super) struct Components<'c> {
    pub(super) sources: &'c Sources,
    pub(super) steps: &'c mut [Step],
    pub(super) sinks: &'c mut [SinkConfig],
}

/// Puts the outputs meant in the place of each component's globs, sorted, each once.
///
/// `paths` are those of transforms and sinks. A stream that no sink takes is an error: it would be
/// read, and its position would move, for nothing.
pub(super) fn resolve(
    components: &mut Components<'_>,
    paths: [&[Path]; 2],
    findings: &mut Findings,
    warnings: &mut Findings,
) {
    let before = findings.0.len();
    let mut outputs = Outputs::of(components);
    for (step, path) in components.steps.iter_mut().zip(paths[0]) {
        let own = step.transform.outputs();
        step.inputs = taken(&step.inputs, path, &outputs, &own, findings);
    }
    let rejected = |sink: &SinkConfig| format!("{}.{REJECTED}", sink.name);
    outputs.others.extend(components.sinks.iter().map(rejected));
    for (sink, path) in components.sinks.iter_mut().zip(paths[1]) {
        sink.inputs = taken(&sink.inputs, path, &outputs, &[rejected(sink)], findings);
    }
    if findings.0.len() > before {
        return;
    }
    check_cycles(components.steps, paths[0], findings);
    check_circles(components.sinks, paths[1], findings);
    if findings.0.len() == before {
        check_taken(components, paths[0], findings, warnings);
    }
}

/// The same for transforms alone: what comes from sources is left out.
pub(super) fn resolve_steps(steps: &mut [Step], paths: &[Path], findings: &mut Findings) {
    let sources = Vec::new();
    let names: Vec<String> = steps.iter().flat_map(|step| step.transform.outputs()).collect();
    let outputs = Outputs { sources, others: names };
    for step in steps.iter_mut() {
        let own = step.transform.outputs();
        let written = std::mem::take(&mut step.inputs);
        // What matches nothing is taken for the output of a source.
        let mut ignored = Findings::default();
        step.inputs = taken(&written, &Path::default(), &outputs, &own, &mut ignored);
    }
    check_cycles(steps, paths, findings);
}

/// The outputs that inputs may name.
struct Outputs {
    /// Those of sources; the name of a source stands for all of its streams.
    sources: Vec<String>,
    /// All others.
    others: Vec<String>,
}

impl Outputs {
    fn of(components: &Components<'_>) -> Self {
        let of = |source: &SourceConfig| {
            let names = source.streams.iter().map(|stream| stream.spec.name).chain([REJECTED]);
            names.map(|name| format!("{}.{name}", source.name)).collect::<Vec<_>>()
        };
        let of_webhook = |webhook: &WebhookSettings| {
            let names = Kind::ALL.iter().map(|kind| kind.name()).chain([REJECTED]);
            names.map(|name| format!("{}.{name}", webhook.source)).collect::<Vec<_>>()
        };
        let of_webhooks = components.sources.webhooks.iter().flat_map(of_webhook);
        let of_internal = components.sources.internal.iter().map(internal_output);
        let others = components.steps.iter().flat_map(|step| step.transform.outputs());
        let of_accounts = components.sources.zendesk.iter().flat_map(of).chain(of_webhooks);
        let sources = of_accounts.chain(of_internal).collect();
        Self { sources, others: others.collect() }
    }

    fn matching(&self, input: &str, path: &Path) -> Result<Vec<String>, Finding> {
        let pattern = Pattern::new(input).map_err(|error| {
            Finding::new(path, format!("`{input}` is not a glob: {}", error.msg))
        })?;
        let meant = |output: &str, source: Option<&str>| {
            let is_rejected = output.rsplit_once('.').is_some_and(|(_, name)| name == REJECTED);
            let named = pattern.matches(output) || source == Some(input);
            named && (!is_rejected || input.ends_with(REJECTED))
        };
        let source_of = |output: &str| output.split_once('.').map(|(source, _)| source.to_owned());
        let of_sources =
            self.sources.iter().filter(|output| meant(output, source_of(output).as_deref()));
        let found: Vec<String> = of_sources
            .chain(self.others.iter().filter(|output| meant(output, None)))
            .cloned()
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let sources: BTreeSet<String> =
            self.sources.iter().filter_map(|it| source_of(it)).collect();
        let known = self.sources.iter().chain(&self.others).chain(&sources).map(String::as_str);
        Err(Finding::new(path, format!("no output matches `{input}`")).hint(suggestion(
            input,
            known,
            "the outputs are",
        )))
    }
}

fn internal_output(source: &InternalSettings) -> String {
    format!("{}.{}", source.source, source.kind.name())
}

/// What a component takes. No glob means what it gives itself.
fn taken(
    inputs: &[String],
    path: &Path,
    outputs: &Outputs,
    own: &[String],
    findings: &mut Findings,
) -> Vec<String> {
    let path = path.key("inputs");
    if inputs.is_empty() {
        findings.push(Finding::new(&path, "is empty").hint("name a source, or `*` for all"));
    }
    let mut taken = BTreeSet::new();
    for (index, input) in inputs.iter().enumerate() {
        if let Some(found) = findings.keep(outputs.matching(input, &path.index(index))) {
            let is_rejected = |output: &String| output.ends_with(&format!(".{REJECTED}"));
            taken.extend(found.into_iter().filter(|output| {
                !own.contains(output) || (output == input && !is_rejected(output))
            }));
        }
    }
    taken.into_iter().collect()
}

/// The outputs that lead to these, through any number of transforms; these among them.
pub(super) fn traced(outputs: &[String], steps: &[Step]) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = outputs.iter().cloned().collect();
    let mut next: Vec<String> = outputs.to_vec();
    while let Some(output) = next.pop() {
        let makers = steps.iter().filter(|step| step.transform.outputs().contains(&output));
        for input in makers.flat_map(|step| &step.inputs) {
            if reached.insert(input.clone()) {
                next.push(input.clone());
            }
        }
    }
    reached
}

fn check_taken(
    components: &Components<'_>,
    paths: &[Path],
    findings: &mut Findings,
    warnings: &mut Findings,
) {
    let wanted: Vec<String> =
        components.sinks.iter().flat_map(|sink| &sink.inputs).cloned().collect();
    let reached = traced(&wanted, components.steps);
    for webhook in &components.sources.webhooks {
        // One of them is enough: a request of the other kind is refused, not lost in silence.
        let outputs = Kind::ALL.map(|kind| format!("{}.{kind}", webhook.source));
        if !outputs.iter().any(|output| reached.contains(output)) {
            let path = Path::default().key("sources").key(&webhook.source);
            let message = format!("no sink takes `{}`", outputs.join("` or `"));
            findings.push(Finding::new(&path, message).hint("add it to a sink's `inputs`"));
        }
    }
    for internal in &components.sources.internal {
        let output = internal_output(internal);
        if !reached.contains(&output) {
            let path = Path::default().key("sources").key(&internal.source);
            let message = format!("no sink takes `{output}`");
            findings.push(Finding::new(&path, message).hint("add it to a sink's `inputs`"));
        }
    }
    for source in &components.sources.zendesk {
        for stream in &source.streams {
            let output = format!("{}.{}", source.name, stream.spec.name);
            if !reached.contains(&output) {
                let path = Path::default().key("sources").key(&source.name).key("streams");
                findings.push(
                    Finding::new(&path, format!("no sink takes `{output}`"))
                        .hint("add it to a sink's `inputs`, or leave it out of `streams`"),
                );
            }
        }
    }
    let by_steps = components.steps.iter().flat_map(|step| &step.inputs);
    let taken: BTreeSet<&String> = wanted.iter().chain(by_steps).collect();
    for (step, path) in components.steps.iter().zip(paths) {
        let loose = step.transform.outputs().into_iter().filter(|output| !taken.contains(output));
        for output in loose {
            warnings.push(
                Finding::new(path, format!("nobody takes `{output}`: its events are dropped"))
                    .hint("add it to a sink's `inputs`"),
            );
        }
    }
}

/// Transforms that take what they make would never come to an end.
fn check_cycles(steps: &[Step], paths: &[Path], findings: &mut Findings) {
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for (start, path) in paths.iter().enumerate() {
        let Some(way) = way_back(start, steps) else { continue };
        if way.iter().any(|step| !told.insert(*step)) {
            continue;
        }
        let names: Vec<&str> = way.iter().map(|at| steps[*at].transform.name()).collect();
        let message = format!("takes what it makes: {} in a circle", listed(&names));
        findings.push(
            Finding::new(&path.key("inputs"), message)
                .hint("take one out of the `inputs` of another; a glob means transforms too"),
        );
    }
}

/// The shortest way from a transform to itself.
fn way_back(start: usize, steps: &[Step]) -> Option<Vec<usize>> {
    let takers = |at: usize| -> Vec<usize> {
        let outputs = steps[at].transform.outputs();
        let takes = |step: &Step| step.inputs.iter().any(|input| outputs.contains(input));
        (0..steps.len()).filter(|taker| takes(&steps[*taker])).collect()
    };
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        for taker in takers(*way.last()?) {
            if taker == start {
                return Some(way);
            }
            if seen.insert(taker) {
                ways.push_back(way.iter().copied().chain([taker]).collect());
            }
        }
    }
    None
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
