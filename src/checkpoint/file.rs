//! A checkpoint kept in a file.
//!
//! The file is replaced as a whole: written beside, synced, renamed. A lock held
//! as long as the store keeps a second process out. It must never leave half a
//! file under its name, nor look inside the checkpoint.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Checkpoint, CheckpointStore, Revision, StoreError, StoreErrorKind, document};
use crate::durable::{self, beside, private, replace};

type Loaded = Option<(Revision, Checkpoint)>;

/// Keeps a checkpoint in one file.
///
/// Beside it stand `<name>.lock`, which stays and holds the number of the process that has the
/// store open, and for moments `<name>.new`.
#[derive(Debug, Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    seen: Mutex<Seen>,
    /// Locked, once it is there; the lock goes when it is dropped, or the process dies.
    lock: Mutex<Option<fs::File>>,
}

/// The revision of the file, once it was looked at. The lock keeps it true.
#[derive(Debug, Clone, Copy)]
enum Seen {
    NotYet,
    At(Option<Revision>),
}

impl FileStore {
    /// Takes the checkpoint at `path` for this process, making the directory if need be. Blocks
    /// for a moment; meant for the start of a run.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let store = Self::waiting(path)?;
        store.inner.lock()?;
        Ok(store)
    }

    /// The same, without taking it yet: that is done when it is locked, or used.
    pub fn waiting(path: &Path) -> Result<Self, StoreError> {
        let inner =
            Inner { path: settle(path)?, seen: Mutex::new(Seen::NotYet), lock: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes it, unless another process has it, which is a conflict.
    pub(super) async fn lock(&self) -> Result<(), StoreError> {
        self.blocking(Inner::lock).await
    }

    /// The process that has it, `process 1551`, as far as it said so.
    pub(super) async fn holder(&self) -> Option<String> {
        let noted = |inner: &Inner| {
            let lock = fs::File::open(beside(&inner.path, ".lock")).ok();
            Ok(lock.and_then(|mut lock| noted_by(&mut lock)))
        };
        self.blocking(noted).await.ok().flatten()
    }

    /// What is at `path`, without taking it: for looking on while another process runs.
    pub fn peek(path: &Path) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        read(path)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || work(&inner));
        task.await.unwrap_or_else(|lost| {
            let text = format!("the checkpoint was not dealt with: {lost}");
            Err(StoreError::new(StoreErrorKind::Retry, text))
        })
    }
}

#[async_trait]
impl CheckpointStore for FileStore {
    fn location(&self) -> String {
        self.inner.path.display().to_string()
    }

    async fn load(&self) -> Result<Option<(Revision, Checkpoint)>, StoreError> {
        self.blocking(Inner::load).await
    }

    async fn save(
        &self,
        expected: Option<Revision>,
        next: &Checkpoint,
    ) -> Result<Revision, StoreError> {
        let next = next.clone();
        self.blocking(move |inner| inner.save(expected, &next)).await
    }
}

impl Inner {
    fn lock(&self) -> Result<(), StoreError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            *lock = Some(take_lock(&self.path)?);
        }
        Ok(())
    }

    fn load(&self) -> Result<Loaded, StoreError> {
        self.lock()?;
        let loaded = read(&self.path)?;
        let revision = loaded.as_ref().map(|(revision, _)| *revision);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::At(revision);
        Ok(loaded)
    }

    fn save(&self, expected: Option<Revision>, next: &Checkpoint) -> Result<Revision, StoreError> {
        self.lock()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match *seen {
            Seen::At(found) => found,
            Seen::NotYet => read(&self.path)?.map(|(revision, _)| revision),
        };
        if found != expected {
            let location = self.path.display().to_string();
            return Err(StoreError::conflict(&location, expected, found));
        }
        let revision = expected.map_or(1, |revision| revision + 1);
        replace(&self.path, &document::encode(revision, next)?)
            .map_err(|error| of_io("save", &self.path, &error))?;
        *seen = Seen::At(Some(revision));
        Ok(revision)
    }
}

/// The path that two names of one file share: absolute, its links followed. Without this a link
/// would be replaced by a file, and be locked apart from what it points to.
fn settle(path: &Path) -> Result<PathBuf, StoreError> {
    match fs::canonicalize(path) {
        Ok(settled) => return Ok(settled),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(of_io("open", path, &error)),
    }
    if fs::symlink_metadata(path).is_ok() {
        let text = format!("the checkpoint {} is a link to nothing", path.display());
        return Err(StoreError::new(StoreErrorKind::Refused, text)
            .with_hint("mount the volume that it points to, or remove the link"));
    }
    let path = std::path::absolute(path).map_err(|error| of_io("open", path, &error))?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        let text = format!("the checkpoint {} is not the path of a file", path.display());
        return Err(StoreError::new(StoreErrorKind::Refused, text));
    };
    fs::create_dir_all(parent)
        .and_then(|()| fs::canonicalize(parent))
        .map(|parent| parent.join(name))
        .map_err(|error| of_io("make the directory of", &path, &error))
}

fn take_lock(path: &Path) -> Result<fs::File, StoreError> {
    let lock_path = beside(path, ".lock");
    let mut file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false))
        .open(&lock_path)
        .map_err(|error| of_io("lock", path, &error))?;
    match durable::lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(path, &mut file)),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(path = %path.display(), "this file system has no locks; nothing keeps a second process from this checkpoint");
        }
        Err(TryLockError::Error(error)) => return Err(of_io("lock", path, &error)),
    }
    // Only for the message of the next one who tries; a full disk must not stop us here.
    let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = noted {
        tracing::debug!(%error, "cannot note the process number in the lock file");
    }
    Ok(file)
}

fn taken(path: &Path, lock: &mut fs::File) -> StoreError {
    let holder = noted_by(lock).map(|holder| format!(" ({holder})")).unwrap_or_default();
    let path = path.display();
    let text = format!("another zenstream{holder} runs on the checkpoint {path}");
    StoreError::new(StoreErrorKind::Conflict, text)
        .with_hint("stop it first, or give this one another `data_dir`")
}

/// Who has the lock, as it noted there.
fn noted_by(lock: &mut fs::File) -> Option<String> {
    let mut text = String::new();
    lock.take(20).read_to_string(&mut text).ok()?;
    let number = text.trim();
    (!number.is_empty()).then(|| format!("process {number}"))
}

fn read(path: &Path) -> Result<Loaded, StoreError> {
    match fs::read(path) {
        Ok(bytes) => document::decode(&bytes, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_io("read", path, &error)),
    }
}

fn of_io(what: &str, path: &Path, error: &io::Error) -> StoreError {
    use StoreErrorKind::{Refused, Retry};
    let (kind, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Retry, "make room on the volume; saving is tried again until it succeeds")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (Refused, "let the user that runs zenstream read and write there, or set `data_dir`")
        }
        ErrorKind::IsADirectory => (Refused, "the checkpoint must be a file, not a directory"),
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => (Refused, "choose another place with `data_dir`"),
        _ => (Retry, "look at the volume that it is on"),
    };
    let text = format!("cannot {what} the checkpoint {}: {error}", path.display());
    StoreError::new(kind, text).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::checkpoint::contract::{Home, checkpoint_at, store_contract};

    struct Dir(TempDir);

    impl Dir {
        fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("deep/er/state.json")
        }

        fn store(&self) -> FileStore {
            FileStore::open(&self.path()).unwrap()
        }
    }

    #[async_trait]
    impl Home for Dir {
        async fn open(&self) -> Result<Box<dyn CheckpointStore>, StoreError> {
            FileStore::open(&self.path()).map(|store| Box::new(store) as Box<_>)
        }

        async fn put(&self, document: &[u8]) {
            fs::create_dir_all(self.path().parent().unwrap()).unwrap();
            fs::write(self.path(), document).unwrap();
        }
    }

    store_contract!(file, Dir::new(), documents);

    #[tokio::test]
    async fn half_a_save_is_no_save() {
        let dir = Dir::new();
        let store = dir.store();
        fs::write(beside(&dir.path(), ".new"), "{\"format\":1,").unwrap();
        assert_eq!(store.load().await.unwrap(), None);
        store.save(None, &checkpoint_at(1)).await.unwrap();
        fs::write(beside(&dir.path(), ".new"), "{\"format\":1,").unwrap();
        assert_eq!(store.load().await.unwrap(), Some((1, checkpoint_at(1))));
        store.save(Some(1), &checkpoint_at(2)).await.unwrap();
        assert_eq!(FileStore::peek(&dir.path()).unwrap(), Some((2, checkpoint_at(2))));
        assert!(!beside(&dir.path(), ".new").try_exists().unwrap());
    }

    #[tokio::test]
    async fn a_second_process_is_told_who_has_it() {
        let dir = Dir::new();
        let _first = dir.store();
        let error = FileStore::open(&dir.path()).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Conflict);
        let expected = format!("another zenstream (process {}) runs on", std::process::id());
        assert!(error.message.starts_with(&expected), "{error}");
    }

    #[tokio::test]
    async fn a_save_that_failed_can_be_tried_again() {
        let dir = Dir::new();
        let store = dir.store();
        store.save(None, &checkpoint_at(1)).await.unwrap();
        let in_the_way = beside(&dir.path(), ".new");
        fs::create_dir(&in_the_way).unwrap();
        store.save(Some(1), &checkpoint_at(2)).await.unwrap_err();
        assert_eq!(store.load().await.unwrap(), Some((1, checkpoint_at(1))));
        fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(store.save(Some(1), &checkpoint_at(2)).await.unwrap(), 2);
    }

    #[test]
    fn a_directory_in_its_place_is_refused() {
        let dir = Dir::new();
        fs::create_dir_all(dir.path()).unwrap();
        assert_eq!(FileStore::peek(&dir.path()).unwrap_err().kind, StoreErrorKind::Refused);
    }

    #[test]
    fn a_full_disk_is_waited_for_and_a_missing_right_is_not() {
        let kind = |kind: ErrorKind| of_io("save", Path::new("/x"), &kind.into()).kind;
        assert_eq!(kind(ErrorKind::StorageFull), StoreErrorKind::Retry);
        assert_eq!(kind(ErrorKind::Other), StoreErrorKind::Retry);
        assert_eq!(kind(ErrorKind::PermissionDenied), StoreErrorKind::Refused);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let dir = Dir::new();
        let store = dir.store();
        let left = beside(&dir.path(), ".new");
        fs::write(&left, "").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
        store.save(None, &checkpoint_at(1)).await.unwrap();
        assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_stays_a_link_and_shares_the_lock() {
        let dir = Dir::new();
        dir.put(b"").await;
        fs::remove_file(dir.path()).unwrap();
        let link = dir.0.path().join("link.json");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert_eq!(FileStore::open(&link).unwrap_err().kind, StoreErrorKind::Refused);

        let store = dir.store();
        store.save(None, &checkpoint_at(1)).await.unwrap();
        assert_eq!(FileStore::open(&link).unwrap_err().kind, StoreErrorKind::Conflict);
        drop(store);
        FileStore::open(&link).unwrap().save(Some(1), &checkpoint_at(2)).await.unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(FileStore::peek(&dir.path()).unwrap(), Some((2, checkpoint_at(2))));
    }
}
