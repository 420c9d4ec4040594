//! How far long reading has come: a bar with the time left on a terminal, lines in the log
//! elsewhere.
//!
//! Never on stdout. What is left is known exactly where history is read in slices that were
//! counted; without that there is nothing to show but a count.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::pipeline::Tally;
use crate::telemetry;

/// How often a line goes to the log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often what is drawn is drawn again.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The pace is that of the last minute: windows of the rate budget are as long, and the pace
/// within one is not even.
const PACE_OVER: Duration = Duration::from_secs(60);

/// How long a pace must have been seen before time is told by it.
const PACE_MIN: Duration = Duration::from_secs(3);

const BAR: &str = "{spinner} {wide_bar} {percent}% {human_pos}/{human_len} records {msg}";
const COUNT: &str = "{spinner} {human_pos} records {msg}";

/// What is drawn on the terminal, so that the log can be written around it.
static DRAWN: OnceLock<ProgressBar> = OnceLock::new();

/// How far reading has come, for whoever waits.
#[derive(Debug)]
pub(super) struct Progress {
    /// None: lines in the log.
    bar: Option<ProgressBar>,
    pace: Pace,
    line_at: Instant,
}

impl Progress {
    /// Draws on the terminal if `may_draw` and there is one.
    pub(super) fn new(may_draw: bool) -> Self {
        let draws = may_draw && std::io::stderr().is_terminal();
        let bar = draws.then(|| {
            let bar = DRAWN.get_or_init(ProgressBar::new_spinner).clone();
            telemetry::write_around(around);
            bar.enable_steady_tick(DRAW_EVERY);
            bar
        });
        Self { bar, pace: Pace::default(), line_at: Instant::now() + LINE_EVERY }
    }

    /// So many records were read, and so many are still to come, if that is known.
    pub(super) fn update(&mut self, done: u64, left: Option<u64>, about: &str) {
        let now = Instant::now();
        self.pace.saw(now, done);
        let eta = left.and_then(|left| self.pace.time_for(left));
        if let Some(bar) = &self.bar {
            let template = if left.is_some() { BAR } else { COUNT };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_length(done + left.unwrap_or_default());
            bar.set_position(done);
            bar.set_message(match eta {
                Some(eta) => format!("{} left {about}", in_words(eta)),
                None => about.to_owned(),
            });
        } else if now >= self.line_at
            && let Some(left) = left
        {
            self.line_at = now + LINE_EVERY;
            let (percent, eta) = (percent(done, left), eta.map(in_words));
            tracing::info!(records = done, left, percent, eta, "reading history");
        }
    }

    /// Nothing is drawn any more.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn around(write: &mut dyn FnMut()) {
    match DRAWN.get() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Shows how far a run has come while it reads history. Never ends.
pub(super) async fn of_run(tally: &Tally, may_draw: bool) -> std::convert::Infallible {
    let mut shown: Option<(Progress, u64)> = None;
    loop {
        tokio::time::sleep(DRAW_EVERY).await;
        let left: u64 = tally.streams.iter().map(|it| it.left.load(Ordering::Relaxed)).sum();
        let read: u64 = tally.streams.iter().map(|it| it.events.load(Ordering::Relaxed)).sum();
        if left == 0 {
            shown = None;
            continue;
        }
        let (progress, before) = shown.get_or_insert_with(|| (Progress::new(may_draw), read));
        progress.update(read - *before, Some(left), "");
    }
}

/// Whether stdout is a regular file.
pub(super) fn fills_a_file() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        let stdout = std::io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from);
        stdout.and_then(|file| file.metadata()).is_ok_and(|data| data.is_file())
    }
    #[cfg(not(unix))]
    false
}

/// How fast records came of late.
#[derive(Debug, Default)]
struct Pace {
    seen: VecDeque<(Instant, u64)>,
}

impl Pace {
    fn saw(&mut self, now: Instant, done: u64) {
        let dense = self.seen.back().is_some_and(|(at, _)| now - *at < DRAW_EVERY);
        if !dense || self.seen.len() < 2 {
            self.seen.push_back((now, done));
        }
        while self.seen.get(1).is_some_and(|(at, _)| now - *at >= PACE_OVER) {
            self.seen.pop_front();
        }
    }

    /// How long so many records take at this pace.
    fn time_for(&self, left: u64) -> Option<Duration> {
        let ((since, first), (until, last)) = (self.seen.front()?, self.seen.back()?);
        let (took, came) = (*until - *since, last.saturating_sub(*first));
        if took < PACE_MIN || came == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of records")]
        let times = left as f64 / came as f64;
        Duration::try_from_secs_f64(took.as_secs_f64() * times).ok()
    }
}

fn percent(done: u64, left: u64) -> u64 {
    (done * 100).checked_div(done + left).unwrap_or(100)
}

/// `1h 02m`, `3m 20s`, `12s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_left_follows_the_pace_of_the_last_minute() {
        let mut pace = Pace::default();
        pace.saw(Instant::now(), 0);
        assert_eq!(pace.time_for(100), None, "nothing is known yet");
        // Fast for ten minutes, then ten a second.
        let mut done = 0;
        for second in 0..720 {
            tokio::time::advance(Duration::from_secs(1)).await;
            done += if second < 600 { 1_000 } else { 10 };
            pace.saw(Instant::now(), done);
        }
        assert_eq!(pace.time_for(600), Some(Duration::from_secs(60)));
        assert!(pace.seen.len() < 400, "what is remembered does not grow");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_that_stands_still_tells_no_time() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(1)).await;
            pace.saw(Instant::now(), 500);
        }
        assert_eq!(pace.time_for(100), None);
    }

    #[test]
    fn times_are_told_in_the_largest_two_units() {
        for (seconds, expected) in [(7, "7s"), (200, "3m 20s"), (3_720, "1h 02m"), (0, "0s")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
        assert_eq!((percent(0, 0), percent(1, 3), percent(5, 0)), (100, 25, 100));
    }
}
