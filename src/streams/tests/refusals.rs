//! Readers against refusals: cursors that have become bad, parents that may not be read, ends that
//! are too recent, seconds that no page can hold.

use super::*;
use crate::streams::reader::Onward;

fn answered(status: u16, kind: ErrorKind, message: &str) -> ApiError {
    ApiError { kind, ..ApiError { message: message.to_owned(), ..refused(status) } }
}

fn bad_cursor() -> ApiError {
    answered(400, ErrorKind::Bug, "InvalidPaginationParameter")
}

fn denied() -> ApiError {
    answered(403, ErrorKind::Denied, "Forbidden")
}

fn too_recent() -> ApiError {
    answered(422, ErrorKind::Data, "Too recent start_time")
}

/// The value of a parameter of a request.
fn parameter<'a>(asked: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = asked.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn seconds(asked: &str, name: &str) -> i64 {
    parameter(asked, name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{asked}"))
}

fn rating(id: u64, updated: i64) -> Value {
    json!({"id": id, "created_at": at(START).to_string(), "updated_at": at(updated).to_string()})
}

fn ratings(records: &[Value], cursor: Option<&str>) -> Value {
    json!({"satisfaction_ratings": records,
        "meta": {"has_more": cursor.is_some(), "after_cursor": cursor}, "links": {"next": null}})
}

#[test]
fn a_list_in_another_order_than_its_records_tell_goes_on_where_it_was_killed() {
    let mut reading = Reading::of("satisfaction_ratings");
    let asked = reading.ask().expect("a request");
    // Made first, answered a day later: the list has it before those that were never touched.
    let page = reading.give(&ratings(&[rating(1, NOW - 4_000)], Some("c1"))).expect("a page");
    assert_eq!(bare(&page), ["1"]);
    reading.now += 7_200;
    for mut reading in [reading.restarted(), reading] {
        let again = reading.ask().expect("the same window");
        assert_eq!(again, format!("{asked}&page[after]=c1"));
        let rest = reading.give(&ratings(&[rating(2, START + 9)], Some("c2"))).expect("a page");
        assert_eq!(bare(&rest), ["2"]);
        let last = reading.restarted().read(&ratings(&[rating(3, START + 8)], None));
        assert_eq!((bare(&last), last.caught_up), (vec!["3"], true));
        reading.read(&ratings(&[rating(3, START + 8)], None));
        let next = reading.ask().expect("the next window");
        let end = seconds(&asked, "end_time");
        let met = NOW - 120;
        assert!(end > met && (met - 1..=met).contains(&seconds(&next, "start_time")), "{next}");
    }
}

#[test]
fn what_is_young_in_such_a_list_is_known_to_the_next_window() {
    let mut reading = Reading::of("satisfaction_ratings");
    let young = rating(1, NOW - 100);
    reading.read(&ratings(std::slice::from_ref(&young), Some("c1")));
    // The pages between have nothing that has to be remembered.
    for page in 0..5 {
        let old: Vec<Value> = (0..20).map(|n| rating(100 + page * 20 + n, START + 500)).collect();
        assert_eq!(reading.read(&ratings(&old, Some(&format!("d{page}")))).ids.len(), 20);
    }
    let remembered = |reading: &Reading| -> usize {
        let position = reading.reader.position().0;
        let seen = position["seen"].as_array().expect("seconds").iter();
        seen.map(|second| second[1].as_array().map_or(0, Vec::len)).sum()
    };
    assert_eq!(remembered(&reading), 1 + 20);
    reading.read(&ratings(&[], None));
    reading.now += 60;
    for mut reading in [reading.restarted(), reading] {
        let page = reading.read(&ratings(&[young.clone(), rating(2, NOW - 90)], None));
        assert_eq!(bare(&page), ["2"]);
    }
}

#[test]
fn the_end_of_a_window_is_old_enough_and_older_once_that_is_too_recent() {
    let mut reading = Reading::of("satisfaction_ratings");
    let asked = reading.ask().expect("a request");
    assert_eq!(seconds(&asked, "end_time"), NOW - 61);
    let mut held_back = 61;
    // A clock that is ahead by up to an hour.
    while let Some(onward) = reading.reader.absorb(&too_recent()) {
        assert!(!onward.is_end(), "what is older is there");
        let asked = reading.ask().expect("a request");
        let now = NOW - seconds(&asked, "end_time");
        assert!(now > held_back, "{now} after {held_back}");
        held_back = now;
    }
    assert_eq!(held_back, 3_600, "then it is an error");
}

fn second(ids: std::ops::Range<u64>, at: i64) -> Vec<(u64, i64)> {
    ids.map(|id| (id, at)).collect()
}

#[test]
fn a_second_that_fills_a_page_of_the_servers_own_size_is_an_error_and_no_end() {
    let mut reading = Reading::of("calls");
    let mut first = second(0..10, START);
    first.extend(second(10..30, START + 5));
    assert_eq!(reading.read(&by_time(&first, START + 5, None)).ids.len(), 30);
    // The server gives 30 a page, though 1,000 were asked for, and there are 40 of that second.
    let stuck = by_time(&second(10..40, START + 5), START + 5, None);
    for mut reading in [reading.restarted(), reading] {
        let page = reading.read(&stuck);
        assert_eq!((page.ids.len(), page.caught_up), (10, false), "what can be had");
        let fault = reading.reader.fault(&reading.settings.clone()).expect("it is told");
        assert!(!fault.is_transient() && fault.hint.is_some(), "{fault}");
        // A page that is shorter than those before it has all that there is.
        let end = by_time(&second(10..39, START + 5), START + 5, None);
        assert!(reading.read(&end).caught_up);
    }
}

#[test]
fn a_second_that_was_widened_does_not_hide_one_that_is_stuck() {
    let mut reading = Reading::of("calls");
    // 110 of one second come on one page, though a page takes 100.
    let widened = by_time(&second(0..110, START), START + 1, None);
    assert_eq!(reading.read(&widened).ids.len(), 110);
    let mut several = second(200..290, START + 4);
    several.extend(second(290..300, START + 5));
    assert_eq!(reading.read(&by_time(&several, START + 5, None)).ids.len(), 100);
    let stuck = by_time(&second(290..390, START + 5), START + 5, None);
    for mut reading in [reading.restarted(), reading] {
        let page = reading.read(&stuck);
        assert_eq!((page.ids.len(), page.caught_up), (90, false), "what can be had");
        let fault = reading.reader.fault(&reading.settings.clone()).expect("it is told");
        let hint = fault.hint.expect("a hint");
        let command = format!("`zenstream checkpoint set acme.calls --since {}`", at(START + 6));
        assert!(hint.contains(&command), "{hint}");
    }
}

#[test]
fn what_an_earlier_version_saved_of_an_export_by_time_is_known() {
    let former = json!({"from": at(START).to_string(), "longest": 110,
        "seen": {format!("{}", fingerprint_of_call(1, START)): START}});
    let mut reading = Reading::with(settings("calls"), Some(&Position(former)));
    let page = by_time(&[(1, START), (2, START)], START + 1, None);
    assert_eq!(bare(&reading.read(&page)), ["2"]);
}

fn fingerprint_of_call(id: u64, updated: i64) -> u64 {
    let mut reading = Reading::of("calls");
    reading.read(&by_time(&[(id, updated)], updated, None));
    let position = reading.reader.position().0;
    let (print, _) = position["seen"].as_object().expect("seconds").iter().next().expect("one");
    print.parse().expect("a number")
}

fn call(id: u64, updated: i64, state: &str) -> Value {
    json!({"id": id, "updated_at": at(updated).to_string(), "state": state})
}

fn calls(records: &[Value], end_time: i64) -> Value {
    json!({"calls": records, "count": records.len(), "end_time": end_time,
        "next_page": format!("https://acme.zendesk.com/x?start_time={end_time}")})
}

#[test]
fn a_record_that_changes_again_in_the_second_it_was_read_in_is_told_once_more() {
    let mut reading = Reading::of("calls");
    let late = NOW - 70;
    let first = reading.read(&calls(&[call(1, late, "open"), call(2, late, "open")], late + 1));
    assert_eq!(bare(&first), ["1", "2"]);
    assert!(reading.read(&calls(&[], late + 1)).caught_up);
    reading.now += 20;
    let changed = calls(&[call(1, late, "done"), call(2, late, "open")], late + 1);
    for mut reading in [reading.restarted(), reading] {
        let again = reading.read(&changed);
        assert_eq!(bare(&again), ["1"]);
        assert_ne!(again.ids[0], first.ids[0], "another version has another id");
        reading.read(&calls(&[], late + 1));
        for mut reading in [reading.restarted(), reading] {
            assert_eq!(reading.read(&changed).ids, [""; 0]);
        }
    }
}

#[test]
fn a_rating_that_is_answered_long_after_it_was_made_is_told_once() {
    let month = StreamSettings {
        reread: Duration::from_hours(30 * 24),
        ..settings("satisfaction_ratings")
    };
    let mut reading = Reading::with(month, None);
    let made = NOW - 20 * 86_400;
    let rating = |id: u64, made: i64, updated: i64| json!({"id": id, "created_at": at(made).to_string(), "updated_at": at(updated).to_string()});
    let look = |reading: &mut Reading, page: &Value| {
        let asked = reading.ask().expect("a window");
        let brought = reading.give(page).expect("a page");
        (reading.now - seconds(&asked, "start_time"), brought)
    };
    // Made before the start: only its changes since then are told.
    let (back, page) = look(&mut reading, &ratings(&[rating(1, made, made)], None));
    assert_eq!((back, bare(&page)), (30 * 86_400 + 1, vec![]));
    let answered = rating(1, made, NOW + 600);
    reading.now += 1_800;
    let (back, page) = look(&mut reading, &ratings(&[rating(2, NOW + 60, NOW + 60)], None));
    assert!(back < 3_600, "what is new is asked for alone: {back}");
    assert_eq!(bare(&page), ["2"]);
    reading.now += 1_800;
    let all = ratings(&[answered.clone(), rating(2, NOW + 60, NOW + 60)], None);
    for mut reading in [reading.restarted(), reading] {
        let cursor = ratings(std::slice::from_ref(&answered), Some("c1"));
        let (back, page) = look(&mut reading, &cursor);
        assert_eq!((back, bare(&page)), (30 * 86_400 + 1, vec!["1"]));
        // It goes on where it was killed, and tells nothing again.
        let mut killed = reading.restarted();
        let asked = killed.ask().expect("the same");
        assert!(asked.ends_with("page[after]=c1"), "{asked}");
        assert_eq!(killed.now - seconds(&asked, "start_time"), 30 * 86_400 + 1);
        assert_eq!(killed.give(&all).expect("a page").ids, [""; 0]);
        reading.read(&ratings(&[], None));
        for hours in 1..4 {
            reading.now += 3_600;
            for mut reading in [
                reading.restarted(),
                Reading::with(reading.settings.clone(), Some(&reading.reader.position())),
            ] {
                reading.now = NOW + 3_600 + hours * 3_600;
                let (back, page) = look(&mut reading, &all);
                assert_eq!((back, page.ids), (30 * 86_400 + 1, vec![]));
            }
            let (_, page) = look(&mut reading, &all);
            assert_eq!(page.ids, [""; 0]);
        }
    }
}

#[test]
fn a_rating_that_cannot_be_an_event_is_told_once_however_often_it_is_met() {
    let month = StreamSettings {
        reread: Duration::from_hours(30 * 24),
        ..settings("satisfaction_ratings")
    };
    let mut reading = Reading::with(month, None);
    let page = ratings(&[json!("no record")], None);
    let mut told = 0;
    for hour in 0..100 {
        reading.now = NOW + hour * 3_600;
        reading.ask().expect("a window");
        let before = reading.reader.position();
        reading.give(&page).expect("a page");
        told += usize::from(before.0["timeless"] != reading.reader.position().0["timeless"]);
        reading = Reading { now: reading.now, ..reading.restarted() };
    }
    assert_eq!(told, 1);
}

#[test]
fn an_export_by_cursor_ends_behind_the_end_asked_for_also_where_nothing_changes() {
    let mut reading = Reading::of("tickets");
    let until = at(NOW - 30);
    reading.read(&tickets(&[(1, START + 9)], "c1", true));
    assert!(!reading.reader.is_past(until), "something may still show up");
    reading.now = NOW + 120;
    reading.read(&tickets(&[], "c1", true));
    assert!(reading.reader.is_past(until));
    // Of several lists each must have ended, but for those that are refused.
    let mut reading = Reading::of("custom_object_records");
    reading.now = NOW + 120;
    reading.read(&objects(&["boat", "car"]));
    reading.read(&records(&["r1"], "c1"));
    assert!(!reading.reader.is_past(until));
    reading.ask();
    assert!(matches!(reading.reader.absorb(&denied()), Some(Onward::Without { at_end: true })));
    assert!(reading.reader.is_past(until));
}

#[test]
fn a_parent_that_nobody_answers_for_rests_a_minute() {
    let mut reading = Reading::of("custom_object_records");
    let mut asked = Vec::new();
    for second in 0..200 {
        reading.now = NOW + second;
        reading.read(&objects(&["a_secret", "car"]));
        if reading.ask().expect("a list").contains("/a_secret/") {
            asked.push(second);
            let unanswered =
                ApiError { status: None, ..answered(500, ErrorKind::Retry { after: None }, "no") };
            reading.reader.absorb(&unanswered);
            reading.ask();
        }
        reading.give(&records(&[&format!("r{second}")], &format!("c{second}"))).expect("a page");
    }
    assert_eq!(asked, [0, 60, 120, 180]);
}

#[test]
fn a_parent_that_is_refused_holds_no_other_and_is_asked_for_again_slowly() {
    let mut reading = Reading::of("custom_object_records");
    let (mut asked, mut read) = (Vec::new(), 0);
    for pass in 0..40 {
        reading.now = NOW + pass * 300;
        reading.read(&objects(&["a_secret", "car"]));
        let mut request = reading.ask().expect("a list");
        if request.contains("/a_secret/") {
            asked.push(pass);
            let onward = reading.reader.absorb(&denied());
            assert_eq!(onward, Some(Onward::Without { at_end: false }));
            request = reading.ask().expect("the other list");
        }
        assert!(request.contains("/car/"), "{request}");
        let left_out = reading.reader.left_out();
        assert_eq!(left_out.iter().map(|it| &*it.part).collect::<Vec<_>>(), ["a_secret"]);
        let page = records(&[&format!("r{pass}")], &format!("c{pass}"));
        read += reading.give(&page).expect("a page").ids.len();
    }
    assert_eq!((read, asked), (40, vec![0, 3, 6, 9, 12, 24, 36]));
    // It is read as soon as it may be.
    reading.now = NOW + 48 * 300;
    reading.read(&objects(&["a_secret", "car"]));
    assert_eq!(bare(&reading.read(&records(&["s1"], "s1"))), ["s1"]);
    assert!(reading.reader.left_out().is_empty());
}

#[test]
fn a_parent_that_fails_for_good_at_zendesk_holds_no_other() {
    let mut reading = Reading::of("custom_object_records");
    reading.read(&objects(&["boat", "car"]));
    reading.ask();
    let failing = answered(500, ErrorKind::Retry { after: None }, "Internal Server Error");
    assert_eq!(reading.reader.absorb(&failing), Some(Onward::Without { at_end: false }));
    assert_eq!(bare(&reading.read(&records(&["r1"], "c1"))), ["r1"]);
}

#[test]
fn where_every_parent_is_refused_the_stream_is() {
    let mut reading = Reading::of("custom_object_records");
    for _ in 0..3 {
        reading.read(&objects(&["boat", "car"]));
        reading.ask();
        assert_eq!(reading.reader.absorb(&denied()), Some(Onward::Without { at_end: false }));
        reading.ask();
        assert_eq!(reading.reader.absorb(&denied()), None);
        assert!(reading.reader.left_out().is_empty());
    }
    let unknown = answered(401, ErrorKind::Config, "invalid_token");
    reading.read(&objects(&["boat", "car"]));
    reading.ask();
    assert_eq!(reading.reader.absorb(&unknown), None, "nobody signs in for one parent");
}

#[test]
fn a_parent_that_came_while_nobody_looked_is_read_from_where_the_stream_began() {
    let mut reading = Reading::of("custom_object_records");
    reading.read(&objects(&["bike"]));
    reading.read(&records(&["r1"], "c1"));
    let position = reading.reader.position();
    // Three days later `since: 24h` is another time.
    let later = StreamSettings { since: at(NOW + 2 * 86_400), ..settings("custom_object_records") };
    let mut reading = Reading::with(later.clone(), Some(&position));
    reading.now = NOW + 3 * 86_400;
    reading.read(&objects(&["bike", "car"]));
    reading.read(&records(&[], "c1"));
    let asked = reading.ask().expect("the new list");
    assert!(asked.contains("/car/") && seconds(&asked, "start_time") == START, "{asked}");
    // A position without that time is an earlier version's.
    let mut former = position.0;
    former.as_object_mut().expect("an object").remove("since");
    let mut reading = Reading::with(later, Some(&Position(former)));
    reading.now = NOW + 3 * 86_400;
    reading.read(&objects(&["car"]));
    assert_eq!(seconds(&reading.ask().expect("a list"), "start_time"), NOW + 2 * 86_400);
}

fn membership(default: bool) -> Value {
    json!({"id": 1, "updated_at": null, "default": default})
}

#[test]
fn a_change_back_is_told_under_an_id_that_no_change_had_before() {
    let mut reading = Reading::of("group_memberships");
    let mut ids = Vec::new();
    for (pass, default) in [true, false, true, true, false, true, false].into_iter().enumerate() {
        reading.now = NOW + 900 * i64::try_from(pass).expect("few");
        let page = list("group_memberships", &[membership(default)], false);
        let told = reading.read(&page).ids;
        assert_eq!(told.len(), usize::from(pass != 3), "pass {pass}");
        ids.extend(told);
        reading = Reading { now: reading.now, ..reading.restarted() };
    }
    let different: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    // A content that was never there before is named as whoever reads the list afresh names it.
    let mut fresh = Reading::of("group_memberships");
    let page = list("group_memberships", &[membership(false)], false);
    assert_eq!(fresh.read(&page).ids[0], ids[1]);
}

#[test]
fn a_change_back_has_the_same_id_when_its_pass_is_read_again() {
    let mut reading = Reading::of("group_memberships");
    for default in [true, false] {
        reading.read(&list("group_memberships", &[membership(default)], false));
    }
    let mut killed = reading.restarted();
    let page = list("group_memberships", &[membership(true)], true);
    assert_eq!(killed.read(&page).ids, reading.read(&page).ids);
}

#[test]
fn what_an_earlier_version_saved_of_a_list_is_known() {
    // Two groups as of the last pass, by id and version, with half a hash of their content.
    let former = json!({"since": at(START).to_string(), "passed": at(NOW - 900).to_string(),
        "known": former_print(&group(1, "1", "a")), "missed": former_print(&group(2, "1", "b"))});
    let mut reading = Reading::with(settings("groups"), Some(&Position(former)));
    let changed = group(2, "2", "c");
    let page = list("groups", &[group(1, "1", "a"), group(2, "1", "b"), group(3, "1", "c")], false);
    let mut killed = reading.restarted();
    assert_eq!(bare(&killed.read(&page)), ["3"]);
    let page = list("groups", &[group(1, "1", "a"), changed], false);
    assert_eq!(reading.read(&page).ids, ["2@2027-01-02T00:00:00Z"]);
    for key in ["known", "missed"] {
        assert!(reading.reader.position().0.get(key).is_none(), "`{key}` is not needed any more");
    }
    assert_eq!(reading.read(&page).ids.len(), 0);
}

/// One entry as it was saved before entries had sixteen bytes.
fn former_print(record: &Value) -> String {
    use base64::Engine as _;
    let line = record.to_string();
    let text =
        |key: &str| record[key].as_str().map_or_else(|| record[key].to_string(), str::to_owned);
    let name = format!("{}@{}", text("id"), text("updated_at"));
    let id = xxhash_rust::xxh3::xxh3_64(name.as_bytes()).to_be_bytes();
    let content = xxhash_rust::xxh3::xxh3_64(line.as_bytes()).to_be_bytes();
    let entry = [&id[..], &content[4..]].concat();
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(entry)
}

#[test]
fn a_whole_list_whose_cursor_is_refused_is_read_again_once_and_nothing_is_told_twice() {
    let mut reading = Reading::of("groups");
    let (one, two) = (group(1, "1", "a"), group(2, "1", "b"));
    reading.read(&list("groups", std::slice::from_ref(&one), true));
    assert!(reading.ask().expect("the next page").contains("page[after]=1"));
    let again = reading.reader.absorb(&bad_cursor());
    assert!(matches!(again, Some(Onward::Otherwise(_))), "{again:?}");
    assert_eq!(parameter(&reading.ask().expect("a request"), "page[after]"), None);
    let page = reading.give(&list("groups", std::slice::from_ref(&one), true)).expect("a page");
    assert_eq!(bare(&page), [""; 0]);
    reading.ask();
    assert_eq!(reading.reader.absorb(&bad_cursor()), None, "it did not help");
    assert_eq!(parameter(&reading.ask().expect("a request"), "page[after]"), None, "nor for ever");
    reading.give(&list("groups", &[one], true)).expect("a page");
    assert_eq!(bare(&reading.read(&list("groups", &[two], false))), ["2"]);
}

#[test]
fn a_list_in_order_whose_cursor_is_refused_is_read_again_from_the_last_record_before_it() {
    let mut reading = Reading::of("skips");
    let page = list("skips", &[skip(1, START + 1), skip(2, START + 9), skip(3, START + 9)], true);
    reading.read(&page);
    reading.read(&list("skips", &[skip(4, NOW - 30)], false));
    for mut reading in [reading.restarted(), reading] {
        assert!(reading.ask().expect("a request").ends_with("page[after]=3"));
        let again = reading.reader.absorb(&bad_cursor());
        assert!(matches!(again, Some(Onward::Otherwise(_))), "{again:?}");
        assert!(reading.ask().expect("a request").ends_with("page[size]=100"));
        let of_last_second = skip(5, START + 9);
        let whole = [skip(1, START + 1), skip(2, START + 9), skip(3, START + 9), of_last_second];
        assert_eq!(bare(&reading.give(&list("skips", &whole, true)).expect("a page")), ["5"]);
        let rest = list("skips", &[skip(4, NOW - 30), skip(6, NOW - 20)], false);
        assert_eq!(bare(&reading.read(&rest)), ["6"]);
    }
}

fn tickets(versions: &[(u64, i64)], cursor: &str, end: bool) -> Value {
    let ticket = |(id, at): &(u64, i64)| json!({"id": id, "generated_timestamp": at});
    let tickets: Vec<Value> = versions.iter().map(ticket).collect();
    json!({"tickets": tickets, "after_cursor": cursor, "end_of_stream": end})
}

#[test]
fn an_export_whose_cursor_is_refused_is_read_again_from_the_last_change_that_was_met() {
    // One cursor tells its time, the other one does not.
    let told = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{}.0||2|", START + 7),
    );
    for cursor in [told.as_str(), "opaque"] {
        let mut reading = Reading::of("tickets");
        reading.read(&tickets(&[(1, START + 5), (2, START + 7)], cursor, true));
        for mut reading in [reading.restarted(), reading] {
            assert_eq!(parameter(&reading.ask().expect("a request"), "cursor"), Some(cursor));
            let again = reading.reader.absorb(&bad_cursor());
            assert!(matches!(again, Some(Onward::Otherwise(_))), "{again:?}");
            let asked = reading.ask().expect("a request");
            assert_eq!(
                (parameter(&asked, "cursor"), seconds(&asked, "start_time")),
                (None, START + 7)
            );
            let mut killed = reading.restarted();
            assert_eq!(seconds(&killed.ask().expect("a request"), "start_time"), START + 7);
            let page = tickets(&[(2, START + 7), (3, START + 8)], "next", true);
            let page = reading.give(&page).expect("a page");
            assert_eq!(bare(&page).last(), Some(&"3"));
            assert_eq!(parameter(&reading.ask().expect("a request"), "cursor"), Some("next"));
        }
    }
}

#[test]
fn a_known_second_is_not_delivered_again_by_whoever_still_remembers_it() {
    let mut reading = Reading::of("tickets");
    reading.read(&tickets(&[(1, START + 5), (2, START + 7)], "opaque", true));
    reading.ask();
    reading.reader.absorb(&bad_cursor());
    let page = tickets(&[(2, START + 7), (3, START + 8)], "next", true);
    assert_eq!(bare(&reading.read(&page)), ["3"]);
}

#[test]
fn parents_whose_listing_is_refused_in_the_middle_are_listed_again_once() {
    let mut reading = Reading::of("webhook_invocations");
    let webhooks = |id: &str, more: bool| list("webhooks", &[json!({"id": id})], more);
    reading.read(&webhooks("w1", true));
    assert!(reading.ask().expect("the next page").contains("page[after]"));
    assert!(matches!(reading.reader.absorb(&bad_cursor()), Some(Onward::Otherwise(_))));
    assert_eq!(parameter(&reading.ask().expect("a request"), "page[after]"), None);
    reading.give(&webhooks("w1", true)).expect("a page");
    reading.ask();
    assert_eq!(reading.reader.absorb(&bad_cursor()), None);
    reading.read(&webhooks("w1", true));
    reading.read(&webhooks("w2", false));
    assert!(reading.ask().expect("a list").contains("/w1/"));
}

#[test]
fn a_parent_that_is_listed_again_goes_on_where_it_was() {
    let mut reading = Reading::of("custom_object_records");
    reading.read(&objects(&["boat", "car"]));
    reading.read(&records(&["r1"], "b1"));
    reading.read(&records(&["r2"], "c1"));
    for _ in 0..3 {
        reading.read(&objects(&["car"]));
        reading.read(&records(&[], "c1"));
    }
    let mut reading = reading.restarted();
    reading.read(&objects(&["boat", "car"]));
    assert!(reading.ask().expect("a list").ends_with("/boat/cursor?per_page=1000&cursor=b1"));
}

#[test]
fn a_cursor_whose_time_nobody_knows_is_not_given_up_for_a_guess() {
    let position = Position(json!({"cursor": "opaque"}));
    let mut reading = Reading::with(settings("tickets"), Some(&position));
    for _ in 0..3 {
        assert_eq!(parameter(&reading.ask().expect("a request"), "cursor"), Some("opaque"));
        assert_eq!(reading.reader.absorb(&bad_cursor()), None);
    }
    assert_eq!(reading.reader.position(), position);
}
