//! When things happen: the spread of a history, and what follows after it.
//!
//! Times are epoch seconds in rising order. Nothing here knows what happens.

use super::draw::{Draw, Purpose};
use super::settings::Settings;

/// `count` times between the history's start and its end, in order.
pub(super) fn history(settings: &Settings, count: usize) -> Vec<i64> {
    spread(settings, settings.seed, count)
}

/// As [`history`], drawn from a seed of its own.
pub(super) fn spread(settings: &Settings, seed: u64, count: usize) -> Vec<i64> {
    let start = settings.history_start();
    let span = settings.anchor().saturating_sub(start).unsigned_abs();
    let cells = (count as u64).saturating_mul(1024).max(1);
    let mut times = Vec::with_capacity(count);
    let mut last = start;
    for place in 0..count as u64 {
        let mut draw = Draw::new(seed, Purpose::Time, place);
        let shares = draw.percent(settings.burst_percent) && place > 0;
        if !shares {
            let cell = place * 1024 + draw.below(1024);
            let offset = u128::from(cell) * u128::from(span) / u128::from(cells);
            last = start + i64::try_from(offset).unwrap_or(0);
        }
        times.push(last);
    }
    times
}

/// What happens after the history's end, at a steady rate.
#[derive(Debug, Clone)]
pub(super) struct Live {
    seed: u64,
    anchor: i64,
    per_minute: u64,
    burst_percent: u32,
    made: u64,
    last: i64,
}

impl Live {
    /// From the history's end on.
    pub(super) fn new(settings: &Settings, per_minute: u32) -> Self {
        Self::with_seed(settings, settings.seed, per_minute)
    }

    /// As [`Live::new`], drawn from a seed of its own.
    pub(super) fn with_seed(settings: &Settings, seed: u64, per_minute: u32) -> Self {
        Self {
            seed,
            anchor: settings.anchor(),
            per_minute: u64::from(per_minute),
            burst_percent: settings.burst_percent,
            made: 0,
            last: settings.anchor(),
        }
    }

    /// Whether anything follows at all.
    pub(super) fn is_still(&self) -> bool {
        self.per_minute == 0
    }

    /// The next event's number and time, if it has happened by `now`.
    pub(super) fn next_until(&mut self, now: i64) -> Option<(u64, i64)> {
        let offset = self.made.saturating_mul(60).checked_div(self.per_minute)?;
        let mut time = self.anchor + 1 + i64::try_from(offset).unwrap_or(i64::MAX >> 8);
        let mut draw = Draw::new(!self.seed, Purpose::Time, self.made);
        if self.made > 0 && draw.percent(self.burst_percent.min(90)) {
            time = self.last;
        }
        if time > now {
            return None;
        }
        self.last = time;
        self.made += 1;
        Some((self.made - 1, time))
    }
}
