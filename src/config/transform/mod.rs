//! What a transform means: its programs are compiled here. What it takes is left as it was written,
//! for `inputs` to resolve.

mod enrich;
mod program;
mod redact;
mod remap;
mod route;
mod sample;
mod throttle;
pub(super) mod trials;

use std::sync::Arc;

use serde::Deserialize;

use super::node::{Node, Path};
use super::problem::{Finding, Findings};
use super::read::{read_part, type_of};
use crate::transform::{Kind, Step, Transform};

/// The types of transforms.
pub(super) const TYPES: &[&str] = &[
    "enrich_actors",
    "exclusive_route",
    "filter",
    "redact",
    "remap",
    "route",
    "sample",
    "throttle",
];

/// What all of them have.
const SHARED: &[&str] = &["type", "inputs"];

/// Names that no route may have: they are outputs already, or mean something else in `inputs`.
const RESERVED: &[&str] = &["_default", "_unmatched", "dropped", "rejected"];

/// `transforms.*`, whatever its type
#[derive(Deserialize)]
struct WrittenInputs {
    inputs: Vec<String>,
}

/// What is found while transforms are read.
pub(super) struct Found<'f> {
    /// What is wrong.
    pub(super) findings: &'f mut Findings,
    /// What works, and may not be what is wanted.
    pub(super) warnings: &'f mut Findings,
}

/// What the transform means; none if something is wrong with it.
pub(super) fn transform(
    name: &str,
    node: &Node,
    path: &Path,
    found: &mut Found<'_>,
) -> Option<Step> {
    let type_of = found.findings.keep(type_of(node, path, "type", TYPES))?;
    let written: Option<WrittenInputs> = found.findings.keep(read_part(node, path, SHARED));
    let kind = match type_of {
        "enrich_actors" => enrich::enrich(node, path, found).map(Kind::Enrich),
        "exclusive_route" => route::exclusive(node, path, found).map(Kind::Route),
        "filter" => route::filter(node, path, found).map(Kind::Filter),
        "redact" => redact::redact(node, path, found).map(Kind::Redact),
        "remap" => remap::remap(node, path, found).map(Kind::Remap),
        "route" => route::route(node, path, found).map(Kind::Route),
        "sample" => sample::sample(node, path, found).map(Kind::Sample),
        "throttle" => throttle::throttle(node, path, found).map(Kind::Throttle),
        other => {
            found.findings.push(Finding::unknown_value(&path.key("type"), other, TYPES));
            None
        }
    };
    Some(Step { inputs: written?.inputs, transform: Arc::new(Transform::new(name, kind?)) })
}

/// A name that is part of an output's.
fn check_name(name: &str, path: &Path) -> Result<(), Finding> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(is_word) {
        return Err(Finding::new(path, format!("`{name}` is not a name for a route"))
            .hint("a name has letters, digits, `_` and `-`"));
    }
    if RESERVED.contains(&name) {
        return Err(Finding::new(path, format!("`{name}` is reserved")).hint("take another name"));
    }
    Ok(())
}
