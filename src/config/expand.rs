//! Puts values in the place of placeholders, after parsing and inside strings only.
//!
//! What is put in is not looked at again: a variable can hold neither structure nor another
//! placeholder. Keys are left alone.

use std::collections::BTreeMap;

use super::environment::Environment;
use super::node::{Node, Origin, Path, Text};
use super::placeholder::{Fallback, Piece, pieces};
use super::problem::{Finding, Findings};

/// For a variable of which the config says nothing more.
const SET_IT: &str = "set it, or give it a default: `${NAME:-default}`";

/// The secrets a config refers to, by backend and key. Those that could not be had are
/// missing, were reported, and leave their placeholder as it is.
pub(super) type Secrets = BTreeMap<(String, String), String>;

/// Expands every string below `path`.
pub(super) fn expand(
    node: &mut Node,
    path: &Path,
    environment: &dyn Environment,
    secrets: &Secrets,
    findings: &mut Findings,
) {
    node.change_texts(path, &mut |path, text| match expanded(&text.value, environment, secrets) {
        Ok(Some(new)) => *text = new,
        Ok(None) => {}
        Err((message, hint)) => {
            let finding = Finding::new(path, message);
            findings.push(hint.iter().fold(finding, |finding, hint| finding.hint(*hint)));
        }
    });
}

/// The expanded string; none if there is nothing to expand.
fn expanded(
    written: &str,
    environment: &dyn Environment,
    secrets: &Secrets,
) -> Result<Option<Text>, (String, Option<&'static str>)> {
    let pieces = pieces(written).map_err(|(message, hint)| (message, Some(hint)))?;
    if pieces == [Piece::Literal(written)] || pieces.is_empty() {
        return Ok(None);
    }
    let mut value = String::new();
    let mut origin = Origin::Written;
    for piece in &pieces {
        match piece {
            Piece::Literal(text) => value.push_str(text),
            Piece::Variable { name, fallback } => {
                let text = resolve(name, *fallback, environment)?;
                value.push_str(&text);
                if origin == Origin::Written {
                    origin = Origin::Environment(written.to_owned());
                }
            }
            Piece::Secret { backend, key } => {
                let secret = secrets.get(&((*backend).to_owned(), (*key).to_owned()));
                let Some(secret) = secret else { return Ok(None) };
                value.push_str(secret);
                origin = Origin::Secret(written.to_owned());
            }
        }
    }
    Ok(Some(Text { value, origin }))
}

fn resolve(
    name: &str,
    fallback: Fallback<'_>,
    environment: &dyn Environment,
) -> Result<String, (String, Option<&'static str>)> {
    let value = environment.variable(name);
    let state = if value.is_none() { "not set" } else { "empty" };
    let counts = |for_empty: bool| value.clone().filter(|value| !(for_empty && value.is_empty()));
    match fallback {
        Fallback::Required => counts(false)
            .ok_or_else(|| (format!("the environment variable `{name}` is {state}"), Some(SET_IT))),
        Fallback::Default { text, for_empty } => {
            Ok(counts(for_empty).unwrap_or_else(|| text.to_owned()))
        }
        Fallback::Error { message, for_empty } => counts(for_empty).ok_or_else(|| {
            let reason = if message.is_empty() { String::new() } else { format!(": {message}") };
            (format!("the environment variable `{name}` is {state}{reason}"), None)
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn outcome(written: &str) -> String {
        let environment: HashMap<String, String> =
            [("A", "one"), ("EMPTY", ""), ("NESTED", "${A} SECRET[b.k] $$")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let secrets = Secrets::from([(("b".to_owned(), "k/x.y".to_owned()), "s$A".to_owned())]);
        match expanded(written, &environment, &secrets) {
            Ok(Some(text)) => text.value,
            Ok(None) => written.to_owned(),
            Err((message, _)) => format!("error: {message}"),
        }
    }

    #[test]
    fn each_form_of_placeholder_gives_what_the_shell_would() {
        let table = [
            ("plain", "plain"),
            ("", ""),
            ("${A}", "one"),
            ("<${A}|${A}>", "<one|one>"),
            ("$A ${A}", "$A one"),
            ("$", "$"),
            ("a$", "a$"),
            ("é$é${A}", "é$éone"),
            ("$$A", "$A"),
            ("$${A}", "${A}"),
            ("$$$$", "$$"),
            ("${A:-two}", "one"),
            ("${EMPTY}", ""),
            ("${EMPTY:-two}", "two"),
            ("${EMPTY-two}", ""),
            ("${UNSET-two}", "two"),
            ("${UNSET:-}", ""),
            ("${UNSET:-a:b-c?d}", "a:b-c?d"),
            ("${EMPTY?why}", ""),
            ("${NESTED}", "${A} SECRET[b.k] $$"),
            ("SECRET[b.k/x.y]!", "s$A!"),
            ("${UNSET}", "error: the environment variable `UNSET` is not set"),
            ("${UNSET?}", "error: the environment variable `UNSET` is not set"),
            ("${UNSET?set it}", "error: the environment variable `UNSET` is not set: set it"),
            ("${EMPTY:?set it}", "error: the environment variable `EMPTY` is empty: set it"),
            ("${}", "error: cannot read a `${...}` in this value"),
            ("${A", "error: cannot read a `${...}` in this value"),
            ("${A B}", "error: cannot read a `${...}` in this value"),
            ("${A:+x}", "error: cannot read a `${...}` in this value"),
            ("${X:-${A}}", "error: cannot read a `${...}` in this value"),
            ("SECRET[b]", "error: cannot read a `SECRET[...]` in this value"),
            ("SECRET[b.k", "error: cannot read a `SECRET[...]` in this value"),
        ];
        for (written, expected) in table {
            assert_eq!(outcome(written), expected, "{written}");
        }
    }
}
