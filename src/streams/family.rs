//! Lists below other records: the invocations of each webhook, the records of each custom object.
//!
//! A pass lists the parents and then reads the list of each as if it were a stream of its own, with
//! a position of its own. A parent that is gone takes nothing along but itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::reader::{Fetched, Reader, Taken, reader_of_one, saved};
use super::snapshot::end_of;
use super::{ListPages, Parents, Position, PositionError, StreamSettings};
use crate::normalize::{PageLayout, SplitPage};
use crate::zendesk::{ApiError, PageEnd, PageRequest, Parameters};

/// Parents asked for per page.
const PAGE_SIZE: usize = 100;

/// What is saved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// Where each parent's list continues.
    parents: BTreeMap<String, Position>,
}

/// Reads the lists of all parents; its state between two pages.
pub(super) struct Family {
    parents: Parents,
    settings: StreamSettings,
    /// A reader for each parent that is or was there.
    children: BTreeMap<String, Box<dyn Reader>>,
    /// Those that the last listing did not have.
    missed: BTreeSet<String>,
    stage: Stage,
    /// When the last complete pass began.
    passed: Option<Timestamp>,
}

/// What a pass is at.
enum Stage {
    /// Between two passes.
    Idle,
    /// Which parents are there?
    Listing { began: Timestamp, next: Parameters, found: BTreeSet<String> },
    /// The first of these is read, then the others.
    Reading { began: Timestamp, left: BTreeSet<String> },
}

impl Family {
    /// A reader of the lists below those parents.
    pub(super) fn new(
        parents: Parents,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved: Saved = saved(settings, position)?.unwrap_or_default();
        let mut family = Self {
            parents,
            settings: settings.clone(),
            children: BTreeMap::new(),
            missed: BTreeSet::new(),
            stage: Stage::Idle,
            passed: None,
        };
        for (parent, position) in &saved.parents {
            let child = family.child(parent, Some(position))?;
            family.children.insert(parent.clone(), child);
        }
        Ok(family)
    }

    fn child(
        &self,
        parent: &str,
        position: Option<&Position>,
    ) -> Result<Box<dyn Reader>, PositionError> {
        let segment: String = url::form_urlencoded::byte_serialize(parent.as_bytes()).collect();
        let path = self.settings.spec.path.replace("{parent}", &segment);
        reader_of_one(path, &self.settings, position)
    }

    /// The child that is read.
    fn current(&self) -> Option<&dyn Reader> {
        let Stage::Reading { left, .. } = &self.stage else { return None };
        self.children.get(left.first()?).map(AsRef::as_ref)
    }

    fn current_mut(&mut self) -> Option<&mut Box<dyn Reader>> {
        let Stage::Reading { left, .. } = &self.stage else { return None };
        self.children.get_mut(left.first()?)
    }

    /// Goes on to the next child. Returns whether there is none.
    fn advance(&mut self) -> bool {
        let Stage::Reading { began, left } = &mut self.stage else { return true };
        left.pop_first();
        let over = left.is_empty();
        if over {
            self.passed = Some(*began);
            self.stage = Stage::Idle;
        }
        over
    }

    /// All parents are known: begins to read. Returns whether there is nothing to read.
    fn begin(&mut self, began: Timestamp, found: BTreeSet<String>) -> bool {
        // One that is not in the list may have been missed while others left it.
        let missed: BTreeSet<String> =
            self.children.keys().filter(|parent| !found.contains(*parent)).cloned().collect();
        let gone = missed.intersection(&self.missed);
        for parent in gone {
            self.children.remove(parent);
        }
        self.missed = missed;
        for parent in &found {
            if !self.children.contains_key(parent) {
                // Without a position there is none that cannot be read.
                let Ok(child) = self.child(parent, None) else { continue };
                self.children.insert(parent.clone(), child);
            }
        }
        self.stage = Stage::Reading { began, left: found };
        self.current().is_none() && self.advance()
    }
}

impl Reader for Family {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        if matches!(self.stage, Stage::Idle) {
            self.stage = Stage::Listing { began: now, next: Vec::new(), found: BTreeSet::new() };
        }
        if let Stage::Listing { next, .. } = &self.stage {
            let mut request = PageRequest::new(self.parents.path);
            if self.parents.pages == ListPages::Cursor {
                request = request.with("page[size]", PAGE_SIZE.to_string());
            }
            return Some(
                next.iter().fold(request, |request, (name, value)| request.with(name, value)),
            );
        }
        loop {
            let child = self.current_mut()?;
            if let Some(request) = child.request(settings, now, page_size) {
                return Some(request);
            }
            if self.advance() {
                return None;
            }
        }
    }

    fn layout(&self, settings: &StreamSettings) -> PageLayout {
        let layout = settings.spec.layout(settings.max_record_bytes);
        match &self.stage {
            Stage::Listing { .. } => PageLayout {
                records_key: self.parents.records_key,
                id_field: self.parents.id_field,
                ..layout
            },
            Stage::Idle | Stage::Reading { .. } => layout,
        }
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        match (&self.stage, self.current()) {
            (Stage::Listing { next, .. }, _) => {
                let end = end_of(self.parents.pages, page, account)?;
                if end.more && *next == end.next {
                    return Err("the page leads back to itself".to_owned());
                }
                Ok(end)
            }
            (_, Some(child)) => child.end(page, account),
            (_, None) => Err("no page was asked for".to_owned()),
        }
    }

    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        if let Stage::Listing { began, next, found } = &mut self.stage {
            let ids = page.events.drain(..).map(|event| event.id.record);
            found.extend(ids.map(|id| String::from_utf8_lossy(&id).into_owned()));
            page.rejected.clear();
            let mut caught_up = false;
            if end.more {
                *next = end.next;
            } else {
                let (began, found) = (*began, std::mem::take(found));
                caught_up = self.begin(began, found);
            }
            return Taken { deduplicated: 0, caught_up };
        }
        let Some(child) = self.current_mut() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        let taken = child.accept(settings, page, end);
        Taken { caught_up: taken.caught_up && self.advance(), ..taken }
    }

    fn position(&self) -> Position {
        let parents = self.children.iter();
        let parents = parents.map(|(parent, child)| (parent.clone(), child.position())).collect();
        // A map of positions always has a JSON form.
        Position(serde_json::to_value(Saved { parents }).unwrap_or_default())
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.passed.is_some_and(|passed| passed >= until)
            && self.children.values().all(|child| child.is_past(until))
    }

    fn fault(&mut self, settings: &StreamSettings) -> Option<ApiError> {
        self.current_mut()?.fault(settings)
    }

    fn heed(&mut self, clock_ahead: i64) {
        if let Some(child) = self.current_mut() {
            child.heed(clock_ahead);
        }
    }

    fn absorb(&mut self, error: &ApiError) -> Option<bool> {
        let child = self.current_mut()?;
        let caught_up = if error.is_not_found() { true } else { child.absorb(error)? };
        Some(caught_up && self.advance())
    }
}
