//! What a failed file operation means for a sink.
//!
//! The only place that looks at the kind of an IO error, so that all sinks that
//! write to the machine agree. It must not know which sink asks.

use std::io::{Error, ErrorKind};

use super::{SinkError, SinkErrorKind};

/// The error for `doing` (`cannot write to /x`) having failed.
pub(super) fn of_io(doing: &str, error: &Error) -> SinkError {
    let (kind, hint) = judge(error.kind());
    let error = SinkError::new(kind, format!("{doing}: {error}"));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Whatever may pass without anyone changing the config is tried again: an unknown error that is
/// tried again costs time, one that is not costs a run.
fn judge(kind: ErrorKind) -> (SinkErrorKind, Option<&'static str>) {
    use SinkErrorKind::{Closed, Config, Retry};
    match kind {
        ErrorKind::BrokenPipe => (Closed, None),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Retry, Some("make room on the volume; the write is tried again until it succeeds"))
        }
        ErrorKind::PermissionDenied => {
            (Config, Some("let the user that runs zenstream write there, or choose another place"))
        }
        ErrorKind::ReadOnlyFilesystem => {
            (Config, Some("mount the volume writable, or choose another place"))
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            (Config, Some("make the directory, or choose another place"))
        }
        ErrorKind::IsADirectory => {
            (Config, Some("the path must name a file, such as `{{ stream }}.ndjson`"))
        }
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            (Config, Some("the path is not one that the file system takes"))
        }
        ErrorKind::FileTooLarge => {
            (Config, Some("put a date such as `%F` into the path, so that files stay smaller"))
        }
        _ => (Retry, None),
    }
}

/// The error for a task that panicked or was cancelled before it could answer.
pub(super) fn of_lost_task(lost: &tokio::task::JoinError) -> SinkError {
    SinkError::new(SinkErrorKind::Retry, format!("the write did not end: {lost}"))
}
