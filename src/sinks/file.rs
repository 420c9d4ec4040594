//! Files, appended to, each event in them exactly once across crashes.

use std::path::PathBuf;
use std::time::Duration;

/// How what is written is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// One gzip member a batch.
    Gzip,
}

/// What the config says of a file sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The path, with `{{ stream }}` and the like and strftime codes of the event's time.
    pub path: String,
    /// The directory that a templated path cannot leave.
    pub base_dir: Option<PathBuf>,
    /// How the files are compressed.
    pub compression: Compression,
    /// A file that nothing was written to for this long is closed.
    pub idle_timeout: Duration,
}

/// Appends lines to files.
#[derive(Debug)]
pub struct File;
