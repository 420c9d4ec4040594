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
//! Where such a list can be asked for what is since a time, it is asked for what is since the start of
//! the stream, and for no later time: who leaves the list could not be told from who is too old.
//!
//! A version is named by the record's change time, or by a hash of its content where it has none.
//! If the content changed and its name would be one that it had before (the time did not move, or
//! what was there once is there again), the hash and the time of the last pass are added to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::reader::{Fetched, Onward, Reader, Taken, ask, may_be_a_bad_cursor, saved};
use super::resume::{Grown, Resume};
use super::seen::{Former, Ids, List, ListChange, Seen};
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
    /// All of the above that is saved.
    resume: Grown<List>,
    pass: Option<Pass>,
}

/// One walk over the whole list.
#[derive(Debug)]
struct Pass {
    began: Timestamp,
    next: Parameters,
    met: Seen,
    ids: Ids,
    /// Those of them that the position does not have yet, or as missed.
    new_ids: Vec<String>,
}

impl Snapshot {
    /// A reader of the list at that path.
    pub(super) fn new(
        path: String,
        list: SnapshotList,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved: Option<List> = saved(settings, position)?;
        let list_now = saved.unwrap_or_else(|| List::starting(settings.since));
        let resume = Grown::new(list_now.clone());
        Ok(Self {
            path,
            list,
            since: list_now.since,
            known: list_now.met,
            missed: list_now.absent,
            told: list_now.told,
            former: [list_now.known, list_now.missed],
            ids: list_now.ids,
            passed: list_now.passed,
            restarted: false,
            resume,
            pass: None,
        })
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
    fn tell(&mut self, page: &Fetched, pass: &mut Pass) {
        if page.len() == 0 {
            return;
        }
        let records = page.events.iter().chain(&page.rejected);
        let records = records.map(|event| xxh3_64(&event.id.record));
        let told: Vec<_> =
            records.filter_map(|record| Some((record, pass.met.get(record)?))).collect();
        self.told.extend(told.iter().copied());
        self.resume.push(ListChange::Told { told, ids: std::mem::take(&mut pass.new_ids) });
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
        let Pass { began, met, ids: mut ids_now, .. } = pass;
        let is_new = |(print, known): &(u64, [u32; 2])| self.known.get(*print) != Some(*known);
        let new: Vec<_> = met.iter().filter(is_new).collect();
        let known = std::mem::replace(&mut self.known, met);
        self.missed = known.updated_by(std::mem::take(&mut self.told)).without(&self.known);
        self.former = Default::default();
        self.restarted = false;
        let before = std::mem::take(&mut self.ids);
        let mut gone = Vec::new();
        for (id, missed_since) in &before {
            match (ids_now.contains_key(id), missed_since, self.passed) {
                (true, ..) => {}
                (false, Some(since), _) => gone.push((id.clone(), *since)),
                (false, None, last) => {
                    ids_now.insert(id.clone(), last);
                }
            }
        }
        let is_new = |(id, met): &(&String, &Option<Timestamp>)| before.get(*id) != Some(*met);
        let new_ids = ids_now.iter().filter(is_new);
        self.resume.push(ListChange::Passed {
            began,
            met: new,
            absent: self.missed.iter().collect(),
            ids: new_ids.map(|(id, met)| (id.clone(), *met)).collect(),
            gone: gone.iter().map(|(id, _)| id.clone()).collect(),
        });
        self.resume.settle();
        self.ids = ids_now;
        self.passed = Some(began);
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
            new_ids: Vec::new(),
        });
        let mut request = ask(&self.path, settings);
        if self.list.pages == ListPages::Cursor {
            request = request.with("page[size]", page_size.to_string());
        }
        if let Some(name) = self.list.since
            && self.since > Timestamp::UNIX_EPOCH
            // Whether its own second is among what is given then is not documented.
            && let Ok(before) = Timestamp::from_second(self.since.as_second() - 1)
        {
            request = request.with(name, before.to_string());
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
            for id in ids.map(Cow::into_owned) {
                if self.ids.get(&id) != Some(&None) {
                    pass.new_ids.push(id.clone());
                }
                pass.ids.insert(id, None);
            }
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
            self.tell(page, &mut pass);
            pass.next = end.next;
            self.pass = Some(pass);
        }
        Taken { deduplicated, caught_up }
    }

    fn resume(&mut self) -> Resume {
        self.resume.clone().into()
    }

    fn position(&self) -> Position {
        self.resume.whole().position()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Random;
    use crate::streams::resume::entries_held;
    use crate::streams::tests::{at, settings};

    const START: i64 = 1_800_000_000;

    /// A list that is read by hand.
    struct Listed {
        settings: StreamSettings,
        snapshot: Snapshot,
        now: i64,
    }

    impl Listed {
        fn with(report_removed: bool, position: Option<&Position>) -> Self {
            let settings = StreamSettings { report_removed, ..settings("groups") };
            let list = SnapshotList { dated: false, pages: ListPages::Cursor, since: None };
            let path = settings.spec.path.to_owned();
            let snapshot = Snapshot::new(path, list, &settings, position).expect("its own form");
            Self { settings, snapshot, now: START }
        }

        /// Reads a page of these records, each with its content. Returns how many events it brought.
        fn read(&mut self, records: &[(u64, u64)], more: bool) -> usize {
            self.now += 1;
            self.snapshot.request(&self.settings, at(self.now), 100).expect("a request");
            let origin = Arc::new(Origin {
                source: "acme".to_owned(),
                stream: "groups".to_owned(),
                subdomain: "acme".to_owned(),
                partition: "tail".to_owned(),
                ingest_time: at(self.now),
                through: None,
            });
            let event = |(id, content): &(u64, u64)| Event {
                line: Bytes::from(format!("{{\"id\":{id},\"content\":{content}}}")),
                id: RecordId { record: Bytes::from(id.to_string()), version: None },
                time: None,
                origin: Arc::clone(&origin),
                members: None,
            };
            let events = records.iter().map(event).collect();
            let mut page = Fetched { events, rejected: Vec::new(), origin: Arc::clone(&origin) };
            let next = vec![(PAGE_AFTER, format!("{}", self.now))];
            let next = if more { next } else { Parameters::new() };
            self.snapshot.accept(&self.settings, &mut page, PageEnd { next, more });
            page.len()
        }

        /// What is saved, put together from what the reader itself knows.
        fn known(&self) -> Position {
            let it = &self.snapshot;
            let [known, missed] = it.former.clone();
            let mut ids = it.ids.clone();
            if let Some(pass) = &it.pass {
                let is_new = |id: &&String| !pass.new_ids.contains(id);
                ids.extend(pass.ids.keys().filter(is_new).map(|id| (id.clone(), None)));
            }
            let (since, passed) = (it.since, it.passed);
            let (met, absent, told) = (it.known.clone(), it.missed.clone(), it.told.clone());
            List { since, passed, met, absent, told, known, missed, ids }.position()
        }
    }

    fn below(random: &Random, most: u32) -> u64 {
        let is_it = |n: &u32| random.fraction() < 1.0 / f64::from(n + 1);
        (0..most).rev().find(is_it).unwrap_or_default().into()
    }

    #[test]
    fn what_pages_carry_comes_to_what_the_reader_knows_whatever_happens_to_the_list() {
        for seed in 0..30 {
            let random = Random::from_seed(seed);
            let removed = seed % 2 == 0;
            let mut listed = Listed::with(removed, None);
            let mut records: BTreeMap<u64, u64> = (0..40).map(|id| (id, 0)).collect();
            let mut before = listed.snapshot.resume();
            for pass in 0..90 {
                for _ in 0..below(&random, 6) {
                    let id = below(&random, 60);
                    match below(&random, 3) {
                        0 => drop(records.remove(&id)),
                        content => drop(records.insert(id, content)),
                    }
                }
                let all: Vec<(u64, u64)> = records.iter().map(|(id, it)| (*id, *it)).collect();
                let pages: Vec<_> = all.chunks(9).collect();
                for (number, page) in pages.iter().enumerate() {
                    let brought = listed.read(page, number + 1 < pages.len());
                    let resume = listed.snapshot.resume();
                    let position = resume.position();
                    assert_eq!(position, listed.known(), "seed {seed}, pass {pass}, page {number}");
                    let moved = brought > 0 || number + 1 == pages.len();
                    assert_eq!(resume.is_same(&before), !moved, "seed {seed}, pass {pass}");
                    let is_same = before.position() == position;
                    assert!(is_same || moved, "seed {seed}, pass {pass}: it moved unseen");
                    before = resume;
                    if below(&random, 40) == 0 {
                        let now = listed.now;
                        listed = Listed { now, ..Listed::with(removed, Some(&position)) };
                        before = listed.snapshot.resume();
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn pages_under_way_hold_what_they_brought_and_not_the_list_each() {
        const RECORDS: u64 = 4_000;
        let mut listed = Listed::with(true, None);
        let mut records: Vec<(u64, u64)> = (0..RECORDS).map(|id| (id, 0)).collect();
        let mut under_way = Vec::new();
        let mut brought = 0;
        let mut pass = |listed: &mut Listed, records: &[(u64, u64)], under_way: &mut Vec<_>| {
            let pages: Vec<_> = records.chunks(100).collect();
            for (number, page) in pages.iter().enumerate() {
                let events = listed.read(page, number + 1 < pages.len());
                brought += events;
                if events > 0 {
                    under_way.push(listed.snapshot.resume());
                }
            }
            brought
        };
        assert_eq!(pass(&mut listed, &records, &mut under_way), 4_000);
        assert_eq!(under_way.len(), 40);
        // Each record is there with its fingerprint and with its id, in the pages and in the whole.
        let held = entries_held(&under_way);
        assert!(held <= 4 * 4_000 + 100, "{held} after the first pass");
        // A sink is away, and in each of many passes one record changes.
        for changed in 1..=200_u64 {
            let at = usize::try_from(changed * 37 % RECORDS).expect("small");
            records[at].1 = changed;
            pass(&mut listed, &records, &mut under_way);
        }
        assert_eq!(under_way.len(), 240, "a page each brought something");
        let held = entries_held(&under_way);
        assert!(held <= 4 * 4_000 + 100 + 200 * 10, "{held} after two hundred passes");
    }
}
