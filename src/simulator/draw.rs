//! Numbers that look random and are not: everything is drawn from the seed.
//!
//! A record is drawn from (seed, what it is, its place) alone, so it can be made
//! again at any time and never needs to be kept. Nothing here may hold state
//! that outlives one record.

/// What a draw is for, so that two uses of one place do not agree by accident.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Time = 1,
    Lateness,
    AuditId,
    AuditFacts,
    AuditText,
    Ticket,
    TicketVersion,
    TicketChange,
    TicketOrder,
    User,
    Token,
    RequestId,
    Fault,
    Phase,
    Kind,
    Change,
    Record,
    Identity,
}

/// A short sequence of numbers.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    state: u64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draw {
    /// The sequence that belongs to `place`.
    pub(super) fn new(seed: u64, purpose: Purpose, place: u64) -> Self {
        let mut draw = Self { state: seed ^ (purpose as u64).wrapping_mul(0xd6e8_feb8_6659_fd93) };
        draw.state = draw.next() ^ place.wrapping_mul(0xa076_1d64_78bd_642f);
        draw
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// A number of seconds below `limit`.
    pub(super) fn seconds(&mut self, limit: i64) -> i64 {
        i64::try_from(self.below(limit.unsigned_abs())).unwrap_or(0)
    }

    /// A place in a list of `length`.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Whether something with this chance happens.
    pub(super) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < u64::from(chance)
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}
