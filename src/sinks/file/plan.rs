//! What goes where: from a batch to bytes by path.
//!
//! Pure, but for asking where the process stands. It must not touch a file.

use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::{Compression, FileSettings};
use crate::normalize::{Event, Origin};
use crate::sinks::compress::Compressor;
use crate::sinks::{Batch, Encoder, SinkError, SinkErrorKind, Template, TemplateError, fault};

/// The settings, proved.
#[derive(Debug)]
pub(super) struct Plan {
    /// Absolute, so that the lengths in a checkpoint mean the same files wherever the process is
    /// started.
    root: PathBuf,
    template: Template,
    encoder: Encoder,
    compression: Compression,
}

/// What is to be appended to one file.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

impl Plan {
    pub(super) fn new(settings: FileSettings, encoder: Encoder) -> Result<Self, SinkError> {
        let FileSettings { path, base_dir, compression, idle_timeout: _ } = settings;
        let template = parse(&path, base_dir.as_deref())?;
        let root = std::path::absolute(base_dir.unwrap_or_else(|| ".".into()))
            .map_err(|error| fault::of_io("cannot tell the working directory", &error))?;
        if root.to_str().is_none() {
            let text = format!("the directory {} is not UTF-8", root.display());
            return Err(SinkError::new(SinkErrorKind::Config, text));
        }
        Ok(Self { root, template, encoder, compression })
    }

    /// What the paths of all files with events of this origin begin with.
    pub(super) fn prefix_of(&self, origin: &Origin) -> PathBuf {
        self.root.join(self.template.prefix_of(origin))
    }

    /// The file that every event goes to, if it is one.
    pub(super) fn only_path(&self) -> Option<PathBuf> {
        self.template.is_literal().then(|| self.root.join(self.template.literal_prefix()))
    }

    /// The directory below which every file is.
    pub(super) fn top(&self) -> PathBuf {
        let prefix = self.template.literal_prefix();
        let dir = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
        self.root.join(dir)
    }

    /// The files of a batch, each once.
    pub(super) fn paths(&self, batch: &Batch) -> Vec<String> {
        let mut paths = Vec::new();
        self.each(batch, |index, path, _| {
            if index == paths.len() {
                paths.push(path.to_owned());
            }
        });
        paths
    }

    /// What each file of a batch gets. Compressed, it is one gzip member or one
    /// Zstandard frame: a file of them cut between two is still such a file.
    pub(super) fn bodies(&self, batch: &Batch) -> Result<Vec<Body>, SinkError> {
        let mut bodies: Vec<(String, io::Result<Compressor>)> = Vec::new();
        let mut line = Vec::new();
        let mut failed = None;
        self.each(batch, |index, path, event| {
            if index == bodies.len() {
                bodies.push((path.to_owned(), Compressor::new(self.compression)));
            }
            line.clear();
            self.encoder.encode(event, &mut line);
            if let Ok(compressor) = &mut bodies[index].1 {
                failed = failed.take().or(compressor.write_all(&line).err());
            }
        });
        let bodies = bodies
            .into_iter()
            .map(|(path, compressor)| Ok(Body { path, bytes: compressor?.finish()? }));
        let bodies: io::Result<Vec<_>> = failed.map_or(Ok(()), Err).and_then(|()| bodies.collect());
        bodies.map_err(|error| fault::of_io("cannot compress a batch", &error))
    }

    /// Calls `with` for each event in order, with its path and that path's number in this batch.
    fn each(&self, batch: &Batch, mut with: impl FnMut(usize, &str, &Event)) {
        let mut paths: Vec<String> = Vec::new();
        self.template.each_name(&batch.events, |number, name, event| {
            if number == paths.len() {
                // Nothing is lost: the root was found to be UTF-8.
                paths.push(self.root.join(name).to_string_lossy().into_owned());
            }
            with(number, &paths[number], event);
        });
    }
}

/// Reads the template of a path, which with a base directory must stay below it.
fn parse(path: &str, base: Option<&Path>) -> Result<Template, SinkError> {
    let refused = |message: String| SinkError::new(SinkErrorKind::Config, message);
    let parsed = match base {
        None => Template::parse(path),
        Some(base) => {
            let below = relative_to(path, base).ok_or_else(|| {
                refused(format!("the path `{path}` is not below base_dir {}", base.display()))
            })?;
            Template::parse_below(below)
        }
    };
    let template = parsed.map_err(|error| {
        let message = refused(error.to_string());
        match error {
            TemplateError::NoLiteral(_) => {
                message.with_hint("begin `path` with a directory, or give `base_dir`")
            }
            _ => message,
        }
    })?;
    if base.is_some() && template.has_parent_component() {
        return Err(refused(format!("the path `{path}` leaves base_dir by its `..`")));
    }
    Ok(template)
}

/// The path as seen from the base, be it written below it or beginning with it.
fn relative_to<'a>(path: &'a str, base: &Path) -> Option<&'a str> {
    if Path::new(path).components().next() != Some(Component::RootDir) {
        return Some(path);
    }
    Path::new(path).strip_prefix(base).ok()?.to_str()
}
