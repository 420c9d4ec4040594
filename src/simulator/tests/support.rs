//! Support's other lists and exports: what sets some of them apart.

use super::*;

#[test]
fn activities_say_that_more_follows_before_an_empty_page() {
    let mut account = Account::new(Settings { records: 20, ..free() });
    let page = account.page("/api/v2/activities?page[size]=20");
    assert_eq!(page["meta"]["has_more"], true);
    let next = page["links"]["next"].as_str().unwrap();
    let beyond = account.page(next.strip_prefix("https://acme.zendesk.com").unwrap());
    assert_eq!(beyond["activities"], Value::Array(vec![]));
    assert_eq!(
        (&beyond["meta"]["has_more"], &beyond["meta"]["after_cursor"]),
        (&false.into(), &Value::Null)
    );
    let macros = account.page("/api/v2/macros?page[size]=20");
    assert_eq!(macros["meta"]["has_more"], false, "others look ahead exactly");
}

#[test]
fn activities_can_be_had_since_a_time() {
    let mut account = Account::new(free());
    let truth = account.truth("activities");
    let since = truth[12]["created_at"].as_str().unwrap();
    let page = account.page(&format!("/api/v2/activities?since={since}"));
    let later = truth.iter().filter(|one| one["created_at"].as_str().unwrap() >= since).count();
    assert_eq!(page["count"], later);
    assert!(page["users"].is_array() && page["actors"].is_array());
}

#[test]
fn activities_are_for_agents_too() {
    let mut account = Account::new(Settings { role: "agent".to_owned(), ..free() });
    assert_eq!(account.get("/api/v2/activities").status, 200);
    assert_eq!(account.get("/api/v2/macros").status, 403);
}

#[test]
fn satisfaction_ratings_filter_by_time_and_links_keep_it() {
    let mut account = Account::new(Settings { records: 80, ..free() });
    let truth = account.truth("satisfaction_ratings");
    let second = |at: usize| -> i64 {
        truth[at]["created_at"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
    };
    let (start, end) = (second(20), second(60));
    let path =
        format!("/api/v2/satisfaction_ratings?page[size]=9&start_time={start}&end_time={end}");
    let page = account.page(&path);
    assert!(page["links"]["next"].as_str().unwrap().contains(&format!("&start_time={start}")));
    let found = account.all(&path, "satisfaction_ratings", next_by_cursor);
    let inside = (0..truth.len()).filter(|at| (start..=end).contains(&second(*at))).count();
    assert_eq!(found.len(), inside);
    let recent = account.now.as_second() - 30;
    let refused = account.get(&format!("/api/v2/satisfaction_ratings?start_time={recent}"));
    assert_eq!(refused.status, 422);
}

#[test]
fn ticket_audits_can_be_walked_backwards_by_limit_and_cursor() {
    let mut account = Account::new(Settings { records: 55, ..free() });
    let truth = ids(&account.truth("ticket_audits"));
    let mut path = "/api/v2/ticket_audits?limit=20".to_owned();
    let mut found = Vec::new();
    loop {
        let page = account.page(&path);
        assert!(page.get("meta").is_none() && page.get("next_page").is_none());
        let audits = ids(page["audits"].as_array().unwrap());
        found.splice(0..0, audits);
        let Some(before) = page["before_url"].as_str() else { break };
        path = before.strip_prefix("https://acme.zendesk.com").unwrap().to_owned();
    }
    assert_eq!(found, truth);
    let first = account.page("/api/v2/ticket_audits?limit=20");
    let after = first["after_url"].as_str().unwrap().strip_prefix("https://acme.zendesk.com");
    let beyond = account.page(after.unwrap());
    assert_eq!(beyond["audits"], Value::Array(vec![]));
    let by_cursor = account.page("/api/v2/ticket_audits?page[size]=5");
    assert_eq!(ids(by_cursor["audits"].as_array().unwrap()), truth[..5], "oldest first");
}

#[test]
fn lists_by_cursor_alone_know_no_offset_and_single_pages_no_cursor() {
    let mut account = Account::new(Settings { records: 120, ..free() });
    let fields = account.page("/api/v2/ticket_fields?page=2");
    assert!(fields["meta"]["has_more"] == true && fields.get("count").is_none());
    let roles = account.page("/api/v2/custom_roles?page[size]=5");
    assert_eq!((&roles["count"], &roles["next_page"]), (&120.into(), &Value::Null));
    assert_eq!(roles["custom_roles"].as_array().unwrap().len(), 120);
}

#[test]
fn every_list_by_offset_ends_at_ten_thousand() {
    let mut account = Account::new(free());
    let refused = account.get("/api/v2/group_memberships?page=1001&per_page=10");
    assert_eq!(refused.status, 400);
    assert_eq!(json(&refused)["errors"][0]["code"], "InvalidPaginationDepth");
}

#[test]
fn cursors_of_ids_that_are_text_hold_text() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut account = Account::new(free());
    let page = account.page("/api/v2/job_statuses?page[size]=1&sort=id");
    let cursor = STANDARD.decode(page["meta"]["after_cursor"].as_str().unwrap()).unwrap();
    let cursor: Value = serde_json::from_slice(&cursor).unwrap();
    let id = page["job_statuses"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("V3-") && id.len() == 35);
    let place = STANDARD.decode(cursor["v"].as_str().unwrap()).unwrap();
    assert_eq!(place, [b"s", &35_u32.to_le_bytes()[..], id.as_bytes()].concat());
}

#[test]
fn every_export_by_time_repeats_its_boundary_second_and_ends() {
    let mut account = Account::new(Settings { records: 90, burst_percent: 50, ..free() });
    for (path, key) in [
        ("/api/v2/incremental/organizations", "organizations"),
        ("/api/v2/incremental/users", "users"),
        ("/api/v2/incremental/ticket_events", "ticket_events"),
    ] {
        let all = account.all(&format!("{path}?start_time=0&per_page=8"), key, next_export);
        let truth = account.truth(if key == "users" { "users" } else { key });
        assert!(all.len() > truth.len(), "{path}");
        for record in truth {
            assert!(all.contains(&record), "{path}");
        }
    }
}

#[test]
fn a_crowded_second_widens_or_stops_any_export_by_time() {
    let crowded = Settings { records: 40, burst_percent: 100, ..free() };
    let mut account = Account::new(crowded.clone());
    let path = "/api/v2/incremental/ticket_events?start_time=0&per_page=5";
    let page = account.page(path);
    assert_eq!((&page["count"], &page["end_of_stream"]), (&40.into(), &true.into()));
    assert_eq!(page["end_time"], page["ticket_events"][0]["timestamp"].as_i64().unwrap() + 1);
    let mut stuck = Account::new(Settings { stuck_time_export: true, ..crowded });
    let page = stuck.page(path);
    assert_eq!(
        (&page["count"], &page["end_time"]),
        (&5.into(), &page["ticket_events"][0]["timestamp"])
    );
}

#[test]
fn metric_events_come_by_time_or_by_cursor() {
    let mut account = Account::new(free());
    let by_time = account.page("/api/v2/incremental/ticket_metric_events?start_time=0");
    assert!(by_time.get("end_of_stream").is_none() && by_time["end_time"].is_i64());
    let by_cursor = account.page("/api/v2/incremental/ticket_metric_events?page[size]=5");
    assert_eq!(by_cursor["meta"]["has_more"], true);
}

#[test]
fn exports_hold_the_last_minute_back_and_refuse_a_start_within_it() {
    let settings = Settings { live_changes_per_minute: 60, ..free() };
    let mut account = Account::new(settings);
    let recent = account.now.as_second() - 60;
    for path in ["/users/cursor", "/users", "/organizations", "/ticket_events"] {
        let path = format!("/api/v2/incremental{path}?start_time=");
        assert_eq!(account.get(&format!("{path}{recent}")).status, 422, "{path}");
        assert_eq!(account.get(&format!("{path}{}", recent - 1)).status, 200, "{path}");
    }
    for event in account.truth("ticket_events") {
        assert!(event["timestamp"].as_i64().unwrap() <= recent);
    }
}

#[test]
fn an_audit_log_list_of_one_counts_all() {
    let mut account = Account::new(Settings { audit_logs: 321, ..free() });
    let page = account.page("/api/v2/audit_logs?per_page=1");
    assert_eq!((&page["count"], page["audit_logs"].as_array().unwrap().len()), (&321.into(), 1));
}

#[test]
fn other_streams_ask_for_scopes_of_their_own() {
    let scopes = Some(vec!["webhooks:read".to_owned()]);
    let mut account = Account::new(Settings { scopes, ..free() });
    assert_eq!(account.get("/api/v2/webhooks").status, 200);
    let refused = account.get("/api/v2/ticket_audits");
    assert_eq!(refused.status, 403, "only the global `read` lets in");
    assert_eq!(
        json(&refused)["description"],
        "You are missing the following required scopes: read"
    );
}

#[test]
fn pages_of_every_kind_are_repeated_when_that_fault_is_due() {
    for (path, key) in [
        ("/api/v2/macros?page[size]=4", "macros"),
        ("/api/v2/macros?per_page=4", "macros"),
        ("/api/v2/help_center/sections?page[size]=4", "sections"),
        ("/api/v2/webhooks?page[size]=4", "webhooks"),
        ("/api/v2/access_logs?page[size]=4", "access_logs"),
        ("/api/v2/engagements?page_size=4", "agent_engagement_data"),
        ("/api/v2/incremental/users/cursor?start_time=0&per_page=8", "users"),
    ] {
        let faults = "repeat:3".parse().unwrap();
        let mut account = Account::new(Settings { faults, ..free() });
        let next = |page: &Value| {
            let links = ["/links/next", "/after_url", "/next_page_url", "/next_page"];
            let more = page.pointer("/meta/has_more").or_else(|| page.get("has_more"));
            let more = more.and_then(Value::as_bool);
            let more = more.or_else(|| Some(!page["end_of_stream"].as_bool()?)).unwrap_or(true);
            let next = links.iter().find_map(|name| page.pointer(name)?.as_str())?;
            more.then(|| next.replace(":443/", "/"))
        };
        let all = account.all(path, key, next);
        let mut once: Vec<String> = all.iter().map(Value::to_string).collect();
        once.sort_unstable();
        once.dedup();
        assert!(account.simulator.stats().fault(super::super::Fault::Repeat) > 0, "{path}");
        assert!(all.len() > once.len(), "{path}");
    }
}
