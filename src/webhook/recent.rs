//! Which events came lately, so that a request that is sent again brings none of them again.
//!
//! Pure. Zendesk sends again what was not answered in time, within minutes; so what came lately is enough. Requests are
//! remembered beside their events: many that wait for one sink may hold more events than are remembered one by one. It
//! is the output's position, saved with the events themselves.

use std::collections::{HashSet, VecDeque};

use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use crate::normalize::Event;
use crate::streams::{Position, PositionError};

/// So many events are remembered, and so many requests: far more than may wait at once.
const RECENT_MAX: usize = 4_096;

/// What came last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: Last,
    requests: Last,
}

/// The last of some fingerprints, the newest last.
#[derive(Debug, Default)]
struct Last {
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Recent {
    /// As a former run left it.
    pub(super) fn new(position: Option<&Position>) -> Result<Self, PositionError> {
        let mut recent = Self::default();
        let Some(Position(saved)) = position else { return Ok(recent) };
        let unreadable = |reason: String| PositionError { stream: "a webhook's output", reason };
        let listed = |name: &str| saved.get(name).and_then(serde_json::Value::as_array);
        let events =
            listed("recent").ok_or_else(|| unreadable("it has no list `recent`".into()))?;
        // Earlier versions of this program remembered no requests.
        let requests = listed("requests").map(Vec::as_slice).unwrap_or_default();
        for (name, list, into) in [
            ("recent", events.as_slice(), &mut recent.events),
            ("requests", requests, &mut recent.requests),
        ] {
            for item in list {
                let number = item.as_u64();
                let only = || unreadable(format!("`{name}` has more than numbers"));
                into.insert(number.ok_or_else(only)?);
            }
        }
        Ok(recent)
    }

    /// Leaves out what came lately of a request that brought these. From now on all of it did. Returns how many were
    /// left out.
    pub(super) fn leave_out_known(
        &mut self,
        events: &mut Vec<Event>,
        rejected: &mut Vec<Event>,
    ) -> usize {
        let prints = events.iter().chain(&*rejected).flat_map(|it| it.fingerprint().to_be_bytes());
        let request = xxh3_64(&prints.collect::<Vec<u8>>());
        let before = events.len() + rejected.len();
        if before > 0 && !self.requests.insert(request) {
            events.clear();
            rejected.clear();
        }
        events.retain(|event| self.events.insert(event.fingerprint()));
        rejected.retain(|event| self.events.insert(event.fingerprint()));
        before - events.len() - rejected.len()
    }

    /// What to save.
    pub(super) fn position(&self) -> Position {
        Position(json!({ "recent": self.events.order, "requests": self.requests.order }))
    }
}

impl Last {
    /// Enters one. Returns whether it was not there.
    fn insert(&mut self, fingerprint: u64) -> bool {
        let new = self.known.insert(fingerprint);
        if new {
            self.order.push_back(fingerprint);
            if self.order.len() > RECENT_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::normalize::{Origin, RecordId};

    /// The events of a request, by their numbers.
    fn request(ids: std::ops::Range<u64>) -> Vec<Event> {
        let origin = Arc::new(Origin {
            source: "hooks".to_owned(),
            stream: "access_logs".to_owned(),
            subdomain: "acme".to_owned(),
            partition: Origin::WEBHOOK.to_owned(),
            ingest_time: Timestamp::UNIX_EPOCH,
            through: None,
        });
        let event = |id: u64| Event {
            line: Bytes::from_static(b"{}"),
            id: RecordId { record: Bytes::from(id.to_string()), version: None },
            time: None,
            origin: Arc::clone(&origin),
            members: None,
        };
        ids.map(event).collect()
    }

    /// How many of them are new.
    fn bring(recent: &mut Recent, ids: std::ops::Range<u64>) -> usize {
        let mut events = request(ids);
        recent.leave_out_known(&mut events, &mut Vec::new());
        events.len()
    }

    #[test]
    fn what_came_lately_is_known_also_after_a_restart_and_no_more_than_that_is_kept() {
        let mut recent = Recent::default();
        let count = RECENT_MAX as u64 + 10;
        assert!((0..count).all(|number| recent.events.insert(number)));
        let events = &recent.events;
        assert_eq!((events.order.len(), events.known.len()), (RECENT_MAX, RECENT_MAX));
        let mut restarted = Recent::new(Some(&recent.position())).expect("our own");
        assert!(!restarted.events.insert(count - 1) && !restarted.events.insert(10));
        assert!(restarted.events.insert(9), "forgotten");
        assert_eq!(restarted.events.order.len(), RECENT_MAX);
    }

    #[test]
    fn requests_that_come_again_are_known_however_many_events_wait() {
        let mut recent = Recent::default();
        // Many more events than are remembered one by one, sent twice in the same order.
        let requests = || (0..64).map(|number| number * 500..(number + 1) * 500);
        assert!(requests().all(|ids| bring(&mut recent, ids) == 500));
        let mut restarted = Recent::new(Some(&recent.position())).expect("our own");
        for recent in [&mut restarted, &mut recent] {
            assert_eq!(requests().map(|ids| bring(recent, ids)).sum::<usize>(), 0);
            assert_eq!(bring(recent, 31_999..32_001), 1, "part of it came in another one");
        }
    }

    #[test]
    fn a_position_of_something_else_is_refused() {
        for saved in [
            json!(null),
            json!({ "cursor": "x" }),
            json!({ "recent": ["x"] }),
            json!({ "recent": [], "requests": ["x"] }),
        ] {
            assert!(Recent::new(Some(&Position(saved))).is_err());
        }
    }
}
