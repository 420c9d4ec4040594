//! Programs and conditions: their text, from the config or from a file, compiled.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Found;
use crate::config::node::{Node, Origin, Path};
use crate::config::problem::Finding;
use crate::config::read::{read, type_of};
use crate::transform::{Compiled, Condition, Source, Zone};

/// The types of conditions.
const CONDITIONS: &[&str] = &["vrl"];

/// `{ type: vrl, source: ... }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCondition {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "runtime")]
    _runtime: Option<Runtime>,
}

/// The only one there is, in Vector too.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Runtime {
    Ast,
}

/// A condition: the text of a program, or a map with its type.
pub(in crate::config) fn condition(
    node: &Node,
    path: &Path,
    found: &mut Found<'_>,
) -> Option<Condition> {
    let path = match node {
        Node::Map(_) => {
            let kind = found.findings.keep(type_of(node, path, "type", CONDITIONS))?;
            if !CONDITIONS.contains(&kind) {
                let finding = Finding::unknown_value(&path.key("type"), kind, CONDITIONS);
                found.findings.push(finding);
                return None;
            }
            found.findings.keep(read::<WrittenCondition>(node, path))?;
            path.key("source")
        }
        _ => path.clone(),
    };
    let node = if matches!(node, Node::Map(_)) { node.get("source")? } else { node };
    let text: String = found.findings.keep(read(node, &path))?;
    let source = Source {
        text: &text,
        name: &path.to_string(),
        visible: is_visible(node),
        zone: Zone::default(),
    };
    compiled(Condition::compile(source), &path, found)
}

/// What was compiled, its warnings noted; or a note of why it was not.
pub(super) fn compiled<P>(result: Compiled<P>, path: &Path, found: &mut Found<'_>) -> Option<P> {
    match result {
        Ok((program, warnings)) => {
            if let Some(warnings) = warnings {
                found.warnings.push(Finding::new(path, format!("the compiler warns\n{warnings}")));
            }
            Some(program)
        }
        Err(error) => {
            let finding = Finding::new(path, format!("does not compile\n{error}"));
            found.findings.push(match error.hint() {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
            None
        }
    }
}

/// Whether the text is all in the file; what the environment put into it must not be shown.
pub(super) fn is_visible(node: &Node) -> bool {
    matches!(node, Node::Text(text) if text.origin == Origin::Written)
}
