//! The incremental ticket exports.

use super::*;

const CURSOR: &str = "/api/v2/incremental/tickets/cursor";
const TIME: &str = "/api/v2/incremental/tickets";

#[test]
fn incremental_cursor_never_repeats_a_record() {
    let mut account = Account::new(Settings { burst_percent: 80, tickets: 333, ..free() });
    for per_page in [7, 100, 1_000] {
        let path = format!("{CURSOR}.json?start_time=0&per_page={per_page}");
        let records = account.all(&path, "tickets", next_export);
        assert_eq!(records, account.truth("tickets"));
    }
}

#[test]
fn the_export_is_ordered_by_generated_timestamp_and_id() {
    let mut account = Account::new(Settings { burst_percent: 80, ..free() });
    let records = account.all(&format!("{CURSOR}?start_time=0"), "tickets", next_export);
    let key = |record: &Value| (record["generated_timestamp"].as_i64(), record["id"].as_i64());
    assert!(records.is_sorted_by_key(key));
}

#[test]
fn the_last_page_leaves_a_cursor_that_goes_on_later() {
    let settings = Settings { live_ticket_changes_per_minute: 30, tickets: 50, ..free() };
    let mut account = Account::new(settings);
    let first = account.page(&format!("{CURSOR}?start_time=0"));
    assert_eq!(first["end_of_stream"], true);
    let cursor = first["after_cursor"].as_str().unwrap().to_owned();

    let idle = account.page(&format!("{CURSOR}?cursor={cursor}"));
    assert_eq!(idle["tickets"], Value::Array(vec![]));
    assert_eq!(idle["after_cursor"], cursor.as_str());
    assert_eq!(idle["before_cursor"], Value::Null);

    account.now += SignedDuration::from_mins(2);
    let later = account.page(&format!("{CURSOR}?cursor={cursor}"));
    assert!(!later["tickets"].as_array().unwrap().is_empty());
    for ticket in later["tickets"].as_array().unwrap() {
        let time = ticket["generated_timestamp"].as_i64().unwrap();
        assert!(time <= account.now.as_second() - 60, "the last minute is held back");
    }
}

#[test]
fn an_empty_page_can_have_a_null_cursor() {
    let settings = Settings { null_cursor_on_empty_export: true, tickets: 5, ..free() };
    let mut account = Account::new(settings);
    let first = account.page(&format!("{CURSOR}?start_time=0"));
    let cursor = first["after_cursor"].as_str().unwrap();
    let idle = account.page(&format!("{CURSOR}?cursor={cursor}"));
    assert_eq!((&idle["after_cursor"], &idle["after_url"]), (&Value::Null, &Value::Null));
}

#[test]
fn following_the_cursor_sees_the_last_version_of_every_ticket() {
    let settings =
        Settings { live_ticket_changes_per_minute: 240, burst_percent: 60, tickets: 40, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now;
    let mut seen = std::collections::BTreeMap::new();
    let mut query = "start_time=0".to_owned();
    let mut versions = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let page = account.page(&format!("{CURSOR}?per_page=30&{query}"));
        for ticket in page["tickets"].as_array().unwrap() {
            let key = (ticket["id"].as_u64(), ticket["generated_timestamp"].as_i64());
            assert!(versions.insert(key), "a version came twice");
            seen.insert(ticket["id"].as_u64().unwrap(), ticket.clone());
        }
        query = format!("cursor={}", page["after_cursor"].as_str().unwrap());
        if page["end_of_stream"] == true {
            account.now += SignedDuration::from_secs(20);
        }
    }
    account.now -= SignedDuration::from_secs(20);
    let mut truth = account.truth("tickets");
    truth.retain(|ticket| seen.contains_key(&ticket["id"].as_u64().unwrap()));
    assert!(truth.len() > 40, "new tickets came");
    // What changed since the last look is not there yet; what is, is the newest.
    for ticket in truth {
        assert_eq!(seen[&ticket["id"].as_u64().unwrap()], ticket);
    }
}

#[test]
fn cursors_hold_time_and_id() {
    use base64::Engine as _;
    let mut account = Account::new(free());
    let page = account.page(&format!("{CURSOR}?start_time=0&per_page=1"));
    let cursor = page["after_cursor"].as_str().unwrap();
    let plain = base64::engine::general_purpose::STANDARD.decode(cursor).unwrap();
    let ticket = &page["tickets"][0];
    let expected = format!("{}.0||{}|", ticket["generated_timestamp"], ticket["id"]);
    assert_eq!(plain, expected.as_bytes());
    let url = page["after_url"].as_str().unwrap();
    assert!(url.starts_with("https://acme.zendesk.com/api/v2/incremental/tickets/cursor?cursor="));
    assert!(url.ends_with("&per_page=1"), "{url}");
}

#[test]
fn time_export_repeats_the_boundary_second() {
    let mut account = Account::new(Settings { burst_percent: 60, tickets: 200, ..free() });
    let truth = account.truth("tickets");
    let all = account.all(&format!("{TIME}?start_time=0&per_page=50"), "tickets", next_export);
    assert!(all.len() > truth.len());
    let mut once = ids(&all);
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), truth.len(), "and loses nothing");

    let page = account.page(&format!("{TIME}?start_time=0&per_page=50"));
    let last = &page["tickets"][49]["generated_timestamp"];
    assert_eq!(&page["end_time"], last);
    assert_eq!(page["count"], 50);
    assert!(page["next_page"].as_str().unwrap().contains(&format!("start_time={last}")));
}

#[test]
fn one_second_burst_expands_the_page() {
    let mut account = Account::new(Settings { burst_percent: 100, tickets: 1_200, ..free() });
    let page = account.page(&format!("{TIME}?start_time=0"));
    assert_eq!(page["tickets"].as_array().unwrap().len(), 1_200);
    let second = page["tickets"][0]["generated_timestamp"].as_i64().unwrap();
    assert_eq!(page["end_time"], second + 1);
    assert_eq!(page["end_of_stream"], true);
    assert!(page["next_page"].is_string(), "never null");
}

#[test]
fn a_crowded_second_can_stop_the_time_export() {
    let settings =
        Settings { burst_percent: 100, tickets: 1_200, stuck_time_export: true, ..free() };
    let mut account = Account::new(settings);
    let page = account.page(&format!("{TIME}?start_time=0"));
    let end = page["end_time"].as_i64().unwrap();
    let again = account.page(&format!("{TIME}?start_time={end}"));
    assert_eq!((&again["end_time"], &again["end_of_stream"]), (&end.into(), &false.into()));
}

#[test]
fn too_recent_start_time_is_422() {
    let mut account = Account::new(free());
    let now = account.now.as_second();
    for path in [CURSOR, TIME] {
        let answer = account.get(&format!("{path}?start_time={}", now - 60));
        assert_eq!(answer.status, 422);
        let description = json(&answer)["description"].as_str().unwrap().to_owned();
        assert!(description.starts_with("Too recent start_time"));
        assert_eq!(account.get(&format!("{path}?start_time={}", now - 61)).status, 200);
        assert_eq!(account.get(path).status, 400);
    }
}

#[test]
fn deleted_tickets_stay_unless_left_out() {
    let mut account = Account::new(Settings { tickets: 2_000, ..free() });
    let all = account.all(&format!("{CURSOR}?start_time=0"), "tickets", next_export);
    let is_deleted = |ticket: &Value| ticket["status"] == "deleted";
    let scrubbed: Vec<_> = all.iter().filter(|one| one["subject"] == "SCRUBBED").collect();
    assert!(!scrubbed.is_empty());
    assert!(scrubbed.iter().all(|one| one["description"] == "X" && is_deleted(one)));
    let deleted = all.iter().filter(|one| is_deleted(one)).count();
    assert!(deleted > scrubbed.len());

    let path = format!("{CURSOR}?start_time=0&exclude_deleted=true");
    let rest = account.all(&path, "tickets", next_export);
    assert_eq!(rest.len(), 2_000 - deleted);
}

#[test]
fn updated_at_can_be_older_than_the_change() {
    let account = Account::new(free());
    let behind = account.truth("tickets").into_iter().filter(|ticket| {
        let updated: Timestamp = ticket["updated_at"].as_str().unwrap().parse().unwrap();
        updated.as_second() < ticket["generated_timestamp"].as_i64().unwrap()
    });
    assert!(behind.count() > 50);
}

#[test]
fn metric_sets_are_embedded_and_null_for_deleted() {
    let mut account = Account::new(Settings { tickets: 300, ..free() });
    let page = account.page(&format!("{CURSOR}?start_time=0&include=users,metric_sets"));
    for ticket in page["tickets"].as_array().unwrap() {
        assert_eq!(ticket["metric_set"].is_null(), ticket["status"] == "deleted");
    }
}

#[test]
fn too_large_a_page_can_time_out() {
    let mut account = Account::new(Settings { gateway_timeout_above: Some(250), ..free() });
    let answer = account.get(&format!("{CURSOR}?start_time=0&per_page=500"));
    assert_eq!(answer.status, 504);
    assert_eq!(answer.body, "upstream request timeout");
    assert_eq!(account.get(&format!("{CURSOR}?start_time=0&per_page=250")).status, 200);
}
