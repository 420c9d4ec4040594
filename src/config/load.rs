//! From files to a config: read, parse, merge, expand, understand.
//!
//! The only part of reading a config that opens its files. Each step reports all it finds before
//! the next one begins.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use super::document::Document;
use super::environment::Environment;
use super::meaning;
use super::problem::{ConfigError, Findings, Problem};
use super::syntax::{self, Format};

/// Reads config files, and puts them together as one.
///
/// A path may be a glob, as in Vector. Two files may not hold the same component.
pub fn load(paths: &[PathBuf], environment: &dyn Environment) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let mut texts = Vec::new();
    for path in paths.iter().flat_map(|path| matching(path)) {
        match text(&path) {
            Ok((format, text)) => texts.push((path.display().to_string(), format, text)),
            Err((message, hint)) => {
                problems.push(whole(&path.display().to_string(), message, hint));
            }
        }
    }
    if texts.is_empty() && problems.is_empty() {
        let message = "there is no config to read".to_owned();
        return Err(ConfigError::of(message, Some("name a file".to_owned())));
    }
    build(texts, problems, environment)
}

/// Reads one config from a text; `name` stands for its file in errors.
pub fn parse(
    text: &str,
    format: Format,
    name: &str,
    environment: &dyn Environment,
) -> Result<Config, ConfigError> {
    build(vec![(name.to_owned(), format, text.to_owned())], Vec::new(), environment)
}

fn build(
    texts: Vec<(String, Format, String)>,
    mut problems: Vec<Problem>,
    environment: &dyn Environment,
) -> Result<Config, ConfigError> {
    let mut files = Vec::new();
    for (name, format, text) in texts {
        match syntax::parse(&text, format) {
            Ok(node) => files.push((name, node)),
            Err(error) => problems.push(whole(&name, error.message, None)),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let mut findings = Findings::default();
    let mut document = Document::merge(files, &mut findings);
    let merged = findings.0.len();
    document.expand(environment, &mut findings);
    if findings.0.len() > merged {
        // What was not expanded would be complained about again.
        return Err(document.error(findings));
    }
    match meaning::config(&document.root, environment, &mut findings) {
        Some(config) if findings.0.is_empty() => Ok(config),
        _ => Err(document.error(findings)),
    }
}

/// The files a path stands for, in the order of their names; the path itself if there are none.
fn matching(path: &Path) -> Vec<PathBuf> {
    let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
    let found: Vec<PathBuf> = match pattern {
        Some(pattern) if !path.is_file() => {
            glob::glob(pattern).map(|paths| paths.flatten().collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

fn text(path: &Path) -> Result<(Format, String), (String, Option<String>)> {
    let format = Format::of(path).ok_or_else(|| {
        let hint = "a config is named *.yaml, *.yml, *.toml or *.json";
        ("the file's name does not tell its format".to_owned(), Some(hint.to_owned()))
    })?;
    let text = fs::read_to_string(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let hint = missing.then(|| "`zenstream generate` prints one to begin with".to_owned());
        (error.to_string(), hint)
    })?;
    Ok((format, text))
}

fn whole(file: &str, message: String, hint: Option<String>) -> Problem {
    Problem { file: Some(file.to_owned()), path: String::new(), message, hint }
}
