//! Lists below other records: the invocations of each webhook, the records of each custom object.
//!
//! A pass lists the parents and then reads the list of each as if it were a stream of its own, with
//! a position of its own. A parent that is gone takes nothing along but itself, and neither does one
//! that is refused: it rests while the others are read, and is asked for again from time to time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::reader::{Fetched, Onward, Reader, Taken, may_be_a_bad_cursor, reader_of_one, saved};
use super::resume::{Grown, Lists, Resume, SavedLists};
use super::snapshot::end_of;
use super::{LeftOut, ListPages, Parents, Position, PositionError, StreamSettings, StreamSpec};
use crate::normalize::{PageLayout, RecordId, SplitPage};
use crate::zendesk::{ApiError, ErrorKind, PageEnd, PageRequest, Parameters};

/// Parents asked for per page.
const PAGE_SIZE: usize = 100;

/// Reads the lists of all parents; its state between two pages.
pub(super) struct Family {
    parents: Parents,
    settings: StreamSettings,
    /// A reader for each parent that is or was there.
    children: BTreeMap<String, Box<dyn Reader>>,
    /// Those that may stand elsewhere than [`Self::places`] says.
    touched: BTreeSet<String>,
    /// Where each of them stands.
    places: BTreeMap<String, Resume>,
    /// The same, as pages carry it.
    resume: Grown<Lists>,
    /// Those that the last listing did not have.
    missed: BTreeSet<String>,
    /// Those that are not asked for now.
    resting: BTreeMap<String, Rest>,
    stage: Stage,
    /// A cursor of the listing was given up, and no listing has ended since.
    restarted: bool,
    /// When it was asked last what to ask for.
    now: Timestamp,
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
    Reading {
        began: Timestamp,
        left: BTreeSet<String>,
        /// Whether any page of the pass came.
        any: bool,
    },
}

/// So many parents that are gone keep their place, for when they are listed again.
const GONE_KEPT: usize = 100;

/// How long a parent rests whose list is refused, in seconds; so often, and then longer.
const FIRST_RESTS: i64 = 15 * 60;
const FIRST_TRIES: u32 = 4;
const LATER_RESTS: i64 = 60 * 60;

/// How long one rests to which no answer comes: that is a matter of the network, and soon over.
const UNANSWERED_RESTS: i64 = 60;

/// A parent whose list could not be read.
struct Rest {
    error: ApiError,
    tries: u32,
    until: Timestamp,
}

impl Family {
    /// A reader of the lists below those parents.
    pub(super) fn new(
        parents: Parents,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved: SavedLists = saved(settings, position)?.unwrap_or_default();
        // `since` may be so long before the start of the run; a parent that came while nobody
        // looked is older than that.
        let since = saved.since.unwrap_or(settings.since);
        let mut family = Self {
            parents,
            settings: StreamSettings { since, ..settings.clone() },
            children: BTreeMap::new(),
            touched: BTreeSet::new(),
            places: BTreeMap::new(),
            resume: Grown::new(Lists { since, parents: BTreeMap::new() }),
            missed: BTreeSet::new(),
            resting: BTreeMap::new(),
            stage: Stage::Idle,
            restarted: false,
            now: Timestamp::UNIX_EPOCH,
            passed: None,
        };
        for (parent, position) in saved.parents {
            // Earlier versions saved the id with the escapes that it has in JSON.
            let parent = RecordId { record: parent.into(), version: None }.plain();
            let mut child = family.child(&parent, Some(&position))?;
            family.places.insert(parent.clone(), child.resume());
            family.children.insert(parent, child);
        }
        family.resume = Grown::new(Lists { since, parents: family.places.clone() });
        Ok(family)
    }

    fn child(
        &self,
        parent: &str,
        position: Option<&Position>,
    ) -> Result<Box<dyn Reader>, PositionError> {
        let path = self.settings.spec.path_below(parent);
        reader_of_one(path, &self.settings, position)
    }

    /// The child that is read.
    fn current(&self) -> Option<&dyn Reader> {
        let Stage::Reading { left, .. } = &self.stage else { return None };
        self.children.get(left.first()?).map(AsRef::as_ref)
    }

    fn current_mut(&mut self) -> Option<&mut Box<dyn Reader>> {
        let Stage::Reading { left, .. } = &self.stage else { return None };
        let parent = left.first()?;
        self.touched.insert(parent.clone());
        self.children.get_mut(parent)
    }

    /// Goes on to the next child. Returns whether there is none.
    fn advance(&mut self) -> bool {
        let Stage::Reading { began, left, .. } = &mut self.stage else { return true };
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
        // One that is not in the list may come back: its place is kept, but not that of many.
        let missed: BTreeSet<String> =
            self.children.keys().filter(|parent| !found.contains(*parent)).cloned().collect();
        let gone: Vec<String> = missed.intersection(&self.missed).cloned().collect();
        for parent in &gone {
            self.resting.remove(parent);
        }
        for parent in gone.iter().take(gone.len().saturating_sub(GONE_KEPT)) {
            self.children.remove(parent);
            self.touched.insert(parent.clone());
        }
        self.missed = missed;
        for parent in &found {
            if !self.children.contains_key(parent) {
                // Without a position there is none that cannot be read.
                let Ok(child) = self.child(parent, None) else { continue };
                self.children.insert(parent.clone(), child);
                self.touched.insert(parent.clone());
            }
        }
        let now = self.now;
        let rests = |parent: &String| self.resting.get(parent).is_some_and(|it| it.until > now);
        let left = found.into_iter().filter(|parent| !rests(parent)).collect();
        self.restarted = false;
        self.stage = Stage::Reading { began, left, any: false };
        self.current().is_none() && self.advance()
    }

    /// The listing begins again, with what it found.
    fn list_again(&mut self) -> bool {
        let Stage::Listing { next, .. } = &mut self.stage else { return false };
        let had_cursor = !std::mem::take(next).is_empty();
        had_cursor && !std::mem::replace(&mut self.restarted, true)
    }

    /// Leaves the list out that is read. None: it was the last one, and none could be read.
    fn leave_out(&mut self, error: &ApiError) -> Option<Onward> {
        let Stage::Reading { left, any, .. } = &self.stage else { return None };
        let parent = left.first()?.clone();
        if left.len() == 1 && !any {
            // It is no matter of this parent: whoever takes the pages decides when to go on.
            self.resting.clear();
            self.stage = Stage::Idle;
            return None;
        }
        let tries = self.resting.get(&parent).map_or(0, |rest| rest.tries) + 1;
        let secs = match (error.status, tries) {
            (None, _) => UNANSWERED_RESTS,
            (Some(_), ..=FIRST_TRIES) => FIRST_RESTS,
            (Some(_), _) => LATER_RESTS,
        };
        let until = self.now.checked_add(SignedDuration::from_secs(secs)).unwrap_or(self.now);
        self.resting.insert(parent, Rest { error: error.clone(), tries, until });
        Some(Onward::Without { at_end: self.advance() })
    }
}

impl StreamSpec {
    /// The path of the list below that parent.
    pub(super) fn path_below(&self, parent: &str) -> String {
        self.path.replace("{parent}", &segment(parent))
    }
}

/// An id as a part of a path. One that would lead up in the path leads nowhere.
fn segment(id: &str) -> String {
    let mut url = Url::parse("https://account.invalid").ok();
    if let Some(Ok(mut segments)) = url.as_mut().map(Url::path_segments_mut) {
        segments.push(id);
    }
    url.map_or_else(String::new, |url| url.path().trim_start_matches('/').to_owned())
}

impl Reader for Family {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        self.now = now;
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

    fn is_sized(&self) -> bool {
        self.current().is_some_and(Reader::is_sized)
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
            found.extend(page.events.drain(..).map(|event| event.id.plain()));
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
        if let Stage::Reading { left, any, .. } = &mut self.stage {
            *any = true;
            left.first().map(|parent| self.resting.remove(parent));
        }
        let Some(child) = self.current_mut() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        let taken = child.accept(settings, page, end);
        Taken { caught_up: taken.caught_up && self.advance(), ..taken }
    }

    fn resume(&mut self) -> Resume {
        for parent in std::mem::take(&mut self.touched) {
            let before = self.places.remove(&parent);
            let now = self.children.get_mut(&parent).map(|child| child.resume());
            let is_same = match (&before, &now) {
                (Some(before), Some(now)) => before.is_same(now),
                (before, now) => before.is_none() && now.is_none(),
            };
            if let Some(place) = if is_same { before } else { now.clone() } {
                self.places.insert(parent.clone(), place);
            }
            if !is_same {
                self.resume.push((parent, now));
            }
        }
        self.resume.settle();
        self.resume.clone().into()
    }

    fn position(&self) -> Position {
        let children = self.children.iter();
        let parents = children.map(|(parent, child)| (parent.clone(), child.position().into()));
        Lists { since: self.settings.since, parents: parents.collect() }.position()
    }

    fn is_past(&self, until: Timestamp) -> bool {
        // One that is refused would hold the end back for ever.
        self.passed.is_some_and(|passed| passed >= until)
            && self.children.iter().all(|(parent, child)| {
                let is_out = self.missed.contains(parent) || self.resting.contains_key(parent);
                is_out || child.is_past(until)
            })
    }

    fn fault(&mut self, settings: &StreamSettings) -> Option<ApiError> {
        self.current_mut()?.fault(settings)
    }

    fn heed(&mut self, clock_ahead: i64) {
        if let Some(child) = self.current_mut() {
            child.heed(clock_ahead);
        }
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        if matches!(self.stage, Stage::Listing { .. }) {
            let instead = "the parents are listed again from the start";
            let again = may_be_a_bad_cursor(error) && self.list_again();
            return again.then_some(Onward::Otherwise(instead));
        }
        let child = self.current_mut()?;
        if error.is_not_found() {
            return Some(Onward::Without { at_end: self.advance() });
        }
        match child.absorb(error) {
            Some(Onward::AtEnd) if self.advance() => Some(Onward::AtEnd),
            Some(Onward::AtEnd) => Some(Onward::Without { at_end: false }),
            Some(onward) => Some(onward),
            // Who signs in wrongly may read none of them.
            None if matches!(error.kind, ErrorKind::Config) => None,
            None => self.leave_out(error),
        }
    }

    fn left_out(&self) -> Vec<LeftOut> {
        let resting = self.resting.iter();
        let left_out = |(parent, rest): (&String, &Rest)| LeftOut {
            part: parent.clone(),
            error: rest.error.clone(),
        };
        resting.map(left_out).collect()
    }
}
