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
    let written = keep_owner(&file, path)
        .and_then(|()| write_durably(file, bytes))
        .and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        // On a full disk it would stand in its own way.
        if let Err(also) = fs::remove_file(&new) {
            tracing::debug!(error = %also, "cannot remove a half-written file");
        }
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_directory)
}

/// What root writes beside a service stays that service's: the new file belongs to whom the old one
/// does, or, where there is none, the directory.
#[cfg(unix)]
fn keep_owner(file: &fs::File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    if file.metadata()?.uid() != 0 {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let model =
        fs::metadata(path).or_else(|_| fs::metadata(directory.unwrap_or(Path::new("."))))?;
    fchown(file, Some(model.uid()), Some(model.gid()))
}

/// Files have no such owners here.
#[cfg(not(unix))]
fn keep_owner(_file: &fs::File, _path: &Path) -> io::Result<()> {
    Ok(())
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    use super::*;

    /// Only root can see to it, and only root needs to: elsewhere the owner is whoever writes.
    #[test]
    fn what_root_replaces_stays_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let (state, tokens) = (dir.path().join("checkpoint.json"), dir.path().join("tokens.json"));
        fs::write(&state, "old").unwrap();
        let me = fs::metadata(&state).unwrap().uid();
        let other = if me == 0 { 65_534 } else { me };
        if me == 0 {
            chown(&state, Some(other), Some(other)).unwrap();
            chown(dir.path(), Some(other), Some(other)).unwrap();
        }
        for path in [&state, &tokens] {
            replace(path, b"new").unwrap();
            let found = fs::metadata(path).unwrap();
            assert_eq!((found.uid(), found.permissions().mode() & 0o777), (other, 0o600));
            assert_eq!(fs::read(path).unwrap(), b"new");
        }
    }
}
