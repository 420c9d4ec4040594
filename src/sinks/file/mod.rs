//! Files, appended to, each event in them exactly once across crashes.
//!
//! The checkpoint holds the length up to which each file counts. Whatever a
//! crash left beyond it is cut off at the next start, and a file's length is in
//! the checkpoint before its first byte is written. Files belong to the sink:
//! nobody else may append to them, and a second process is kept out by a lock.

mod disk;
mod handles;
mod lengths;
mod plan;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    Batch, Checked, Compression, Encoder, Restored, Sink, SinkError, SinkState, Written, fault,
};
use crate::normalize::Origin;
use disk::Disk;
use plan::Plan;

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

impl FileSettings {
    /// What the paths of all files with events of this origin begin with.
    pub fn prefix_of(&self, origin: &Origin) -> Result<PathBuf, SinkError> {
        Ok(Plan::new(self.clone(), Encoder::default())?.prefix_of(origin))
    }
}

/// Appends lines to files.
///
/// A file that was moved away is noticed at the next write, and a new one is begun in its place.
/// Idle files are closed when the sink is next given something to write.
#[derive(Debug)]
pub struct File {
    plan: Arc<Plan>,
    disk: Arc<Mutex<Disk>>,
}

impl File {
    /// A sink for these settings. Touches nothing yet; fails where the path is no template or
    /// could leave its directory.
    pub fn new(settings: FileSettings, encoder: Encoder) -> Result<Self, SinkError> {
        let disk = Disk::new(settings.idle_timeout);
        let plan = Plan::new(settings, encoder)?;
        Ok(Self { plan: Arc::new(plan), disk: Arc::new(Mutex::new(disk)) })
    }

    /// Does `work` where it may block. A write whose future is dropped still runs to its end.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Plan, &mut Disk) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let (plan, disk) = (Arc::clone(&self.plan), Arc::clone(&self.disk));
        let task = tokio::task::spawn_blocking(move || {
            work(&plan, &mut disk.lock().unwrap_or_else(PoisonError::into_inner))
        });
        task.await.unwrap_or_else(|lost| Err(fault::of_lost_task(&lost)))
    }
}

#[async_trait]
impl Sink for File {
    async fn check(&self) -> Result<Checked, SinkError> {
        self.blocking(|plan, _| Disk::check(plan)).await
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        if let Some(state) = state.cloned() {
            let now = Instant::now();
            self.blocking(move |_, disk| disk.restore(&state, now)).await?;
        }
        Ok(Restored::default())
    }

    async fn prepare(&self, batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        let (batch, now) = (batch.clone(), Instant::now());
        self.blocking(move |plan, disk| disk.prepare(&plan.paths(&batch), now)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let (batch, now) = (batch.clone(), Instant::now());
        let state = self.blocking(move |plan, disk| disk.write(&plan.bodies(&batch)?, now)).await?;
        Ok(Written::all(Some(state)))
    }
}
