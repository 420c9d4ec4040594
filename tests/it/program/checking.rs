//! `check`: what works and what to grant.

use serde_json::Value;

use super::{CONFIG, filters};
use crate::binary::{Account, Home};

#[test]
fn with_all_that_is_needed_everything_is_ok() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", CONFIG);
    insta::assert_snapshot!(home.zenstream("check -c zenstream.yaml").at(&account).run(), @"
    exit code 0
    --- stdout
    WHAT        NAME                   RESULT  DETAIL                                  WHAT TO DO
    sign-in     acme                   ok      signed in as user0@example.com (admin)
    stream      acme.audit_logs        ok      can be read
    stream      acme.tickets           ok      can be read
    sink        files                  ok      files can be made there
    checkpoint  state/checkpoint.json  ok      can be kept
    ");
}

#[test]
fn a_wrong_token_is_told_once() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let check = || home.zenstream("check").at(&account).env("ZENDESK_BEARER_TOKEN", "wrong");
    insta::assert_snapshot!(check().run(), @"
    exit code 1
    --- stdout
    WHAT     NAME       RESULT  DETAIL                                                                                                                         WHAT TO DO
    sign-in  127.0.0.1  failed  zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)  the access token is expired, revoked or of another account: make a new one
    --- stderr
    error: 1 of 1 checks failed
    ");
    insta::assert_snapshot!(check().arg("--format").arg("json").run(), @r#"
    exit code 1
    --- stdout
    [
      {
        "kind": "sign-in",
        "name": "127.0.0.1",
        "ok": false,
        "detail": "zendesk answered: invalid_token: The access token provided is expired, revoked, malformed or invalid for other reasons. (401)",
        "hint": "the access token is expired, revoked or of another account: make a new one"
      }
    ]
    --- stderr
    error: 1 of 1 checks failed
    "#);
}

#[test]
fn a_wrong_api_token_and_a_wrong_client_secret_are_told_apart() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let check = || home.zenstream("check --format json").env("ZENDESK_BASE_URL", &account.url);
    let token = check().env("ZENDESK_EMAIL", "a@example.com").env("ZENDESK_API_TOKEN", "wrong");
    insta::assert_snapshot!(token.run(), @r#"
    exit code 1
    --- stdout
    [
      {
        "kind": "sign-in",
        "name": "127.0.0.1",
        "ok": false,
        "detail": "zendesk answered: Couldn't authenticate you (401)",
        "hint": "check the credentials; API tokens that were unused for 30 days are switched off, and passwords no longer work"
      }
    ]
    --- stderr
    [now]  WARN zendesk ends API tokens on 2027-04-30; `oauth_client_credentials` goes on working
    error: 1 of 1 checks failed
    "#);
    let client = check().env("ZENDESK_CLIENT_ID", "me").env("ZENDESK_CLIENT_SECRET", "wrong");
    insta::assert_snapshot!(client.run(), @r#"
    exit code 1
    --- stdout
    [
      {
        "kind": "sign-in",
        "name": "127.0.0.1",
        "ok": false,
        "detail": "zendesk answered: invalid_client: Client authentication failed. (401)",
        "hint": "check `client_id` and `client_secret`"
      }
    ]
    --- stderr
    error: 1 of 1 checks failed
    "#);
}

#[test]
fn a_plan_without_audit_logs_is_named() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::new("--without-enterprise --rate-limit 0"));
    home.write("zenstream.yaml", CONFIG);
    insta::assert_snapshot!(home.zenstream("check -c zenstream.yaml").at(&account).run(), @"
    exit code 1
    --- stdout
    WHAT        NAME                   RESULT  DETAIL                                                                                                                                        WHAT TO DO
    sign-in     acme                   ok      signed in as user0@example.com (admin)
    stream      acme.audit_logs        failed  zendesk answered: Forbidden: You do not have access to this page. Please contact the account owner of this help desk for further help. (403)  the plan does not allow it; this needs the Enterprise plan
    stream      acme.tickets           ok      can be read
    sink        files                  ok      files can be made there
    checkpoint  state/checkpoint.json  ok      can be kept
    --- stderr
    error: 1 of 5 checks failed
    ");
    // Without a config every stream is tried.
    let json = home.zenstream("check --format json").at(&account).run();
    assert_eq!(json.code, Some(1));
    let findings: Vec<Value> = serde_json::from_str(&json.stdout).expect("a list");
    let ok = |name: &str| {
        let name = format!("127.0.0.1.{name}");
        findings.iter().find(|finding| finding["name"] == name).map(|finding| &finding["ok"])
    };
    assert_eq!(ok("audit_logs"), Some(&Value::Bool(false)));
    assert_eq!(ok("tickets"), Some(&Value::Bool(true)));
}

/// A config whose OAuth client asks for a scope that covers one of its two streams.
fn narrow() -> String {
    let bearer = r#"{ strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }"#;
    let client = "{ strategy: oauth_client_credentials, client_id: me, client_secret: s, \
                  scope: 'tickets:read' }";
    CONFIG.replace(bearer, client)
}

#[test]
fn a_scope_that_is_missing_is_named() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    home.write("zenstream.yaml", &narrow());
    insta::assert_snapshot!(home.zenstream("check -c zenstream.yaml").at(&account).run(), @"
    exit code 1
    --- stdout
    WHAT        NAME                   RESULT  DETAIL                                                                                                  WHAT TO DO
    sign-in     acme                   ok      signed in; the token may not say as whom                                                                with the scope `users:read` the role could be checked
    stream      acme.audit_logs        failed  zendesk answered: Forbidden: You are missing the following required scopes: auditlogs:read, read (403)  grant the scope `auditlogs:read` or `read`; the token has `tickets:read`
    stream      acme.tickets           ok      can be read
    sink        files                  ok      files can be made there
    checkpoint  state/checkpoint.json  ok      can be kept
    --- stderr
    error: 1 of 5 checks failed
    ");
    let run = home.zenstream("run -c zenstream.yaml --once").at(&account).run();
    let warning = run.stderr.lines().find(|line| line.contains("lacks the scope"));
    let warning = warning.unwrap_or_else(|| panic!("no warning: {run}"));
    for part in ["WARN", "acme.audit_logs", "auditlogs:read", "granted=\"tickets:read\""] {
        assert!(warning.contains(part), "{warning}");
    }
    assert_eq!(run.stderr.matches("lacks the scope").count(), 1, "tickets are covered");
}

#[test]
fn a_sink_that_cannot_be_written_to_is_named() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    home.write("out", "a file where a directory should be");
    home.write("zenstream.yaml", CONFIG);
    insta::assert_snapshot!(home.zenstream("check -c zenstream.yaml").at(&account).run(), @"
    exit code 1
    --- stdout
    WHAT        NAME                   RESULT  DETAIL                                                               WHAT TO DO
    sign-in     acme                   ok      signed in as user0@example.com (admin)
    stream      acme.audit_logs        ok      can be read
    stream      acme.tickets           ok      can be read
    sink        files                  failed  cannot write to [home]/out/: Not a directory (os error 20)  make the directory, or choose another place
    checkpoint  state/checkpoint.json  ok      can be kept
    --- stderr
    error: 1 of 5 checks failed
    ");
}

const LOOKUP: &str = "
transforms:
  who: { type: enrich_actors, inputs: [acme.tickets] }
  idle: { type: enrich_actors, inputs: [acme.rejected] }
";

#[test]
fn a_transform_that_may_not_see_users_is_named_and_runs_all_the_same() {
    let _filters = filters();
    let (home, account) = (Home::new(), Account::small());
    let narrow = narrow().replace("'tickets:read'", "'tickets:read auditlogs:read'");
    let narrow = narrow.replace("inputs: [acme]", "inputs: [acme.audit_logs, who, idle]");
    home.write("zenstream.yaml", &(narrow + LOOKUP));
    let check = home.zenstream("check --format json -c zenstream.yaml").at(&account).run();
    let findings: Vec<Value> = serde_json::from_str(&check.stdout).expect("JSON");
    let who = findings.iter().find(|it| it["name"] == "who").expect("it is checked");
    assert_eq!((&who["kind"], &who["ok"]), (&"transform".into(), &false.into()));
    let hint =
        "grant the scope `users:read` or `read`; the token has `tickets:read auditlogs:read`";
    assert_eq!(who["hint"], hint);
    assert_eq!(check.code, Some(1));
    let run = home.zenstream("run --once -c zenstream.yaml").at(&account).run().well();
    assert!(run.stderr.contains("the token lacks a transform's scope"), "{}", run.stderr);
    assert_eq!(home.lines("out/audit_logs.ndjson").len(), account.records("audit_logs").len());
    let tickets = home.lines("out/tickets.ndjson");
    assert_eq!(tickets.len(), account.records("tickets").len());
}
