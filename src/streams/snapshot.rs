//! Lists that no filter narrows: groups, macros, webhooks, sessions.
//!
//! Such a list is read as a whole, again and again, and what is new or changed since the last pass
//! is delivered. What was there is kept as fingerprints: sixteen bytes a record.
//!
//! A pass that does not come to its end is begun again by the next run. So the position has what
//! was delivered of it, as it was then: a record that changes meanwhile is told, also where its time
//! of change stands still. A record may be missed by a pass while others leave the list, so it is
//! gone only when two passes in a row have not met it.
//!
//! A version is named by the record's change time, or by a hash of its content where it has none.
//! If the content changed and its name would be one that it had before (the time did not move, or
//! what was there once is there again), the hash and the time of the last pass are added to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::reader::{Fetched, Onward, Reader, Taken, ask, may_be_a_bad_cursor, saved};
use super::seen::{Former, Ids, Saved, Seen};
use super::{ListPages, Position, PositionError, SnapshotList, StreamSettings};
use crate::normalize::{Event, Origin, RecordId, SplitPage};
use crate::zendesk::{ApiError, Envelope, PAGE_AFTER, PageEnd, PageRequest, Parameters};

/// Reads one list; its state between two pages.
#[derive(Debug)]
pub(super) struct Snapshot {
    path: String,
    list: SnapshotList,
    since: Timestamp,
    /// What the last pass met.
    known: Seen,
    /// What the one before it met and the last one did not.
    missed: Seen,
    /// What was delivered since the last complete pass, by this pass or by those that did not come to
    /// their end.
    told: Seen,
    /// The same, as an earlier version of this program knew it.
    former: [Former; 2],
    /// With removals told: all ids, each with the time of the last pass that met it if that was
    /// not the last one.
    ids: Ids,
    /// When the last complete pass began.
    passed: Option<Timestamp>,
    /// A cursor was given up, and nothing new has come since.
    restarted: bool,
    /// Made when the above changes: it is as long as the list.
    position: Position,
    pass: Option<Pass>,
}

/// One walk over the whole list.
#[derive(Debug)]
struct Pass {
    began: Timestamp,
    next: Parameters,
    met: Seen,
    ids: Ids,
}

impl Snapshot {
    /// A reader of the list at that path.
    pub(super) fn new(
        path: String,
        list: SnapshotList,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved: Option<Saved> = saved(settings, position)?;
        let saved = saved.unwrap_or_else(|| Saved::starting(settings.since));
        let mut snapshot = Self {
            path,
            list,
            since: saved.since,
            known: saved.met,
            missed: saved.absent,
            told: saved.told,
            former: [saved.known, saved.missed],
            ids: saved.ids,
            passed: saved.passed,
            restarted: false,
            position: Position(serde_json::Value::Null),
            pass: None,
        };
        snapshot.position = snapshot.encoded();
        Ok(snapshot)
    }

    fn encoded(&self) -> Position {
        let [known, missed] = self.former.clone();
        Saved {
            since: self.since,
            passed: self.passed,
            met: self.known.clone(),
            absent: self.missed.clone(),
            told: self.told.clone(),
            known,
            missed,
            ids: self.ids.clone(),
        }
        .encode()
    }

    /// Names the event's version. Returns whether it was not met before.
    fn is_new(&self, event: &mut Event, met: &mut Seen) -> bool {
        let hash = xxh3_64(&event.line);
        let (content, name) = match &event.id.version {
            Some(version) => (half(hash), Name::Dated(half(xxh3_64(version)))),
            None => (half(hash), Name::Undated(1 << (hash >> 32 & 31))),
        };
        let version = event.id.version.get_or_insert_with(|| format!("{hash:016x}").into());
        let version = String::from_utf8_lossy(version).into_owned();
        let record = xxh3_64(&event.id.record);
        let before = met.get(record).or_else(|| self.told.get(record));
        let before = before.or_else(|| self.known.get(record));
        let before = before.or_else(|| self.missed.get(record));
        let before = before.or_else(|| self.formerly(event, name));
        met.insert(record, [content, name.with(before)]);
        match before {
            Some([as_before, _]) if as_before == content => false,
            Some([_, told]) if name.may_be_among(told) => {
                let passed = self.passed.unwrap_or(Timestamp::UNIX_EPOCH).as_second();
                let again = format!("{version}+{content:08x}-{passed}");
                event.id.version = Some(again.into());
                true
            }
            _ => true,
        }
    }

    /// What is left of a page goes to sinks: the position has it from now on.
    fn tell(&mut self, page: &Fetched, pass: &Pass) {
        for event in page.events.iter().chain(&page.rejected) {
            let record = xxh3_64(&event.id.record);
            if let Some(known) = pass.met.get(record) {
                self.told.insert(record, known);
            }
        }
        if page.len() > 0 {
            let mut ids = self.ids.clone();
            ids.extend(pass.ids.iter().map(|(id, met)| (id.clone(), *met)));
            Saved::note_pass(&mut self.position, &self.told, &ids);
        }
    }

    /// What an earlier version of this program knew of this version.
    fn formerly(&self, event: &Event, name: Name) -> Option<[u32; 2]> {
        let print = event.fingerprint();
        let [content] = self.former.iter().find_map(|former| former.get(print))?;
        Some([content, name.with(None)])
    }

    /// Ends a pass: what it met is what is known. Returns the ids that are gone, each with the
    /// time of the last pass that met it.
    fn finish(&mut self, pass: Pass) -> Vec<(String, Timestamp)> {
        let known = std::mem::replace(&mut self.known, pass.met);
        self.missed = known.updated_by(std::mem::take(&mut self.told)).without(&self.known);
        self.former = Default::default();
        self.restarted = false;
        let mut ids = pass.ids;
        let mut gone = Vec::new();
        for (id, missed_since) in std::mem::take(&mut self.ids) {
            match (ids.contains_key(&id), missed_since, self.passed) {
                (true, ..) => {}
                (false, Some(since), _) => gone.push((id, since)),
                (false, None, last) => {
                    ids.insert(id, last);
                }
            }
        }
        self.ids = ids;
        self.passed = Some(pass.began);
        self.position = self.encoded();
        gone
    }
}

/// What is remembered of what versions of a record were called, in thirty-two bits.
#[derive(Debug, Clone, Copy)]
enum Name {
    /// Half a hash of the change time.
    Dated(u32),
    /// One bit, by the hash of the content: those of all that were told are kept.
    Undated(u32),
}

impl Name {
    fn with(self, before: Option<[u32; 2]>) -> u32 {
        match self {
            Self::Dated(name) => name,
            Self::Undated(bit) => before.map_or(0, |[_, told]| told) | bit,
        }
    }

    /// Whether a version was called so before; it may say so of one that was not.
    fn may_be_among(self, told: u32) -> bool {
        match self {
            Self::Dated(name) => told == name,
            Self::Undated(bit) => told & bit != 0,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash tells enough apart")]
fn half(hash: u64) -> u32 {
    hash as u32
}

impl Reader for Snapshot {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        let pass = self.pass.get_or_insert_with(|| Pass {
            began: now,
            next: Vec::new(),
            met: Seen::default(),
            ids: BTreeMap::new(),
        });
        let mut request = ask(&self.path, settings);
        if self.list.pages == ListPages::Cursor {
            request = request.with("page[size]", page_size.to_string());
        }
        Some(pass.next.iter().fold(request, |request, (name, value)| request.with(name, value)))
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        let end = end_of(self.list.pages, page, account)?;
        let asked = self.pass.as_ref().map(|pass| &pass.next);
        if end.more && asked == Some(&end.next) {
            return Err("the page leads back to itself".to_owned());
        }
        Ok(end)
    }

    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        let Some(mut pass) = self.pass.take() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        if settings.report_removed {
            let ids = page.events.iter().map(|event| String::from_utf8_lossy(&event.id.record));
            pass.ids.extend(ids.map(|id| (id.into_owned(), None)));
        }
        let before = page.len();
        for events in [&mut page.events, &mut page.rejected] {
            events.retain_mut(|event| self.is_new(event, &mut pass.met));
        }
        let deduplicated = before - page.len();
        self.restarted &= page.events.is_empty();
        if self.list.dated {
            let until = settings.until.unwrap_or(Timestamp::MAX);
            let asked_for = self.since..=until;
            page.retain(|event| event.time.is_none_or(|time| asked_for.contains(&time)));
        }
        let caught_up = !end.more;
        if caught_up {
            let gone = self.finish(pass);
            if settings.report_removed {
                let origin = &page.origin;
                page.events.extend(gone.iter().map(|(id, last)| removed(id, *last, origin)));
            }
        } else {
            self.tell(page, &pass);
            pass.next = end.next;
            self.pass = Some(pass);
        }
        Taken { deduplicated, caught_up }
    }

    fn position(&self) -> Position {
        self.position.clone()
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.passed.is_some_and(|passed| passed >= until)
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        if error.is_too_recent() {
            return Some(Onward::AtEnd);
        }
        let pass = self.pass.as_mut().filter(|_| may_be_a_bad_cursor(error))?;
        // What it met stays known.
        let had_cursor = !std::mem::take(&mut pass.next).is_empty();
        let again = had_cursor && !std::mem::replace(&mut self.restarted, true);
        again.then_some(Onward::Otherwise("the list is read again from its start"))
    }
}

/// What a page of a list says about those after it.
pub(super) fn end_of(pages: ListPages, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
    let envelope = Envelope::new(&page.envelope, account);
    match pages {
        ListPages::Cursor => envelope.list_end(&[PAGE_AFTER]),
        ListPages::Numbered => {
            let next = envelope.link("next_page", &["page"])?.unwrap_or_default();
            Ok(PageEnd { more: !next.is_empty(), next })
        }
        ListPages::Object => Ok(PageEnd { more: false, next: Vec::new() }),
    }
}

/// What is delivered of a record that is no longer in its list:
/// `{"zenstream":"removed","stream":..,"id":..,"last_seen_at":..}`.
fn removed(id: &str, last_seen_at: Timestamp, origin: &Arc<Origin>) -> Event {
    let number = id.parse::<u64>().ok().filter(|number| number.to_string() == id);
    let record = RecordId {
        record: Bytes::copy_from_slice(id.as_bytes()),
        version: Some(Bytes::from(format!("removed-{last_seen_at}"))),
    };
    let line = serde_json::json!({
        "zenstream": "removed",
        "stream": origin.stream,
        "id": number.map_or_else(|| record.plain().into(), serde_json::Value::from),
        "last_seen_at": last_seen_at,
    });
    Event {
        line: Bytes::from(line.to_string()),
        id: record,
        time: None,
        origin: Arc::clone(origin),
        members: None,
    }
}
