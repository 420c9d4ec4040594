//! Where a stream continues, as its pages carry it.
//!
//! The position of a list that is read whole is as long as the list, and many of its pages may be
//! under way. So each of them has what changed since a position that they share: what all of them
//! hold together grows with what they bring, not with the list. The position itself is put
//! together when it is saved.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Position;
use super::seen::List;

/// The position after a page. Copies share what it is made of.
#[derive(Debug, Clone)]
pub struct Resume(Form);

#[derive(Debug, Clone)]
enum Form {
    Whole(Arc<Value>),
    List(Grown<List>),
    Family(Grown<Lists>),
}

/// One of more entries than this is long.
const SHORT_ENTRIES: usize = 100;

impl Resume {
    /// It, put together: costs its length.
    pub fn position(&self) -> Position {
        match &self.0 {
            Form::Whole(value) => Position(Value::clone(value)),
            Form::List(list) => list.whole().position(),
            Form::Family(lists) => lists.whole().position(),
        }
    }

    /// Whether the stream did not move between the two. Cheap, unless they were made in different
    /// ways, as what was saved and what was read since are.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Whole(one), Form::Whole(other)) => one == other,
            (Form::List(one), Form::List(other)) => one.is_same(other),
            (Form::Family(one), Form::Family(other)) => one.is_same(other),
            _ => self.position() == other.position(),
        }
    }

    /// A copy to go along with events; none of a long one.
    pub fn if_short(&self) -> Option<Value> {
        self.is_long().is_none_or(|long| !long).then(|| self.position().if_short())?
    }

    /// Whether it is, where that shows without putting it together.
    fn is_long(&self) -> Option<bool> {
        let entries = match &self.0 {
            Form::Whole(_) => return None,
            Form::List(list) => list.base.entries() + list.changed,
            Form::Family(lists) => lists.base.entries() + lists.changed,
        };
        if entries > SHORT_ENTRIES {
            return Some(true);
        }
        let Form::Family(lists) = &self.0 else { return Some(false) };
        Some(lists.whole().parents.values().any(|list| list.is_long() == Some(true)))
    }
}

impl From<Position> for Resume {
    fn from(Position(value): Position) -> Self {
        Self(Form::Whole(Arc::new(value)))
    }
}

impl From<Grown<List>> for Resume {
    fn from(list: Grown<List>) -> Self {
        Self(Form::List(list))
    }
}

impl From<Grown<Lists>> for Resume {
    fn from(lists: Grown<Lists>) -> Self {
        Self(Form::Family(lists))
    }
}

/// What a long position is made of.
pub(super) trait Growing: Clone {
    /// A part of it that is new.
    type Change;

    /// Puts it in.
    fn take(&mut self, change: &Self::Change);

    /// How many entries that part has.
    fn entries_of(change: &Self::Change) -> usize;

    /// How many there are in all.
    fn entries(&self) -> usize;
}

/// A long position: one that was shared, and what changed since.
#[derive(Debug)]
pub(super) struct Grown<T: Growing> {
    base: Arc<T>,
    changes: Chain<T::Change>,
    changed: usize,
}

impl<T: Growing> Clone for Grown<T> {
    fn clone(&self) -> Self {
        let (base, changes) = (Arc::clone(&self.base), self.changes.clone());
        Self { base, changes, changed: self.changed }
    }
}

/// So many changes are kept apart before they are put in, however short the position is.
const CHANGES_KEPT: usize = 64;

impl<T: Growing> Grown<T> {
    pub(super) fn new(base: T) -> Self {
        Self { base: Arc::new(base), changes: Chain(None), changed: 0 }
    }

    pub(super) fn push(&mut self, change: T::Change) {
        self.changed += 1 + T::entries_of(&change);
        self.changes = Chain(Some(Arc::new(Link { before: self.changes.clone(), change })));
    }

    /// All changes put in.
    pub(super) fn whole(&self) -> T {
        let mut links = Vec::new();
        let mut chain = &self.changes;
        while let Some(link) = &chain.0 {
            links.push(&link.change);
            chain = &link.before;
        }
        let mut whole = T::clone(&self.base);
        links.into_iter().rev().for_each(|change| whole.take(change));
        whole
    }

    /// Puts the changes in where they are many beside what they change: so it costs no more than
    /// they did, and what pages under way hold is at most some times what they brought.
    pub(super) fn settle(&mut self) {
        if self.changed > self.base.entries() / 2 + CHANGES_KEPT {
            *self = Self::new(self.whole());
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_changes = match (&self.changes.0, &other.changes.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_changes && Arc::ptr_eq(&self.base, &other.base)
    }
}

/// Changes, each with those before it.
#[derive(Debug)]
struct Chain<T>(Option<Arc<Link<T>>>);

#[derive(Debug)]
struct Link<T> {
    before: Chain<T>,
    change: T,
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Drop for Chain<T> {
    /// One after the other: each inside the next would take as much of the stack as there are.
    fn drop(&mut self) {
        let mut last = self.0.take();
        while let Some(mut link) = last.and_then(Arc::into_inner) {
            last = link.before.0.take();
        }
    }
}

/// Where the list of each parent continues.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    pub(super) since: Timestamp,
    pub(super) parents: BTreeMap<String, Resume>,
}

/// As it is saved.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedLists {
    /// Where each parent's list continues.
    pub(super) parents: BTreeMap<String, Position>,
    /// Where the list of a parent begins that was not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
}

impl Lists {
    pub(super) fn position(&self) -> Position {
        let parents = self.parents.iter();
        let parents = parents.map(|(parent, list)| (parent.clone(), list.position())).collect();
        // A map of positions always has a JSON form.
        let saved = SavedLists { parents, since: Some(self.since) };
        Position(serde_json::to_value(saved).unwrap_or_default())
    }
}

impl Growing for Lists {
    /// A parent's list moved, or is forgotten.
    type Change = (String, Option<Resume>);

    fn take(&mut self, (parent, resume): &Self::Change) {
        match resume {
            Some(resume) => drop(self.parents.insert(parent.clone(), resume.clone())),
            None => drop(self.parents.remove(parent)),
        }
    }

    fn entries_of(_: &Self::Change) -> usize {
        1
    }

    fn entries(&self) -> usize {
        self.parents.len()
    }
}

/// How many entries these hold in memory together.
#[cfg(test)]
pub(super) fn entries_held(resumes: &[Resume]) -> usize {
    let mut seen = std::collections::BTreeSet::new();
    let mut entries = 0;
    for resume in resumes {
        let Form::List(list) = &resume.0 else { panic!("only lists are counted") };
        if seen.insert(Arc::as_ptr(&list.base).addr()) {
            entries += list.base.entries();
        }
        let mut chain = &list.changes;
        while let Some(link) = chain.0.as_ref().filter(|it| seen.insert(Arc::as_ptr(it).addr())) {
            entries += 1 + List::entries_of(&link.change);
            chain = &link.before;
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole(value: Value) -> Resume {
        Position(value).into()
    }

    fn family() -> Grown<Lists> {
        Grown::new(Lists { since: Timestamp::UNIX_EPOCH, parents: BTreeMap::new() })
    }

    #[test]
    fn the_position_of_many_lists_is_that_of_each_and_the_last_change_counts() {
        let mut family = family();
        let mut model = BTreeMap::new();
        let mut carried = Vec::new();
        for n in 0..1_000_u32 {
            let parent = format!("p{}", n * 7 % 90);
            let place = (n % 5 != 3).then(|| json!({ "after": n }));
            match &place {
                Some(place) => drop(model.insert(parent.clone(), place.clone())),
                None => drop(model.remove(&parent)),
            }
            family.push((parent, place.map(whole)));
            family.settle();
            carried.push((Resume::from(family.clone()), model.clone()));
        }
        for (resume, model) in &carried {
            let expected = json!({ "parents": model, "since": "1970-01-01T00:00:00Z" });
            assert_eq!(resume.position().0, expected);
        }
        let differs = |pair: &[(Resume, _)]| !pair[0].0.is_same(&pair[1].0);
        assert!(carried.windows(2).all(differs), "each moved");
        assert!(carried.iter().all(|(resume, _)| resume.is_same(&resume.clone())));
    }

    #[test]
    fn what_was_saved_and_what_is_read_of_it_are_the_same_place() {
        let mut family = family();
        family.push(("p".to_owned(), Some(whole(json!({ "after": 1 })))));
        let read = Resume::from(family);
        let saved = Resume::from(read.position());
        assert!(saved.is_same(&read) && read.is_same(&saved));
        assert!(saved.is_same(&whole(read.position().0)));
        assert!(!saved.is_same(&whole(json!({ "parents": {} }))));
    }

    #[test]
    fn a_long_position_does_not_go_along_with_events() {
        let mut family = family();
        family.push(("p".to_owned(), Some(whole(json!({ "met": "x".repeat(30) })))));
        let short = Resume::from(family.clone());
        assert_eq!(short.if_short(), Some(short.position().0));
        family.push(("q".to_owned(), Some(whole(json!({ "met": "x".repeat(30_000) })))));
        assert_eq!(Resume::from(family).if_short(), None);
    }

    #[test]
    fn so_many_changes_end_without_a_stack_as_deep() {
        let mut list = Grown::new(List::starting(Timestamp::UNIX_EPOCH));
        for record in 0..200_000 {
            let told = vec![(record, [0, 0])];
            list.push(super::super::seen::ListChange::Told { told, ids: Vec::new() });
        }
        assert_eq!(list.whole().entries(), 200_000);
        drop(list);
    }
}
