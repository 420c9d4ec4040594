//! Which events of a batch go into one object. Pure.
//!
//! An event that a former run may still be putting goes under the key where that run was to put
//! it, whatever the prefix of the sink is by now: of two objects under one key only one can ever
//! be there, and of two keys both can. So no event is ever on its way to two keys. Everything else
//! goes by its prefix. A page whose records were to go to several keys cannot go to all of them:
//! those keys are closed, and it goes by its prefix.

use std::collections::{BTreeSet, HashMap};

use super::intent::Intent;
use super::name::Namer;
use crate::normalize::Event;

/// A batch, divided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Divided {
    /// Its objects.
    pub(super) parts: Vec<Part>,
    /// Keys of former runs under which nothing may come any more before one of them is put.
    pub(super) closes: BTreeSet<String>,
}

/// The events of one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What its key is made from, or was.
    pub(super) prefix: String,
    /// A key of a former run that it takes over; none: it gets a new one.
    pub(super) key: Option<String>,
    /// The places of its events in the batch, in order.
    pub(super) places: Vec<usize>,
}

/// Divides a batch, with what of former runs may still be on its way.
pub(super) fn divided(namer: &Namer, events: &[Event], open: &[Intent]) -> Divided {
    let closes = Claims::of(open.iter()).on_torn(events);
    let open = open.iter().filter(|intent| !closes.contains(&intent.key));
    let mut parts = Parts { claims: Claims::of(open), ..Parts::default() };
    match namer.prefix() {
        Some(template) => {
            template.each_name(events, |number, prefix, event| parts.add(number, prefix, event));
        }
        None => events.iter().for_each(|event| parts.add(0, "", event)),
    }
    Divided { parts: parts.done, closes }
}

#[derive(Default)]
struct Parts<'i> {
    claims: Claims<'i>,
    done: Vec<Part>,
    /// Which part goes under a former run's key.
    by_key: HashMap<&'i str, usize>,
    /// Which part gets a new key, by number of its prefix.
    by_prefix: HashMap<usize, usize>,
    /// How many events were added.
    count: usize,
}

impl Parts<'_> {
    /// Adds the next event, and the prefix that it has by now.
    fn add(&mut self, number: usize, prefix: &str, event: &Event) {
        let next = self.done.len();
        let (part, prefix, key) = match self.claims.on(event, prefix) {
            Some(Intent { key, prefix, .. }) => {
                (*self.by_key.entry(key).or_insert(next), prefix.as_str(), Some(key))
            }
            None => (*self.by_prefix.entry(number).or_insert(next), prefix, None),
        };
        if part == next {
            let (prefix, key) = (prefix.to_owned(), key.cloned());
            self.done.push(Part { prefix, key, places: Vec::new() });
        }
        self.done[part].places.push(self.count);
        self.count += 1;
    }
}

/// What former runs may still be putting.
#[derive(Default)]
struct Claims<'i> {
    open: Vec<&'i Intent>,
    /// By output and fingerprint.
    by_event: HashMap<&'i str, HashMap<u64, &'i Intent>>,
}

impl<'i> Claims<'i> {
    fn of(open: impl Iterator<Item = &'i Intent>) -> Self {
        let open: Vec<&Intent> = open.collect();
        let mut by_event: HashMap<&str, HashMap<u64, &Intent>> = HashMap::new();
        for intent in &open {
            for (output, ids) in &intent.events {
                let ids = ids.0.iter().map(|id| (*id, *intent));
                by_event.entry(output).or_default().extend(ids);
            }
        }
        Self { open, by_event }
    }

    /// Where each of the event's records was to go, of those that were to go anywhere.
    fn of_records(&self, event: &Event) -> impl Iterator<Item = &'i Intent> {
        let claimed = self.by_event.get(event.origin.output().as_str());
        claimed
            .into_iter()
            .flat_map(|ids| event.fingerprints().filter_map(|id| ids.get(&id).copied()))
    }

    /// The keys to which the same event was to go, where it is more than one.
    fn on_torn(&self, events: &[Event]) -> BTreeSet<String> {
        let mut torn = BTreeSet::new();
        if self.open.is_empty() {
            return torn;
        }
        for event in events.iter().filter(|event| event.members.is_some()) {
            let keys: BTreeSet<&String> = self.of_records(event).map(|it| &it.key).collect();
            if keys.len() > 1 {
                torn.extend(keys.into_iter().cloned());
            }
        }
        torn
    }

    /// Where an event goes that has this prefix, if not under a new key.
    fn on(&self, event: &Event, prefix: &str) -> Option<&'i Intent> {
        if self.open.is_empty() {
            return None;
        }
        let claimed = self.of_records(event).next();
        // A key that waits to be taken is best taken by the next object of its prefix.
        claimed.or_else(|| self.open.iter().find(|intent| intent.prefix == prefix).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::Compression;
    use crate::sinks::contract::event_of;
    use crate::sinks::fingerprint::fingerprints;
    use crate::sinks::object::tests::settings;

    fn intent(key: &str, prefix: &str, events: &[Event]) -> Intent {
        Intent {
            key: key.to_owned(),
            prefix: prefix.to_owned(),
            sha256: String::new(),
            events: fingerprints(events.iter()),
            missed_since: None,
        }
    }

    fn shown(prefix: &str, events: &[Event], open: &[Intent]) -> Vec<String> {
        let namer = Namer::new(&settings(prefix, Compression::None)).unwrap();
        let show = |Part { prefix, key, places }: Part| {
            format!("{prefix} {} {places:?}", key.as_deref().unwrap_or("-"))
        };
        let Divided { parts, closes } = divided(&namer, events, open);
        let closes = closes.into_iter().map(|key| format!("closes {key}"));
        parts.into_iter().map(show).chain(closes).collect()
    }

    #[test]
    fn without_former_runs_events_go_by_their_prefix() {
        let events = [event_of("tickets", 1), event_of("users", 1), event_of("tickets", 2)];
        assert_eq!(
            shown("z/{{ stream }}/", &events, &[]),
            ["z/tickets/ - [0, 2]", "z/users/ - [1]"]
        );
        assert_eq!(shown("", &events, &[]), [" - [0, 1, 2]"]);
    }

    #[test]
    fn an_event_goes_where_a_former_run_was_to_put_it() {
        let events: Vec<Event> = (0..5).map(|n| event_of("tickets", n)).collect();
        let open = [intent("old/1", "old/", &events[1..2]), intent("x/2", "x/", &events[2..4])];
        assert_eq!(
            shown("new/", &events, &open),
            ["new/ - [0, 4]", "old/ old/1 [1]", "x/ x/2 [2, 3]"]
        );
        // Of several prefixes that meet under one key, one object is made.
        let mixed = [event_of("tickets", 0), event_of("users", 0), event_of("users", 1)];
        let open = [intent("z/1", "z/", &mixed[..2])];
        assert_eq!(shown("z/{{ stream }}/", &mixed, &open), ["z/ z/1 [0, 1]", "z/users/ - [2]"]);
    }

    #[test]
    fn the_next_object_of_a_prefix_takes_the_key_that_waits_there() {
        let events: Vec<Event> = (0..3).map(|n| event_of("tickets", n)).collect();
        let open = [intent("z/1", "z/", &[event_of("users", 7)])];
        assert_eq!(shown("z/", &events, &open), ["z/ z/1 [0, 1, 2]"]);
        // Also beside what was to go there anyway.
        let open = [intent("y/1", "y/", &events[..1]), intent("z/1", "z/", &events[1..2])];
        assert_eq!(shown("z/", &events, &open), ["y/ y/1 [0]", "z/ z/1 [1, 2]"]);
    }

    #[test]
    fn a_page_that_was_to_go_to_two_keys_goes_by_its_prefix_once_they_are_closed() {
        let records: Vec<Event> = (0..6).map(|n| event_of("tickets", n)).collect();
        let open = [
            intent("z/1", "z/", &records[..2]),
            intent("y/2", "y/", &records[2..4]),
            intent("x/3", "x/", &records[4..]),
        ];
        let page_of = |records: &[Event]| Event {
            members: Some(records.iter().map(Event::fingerprint).collect()),
            ..records[0].clone()
        };
        let events = [page_of(&records[..1]), page_of(&records[1..4]), page_of(&records[4..])];
        assert_eq!(
            shown("z/", &events, &open),
            ["z/ - [0, 1]", "x/ x/3 [2]", "closes y/2", "closes z/1"]
        );
    }
}
