//! Readers against pages in the shapes in which accounts answer.

mod refusals;

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::reader::{Fetched, Onward, Reader, reader};
use super::{
    CATALOGUE, Emit, History, ListPages, NextCursor, Paging, Position, StreamSettings, TimeUnit,
    find,
};
use crate::normalize::{self, Origin};
use crate::zendesk::{ApiError, ErrorKind};

const NOW: i64 = 1_800_000_000;
const START: i64 = NOW - 86_400;

/// A stream that is read by hand.
struct Reading {
    settings: StreamSettings,
    reader: Box<dyn Reader>,
    now: i64,
    page_size: usize,
}

/// What a page brought.
#[derive(Debug, PartialEq, Eq)]
struct Brought {
    ids: Vec<String>,
    caught_up: bool,
}

fn brought(ids: &[&str], caught_up: bool) -> Brought {
    Brought { ids: ids.iter().map(|&id| id.to_owned()).collect(), caught_up }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

pub(super) fn settings(name: &str) -> StreamSettings {
    StreamSettings {
        spec: find(name).expect("a row"),
        source: "acme".to_owned(),
        subdomain: "acme".to_owned(),
        since: at(START),
        until: None,
        follow: true,
        poll_interval: Duration::from_secs(60),
        lag: Duration::ZERO,
        overlap: Duration::from_secs(120),
        filter: Vec::new(),
        include: Vec::new(),
        exclude_deleted: false,
        report_removed: false,
        reread: Duration::ZERO,
        max_record_bytes: 1 << 20,
        emit: Emit::Records,
        history: History::InOnePiece,
    }
}

impl Reading {
    fn of(name: &str) -> Self {
        Self::with(settings(name), None)
    }

    fn with(settings: StreamSettings, position: Option<&Position>) -> Self {
        let reader = reader(&settings, position).expect("a position of its own");
        let page_size = settings.spec.page_size;
        Self { settings, reader, now: NOW, page_size }
    }

    /// The same after a crash.
    fn restarted(&self) -> Self {
        let position = self.reader.position();
        Self { now: self.now, ..Self::with(self.settings.clone(), Some(&position)) }
    }

    /// The next request, as `path?name=value`.
    fn ask(&mut self) -> Option<String> {
        let request = self.reader.request(&self.settings, at(self.now), self.page_size)?;
        let query = request.query.iter().map(|(name, value)| format!("{name}={value}"));
        Some(format!("{}?{}", request.path, query.collect::<Vec<_>>().join("&")))
    }

    fn give(&mut self, page: &Value) -> Result<Brought, String> {
        let layout = self.reader.layout(&self.settings);
        let split = normalize::split(&Bytes::from(page.to_string()), &layout);
        let split = split.map_err(|malformed| malformed.to_string())?;
        let account = Url::parse("https://acme.zendesk.com").expect("an address");
        let end = self.reader.end(&split, &account)?;
        let origin = std::sync::Arc::new(Origin {
            source: "acme".to_owned(),
            stream: self.settings.spec.name.to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: at(self.now),
            through: None,
        });
        let rejected = split.rejected.iter();
        let rejected = rejected.map(|it| normalize::rejected_event(it, &origin)).collect();
        let events = normalize::events(split.records, &origin);
        let mut page = Fetched { events, rejected, origin };
        let taken = self.reader.accept(&self.settings, &mut page, end);
        let carried = self.reader.resume().position();
        assert_eq!(carried, self.reader.position(), "what a page carries is where it stands");
        let ids = page.events.iter().map(|event| event.id.to_string()).collect();
        Ok(Brought { ids, caught_up: taken.caught_up })
    }

    /// Asks and is given.
    fn read(&mut self, page: &Value) -> Brought {
        self.ask().expect("something to ask for");
        self.give(page).expect("a page")
    }
}

fn refused(status: u16) -> ApiError {
    let status = http::StatusCode::from_u16(status).expect("a status");
    ApiError { kind: ErrorKind::Data, status: Some(status), ..ApiError::data("refused") }
}

/// A page of an export by time; records are ids and seconds.
fn by_time(records: &[(u64, i64)], end_time: i64, end: Option<bool>) -> Value {
    let record = |(id, at): &(u64, i64)| json!({"id": id, "updated_at": self::at(*at).to_string()});
    let mut page = json!({
        "organizations": records.iter().map(record).collect::<Vec<_>>(),
        "calls": records.iter().map(record).collect::<Vec<_>>(),
        "count": records.len(),
        "end_time": end_time,
        "next_page": format!("https://acme.zendesk.com/x?start_time={end_time}"),
    });
    if let Some(end) = end {
        page["end_of_stream"] = end.into();
    }
    page
}

/// The ids without their versions.
fn bare(brought: &Brought) -> Vec<&str> {
    brought.ids.iter().map(|id| id.split('@').next().unwrap_or_default()).collect()
}

#[test]
fn the_second_at_which_a_page_is_cut_comes_again_and_is_delivered_once() {
    let mut reading = Reading::of("organizations");
    let first = by_time(&[(1, START), (2, START + 5), (3, START + 5)], START + 5, Some(false));
    assert_eq!(bare(&reading.read(&first)), ["1", "2", "3"]);
    let second = by_time(
        &[(2, START + 5), (3, START + 5), (4, START + 5), (5, START + 9)],
        START + 9,
        Some(true),
    );
    for mut reading in [reading.restarted(), reading] {
        let asked = reading.ask().expect("a request");
        assert_eq!(
            asked,
            format!("/api/v2/incremental/organizations?per_page=1000&start_time={}", START + 5)
        );
        let page = reading.give(&second).expect("a page");
        assert_eq!((bare(&page), page.caught_up), (vec!["4", "5"], true));
        // What comes again after the end is known.
        let last = by_time(&[(5, START + 9)], START + 10, Some(true));
        assert_eq!(bare(&reading.read(&last)), [""; 0]);
    }
}

#[test]
fn a_page_of_one_second_is_followed_by_the_next_second() {
    let mut reading = Reading::of("organizations");
    reading.page_size = 1;
    let page = by_time(&[(1, START), (2, START), (3, START)], START + 1, Some(false));
    assert_eq!(bare(&reading.read(&page)), ["1", "2", "3"]);
    assert!(reading.ask().expect("a request").ends_with(&format!("start_time={}", START + 1)));
}

#[test]
fn what_shows_up_late_in_a_second_already_read_is_found_at_the_next_look() {
    let mut reading = Reading::of("organizations");
    let late = NOW - 70;
    assert_eq!(bare(&reading.read(&by_time(&[(1, late)], late + 1, Some(true)))), ["1"]);
    reading.now += 60;
    for mut reading in [reading.restarted(), reading] {
        assert_eq!(
            bare(&reading.read(&by_time(&[(1, late), (2, late)], late + 1, Some(true)))),
            ["2"]
        );
    }
}

#[test]
fn a_second_that_leads_back_to_itself_is_an_error_with_a_hint_and_no_gap() {
    let mut reading = Reading::of("organizations");
    let second: Vec<(u64, i64)> = (0..1000).map(|id| (id, START)).collect();
    let stuck = by_time(&second, START, Some(false));
    assert_eq!(reading.read(&stuck).ids.len(), 1000, "what can be had is delivered");
    let fault = reading.reader.fault(&reading.settings.clone()).expect("it is told");
    assert!(!fault.is_transient() && fault.hint.is_some(), "{fault}");
    assert!(reading.reader.fault(&reading.settings.clone()).is_none(), "once");
    // Nothing behind it is given up, and once the export is mended it goes on.
    assert!(reading.ask().expect("a request").ends_with(&format!("start_time={START}")));
    let mended = by_time(&[&second[..], &[(1000, START)]].concat(), START + 1, Some(true));
    assert_eq!(bare(&reading.give(&mended).expect("a page")), ["1000"]);
}

#[test]
fn a_small_page_that_cannot_leave_its_second_is_asked_for_in_full() {
    let mut reading = Reading::of("organizations");
    reading.page_size = 2;
    reading.read(&by_time(&[(1, START), (2, START)], START, Some(false)));
    assert!(reading.reader.fault(&reading.settings.clone()).is_none());
    assert!(reading.ask().expect("a request").contains("per_page=1000"));
}

#[test]
fn an_export_that_never_tells_its_end_ends_at_an_empty_page_or_where_it_stands() {
    let mut reading = Reading::of("calls");
    let page = reading.read(&by_time(&[(1, START), (2, START + 1)], START + 1, None));
    assert!(!page.caught_up);
    let last = reading.read(&by_time(&[(2, START + 1)], START + 2, None));
    assert_eq!((bare(&last), last.caught_up), (vec![], false));
    assert!(reading.read(&by_time(&[], START + 2, None)).caught_up);

    let mut reading = Reading::of("calls");
    reading.read(&by_time(&[(1, START), (2, START + 1)], START + 1, None));
    let stands = reading.read(&by_time(&[(2, START + 1), (3, START + 1)], START + 1, None));
    assert_eq!((bare(&stands), stands.caught_up), (vec!["3"], true));
}

#[test]
fn a_page_that_comes_twice_is_asked_for_again() {
    let mut reading = Reading::of("calls");
    let page = by_time(&[(1, START), (2, START + 1)], START + 1, None);
    reading.read(&page);
    reading.ask();
    assert!(reading.give(&page).is_err());
    assert_eq!(bare(&reading.give(&by_time(&[(3, START + 1)], START + 2, None)).unwrap()), ["3"]);
}

#[test]
fn nothing_is_asked_of_an_export_that_is_too_young() {
    let mut reading = Reading::of("organizations");
    reading.settings.since = at(NOW - 60);
    let mut reading = Reading::with(reading.settings.clone(), None);
    assert_eq!(reading.ask(), None);
    reading.now += 1;
    assert!(reading.ask().is_some());
    assert_eq!(reading.reader.absorb(&refused(404)), None);
}

#[test]
fn an_agents_time_line_is_counted_in_microseconds_and_goes_on_by_id() {
    let mut reading = Reading::of("agent_timeline");
    let asked = reading.ask().expect("a request");
    assert!(asked.ends_with(&format!("limit=1000&start_time={START}000000")), "{asked}");
    let page = json!({
        "agent_timeline": [{"agent_id": 1, "start_time": "2027-01-14T08:00:00.000007Z"}],
        "count": 1, "end_time": START * 1_000_000 + 7, "end_id": "1|x", "next_page": null,
    });
    let next = json!({"next_page": "https://acme.zendesk.com/api/v2/chat/x?start_id=1"});
    let page = Value::Object(
        page.as_object()
            .unwrap()
            .iter()
            .chain(next.as_object().unwrap())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    );
    assert_eq!(reading.give(&page).expect("a page").ids.len(), 1);
    let asked = reading.ask().expect("a request");
    assert!(asked.ends_with(&format!("start_time={START}000007&start_id=1|x")), "{asked}");
}

#[test]
fn a_cursor_made_of_parameters_is_taken_out_of_the_accounts_own_link_alone() {
    let page = |host: &str, id: u64, more: bool| {
        let link = format!(
            "https://{host}/api/v2/engagements?start_time_cursor=2027-01-14T08%3A00%3A0{id}&engagement_id_cursor=e{id}&page_size=10"
        );
        json!({
            "agent_engagement_data":
                [{"engagement_id": format!("e{id}"), "engagement_start_time": "2027-01-14T08:00:01"}],
            "has_more": more,
            "next_page_url": if more { Value::from(link) } else { Value::Null },
        })
    };
    let mut reading = Reading::of("engagements");
    reading.ask();
    assert!(reading.give(&page("evil.example", 1, true)).is_err());
    assert_eq!(reading.give(&page("acme.zendesk.com:443", 1, true)), Ok(brought(&["e1"], false)));
    for mut reading in [reading.restarted(), reading] {
        let asked = reading.ask().expect("a request");
        assert_eq!(
            asked,
            "/api/v2/engagements?page_size=10&start_time_cursor=2027-01-14T08:00:01&engagement_id_cursor=e1"
        );
        // The last page leads nowhere: it is read again, and what it had is known.
        assert_eq!(reading.give(&page("acme.zendesk.com", 2, false)), Ok(brought(&["e2"], true)));
        for mut again in [reading.restarted(), reading] {
            assert_eq!(again.read(&page("acme.zendesk.com", 2, false)), brought(&[], true));
        }
    }
}

#[test]
fn routing_ends_where_a_page_is_empty_and_goes_on_from_its_last_cursor() {
    let page = |ids: &[&str], cursor: &str| {
        let records: Vec<_> =
            ids.iter().map(|id| json!({"id": id, "time": "2027-01-14T08:00:01Z"})).collect();
        json!({
            "attributes": records, "count": ids.len(), "end_time": START,
            "next_page": format!("https://acme.zendesk.com/api/v2/incremental/routing/attributes?cursor={cursor}"),
        })
    };
    let mut reading = Reading::of("routing_attributes");
    assert_eq!(
        reading.ask().as_deref(),
        Some("/api/v2/incremental/routing/attributes?per_page=3000")
    );
    let first = reading.give(&page(&["a"], "c1")).expect("a page");
    assert_eq!((bare(&first), first.caught_up), (vec!["a"], false));
    assert!(reading.read(&page(&[], "c1")).caught_up);
    assert!(reading.restarted().ask().expect("a request").ends_with("cursor=c1"));
}

/// A page of a list; records as they are.
fn list(key: &str, records: &[Value], more: bool) -> Value {
    let cursor = records.last().map(|record| record["id"].to_string());
    json!({
        key: records, "meta": {"has_more": more, "after_cursor": cursor, "before_cursor": null},
        "links": {"next": "https://acme.zendesk.com/never/followed", "prev": null},
    })
}

fn group(id: u64, version: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "updated_at": format!("2027-01-0{version}T00:00:00Z")})
}

#[test]
fn of_a_whole_list_what_is_new_or_changed_is_told_once() {
    let mut reading = Reading::of("groups");
    let (one, two) = (group(1, "1", "a"), group(2, "1", "b"));
    assert_eq!(bare(&reading.read(&list("groups", std::slice::from_ref(&one), true))), ["1"]);
    assert!(reading.ask().expect("a request").ends_with("page[size]=100&page[after]=1"));
    assert!(
        reading.give(&list("groups", std::slice::from_ref(&two), false)).expect("a page").caught_up
    );
    let changed = group(2, "2", "c");
    for mut reading in [reading.restarted(), reading] {
        assert_eq!(reading.read(&list("groups", &[one.clone(), two.clone()], false)).ids.len(), 0);
        assert_eq!(
            reading.read(&list("groups", &[one.clone(), changed.clone()], false)),
            brought(&["2@2027-01-02T00:00:00Z"], true)
        );
    }
}

#[test]
fn a_tag_is_its_name_and_told_again_when_it_is_used_more() {
    let mut reading = Reading::of("tags");
    let tag = |name: &str, count: u64| json!({"name": name, "count": count});
    let page = list("tags", &[tag("vip", 9), tag("größe", 7)], false);
    assert_eq!(bare(&reading.read(&page)), ["vip", "größe"]);
    // The second one has come to the front.
    let page = list("tags", &[tag("größe", 12), tag("vip", 9)], false);
    let told = reading.read(&page);
    assert_eq!(bare(&told), ["größe"]);
    assert_eq!(reading.read(&page).ids.len(), 0);
    // As often used as once before: another version all the same.
    let back = reading.read(&list("tags", &[tag("vip", 9), tag("größe", 7)], false));
    assert_eq!(bare(&back), ["größe"]);
    assert_ne!(back.ids, told.ids);
}

#[test]
fn of_one_object_each_change_is_told_also_one_back() {
    let mut reading = Reading::of("account_settings");
    assert_eq!(reading.ask().as_deref(), Some("/api/v2/account/settings?"));
    let settings = |on: bool| json!({"settings": {"api": {"api_token_access": on}}});
    let first = reading.give(&settings(true)).expect("a page");
    assert_eq!((bare(&first), first.caught_up), (vec!["settings"], true));
    let mut reading = reading.restarted();
    assert_eq!(reading.read(&settings(true)).ids.len(), 0);
    let off = reading.read(&settings(false));
    let on = reading.read(&settings(true));
    assert_eq!((bare(&off), bare(&on)), (vec!["settings"], vec!["settings"]));
    assert!(off.ids != on.ids && on.ids != first.ids, "no two versions have the same id");
    assert!(reading.ask().is_some() && reading.give(&json!({"settings": []})).is_err());
}

#[test]
fn a_pass_that_was_killed_is_begun_again_and_what_changed_meanwhile_is_told() {
    let mut reading = Reading::of("groups");
    let start = reading.reader.position();
    let (one, two) = (group(1, "1", "a"), group(2, "1", "b"));
    assert_eq!(bare(&reading.read(&list("groups", &[one.clone(), two.clone()], true))).len(), 2);
    assert_ne!(reading.reader.position(), start, "the position has what was told");
    // Its time of change stands still.
    let same_time = group(2, "1", "c");
    let third = group(3, "1", "d");
    let page = list("groups", &[one.clone(), same_time.clone()], true);
    let mut killed = reading.restarted();
    assert!(killed.ask().expect("a request").ends_with("page[size]=100"), "from its start");
    let told = killed.give(&page).expect("a page");
    assert_eq!(bare(&told), ["2"]);
    assert_ne!(told.ids[0], "2@2027-01-01T00:00:00Z", "a version of its own");
    // Killed once more, nothing is told again; in the end all is known.
    let mut killed = killed.restarted();
    assert_eq!(killed.read(&page).ids.len(), 0);
    let before = killed.reader.position();
    assert_eq!(killed.reader.position(), before, "nothing new, nothing to save");
    assert_eq!(bare(&killed.read(&list("groups", std::slice::from_ref(&third), false))), ["3"]);
    let all = list("groups", &[one, same_time, third], false);
    assert_eq!(killed.restarted().read(&all).ids.len(), 0);
}

#[test]
fn what_left_a_list_after_a_pass_that_was_killed_is_told_as_removed() {
    let mut settings = settings("groups");
    settings.report_removed = true;
    let mut reading = Reading::with(settings, None);
    let (one, two) = (group(1, "1", "a"), group(2, "1", "b"));
    reading.read(&list("groups", &[one.clone(), two], true));
    let mut reading = reading.restarted();
    let less = list("groups", &[one], false);
    let mut gone = Vec::new();
    for _ in 0..4 {
        reading.now += 900;
        gone.extend(reading.read(&less).ids);
    }
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(gone[0].starts_with("2@removed-"), "{gone:?}");
}

#[test]
fn a_change_that_its_time_does_not_show_is_told_under_an_id_of_its_own() {
    let mut reading = Reading::of("groups");
    reading.read(&list("groups", &[group(1, "1", "a")], false));
    let told = reading.read(&list("groups", &[group(1, "1", "b")], false));
    assert!(told.ids[0].starts_with("1@2027-01-01T00:00:00Z+"), "{told:?}");
    assert_eq!(reading.read(&list("groups", &[group(1, "1", "b")], false)).ids.len(), 0);
    // What has no time of change is told by its content.
    let mut reading = Reading::of("sessions");
    let session =
        |seen: u64| json!({"id": 7, "last_seen_at": format!("2027-01-0{seen}T00:00:00Z")});
    let first = reading.read(&list("sessions", &[session(1)], false));
    let second = reading.read(&list("sessions", &[session(2)], false));
    assert_ne!(first.ids, second.ids);
    assert_eq!(
        Reading::of("sessions").read(&list("sessions", &[session(2)], false)).ids,
        second.ids
    );
}

#[test]
fn a_record_that_one_pass_misses_is_neither_told_again_nor_gone() {
    let mut settings = settings("groups");
    settings.report_removed = true;
    let mut reading = Reading::with(settings, None);
    let (one, two) = (group(1, "1", "a"), group(2, "1", "b"));
    let both = list("groups", &[one.clone(), two], false);
    let less = list("groups", &[one], false);
    assert_eq!(reading.read(&both).ids.len(), 2);
    reading.now += 900;
    assert_eq!(reading.read(&less).ids.len(), 0);
    assert_eq!(reading.restarted().read(&both).ids.len(), 0);
    let gone = format!("2@removed-{}", at(NOW));
    for mut reading in [reading.restarted(), reading] {
        assert_eq!(reading.read(&less).ids, std::slice::from_ref(&gone));
        assert_eq!(reading.read(&less).ids.len(), 0, "told once");
    }
}

#[test]
fn a_list_on_numbered_pages_goes_on_by_number() {
    let mut reading = Reading::of("schedules");
    let page = |id: u64, next: Option<&str>| json!({"schedules": [group(id, "1", "a")], "next_page": next, "previous_page": null, "count": 2});
    assert_eq!(reading.ask().as_deref(), Some("/api/v2/business_hours/schedules?"));
    let next = "https://acme.zendesk.com/api/v2/business_hours/schedules.json?page=2";
    assert!(!reading.give(&page(1, Some(next))).expect("a page").caught_up);
    assert!(reading.ask().expect("a request").ends_with("schedules?page=2"));
    assert!(reading.give(&page(2, None)).expect("a page").caught_up);
}

#[test]
fn of_things_that_happened_those_before_the_start_are_left_out() {
    let mut reading = Reading::of("deleted_tickets");
    let deleted = |id: u64, at: i64| json!({"id": id, "deleted_at": self::at(at).to_string()});
    let page = list("deleted_tickets", &[deleted(1, START - 1), deleted(2, START)], false);
    assert_eq!(bare(&reading.read(&page)), ["2"]);
}

fn skip(id: u64, at: i64) -> Value {
    json!({"id": id, "created_at": self::at(at).to_string()})
}

#[test]
fn a_list_in_order_goes_on_from_the_last_cursor_that_there_was() {
    let mut reading = Reading::of("skips");
    assert_eq!(reading.ask().as_deref(), Some("/api/v2/skips?page[size]=100"));
    let page = list("skips", &[skip(1, START - 1), skip(2, START + 1)], true);
    assert_eq!(reading.give(&page), Ok(brought(&["2"], false)));
    // More is promised and there is nothing: the cursor that was there stays good.
    let empty = json!({"skips": [], "meta": {"has_more": false, "after_cursor": null}});
    assert!(reading.read(&empty).caught_up);
    assert!(reading.restarted().ask().expect("a request").ends_with("page[after]=2"));
}

#[test]
fn what_shows_up_behind_the_cursor_of_a_list_in_order_is_found() {
    let mut reading = Reading::of("skips");
    assert_eq!(bare(&reading.read(&list("skips", &[skip(1, START)], true))), ["1"]);
    assert_eq!(bare(&reading.read(&list("skips", &[skip(3, NOW - 30)], false))), ["3"]);
    for mut reading in [reading.restarted(), reading] {
        assert!(reading.ask().expect("a request").ends_with("page[after]=1"));
        let page = list("skips", &[skip(2, NOW - 30), skip(3, NOW - 30)], false);
        assert_eq!(bare(&reading.give(&page).expect("a page")), ["2"]);
        reading.now += 3_600;
        reading.read(&page);
        assert!(reading.ask().expect("a request").ends_with("page[after]=3"));
    }
}

#[test]
fn what_was_delivered_of_later_pages_is_known_when_the_cursor_goes_over_an_earlier_one() {
    let mut reading = Reading::of("skips");
    let (young, younger) = (skip(1, NOW - 100), skip(2, NOW - 10));
    assert_eq!(bare(&reading.read(&list("skips", std::slice::from_ref(&young), true))), ["1"]);
    assert_eq!(bare(&reading.read(&list("skips", std::slice::from_ref(&younger), false))), ["2"]);
    reading.now += 60;
    for mut reading in [reading.restarted(), reading] {
        assert_eq!(
            bare(&reading.read(&list("skips", std::slice::from_ref(&young), true))),
            [""; 0]
        );
        let mut killed = reading.restarted();
        assert_eq!(
            bare(&reading.read(&list("skips", std::slice::from_ref(&younger), false))),
            [""; 0]
        );
        assert_eq!(
            bare(&killed.read(&list("skips", std::slice::from_ref(&younger), false))),
            [""; 0]
        );
    }
}

fn objects(keys: &[&str]) -> Value {
    let objects: Vec<_> = keys.iter().map(|key| json!({"key": key, "id": "not this"})).collect();
    json!({"custom_objects": objects})
}

fn records(ids: &[&str], cursor: &str) -> Value {
    let records: Vec<_> =
        ids.iter().map(|id| json!({"id": id, "updated_at": "2027-01-14T08:00:01Z"})).collect();
    json!({"custom_object_records": records, "after_cursor": cursor, "end_of_stream": true})
}

#[test]
fn each_parents_list_has_a_place_of_its_own_and_one_that_is_gone_takes_nothing_along() {
    let mut reading = Reading::of("custom_object_records");
    assert_eq!(reading.ask().as_deref(), Some("/api/v2/custom_objects?"));
    assert_eq!(reading.give(&objects(&["car", "house"])), Ok(brought(&[], false)));
    assert!(
        reading.ask().expect("a request").starts_with("/api/v2/incremental/custom_objects/car/")
    );
    assert_eq!(bare(&reading.give(&records(&["r1"], "c1")).expect("a page")), ["r1"]);
    let page = reading.read(&records(&["r2"], "c2"));
    assert_eq!((bare(&page), page.caught_up), (vec!["r2"], true));

    let mut reading = reading.restarted();
    reading.read(&objects(&["boat", "car", "house"]));
    assert!(reading.ask().expect("a request").contains("/boat/cursor?per_page=1000&start_time="));
    let gone = Some(Onward::Without { at_end: false });
    assert_eq!(reading.reader.absorb(&refused(404)), gone);
    assert!(reading.ask().expect("a request").ends_with("/car/cursor?per_page=1000&cursor=c1"));
    reading.give(&records(&[], "c1")).expect("a page");
    assert!(reading.ask().expect("a request").ends_with("/house/cursor?per_page=1000&cursor=c2"));
    assert!(reading.give(&records(&[], "c2")).expect("a page").caught_up);
}

#[test]
fn without_parents_there_is_nothing_to_read() {
    let mut reading = Reading::of("custom_object_records");
    assert!(reading.read(&objects(&[])).caught_up);
    assert_eq!(reading.ask().as_deref(), Some("/api/v2/custom_objects?"), "it looks again");
}

/// A last page with one record, as the row's endpoint sends it.
fn last_page(row: &str) -> Value {
    let spec = find(row).expect("a row");
    let time = match spec.paging {
        Paging::TimeExport(_) | Paging::TimeWindow(_) | Paging::Tail => at(START + 1).to_string(),
        Paging::CursorExport(_) | Paging::Snapshot(_) => "2027-01-15T00:00:00Z".to_owned(),
    };
    let record = json!({spec.id_field: "17", spec.time_field: time});
    let mut page = match spec.paging {
        Paging::Snapshot(it) if it.pages == ListPages::Numbered => json!({"next_page": null}),
        Paging::Snapshot(it) if it.pages == ListPages::Object => json!({}),
        Paging::TimeWindow(_) | Paging::Tail | Paging::Snapshot(_) => {
            list(spec.records_key, &[], false)
        }
        Paging::TimeExport(export) => {
            let unit = if export.unit == TimeUnit::Microseconds { 1_000_000 } else { 1 };
            json!({"end_of_stream": true, "end_time": (START + 1) * unit})
        }
        Paging::CursorExport(export) => match export.next {
            NextCursor::Member => json!({"after_cursor": "abc", "end_of_stream": true}),
            NextCursor::Link { member, known, more } => {
                let link = format!("https://acme.zendesk.com/x?{}=abc", known[0]);
                let mut page = json!({member: link});
                if let Some(more) = more {
                    page[more] = false.into();
                }
                page
            }
        },
    };
    let is_object = spec.layout(1 << 20).is_object;
    page[spec.records_key] = if is_object { record } else { json!([record]) };
    page
}

#[test]
fn each_row_asks_its_endpoint_and_takes_its_pages() {
    let mut asked = Vec::new();
    for spec in CATALOGUE {
        let mut reading = Reading::of(spec.name);
        if let Some(parents) = spec.parents {
            let mut page = list(parents.records_key, &[], false);
            page[parents.records_key] = json!([{parents.id_field: "p1"}]);
            asked.push(format!("{}: {}", spec.name, reading.ask().expect("its parents")));
            reading.give(&page).expect("a page of parents");
        }
        asked.push(format!("{}: {}", spec.name, reading.ask().expect("its first page")));
        let page =
            reading.give(&last_page(spec.name)).unwrap_or_else(|e| panic!("{}: {e}", spec.name));
        assert_eq!(page.ids.len(), 1, "{}", spec.name);
        let told = page.ids[0].split('@').next().unwrap_or_default();
        let is_object = spec.layout(1 << 20).is_object;
        assert_eq!(told, if is_object { spec.records_key } else { "17" }, "{}", spec.name);
    }
    insta::assert_snapshot!("first_requests", asked.join("\n"));
}
