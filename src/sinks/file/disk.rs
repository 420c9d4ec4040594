//! The steps on the file system, in the order that makes a crash harmless.
//!
//! 1. `prepare`: the length of every file of the batch is known, and saved.
//! 2. `write`: append, sync; or cut back to the length before.
//! 3. `restore`: cut off what was not saved.
//!
//! It must not know what the bytes mean. Everything here blocks.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::handles::{self, Handles, cannot};
use super::lengths::Lengths;
use super::plan::{Body, Plan};
use crate::sinks::{Checked, SinkError, SinkErrorKind, SinkState};

/// What this process knows of the files and holds open of them.
#[derive(Debug)]
pub(super) struct Disk {
    /// What the checkpoint has, or will have before the next write.
    lengths: Lengths,
    handles: Handles,
    /// Files that a write has begun to change, with their length before. Empty between writes,
    /// unless cutting them back failed too; then nothing is done before that is made good.
    undo: BTreeMap<String, u64>,
    append: Append,
}

/// How bytes get into a file; tests put a failing disk in its place.
type Append = fn(&mut fs::File, &[u8]) -> io::Result<()>;

impl Disk {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self {
            lengths: Lengths::default(),
            handles: Handles::new(idle_timeout),
            undo: BTreeMap::new(),
            append: |file, bytes| file.write_all(bytes),
        }
    }

    #[cfg(test)]
    pub(super) fn append_with(&mut self, append: Append) {
        self.append = append;
    }

    /// Opens what can be opened without making anything: the file if there is only one and it
    /// exists, else a probe in the nearest directory that does. Asks for no lock: a check beside
    /// a run that works is no failure.
    pub(super) fn check(plan: &Plan) -> Result<Checked, SinkError> {
        if let Some(path) = plan.only_path()
            && handles::stat(&path)?.is_some()
        {
            handles::open_unlocked(&path)?;
            return Ok(Checked::new("the file can be appended to"));
        }
        let top = plan.top();
        let there = top.ancestors().find(|dir| !matches!(dir.try_exists(), Ok(false)));
        let Some(dir) = there else {
            return Ok(Checked::new("nothing was tried: there is no directory yet"));
        };
        probe(dir)?;
        Ok(Checked::new("files can be made there"))
    }

    pub(super) fn restore(&mut self, state: &SinkState, now: Instant) -> Result<(), SinkError> {
        let saved = Lengths::from_state(state, now)?;
        for (path, committed) in saved.iter() {
            cut_back(Path::new(path), committed)?;
        }
        // What is shorter than saved stays as saved here: the next `prepare` sees the difference
        // and has the checkpoint corrected before anything is added.
        self.lengths = saved;
        Ok(())
    }

    pub(super) fn prepare(
        &mut self,
        paths: &[String],
        now: Instant,
    ) -> Result<Option<SinkState>, SinkError> {
        self.undo_all()?;
        self.handles.close_idle(now);
        let mut news = false;
        for path in paths {
            let present = handles::stat(Path::new(path))?.map_or(0, |there| there.len());
            let before = self.lengths.set(path, present, now);
            news |= before != Some(present);
            if let Some(known) = before.filter(|known| *known != present) {
                tracing::warn!(path, known, present, "a file is not as long as it was left");
            }
        }
        self.lengths.forget_old(now);
        Ok(news.then(|| self.lengths.to_state()))
    }

    pub(super) fn write(&mut self, bodies: &[Body], now: Instant) -> Result<SinkState, SinkError> {
        self.undo_all()?;
        if let Err(error) = bodies.iter().try_for_each(|body| self.append(body, now)) {
            if let Err(also) = self.undo_all() {
                tracing::warn!(error = %also, "a failed write is not undone yet");
            }
            // Some failures are of the handle (a stale one, of a network volume), not the file.
            for body in bodies {
                self.handles.close(&body.path);
            }
            return Err(error);
        }
        for body in bodies {
            if let Some(before) = self.undo.remove(&body.path) {
                self.lengths.set(&body.path, before + body.bytes.len() as u64, now);
            }
        }
        Ok(self.lengths.to_state())
    }

    /// Adds to one file, durably. On failure the file may have changed; `undo` knows.
    fn append(&mut self, body: &Body, now: Instant) -> Result<(), SinkError> {
        let path = body.path.as_str();
        let file = self.handles.at(path, now)?;
        let before = file.metadata().map_err(|error| cannot("look at", path, &error))?.len();
        if self.lengths.get(path) != Some(before) {
            // Moved away or changed since `prepare`: what the checkpoint has is not true of this
            // file, and only another `prepare` can make it so.
            let text = format!("{path} changed while it was about to be written to");
            return Err(SinkError::new(SinkErrorKind::Retry, text));
        }
        self.undo.insert(path.to_owned(), before);
        (self.append)(file, &body.bytes).map_err(|error| cannot("write to", path, &error))?;
        file.sync_data().map_err(|error| cannot("sync", path, &error))
    }

    /// Cuts back every file that a failed write changed.
    fn undo_all(&mut self) -> Result<(), SinkError> {
        while let Some((path, length)) = self.undo.first_key_value() {
            match self.handles.held(path) {
                Some(file) => cut(file, *length).map_err(|error| cannot("cut", path, &error))?,
                None => cut_back(Path::new(path), *length)?,
            }
            self.undo.pop_first();
        }
        Ok(())
    }
}

/// Cuts a file to what is committed of it.
fn cut_back(path: &Path, committed: u64) -> Result<(), SinkError> {
    let present = handles::stat(path)?.map_or(0, |there| there.len());
    if present > committed {
        let file = handles::open(path)?;
        cut(&file, committed).map_err(|error| cannot("cut", path.display(), &error))?;
        let (path, bytes) = (path.display(), present - committed);
        tracing::info!(%path, bytes, "cut off what was written but not saved");
    } else if present < committed {
        let path = path.display();
        tracing::warn!(%path, committed, present, "a file was moved or cut since the last run");
    }
    Ok(())
}

/// Never makes a file longer: that would put zeros into one that somebody else cut.
fn cut(file: &fs::File, length: u64) -> io::Result<()> {
    if file.metadata()?.len() > length {
        file.set_len(length)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Makes and removes a file in `dir`.
fn probe(dir: &Path) -> Result<(), SinkError> {
    // Sinks are checked side by side, and may write to the same directory.
    static PROBES: AtomicU64 = AtomicU64::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!(".zenstream-probe-{}-{number}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    match made {
        Ok(_) => {}
        // Left by a process that was killed between the two steps; it proves as much.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(cannot("write to", dir.display(), &error)),
    }
    fs::remove_file(&path).map_err(|error| cannot("remove", path.display(), &error))
}
