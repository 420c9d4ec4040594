//! Another integration of the same customer, which draws on the same budget.
//!
//! It asks at an even pace and looks at what the account's headers tell it. It
//! never waits, whatever they say; nothing here answers anybody.

use jiff::Timestamp;
use serde::Serialize;

use super::Simulator;
use super::limits::Limits;

/// What the other integration met so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OtherClient {
    /// Requests it made, refused ones included.
    pub requests: u64,
    /// Requests that were refused because the account's budget was used up.
    pub refused: u64,
    /// What its last answer said was left of the account's budget; none before its first request
    /// or without a limit.
    pub remaining: Option<u32>,
    /// The least that any of its answers said.
    pub least_remaining: Option<u32>,
}

/// Its pace, and what it met.
#[derive(Debug)]
pub(super) struct OtherTraffic {
    per_minute: u32,
    /// When it took up this pace, as an epoch second.
    start: i64,
    /// Requests since then.
    made: u64,
    met: OtherClient,
}

impl OtherTraffic {
    /// Begins at the epoch second `start`.
    pub(super) fn new(per_minute: u32, start: i64) -> Self {
        Self { per_minute, start, made: 0, met: OtherClient::default() }
    }

    /// Lets it ask all that it asks until `now`.
    pub(super) fn advance(&mut self, now: i64, limits: &mut Limits) {
        while let Some(time) = self.due().filter(|time| *time <= now) {
            self.made += 1;
            self.ask(time, limits);
        }
    }

    /// When the next request is due, if there is one.
    fn due(&self) -> Option<i64> {
        let after = self.made.saturating_mul(60).checked_div(u64::from(self.per_minute))?;
        Some(self.start.saturating_add(i64::try_from(after).unwrap_or(i64::MAX)))
    }

    fn ask(&mut self, time: i64, limits: &mut Limits) {
        self.met.requests += 1;
        self.met.refused += u64::from(!limits.take_from_account(time));
        self.met.remaining = limits.account_remaining(time);
        let both = self.met.least_remaining.into_iter().chain(self.met.remaining);
        self.met.least_remaining = both.min();
    }
}

impl Simulator {
    /// From `now` on another integration makes this many requests a minute, evenly; 0 ends it. What
    /// it met is counted anew.
    pub fn set_other_client(&mut self, now: Timestamp, per_minute: u32) {
        self.other.advance(now.as_second(), &mut self.limits);
        self.other = OtherTraffic::new(per_minute, now.as_second());
    }

    /// The other integration makes `count` requests at this moment, beside its pace.
    pub fn other_client_sends(&mut self, now: Timestamp, count: u32) -> OtherClient {
        let now = now.as_second();
        self.other.advance(now, &mut self.limits);
        for _ in 0..count {
            self.other.ask(now, &mut self.limits);
        }
        self.other.met
    }

    /// What the other integration has met by `now`.
    pub fn other_client(&mut self, now: Timestamp) -> OtherClient {
        self.other_client_sends(now, 0)
    }

    /// What is left of the account's budget at `now`; none without a limit.
    pub fn account_remaining(&mut self, now: Timestamp) -> Option<u32> {
        self.other.advance(now.as_second(), &mut self.limits);
        self.limits.account_remaining(now.as_second())
    }
}
