//! All collections of the account, and which records can be seen.
//!
//! What the pages and the ground truth have in common. Knows no endpoint.

use std::borrow::Cow;

use super::collection::{Collection, Item, Life};
use super::record::{self, Record};
use super::resources;
use super::settings::Settings;
use super::tickets::HOLD_BACK;

/// All collections, by the number of their resource.
#[derive(Debug, Clone)]
pub(super) struct World {
    collections: Vec<Collection>,
}

impl World {
    /// Every resource with its history.
    pub(super) fn new(settings: &Settings) -> Self {
        let collections = resources::all().zip(0..).map(|(resource, number)| {
            let stays = resource.life == Life::Stays;
            let count = if stays { 1 } else { settings.count(resource.stream) };
            let collection = Collection::new(settings, resource.life, number, count);
            let late = resource.stream == "access_logs";
            if late { collection.delayed(settings) } else { collection }
        });
        Self { collections: collections.collect() }
    }

    /// Lets everything happen to one resource, and to its parents, that happens until `now`.
    pub(super) fn advance(&mut self, number: usize, now: i64) {
        if let Some(parent) = parent(number) {
            self.collections[parent].advance(now);
        }
        self.collections[number].advance(now);
    }

    /// The world at `now`, as far as one resource goes.
    pub(super) fn at(&self, number: usize, now: i64) -> Cow<'_, Self> {
        let mut world = Cow::Borrowed(self);
        if !self.collections[number].is_still() {
            world.to_mut().advance(number, now);
        }
        world
    }

    /// All of a resource that ever was.
    pub(super) fn collection(&self, number: usize) -> &Collection {
        &self.collections[number]
    }

    /// What can be seen at `now`, of one parent or of all; nothing where that parent is not there.
    pub(super) fn seen(
        &self,
        number: usize,
        parent_id: Option<&str>,
        now: i64,
    ) -> Option<Vec<Item>> {
        let collection = &self.collections[number];
        let held_back = resource(number).is_some_and(|resource| resource.held_back);
        let until = if held_back { now - HOLD_BACK } else { now };
        let kept = resource(number).and_then(|resource| resource.kept_days);
        let oldest = kept.map_or(i64::MIN, |days| now - i64::from(days) * 86_400);
        let seen = collection.seen(now);
        let seen = seen.filter(|item| item.changed <= until && item.created >= oldest);
        let Some(parent) = parent(number) else {
            return Some(seen.collect());
        };
        let parents = &self.collections[parent];
        let count = u32::try_from(parents.initial()).unwrap_or(u32::MAX).max(1);
        let mother = |item: &Item| parents.item(item.place % count);
        let is_seen = |mother: Option<Item>| mother.is_some_and(|one| parents.is_seen(&one, now));
        let Some(wanted) = parent_id else {
            return Some(seen.filter(|item| is_seen(mother(item))).collect());
        };
        let named = |item: &Item| {
            resource(parent).is_some_and(|kind| record::id_text(kind, parent, *item) == wanted)
        };
        let found = parents.seen(now).find(named)?;
        Some(seen.filter(|item| mother(item) == Some(found)).collect())
    }

    /// A record of a resource.
    pub(super) fn record<'a>(
        &self,
        settings: &'a Settings,
        number: usize,
        item: Item,
    ) -> Record<'a> {
        let resource = resource(number).expect("numbers come from the list of resources");
        Record { settings, resource, number, seed: self.collections[number].seed(), item }
    }
}

fn resource(number: usize) -> Option<&'static resources::Resource> {
    resources::all().nth(number)
}

fn parent(number: usize) -> Option<usize> {
    resources::number(resource(number)?.parent?)
}
