//! What of a batch is done, where one batch becomes several requests.
//!
//! A request that was accepted is not sent again when a later one of the same batch fails and the
//! batch comes again. Pure; it must not know what a request is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use super::{Batch, Refused, SinkError};

/// Some events of a batch that go out together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<T> {
    /// Where they go.
    pub(super) target: Arc<T>,
    /// Their places in the batch, in order; never empty.
    pub(super) places: Vec<usize>,
}

/// What became of a part.
#[derive(Debug)]
pub(super) enum Fate {
    /// Everything was taken.
    Taken,
    /// Nothing of it will ever be taken.
    Refused(String),
    /// It was refused as a whole, which may be due to some of its events alone, or to its size.
    RefusedTogether(String),
    /// Of each event something else, in the part's order; the error says why some were not taken
    /// yet.
    Mixed(Vec<EventFate>, Option<SinkError>),
}

impl Fate {
    /// Whether nothing of the part was taken, and nothing of it would be if it came again.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::RefusedTogether(_))
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventFate {
    Taken,
    Refused(String),
    /// Not taken now; it may be later.
    Again,
}

/// How far the present batch is.
#[derive(Debug)]
pub(super) struct Progress<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    /// Tells the batch from every other; none: nothing was begun.
    batch: Option<u128>,
    left: VecDeque<Arc<Part<T>>>,
    refused: BTreeMap<usize, String>,
    /// Whether it was told that some of the batch was refused together.
    is_told: bool,
}

impl<T> Default for Progress<T> {
    fn default() -> Self {
        let (left, refused) = (VecDeque::new(), BTreeMap::new());
        Self(Mutex::new(State { batch: None, left, refused, is_told: false }))
    }
}

impl<T> Progress<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this batch was begun before and is not done.
    pub(super) fn knows(&self, batch: &Batch) -> bool {
        self.lock().batch == Some(digest(batch))
    }

    /// Begins with a batch of these parts, and of events that are refused already.
    pub(super) fn begin(
        &self,
        batch: &Batch,
        parts: Vec<Part<T>>,
        refused: BTreeMap<usize, String>,
    ) {
        let left = parts.into_iter().map(Arc::new).collect();
        *self.lock() = State { batch: Some(digest(batch)), left, refused, is_told: false };
    }

    /// The part that is next.
    pub(super) fn next(&self) -> Option<Arc<Part<T>>> {
        self.lock().left.front().map(Arc::clone)
    }

    /// Enters what became of the part that was next. The error, if some of it has to be sent
    /// again.
    pub(super) fn settle(&self, fate: Fate) -> Result<(), SinkError> {
        let mut state = self.lock();
        let Some(part) = state.left.pop_front() else { return Ok(()) };
        let places = &part.places;
        match fate {
            Fate::Taken => {}
            Fate::RefusedTogether(reason) if places.len() > 1 => {
                if !std::mem::replace(&mut state.is_told, true) {
                    let events = places.len();
                    tracing::warn!(
                        events,
                        reason,
                        "a request was refused as a whole; it is halved until only the events to \
                         blame are left, with a pause after each refusal"
                    );
                }
                let (first, second) = places.split_at(places.len() / 2);
                for half in [second, first] {
                    state.put_first(&part.target, half.to_vec());
                }
            }
            Fate::Refused(reason) | Fate::RefusedTogether(reason) => {
                state.refused.extend(places.iter().map(|place| (*place, reason.clone())));
            }
            Fate::Mixed(fates, error) => {
                let mut again = Vec::new();
                for (place, fate) in places.iter().zip(fates) {
                    match fate {
                        EventFate::Taken => {}
                        EventFate::Refused(reason) => drop(state.refused.insert(*place, reason)),
                        EventFate::Again => again.push(*place),
                    }
                }
                if !again.is_empty() {
                    state.put_first(&part.target, again);
                }
                return error.map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    /// The batch is done: what was refused of it.
    pub(super) fn finish(&self) -> Vec<Refused> {
        let mut state = self.lock();
        state.batch = None;
        let refused = std::mem::take(&mut state.refused);
        refused.into_iter().map(|(index, reason)| Refused { index, reason }).collect()
    }
}

impl<T> State<T> {
    fn put_first(&mut self, target: &Arc<T>, places: Vec<usize>) {
        self.left.push_front(Arc::new(Part { target: Arc::clone(target), places }));
    }
}

/// A batch comes again unchanged, so its ids tell it.
fn digest(batch: &Batch) -> u128 {
    let mut hash = Xxh3::new();
    for event in &batch.events {
        hash.update(event.id().as_bytes());
        hash.update(b"\n");
    }
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::SinkErrorKind;
    use crate::sinks::contract::batch_of;

    fn begun(count: u64) -> (Progress<()>, Batch) {
        let (progress, batch) = (Progress::default(), batch_of("tickets", 0..count));
        let places = (0..batch.events.len()).collect();
        progress.begin(&batch, vec![Part { target: Arc::new(()), places }], BTreeMap::new());
        (progress, batch)
    }

    /// Refuses together whatever has a bad event in it; counts the requests that took.
    fn halved(count: u64, bad: &[usize]) -> (Vec<usize>, Vec<usize>, usize) {
        let (progress, _) = begun(count);
        let (mut taken, mut requests) = (Vec::new(), 0);
        while let Some(part) = progress.next() {
            requests += 1;
            let fate = if part.places.iter().any(|place| bad.contains(place)) {
                Fate::RefusedTogether("bad".to_owned())
            } else {
                taken.extend(&part.places);
                Fate::Taken
            };
            progress.settle(fate).unwrap();
        }
        (taken, progress.finish().into_iter().map(|refused| refused.index).collect(), requests)
    }

    proptest::proptest! {
        #[test]
        fn halving_refuses_the_bad_events_alone_in_few_requests(
            count in 1..200_usize, bad in proptest::collection::btree_set(0..200_usize, 0..5),
        ) {
            let bad: Vec<usize> = bad.into_iter().filter(|place| *place < count).collect();
            let (taken, refused, requests) = halved(count as u64, &bad);
            proptest::prop_assert_eq!(&refused, &bad);
            let good: Vec<usize> = (0..count).filter(|place| !bad.contains(place)).collect();
            proptest::prop_assert_eq!(taken, good);
            let depth = count.next_power_of_two().trailing_zeros() as usize;
            proptest::prop_assert!(requests <= 1 + 2 * depth * bad.len(), "{}", requests);
        }
    }

    #[test]
    fn what_is_mixed_leaves_only_what_is_to_come_again() {
        let (progress, batch) = begun(3);
        let fates = vec![EventFate::Again, EventFate::Refused("no".to_owned()), EventFate::Taken];
        let busy = SinkError::new(SinkErrorKind::Retry, "busy");
        assert!(progress.settle(Fate::Mixed(fates, Some(busy))).is_err());
        assert!(progress.knows(&batch));
        assert_eq!(progress.next().unwrap().places, [0]);
        progress.settle(Fate::Taken).unwrap();
        assert_eq!(progress.next(), None);
        assert_eq!(progress.finish(), [Refused { index: 1, reason: "no".to_owned() }]);
        assert!(!progress.knows(&batch));
    }

    #[test]
    fn another_batch_is_not_taken_for_the_one_before() {
        let (progress, batch) = begun(3);
        assert!(progress.knows(&batch));
        assert!(!progress.knows(&batch_of("tickets", 0..4)));
        assert!(!progress.knows(&batch_of("users", 0..3)));
    }
}
