//! Services beside Support, each with manners of its own.

use super::super::{HeaderProfile, Plan};
use super::*;

fn list<'a>(page: &'a Value, key: &str) -> &'a Vec<Value> {
    page[key].as_array().unwrap()
}

fn access() -> Settings {
    Settings { counts: vec![("access_logs".to_owned(), 120)], burst_percent: 50, ..free() }
}

#[test]
fn access_logs_come_oldest_first_unless_asked_otherwise() {
    let mut account = Account::new(access());
    let ids = |records: &[Value]| -> Vec<String> {
        records.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let truth = ids(&account.truth("access_logs"));
    assert!(truth.is_sorted(), "a ULID sorts by time");
    let path = "/api/v2/access_logs?page[size]=17";
    let oldest = ids(&account.all(path, "access_logs", next_by_cursor));
    assert_eq!(oldest, truth);
    let path = "/api/v2/access_logs?page[size]=17&sort=-created_at";
    let mut newest = ids(&account.all(path, "access_logs", next_by_cursor));
    newest.reverse();
    assert_eq!(newest, truth);
}

#[test]
fn access_logs_give_up_to_2500_at_once_and_1000_unless_asked() {
    let counts = vec![("access_logs".to_owned(), 2_600)];
    let mut account = Account::new(Settings { counts, ..free() });
    assert_eq!(list(&account.page("/api/v2/access_logs"), "access_logs").len(), 1_000);
    let page = account.page("/api/v2/access_logs?page[size]=2500");
    assert_eq!(list(&page, "access_logs").len(), 2_500);
    let refused = account.get("/api/v2/access_logs?page[size]=2501");
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body,
        r#"{"errors":[{"detail":"max allowed page size is 2500","title":"Malformed query params"}]}"#
    );
}

#[test]
fn access_logs_take_the_cursor_under_either_name_and_write_raw_brackets() {
    let mut account = Account::new(access());
    let one = account.page("/api/v2/access_logs?page[size]=10");
    let next = one["links"]["next"].as_str().unwrap();
    assert!(next.contains("?page[after]=") && next.ends_with("&page[size]=10"), "{next}");
    let cursor = one["meta"]["after_cursor"].as_str().unwrap();
    assert_eq!(cursor, one["access_logs"][9]["id"]);
    let path = |name: &str| format!("/api/v2/access_logs?page[size]=10&{name}={cursor}");
    let (by_page, by_filter) =
        (account.page(&path("page[after]")), account.page(&path("filter[after]")));
    assert_eq!(by_page["access_logs"], by_filter["access_logs"]);
    assert_eq!(by_page["meta"]["has_before"], true);
    let before = by_page["meta"]["before_cursor"].as_str().unwrap();
    let back = account.page(&format!("/api/v2/access_logs?page[size]=10&filter[before]={before}"));
    assert_eq!(back["access_logs"], one["access_logs"]);
}

#[test]
fn access_logs_filter_by_time_with_both_ends_and_by_what_they_say() {
    let mut account = Account::new(access());
    let truth = account.truth("access_logs");
    let (start, end) = (&truth[30]["timestamp"], &truth[90]["timestamp"]);
    let (start, end) = (start.as_str().unwrap(), end.as_str().unwrap());
    let path = format!("/api/v2/access_logs?filter[start]={start}&filter[end]={end}");
    let inside: Vec<_> = truth
        .iter()
        .filter(|log| (start..=end).contains(&log["timestamp"].as_str().unwrap()))
        .cloned()
        .collect();
    assert_eq!(*list(&account.page(&path), "access_logs"), inside);
    let user = &truth[0]["user_id"];
    let page = account.page(&format!("/api/v2/access_logs?filter[user_id]={user}"));
    assert!(list(&page, "access_logs").iter().all(|log| log["user_id"] == *user));
    let page = account.page("/api/v2/access_logs?filter[graphql]=true");
    assert!(list(&page, "access_logs").iter().all(|log| log["graphql"].is_null()), "left out");
    let page = account.page("/api/v2/access_logs?filter[path]=/graphql");
    assert!(list(&page, "access_logs").iter().all(|log| log["url"] == "/graphql"));
    assert_eq!(account.get("/api/v2/access_logs?filter[start]=yesterday").status, 400);
}

#[test]
fn access_logs_are_kept_for_ninety_days() {
    let mut account = Account::new(access());
    account.now = account.simulator.settings().now + SignedDuration::from_hours(24 * 75);
    let page = account.page("/api/v2/access_logs");
    let oldest = account.now - SignedDuration::from_hours(24 * 90);
    let logs = list(&page, "access_logs");
    assert!(!logs.is_empty() && logs.len() < 120);
    for log in logs {
        assert!(log["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap() >= oldest);
    }
    let truth = account.truth("access_logs");
    assert_eq!(&truth, logs, "the ground truth forgets with them");
}

#[test]
fn access_logs_are_limited_to_fifty_a_minute_and_say_so_in_their_own_way() {
    let mut account = Account::new(Settings::default());
    for _ in 0..50 {
        let answer = account.get("/api/v2/access_logs?page[size]=1");
        assert_eq!(answer.status, 200);
        for name in ["x-rate-limit", "ratelimit-remaining", "ratelimit-limit"] {
            assert!(!answer.headers.contains_key(name), "{name}");
        }
    }
    let refused = account.get("/api/v2/access_logs?page[size]=1");
    assert_eq!(refused.status, 429);
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(
        refused.body,
        r#"{"errors":[{"detail":"Use RateLimit-Reset header to backoff on retries","title":"Too many requests"}]}"#
    );
    let reset: Timestamp = header(&refused, "ratelimit-reset").unwrap().parse().unwrap();
    assert!((1..=60).contains(&(reset.as_second() - account.now.as_second())));
    let audit = account.get("/api/v2/audit_logs?page[size]=1");
    assert_eq!(header(&audit, "ratelimit-remaining"), Some("699"), "another budget");
    account.now = reset;
    assert_eq!(account.get("/api/v2/access_logs").status, 200);
}

#[test]
fn access_logs_refuse_in_one_shape() {
    let mut account = Account::new(free());
    account.authorization = None;
    let refused = account.get("/api/v2/access_logs");
    assert_eq!(
        (refused.status.as_u16(), &*refused.body),
        (401, &br#"{"errors":[{"detail":"Please use valid credentials","title":"Authentication failed"}]}"#[..])
    );
    let mut agent = Account::new(Settings { role: "agent".to_owned(), ..free() });
    let refused = agent.get("/api/v2/access_logs");
    assert_eq!(json(&refused)["errors"][0]["detail"], "You must have administrator privileges");
    let faults = "500:1".parse().unwrap();
    let mut broken = Account::new(Settings { faults, ..free() });
    let refused = broken.get("/api/v2/access_logs");
    assert_eq!(json(&refused)["errors"][0]["title"], "Internal Service Error");
}

#[test]
fn late_access_logs_show_up_behind_a_cursor() {
    let settings = Settings { late_percent: 50, live_changes_per_minute: 120, ..access() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now + SignedDuration::from_mins(10);
    let then = account.truth("access_logs");
    let newest = then.last().unwrap()["id"].as_str().unwrap().to_owned();
    account.now += SignedDuration::from_mins(6);
    let now = account.truth("access_logs");
    let late = now
        .iter()
        .filter(|log| log["id"].as_str().unwrap() < newest.as_str() && !then.contains(log));
    assert!(late.count() > 10);
}

#[test]
fn the_help_center_has_links_only_where_they_lead_and_a_header() {
    let mut account = Account::new(Settings { records: 25, ..free() });
    let answer = account.get("/api/v2/help_center/sections?page[size]=10");
    let one = json(&answer);
    let next = one["links"]["next"].as_str().unwrap().to_owned();
    assert_eq!(header(&answer, "link").unwrap(), format!("<{next}>; rel=\"next\""));
    let links = one["links"].as_object().unwrap();
    assert!(!links.contains_key("prev") && links.contains_key("first"));
    assert!(links["last"].as_str().unwrap().contains("page%5Bbefore%5D=bGFzdF9wYWdl"));
    let two = account.page(next.strip_prefix("https://acme.zendesk.com").unwrap());
    let three = two["links"]["next"].as_str().unwrap();
    let answer = account.get(three.strip_prefix("https://acme.zendesk.com").unwrap());
    let three = json(&answer);
    assert!(three["links"].get("next").is_none() && !answer.headers.contains_key("link"));
    let last = account.page("/api/v2/help_center/sections?page[size]=5&page[before]=bGFzdF9wYWdl");
    assert_eq!(last["sections"], three["sections"], "the last five of 25");
}

#[test]
fn the_help_centers_cursor_is_binary_alone() {
    use base64::Engine as _;
    let mut account = Account::new(free());
    let page = account.page("/api/v2/help_center/categories?page[size]=1");
    let cursor = page["meta"]["after_cursor"].as_str().unwrap();
    let plain = base64::engine::general_purpose::STANDARD.decode(cursor).unwrap();
    let category = &page["categories"][0];
    let time: Timestamp = category["created_at"].as_str().unwrap().parse().unwrap();
    let id = category["id"].as_i64().unwrap();
    let (zero, time, id) = (0_i64.to_le_bytes(), time.as_second().to_le_bytes(), id.to_le_bytes());
    assert_eq!(plain, [b"i", &zero[..], b"d", &time, b"i", &id].concat());
}

#[test]
fn the_help_center_counts_pages_of_thirty_by_offset() {
    let mut account = Account::new(Settings { records: 70, ..free() });
    let page = account.page("/api/v2/community/posts");
    assert_eq!(list(&page, "posts").len(), 30);
    for (name, value) in [("count", 70), ("page", 1), ("per_page", 30), ("page_count", 3)] {
        assert_eq!(page[name], value, "{name}");
    }
    let all = account.all("/api/v2/community/posts", "posts", next_by_offset);
    assert_eq!(all.len(), 70);
}

#[test]
fn the_help_center_and_chat_have_budgets_of_their_own() {
    let mut account = Account::new(Settings { rate_limit: 300, ..Settings::default() });
    let remaining = |answer: &Answer| header(answer, "ratelimit-remaining").unwrap().to_owned();
    for _ in 0..3 {
        account.get("/api/v2/help_center/categories");
        account.get("/api/v2/chat/incremental/chats?start_time=0");
    }
    assert_eq!(remaining(&account.get("/api/v2/help_center/categories")), "296");
    let chat = account.get("/api/v2/chat/incremental/chats?start_time=0");
    assert_eq!((header(&chat, "ratelimit-limit"), remaining(&chat).as_str()), (Some("200"), "196"));
    assert_eq!(remaining(&account.get("/api/v2/macros")), "299");
    let engagements = account.get("/api/v2/engagements");
    assert!(!engagements.headers.contains_key("ratelimit-limit"), "it says nothing of a budget");
}

#[test]
fn endpoints_have_buckets_of_their_own_beside_the_accounts() {
    for (path, bucket, total) in [
        ("/incremental/users/cursor?start_time=0", "incremental-exports-cursor", 20),
        ("/incremental/users?start_time=0", "incremental-exports", 10),
        ("/incremental/routing/attributes", "incremental-exports", 10),
        ("/deleted_tickets", "deleted-tickets-index", 10),
        ("/tickets/side_conversations/events?start_time=0", "side-conversation-events", 600),
        ("/tags", "tags-index", 100),
        ("/channels/voice/stats/incremental/calls?start_time=0", "talk-incremental-exports", 10),
        (
            "/incremental/custom_objects/object_0/cursor?start_time=0",
            "incremental-custom-objects",
            10,
        ),
    ] {
        let mut account = Account::new(Settings::default());
        let answer = account.get(&format!("/api/v2{path}"));
        let told = header(&answer, &format!("zendesk-ratelimit-{bucket}")).unwrap();
        let start = format!("total={total}; remaining={}; resets=", total - 1);
        assert!(told.starts_with(&start), "{path}: {told}");
        assert_eq!(header(&answer, "ratelimit-remaining"), Some("699"), "{path}");
        let old = Settings { header_profile: HeaderProfile::Y2023, ..Settings::default() };
        let answer = Account::new(old).get(&format!("/api/v2{path}"));
        assert!(answer.headers.contains_key(format!("zendesk-rate-limit-{bucket}")), "{path}");
    }
    let mut account = Account::new(Settings::default());
    for _ in 0..20 {
        assert_eq!(account.get("/api/v2/incremental/users/cursor?start_time=0").status, 200);
    }
    let refused = account.get("/api/v2/incremental/users/cursor?start_time=0");
    assert_eq!(json(&refused)["error"], "APIRateLimitExceeded");
    assert_eq!(account.get("/api/v2/incremental/users?start_time=0").status, 200);
}

#[test]
fn the_webhooks_service_writes_raw_brackets_and_the_port() {
    let mut account = Account::new(free());
    let page = account.page("/api/v2/webhooks?page[size]=2");
    let next = page["links"]["next"].as_str().unwrap();
    assert!(
        next.starts_with("https://acme.zendesk.com:443/api/v2/webhooks?page[after]="),
        "{next}"
    );
    let created = page["webhooks"][0]["created_at"].as_str().unwrap();
    assert_eq!(created.len(), "2023-09-18T23:38:19.751584998Z".len(), "nanoseconds");
    assert!(page["webhooks"][0]["id"].as_str().unwrap().len() == 26);
}

#[test]
fn chats_go_on_from_a_time_and_an_id() {
    let mut account = Account::new(Settings { burst_percent: 80, records: 50, ..free() });
    let page = account.page("/api/v2/chat/incremental/chats?start_time=0&limit=7");
    let last = &page["chats"][6];
    assert_eq!(page["end_id"], last["id"]);
    let time: Timestamp = last["update_timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(page["end_time"], time.as_second());
    let next = page["next_page"].as_str().unwrap();
    assert!(next.contains("&start_id=") && next.contains("&start_time="), "{next}");
    let end = account.page("/api/v2/chat/incremental/chats?start_time=4000000000");
    assert_eq!((&end["count"], &end["end_time"]), (&0.into(), &4_000_000_000_u64.into()));
}

#[test]
fn the_agent_timeline_counts_in_microseconds() {
    let mut account = Account::new(free());
    let truth = account.truth("agent_timeline");
    let page = account.page("/api/v2/chat/incremental/agent_timeline?start_time=0&limit=3");
    let time: Timestamp =
        page["agent_timeline"][2]["start_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(page["end_time"], time.as_microsecond());
    let path =
        format!("/api/v2/chat/incremental/agent_timeline?start_time={}", time.as_microsecond() + 1);
    assert_eq!(list(&account.page(&path), "agent_timeline").len(), truth.len() - 3);
}

#[test]
fn routing_exports_end_with_a_count_of_zero() {
    let mut account = Account::new(free());
    let one = account.page("/api/v2/incremental/routing/attributes");
    assert_eq!(one["count"], list(&one, "attributes").len());
    let next = one["next_page"].as_str().unwrap();
    assert!(next.contains("?cursor="), "{next}");
    let two = account.page(next.strip_prefix("https://acme.zendesk.com").unwrap());
    assert_eq!((&two["count"], &two["next_page"]), (&0.into(), &one["next_page"]));
    assert_eq!(account.get("/api/v2/incremental/routing/attributes?cursor=x").status, 400);
    let mut small = Account::new(Settings { plan: Plan::Professional, ..free() });
    assert_eq!(small.get("/api/v2/incremental/routing/attributes").status, 403);
    assert_eq!(small.get("/api/v2/macros").status, 200);
}

#[test]
fn engagements_come_by_ten_with_a_cursor_of_two_parameters() {
    let mut account = Account::new(free());
    let one = account.page("/api/v2/engagements?start_time=0");
    assert_eq!(list(&one, "agent_engagement_data").len(), 10);
    assert_eq!(one["has_more"], true);
    let next = one["next_page_url"].as_str().unwrap();
    for name in ["start_time_cursor=", "engagement_id_cursor=", "page_size=10"] {
        assert!(next.contains(name), "{next}");
    }
    let time = one["agent_engagement_data"][0]["engagement_start_time"].as_str().unwrap();
    assert!(!time.ends_with('Z') && format!("{time}Z").parse::<Timestamp>().is_ok(), "{time}");
}

#[test]
fn voice_exports_never_end_and_never_say_so() {
    let mut account = Account::new(free());
    let mut path = "/api/v2/channels/voice/stats/incremental/legs?start_time=0".to_owned();
    for _ in 0..5 {
        let page = account.page(&path);
        assert!(page.get("end_of_stream").is_none() && page["next_page"].is_string());
        let next = page["next_page"].as_str().unwrap();
        path = next.strip_prefix("https://acme.zendesk.com").unwrap().to_owned();
    }
    assert_eq!(list(&account.page(&path), "legs").len(), 0, "past the last second");
}
