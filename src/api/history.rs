//! The last minutes of each stream and sink, for rates and charts.
//!
//! Pure: who keeps it says when to look. Its length does not grow.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::pipeline::Status;

/// How often the counters are looked at.
pub(super) const STEP: Duration = Duration::from_secs(5);

/// Steps kept: ten minutes.
const STEPS: usize = 120;

/// Steps that a rate is made of: a minute.
const STEPS_A_MINUTE: usize = 12;

/// What each stream and sink did in each step.
#[derive(Debug, Default)]
pub(super) struct History {
    streams: BTreeMap<String, Course>,
    sinks: BTreeMap<String, Course>,
}

/// One counter over time.
#[derive(Debug, Default)]
struct Course {
    last: Option<u64>,
    /// By how much it grew in each step, the newest last.
    steps: VecDeque<u64>,
}

impl Course {
    fn look(&mut self, count: u64) {
        // A counter that is lower than before began anew.
        let grown = self.last.map_or(0, |last| count.checked_sub(last).unwrap_or(count));
        self.last = Some(count);
        self.steps.push_back(grown);
        if self.steps.len() > STEPS {
            self.steps.pop_front();
        }
    }

    fn per_minute(&self) -> u64 {
        self.steps.iter().rev().take(STEPS_A_MINUTE).sum()
    }
}

impl History {
    /// Takes down a step.
    pub(super) fn look(&mut self, status: &Status) {
        for stream in &status.streams {
            self.streams.entry(stream.name.clone()).or_default().look(stream.events);
        }
        for sink in &status.sinks {
            self.sinks.entry(sink.name.clone()).or_default().look(sink.events);
        }
    }

    /// Puts `events_per_minute` and `recent` (events in each of the last steps) to the streams and sinks of a status.
    pub(super) fn add_to(&self, status: &mut Value) {
        status["step_secs"] = json!(STEP.as_secs());
        for (section, courses) in [("streams", &self.streams), ("sinks", &self.sinks)] {
            for part in status[section].as_array_mut().into_iter().flatten() {
                let course = part["name"].as_str().and_then(|name| courses.get(name));
                part["events_per_minute"] = json!(course.map_or(0, Course::per_minute));
                part["recent"] = course.map_or_else(|| json!([]), |course| json!(course.steps));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_keeps_the_last_minutes_and_survives_a_counter_that_begins_anew() {
        let mut course = Course::default();
        course.look(100);
        assert_eq!(course.per_minute(), 0, "what was before is not of this minute");
        for step in 1..=200_u64 {
            course.look(100 + step * 10);
        }
        assert_eq!((course.steps.len(), course.per_minute()), (STEPS, 120));
        course.look(4);
        assert_eq!(course.per_minute(), 110 + 4);
    }
}
