//! What happens around the client: another integration, refusals that come and go, other accounts.

use super::super::{Refusal, RefusalReason};
use super::*;

const AUDIT: &str = "/api/v2/audit_logs?page[size]=1";
const EXPORT: &str = "/api/v2/incremental/tickets/cursor?start_time=0&per_page=1";

#[test]
fn another_client_draws_on_the_same_budget_and_sees_what_is_left() {
    let mut account = Account::new(Settings { rate_limit: 100, ..Settings::default() });
    // A window as a whole, wherever windows begin.
    let reset = header(&account.get(AUDIT), "ratelimit-reset").unwrap().parse().unwrap();
    account.now += SignedDuration::from_secs(reset);
    account.simulator.set_other_client(account.now, 60);
    account.now += SignedDuration::from_secs(29);
    let answer = account.get(AUDIT);
    assert_eq!(header(&answer, "ratelimit-remaining"), Some("69"), "30 of theirs, one of ours");
    account.now += SignedDuration::from_secs(1);
    let met = account.simulator.other_client(account.now);
    assert_eq!((met.requests, met.refused), (31, 0));
    assert_eq!((met.remaining, met.least_remaining), (Some(68), Some(68)));
    account.now += SignedDuration::from_secs(30);
    let met = account.simulator.other_client(account.now);
    assert_eq!((met.remaining, met.least_remaining), (Some(99), Some(39)), "a new minute");
    assert_eq!(account.simulator.account_remaining(account.now), Some(99));
}

#[test]
fn another_client_is_refused_when_nothing_is_left_for_it() {
    let mut account = Account::new(Settings { rate_limit: 10, ..Settings::default() });
    for _ in 0..10 {
        account.get(AUDIT);
    }
    let met = account.simulator.other_client_sends(account.now, 3);
    assert_eq!((met.requests, met.refused, met.least_remaining), (3, 3, Some(0)));
    let told = account.page("/_simulator/other_client");
    assert_eq!((&told["requests"], &told["refused"]), (&3.into(), &3.into()));
}

#[test]
fn another_clients_requests_are_not_ours() {
    let settings = Settings { other_client_per_minute: 50, ..Settings::default() };
    let mut account = Account::new(settings);
    account.get(AUDIT);
    assert_eq!(account.simulator.stats().requests, 1);
    assert!(account.simulator.other_client(account.now).requests >= 3_000, "since the anchor");
}

#[test]
fn a_stream_can_be_refused_for_a_time_each_reason_in_its_words() {
    for (reason, status, words) in [
        (RefusalReason::Plan, 403, "You do not have access to this page."),
        (RefusalReason::Role, 403, "Access to this resource is restricted."),
        (RefusalReason::Scope, 403, "missing the following required scopes: auditlogs:read, read"),
        (RefusalReason::NoEndpoint, 404, "InvalidEndpoint"),
    ] {
        let mut account = Account::new(free());
        let (from, until) = (
            account.now + SignedDuration::from_mins(1),
            account.now + SignedDuration::from_mins(2),
        );
        let refusal = Refusal { stream: "audit_logs".to_owned(), from, until, reason };
        account.simulator.set_refusals(vec![refusal]);
        assert_eq!(account.get(AUDIT).status, 200);
        account.now = from;
        let refused = account.get(AUDIT);
        assert_eq!(refused.status, status);
        assert!(String::from_utf8_lossy(&refused.body).contains(words), "{reason:?}");
        assert_eq!(account.get(EXPORT).status, 200, "other streams go on");
        account.now = until;
        assert_eq!(account.get(AUDIT).status, 200);
    }
}

#[test]
fn no_help_desk_answers_at_another_subdomain() {
    let mut account = Account::new(free());
    let request = http::Request::get("https://acne.zendesk.com/api/v2/users/me.json");
    let answer = account.simulator.handle(account.now, &request.body(Bytes::new()).unwrap());
    assert_eq!(answer.status, 404);
    assert_eq!(json(&answer)["error"]["title"], "No help desk at acne.zendesk.com");
    assert_eq!(account.simulator.stats().requests, 0);
}
