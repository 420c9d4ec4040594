//! Work on the batch that comes next, done while the one before is on its way.
//!
//! At most one batch is worked on ahead. It must not matter whether it was: who takes the outcome
//! of another batch than the one announced has the work done then.

use std::sync::{Mutex, PoisonError};

use tokio::task::{JoinError, JoinHandle};

use super::Batch;

/// What is made of the next batch where it may block.
#[derive(Debug)]
pub(super) struct Ahead<T>(Mutex<Option<Begun<T>>>);

#[derive(Debug)]
struct Begun<T> {
    batch: Batch,
    work: JoinHandle<T>,
}

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Send + 'static> Ahead<T> {
    /// Begins the work on a batch, in place of whatever was begun before.
    pub(super) fn begin(&self, batch: &Batch, work: impl FnOnce(&Batch) -> T + Send + 'static) {
        let begun = Begun { batch: batch.clone(), work: spawn(batch, work) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    /// The outcome for a batch: of the work that was begun, or of this.
    pub(super) async fn take(
        &self,
        batch: &Batch,
        work: impl FnOnce(&Batch) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match begun.filter(|begun| is_same(&begun.batch, batch)) {
            Some(begun) => begun.work.await,
            None => spawn(batch, work).await,
        }
    }
}

fn spawn<T: Send + 'static>(
    batch: &Batch,
    work: impl FnOnce(&Batch) -> T + Send + 'static,
) -> JoinHandle<T> {
    let batch = batch.clone();
    tokio::task::spawn_blocking(move || work(&batch))
}

/// Whether two batches are of the same events: of the same memory, which both hold.
fn is_same(one: &Batch, other: &Batch) -> bool {
    let place = |batch: &Batch, index: usize| batch.events[index].line.as_ptr_range();
    one.events.len() == other.events.len()
        && one.resume == other.resume
        && (0..one.events.len()).all(|index| place(one, index) == place(other, index))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::sinks::contract::batch_of;

    #[tokio::test]
    async fn work_that_was_begun_is_not_done_again_and_that_of_another_batch_not_taken() {
        let (ahead, done) = (Ahead::default(), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let done = Arc::clone(&done);
            move |batch: &Batch| {
                done.fetch_add(1, Ordering::Relaxed);
                batch.events.len()
            }
        };
        let (batch, another) = (batch_of("tickets", 0..3), batch_of("tickets", 0..3));
        ahead.begin(&batch, work());
        assert_eq!(ahead.take(&batch.clone(), work()).await.unwrap(), 3);
        assert_eq!(done.load(Ordering::Relaxed), 1);
        assert_eq!(ahead.take(&batch, work()).await.unwrap(), 3);
        assert_eq!(done.load(Ordering::Relaxed), 2, "it is taken once");
        ahead.begin(&batch, work());
        ahead.take(&another, work()).await.unwrap();
        ahead.take(&batch, work()).await.unwrap();
        // What was begun for nothing may not have run yet.
        assert!(done.load(Ordering::Relaxed) >= 4);
    }
}
