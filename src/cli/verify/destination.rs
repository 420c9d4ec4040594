//! Where events should be: a bucket, topics or files, from an address or from a sink of a config.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures::{StreamExt as _, stream};
use indicatif::ProgressBar;

use super::lines::compare;
use super::topics::Topics;
use super::{begin, of_temporary_files};
use crate::buckets::{Bucket, BucketError, BucketErrorKind};
use crate::cli::Failure;
use crate::config::{ProcessEnvironment, SinkConfig, bucket_sink};
use crate::kafka::SharedHeaders;
use crate::pipeline::Connector;
use crate::random::Random;
use crate::verify::Comparison;
use crate::zendesk::Backoff;

/// Objects that are fetched side by side; each is held whole.
const AT_ONCE: usize = 4;

/// How often a bucket that is away is asked again, and the ceilings of the delay between.
const RETRIES: u32 = 5;
const CEILINGS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

/// Where events should be.
#[derive(Debug)]
pub(super) enum Destination {
    /// Objects whose keys begin with the prefix.
    Objects { bucket: Arc<dyn Bucket>, prefix: String, random: Arc<Random> },
    /// What is committed in them.
    Topics(Box<Topics>),
    /// The file, the files below the directory, or those whose paths begin so.
    Files(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects { bucket, prefix, .. } => write!(f, "{}/{prefix}", bucket.location()),
            Self::Topics(topics) => topics.fmt(f),
            Self::Files(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How a place is opened that an address names.
#[derive(Debug)]
pub(super) struct Opener<'a> {
    pub(super) connector: Connector<'a>,
    pub(super) random: Arc<Random>,
    /// Its own place is opened with what its config says, any other as the environment says.
    pub(super) sink: Option<&'a SinkConfig>,
    /// What messages say that are of the stream and the account.
    pub(super) headers: SharedHeaders,
}

impl Opener<'_> {
    fn bucket(&self, kind: &'static str, name: &str) -> Result<Arc<dyn Bucket>, Failure> {
        let own = self.sink.map(|sink| self.connector.bucket(sink)).transpose()?.flatten();
        if let Some(own) = own.filter(|it| it.location().ends_with(&format!("/{name}"))) {
            return Ok(own);
        }
        let sink = bucket_sink(kind, name, &ProcessEnvironment)
            .map_err(|error| Failure::from(error).into_usage())?;
        let bucket = self.connector.bucket(&sink)?;
        bucket.ok_or_else(|| Failure::usage(format!("`{kind}` is no bucket")))
    }
}

impl Destination {
    /// What an address stands for.
    pub(super) fn of_uri(uri: &str, opener: &Opener<'_>) -> Result<Self, Failure> {
        let Some((scheme, rest)) = uri.split_once("://") else {
            return Ok(Self::Files(PathBuf::from(uri)));
        };
        let kind = match scheme {
            "s3" => "aws_s3",
            "gs" => "gcp_cloud_storage",
            "az" => "azure_blob",
            "kafka" => {
                let headers = SharedHeaders::clone(&opener.headers);
                let topics = Topics::of_address(rest, opener.sink, headers)?;
                return Ok(Self::Topics(Box::new(topics)));
            }
            "file" => return Ok(Self::Files(PathBuf::from(rest))),
            _ => {
                return Err(Failure::usage(format!("`{uri}` is no place that can be read"))
                    .with_hint(
                        "write `s3://`, `gs://`, `az://`, `kafka://`, or a file or directory",
                    ));
            }
        };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, random) = (opener.bucket(kind, name)?, Arc::clone(&opener.random));
        Ok(Self::Objects { bucket, prefix: prefix.to_owned(), random })
    }

    /// Gives all lines there are to the comparison. Returns how many are known to be gone that were
    /// there.
    pub(super) async fn read(
        &self,
        comparison: &mut Comparison,
        progress: &ProgressBar,
    ) -> Result<u64, Failure> {
        let (before, mut gone) = (comparison.counts().objects, 0);
        begin(progress, format!("reading {self}, lines:"));
        match self {
            Self::Objects { bucket, prefix, random } => {
                read_objects(bucket, prefix, random, comparison, progress).await?;
            }
            Self::Topics(topics) => gone = topics.read(comparison, progress).await?,
            Self::Files(path) => read_files(path, comparison, progress)?,
        }
        if comparison.counts().objects == before {
            return Err(Failure::run(format!("there is nothing at {self}"))
                .with_hint("let `--against` point to where this stream's lines are"));
        }
        Ok(gone)
    }
}

async fn read_objects(
    bucket: &Arc<dyn Bucket>,
    prefix: &str,
    random: &Random,
    comparison: &mut Comparison,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let keys = patient(random, || bucket.list(prefix)).await?;
    let objects = stream::iter(keys).map(|key| async move {
        let found = patient(random, || bucket.get(&key)).await?;
        Ok::<(String, Option<Bytes>), Failure>((key, found.map(|(_, body)| body)))
    });
    let mut objects = std::pin::pin!(objects.buffered(AT_ONCE));
    while let Some(object) = objects.next().await {
        // One that was listed and is gone has no lines.
        let (key, Some(body)) = object? else { continue };
        comparison.object(&format!("{}/{key}", bucket.location()));
        compare(body.reader(), comparison).map_err(of_temporary_files)?;
        progress.set_position(comparison.counts().lines);
    }
    Ok(())
}

/// Asks again where the answer may pass.
async fn patient<T, F: Future<Output = Result<T, BucketError>>>(
    random: &Random,
    ask: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut backoff = Backoff::new(CEILINGS.0, CEILINGS.1);
    for _ in 0..RETRIES {
        match ask().await {
            Err(error) if error.kind == BucketErrorKind::Retry => {
                tracing::warn!(%error, "not read, trying again");
                tokio::time::sleep(backoff.next(random)).await;
            }
            answer => return answer.map_err(failure),
        }
    }
    ask().await.map_err(failure)
}

fn failure(error: BucketError) -> Failure {
    let failure = Failure::run(error.message);
    match error.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn read_files(
    path: &Path,
    comparison: &mut Comparison,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let refused = |path: &Path, error: std::io::Error| {
        Failure::run(format!("cannot read {}: {error}", path.display()))
    };
    let mut files = Vec::new();
    collect(path, &mut files).map_err(|error| refused(path, error))?;
    files.sort();
    for path in files {
        let file = File::open(&path).map_err(|error| refused(&path, error))?;
        comparison.object(&path.display().to_string());
        compare(file, comparison).map_err(of_temporary_files)?;
        progress.set_position(comparison.counts().lines);
    }
    Ok(())
}

/// The file, those below the directory, or those whose paths begin so.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    if path.is_dir() {
        return below(path, files);
    }
    let Some((parent, start)) = path.parent().zip(path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    if !parent.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let begins_so = entry.file_name().to_str().is_some_and(|name| name.starts_with(start));
        match entry.file_type()? {
            kind if begins_so && kind.is_dir() => below(&entry.path(), files)?,
            kind if begins_so && kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
}

/// Every file below. Links are not followed: what they lead to is somewhere else.
fn below(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    Ok(())
}
