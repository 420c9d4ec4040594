//! The way into a sink: a bounded queue of pages, and in front of it room for so many events.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::batch::Delivery;
use super::plan::{BufferSettings, WhenFull};

/// Pages that may wait for a sink. More only costs memory: a page of tickets is 5 MB.
const PAGES_QUEUED: usize = 2;

/// Puts deliveries into a sink's queue. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    queue: mpsc::Sender<Queued>,
    /// Room for events; none: the queue's length is limit enough.
    room: Option<(Arc<Semaphore>, u32)>,
    when_full: WhenFull,
}

/// A delivery, and the room it takes until it is taken out.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) delivery: Delivery,
    room: Option<OwnedSemaphorePermit>,
}

impl Queued {
    /// Taken out: its room is free again.
    pub(super) fn take(self) -> Delivery {
        drop(self.room);
        self.delivery
    }
}

/// A place in the queue, kept for one delivery.
#[derive(Debug)]
pub(super) struct Place<'a> {
    queue: mpsc::Permit<'a, Queued>,
    room: Option<OwnedSemaphorePermit>,
}

impl Place<'_> {
    pub(super) fn put(self, delivery: Delivery) {
        self.queue.send(Queued { delivery, room: self.room });
    }
}

impl Intake {
    /// A queue with these limits, and its other end.
    pub(super) fn new(settings: BufferSettings) -> (Self, mpsc::Receiver<Queued>) {
        let BufferSettings { max_events, when_full } = settings;
        let events = max_events.map(|events| u32::try_from(events.max(1)).unwrap_or(u32::MAX));
        // Every delivery has at least one event, so that many never wait for a place.
        let places = max_events.map_or(PAGES_QUEUED, |events| events.clamp(1, 4_096));
        let (queue, deliveries) = mpsc::channel(places);
        let room = events.map(|events| (Arc::new(Semaphore::new(events as usize)), events));
        (Self { queue, room, when_full }, deliveries)
    }

    /// Whether what finds no room is dropped.
    pub(super) fn drops(&self) -> bool {
        self.when_full == WhenFull::DropNewest
    }

    /// Waits for a place for this many events; none when the sink is gone.
    pub(super) async fn place(&self, events: usize) -> Option<Place<'_>> {
        let room = match &self.room {
            Some((room, most)) => {
                Some(Arc::clone(room).acquire_many_owned(wanted(events, *most)).await.ok()?)
            }
            None => None,
        };
        Some(Place { queue: self.queue.reserve().await.ok()?, room })
    }

    /// A place for this many events, if there is one now.
    pub(super) fn place_now(&self, events: usize) -> Option<Place<'_>> {
        let room = match &self.room {
            Some((room, most)) => {
                Some(Arc::clone(room).try_acquire_many_owned(wanted(events, *most)).ok()?)
            }
            None => None,
        };
        Some(Place { queue: self.queue.try_reserve().ok()?, room })
    }
}

/// A page with more events than there is room for takes all of it.
fn wanted(events: usize, most: u32) -> u32 {
    u32::try_from(events).unwrap_or(u32::MAX).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::batch::Whence;

    fn delivery() -> Delivery {
        let whence = Whence::Page { stream: 0, seq: 0 };
        Delivery { whence, events: Arc::from([]), around: Arc::default() }
    }

    #[tokio::test]
    async fn room_is_counted_in_events_and_a_larger_page_takes_all_of_it() {
        let limits = BufferSettings { max_events: Some(10), when_full: WhenFull::DropNewest };
        let (intake, mut out) = Intake::new(limits);
        intake.place_now(6).expect("there is room").put(delivery());
        assert!(intake.place_now(5).is_none());
        intake.place_now(4).expect("there is just enough").put(delivery());
        assert!(intake.place_now(1).is_none());
        out.recv().await.expect("it was put").take();
        out.recv().await.expect("it was put").take();
        intake.place_now(1_000).expect("the largest page passes alone").put(delivery());
        assert!(intake.place_now(1).is_none());
    }

    #[tokio::test]
    async fn without_a_limit_two_pages_wait() {
        let (intake, _out) = Intake::new(BufferSettings::USUAL);
        intake.place_now(1_000).expect("one").put(delivery());
        intake.place_now(1_000).expect("two").put(delivery());
        assert!(intake.place_now(1).is_none());
    }
}
