//! Several files put together into one tree, which remembers which file a value is from.
//!
//! As in Vector: a component may be in one file only, and what is set twice must be set alike.

use std::collections::BTreeMap;

use super::environment::Environment;
use super::expand::{Secrets, expand};
use super::node::{Node, Path, Segment};
use super::problem::{ConfigError, Finding, Findings};
use super::secret;

/// Every top-level option of this version.
const TOP_LEVEL: &[&str] =
    &["data_dir", "checkpoint", "sources", "sinks", "acknowledgements", "proxy", "secret", "api"];

/// Maps of things by name, which are put together name by name.
const SECTIONS: &[&str] = &["sources", "sinks", "secret"];

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
        let mut merged = Merge::default();
        for (file, node) in files {
            let Node::Map(entries) = node else { continue };
            for (key, value) in entries {
                merged.option(&key, value, &file, findings);
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
        for (key, node) in entries.iter_mut().filter(|(key, _)| key != "secret") {
            expand(node, &top.key(key), environment, &secrets, findings);
        }
    }

    /// What was found, each finding with its file.
    pub(super) fn error(&self, findings: Findings) -> ConfigError {
        let locate = |finding: Finding| {
            let file = self.file_of(&finding.path).map(str::to_owned);
            finding.located(&self.root, file.as_deref())
        };
        ConfigError { problems: findings.0.into_iter().map(locate).collect() }
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
    entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
}

#[derive(Default)]
struct Merge {
    entries: Vec<(String, Node)>,
    files: BTreeMap<String, String>,
}

impl Merge {
    fn option(&mut self, key: &str, value: Node, file: &str, findings: &mut Findings) {
        let top = Path::default();
        let path = top.key(key);
        match value {
            Node::Null => {}
            // Refused below, unless it is empty: then it asks for nothing.
            Node::Map(transforms) if key == "transforms" && transforms.is_empty() => {}
            Node::Map(components) if SECTIONS.contains(&key) => {
                for (name, node) in components {
                    self.component(&path.key(&name), &name, node, file, findings);
                }
            }
            _ if SECTIONS.contains(&key) => {
                findings.push(Finding::new(&path, "expected a map of names").within(file));
            }
            value if TOP_LEVEL.contains(&key) => self.single(&path, key, value, file, findings),
            _ => findings.push(Finding::unknown_field(&top, key, TOP_LEVEL).within(file)),
        }
    }

    fn component(
        &mut self,
        path: &Path,
        name: &str,
        node: Node,
        file: &str,
        findings: &mut Findings,
    ) {
        let Some(Segment::Key(section)) = path.0.first() else { return };
        if let Some(other) = self.files.get(&path.to_string()) {
            findings.push(Finding::new(path, format!("is in `{other}` and in `{file}`")));
            return;
        }
        self.files.insert(path.to_string(), file.to_owned());
        let position = self.entries.iter().position(|(key, _)| key == section);
        let position = position.unwrap_or_else(|| {
            self.entries.push((section.clone(), Node::Map(Vec::new())));
            self.entries.len() - 1
        });
        if let Some((_, Node::Map(components))) = self.entries.get_mut(position) {
            components.push((name.to_owned(), node));
        }
    }

    fn single(&mut self, path: &Path, key: &str, value: Node, file: &str, findings: &mut Findings) {
        match self.entries.iter().find(|(name, _)| name == key) {
            Some((_, earlier)) if *earlier == value => {}
            Some(_) => {
                let other = self.files.get(key).map_or("another file", String::as_str);
                let message = format!("is set in `{other}` and differently in `{file}`");
                findings.push(Finding::new(path, message));
            }
            None => {
                self.files.insert(key.to_owned(), file.to_owned());
                self.entries.push((key.to_owned(), value));
            }
        }
    }
}
