//! `tests`: what goes into transforms, and what is asked of what comes out.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Found;
use super::program::{compiled, condition, is_visible};
use crate::config::node::{Node, Path};
use crate::config::problem::{Finding, suggestion};
use crate::config::read::{read, read_rest};
use crate::config::written::NonEmpty;
use crate::transform::{
    Outlet, Program, Source, Step, Trial, TrialInput, Zone, path as field_path,
};

/// `tests[]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrial {
    name: NonEmpty,
    inputs: Vec<IgnoredAny>,
    outputs: Option<Vec<IgnoredAny>>,
    no_outputs_from: Option<Vec<String>>,
    users: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
}

/// `tests[].inputs[]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInput {
    insert_at: String,
    #[serde(rename = "type")]
    kind: Option<InputType>,
    value: Option<String>,
    source: Option<String>,
    #[serde(rename = "log_fields")]
    _log_fields: Option<IgnoredAny>,
}

/// `tests[].inputs[].type`
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum InputType {
    Log,
    Raw,
    Vrl,
}

/// `tests[].outputs[]`, but for where it looks
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOutput {
    conditions: Option<Vec<IgnoredAny>>,
    expected_event_count: Option<usize>,
}

/// Whether what is written can be read at all: a config that runs is not held up by more.
pub(in crate::config) fn check(node: Option<&Node>, path: &Path, found: &mut Found<'_>) {
    for (node, path) in items(node, path) {
        found.findings.keep(read::<WrittenTrial>(node, &path));
    }
}

/// The tests, their programs compiled; none if something is wrong with one.
pub(in crate::config) fn trials(
    node: Option<&Node>,
    path: &Path,
    steps: &[Step],
    found: &mut Found<'_>,
) -> Option<Vec<Trial>> {
    let read = items(node, path).map(|(node, path)| trial(node, &path, steps, found));
    // Collected before it is asked whether one failed, so that each is looked at.
    let read: Vec<Option<Trial>> = read.collect();
    read.into_iter().collect()
}

fn items<'n>(node: Option<&'n Node>, path: &Path) -> impl Iterator<Item = (&'n Node, Path)> {
    let items = match node {
        Some(Node::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().enumerate().map(|(index, node)| (node, path.index(index)))
}

fn trial(node: &Node, path: &Path, steps: &[Step], found: &mut Found<'_>) -> Option<Trial> {
    let written: WrittenTrial = found.findings.keep(read(node, path))?;
    let no_outputs_from = written.no_outputs_from.unwrap_or_default();
    if written.inputs.is_empty() {
        found.findings.push(Finding::new(&path.key("inputs"), "is empty").hint("give it an event"));
    }
    if written.outputs.is_none_or(|outputs| outputs.is_empty()) && no_outputs_from.is_empty() {
        let message = "needs `outputs` or `no_outputs_from`: it asks for nothing";
        found.findings.push(Finding::new(path, message));
    }
    let users = found.findings.keep(users(written.users.unwrap_or_default(), &path.key("users")));
    let mut inputs = Vec::new();
    for (node, path) in items(node.get("inputs"), &path.key("inputs")) {
        inputs.push(input(node, &path, steps, found));
    }
    let mut outputs = Vec::new();
    for (node, path) in items(node.get("outputs"), &path.key("outputs")) {
        outputs.push(outlet(node, &path, steps, found));
    }
    for (index, output) in no_outputs_from.iter().enumerate() {
        known(output, &path.key("no_outputs_from").index(index), steps, found);
    }
    Some(Trial {
        name: written.name.0,
        inputs: inputs.into_iter().collect::<Option<_>>()?,
        users: users?,
        outputs: outputs.into_iter().collect::<Option<_>>()?,
        no_outputs_from,
    })
}

type Users = HashMap<u64, Arc<serde_json::Map<String, serde_json::Value>>>;

/// Users by their ids.
fn users(
    written: Vec<serde_json::Map<String, serde_json::Value>>,
    path: &Path,
) -> Result<Users, Finding> {
    let user = |(index, mut user): (usize, serde_json::Map<String, serde_json::Value>)| {
        let id = user.remove("id").and_then(|id| id.as_u64()).ok_or_else(|| {
            Finding::new(&path.index(index), "needs an `id`")
                .hint("for example `{ id: 7, name: Ann, email: ann@example.com, role: admin }`")
        })?;
        Ok((id, Arc::new(user)))
    };
    written.into_iter().enumerate().map(user).collect()
}

fn input(
    node: &Node,
    path: &Path,
    steps: &[Step],
    found: &mut Found<'_>,
) -> Option<(usize, TrialInput)> {
    let written: WrittenInput = found.findings.keep(read(node, path))?;
    let at = steps.iter().position(|step| step.transform.name() == written.insert_at);
    if at.is_none() {
        let names = steps.iter().map(|step| step.transform.name());
        let message = format!("no transform is named `{}`", written.insert_at);
        let hint = suggestion(&written.insert_at, names, "the transforms are");
        found.findings.push(Finding::new(&path.key("insert_at"), message).hint(hint));
    }
    let lacks = |key: &str, kind: &str| Finding::new(path, format!("type `{kind}` needs `{key}`"));
    let input = match written.kind.unwrap_or(InputType::Raw) {
        InputType::Raw => {
            let value = written.value.ok_or_else(|| lacks("value", "raw"));
            TrialInput::Raw(found.findings.keep(value)?)
        }
        InputType::Log => {
            let fields = node.get("log_fields").ok_or_else(|| lacks("log_fields", "log"));
            let fields = found.findings.keep(fields)?;
            TrialInput::Log(found.findings.keep(log_fields(fields, &path.key("log_fields")))?)
        }
        InputType::Vrl => {
            let text = found.findings.keep(written.source.ok_or_else(|| lacks("source", "vrl")))?;
            let path = path.key("source");
            let visible = node.get("source").is_some_and(is_visible);
            let name = path.to_string();
            let source = Source { text: &text, name: &name, visible, zone: Zone::default() };
            TrialInput::Vrl(compiled(Program::compile_free(source), &path, found)?)
        }
    };
    Some((at?, input))
}

type Fields = Vec<(vrl::path::OwnedTargetPath, serde_json::Value)>;

fn log_fields(node: &Node, path: &Path) -> Result<Fields, Finding> {
    let Node::Map(entries) = node else {
        return Err(Finding::new(path, "expected a map of values by field"));
    };
    let field = |(key, node): (&String, &Node)| {
        let path = path.key(key);
        let field = field_path(key).map_err(|message| Finding::new(&path, message))?;
        Ok((field, node.to_json()))
    };
    entries.iter().map(field).collect()
}

fn outlet(node: &Node, path: &Path, steps: &[Step], found: &mut Found<'_>) -> Option<Outlet> {
    let written: WrittenOutput = found.findings.keep(read_rest(node, path, &["extract_from"]))?;
    let at = path.key("extract_from");
    let extract_from: Vec<String> = match node.get("extract_from") {
        Some(node @ Node::List(_)) => found.findings.keep(read(node, &at))?,
        Some(node) => vec![found.findings.keep(read(node, &at))?],
        None => {
            found.findings.push(Finding::new(path, "missing field `extract_from`"));
            return None;
        }
    };
    for output in &extract_from {
        known(output, &at, steps, found);
    }
    let mut conditions = Vec::with_capacity(written.conditions.map_or(0, |all| all.len()));
    for (node, path) in items(node.get("conditions"), &path.key("conditions")) {
        conditions.push(condition(node, &path, found));
    }
    Some(Outlet {
        extract_from,
        conditions: conditions.into_iter().collect::<Option<_>>()?,
        expected_event_count: written.expected_event_count,
    })
}

/// Notes an output that there is not.
fn known(output: &str, path: &Path, steps: &[Step], found: &mut Found<'_>) {
    let outputs: Vec<String> = steps.iter().flat_map(|step| step.transform.outputs()).collect();
    if !outputs.iter().any(|known| known == output) {
        let hint = suggestion(output, outputs.iter().map(String::as_str), "the outputs are");
        let message = format!("no transform has the output `{output}`");
        found.findings.push(Finding::new(path, message).hint(hint));
    }
}
