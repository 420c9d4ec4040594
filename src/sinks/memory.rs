//! Memory: events kept for whoever holds the other end.
//!
//! A real sink for embedding and for tests of everything around it. It keeps
//! the file sink's promise, so that a crash can be told by dropping everything
//! but this. It must not fail, drop or wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::{Batch, Checked, Restored, Sink, SinkError, SinkErrorKind, SinkState, Written};
use crate::normalize::Event;

/// Keeps events in memory. Clones share them: give one to the pipeline, read through another.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    events: Vec<Event>,
    /// The count that the checkpoint has, or will have before the next write.
    known: Option<usize>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events written so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The lines written so far, in order.
    pub fn lines(&self) -> Vec<String> {
        let shared = self.lock();
        shared.events.iter().map(|event| String::from_utf8_lossy(&event.line).into()).collect()
    }

    /// How many events were written so far.
    pub fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for Memory {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("can be written to"))
    }

    async fn restore(&self, state: Option<&SinkState>) -> Result<Restored, SinkError> {
        let count = match state {
            Some(state) => Some(
                state.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or_else(|| {
                    SinkError::new(
                        SinkErrorKind::Config,
                        "the saved state is not a count of events",
                    )
                })?,
            ),
            None => None,
        };
        let mut shared = self.lock();
        shared.events.truncate(count.unwrap_or(usize::MAX));
        shared.known = count;
        Ok(Restored::default())
    }

    async fn prepare(&self, _batch: &Batch) -> Result<Option<SinkState>, SinkError> {
        let mut shared = self.lock();
        let present = shared.events.len();
        let news = shared.known.replace(present) != Some(present);
        Ok(news.then(|| Value::from(present)))
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let mut shared = self.lock();
        shared.events.extend_from_slice(&batch.events);
        let present = shared.events.len();
        shared.known = Some(present);
        Ok(Written::all(Some(Value::from(present))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::{Destination, sink_contract};

    #[async_trait]
    impl Destination for Memory {
        async fn open(&self) -> Box<dyn Sink> {
            Box::new(self.clone())
        }

        async fn read(&self) -> Vec<String> {
            self.lines()
        }
    }

    sink_contract!(memory, Memory::new(), exactly_once);
}
