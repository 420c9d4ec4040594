//! `throttle`: at most so many events in a time, by key.
//!
//! A bucket fills evenly and holds a whole window's worth, as in Vector. Its level is kept as the
//! moment at which it would be full again (the generic cell rate algorithm), so that a key
//! costs one time and one that is full again is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vrl::compiler::runtime::Runtime;

use super::Made;
use super::item::Item;
use super::program::Condition;
use super::text::FieldText;

/// Keys that are remembered at most. Those beyond share one bucket, so that memory stays bounded.
const KEYS_MAX: usize = 100_000;

/// The `throttle` of a config. Its buckets are shared by all streams.
#[derive(Debug)]
pub struct Throttle {
    limits: Limits,
    buckets: Mutex<Buckets>,
}

/// What a `throttle` allows.
#[derive(Debug)]
pub struct Limits {
    /// So many events, at least 1,
    pub threshold: u32,
    /// in this time, which is not zero,
    pub window: Duration,
    /// for each text of this.
    pub key_field: Option<FieldText>,
    /// What passes in any case, and counts for nothing.
    pub exclude: Option<Condition>,
}

/// When each bucket is full again.
#[derive(Debug, Default)]
struct Buckets {
    full_at: HashMap<Option<String>, Instant>,
    swept: Option<Instant>,
}

impl Throttle {
    /// With all buckets full.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    pub(super) fn apply(
        &self,
        mut item: Item,
        now: Instant,
        runtime: &mut Runtime,
        made: &mut Made,
    ) {
        let exclude = self.limits.exclude.as_ref();
        let is_excluded = exclude.is_some_and(|it| it.holds(&mut item, runtime, made));
        let key = self.limits.key_field.as_ref().and_then(|key| key.of(&mut item));
        if is_excluded || self.passes(key, now) {
            made.emit(0, item);
        } else {
            made.discard();
        }
    }

    fn passes(&self, key: Option<String>, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let due = buckets.swept.is_none_or(|swept| now >= swept + self.limits.window);
        if due {
            buckets.full_at.retain(|_, full_at| *full_at > now);
            buckets.swept = Some(now);
        }
        let is_known = buckets.full_at.contains_key(&key);
        let key = if is_known || buckets.full_at.len() < KEYS_MAX { key } else { None };
        let full_at = buckets.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + self.limits.window / self.limits.threshold.max(1);
        let passes = next <= now + self.limits.window;
        if passes {
            *full_at = next;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(threshold: u32) -> Throttle {
        let window = Duration::from_secs(5);
        Throttle::new(Limits { threshold, window, key_field: None, exclude: None })
    }

    fn passed(throttle: &Throttle, key: &str, times: usize, now: Instant) -> usize {
        (0..times).filter(|_| throttle.passes(Some(key.to_owned()), now)).count()
    }

    #[tokio::test]
    async fn each_key_has_its_window_and_fills_evenly() {
        let (throttle, now) = (throttle(5), Instant::now());
        assert_eq!(passed(&throttle, "a", 9, now), 5);
        assert_eq!(passed(&throttle, "b", 9, now), 5);
        assert_eq!(passed(&throttle, "a", 9, now + Duration::from_secs(1)), 1);
        assert_eq!(passed(&throttle, "a", 9, now + Duration::from_secs(4)), 3);
        assert_eq!(passed(&throttle, "a", 9, now + Duration::from_secs(600)), 5);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let (throttle, now) = (throttle(1), Instant::now());
        for key in 0..KEYS_MAX + 50 {
            throttle.passes(Some(key.to_string()), now);
        }
        let known = |throttle: &Throttle| throttle.buckets.lock().unwrap().full_at.len();
        assert!(known(&throttle) <= KEYS_MAX + 1);
        throttle.passes(None, now + Duration::from_secs(60));
        assert_eq!(known(&throttle), 1);
    }
}
