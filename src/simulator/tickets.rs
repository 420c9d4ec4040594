//! The tickets, in the order of their last change.
//!
//! A change moves a ticket to the end and leaves a gap where it was; the export
//! steps over gaps. Only times and versions are kept, never what a ticket says.

use super::draw::{Draw, Purpose};
use super::settings::Settings;
use super::timeline::{self, Live};

const FIRST_ID: u64 = 4_045;
const ID_STEP: u64 = 3;
/// The export never gives the most recent minute.
pub(super) const HOLD_BACK: i64 = 60;

/// One version of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// The change's second: `generated_timestamp`.
    pub(super) time: i64,
    /// Which ticket; ids rise with it.
    pub(super) ticket: u32,
    /// How many changes came before, counted from the history's end.
    pub(super) number: u32,
}

impl Version {
    /// The ticket's id.
    pub(super) fn id(self) -> u64 {
        FIRST_ID + u64::from(self.ticket) * ID_STEP
    }
}

/// Every ticket of the account.
#[derive(Debug, Clone)]
pub(super) struct Tickets {
    seed: u64,
    /// By time, then ticket. Superseded versions stay as gaps.
    versions: Vec<Version>,
    /// Where the present version of each ticket is.
    present: Vec<usize>,
    /// When each ticket came to be that did so after the history's end.
    born: Vec<i64>,
    initial: usize,
    start: i64,
    anchor: i64,
    live: Live,
}

impl Tickets {
    pub(super) fn new(settings: &Settings) -> Self {
        let initial = settings.tickets.min(u32::MAX as usize);
        let mut order: Vec<u32> = (0..u32::try_from(initial).unwrap_or(u32::MAX)).collect();
        let mut draw = Draw::new(settings.seed, Purpose::TicketOrder, 0);
        for at in (1..order.len()).rev() {
            order.swap(at, draw.index(at + 1));
        }
        let times = timeline::history(settings, initial);
        let mut versions: Vec<Version> = times
            .into_iter()
            .zip(order)
            .map(|(time, ticket)| Version { time, ticket, number: 0 })
            .collect();
        versions.sort_unstable_by_key(|version| (version.time, version.ticket));
        let mut present = vec![0; initial];
        for (at, version) in versions.iter().enumerate() {
            present[version.ticket as usize] = at;
        }
        Self {
            seed: settings.seed,
            versions,
            present,
            born: Vec::new(),
            initial,
            start: settings.history_start(),
            anchor: settings.anchor(),
            live: Live::new(settings, settings.live_ticket_changes_per_minute),
        }
    }

    /// Lets everything happen that happens until `now`.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some((number, time)) = self.live.next_until(now) {
            let mut draw = Draw::new(self.seed, Purpose::TicketChange, number);
            if number % 10 == 0 || self.present.is_empty() {
                let ticket = u32::try_from(self.present.len()).unwrap_or(u32::MAX);
                self.present.push(self.versions.len());
                self.born.push(time);
                self.append(Version { time, ticket, number: 0 });
            } else {
                let ticket = draw.index(self.present.len());
                self.change(ticket, time);
            }
        }
    }

    fn change(&mut self, ticket: usize, time: i64) {
        let at = self.present[ticket];
        let mut version = self.versions[at];
        version.number += 1;
        if version.time == time {
            self.versions[at] = version;
        } else {
            version.time = time;
            self.append(version);
        }
    }

    /// Puts the newest version where its second and id belong: at, or near, the end.
    fn append(&mut self, version: Version) {
        let mut at = self.versions.len();
        self.versions.push(version);
        self.present[version.ticket as usize] = at;
        while at > 0 {
            let before = self.versions[at - 1];
            if before.time != version.time || before.ticket < version.ticket {
                break;
            }
            self.versions.swap(at - 1, at);
            self.present[before.ticket as usize] = at;
            self.present[version.ticket as usize] = at - 1;
            at -= 1;
        }
    }

    /// Whether the export will not change any more.
    pub(super) fn is_settled(&self, now: i64) -> bool {
        self.live.is_still() && now - HOLD_BACK >= self.anchor
    }

    /// Where the first version after `(time, id)` is, or would be.
    pub(super) fn after(&self, time: i64, id: u64) -> usize {
        self.versions.partition_point(|version| (version.time, version.id()) <= (time, id))
    }

    /// Where the first version of that second, or a later one, is.
    pub(super) fn from(&self, time: i64) -> usize {
        self.versions.partition_point(|version| version.time < time)
    }

    /// The present versions from a place on that the export gives at `now`, in order.
    pub(super) fn exported(&self, from: usize, now: i64) -> impl Iterator<Item = Version> + '_ {
        let end = self.from(now - HOLD_BACK + 1).max(from);
        (from.min(end)..end.min(self.versions.len())).filter_map(|at| self.present_at(at))
    }

    /// The version at a place, unless it is a gap.
    pub(super) fn present_at(&self, at: usize) -> Option<Version> {
        let version = *self.versions.get(at)?;
        (self.present[version.ticket as usize] == at).then_some(version)
    }

    /// When a ticket came to be.
    pub(super) fn created_at(&self, ticket: u32) -> i64 {
        if let Some(later) = (ticket as usize).checked_sub(self.initial) {
            return self.born.get(later).copied().unwrap_or(self.anchor);
        }
        let mut draw = Draw::new(self.seed, Purpose::Ticket, u64::from(ticket));
        self.start - 100_000 - draw.seconds(200 * 86_400)
    }

    /// Whether a ticket was deleted, and whether for good.
    pub(super) fn deletion(&self, ticket: u32) -> Deletion {
        let mut draw = Draw::new(!self.seed, Purpose::Ticket, u64::from(ticket));
        match draw.below(1_000) {
            0..4 => Deletion::Scrubbed,
            4..40 => Deletion::Deleted,
            _ => Deletion::None,
        }
    }
}

/// What became of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// It is there.
    None,
    /// Deleted; its text can still be read.
    Deleted,
    /// Deleted for good; its text is gone.
    Scrubbed,
}
