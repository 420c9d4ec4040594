//! One bucket: what is left of it, and whether a request may go now.
//!
//! Pure but for the instants it is told. It knows neither headers nor who waits.

use std::time::Duration;

use tokio::time::Instant;

use super::seen::Seen;

/// All documented windows are a minute or longer; assumed where a header names no reset.
const WINDOW: Duration = Duration::from_secs(60);

/// No window is longer; a header that says so is wrong.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// Half a second more than a header says: its seconds are rounded, and early is a 429.
const RESET_SLACK: Duration = Duration::from_millis(500);

/// How long others wait for the answer of a request that is to tell what is left. One that hangs
/// must not hold an account.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// The part of our share that may be used at once when a window begins, and at least so many
/// requests: short work is not slowed down.
const AT_ONCE: f64 = 0.25;
const AT_ONCE_MIN: f64 = 10.0;

/// By which part of a window all of our share may be used. Until then it is handed out evenly: who
/// takes all of it at once leaves the other tools of the account with what they take after.
const EVEN_PART: f64 = 0.8;

/// The part of our share that patient requests leave to prompt ones.
const PROMPT_PART: f64 = 0.02;

/// What is known of one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketState {
    /// Requests per window, as the last answer said.
    pub limit: u32,
    /// What is left of them, requests under way already taken off.
    pub remaining: u32,
}

/// One budget, as far as answers told of it.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    window: Option<Window>,
    /// A good answer came without a word of this bucket: there is nothing to keep to.
    untold: bool,
    /// The request that is to tell what is left.
    probe: Option<Probe>,
    /// Set by a 429: nothing is sent before.
    blocked_until: Option<Instant>,
    in_flight: u32,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    number: u64,
    /// The first one that was to tell this. Its answer, late as it may be, is as good.
    first: u64,
    since: Instant,
}

#[derive(Debug)]
struct Window {
    state: BucketState,
    resets_at: Instant,
    /// The longest that a reset was away, in this window and the one before.
    length: Duration,
    /// The same, in this one alone.
    seen_length: Duration,
    /// Of the requests whose answers told this, the one sent last.
    told_by: u64,
    /// It is over, and no answer told of the next: others may have used that up already.
    over: bool,
}

impl Bucket {
    pub(super) fn state(&self) -> Option<BucketState> {
        Some(self.window.as_ref()?.state)
    }

    /// How long a request must wait for this bucket, if it must.
    pub(super) fn wait(&mut self, share: f64, patient: bool, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until {
            if until > now {
                return Some(until - now);
            }
            self.blocked_until = None;
        }
        if let Some(window) = self.window.as_mut().filter(|window| window.resets_at <= now) {
            window.over = true;
            window.state.remaining = window.state.limit.saturating_sub(self.in_flight);
            window.resets_at = now + window.length;
        }
        if self.is_uncertain() {
            let left = self.probe.map(|probe| (probe.since + PROBE_PATIENCE) - now);
            return left.filter(|left| !left.is_zero());
        }
        self.window.as_ref()?.wait(share, patient, now)
    }

    /// Whether only the next answer can tell what is left.
    fn is_uncertain(&self) -> bool {
        self.window.as_ref().map_or(!self.untold, |window| window.over)
    }

    /// A request goes out.
    pub(super) fn take(&mut self, number: u64, now: Instant) {
        if self.is_uncertain() {
            let first = self.probe.map_or(number, |probe| probe.first);
            self.probe = Some(Probe { number, first, since: now });
        }
        self.in_flight += 1;
        if let Some(window) = &mut self.window {
            window.state.remaining = window.state.remaining.saturating_sub(1);
        }
    }

    /// The request is no longer under way, whatever became of it.
    pub(super) fn give_back(&mut self, number: u64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.probe = self.probe.filter(|probe| probe.number != number);
    }

    /// Nothing goes out for so long, and then one request first.
    pub(super) fn block(&mut self, until: Instant) {
        self.blocked_until = self.blocked_until.max(Some(until));
        if let Some(window) = &mut self.window {
            window.over = true;
        }
    }

    /// Whether a 429 holds it.
    pub(super) fn is_blocked(&self, now: Instant) -> bool {
        self.blocked_until.is_some_and(|until| until > now)
    }

    /// A good answer did not mention this bucket.
    pub(super) fn is_not_told(&mut self) {
        self.untold = true;
    }

    /// What is left is told under other names, or by nobody: there is nothing to keep to here.
    pub(super) fn is_told_elsewhere(&mut self) {
        self.window = None;
        self.untold = true;
    }

    /// A good answer did not mention this bucket, of which is known that it takes `limit` requests a [`WINDOW`]: what
    /// we send is counted here.
    pub(super) fn assume(&mut self, limit: u32, now: Instant) {
        let remaining = limit.saturating_sub(self.in_flight);
        match &mut self.window {
            Some(window) if window.over => {
                (window.over, window.state.remaining) = (false, remaining);
            }
            Some(_) => {}
            None => {
                self.window = Some(Window {
                    state: BucketState { limit, remaining },
                    resets_at: now + WINDOW + RESET_SLACK,
                    length: WINDOW,
                    seen_length: WINDOW,
                    told_by: 0,
                    over: false,
                });
            }
        }
    }

    /// The answer to a request says what is left.
    pub(super) fn learn(&mut self, number: u64, seen: Seen, now: Instant) {
        let before = self.window.as_ref();
        // Answers overtake each other: what an older request saw is no news, nor is that of a
        // request from before the one that is to tell of a new window.
        let overtaken = before.is_some_and(|before| before.told_by > number);
        if overtaken || self.probe.is_some_and(|probe| probe.first > number) {
            return;
        }
        // The answer does not count the requests still under way, but for its own.
        let others = self.in_flight.saturating_sub(1);
        let remaining = seen.remaining.saturating_sub(others);
        let resets_in = seen.resets_in.map(|reset| reset.min(LONGEST_WINDOW));
        let resets_at = match (resets_in, before) {
            (Some(reset), _) => now + reset + RESET_SLACK,
            // More is left than there was: a window has begun that no header told of.
            (None, Some(before))
                if before.resets_at > now && remaining <= before.state.remaining =>
            {
                before.resets_at
            }
            (None, _) => now + WINDOW,
        };
        let seen_length = resets_in.unwrap_or_default();
        let (seen_length, former) = match before {
            Some(before) if !before.over => (seen_length.max(before.seen_length), before.length),
            Some(before) => (seen_length, before.seen_length),
            None => (seen_length, WINDOW),
        };
        self.window = Some(Window {
            state: BucketState { limit: seen.limit, remaining },
            resets_at,
            length: seen_length.max(former).max(WINDOW),
            seen_length,
            told_by: number,
            over: false,
        });
    }

    /// How many requests a second may go out for the rest of the window, or in the next one where
    /// nothing is left of this; none: as many as one likes.
    pub(super) fn rate(&self, share: f64, now: Instant) -> Option<f64> {
        let window = self.window.as_ref()?;
        let ours = ours(window.state.limit, share);
        let usual = ours / (window.length.as_secs_f64() * EVEN_PART);
        let left = (ours * (1.0 - PROMPT_PART) - window.used()).max(0.0);
        let time = (EVEN_PART - window.passed(now)) * window.length.as_secs_f64();
        Some(usual.max(left / time.max(1.0)))
    }

    /// How long so many requests take, where answers take that long and as many are under way as
    /// [`rate`](Self::rate) needs, and one more; none: nothing limits them.
    pub(super) fn time_for(
        &self,
        requests: u64,
        share: f64,
        latency: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let window = self.window.as_ref()?;
        let (rate, length) = (self.rate(share, now)?, window.length.as_secs_f64());
        let ours = ours(window.state.limit, share) * (1.0 - PROMPT_PART);
        let latency = latency.as_secs_f64().max(1e-3);
        let pace = |rate: f64| (rate * latency + 1.0).ceil() / latency;
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let requests = requests as f64;
        let (passed, used) = (window.passed(now), window.used());
        let later = requests - (ours - used).max(0.0);
        let seconds = if later <= 0.0 {
            ((due(used + requests, ours) - passed) * length).max(requests / pace(rate))
        } else {
            // What is left when the last whole window is over is used up along the line of its own.
            // Each window begins with one request that goes alone.
            let whole = ((later / ours).ceil() - 1.0).max(0.0);
            let rest = later - whole * ours;
            let last = (due(rest, ours) * length).max(rest / pace(ours / (length * EVEN_PART)));
            (1.0 - passed + whole) * length
                + RESET_SLACK.as_secs_f64() * (whole + 1.0)
                + latency
                + last
        };
        Duration::try_from_secs_f64(seconds.max(0.0)).ok()
    }
}

impl Window {
    fn used(&self) -> f64 {
        f64::from(self.state.limit.saturating_sub(self.state.remaining))
    }

    /// The part of the window that is over.
    fn passed(&self, now: Instant) -> f64 {
        let left = self.resets_at.saturating_duration_since(now).saturating_sub(RESET_SLACK);
        (1.0 - left.as_secs_f64() / self.length.as_secs_f64()).clamp(0.0, 1.0)
    }

    /// What is ours may be used along a line: some at once, all by [`EVEN_PART`] of the window.
    /// What others use counts too, so the line holds for what they find left.
    fn wait(&self, share: f64, patient: bool, now: Instant) -> Option<Duration> {
        let ours = ours(self.state.limit, share);
        let kept = if patient && ours >= AT_ONCE_MIN { (ours * PROMPT_PART).ceil() } else { 0.0 };
        let next = self.used() + 1.0;
        if next > ours - kept {
            return Some(self.resets_at.saturating_duration_since(now));
        }
        let early = due(next, ours) - self.passed(now);
        (early > 0.0).then(|| self.length.mul_f64(early.min(1.0)))
    }
}

/// Which part of a window must be over before that many of its requests may go out.
fn due(requests: f64, ours: f64) -> f64 {
    let at_once = (ours * AT_ONCE).max(AT_ONCE_MIN);
    if requests <= at_once { 0.0 } else { EVEN_PART * (requests - at_once) / (ours - at_once) }
}

/// How many requests of a window are ours: at least one, or a stream would be stopped for good.
fn ours(limit: u32, share: f64) -> f64 {
    // The epsilon keeps 10 requests at 0.8 from leaving one instead of two.
    let theirs = (f64::from(limit) * (1.0 - share) + 1e-6).floor();
    (f64::from(limit) - theirs).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(limit: u32, remaining: u32, resets_in: u64) -> Seen {
        Seen { limit, remaining, resets_in: Some(Duration::from_secs(resets_in)) }
    }

    fn bucket(limit: u32, remaining: u32, resets_in: u64) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.take(1, Instant::now());
        bucket.learn(1, told(limit, remaining, resets_in), Instant::now());
        bucket.give_back(1);
        bucket
    }

    /// How many requests go out at this moment.
    fn burst(bucket: &mut Bucket, share: f64, patient: bool) -> usize {
        let now = Instant::now();
        let mut sent = 0;
        while bucket.wait(share, patient, now).is_none() && sent < 10_000 {
            sent += 1;
            bucket.take(100 + sent as u64, now);
        }
        sent
    }

    #[test]
    fn what_is_ours_is_what_the_share_says() {
        for (limit, share, expected) in [
            (10, 0.8, 8.0),
            (700, 0.5, 350.0),
            (700, 0.95, 665.0),
            (700, 1.0, 700.0),
            (1, 0.1, 1.0),
        ] {
            assert!((ours(limit, share) - expected).abs() < 1e-9, "{limit} at {share}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_hands_out_a_part_at_once_and_the_rest_evenly() {
        assert_eq!(burst(&mut bucket(700, 700, 60), 0.5, false), 87);
        // Half of it is over, and nobody has used anything.
        let half = burst(&mut bucket(700, 700, 30), 0.5, false);
        assert!((245..255).contains(&half), "{half}");
        assert_eq!(burst(&mut bucket(700, 700, 12), 0.5, false), 350);
        assert_eq!(burst(&mut bucket(10, 10, 60), 0.8, false), 8, "few requests need no pace");
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_is_kept_whoever_used_the_budget() {
        let mut bucket = bucket(700, 400, 30);
        assert!(bucket.wait(0.5, false, Instant::now()).is_some(), "300 of 350 are gone by half");
        assert!(bucket.wait(0.9, false, Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn patient_requests_leave_the_last_to_prompt_ones() {
        let mut bucket = bucket(700, 700, 5);
        assert_eq!(burst(&mut bucket, 0.95, true), 651);
        assert_eq!(burst(&mut bucket, 0.95, false), 14);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_nobody_told_of_gets_one_request_first() {
        let mut bucket = bucket(700, 350, 3);
        assert_eq!(burst(&mut bucket, 0.5, false), 0);
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(burst(&mut bucket, 0.5, false), 1);
        tokio::time::advance(PROBE_PATIENCE).await;
        assert_eq!(burst(&mut bucket, 0.5, false), 1, "an answer that does not come holds nobody");
        bucket.learn(101, told(700, 300, 55), Instant::now());
        assert_eq!(burst(&mut bucket, 0.5, false), 0, "others have used that window up");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_overtaken_gives_nothing_back() {
        let mut bucket = bucket(100, 60, 10);
        for number in [2, 3] {
            bucket.take(number, Instant::now());
        }
        bucket.learn(3, told(100, 50, 10), Instant::now());
        bucket.give_back(3);
        bucket.learn(2, told(100, 59, 10), Instant::now());
        assert_eq!(bucket.state().expect("known").remaining, 49);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_that_was_too_far_away_is_forgotten_two_windows_later() {
        let mut bucket = bucket(700, 700, 3_000);
        assert_eq!(bucket.window.as_ref().expect("told").length.as_secs(), 3_000);
        for (number, expected) in [(10, 3_000), (20, 60)] {
            tokio::time::advance(LONGEST_WINDOW).await;
            assert_eq!(burst(&mut bucket, 0.5, false), 1, "the window is over");
            bucket.learn(101, told(700, 699, 59), Instant::now());
            bucket.give_back(101);
            assert_eq!(
                bucket.window.as_ref().expect("told").length.as_secs(),
                expected,
                "{number}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_reset_a_new_window_is_seen_by_what_is_left() {
        let untimed = |remaining| Seen { limit: 700, remaining, resets_in: None };
        let mut bucket = Bucket::default();
        bucket.take(1, Instant::now());
        bucket.learn(1, untimed(500), Instant::now());
        bucket.give_back(1);
        tokio::time::advance(Duration::from_secs(40)).await;
        for (number, remaining, resets_in) in [(2, 480, 20), (3, 699, 60), (4, 698, 60)] {
            bucket.take(number, Instant::now());
            bucket.learn(number, untimed(remaining), Instant::now());
            bucket.give_back(number);
            let resets_at = bucket.window.as_ref().expect("told").resets_at;
            assert_eq!((resets_at - Instant::now()).as_secs(), resets_in, "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn headers_that_cannot_be_right_hold_nothing_for_long() {
        let mut bucket = bucket(700, 0, 250_000);
        let wait = bucket.wait(0.8, false, Instant::now()).expect("nothing is left");
        assert!(wait <= LONGEST_WINDOW + RESET_SLACK, "{wait:?}");
    }
}
