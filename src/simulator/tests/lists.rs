//! The audit log's list.

use super::*;

const OLDEST: &str = "/api/v2/audit_logs?page[size]=100&sort=created_at";

#[test]
fn every_record_comes_once_by_cursor_in_both_orders() {
    let mut account = Account::new(Settings { burst_percent: 70, audit_logs: 777, ..free() });
    let truth = ids(&account.truth("audit_logs"));
    assert_eq!(truth.len(), 777);

    assert_eq!(ids(&account.all(OLDEST, "audit_logs", next_by_cursor)), truth);

    let newest = account.all("/api/v2/audit_logs?page[size]=13", "audit_logs", next_by_cursor);
    let mut sorted = ids(&newest);
    sorted.sort_unstable();
    assert_eq!(sorted, truth);
    let times: Vec<_> = newest.iter().map(|record| record["created_at"].as_str()).collect();
    assert!(times.is_sorted_by(|one, other| one >= other), "newest first by default");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn pages_of_any_size_cover_every_record_once_in_both_directions(
        seed: u64,
        burst_percent in 0_u32..=100,
        audit_logs in 0_usize..90,
        size in 1_usize..=20,
        newest_first: bool,
    ) {
        let mut account = Account::new(Settings { seed, audit_logs, burst_percent, ..free() });
        let sort = if newest_first { "-created_at" } else { "created_at" };
        let path = format!("/api/v2/audit_logs?page[size]={size}&sort={sort}");
        let forth = account.all(&path, "audit_logs", next_by_cursor);
        let mut sorted = ids(&forth);
        sorted.sort_unstable();
        assert_eq!(sorted, ids(&account.truth("audit_logs")));

        let mut back = Vec::new();
        let mut last = account.page(&format!("{path}&page[size]=100"));
        while let Some(cursor) = last["meta"]["before_cursor"].as_str() {
            let records = last["audit_logs"].as_array().unwrap();
            back.extend(records.iter().rev().cloned());
            let cursor = cursor.replace('=', "%3D").replace('+', "%2B");
            last = account.page(&format!("{path}&page[before]={cursor}"));
        }
        back.reverse();
        assert_eq!(back, forth);
    }
}

#[test]
fn ids_rise_within_a_second_also_newest_first() {
    let mut account = Account::new(Settings { burst_percent: 90, audit_logs: 300, ..free() });
    let records = account.all("/api/v2/audit_logs?page[size]=7", "audit_logs", next_by_cursor);
    let key = |record: &Value| {
        let time: Timestamp = record["created_at"].as_str().unwrap().parse().unwrap();
        (-time.as_second(), record["id"].as_u64().unwrap())
    };
    assert!(records.is_sorted_by_key(key));
}

#[test]
fn paging_backwards_gives_the_page_before() {
    let mut account = Account::new(Settings { burst_percent: 60, ..free() });
    for sort in ["created_at", "-created_at"] {
        let one = account.page(&format!("/api/v2/audit_logs?page[size]=9&sort={sort}"));
        let cursor = one["meta"]["after_cursor"].as_str().unwrap();
        let two = account
            .page(&format!("/api/v2/audit_logs?page[size]=9&sort={sort}&page[after]={cursor}"));
        let cursor = two["meta"]["before_cursor"].as_str().unwrap();
        let back = account
            .page(&format!("/api/v2/audit_logs?page[size]=9&sort={sort}&page[before]={cursor}"));
        assert_eq!(back["audit_logs"], one["audit_logs"]);
        assert_eq!(back["meta"]["has_more"], false);
    }
}

#[test]
fn last_page_keeps_a_link_and_the_page_after_it_has_null_cursors() {
    let mut account = Account::new(Settings { audit_logs: 100, ..free() });
    let last = account.page(OLDEST);
    assert_eq!(last["audit_logs"].as_array().unwrap().len(), 100);
    assert_eq!(last["meta"]["has_more"], false, "an exact look-ahead, also on a full page");
    let next = last["links"]["next"].as_str().unwrap();

    let beyond = account.page(next.strip_prefix("https://acme.zendesk.com").unwrap());
    assert_eq!(beyond["audit_logs"], Value::Array(vec![]));
    let meta = r#"{"has_more":false,"after_cursor":null,"before_cursor":null}"#;
    assert_eq!(beyond["meta"].to_string(), meta);
    assert_eq!(beyond["links"].to_string(), r#"{"prev":null,"next":null}"#);
}

#[test]
fn has_more_can_be_said_on_every_full_page() {
    let settings = Settings { audit_logs: 100, has_more_on_full_page: true, ..free() };
    let mut account = Account::new(settings);
    assert_eq!(account.page(OLDEST)["meta"]["has_more"], true);
    assert_eq!(account.all(OLDEST, "audit_logs", next_by_cursor).len(), 100);
}

#[test]
fn links_repeat_the_other_parameters_sorted_and_encoded() {
    let mut account = Account::new(free());
    let page = account.page("/api/v2/audit_logs.json?sort=created_at&page[size]=2&foo=a%20b");
    let next = page["links"]["next"].as_str().unwrap();
    let start = "https://acme.zendesk.com/api/v2/audit_logs.json?foo=a+b&page%5Bafter%5D=";
    assert!(next.starts_with(start), "{next}");
    assert!(next.ends_with("&page%5Bsize%5D=2&sort=created_at"), "{next}");
}

#[test]
fn cursors_are_written_as_real_accounts_write_them() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut account = Account::new(free());
    let page = account.page("/api/v2/audit_logs?page[size]=1&sort=created_at");
    let cursor = STANDARD.decode(page["meta"]["after_cursor"].as_str().unwrap()).unwrap();
    let cursor: Value = serde_json::from_slice(&cursor).unwrap();
    assert_eq!(cursor["o"], "created_at,id");
    let place = STANDARD.decode(cursor["v"].as_str().unwrap()).unwrap();
    let record = &page["audit_logs"][0];
    let time: Timestamp = record["created_at"].as_str().unwrap().parse().unwrap();
    let id = record["id"].as_i64().unwrap();
    let expected = [b"d", &time.as_second().to_le_bytes()[..], b"i", &id.to_le_bytes()].concat();
    assert_eq!(place, expected);
}

#[test]
fn sort_is_dropped_when_page_size_meets_sort_by() {
    let mut account = Account::new(free());
    let plain = account.page("/api/v2/audit_logs?page[size]=5");
    let mixed = account.page("/api/v2/audit_logs?page[size]=5&sort_by=created_at&sort_order=asc");
    assert_eq!(plain["audit_logs"], mixed["audit_logs"]);
}

#[test]
fn nonsense_in_paging_is_400() {
    let mut account = Account::new(free());
    for query in ["page[size]=5&sort=id", "page[size]=no", "page[size]=5&page[after]=xyz"] {
        let answer = account.get(&format!("/api/v2/audit_logs?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(json(&answer)["errors"][0]["code"], "InvalidPaginationParameter");
    }
}

#[test]
fn a_page_holds_at_most_a_hundred() {
    let mut account = Account::new(free());
    let page = account.page("/api/v2/audit_logs?page[size]=1000");
    assert_eq!(page["audit_logs"].as_array().unwrap().len(), 100);

    let mut strict = Account::new(Settings { oversized_page_is_error: true, ..free() });
    assert_eq!(strict.get("/api/v2/audit_logs?page[size]=101").status, 400);
}

#[test]
fn offset_paging_counts_and_has_null_links_at_both_ends() {
    let mut account = Account::new(Settings { audit_logs: 250, ..free() });
    let first = account.page("/api/v2/audit_logs");
    assert_eq!((&first["count"], &first["previous_page"]), (&250.into(), &Value::Null));
    let all = account.all("/api/v2/audit_logs", "audit_logs", next_by_offset);
    assert_eq!(all.len(), 250);
    let last = account.page("/api/v2/audit_logs?page=3&sort_by=created_at&sort_order=asc");
    assert_eq!(last["audit_logs"].as_array().unwrap().len(), 50);
    assert_eq!(last["next_page"], Value::Null);
    assert!(last["previous_page"].as_str().unwrap().contains("page=2"));
}

#[test]
fn offset_paging_ends_at_ten_thousand() {
    let mut account = Account::new(Settings { audit_logs: 10_500, ..free() });
    let deepest = account.page("/api/v2/audit_logs?page=100&per_page=100");
    assert!(deepest["next_page"].as_str().unwrap().contains("page=101"));
    for query in ["page=101", "page=1001&per_page=10"] {
        let answer = account.get(&format!("/api/v2/audit_logs?{query}"));
        assert_eq!(answer.status, 400);
        assert_eq!(json(&answer)["errors"][0]["code"], "InvalidPaginationDepth");
    }
}

#[test]
fn a_created_at_pair_includes_both_ends_however_it_is_encoded() {
    let mut account = Account::new(Settings { burst_percent: 50, ..free() });
    let truth = account.truth("audit_logs");
    let (start, end) = (truth[300]["created_at"].as_str(), truth[700]["created_at"].as_str());
    let (start, end) = (start.unwrap(), end.unwrap());
    let inside = |record: &&Value| {
        let time = record["created_at"].as_str().unwrap();
        (start..=end).contains(&time)
    };
    let expected: Vec<_> = truth.iter().filter(inside).cloned().collect();
    for (name, colon) in [("filter[created_at][]", ":"), ("filter%5Bcreated_at%5D%5B%5D", "%3A")] {
        let (start, end) = (start.replace(':', colon), end.replace(':', colon));
        let path = format!("{OLDEST}&{name}={start}&{name}={end}");
        assert_eq!(account.all(&path, "audit_logs", next_by_cursor), expected);
        let counted = account.page(&format!("/api/v2/audit_logs?{name}={start}&{name}={end}"));
        assert_eq!(counted["count"], expected.len());
    }
}

#[test]
fn the_ends_of_a_created_at_pair_can_be_left_out() {
    let settings = Settings { filter_start_exclusive: true, filter_end_exclusive: true, ..free() };
    let mut account = Account::new(settings);
    let truth = account.truth("audit_logs");
    let (start, end) = (truth[3]["created_at"].as_str(), truth[9]["created_at"].as_str());
    let (start, end) = (start.unwrap(), end.unwrap());
    let name = "filter[created_at][]";
    let path = format!("{OLDEST}&{name}={start}&{name}={end}");
    for record in account.all(&path, "audit_logs", next_by_cursor) {
        let time = record["created_at"].as_str().unwrap();
        assert!(start < time && time < end);
    }
}

#[test]
fn equality_filters_take_one_or_many_values() {
    let mut account = Account::new(free());
    let truth = account.truth("audit_logs");
    let count = |field: &str, values: &[&str]| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        truth.iter().filter(|log| values.contains(&text(&log[field]).as_str())).count()
    };
    let actor = truth[0]["actor_id"].to_string();
    let cases = [
        ("filter[action]=create".to_owned(), count("action", &["create"])),
        (
            "filter[action][]=login&filter[action][]=destroy".to_owned(),
            count("action", &["login", "destroy"]),
        ),
        ("filter[source_type]=sla/policy".to_owned(), count("source_type", &["sla/policy"])),
        (format!("filter[actor_id]={actor}"), count("actor_id", &[&actor])),
    ];
    for (query, expected) in cases {
        assert!(expected > 0, "{query}");
        let path = format!("{OLDEST}&{query}");
        let records = account.all(&path, "audit_logs", next_by_cursor);
        assert_eq!(records.len(), expected, "{query}");
        assert_eq!(account.page(&format!("/api/v2/audit_logs?{query}"))["count"], expected);
    }
}

#[test]
fn unknown_parameters_are_ignored_with_a_warning() {
    let mut account = Account::new(free());
    let answer = account.get("/api/v2/audit_logs?filter[creatd_at]=x&start_time=5");
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer)["count"], 1_000);
    let warning = header(&answer, "x-zendesk-api-warn").unwrap();
    assert!(warning.contains("filter[creatd_at], start_time"), "{warning}");
}

#[test]
fn late_records_show_up_behind_a_cursor() {
    let settings =
        Settings { late_percent: 50, live_audit_logs_per_minute: 120, audit_logs: 50, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now + SignedDuration::from_mins(10);
    let then = account.all(OLDEST, "audit_logs", next_by_cursor);
    let newest = then.last().unwrap()["created_at"].as_str().unwrap().to_owned();
    account.now += SignedDuration::from_mins(6);
    let now = account.all(OLDEST, "audit_logs", next_by_cursor);
    let (then, now) = (ids(&then), &now);
    let late = now.iter().filter(|log| {
        log["created_at"].as_str().unwrap() < newest.as_str()
            && !then.contains(&log["id"].as_u64().unwrap())
    });
    assert!(late.count() > 10);
}

#[test]
fn tailing_sees_live_records_at_their_rate() {
    let settings = Settings { live_audit_logs_per_minute: 30, audit_logs: 10, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now;
    assert_eq!(account.page("/api/v2/audit_logs")["count"], 10);
    assert_eq!(account.truth("audit_logs").len(), 10);
    account.now += SignedDuration::from_mins(2);
    assert_eq!(account.truth("audit_logs").len(), 70, "also before anybody asked");
    assert_eq!(account.page("/api/v2/audit_logs")["count"], 70);
}

#[test]
fn one_log_can_be_had_by_its_id() {
    let mut account = Account::new(free());
    let log = account.truth("audit_logs")[17].clone();
    let page = account.page(&format!("/api/v2/audit_logs/{}.json", log["id"]));
    assert_eq!(page["audit_log"], log);
    let answer = account.get("/api/v2/audit_logs/17");
    assert_eq!(
        (answer.status.as_u16(), json(&answer)["error"].as_str()),
        (404, Some("RecordNotFound"))
    );
}

#[test]
fn a_page_deep_in_a_million_starts_where_it_should() {
    let mut account = Account::new(Settings { audit_logs: 1_000_000, ..free() });
    let deep = Timestamp::from_second(account.simulator.logs.times()[999_000]).unwrap();
    let name = "filter[created_at][]";
    let page = account.page(&format!("{OLDEST}&{name}={deep}&{name}=2100-01-01T00:00:00Z"));
    assert_eq!(page["audit_logs"][0]["created_at"], deep.to_string());
    assert_eq!(page["audit_logs"].as_array().unwrap().len(), 100);
}
