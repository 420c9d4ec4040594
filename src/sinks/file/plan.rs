//! What goes where: from a batch to bytes by path.
//!
//! Pure, but for asking where the process stands. It must not touch a file.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use flate2::write::GzEncoder;

use super::{Compression, FileSettings};
use crate::normalize::Event;
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

    /// What each file of a batch gets. Compressed, it is one gzip member: a file of them cut
    /// between two is still a gzip file.
    pub(super) fn bodies(&self, batch: &Batch) -> Result<Vec<Body>, SinkError> {
        let mut bodies: Vec<(String, Writer)> = Vec::new();
        let mut line = Vec::new();
        let mut failed = None;
        self.each(batch, |index, path, event| {
            if index == bodies.len() {
                bodies.push((path.to_owned(), Writer::new(self.compression)));
            }
            let written = bodies[index].1.push(event, &self.encoder, &mut line);
            failed = failed.take().or(written.err());
        });
        let bodies =
            bodies.into_iter().map(|(path, writer)| Ok(Body { path, bytes: writer.end()? }));
        let bodies: io::Result<Vec<_>> = failed.map_or(Ok(()), Err).and_then(|()| bodies.collect());
        bodies.map_err(|error| fault::of_io("cannot compress a batch", &error))
    }

    /// Calls `with` for each event in order, with its path and that path's number in this batch.
    fn each(&self, batch: &Batch, mut with: impl FnMut(usize, &str, &Event)) {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut last: Option<(&Event, usize, String)> = None;
        for event in &batch.events {
            let (number, path) = match last.take() {
                Some((of, number, path)) if self.template.same_for(of, event) => (number, path),
                _ => {
                    let path = self.path(event);
                    let next = numbers.len();
                    (*numbers.entry(path.clone()).or_insert(next), path)
                }
            };
            with(number, &path, event);
            last = Some((event, number, path));
        }
    }

    fn path(&self, event: &Event) -> String {
        // Nothing is lost: the root was found to be UTF-8.
        self.root.join(self.template.render(event)).to_string_lossy().into_owned()
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

/// One file's share of a batch, growing.
enum Writer {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Writer {
    fn new(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Plain(Vec::new()),
            Compression::Gzip => {
                let gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
                Self::Gzip(Box::new(gzip))
            }
        }
    }

    fn push(&mut self, event: &Event, encoder: &Encoder, line: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain(bytes) => encoder.encode(event, bytes),
            Self::Gzip(gzip) => {
                line.clear();
                encoder.encode(event, line);
                gzip.write_all(line)?;
            }
        }
        Ok(())
    }

    fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(gzip) => gzip.finish(),
        }
    }
}
