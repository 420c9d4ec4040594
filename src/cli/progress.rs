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

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::pipeline::Tally;
use crate::streams::HistoryLeft;
use crate::telemetry;

/// How often a line goes to the log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What ends sooner is not worth a line.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Only a rate limit lets anybody wait so long; that is told where nothing is drawn too.
const WAIT_TOLD: Duration = Duration::from_secs(6);

/// How often what is drawn is drawn again.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The pace is one of the last minute.
const PACE_OVER: Duration = Duration::from_secs(60);

/// The pace is that of the best stretch of so much of it: reading begins slowly, and stands still
/// while the rate budget is used up. That has a time of its own. No shorter stretch tells anything.
const STRETCH_PART: u32 = 3;
const STRETCH: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(10));

const BAR: &str = "{spinner} {wide_bar} {percent}% {human_pos}/{human_len} records {msg}";
const LINE: &str = "{spinner} {wide_msg}";
const COUNT: &str = "{spinner} {human_pos} records {msg}";

/// What is drawn on the terminal, so that the log can be written around it.
static DRAWN: OnceLock<ProgressBar> = OnceLock::new();

/// How far reading has come, for whoever waits.
#[derive(Debug)]
pub(super) struct Progress {
    /// None: lines in the log.
    bar: Option<ProgressBar>,
    is_shown: bool,
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
            // It may have been cleared before, and is not shown with what it said then.
            bar.set_draw_target(ProgressDrawTarget::hidden());
            bar.reset();
            bar
        });
        let line_at = Instant::now() + LINE_EVERY;
        Self { bar, is_shown: false, pace: Pace::default(), line_at }
    }

    /// From now on it is drawn: there is something to say.
    fn show(&mut self) {
        if let Some(bar) = self.bar.as_ref().filter(|_| !self.is_shown) {
            self.is_shown = true;
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(DRAW_EVERY);
        }
    }

    /// So many records were read, and that is still to come, if it is known.
    pub(super) fn update(&mut self, done: u64, left: Option<HistoryLeft>, about: &str) {
        let now = Instant::now();
        let eta = left.and_then(|left| {
            self.pace.saw(now, done);
            self.pace.time_for(left)
        });
        if left.is_none() {
            // What was read before it was known how much there is says nothing of the pace.
            self.pace = Pace::default();
        }
        let left = left.map(|left| left.records);
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
            self.show();
        } else if now >= self.line_at
            && let Some(left) = left
        {
            self.line_at = now + LINE_EVERY;
            let (percent, eta) = (percent(done, left), eta.map(in_words));
            tracing::info!(records = done, left, percent, eta, "reading history");
        }
    }

    /// What is being done, in a line that is cut where the terminal ends.
    fn say(&mut self, doing: &Doing) {
        let Doing { text, wait } = doing;
        let wait = wait.as_ref().filter(|(_, wait)| !wait.is_zero());
        let waiting = wait.map_or_else(String::new, |(bucket, wait)| {
            format!("; waiting {} for the budget `{bucket}`", in_words(*wait))
        });
        if let Some(bar) = &self.bar {
            if let Ok(style) = ProgressStyle::with_template(LINE) {
                bar.set_style(style);
            }
            bar.set_message(format!("{text}{waiting}"));
            self.show();
        } else if Instant::now() >= self.line_at {
            self.line_at = Instant::now() + LINE_EVERY;
            if wait.is_some_and(|(_, wait)| *wait >= WAIT_TOLD) {
                tracing::warn!("{text}{waiting}");
            } else {
                tracing::info!("{text}{waiting}");
            }
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

/// What is being done.
#[derive(Debug)]
pub(super) struct Doing {
    /// In words.
    pub(super) text: String,
    /// The bucket of the rate budget that is waited for, and how long.
    pub(super) wait: Option<(String, Duration)>,
}

/// Does it, and tells on stderr what is being done once that takes longer than a second.
pub(super) async fn telling<T>(work: impl Future<Output = T>, doing: impl Fn() -> Doing) -> T {
    let told = async {
        tokio::time::sleep(SHOWN_AFTER).await;
        let mut progress = Progress::new(true);
        loop {
            progress.say(&doing());
            tokio::time::sleep(DRAW_EVERY).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        never = told => never,
    }
}

/// Shows how far a run has come while it reads history. Never ends.
pub(super) async fn of_run(tally: &Tally, may_draw: bool) -> std::convert::Infallible {
    let mut shown: Option<(Progress, u64)> = None;
    loop {
        tokio::time::sleep(DRAW_EVERY).await;
        let left = of_all(tally.streams.iter().map(|stream| HistoryLeft {
            records: stream.left.load(Ordering::Relaxed),
            at_least: Duration::from_millis(stream.left_at_least_ms.load(Ordering::Relaxed)),
        }));
        let read: u64 = tally.streams.iter().map(|it| it.events.load(Ordering::Relaxed)).sum();
        let Some(left) = left.filter(|left| left.records > 0) else {
            shown = None;
            continue;
        };
        let (progress, before) = shown.get_or_insert_with(|| (Progress::new(may_draw), read));
        progress.update(read - *before, Some(left), "");
    }
}

/// What all of several streams have before them: they are read side by side.
pub(super) fn of_all(left: impl Iterator<Item = HistoryLeft>) -> Option<HistoryLeft> {
    left.reduce(|all, it| HistoryLeft {
        records: all.records + it.records,
        at_least: all.at_least.max(it.at_least),
    })
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

    /// How long so many records take: at the pace of late, and no shorter than the rate budget makes
    /// it.
    fn time_for(&self, left: HistoryLeft) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "a count of records")]
        let records = left.records as f64;
        let at_this_pace = Duration::try_from_secs_f64(records / self.best()?).ok()?;
        Some(at_this_pace.max(left.at_least))
    }

    /// Records a second in the best stretch; none where there was no stretch, or nothing came.
    fn best(&self) -> Option<f64> {
        let ((first, before), (last, read)) = (*self.seen.front()?, *self.seen.back()?);
        let whole = last - first;
        if whole < STRETCH.0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of records")]
        let pace = |came: u64, took: Duration| came as f64 / took.as_secs_f64();
        let stretch = (whole / STRETCH_PART).clamp(STRETCH.0, STRETCH.1);
        let mut best = pace(read.saturating_sub(before), whole);
        let mut from = 0;
        for (until, read) in &self.seen {
            // The shortest one that is long enough and ends here.
            while self.seen.get(from + 1).is_some_and(|(at, _)| *until - *at >= stretch) {
                from += 1;
            }
            let (since, before) = self.seen[from];
            if *until - since >= stretch {
                best = best.max(pace(read.saturating_sub(before), *until - since));
            }
        }
        (best > 0.0).then_some(best)
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
    use std::pin::pin;
    use std::sync::{Arc, Mutex};

    use futures::{Stream, StreamExt as _};
    use jiff::Timestamp;
    use url::Url;

    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;
    use crate::simulator::transport::SimulatedTransport;
    use crate::simulator::{self, Simulator};
    use crate::streams::{self, Emit, History, StreamSettings};
    use crate::zendesk::{Client, ClientSettings, Credentials};

    fn left(records: u64) -> HistoryLeft {
        HistoryLeft { records, at_least: Duration::ZERO }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_left_follows_the_pace_of_the_last_minute() {
        let mut pace = Pace::default();
        pace.saw(Instant::now(), 0);
        assert_eq!(pace.time_for(left(100)), None, "nothing is known yet");
        // Fast for ten minutes, then ten a second.
        let mut done = 0;
        for second in 0..720 {
            tokio::time::advance(Duration::from_secs(1)).await;
            done += if second < 600 { 1_000 } else { 10 };
            pace.saw(Instant::now(), done);
        }
        assert_eq!(pace.time_for(left(600)), Some(Duration::from_secs(60)));
        let at_least = Duration::from_secs(90);
        assert_eq!(pace.time_for(HistoryLeft { at_least, ..left(600) }), Some(at_least));
        assert!(pace.seen.len() < 400, "what is remembered does not grow");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_that_stands_still_tells_no_time() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(1)).await;
            pace.saw(Instant::now(), 500);
        }
        assert_eq!(pace.time_for(left(100)), None);
    }

    /// Audit logs of a simulated account, read as `run` reads them.
    fn history(latency_ms: u64, rate_limit: u32) -> impl Stream<Item = (u64, Option<HistoryLeft>)> {
        let settings = simulator::Settings {
            audit_logs: 60_000,
            tickets: 0,
            latency: Duration::from_millis(latency_ms),
            rate_limit,
            ..simulator::Settings::default()
        };
        let clock = Clock::simulated(settings.now);
        let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
        let client = ClientSettings {
            endpoint: Url::parse("https://acme.zendesk.com").unwrap(),
            timeout: Duration::from_secs(60),
            retry_attempts: 3,
            share: 0.8,
            max_body_bytes: 64 << 20,
        };
        let credentials = Credentials::Bearer("the-bearer-token".into());
        let transport = Arc::new(SimulatedTransport::new(simulator, clock));
        let random = Arc::new(Random::from_seed(1));
        let client = Client::new(client, credentials, transport, clock, random);
        let settings = StreamSettings {
            spec: streams::find("audit_logs").unwrap(),
            source: "acme".to_owned(),
            subdomain: "acme".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            until: None,
            follow: false,
            poll_interval: Duration::from_secs(60),
            lag: Duration::ZERO,
            overlap: Duration::from_mins(15),
            filter: Vec::new(),
            include: Vec::new(),
            exclude_deleted: false,
            report_removed: false,
            max_record_bytes: 1 << 20,
            emit: Emit::Records,
            reread: Duration::ZERO,
            history: History::InSlices,
        };
        let (_, pages) = streams::open(Arc::new(client), settings, None).unwrap();
        pages.map(|page| page.map(|page| (page.events.len() as u64, page.left)).unwrap())
    }

    /// However long answers take and whatever the budget is: from a tenth of the way on the time
    /// that is told is the time that it takes, within a half of it or three seconds.
    #[tokio::test(start_paused = true)]
    async fn the_time_that_is_told_is_true_from_a_tenth_of_the_way_on() {
        let mut far_off = Vec::new();
        for (latency_ms, rate_limit) in
            [(200, 700), (200, 0), (2_000, 700), (1_000, 2_500), (500, 200), (50, 400)]
        {
            let mut pages = pin!(history(latency_ms, rate_limit));
            let (mut pace, mut done, mut told) = (Pace::default(), 0, Vec::new());
            let began = Instant::now();
            while let Some((read, left)) = pages.next().await {
                done += read;
                if let Some(left) = left {
                    pace.saw(Instant::now(), done);
                    told.push((began.elapsed(), done, pace.time_for(left), left.at_least));
                }
            }
            // From a tenth on, once there was time to see a pace.
            let paced = told.first().map_or(began, |(at, ..)| began + *at) + STRETCH.0 + DRAW_EVERY;
            told.retain(|(at, done, ..)| *done >= 6_000 && began + *at > paced);
            let took = began.elapsed();
            assert!(told.len() > 100, "{latency_ms} ms, {rate_limit} a minute: {}", told.len());
            let wrong = told.iter().filter(|(at, _, eta, _)| {
                let (eta, truth) = (eta.unwrap_or_default(), took.saturating_sub(*at));
                let (eta, truth) = (eta.as_secs_f64(), truth.as_secs_f64());
                eta.max(truth) > 1.5 * eta.min(truth) && (eta - truth).abs() > 3.0
            });
            let wrong: Vec<_> = wrong.collect();
            far_off
                .extend(wrong.iter().step_by(wrong.len() / 4 + 1).map(|(at, done, eta, least)| {
                let truth = took.saturating_sub(*at);
                format!(
                    "{latency_ms} ms, {rate_limit} a minute, {done} after {at:?}: {eta:?} (budget: \
                     {least:?}), not {truth:?}"
                )
            }));
        }
        assert!(far_off.is_empty(), "{far_off:#?}");
    }

    #[test]
    fn times_are_told_in_the_largest_two_units() {
        for (seconds, expected) in [(7, "7s"), (200, "3m 20s"), (3_720, "1h 02m"), (0, "0s")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
        assert_eq!((percent(0, 0), percent(1, 3), percent(5, 0)), (100, 25, 100));
    }
}
