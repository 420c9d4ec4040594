//! How far each file counts: what the checkpoint is given to keep.
//!
//! Pure. It must not look at a file, only remember what others saw.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::sinks::{SinkError, SinkErrorKind, SinkState};

/// From here on, files of the past are forgotten.
pub(super) const REMEMBERED: usize = 256;

/// Never forgotten before: a file that was just written to is likely to be again, and to forget
/// it would cost a save of the checkpoint.
pub(super) const FORGET_AFTER: Duration = Duration::from_hours(1);

/// Committed lengths by path.
///
/// A path with a date in it makes new files for ever, so the oldest are forgotten. That is safe:
/// a file is only forgotten when a later state is handed out, by which time every byte in it is
/// committed; should it come again, it is a new path, and its length goes into the checkpoint
/// before the first byte is added.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    files: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    length: u64,
    used: Instant,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    files: BTreeMap<String, u64>,
}

impl Lengths {
    pub(super) fn from_state(state: &SinkState, now: Instant) -> Result<Self, SinkError> {
        let saved = Saved::deserialize(state).map_err(|error| {
            let text = format!("the saved state of the file sink cannot be read: {error}");
            SinkError::new(SinkErrorKind::Config, text)
                .with_hint("was another kind of sink saved under this name? rename this one")
        })?;
        let known = |(path, length)| (path, Known { length, used: now });
        Ok(Self { files: saved.files.into_iter().map(known).collect() })
    }

    pub(super) fn to_state(&self) -> SinkState {
        let files = self.files.iter().map(|(path, known)| (path.clone(), known.length.into()));
        let files: serde_json::Map<_, _> = files.collect();
        serde_json::json!({ "files": files })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(path, known)| (path.as_str(), known.length))
    }

    pub(super) fn get(&self, path: &str) -> Option<u64> {
        self.files.get(path).map(|known| known.length)
    }

    /// Notes a length and returns the one known before.
    pub(super) fn set(&mut self, path: &str, length: u64, now: Instant) -> Option<u64> {
        let known = Known { length, used: now };
        if let Some(before) = self.files.get_mut(path) {
            return Some(std::mem::replace(before, known).length);
        }
        self.files.insert(path.to_owned(), known);
        None
    }

    /// Forgets the files that were not used for longest, if there are too many.
    pub(super) fn forget_old(&mut self, now: Instant) {
        let excess = self.files.len().saturating_sub(REMEMBERED);
        if excess == 0 {
            return;
        }
        let is_old = |known: &Known| now.duration_since(known.used) > FORGET_AFTER;
        let mut old: Vec<_> = self
            .files
            .iter()
            .filter(|(_, known)| is_old(known))
            .map(|(path, known)| (known.used, path.clone()))
            .collect();
        old.sort_unstable();
        for (_, path) in old.into_iter().take(excess) {
            self.files.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_as_it_was() {
        let now = Instant::now();
        let mut lengths = Lengths::default();
        lengths.set("/a", 3, now);
        lengths.set("/b", 0, now);
        let state = lengths.to_state();
        assert_eq!(state.to_string(), r#"{"files":{"/a":3,"/b":0}}"#);
        assert_eq!(Lengths::from_state(&state, now).unwrap().to_state(), state);
    }

    #[test]
    fn the_oldest_are_forgotten_but_none_of_the_last_hour() {
        let start = Instant::now();
        let mut lengths = Lengths::default();
        for number in 0..400 {
            lengths.set(&format!("/{number:03}"), 1, start + Duration::from_secs(number));
        }
        let soon = start + FORGET_AFTER;
        lengths.forget_old(soon);
        assert_eq!(lengths.files.len(), 400);

        lengths.forget_old(soon + Duration::from_secs(100));
        assert_eq!(lengths.get("/099"), None);
        assert_eq!(lengths.get("/100"), Some(1));

        lengths.forget_old(soon + Duration::from_secs(1000));
        assert_eq!(lengths.files.len(), REMEMBERED);
        assert_eq!(lengths.get("/399"), Some(1));
    }
}
