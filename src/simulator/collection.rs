//! The life of one kind of record: when each came to be, changed, went.
//!
//! Only times and versions are kept; what a record says is drawn again whenever
//! it is needed. How pages are cut is not decided here.

use std::collections::VecDeque;

use super::draw::{Draw, Purpose};
use super::settings::Settings;
use super::timeline::{self, Live};

/// What can happen to the records of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// They are added and stay as they are.
    Grows,
    /// They are added and change.
    Changes,
    /// They are added, change, and are deleted, which leaves a row that says so.
    Marks,
    /// They are added, change in place, and vanish.
    Vanishes,
    /// There is one from the beginning on, which changes.
    Stays,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// Which one, in the order in which they came to be.
    pub(super) place: u32,
    /// When it came to be.
    pub(super) created: i64,
    /// When it changed last; its deletion is a change.
    pub(super) changed: i64,
    /// How many changes came before.
    pub(super) version: u32,
    /// When it was deleted.
    pub(super) gone: Option<i64>,
}

/// All records of a kind.
#[derive(Debug, Clone)]
pub(super) struct Collection {
    seed: u64,
    life: Life,
    items: Vec<Item>,
    initial: usize,
    live: Live,
    late_percent: u32,
    late_max: i64,
    again_percent: u32,
    /// The second in which a record changes once more, and its place.
    again: VecDeque<(i64, usize)>,
}

impl Collection {
    /// `count` records of the history. `number` tells this kind from the others.
    pub(super) fn new(settings: &Settings, life: Life, number: u64, count: usize) -> Self {
        let seed = Draw::new(settings.seed, Purpose::Kind, number).next();
        let anchor = settings.anchor();
        let times = timeline::spread(settings, seed, count);
        let items = times.into_iter().zip(0_u32..).map(|(created, place)| {
            let mut draw = Draw::new(seed, Purpose::Change, u64::from(place));
            let changes = life != Life::Grows && draw.percent(60);
            let after = if changes { draw.seconds(anchor.saturating_sub(created) + 1) } else { 0 };
            let version = u32::from(after > 0);
            Item { place, created, changed: created + after, version, gone: None }
        });
        let mut items: Vec<Item> = items.collect();
        if life == Life::Marks {
            for item in items.iter_mut().skip(9).step_by(10) {
                item.gone = Some(item.changed);
            }
        }
        let follows = Live::with_seed(settings, seed, settings.live_changes_per_minute);
        let initial = items.len();
        Self {
            seed,
            life,
            items,
            initial,
            live: follows,
            late_percent: 0,
            late_max: 0,
            again_percent: settings.changed_again_percent,
            again: VecDeque::new(),
        }
    }

    /// Lets some records be seen only some time after they came to be.
    pub(super) fn delayed(mut self, settings: &Settings) -> Self {
        self.late_percent = settings.late_percent;
        self.late_max = settings.lateness();
        self
    }

    /// What every draw for these records begins with.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether nothing happens any more.
    pub(super) fn is_still(&self) -> bool {
        self.live.is_still()
    }

    /// How many there were at the history's end.
    pub(super) fn initial(&self) -> usize {
        self.initial
    }

    /// Lets everything happen that happens until `now`.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some((number, time)) = self.live.next_until(now) {
            self.change_again(time);
            let mut draw = Draw::new(!self.seed, Purpose::Change, number);
            let chance = draw.below(10);
            let is_new = match self.life {
                Life::Grows => true,
                Life::Changes | Life::Marks => chance < 2,
                Life::Vanishes => chance < 3,
                Life::Stays => false,
            };
            if is_new || self.items.is_empty() {
                self.add(time);
                continue;
            }
            let goes = matches!(self.life, Life::Marks | Life::Vanishes) && chance >= 8;
            let at = draw.index(self.items.len());
            self.change(at, time, goes);
            if !goes && self.again_percent > 0 && draw.percent(self.again_percent) {
                self.again.push_back((time, at));
            }
        }
        self.change_again(now);
    }

    /// Those that changed before `now` and do so once more within their second.
    fn change_again(&mut self, now: i64) {
        while let Some((second, at)) = self.again.pop_front_if(|(second, _)| *second < now) {
            let item = &mut self.items[at];
            item.version += u32::from(item.changed == second && item.gone.is_none());
        }
    }

    fn add(&mut self, time: i64) {
        let place = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.items.push(Item { place, created: time, changed: time, version: 0, gone: None });
    }

    /// Each second sees at most one version of a record, so that a time tells versions apart, unless
    /// it was chosen otherwise.
    fn change(&mut self, at: usize, time: i64, goes: bool) {
        let item = &mut self.items[at];
        if item.gone.is_some() || item.changed >= time {
            return;
        }
        if goes && self.life == Life::Vanishes {
            // It goes as it was.
            item.gone = Some(time);
        } else {
            item.changed = time;
            item.version += 1;
            item.gone = goes.then_some(time);
        }
    }

    /// The record at a place.
    pub(super) fn item(&self, place: u32) -> Option<Item> {
        self.items.get(place as usize).copied()
    }

    /// What vanished, as it was before, and when.
    pub(super) fn vanished(&self) -> impl Iterator<Item = (Item, i64)> + '_ {
        let gone = self.items.iter().filter(|_| self.life == Life::Vanishes);
        gone.filter_map(|item| Some((Item { gone: None, ..*item }, item.gone?)))
    }

    /// What can be seen at `now`.
    pub(super) fn seen(&self, now: i64) -> impl Iterator<Item = Item> + '_ {
        self.items.iter().copied().filter(move |item| self.is_seen(item, now))
    }

    /// Whether a record can be seen at `now`.
    pub(super) fn is_seen(&self, item: &Item, now: i64) -> bool {
        let stays = self.life != Life::Vanishes || item.gone.is_none();
        stays && item.created + self.delay(item) <= now
    }

    fn delay(&self, item: &Item) -> i64 {
        if self.late_percent == 0 {
            return 0;
        }
        let mut draw = Draw::new(self.seed, Purpose::Lateness, u64::from(item.place));
        if draw.percent(self.late_percent) { draw.seconds(self.late_max + 1) } else { 0 }
    }
}
