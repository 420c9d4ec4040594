//! Open files: a bounded number of them, each locked for this process.
//!
//! It opens, locks and closes. It must not know what is written, nor how much
//! of a file counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::durable;
use crate::sinks::{SinkError, SinkErrorKind, fault};

/// Well below the 256 files that some systems allow a process by default.
const MAX_OPEN: usize = 64;

/// The files that are kept open between writes.
#[derive(Debug)]
pub(super) struct Handles {
    open: HashMap<String, Handle>,
    idle_timeout: Duration,
}

#[derive(Debug)]
struct Handle {
    file: fs::File,
    used: Instant,
}

impl Handles {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self { open: HashMap::new(), idle_timeout }
    }

    /// The file at `path`, made if it is not there, locked, ready to be appended to.
    pub(super) fn at(&mut self, path: &str, now: Instant) -> Result<&mut fs::File, SinkError> {
        self.close_if_moved(path)?;
        if !self.open.contains_key(path) && self.open.len() >= MAX_OPEN {
            self.close_least_recent();
        }
        let handle = match self.open.entry(path.to_owned()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(Handle { file: create_or_open(Path::new(path))?, used: now })
            }
        };
        handle.used = now;
        Ok(&mut handle.file)
    }

    /// The file that was last opened for `path`, even if it stands elsewhere by now.
    pub(super) fn held(&self, path: &str) -> Option<&fs::File> {
        self.open.get(path).map(|handle| &handle.file)
    }

    /// Closes the file at `path`, if it is open.
    pub(super) fn close(&mut self, path: &str) {
        self.open.remove(path);
    }

    /// Closes what nothing was written to for the idle timeout.
    pub(super) fn close_idle(&mut self, now: Instant) {
        self.open.retain(|_, handle| now.duration_since(handle.used) < self.idle_timeout);
    }

    /// A file that was moved away or deleted is not the one a reader finds at its path.
    fn close_if_moved(&mut self, path: &str) -> Result<(), SinkError> {
        let Some(handle) = self.open.get(path) else { return Ok(()) };
        let there = stat(Path::new(path))?;
        let held = handle.file.metadata().map_err(|error| cannot("look at", path, &error))?;
        if !there.is_some_and(|there| same_file(&there, &held)) {
            self.close(path);
        }
        Ok(())
    }

    fn close_least_recent(&mut self) {
        let oldest = self.open.iter().min_by_key(|(_, handle)| handle.used);
        if let Some(path) = oldest.map(|(path, _)| path.clone()) {
            self.open.remove(&path);
        }
    }
}

/// What is at `path`: a file, or nothing. Anything else cannot be appended to and cut again.
pub(super) fn stat(path: &Path) -> Result<Option<Metadata>, SinkError> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            Err(cannot("write to", path.display(), &ErrorKind::IsADirectory.into()))
        }
        Ok(there) if !there.is_file() => Err(SinkError::new(
            SinkErrorKind::Config,
            format!("cannot write to {}: it is not a regular file", path.display()),
        )
        .with_hint("use the console sink for pipes and terminals")),
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("look at", path.display(), &error)),
    }
}

/// Opens a file that is there, and locks it.
pub(super) fn open(path: &Path) -> Result<fs::File, SinkError> {
    let file = open_unlocked(path)?;
    lock(&file, path)?;
    Ok(file)
}

/// Opens a file that is there, to see whether it can be.
pub(super) fn open_unlocked(path: &Path) -> Result<fs::File, SinkError> {
    let opened = OpenOptions::new().append(true).open(path);
    opened.map_err(|error| cannot("open", path.display(), &error))
}

fn create_or_open(path: &Path) -> Result<fs::File, SinkError> {
    if stat(path)?.is_some() {
        return open(path);
    }
    make_parents(path)?;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|error| cannot("create", path.display(), &error))?;
    lock(&file, path)?;
    // The name must be as durable as what will stand in the file.
    path.parent().map_or(Ok(()), sync_directory)?;
    Ok(file)
}

fn lock(file: &fs::File, path: &Path) -> Result<(), SinkError> {
    match durable::lock(file) {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(SinkError::new(
            SinkErrorKind::Config,
            format!("another process writes to {}", path.display()),
        )
        .with_hint("let only one zenstream, and only one of its sinks, write to a file")),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            tracing::debug!(path = %path.display(), "this file system has no locks");
            Ok(())
        }
        Err(TryLockError::Error(error)) => Err(cannot("lock", path.display(), &error)),
    }
}

/// Makes the directories above `path`, each as durable as the file will be.
fn make_parents(path: &Path) -> Result<(), SinkError> {
    let missing: Vec<PathBuf> = path
        .ancestors()
        .skip(1)
        .take_while(|dir| matches!(dir.try_exists(), Ok(false)))
        .map(Path::to_path_buf)
        .collect();
    let Some(parent) = missing.first() else { return Ok(()) };
    fs::create_dir_all(parent)
        .map_err(|error| cannot("make the directory", parent.display(), &error))?;
    missing.iter().filter_map(|dir| dir.parent()).try_for_each(sync_directory)
}

#[cfg(unix)]
fn sync_directory(dir: &Path) -> Result<(), SinkError> {
    let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| cannot("sync the directory", dir.display(), &error))
}

/// Elsewhere a directory cannot be opened; the system keeps names in its journal.
#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> Result<(), SinkError> {
    Ok(())
}

#[cfg(unix)]
fn same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is open cannot be moved.
#[cfg(not(unix))]
fn same_file(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

pub(super) fn cannot(what: &str, path: impl std::fmt::Display, error: &io::Error) -> SinkError {
    fault::of_io(&format!("cannot {what} {path}"), error)
}
