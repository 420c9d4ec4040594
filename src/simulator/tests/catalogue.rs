//! Every resource, by every one of its endpoints.

use super::super::collection::Life;
use super::super::resources::{self, Endpoint, Paging, Resource, Serve};
use super::*;

/// Every endpoint with the path of each of its parents, below `/api/v2`.
fn paths(account: &Account, resource: &Resource, endpoint: &Endpoint) -> Vec<String> {
    let Some(parent) = resource.parent else {
        return vec![format!("/api/v2{}", endpoint.path)];
    };
    let ids = account.truth(parent).into_iter().map(|one| {
        let text = one["key"].as_str().or_else(|| one["id"].as_str()).map(str::to_owned);
        text.unwrap_or_else(|| one["id"].as_u64().unwrap().to_string())
    });
    ids.map(|id| format!("/api/v2{}", endpoint.path.replace('*', &id))).collect()
}

fn next_of_any(page: &Value) -> Option<String> {
    let next = ["/links/next", "/after_url", "/next_page", "/next_page_url"];
    let next = next.iter().find_map(|name| page.pointer(name)?.as_str())?.to_owned();
    let goes_on = page.pointer("/meta/has_more").and_then(Value::as_bool);
    let goes_on = goes_on.or_else(|| page["has_more"].as_bool());
    let goes_on = goes_on.or_else(|| page["end_of_stream"].as_bool().map(|end| !end));
    // Where nothing says so, an empty page is the end.
    let goes_on = goes_on.or_else(|| page["count"].as_u64().map(|count| count > 0));
    goes_on.unwrap_or(true).then_some(next)
}

/// All records of an endpoint, each once, in a comparable order.
fn collected(
    account: &mut Account,
    resource: &Resource,
    endpoint: &Endpoint,
    size: usize,
) -> Vec<String> {
    let mut all = Vec::new();
    for path in paths(account, resource, endpoint) {
        let query = match endpoint.serve {
            Serve::List(Paging::Single | Paging::Bare | Paging::Object, _) => String::new(),
            Serve::List(..) | Serve::AccessLogs => format!("page[size]={size}"),
            Serve::CursorExport | Serve::TimeExport(_) | Serve::TimeOrCursorExport(_) => {
                format!("start_time=0&per_page={size}")
            }
            Serve::Routing => format!("per_page={size}"),
            Serve::Chat { .. } => format!("start_time=0&limit={size}"),
            Serve::Engagements => format!("start_time=0&page_size={size}"),
        };
        let next = |page: &Value| {
            next_of_any(page).map(|url| {
                url.replace("https://acme.zendesk.com:443/", "https://acme.zendesk.com/")
            })
        };
        let next: fn(&Value) -> Option<String> = next;
        all.extend(account.all(&format!("{path}?{query}"), resource.key, next));
    }
    once(&all)
}

fn once(records: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(Value::to_string).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

#[test]
fn every_endpoint_gives_every_record_of_its_resource() {
    for burst_percent in [0, 70] {
        let mut account = Account::new(Settings { burst_percent, records: 43, ..free() });
        for resource in resources::all() {
            let truth = once(&account.truth(resource.stream));
            let least = if resource.life == Life::Stays { 1 } else { 20 };
            assert!(truth.len() >= least, "{}", resource.stream);
            for endpoint in resource.endpoints {
                for size in [1, 7, 100] {
                    let found = collected(&mut account, resource, endpoint, size);
                    let place = format!("{} by {size}, {burst_percent} %", endpoint.path);
                    assert_eq!(found, truth, "{place}");
                }
            }
        }
    }
}

#[test]
fn every_endpoint_answers_with_json_at_its_name_too() {
    let mut account = Account::new(free());
    for resource in resources::all() {
        for endpoint in resource.endpoints {
            for path in paths(&account, resource, endpoint) {
                let page = account.page(&format!("{path}.json?start_time=0"));
                let is_object = resource.life == Life::Stays;
                assert!(page[resource.key].is_array() != is_object, "{path}");
            }
        }
    }
}

#[test]
fn lists_change_in_place_and_lose_records_over_time() {
    let settings = Settings { live_changes_per_minute: 20, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now;
    let before = account.truth("macros");
    account.now += SignedDuration::from_mins(10);
    let after = account.truth("macros");
    let ids_before = ids(&before);
    let ids_after = ids(&after);
    let gone: Vec<_> = ids_before.iter().filter(|id| !ids_after.contains(id)).collect();
    assert!(!gone.is_empty() && ids_after.iter().any(|id| !ids_before.contains(id)));
    let changed = after.iter().filter(|one| {
        before.iter().any(|old| old["id"] == one["id"] && old["updated_at"] != one["updated_at"])
    });
    assert!(changed.count() > 5);
    let vanished = account.simulator.vanished("macros", account.now);
    for id in gone {
        let found = vanished.iter().find(|one| one.id == id.to_string()).unwrap();
        assert!(found.at > account.simulator.settings().now && found.at <= account.now);
    }
    let page = account.page("/api/v2/macros?page[size]=100");
    assert_eq!(once(page["macros"].as_array().unwrap()), once(&after));
}

#[test]
fn a_record_may_change_twice_in_a_second_and_both_can_be_seen() {
    let settings = Settings { live_changes_per_minute: 30, changed_again_percent: 100, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now;
    let mut before = account.truth("macros");
    let mut in_place = 0;
    for _ in 0..120 {
        account.now += SignedDuration::from_secs(1);
        let after = account.truth("macros");
        let other = |one: &&Value| {
            let same =
                |old: &&Value| old["id"] == one["id"] && old["updated_at"] == one["updated_at"];
            before.iter().find(same).is_some_and(|old| old != *one)
        };
        in_place += after.iter().filter(other).count();
        before = after;
    }
    assert!(in_place > 10, "{in_place}");
}

#[test]
fn what_is_deleted_from_an_export_leaves_a_row_that_says_so() {
    let mut account = Account::new(free());
    let users = account.all("/api/v2/incremental/users/cursor?start_time=0", "users", next_export);
    assert!(users.iter().any(|user| user["active"] == false && user["email"].is_string()));
    let scrubbed: Vec<_> = users.iter().filter(|user| user["email"].is_null()).collect();
    assert!(!scrubbed.is_empty() && scrubbed.iter().all(|user| user["phone"].is_null()));
    let records = account.truth("custom_object_records");
    assert!(records.iter().any(|record| record["name"] == "[DELETED]"));
    let path = "/api/v2/incremental/custom_objects/object_0/cursor?start_time=0";
    let all = account.page(path)["custom_object_records"].as_array().unwrap().len();
    let page = account.page(&format!("{path}&filter[exclude_deleted]=true"));
    let rest = page["custom_object_records"].as_array().unwrap();
    assert!(rest.iter().all(|record| record["name"] != "[DELETED]") && rest.len() <= all);
}

#[test]
fn children_go_with_their_parent() {
    let settings = Settings { live_changes_per_minute: 30, records: 10, ..free() };
    let mut account = Account::new(settings);
    account.now = account.simulator.settings().now;
    let webhooks = account.truth("webhooks");
    account.now += SignedDuration::from_mins(10);
    let gone = account.simulator.vanished("webhooks", account.now);
    let was_there = |id: &str| webhooks.iter().any(|webhook| webhook["id"] == id);
    let gone = gone.iter().find(|one| was_there(&one.id)).unwrap();
    let answer = account.get(&format!("/api/v2/webhooks/{}/invocations", gone.id));
    assert_eq!(
        (answer.status.as_u16(), json(&answer)["error"].as_str()),
        (404, Some("RecordNotFound"))
    );
    let truth = account.truth("webhook_invocations");
    assert!(!truth.is_empty() && truth.iter().all(|one| one["webhook_id"] != gone.id.as_str()));
}

#[test]
fn streams_have_as_many_records_as_chosen() {
    let counts = vec![("macros".to_owned(), 7), ("users".to_owned(), 3)];
    let account = Account::new(Settings { counts, records: 11, ..free() });
    assert_eq!(account.truth("macros").len(), 7);
    assert_eq!(account.truth("users").len(), 3);
    assert_eq!(account.truth("views").len(), 11);
}
