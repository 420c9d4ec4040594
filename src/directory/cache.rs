//! Users that were looked up: so many of them, and those alone that were needed last.
//!
//! Pure: the time is handed in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::Person;

/// Users by id, those too that are known not to be there.
#[derive(Debug)]
pub(super) struct Cache {
    max_entries: usize,
    entries: HashMap<u64, Entry>,
    /// Ids by when they were needed last.
    order: BTreeMap<u64, u64>,
    /// Counts what was needed.
    last: u64,
}

#[derive(Debug)]
struct Entry {
    person: Option<Arc<Person>>,
    until: Instant,
    needed: u64,
}

/// What is remembered.
pub(super) struct Found {
    /// None: there is no such user.
    pub(super) person: Option<Arc<Person>>,
    /// Whether it is to be believed still.
    pub(super) is_fresh: bool,
}

impl Cache {
    /// An empty one; it never has more entries.
    pub(super) fn new(max_entries: usize) -> Self {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        Self { max_entries, entries, order, last: 0 }
    }

    /// What is remembered of a user. What is no longer to be believed is remembered until its place
    /// is needed.
    pub(super) fn get(&mut self, id: u64, now: Instant) -> Option<Found> {
        let entry = self.entries.get_mut(&id)?;
        self.last += 1;
        self.order.remove(&entry.needed);
        self.order.insert(self.last, id);
        entry.needed = self.last;
        Some(Found { person: entry.person.clone(), is_fresh: now < entry.until })
    }

    /// Remembers a user, in place of the one that was needed longest ago.
    pub(super) fn insert(&mut self, id: u64, person: Option<Arc<Person>>, until: Instant) {
        self.last += 1;
        let entry = Entry { person, until, needed: self.last };
        if let Some(before) = self.entries.insert(id, entry) {
            self.order.remove(&before.needed);
        }
        self.order.insert(self.last, id);
        while self.entries.len() > self.max_entries {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_needed_last_stays() {
        let (mut cache, now) = (Cache::new(2), Instant::now());
        let until = now + Duration::from_secs(9);
        cache.insert(1, None, until);
        cache.insert(2, None, until);
        assert!(cache.get(1, now).is_some_and(|found| found.is_fresh));
        cache.insert(3, None, until);
        assert!(cache.get(2, now).is_none());
        assert!(cache.get(1, until).is_some_and(|found| !found.is_fresh), "it is old");
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_the_most(
            steps in prop::collection::vec((0u64..12, any::<bool>()), 0..200),
            max_entries in 1usize..8,
        ) {
            let (mut cache, now) = (Cache::new(max_entries), Instant::now());
            let mut recent: Vec<u64> = Vec::new();
            for (id, is_put) in steps {
                let known = cache.get(id, now).is_some();
                prop_assert_eq!(known, recent.contains(&id));
                if is_put || known {
                    recent.retain(|it| *it != id);
                    recent.push(id);
                    recent.drain(..recent.len().saturating_sub(max_entries));
                }
                if is_put {
                    cache.insert(id, None, now + Duration::from_secs(1));
                }
                prop_assert!(cache.entries.len() <= max_entries);
                prop_assert_eq!(cache.entries.len(), cache.order.len());
            }
        }
    }
}
