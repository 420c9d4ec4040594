//! Small files that are replaced as a whole: written beside, synced, renamed. And locks on files.
//!
//! For the owner's eyes only. It must never leave half a file under its name, nor look into one.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock that is taken is tried again, and how long after.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Locks a file for this process alone. Blocks for 0.2 s at the most: a program that this process
/// is starting has its files, and their locks, from its fork until it runs.
#[expect(clippy::disallowed_methods, reason = "files are opened where it is all right to block")]
pub(crate) fn lock(file: &fs::File) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            done => return done,
        }
    }
    file.try_lock()
}

/// Puts `bytes` in the place of what is at `path`, so that whoever looks, whenever the power
/// goes, finds the old or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    // One that a crash left is not ours to write into: it may be readable by others.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    let written = write_durably(file, bytes).and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        // On a full disk it would stand in its own way.
        if let Err(also) = fs::remove_file(&new) {
            tracing::debug!(error = %also, "cannot remove a half-written file");
        }
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_directory)
}

fn write_durably(mut file: fs::File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// The path of a file that stands beside another, with this ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(ending);
    path.with_file_name(name)
}

/// For the owner's eyes only, where the system can say so.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// Elsewhere a directory cannot be opened; the system keeps names in its journal.
#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    Ok(())
}
