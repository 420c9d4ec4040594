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
use super::transform::Found;
use crate::transform::{Step, Trial};

/// Reads config files, and puts them together as one.
///
/// A path may be a glob, as in Vector. Two files may not hold the same component.
pub fn load(paths: &[PathBuf], environment: &dyn Environment) -> Result<Config, ConfigError> {
    let (texts, problems) = texts(paths)?;
    build(texts, problems, environment)
}

/// The transforms of a config, and the tests that it has for them.
#[derive(Debug)]
pub struct Trials {
    /// The transforms, in the order of their names.
    pub steps: Vec<Step>,
    /// The tests, in their order.
    pub trials: Vec<Trial>,
    /// What works, and may not be what is wanted.
    pub warnings: Vec<Problem>,
}

/// Reads of config files what tests of transforms need; nothing else of them has to be right, or
/// to be set in the environment.
pub fn load_trials(
    paths: &[PathBuf],
    environment: &dyn Environment,
) -> Result<Trials, ConfigError> {
    let (texts, problems) = texts(paths)?;
    let mut findings = Findings::default();
    let mut document = merged(texts, problems, &mut findings)?;
    document.keep(&["transforms", "tests", "secret"]);
    expanded(&mut document, environment, &mut findings)?;
    let mut warnings = Findings::default();
    let found = &mut Found { findings: &mut findings, warnings: &mut warnings };
    match meaning::trials(&document.root, found) {
        Some((steps, trials)) if findings.0.is_empty() => {
            Ok(Trials { steps, trials, warnings: document.warnings(warnings) })
        }
        _ => Err(document.error(findings)),
    }
}

/// The texts of files, and what is wrong with those that have none.
type Texts = (Vec<(String, Format, String)>, Vec<Problem>);

fn texts(paths: &[PathBuf]) -> Result<Texts, ConfigError> {
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
    Ok((texts, problems))
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
    problems: Vec<Problem>,
    environment: &dyn Environment,
) -> Result<Config, ConfigError> {
    let mut findings = Findings::default();
    let mut document = merged(texts, problems, &mut findings)?;
    expanded(&mut document, environment, &mut findings)?;
    let mut warnings = Findings::default();
    match meaning::config(&document.root, environment, &mut findings, &mut warnings) {
        Some(config) if findings.0.is_empty() => {
            Ok(Config { warnings: document.warnings(warnings), ..config })
        }
        _ => Err(document.error(findings)),
    }
}

fn merged(
    texts: Vec<(String, Format, String)>,
    mut problems: Vec<Problem>,
    findings: &mut Findings,
) -> Result<Document, ConfigError> {
    let mut files = Vec::new();
    for (name, format, text) in texts {
        match syntax::parse(&text, format) {
            Ok(node) => files.push((name, node)),
            Err(error) => problems.push(whole(&name, error.message, error.hint.map(str::to_owned))),
        }
    }
    if problems.is_empty() {
        Ok(Document::merge(files, findings))
    } else {
        Err(ConfigError { problems })
    }
}

/// What was not expanded would be complained about again, so that is an end.
fn expanded(
    document: &mut Document,
    environment: &dyn Environment,
    findings: &mut Findings,
) -> Result<(), ConfigError> {
    let before = findings.0.len();
    document.expand(environment, findings);
    if findings.0.len() > before {
        return Err(document.error(std::mem::take(findings)));
    }
    Ok(())
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
    Problem { file: Some(file.to_owned()), path: String::new(), message, hint, is_warning: false }
}
