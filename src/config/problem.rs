//! What is wrong with a config: where, what, and what to do about it.
//!
//! Problems are collected, so that one look at a config finds them all. A value that came from
//! the environment or a secret is shown as the file refers to it, never as it is.

use std::fmt;

use super::node::{Node, Origin, Path, Segment, Text};
use super::read::words;
use super::unavailable;

/// More names than these are not listed in a hint, only so many of them.
const LISTED_MAX: usize = 30;
const LISTED_SOME: usize = 6;

/// Everything found wrong with a config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// In the order they were found; never empty.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// What to do about the first problem that has a hint.
    pub fn hint(&self) -> Option<&str> {
        self.problems.iter().find_map(|problem| problem.hint.as_deref())
    }

    pub(super) fn of(message: String, hint: Option<String>) -> Self {
        Self {
            problems: vec![Problem {
                file: None,
                path: String::new(),
                message,
                hint,
                is_warning: false,
            }],
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let line_end = if position == 0 { "" } else { "\n" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong. Its display leaves the hint to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in; none for what did not come from a file.
    pub file: Option<String>,
    /// `sources.acme.auth.client_id`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the config can be followed all the same.
    pub is_warning: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            let what = if self.is_warning { "config" } else { "cannot read config" };
            write!(f, "{what} `{file}`: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A problem before it is known in which file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) path: Path,
    /// Where the path alone does not tell.
    pub(super) file: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn new(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.clone(), file: None, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn within(self, file: &str) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    /// `field` is not an option of the map at `path`.
    pub(super) fn unknown_field(path: &Path, field: &str, known: &[&str]) -> Self {
        if let Some(instead) = unavailable::meaningless(&path.key(field)) {
            let is_sink = path.0.first() == Some(&Segment::Key("sinks".to_owned()));
            let of = if is_sink { "sink" } else { "checkpoint" };
            let message = format!("`{field}` has no meaning for this type of {of}");
            return Self::new(path, message).hint(instead);
        }
        match unavailable::option(&path.key(field)) {
            Some(instead) => {
                Self::new(path, format!("`{field}` is not available in this version")).hint(instead)
            }
            None => Self::new(path, format!("unknown field `{field}`")).hint(suggestion(
                field,
                known.iter().copied(),
                "known fields:",
            )),
        }
    }

    /// `value` is none of the words that the field at `path` takes.
    pub(super) fn unknown_value(path: &Path, value: &str, known: &[&str]) -> Self {
        let message = if unavailable::value(path, value) {
            format!("`{value}` is not available in this version")
        } else {
            let field = path.0.iter().rev().find_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Index(_) => None,
            });
            format!("unknown {} `{value}`", field.unwrap_or("value"))
        };
        Self::new(path, message).hint(suggestion(value, known.iter().copied(), "this version has"))
    }

    /// The same, without anything that the environment or a secret gave.
    fn redacted(mut self, root: &Node) -> Self {
        let Some(text) = text_at(root, &self.path) else { return self };
        match &text.origin {
            Origin::Written => self,
            Origin::Environment(written) => {
                // Messages hold a value only whole and quoted, so no shorter match is wanted.
                let stand_in = format!("`{written}`");
                for value in std::iter::once(text.value.as_str()).chain(words(&text.value)) {
                    self.message = self.message.replace(&format!("`{value}`"), &stand_in);
                }
                self
            }
            // Even a part of a secret, or a hint made from it, would be too much.
            Origin::Secret(written) => {
                Self::new(&self.path, format!("what `{written}` holds is not accepted here"))
            }
        }
    }

    /// The same, with its file, and nothing in it that must not be shown.
    pub(super) fn located(self, root: &Node, file: Option<&str>) -> Problem {
        let file = self.file.clone().or_else(|| file.map(str::to_owned));
        let Self { path, message, hint, .. } = self.redacted(root);
        Problem { file, path: path.to_string(), message, hint, is_warning: false }
    }
}

/// The text at `path`, or that of the list which has the item there.
fn text_at<'n>(root: &'n Node, path: &Path) -> Option<&'n Text> {
    let list = || match path.0.split_last()? {
        (Segment::Index(_), list) => root.at(&Path(list.to_vec())),
        (Segment::Key(_), _) => None,
    };
    match root.at(path).or_else(list) {
        Some(Node::Text(text)) => Some(text),
        _ => None,
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// The value; or a note of what is wrong with it, and nothing.
    pub(super) fn keep<T>(&mut self, result: Result<T, Finding>) -> Option<T> {
        result.map_err(|finding| self.push(finding)).ok()
    }
}

/// "did you mean" the closest of `known`; if none is close, all of them after `intro`.
pub(super) fn suggestion<'k>(
    written: &str,
    known: impl Iterator<Item = &'k str>,
    intro: &str,
) -> String {
    let known: Vec<&str> = known.collect();
    let distance = |name: &&&str| strsim::damerau_levenshtein(written, name);
    // A third of a word mistyped is a typo; more is another word. Or its end was left off, or it is
    // one of the words of a longer name: `s3` of `aws_s3`.
    let length = written.chars().count();
    let is_part = |name: &&&str| name.contains('_') && name.split('_').any(|part| part == written);
    let close = |name: &&&str| {
        distance(name) <= (length / 3).max(1)
            || (length > 3 && name.starts_with(written))
            || is_part(name)
    };
    match known.iter().filter(close).min_by_key(distance) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.len() > LISTED_MAX => {
            let some = known.iter().take(LISTED_SOME).map(|name| format!("`{name}`"));
            let some: Vec<String> = some.collect();
            format!("{intro} {} and {} more", some.join(", "), known.len() - LISTED_SOME)
        }
        None => format!("{intro} {}", listed(&known)),
    }
}

/// `` `a`, `b` and `c` ``
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "none".to_owned(),
    }
}
