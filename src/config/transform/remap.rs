//! `remap`: which program it runs, and what becomes of events at which it fails.

use std::fs;

use serde::Deserialize;

use super::program::{Runtime, compiled, is_visible};
use super::{Found, SHARED};
use crate::config::node::{Node, Path};
use crate::config::problem::Finding;
use crate::config::read::read_rest;
use crate::config::written::NonEmpty;
use crate::transform::{Program, Remap, Schema, Source, Zone};

/// `transforms.*` of type `remap`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: Option<String>,
    file: Option<NonEmpty>,
    files: Option<Vec<NonEmpty>>,
    schema: Option<WrittenSchema>,
    timezone: Option<String>,
    drop_on_error: Option<bool>,
    drop_on_abort: Option<bool>,
    reroute_dropped: Option<bool>,
    #[serde(rename = "runtime")]
    _runtime: Option<Runtime>,
}

/// `transforms.*.schema`
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenSchema {
    Ecs,
    Ocsf,
    Udm,
    SplunkCim,
}

impl From<WrittenSchema> for Schema {
    fn from(written: WrittenSchema) -> Self {
        match written {
            WrittenSchema::Ecs => Self::Ecs,
            WrittenSchema::Ocsf => Self::Ocsf,
            WrittenSchema::Udm => Self::Udm,
            WrittenSchema::SplunkCim => Self::SplunkCim,
        }
    }
}

pub(super) fn remap(node: &Node, path: &Path, found: &mut Found<'_>) -> Option<Remap> {
    let written: Written = found.findings.keep(read_rest(node, path, SHARED))?;
    let zone = found.findings.keep(zone(&written, path));
    let program = program(node, &written, path, zone.unwrap_or_default(), found);
    zone?;
    Some(Remap {
        program: program?,
        drop_on_error: written.drop_on_error.unwrap_or(false),
        drop_on_abort: written.drop_on_abort.unwrap_or(true),
        reroute_dropped: written.reroute_dropped.unwrap_or(false),
    })
}

fn zone(written: &Written, path: &Path) -> Result<Zone, Finding> {
    let Some(name) = &written.timezone else { return Ok(Zone::default()) };
    Zone::named(name).ok_or_else(|| {
        Finding::new(&path.key("timezone"), format!("no time zone is named `{name}`"))
            .hint("write a name such as `Europe/Berlin`, or `local`")
    })
}

fn program(
    node: &Node,
    written: &Written,
    path: &Path,
    zone: Zone,
    found: &mut Found<'_>,
) -> Option<Program> {
    let Written { source, file, files, schema, .. } = written;
    let (text, name, path, visible) = match (source, file, files.as_deref(), schema) {
        (Some(text), None, None, None) => {
            let path = path.key("source");
            let visible = node.get("source").is_some_and(is_visible);
            (text.clone(), path.to_string(), path, visible)
        }
        (None, Some(file), None, None) => {
            let path = path.key("file");
            (found.findings.keep(read(file, &path))?, file.0.clone(), path, true)
        }
        (None, None, Some(files @ [_, ..]), None) => {
            let path = path.key("files");
            let texts = (0..).zip(files).map(|(at, file)| read(file, &path.index(at)));
            let texts: Vec<_> = texts.map(|text| found.findings.keep(text)).collect();
            let text = texts.into_iter().collect::<Option<Vec<String>>>()?.join("\n");
            // Lines count through all of them, as through one file.
            let names: Vec<&str> = files.iter().map(|file| file.0.as_str()).collect();
            (text, names.join(" + "), path, true)
        }
        (None, None, None, Some(schema)) => {
            let (schema, path) = (Schema::from(*schema), path.key("schema"));
            (schema.program().to_owned(), format!("{}.vrl", schema.name()), path, true)
        }
        _ => {
            let message = "needs `source`, `file`, `files` or `schema`, and only one of them";
            found.findings.push(Finding::new(path, message).hint(
                "`source: .field = \"value\"` is a program in place, `schema: ecs` a ready one",
            ));
            return None;
        }
    };
    compiled(Program::compile(Source { text: &text, name: &name, visible, zone }), &path, found)
}

fn read(NonEmpty(file): &NonEmpty, path: &Path) -> Result<String, Finding> {
    fs::read_to_string(file).map_err(|error| {
        Finding::new(path, format!("cannot read `{file}`: {error}"))
            .hint("a relative path begins where `zenstream` is started")
    })
}
