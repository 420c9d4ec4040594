//! Tokens in a file, for the owner's eyes only.
//!
//! The file is replaced as a whole, under a lock that is held just as long: beside the file stands
//! `<name>.lock`, which stays, and for moments `<name>.new`.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::durable::{beside, private, replace};
use crate::zendesk::{
    TokenRecord, TokenSave, TokenStore, TokenStoreError, TokenStoreErrorKind, TokenVersion,
};

type Loaded = Option<(TokenVersion, TokenRecord)>;

/// Keeps tokens in one file.
#[derive(Debug, Clone)]
pub struct FileTokens {
    path: PathBuf,
}

impl FileTokens {
    /// A store for the file at `path`, which need not be there. Touches nothing.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, TokenStoreError> + Send + 'static,
    ) -> Result<T, TokenStoreError> {
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || work(&path));
        task.await.unwrap_or_else(|lost| {
            let message = format!("the tokens were not dealt with: {lost}");
            Err(TokenStoreError::new(TokenStoreErrorKind::Retry, message))
        })
    }
}

#[async_trait]
impl TokenStore for FileTokens {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    async fn load(&self) -> Result<Loaded, TokenStoreError> {
        self.blocking(read).await
    }

    async fn save(
        &self,
        expected: Option<&TokenVersion>,
        next: &TokenRecord,
    ) -> Result<TokenSave, TokenStoreError> {
        let (expected, next) = (expected.cloned(), next.clone());
        self.blocking(move |path| save(path, expected.as_ref(), &next)).await
    }
}

fn read(path: &Path) -> Result<Loaded, TokenStoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(of_io("read", path, &error)),
    };
    let record = TokenRecord::decode(&bytes, &path.display().to_string())?;
    Ok(Some((version(&bytes), record)))
}

/// The bytes are unique as the tokens and claims in them are.
fn version(bytes: &[u8]) -> TokenVersion {
    TokenVersion(URL_SAFE_NO_PAD.encode(Sha256::digest(bytes)))
}

fn save(
    path: &Path,
    expected: Option<&TokenVersion>,
    next: &TokenRecord,
) -> Result<TokenSave, TokenStoreError> {
    // A link is followed, so that two names of one file share a lock and neither is cut off.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |doing: &'static str| move |error: io::Error| of_io(doing, path, &error);
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    directory.map_or(Ok(()), make_directory).map_err(failed("make the directory of"))?;
    let lock = private(OpenOptions::new().read(true).write(true).create(true).truncate(false))
        .open(beside(path, ".lock"))
        .map_err(failed("lock"))?;
    match lock.lock() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(path = %path.display(), "this file system has no locks; nothing keeps a second process from these tokens");
        }
        locked => locked.map_err(failed("lock"))?,
    }
    if read(path)?.map(|(version, _)| version).as_ref() != expected {
        return Ok(TokenSave::Refused);
    }
    let document = next.encode();
    let bytes = document.expose_secret().as_bytes();
    replace(path, bytes).map_err(failed("save"))?;
    Ok(TokenSave::Done(version(bytes)))
}

/// For the owner alone, where it is not there yet.
fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn of_io(doing: &str, path: &Path, error: &io::Error) -> TokenStoreError {
    use TokenStoreErrorKind::{Config, Retry};
    let (kind, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Retry, "make room on the volume"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (Config, "let the user that runs zenstream read and write there, or set `token_store`")
        }
        ErrorKind::IsADirectory
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => (Config, "choose another file with `token_store`"),
        _ => (Retry, "look at the volume that it is on"),
    };
    let message = format!("cannot {doing} the tokens in {}: {error}", path.display());
    TokenStoreError::new(kind, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(claimed_by: &str) -> TokenRecord {
        TokenRecord {
            endpoint: "https://acme.zendesk.com".to_owned(),
            client_id: "zenstream".to_owned(),
            seed: None,
            pair: None,
            claimed_by: Some(claimed_by.to_owned()),
        }
    }

    #[tokio::test]
    async fn of_two_saves_over_one_version_one_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tokens/acme.json");
        let (one, other) = (FileTokens::new(path.clone()), FileTokens::new(path));
        assert!(one.load().await.unwrap().is_none());
        let TokenSave::Done(first) = one.save(None, &record("one")).await.unwrap() else {
            panic!("nothing was there")
        };
        assert_eq!(other.save(None, &record("other")).await.unwrap(), TokenSave::Refused);
        let (seen, found) = other.load().await.unwrap().unwrap();
        assert_eq!((&seen, &found), (&first, &record("one")));
        assert!(matches!(
            other.save(Some(&seen), &record("other")).await.unwrap(),
            TokenSave::Done(_)
        ));
        assert_eq!(one.save(Some(&first), &record("one")).await.unwrap(), TokenSave::Refused);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_but_the_owner_may_read_any_of_its_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("tokens");
        let store = FileTokens::new(directory.join("acme.json"));
        store.save(None, &record("one")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        let mut files = 0;
        for entry in fs::read_dir(&directory).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
            files += 1;
        }
        assert_eq!(files, 2);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_left_alone_and_not_quoted() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("acme.json");
        for garbage in ["", "null", "{\"format\":1,\"pair\":\"a-token\"", "{\"format\":2}"] {
            fs::write(&path, garbage).unwrap();
            let store = FileTokens::new(path.clone());
            for error in [
                store.load().await.unwrap_err(),
                store.save(None, &record("one")).await.unwrap_err(),
            ] {
                assert_eq!(error.kind, TokenStoreErrorKind::Config);
                assert!(error.hint.is_some() && !format!("{error:?}").contains("a-token"));
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), garbage);
        }
    }
}
