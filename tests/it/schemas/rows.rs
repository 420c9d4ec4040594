//! One record of each kind, and what each schema calls it.

use serde_json::{Value, json};

use super::{SCHEMAS, one, original};

/// A kind of audit log: action, source type, label, description; and what it is in OCSF, ECS, UDM and CIM.
struct Row {
    log: [&'static str; 4],
    ocsf: u64,
    ecs: &'static str,
    udm: &'static str,
    cim: &'static str,
}

fn row(
    log: [&'static str; 4],
    ocsf: u64,
    ecs: &'static str,
    udm: &'static str,
    cim: &'static str,
) -> Row {
    Row { log, ocsf, ecs, udm, cim }
}

const CREATED: &str = "USER_RESOURCE_CREATION";
const WRITTEN: &str = "USER_RESOURCE_UPDATE_CONTENT";
const DELETED: &str = "USER_RESOURCE_DELETION";
const PERMITTED: &str = "USER_CHANGE_PERMISSIONS";

#[rustfmt::skip]
fn people() -> Vec<Row> {
    vec![
        row(["login", "user", "Bob Cat", ""], 300_201, "authentication start", "USER_LOGIN", "Authentication success"),
        row(["login", "user", "Bob Cat", "Successful sign-in using Zendesk password from https://a.zendesk.com"],
            300_201, "authentication start", "USER_LOGIN", "Authentication success"),
        row(["login", "user", "Bob Cat", "Failed sign-in: invalid password"], 300_201, "authentication start", "USER_LOGIN",
            "Authentication failure"),
        row(["create", "user", "Bob Cat", ""], 300_101, "iam user creation", "USER_CREATION", "Change.Account_Management created"),
        row(["destroy", "user", "Bob Cat", ""], 300_106, "iam user deletion", "USER_DELETION", "Change.Account_Management deleted"),
        row(["soft_destroy", "user", "Bob Cat", ""], 300_106, "iam user deletion", "USER_DELETION", "Change.Account_Management deleted"),
        row(["update", "user", "Bob Cat", "Organization: AAAA is asigned"], 300_403, "iam user change", "USER_UNCATEGORIZED",
            "Change.Account_Management modified"),
        row(["update", "user", "Bob Cat", "Role changed from Administrator to End User"], 300_502, "iam admin change", PERMITTED,
            "Change.Account_Management acl_modified"),
        row(["update", "user", "Bob Cat", "Support role changed from Agent to Administrator\nGuide role changed from Viewer to End User"],
            300_501, "iam admin change", PERMITTED, "Change.Account_Management acl_modified"),
        row(["update", "user", "Bob Cat", "Role changed"], 300_403, "iam admin change", PERMITTED, "Change.Account_Management acl_modified"),
        row(["create", "user_setting", "Suspension state: Bob Cat", "Suspended"], 300_105, "iam user change", PERMITTED,
            "Change.Account_Management modified"),
        row(["update", "user_setting", "Suspension state: Bob Cat", "Unsuspended"], 300_102, "iam user change", PERMITTED,
            "Change.Account_Management modified"),
        row(["create", "user_setting", "Two-factor authentication: Bob Cat", "Enabled"], 300_110, "iam user change", "USER_UNCATEGORIZED",
            "Change.Account_Management modified"),
        row(["update", "user_setting", "Two-factor authentication: Bob Cat", "Disabled"], 300_111, "iam user change", "USER_UNCATEGORIZED",
            "Change.Account_Management modified"),
        row(["update", "user", "Bob Cat", "Password changed"], 300_104, "iam user change", "USER_CHANGE_PASSWORD",
            "Change.Account_Management modified"),
        row(["create", "group", "Group: Support", ""], 300_606, "iam group creation", "GROUP_CREATION", "Change created"),
        row(["update", "group", "Group: Support", "Name changed"], 300_699, "iam group change", "GROUP_MODIFICATION",
            "Change modified"),
        row(["destroy", "group", "Group: Support", ""], 300_605, "iam group deletion", "GROUP_DELETION", "Change deleted"),
        row(["create", "group_membership", "Group: Support", "Bob Cat"], 300_603, "iam group change", "GROUP_MODIFICATION",
            "Change modified"),
        row(["destroy", "group_membership", "", ""], 300_604, "iam group change", "GROUP_MODIFICATION", "Change modified"),
        row(["update", "permission_set", "Role: Advisor", "&amp;"], 300_403, "iam admin change", "USER_RESOURCE_UPDATE_PERMISSIONS",
            "Change acl_modified"),
        row(["update", "organization", "Organization: AAAA", ""], 300_403, "iam group change", WRITTEN, "Change modified"),
    ]
}

#[rustfmt::skip]
fn things() -> Vec<Row> {
    vec![
        row(["create", "api_token", "API token", ""], 300_401, "configuration creation", CREATED, "Change created"),
        row(["destroy", "apitoken", "API token: x", ""], 300_404, "configuration deletion", DELETED, "Change deleted"),
        row(["create", "oauth_client", "OAuth client: x", ""], 300_401, "configuration creation", CREATED, "Change created"),
        row(["update", "account", "Account: Account", "Owner changed from Bob Cat to Mountain Lion"], 300_403, "configuration change", WRITTEN,
            "Change modified"),
        row(["create", "account_setting", "Credit Card Redaction", "Enabled"], 300_408, "configuration creation", CREATED, "Change created"),
        row(["create", "account_setting", "Require Two Factor", "Disabled"], 300_409, "configuration creation", CREATED, "Change created"),
        row(["update", "account_setting", "Account Assumption", "Changed"], 300_403, "configuration change", WRITTEN, "Change modified"),
        row(["update", "trigger", "x", "Active changed from true to false"], 300_409, "configuration change", WRITTEN, "Change modified"),
        row(["update", "rule", "Trigger: x", "Active changed from false to true"], 300_408, "configuration change", WRITTEN, "Change modified"),
        row(["destroy", "macro", "Macro: x", ""], 300_404, "configuration deletion", DELETED, "Change deleted"),
        row(["update", "view", "View: x", "Title"], 300_403, "configuration change", WRITTEN, "Change modified"),
        row(["create", "brand", "AAAA", ""], 300_401, "configuration creation", CREATED, "Change created"),
        row(["create", "zendesk/app_market/installation", "App: x", "Installed"], 300_401, "configuration creation", CREATED, "Change created"),
        row(["update", "zendesk/business_hours/workweek", "x", "a → b"], 300_403, "configuration change", WRITTEN, "Change modified"),
        row(["update", "ticket_field", "x", "y"], 300_403, "configuration change", WRITTEN, "Change modified"),
        row(["destroy", "attachment", "a.pdf", ""], 300_404, "file deletion", DELETED, "Change deleted"),
        row(["destroy", "ticket", "Ticket #1042", "Deleted by x"], 300_404, "database change", DELETED, "Change deleted"),
        row(["exported", "user", "Bob Cat", "CSV of all users"], 600_107, "file access", "USER_RESOURCE_ACCESS", "Change read"),
        row(["exported", "ticket", "", ""], 600_107, "file access", "USER_RESOURCE_ACCESS", "Change read"),
        row(["reticulated", "quantum/flux_rule", "x ✨", "Splines: 4 → 7"], 300_499, "configuration info", "GENERIC_EVENT", "Change reticulated"),
        row(["permanently_frobnicated", "user", "Bob Cat", "Role changed from a to b"], 300_499, "iam user info", "GENERIC_EVENT",
            "Change.Account_Management permanently_frobnicated"),
    ]
}

fn record(row: &Row) -> Value {
    log(row.log)
}

/// An audit log: action, source type, label, description.
pub(super) fn log(log: [&str; 4]) -> Value {
    let [action, source_type, label, text] = log;
    json!({
        "id": 9_007_199_254_740_993_u64, "url": "https://acme.zendesk.com/api/v2/audit_logs/9007199254740993.json",
        "action": action, "action_label": "Label", "actor_id": 7, "actor_name": "Ada &amp; Co", "source_id": 35_436,
        "source_type": source_type, "source_label": label, "change_description": text,
        "ip_address": "203.0.113.9", "created_at": "2026-01-02T03:04:05Z",
    })
}

fn text(value: &Value) -> String {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    value
        .as_array()
        .map_or_else(|| of(value), |all| all.iter().map(of).collect::<Vec<_>>().join(" "))
}

#[test]
fn each_kind_of_audit_log_is_what_it_is_in_each_schema() {
    for row in people().iter().chain(&things()) {
        let record = record(row);
        let made = SCHEMAS.map(|(schema, problems)| {
            let event = one(schema, "audit_logs", &record);
            assert_eq!(problems(&event), [""; 0], "{schema}: {event}");
            assert_eq!(original(schema, &event), record);
            event
        });
        let [ecs, ocsf, udm, cim] = &made;
        assert_eq!(ocsf["type_uid"], row.ocsf, "{record}: {ocsf}");
        let pair = format!("{} {}", text(&ecs["event"]["category"]), text(&ecs["event"]["type"]));
        assert_eq!(pair, row.ecs, "{record}");
        assert_eq!(udm["metadata"]["event_type"], row.udm, "{record}");
        let model = format!("{} {}", text(&cim["data_model"]), text(&cim["action"]));
        assert_eq!(model, row.cim, "{record}");
    }
}

#[test]
fn an_audit_log_keeps_who_what_when_and_where_from() {
    let row = row(
        ["update", "user", "Bob &lt;Cat&gt;", "A role changed from B to C\nline &amp;amp; two\n"],
        0,
        "",
        "",
        "",
    );
    let record = record(&row);
    let ecs = one("ecs", "audit_logs", &record);
    assert_eq!(ecs["@timestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(ecs["event"]["id"], "9007199254740993");
    assert_eq!(ecs["event"]["action"], "user-update");
    assert_eq!(ecs["message"], "A role changed from B to C\nline &amp;amp; two\n");
    assert_eq!(ecs["user"]["id"], "7");
    assert_eq!(ecs["user"]["name"], "Ada &amp; Co");
    assert_eq!(ecs["user"]["target"]["id"], "35436");
    assert_eq!(ecs["user"]["target"]["name"], "Bob &lt;Cat&gt;");
    assert_eq!(ecs["user"]["changes"]["roles"], json!(["A: C"]));
    assert_eq!(ecs["source"]["ip"], "203.0.113.9");
    assert_eq!(ecs["related"]["ip"], json!(["203.0.113.9"]));
    assert_eq!(ecs["related"]["user"], json!(["Ada &amp; Co", "Bob &lt;Cat&gt;"]));
    assert_eq!(ecs["event"]["module"], "zendesk");
    assert_eq!(ecs["event"]["dataset"], "zendesk.audit");
    assert_eq!(ecs["observer"]["vendor"], "Zendesk");

    let ocsf = one("ocsf", "audit_logs", &record);
    assert_eq!(ocsf["time"], 1_767_323_045_000_i64);
    assert_eq!(ocsf["metadata"]["uid"], "9007199254740993");
    assert_eq!(ocsf["metadata"]["log_name"], "audit_logs");
    assert_eq!(ocsf["metadata"]["original_time"], "2026-01-02T03:04:05Z");
    assert_eq!(ocsf["message"], "A role changed from B to C\nline &amp;amp; two\n");
    assert_eq!(ocsf["privileges"], json!(["A: C"]));
    assert_eq!(ocsf["user"]["uid"], "35436");
    assert_eq!(ocsf["actor"]["user"]["uid"], "7");
    assert_eq!(ocsf["src_endpoint"], json!({ "ip": "203.0.113.9" }));
}

#[test]
fn groups_and_organizations_go_by_their_names() {
    let of = |source_type, label| {
        one("ecs", "audit_logs", &record(&row(["update", source_type, label, ""], 0, "", "", "")))
    };
    assert_eq!(of("group", "Group: Support")["group"], json!({ "id": "35436", "name": "Support" }));
    let organization = json!({ "id": "35436", "name": "O/U <b>Ltd</b>" });
    assert_eq!(of("organization", "Organization: O/U <b>Ltd</b>")["organization"], organization);
}

#[test]
fn what_an_audit_log_does_not_say_is_left_out_and_never_null() {
    for (actor, name, kind) in [(json!(-1), Value::Null, 3), (json!(7), json!(""), 1)] {
        let mut record = record(&row(["update", "rule", "x", ""], 0, "", "", ""));
        record["actor_id"] = actor.clone();
        record["actor_name"] = name;
        record["ip_address"] = Value::Null;
        for (schema, problems) in SCHEMAS {
            let event = one(schema, "audit_logs", &record);
            assert_eq!(problems(&event), [""; 0], "{schema}: {event}");
            assert_eq!(original(schema, &event), record, "null stays null in the record");
        }
        let ecs = one("ecs", "audit_logs", &record);
        assert_eq!((ecs.get("source"), ecs.get("related")), (None, None));
        assert_eq!(ecs["user"], json!({ "id": actor.to_string() }));
        let ocsf = one("ocsf", "audit_logs", &record);
        assert_eq!(ocsf.get("src_endpoint"), None);
        assert_eq!(ocsf["actor"]["user"]["type_id"], kind);
    }
}

pub(super) fn access() -> Value {
    json!({
        "id": "01JGKAJ3M8000000000000000A", "timestamp": "2026-01-02T03:04:05Z", "user_id": 35_436,
        "ip_address": "2001:db8::7", "method": "GET", "url": "/api/v2/tickets/35.json?include=users&a=b", "status": 200,
        "authorization_type": "session", "client": "curl/8.5.0", "referer": "https://acme.zendesk.com/agent/",
        "bytes_sent": 1_234, "category": "tickets", "summary": "Viewed\nticket &amp; more", "graphql": null,
    })
}

#[test]
fn an_access_log_is_a_request_in_each_schema() {
    let record = access();
    let ecs = one("ecs", "access_logs", &record);
    assert_eq!(ecs["event"]["action"], "GET /api/v2/tickets/35.json");
    assert_eq!(ecs["event"]["category"], json!(["api"]));
    assert_eq!(ecs["event"]["reason"], "tickets");
    assert_eq!(ecs["message"], "Viewed\nticket &amp; more");
    assert_eq!(
        ecs["http"]["request"],
        json!({ "method": "GET", "referrer": "https://acme.zendesk.com/agent/" })
    );
    assert_eq!(ecs["http"]["response"], json!({ "status_code": 200, "body": { "bytes": 1_234 } }));
    assert_eq!(
        ecs["url"],
        json!({ "original": "/api/v2/tickets/35.json?include=users&a=b", "path": "/api/v2/tickets/35.json", "query": "include=users&a=b" })
    );
    assert_eq!(ecs["user_agent"]["original"], "curl/8.5.0");
    assert_eq!(
        (&ecs["source"]["ip"], &ecs["user"]["id"]),
        (&json!("2001:db8::7"), &json!("35436"))
    );
    let ocsf = one("ocsf", "access_logs", &record);
    assert_eq!(ocsf["api"]["operation"], "GET /api/v2/tickets/35.json");
    assert_eq!((&ocsf["status_id"], &ocsf["status_code"]), (&json!(1), &json!("200")));
    assert_eq!(ocsf["http_request"]["url"]["query_string"], "include=users&a=b");
    let udm = one("udm", "access_logs", &record);
    assert_eq!(udm["network"]["http"]["response_code"], 200);
    assert_eq!(udm["target"]["url"], record["url"]);
    let cim = one("splunk_cim", "access_logs", &record);
    assert_eq!(
        (&cim["uri_path"], &cim["user"]),
        (&json!("/api/v2/tickets/35.json"), &json!("35436"))
    );
}

#[test]
fn the_method_and_the_status_say_what_an_access_log_was() {
    for (method, status, ocsf, outcome, action) in [
        ("GET", 304, 600_302, "success", "ALLOW"),
        ("HEAD", 200, 600_302, "success", "ALLOW"),
        ("POST", 201, 600_301, "success", "ALLOW"),
        ("PUT", 422, 600_303, "failure", "FAIL"),
        ("PATCH", 500, 600_303, "failure", "FAIL"),
        ("DELETE", 403, 600_304, "failure", "BLOCK"),
        ("BREW", 401, 600_399, "failure", "BLOCK"),
    ] {
        let mut record = access();
        record["method"] = json!(method);
        record["status"] = json!(status);
        record["ip_address"] = Value::Null;
        record["user_id"] = json!("35436");
        let [ecs, event, udm, cim] = SCHEMAS.map(|(schema, problems)| {
            let event = one(schema, "access_logs", &record);
            assert_eq!(problems(&event), [""; 0], "{schema}: {event}");
            event
        });
        assert_eq!(event["type_uid"], ocsf, "{method}");
        assert_eq!(event["src_endpoint"], json!({ "name": "unknown" }));
        assert_eq!(event["api"]["operation"], format!("{method} /api/v2/tickets/35.json"));
        assert_eq!(ecs["event"]["outcome"], outcome);
        assert_eq!(ecs["http"]["request"]["method"], method);
        assert_eq!(udm["security_result"][0]["action"], json!([action]));
        assert_eq!(cim["http_method"], method);
    }
}

#[test]
fn pages_of_the_agents_interface_are_web_and_not_api() {
    let category = |url: &str, graphql: Value| {
        let mut record = access();
        record["url"] = json!(url);
        record["graphql"] = graphql;
        let event = one("ecs", "access_logs", &record);
        (
            text(&event["event"]["category"]),
            text(&event["url"]["path"]),
            text(&event["url"]["query"]),
        )
    };
    let of = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(category("/agent/tickets/17", Value::Null), of("web", "/agent/tickets/17", ""));
    let query = json!({ "operation_name": "t", "operation_type": "QUERY", "query": "query t", "variables": "{}" });
    assert_eq!(category("/agent/x", query), of("api", "/agent/x", ""));
    let absolute = "https://acme.zendesk.com/api/v2/users?a=1?2#top";
    assert_eq!(category(absolute, Value::Null), of("api", "/api/v2/users", "a=1?2"));
}

#[test]
fn records_of_other_streams_pass_as_what_changed() {
    let ticket = json!({ "id": 35, "subject": "Help", "status": "open", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-02T00:00:00Z", "generated_timestamp": 1_767_312_000 });
    let deleted = json!({ "id": 35, "status": "deleted", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" });
    let audit = json!({ "id": 9, "ticket_id": 35, "author_id": 7, "created_at": "2026-01-01T00:00:00Z", "events": [] });
    let removed = json!({ "zenstream": "removed", "stream": "groups", "id": 7, "last_seen_at": "2026-01-01T00:00:00Z" });
    for (stream, record, uid, entity) in [
        ("tickets", &ticket, 300_403, json!({ "type": "ticket", "uid": "35", "name": "Help" })),
        ("tickets", &deleted, 300_404, json!({ "type": "ticket", "uid": "35" })),
        ("ticket_audits", &audit, 300_403, json!({ "type": "ticket", "uid": "35" })),
        ("groups", &removed, 300_404, json!({ "type": "groups", "uid": "7" })),
        ("sessions", &json!({ "id": 1 }), 300_499, json!({ "type": "sessions", "uid": "1" })),
    ] {
        for (schema, problems) in SCHEMAS {
            let event = one(schema, stream, record);
            assert_eq!(problems(&event), [""; 0], "{schema}: {event}");
            assert_eq!(&original(schema, &event), record);
        }
        let event = one("ocsf", stream, record);
        assert_eq!((&event["type_uid"], &event["entity"]), (&json!(uid), &entity), "{event}");
    }
}
