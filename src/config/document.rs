//! Several files put together into one tree, which remembers which file a value is from.
//!
//! As in Vector: a component may be in one file only, and what is set twice must be set alike.

use std::collections::BTreeMap;

use super::environment::Environment;
use super::expand::{Secrets, expand};
use super::node::{Node, Path, Segment};
use super::problem::{ConfigError, Finding, Findings, Problem};
use super::secret;

/// Every top-level option of this version.
const TOP_LEVEL: &[&str] = &[
    "data_dir",
    "checkpoint",
    "sources",
    "transforms",
    "sinks",
    "tests",
    "acknowledgements",
    "proxy",
    "secret",
    "api",
    "alerts",
    "max_pages",
];

/// Maps of things by name, which are put together name by name.
const SECTIONS: &[&str] = &["sources", "transforms", "sinks", "secret"];

/// All files together.
pub(super) struct Document {
    pub(super) root: Node,
    /// The file of each top-level option and each component, by path.
    files: BTreeMap<String, String>,
    /// Where what is missing is missed.
    first: Option<String>,
}

impl Document {
    /// Puts files together, each with its name.
    pub(super) fn merge(files: Vec<(String, Node)>, findings: &mut Findings) -> Self {
        let first = files.first().map(|(name, _)| name.clone());
        let mut merged = Merge { entries: BTreeMap::new(), files: BTreeMap::new(), findings };
        for (file, node) in files {
            let Node::Map(entries) = node else { continue };
            for (key, value) in entries {
                merged.option(&key, value, &file);
            }
        }
        Self { root: Node::Map(merged.entries), files: merged.files, first }
    }

    /// Puts in what the environment and the secrets hold.
    pub(super) fn expand(&mut self, environment: &dyn Environment, findings: &mut Findings) {
        let top = Path::default();
        // The backends first: what tells where the secrets are cannot be a secret.
        if let Some(backends) = entry(&mut self.root, "secret") {
            let path = top.key("secret");
            secret::refuse_references(backends, &path, findings);
            expand(backends, &path, environment, &Secrets::new(), findings);
        }
        let secrets = secret::fetch(&self.root, findings);
        let Node::Map(entries) = &mut self.root else { return };
        for (key, node) in entries.iter_mut().filter(|(key, _)| *key != "secret") {
            expand(node, &top.key(key), environment, &secrets, findings);
        }
    }

    /// Leaves out what stands in other sections than these.
    pub(super) fn keep(&mut self, sections: &[&str]) {
        if let Node::Map(entries) = &mut self.root {
            entries.retain(|key, _| sections.contains(&key.as_str()));
        }
    }

    /// What was found, each finding with its file.
    pub(super) fn error(&self, findings: Findings) -> ConfigError {
        ConfigError { problems: self.located(findings) }
    }

    /// What is no error, in the files that it is of.
    pub(super) fn warnings(&self, findings: Findings) -> Vec<Problem> {
        let warnings = self.located(findings).into_iter();
        warnings.map(|problem| Problem { is_warning: true, ..problem }).collect()
    }

    fn located(&self, findings: Findings) -> Vec<Problem> {
        let locate = |finding: Finding| {
            let file = self.file_of(&finding.path).map(str::to_owned);
            finding.located(&self.root, file.as_deref())
        };
        findings.0.into_iter().map(locate).collect()
    }

    fn file_of(&self, path: &Path) -> Option<&str> {
        let start = |length: usize| {
            let steps: Vec<Segment> = path.0.iter().take(length).cloned().collect();
            self.files.get(&Path(steps).to_string())
        };
        start(2).or_else(|| start(1)).or(self.first.as_ref()).map(String::as_str)
    }
}

fn entry<'n>(root: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Node::Map(entries) = root else { return None };
    entries.get_mut(key)
}

struct Merge<'f> {
    entries: BTreeMap<String, Node>,
    files: BTreeMap<String, String>,
    findings: &'f mut Findings,
}

impl Merge<'_> {
    fn option(&mut self, key: &str, value: Node, file: &str) {
        let top = Path::default();
        let path = top.key(key);
        match value {
            Node::Null => {}
            Node::List(tests) if key == "tests" => self.append(key, tests, file),
            Node::Map(components) if SECTIONS.contains(&key) => {
                for (name, node) in components {
                    self.component(key, name, node, file);
                }
            }
            _ if key == "tests" => {
                self.findings.push(Finding::new(&path, "expected a list").within(file));
            }
            _ if SECTIONS.contains(&key) => {
                self.findings.push(Finding::new(&path, "expected a map of names").within(file));
            }
            value if TOP_LEVEL.contains(&key) => self.single(key, value, file),
            _ => self.findings.push(Finding::unknown_field(&top, key, TOP_LEVEL).within(file)),
        }
    }

    /// Lists of several files one after the other.
    fn append(&mut self, key: &str, items: Vec<Node>, file: &str) {
        let list = self.entries.entry(key.to_owned()).or_insert_with(|| Node::List(Vec::new()));
        let Node::List(list) = list else { return };
        for item in items {
            let path = Path::default().key(key).index(list.len());
            self.files.insert(path.to_string(), file.to_owned());
            list.push(item);
        }
    }

    fn component(&mut self, section: &str, name: String, node: Node, file: &str) {
        let path = Path::default().key(section).key(&name);
        if let Some(other) = self.files.get(&path.to_string()) {
            let message = format!("is there twice: in `{other}` and in `{file}`");
            self.findings.push(Finding::new(&path, message));
            return;
        }
        self.files.insert(path.to_string(), file.to_owned());
        let components = self.entries.entry(section.to_owned());
        if let Node::Map(components) = components.or_insert_with(|| Node::Map(BTreeMap::new())) {
            components.insert(name, node);
        }
    }

    fn single(&mut self, key: &str, value: Node, file: &str) {
        match self.entries.get(key) {
            Some(earlier) if *earlier == value => {}
            Some(_) => {
                let other = self.files.get(key).map_or("another file", String::as_str);
                let message = format!("is set in `{other}` and differently in `{file}`");
                self.findings.push(Finding::new(&Path::default().key(key), message));
            }
            None => {
                self.files.insert(key.to_owned(), file.to_owned());
                self.entries.insert(key.to_owned(), value);
            }
        }
    }
}
