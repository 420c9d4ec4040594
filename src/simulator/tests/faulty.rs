//! Faults.

use super::super::{BodyFault, FAULTS, Fault, Faults};
use super::*;

const AUDIT: &str = "/api/v2/audit_logs?page[size]=2&sort=created_at";

fn with(faults: &str) -> Account {
    Account::new(Settings { faults: faults.parse().unwrap(), ..free() })
}

#[test]
fn a_fault_meets_every_nth_request() {
    let mut account = with("429:3,500:4");
    let statuses: Vec<_> = (0..12).map(|_| account.get(AUDIT).status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 429, 500, 200, 429, 200, 500, 429, 200, 200, 429]);
    let stats = account.simulator.stats();
    assert_eq!((stats.requests, stats.with_credentials), (12, 12));
    assert_eq!((stats.fault(Fault::TooManyRequests), stats.answers(500)), (4, 2));
}

#[test]
fn error_goes_through_all_of_them() {
    let mut account = with("error:1");
    let mut statuses: Vec<_> = (0..6).map(|_| account.get(AUDIT).status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [409, 500, 502, 503, 504, 520]);
}

#[test]
fn maintenance_says_when_to_come_back_every_other_time() {
    let mut account = with("503:1");
    let said: Vec<_> =
        (0..4).map(|_| account.get(AUDIT).headers.contains_key("retry-after")).collect();
    assert_eq!(said, [true, false, true, false]);
}

#[test]
fn faults_do_to_a_body_what_they_say() {
    assert!(matches!(with("cut:1").get(AUDIT).fault, Some(BodyFault::Cut { .. })));
    assert!(matches!(with("truncated:1").get(AUDIT).fault, Some(BodyFault::Truncated { .. })));
    assert!(matches!(with("slow:1").get(AUDIT).fault, Some(BodyFault::Slow { .. })));
    assert!(with("empty:1").get(AUDIT).body.is_empty());
    let html = with("html:1").get(AUDIT);
    assert!(header(&html, "content-type").unwrap().starts_with("text/html"));
    let bad = with("badjson:1").get(AUDIT);
    assert_eq!(bad.status, 200);
    assert!(serde_json::from_slice::<Value>(&bad.body).is_err());
    assert!(with("timeout:1").get(AUDIT).delay >= minutes(60));
    let redirect = with("redirect:1").get(AUDIT);
    assert_eq!(redirect.status, 301);
    assert!(header(&redirect, "location").unwrap().starts_with("https://evil.example.net/"));
}

#[test]
fn evil_links_lead_to_another_host() {
    let mut account = with("evil_links:1");
    for path in [AUDIT, "/api/v2/incremental/tickets/cursor?start_time=0&per_page=3"] {
        let page = account.page(path);
        let url = page["links"]["next"].as_str().or_else(|| page["after_url"].as_str());
        assert!(url.unwrap().starts_with("https://evil.example.net/api/v2/"));
    }
}

#[test]
fn a_repeated_page_loses_nothing_to_those_who_go_on() {
    for path in [AUDIT, "/api/v2/incremental/tickets/cursor?start_time=0&per_page=2"] {
        let settings = Settings { audit_logs: 40, tickets: 40, ..free() };
        let mut account =
            Account::new(Settings { faults: "repeat:5".parse().unwrap(), ..settings });
        let (key, next) = if path == AUDIT {
            ("audit_logs", next_by_cursor as fn(&Value) -> Option<String>)
        } else {
            ("tickets", next_export as fn(&Value) -> Option<String>)
        };
        let all = ids(&account.all(path, key, next));
        let mut once = all.clone();
        once.dedup();
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(all.len() > 40, "{key}");
        assert_eq!(distinct.len(), 40, "{key}");
        assert!(account.simulator.stats().fault(Fault::Repeat) > 0);
    }
}

#[test]
fn random_faults_repeat_with_their_seed_and_meet_their_share() {
    let run = |seed| {
        let faults = Faults::random(seed, 30);
        let mut account = Account::new(Settings { faults, ..free() });
        for _ in 0..500 {
            account.get(AUDIT);
        }
        account.simulator.stats().clone()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let met: u64 = run(1).faults.values().sum();
    assert!((100..=200).contains(&met), "{met}");
}

#[test]
fn faults_leave_the_simulators_own_paths_alone() {
    let mut account = with("500:1");
    assert_eq!(account.get("/_simulator/stats").status, 200);
    assert_eq!(account.get("/_simulator/records/tickets").status, 200);
}

#[test]
fn the_list_of_faults_can_be_read_and_written() {
    for (name, _) in FAULTS {
        let text = format!("{name}:7");
        assert_eq!(text.parse::<Faults>().unwrap().to_string(), text);
    }
    assert_eq!("".parse::<Faults>(), Ok(Faults::none()));
    assert_eq!(" 429 : 3 , random:5 ".parse::<Faults>().unwrap().to_string(), "429:3,random:5");
}

#[test]
fn an_unknown_fault_is_answered_with_the_nearest_name() {
    let error = |text: &str| text.parse::<Faults>().unwrap_err().to_string();
    assert_eq!(error("truncate:3"), "there is no fault `truncate`; did you mean `truncated`?");
    assert!(error("zzz:3").contains("there are 429, error, 500"));
    assert_eq!(error("cut"), "fault `cut` needs a period: `cut:50` for every 50th request");
    assert!(error("cut:0").contains("needs a period"));
}
