//! Budgets, credentials and people.

use super::super::{Credentials, HeaderProfile, Plan, RetryAfter};
use super::*;

const AUDIT: &str = "/api/v2/audit_logs?page[size]=1";
const EXPORT: &str = "/api/v2/incremental/tickets/cursor?start_time=0&per_page=1";

fn as_user(account: &mut Account, authorization: impl Into<String>) {
    account.authorization = Some(authorization.into());
}

fn basic(plain: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain))
}

#[test]
fn the_accounts_budget_ends_with_text_and_renews_each_minute() {
    let mut account = Account::new(Settings { rate_limit: 5, ..Settings::default() });
    for remaining in (0..5).rev() {
        let answer = account.get(AUDIT);
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "x-rate-limit"), Some("5"));
        assert_eq!(header(&answer, "ratelimit-remaining").unwrap(), remaining.to_string());
    }
    let refused = account.get(AUDIT);
    assert_eq!(refused.status, 429);
    assert_eq!(header(&refused, "content-type"), Some("text/plain"));
    assert_eq!(refused.body, "Number of allowed API requests per minute exceeded");
    assert_eq!(refused.body.len(), 50);
    let wait: i64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert_eq!(header(&refused, "ratelimit-reset").unwrap(), wait.to_string());

    account.now += SignedDuration::from_secs(wait - 1);
    assert_eq!(account.get(AUDIT).status, 429);
    account.now += SignedDuration::from_secs(1);
    assert_eq!(account.get(AUDIT).status, 200);
}

#[test]
fn buckets_count_independently() {
    let mut account = Account::new(Settings::default());
    for used in 1..=10 {
        let answer = account.get(EXPORT);
        assert_eq!(answer.status, 200);
        let bucket = header(&answer, "zendesk-ratelimit-incremental-exports").unwrap();
        let start = format!("total=10; remaining={}; resets=", 10 - used);
        assert!(bucket.starts_with(&start), "{bucket}");
    }
    let refused = account.get(EXPORT);
    assert_eq!(refused.status, 429);
    assert_eq!(json(&refused)["error"], "APIRateLimitExceeded");
    let answer = account.get(AUDIT);
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("zendesk-ratelimit-incremental-exports"));
    assert_eq!(header(&answer, "ratelimit-remaining"), Some("688"), "refused exports count too");
}

#[test]
fn the_exports_limit_follows_the_accounts_unless_chosen() {
    let limit = |rate_limit, export_rate_limit| {
        Settings { rate_limit, export_rate_limit, ..Settings::default() }.export_limit()
    };
    assert_eq!(limit(700, None), 10);
    assert_eq!(limit(70_000, None), 1_000);
    assert_eq!(limit(5, None), 10);
    assert_eq!(limit(0, None), 0);
    assert_eq!(limit(0, Some(3)), 3);
}

#[test]
fn every_year_spells_its_headers() {
    for (profile, there, missing) in [
        (
            HeaderProfile::Y2023,
            ["rate-limit-reset", "x-rate-limit", "zendesk-rate-limit-incremental-exports"],
            ["ratelimit-reset", "zendesk-ratelimit-incremental-exports"],
        ),
        (
            HeaderProfile::Y2024,
            ["ratelimit-reset", "x-rate-limit", "zendesk-ratelimit-incremental-exports"],
            ["rate-limit-reset", "zendesk-rate-limit-incremental-exports"],
        ),
        (
            HeaderProfile::Y2026,
            ["ratelimit-limit", "ratelimit-remaining", "zendesk-ratelimit-incremental-exports"],
            ["x-rate-limit", "rate-limit"],
        ),
    ] {
        let mut account = Account::new(Settings { header_profile: profile, ..Settings::default() });
        let answer = account.get(EXPORT);
        assert!(there.iter().all(|name| answer.headers.contains_key(*name)), "{profile:?}");
        assert!(!missing.iter().any(|name| answer.headers.contains_key(*name)), "{profile:?}");
    }
}

#[test]
fn retry_after_comes_in_every_form() {
    for (style, check) in [
        (RetryAfter::Seconds(93), Some("93")),
        (RetryAfter::Zero, Some("0")),
        (RetryAfter::Missing, None),
    ] {
        let settings = Settings { rate_limit: 1, retry_after: style, ..Settings::default() };
        let mut account = Account::new(settings);
        account.get(AUDIT);
        assert_eq!(header(&account.get(AUDIT), "retry-after"), check);
    }
    let settings =
        Settings { rate_limit: 1, retry_after: RetryAfter::HttpDate, ..Settings::default() };
    let mut account = Account::new(settings);
    account.get(AUDIT);
    let refused = account.get(AUDIT);
    let date = header(&refused, "retry-after").unwrap();
    let until = jiff::fmt::rfc2822::parse(date).unwrap().timestamp() - account.now;
    assert!((1..=60).contains(&until.get_seconds()), "{date}");
}

#[test]
fn the_csv_export_is_allowed_once_a_minute() {
    let mut account = Account::new(Settings::default());
    let accepted = account.post("/api/v2/audit_logs/export", "");
    assert_eq!((accepted.status.as_u16(), accepted.body.len()), (202, 0));
    let refused = account.post("/api/v2/audit_logs/export", "");
    assert_eq!(refused.status, 429);
    assert!(refused.body.starts_with(b"Rate limit for Audit log CSV Export exceeded."));
    assert!(refused.headers.contains_key("zendesk-ratelimit-audit-logs-export"));
}

#[test]
fn users_me_answers_200_for_nobody() {
    let mut account = Account::new(free());
    let me = account.page("/api/v2/users/me.json");
    assert_eq!(me["user"]["role"], "admin");
    assert!(me["user"]["authenticity_token"].is_string());
    let password = basic("a@example.com:secret");
    for nobody in [None, Some(password.as_str())] {
        account.authorization = nobody.map(str::to_owned);
        assert_eq!(account.page("/api/v2/users/me.json")["user"]["id"], Value::Null);
        assert_eq!(account.get(AUDIT).status, 401);
    }
    as_user(&mut account, basic("a@example.com/token:wrong"));
    let refused = account.get("/api/v2/users/me.json");
    assert_eq!(
        (refused.status.as_u16(), &*refused.body),
        (401, &br#"{"error":"Couldn't authenticate you"}"#[..])
    );
}

#[test]
fn tokens_are_refused_each_in_its_own_words() {
    let mut account = Account::new(free());
    as_user(&mut account, "Bearer wrong");
    let refused = account.get(AUDIT);
    assert_eq!(
        (refused.status.as_u16(), json(&refused)["error"].as_str()),
        (401, Some("invalid_token"))
    );
    as_user(&mut account, basic("a@example.com/token:wrong"));
    assert_eq!(json(&account.get(AUDIT))["error"], "Couldn't authenticate you");
    as_user(&mut account, basic("a@example.com/token:abc"));
    assert_eq!(account.get(AUDIT).status, 200);
}

#[test]
fn only_listed_credentials_are_accepted_when_there_is_a_list() {
    let credentials = Credentials {
        api_tokens: vec![("a@example.com".into(), "abc".into())],
        bearer_tokens: vec!["fine".into()],
        oauth_clients: vec![("client".into(), "secret".into())],
        refresh_tokens: vec![],
    };
    let mut account = Account::new(Settings { credentials: Some(credentials), ..free() });
    for (authorization, status) in [
        (basic("a@example.com/token:abc"), 200),
        (basic("b@example.com/token:abc"), 401),
        ("Bearer fine".to_owned(), 200),
        ("Bearer good".to_owned(), 401),
    ] {
        as_user(&mut account, authorization);
        assert_eq!(account.get(AUDIT).status, status);
    }
    let grant = |secret: &str| {
        format!(
            r#"{{"grant_type":"client_credentials","client_id":"client","client_secret":"{secret}"}}"#
        )
    };
    assert_eq!(account.post("/oauth/tokens", &grant("secret")).status, 200);
    assert_eq!(account.post("/oauth/tokens", &grant("guess")).status, 401);
}

#[test]
fn an_issued_token_works_until_it_expires() {
    let mut account = Account::new(Settings { token_lifetime: minutes(10), ..free() });
    let body = r#"{"grant_type":"client_credentials","client_id":"c","client_secret":"s","scope":"auditlogs:read"}"#;
    let issued = json(&account.post("/oauth/tokens", body));
    assert_eq!((&issued["expires_in"], &issued["scope"]), (&600.into(), &"auditlogs:read".into()));
    assert!(issued.get("refresh_token").is_none());
    as_user(&mut account, format!("Bearer {}", issued["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 200);
    let current = account.page("/api/v2/oauth/tokens/current.json");
    assert_eq!(current["token"]["scopes"][0], "auditlogs:read");

    let denied = account.get(EXPORT);
    assert_eq!(denied.status, 403);
    let expected = "You are missing the following required scopes: tickets:read, read";
    assert_eq!(json(&denied)["description"], expected);

    account.now += SignedDuration::from_mins(10);
    let refused = account.get(AUDIT);
    assert_eq!(
        (refused.status.as_u16(), json(&refused)["error"].as_str()),
        (401, Some("invalid_token"))
    );
}

#[test]
fn a_misspelt_scope_yields_a_token_that_opens_nothing() {
    let mut account = Account::new(free());
    let body = r#"{"grant_type":"client_credentials","client_id":"c","client_secret":"s","scope":"audit_logs:read"}"#;
    let issued = json(&account.post("/oauth/tokens", body));
    as_user(&mut account, format!("Bearer {}", issued["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 403);
    assert_eq!(account.get("/api/v2/users/me").status, 403);
}

#[test]
fn a_refresh_token_works_once_and_rotates_the_pair() {
    let mut account = Account::new(free());
    let body = |token: &str| {
        format!(r#"{{"grant_type":"refresh_token","client_id":"c","refresh_token":"{token}"}}"#)
    };
    let one = json(&account.post("/oauth/tokens", &body("first")));
    let second = one["refresh_token"].as_str().unwrap();
    let two = json(&account.post("/oauth/tokens", &body(second)));
    for consumed in ["first", second] {
        let refused = account.post("/oauth/tokens", &body(consumed));
        assert_eq!(
            (refused.status.as_u16(), json(&refused)["error"].as_str()),
            (400, Some("invalid_grant"))
        );
    }
    as_user(&mut account, format!("Bearer {}", one["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 401, "the old access token went with its pair");
    as_user(&mut account, format!("Bearer {}", two["access_token"].as_str().unwrap()));
    assert_eq!(account.get(AUDIT).status, 200, "the chain lives on");
}

#[test]
fn audit_logs_are_for_enterprise_and_admins() {
    let forbidden = |settings| {
        let mut account = Account::new(settings);
        assert_eq!(account.get(EXPORT).status, 200);
        let answer = account.get(AUDIT);
        assert_eq!(answer.status, 403);
        assert_eq!(json(&answer)["error"]["title"], "Forbidden");
    };
    forbidden(Settings { plan: Plan::Professional, ..free() });
    forbidden(Settings { role: "agent".to_owned(), ..free() });
}

#[test]
fn show_many_leaves_out_who_is_gone_and_takes_a_hundred() {
    let mut account = Account::new(free());
    let id = super::super::users::user_id;
    let asked: Vec<_> = (0..20).rev().map(|place| id(place).to_string()).collect();
    let page = account.page(&format!("/api/v2/users/show_many.json?ids={}", asked.join(",")));
    assert_eq!(page["count"], 19);
    assert!(!ids(page["users"].as_array().unwrap()).contains(&id(16)));
    assert_eq!(account.get(&format!("/api/v2/users/{}", id(16))).status, 404);
    assert_eq!(account.page(&format!("/api/v2/users/{}", id(3)))["user"]["id"], id(3));

    let many = vec!["1"; 101].join(",");
    let refused = account.get(&format!("/api/v2/users/show_many?ids={many}"));
    assert_eq!(refused.status, 400);
    let text = "Parameter  cannot specify more than 100 values";
    assert_eq!(json(&refused)["description"], text);
}

#[test]
fn an_unknown_path_is_no_endpoint() {
    let mut account = Account::new(free());
    let answer = account.get("/api/v2/audit_log");
    assert_eq!(
        (answer.status.as_u16(), json(&answer)["error"].as_str()),
        (404, Some("InvalidEndpoint"))
    );
}
