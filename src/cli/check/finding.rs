//! What came of a check, and how it is shown: to programs and in wide terminals as a table, to people else
//! in short. It tries nothing.

use serde::Serialize;

use super::LONGEST_PROBE;
use crate::cli::{output, pager};
use crate::zendesk::ApiError;

/// More of them are no table at a terminal: what failed would scroll away.
const ROWS_MAX: usize = 20;

pub(super) const SIGN_IN: &str = "sign-in";
pub(super) const STREAM: &str = "stream";
const FAILED: &str = "failed";

/// One line of the outcome.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// `sign-in`, `stream`, `transform`, `webhook`, `sink` or `checkpoint`.
    pub(super) kind: &'static str,
    /// What was tried.
    pub(super) name: String,
    pub(super) ok: bool,
    /// What came of it.
    pub(super) detail: String,
    /// What a person could do.
    pub(super) hint: Option<String>,
}

impl Finding {
    fn row(&self) -> Vec<String> {
        vec![
            self.kind.to_owned(),
            self.name.clone(),
            if self.ok { "ok" } else { FAILED }.to_owned(),
            self.detail.clone(),
            self.hint.clone().unwrap_or_default(),
        ]
    }

    /// The source of a stream.
    fn source<'f>(&self, findings: &'f [Finding]) -> Option<&'f str> {
        let sources = findings.iter().filter(|it| it.kind == SIGN_IN && self.kind == STREAM);
        let is_of =
            |source: &str| self.name.strip_prefix(source).is_some_and(|rest| rest.starts_with('.'));
        sources.map(|it| it.name.as_str()).filter(|source| is_of(source)).max_by_key(|it| it.len())
    }

    /// The name without that of the source.
    fn own_name(&self, findings: &[Finding]) -> &str {
        self.source(findings).map_or(&self.name, |source| &self.name[source.len() + 1..])
    }

    pub(super) fn well(kind: &'static str, name: String, detail: String) -> Self {
        Self { kind, name, ok: true, detail, hint: None }
    }

    /// The rate limit left no room for it.
    pub(super) fn unasked(name: String) -> Self {
        let detail = format!("not answered within {} s", LONGEST_PROBE.as_secs());
        let hint = "the rate limit leaves no room: something else uses it up, or too many streams share it; check again later, or fewer of them";
        Self { kind: STREAM, name, ok: false, detail, hint: Some(hint.to_owned()) }
    }

    pub(super) fn failed(kind: &'static str, name: String, error: ApiError) -> Self {
        Self { kind, name, ok: false, detail: error.to_string(), hint: error.hint }
    }
}

pub(super) fn render(findings: &[Finding], colourful: bool) -> String {
    let rows: Vec<Vec<String>> = findings.iter().map(Finding::row).collect();
    let header = ["what", "name", "result", "detail", "what to do"];
    let table = output::draw(&header, rows, None, str::to_owned);
    let Some(width) = output::width() else { return table };
    let fits = table.lines().all(|line| line.chars().count() <= usize::from(width));
    if fits && findings.len() <= ROWS_MAX {
        return table;
    }
    let drawn = output::labelled(&summary(findings), width);
    let mark = |line: &str| match line.strip_prefix(FAILED).filter(|_| colourful) {
        Some(rest) => pager::alarm(FAILED) + rest + "\n",
        None => format!("{line}\n"),
    };
    drawn.lines().map(mark).collect()
}

/// What works in few words, and then what does not, with what to do: the end is what one sees.
fn summary(findings: &[Finding]) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for it in findings.iter().filter(|it| it.ok && it.kind != STREAM) {
        lines.push((it.kind, format!("{}: {}", it.name, it.detail)));
        lines.extend(it.hint.iter().map(|hint| ("", hint.clone())));
        if it.kind != SIGN_IN {
            continue;
        }
        let streams = findings.iter().filter(|it| it.ok && it.kind == STREAM);
        let streams = streams.filter(|stream| stream.source(findings) == Some(&it.name));
        let own: Vec<&str> = streams.map(|stream| stream.own_name(findings)).collect();
        if !own.is_empty() {
            lines.push(("streams", format!("{} ok: {}", own.len(), own.join(", "))));
        }
    }
    for (first, names) in failures(findings) {
        lines.push(("", String::new()));
        let what = match (first.source(findings), names.len()) {
            (None, _) => format!("{} {}", first.kind, names.join(", ")),
            (Some(source), 1) => format!("stream of {source}: {}", names[0]),
            (Some(source), count) => format!("{count} streams of {source}: {}", names.join(", ")),
        };
        lines.push((FAILED, what));
        lines.push(("", first.detail.clone()));
        lines.extend(first.hint.iter().map(|hint| ("what to do", hint.clone())));
    }
    lines
}

/// The first of those that failed for one reason, and the names of all of them.
fn failures(findings: &[Finding]) -> Vec<(&Finding, Vec<&str>)> {
    let mut failures: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for it in findings.iter().filter(|it| !it.ok) {
        let reason =
            |it: &Finding| (it.kind, it.source(findings), it.detail.clone(), it.hint.clone());
        let name = it.own_name(findings);
        match failures.iter_mut().find(|(first, _)| reason(first) == reason(it)) {
            Some((_, names)) => names.push(name),
            None => failures.push((it, vec![name])),
        }
    }
    failures
}
