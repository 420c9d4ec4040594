//! Steps through audit logs in the order of a list.
//!
//! Newest first is no mirror of oldest first: within a second ids rise in both,
//! so a cursor's order is `-created_at,id`. Every step is a lookup or a binary
//! search. Nothing here knows of filters or pages.

use std::ops::Range;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `created_at,id`.
    OldestFirst,
    /// `-created_at,id`.
    NewestFirst,
}

impl Order {
    /// As it stands in cursors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OldestFirst => "created_at,id",
            Self::NewestFirst => "-created_at,id",
        }
    }
}

/// A way through a range of places.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    times: &'a [i64],
    range: Range<usize>,
    order: Order,
}

impl<'a> Walk<'a> {
    /// Through `range`, which must hold seconds as a whole.
    pub(super) fn new(times: &'a [i64], range: Range<usize>, order: Order) -> Self {
        Self { times, range, order }
    }

    /// The first place.
    pub(super) fn first(&self) -> Option<usize> {
        if self.range.is_empty() {
            return None;
        }
        Some(match self.order {
            Order::OldestFirst => self.range.start,
            Order::NewestFirst => self.second_of(self.range.end - 1).start,
        })
    }

    /// The place that follows.
    pub(super) fn next(&self, place: usize) -> Option<usize> {
        self.following(self.second_of(place), place + 1)
    }

    /// The place that precedes.
    pub(super) fn previous(&self, place: usize) -> Option<usize> {
        self.preceding(self.second_of(place), place)
    }

    /// The first place behind a cursor at second `time` and an id; `id_at` gives ids.
    pub(super) fn after(&self, time: i64, id: u64, id_at: impl Fn(usize) -> u64) -> Option<usize> {
        let second = self.second(time);
        let at = first_where(second.clone(), |place| id_at(place) > id);
        self.following(second, at)
    }

    /// The last place before a cursor.
    pub(super) fn before(&self, time: i64, id: u64, id_at: impl Fn(usize) -> u64) -> Option<usize> {
        let second = self.second(time);
        let at = first_where(second.clone(), |place| id_at(place) >= id);
        self.preceding(second, at)
    }

    /// `at` if it is in the second, else the start of what comes after it.
    fn following(&self, second: Range<usize>, at: usize) -> Option<usize> {
        if at < second.end {
            return Some(at);
        }
        match self.order {
            Order::OldestFirst => (second.end < self.range.end).then_some(second.end),
            Order::NewestFirst if second.start > self.range.start => {
                Some(self.second_of(second.start - 1).start)
            }
            Order::NewestFirst => None,
        }
    }

    /// The place before `at` if that is in the second, else the end of what comes before it.
    fn preceding(&self, second: Range<usize>, at: usize) -> Option<usize> {
        if at > second.start {
            return Some(at - 1);
        }
        match self.order {
            Order::OldestFirst if second.start > self.range.start => Some(second.start - 1),
            Order::NewestFirst if second.end < self.range.end => {
                Some(self.second_of(second.end).end - 1)
            }
            _ => None,
        }
    }

    fn second_of(&self, place: usize) -> Range<usize> {
        self.second(self.times[place])
    }

    fn second(&self, time: i64) -> Range<usize> {
        let times = &self.times[self.range.clone()];
        let start = self.range.start + times.partition_point(|other| *other < time);
        let end = self.range.start + times.partition_point(|other| *other <= time);
        start..end
    }
}

/// The first place at which `holds` becomes true, as it stays from there on; the end if nowhere.
fn first_where(mut places: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    while !places.is_empty() {
        let middle = places.start + places.len() / 2;
        if holds(middle) {
            places.end = middle;
        } else {
            places.start = middle + 1;
        }
    }
    places.start
}
