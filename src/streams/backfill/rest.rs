//! Slices that were refused, and when each is asked for again.
//!
//! Only a person can change a refusal, so it is asked for slowly: the tail and the other slices are
//! read meanwhile. It asks nothing and waits for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::parts;
use crate::streams::LeftOut;
use crate::zendesk::ApiError;

/// How long a slice rests; so often, and then longer.
const FIRST_RESTS: Duration = Duration::from_mins(15);
const FIRST_TRIES: u32 = 4;
const LATER_RESTS: Duration = Duration::from_mins(60);

/// The slices that were refused, by their last second.
#[derive(Debug, Default)]
pub(super) struct Rests(BTreeMap<i64, Rest>);

#[derive(Debug)]
struct Rest {
    error: ApiError,
    tries: u32,
    /// None: it is asked for again, and nothing has come of that yet.
    until: Option<Instant>,
}

impl Rests {
    /// The slice was refused.
    pub(super) fn begin(&mut self, last: i64, error: ApiError, now: Instant) {
        let tries = self.0.get(&last).map_or(0, |rest| rest.tries) + 1;
        let rest = if tries <= FIRST_TRIES { FIRST_RESTS } else { LATER_RESTS };
        self.0.insert(last, Rest { error, tries, until: Some(now + rest) });
    }

    /// A page of the slice came.
    pub(super) fn end(&mut self, last: i64) {
        self.0.remove(&last);
    }

    /// When the first of those that rest is asked for, if that is to come.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.0.values().filter_map(|rest| rest.until).filter(|until| *until > now).min()
    }

    /// Those that have rested long enough.
    pub(super) fn wake(&mut self, now: Instant) -> Vec<i64> {
        let over = self.0.iter_mut().filter(|(_, rest)| rest.until.is_some_and(|it| it <= now));
        let woken = over.map(|(last, rest)| {
            rest.until = None;
            *last
        });
        woken.collect()
    }

    /// Those that are not asked for now.
    pub(super) fn resting(self) -> Vec<i64> {
        let resting = self.0.into_iter().filter(|(_, rest)| rest.until.is_some());
        resting.map(|(last, _)| last).collect()
    }

    /// Whether it is not asked for now.
    pub(super) fn is_resting(&self, last: i64) -> bool {
        self.0.get(&last).is_some_and(|rest| rest.until.is_some())
    }

    /// What is told of them.
    pub(super) fn left_out(&self) -> Vec<LeftOut> {
        let left_out = |(last, rest): (&i64, &Rest)| LeftOut {
            part: parts::partition(*last),
            error: rest.error.clone(),
        };
        self.0.iter().map(left_out).collect()
    }
}
