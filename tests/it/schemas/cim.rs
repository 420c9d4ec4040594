//! Events against what Splunk documents of the CIM's data models: their fields, and the values that are
//! prescribed.
//!
//! From the tables of Change, Authentication and Web below <https://docs.splunk.com/Documentation/CIM>.

use serde_json::{Value, json};

/// Fields that all of our events may have: of the models, and beside them.
const SHARED: &[&str] = &[
    "action",
    "app",
    "data_model",
    "dest",
    "dvc",
    "event_id",
    "src",
    "src_ip",
    "timestamp",
    "user",
    "user_id",
    "user_name",
    "user_type",
    "vendor_account",
    "vendor_product",
    "zendesk",
];
const CHANGE: &[&str] = &[
    "change_type",
    "command",
    "object",
    "object_attrs",
    "object_category",
    "object_id",
    "result",
    "src_user",
    "src_user_name",
    "status",
];
const AUTHENTICATION: &[&str] = &["authentication_service", "reason", "signature"];
const WEB: &[&str] = &[
    "bytes_out",
    "http_method",
    "http_referrer",
    "http_user_agent",
    "http_user_agent_length",
    "status",
    "uri_path",
    "uri_query",
    "url",
    "url_domain",
    "url_length",
];
const NUMBERS: &[&str] = &["bytes_out", "http_user_agent_length", "timestamp", "url_length"];

/// What is not as the CIM has it.
pub(super) fn problems(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let (fields, required) = match text("data_model") {
        "Change" | "Change.Account_Management" => {
            (CHANGE, ["action", "dest", "object_category", "result"].as_slice())
        }
        "Authentication" => (AUTHENTICATION, ["action", "app", "dest", "user"].as_slice()),
        "Web" => (WEB, ["action", "dest", "http_method", "url"].as_slice()),
        other => return vec![format!("{other} is no data model")],
    };
    for (name, value) in event.as_object().expect("an object") {
        if !SHARED.contains(&name.as_str()) && !fields.contains(&name.as_str()) {
            found.push(format!("{name} is no field of {}", text("data_model")));
        }
        let is_web_status = name == "status" && value.is_u64();
        let fits = match name.as_str() {
            "zendesk" => value.is_object(),
            name if NUMBERS.contains(&name) => value.is_i64(),
            _ => value.as_str().is_some_and(|text| !text.is_empty()) || is_web_status,
        };
        if !fits {
            found.push(format!("{name} is {value}"));
        }
    }
    for name in required {
        if event.get(name).is_none() {
            found.push(format!("{name} is missing"));
        }
    }
    let prescribed: &[&str] = match text("data_model") {
        // The last is what the model fills in where nobody can tell.
        "Authentication" => &["success", "failure", "pending", "error", "unknown"],
        "Web" => &["allowed", "blocked"],
        // Other words are allowed for what nobody knows.
        _ if matches!(text("command"), "create" | "update" | "destroy" | "exported") => {
            &["acl_modified", "created", "deleted", "modified", "read"]
        }
        _ => &[],
    };
    if !prescribed.is_empty() && !prescribed.contains(&text("action")) {
        found.push(format!("action must not be {}", event["action"]));
    }
    if text("data_model") != "Web" && !["", "success", "failure"].contains(&text("status")) {
        found.push(format!("status must not be {}", event["status"]));
    }
    found
}

#[test]
fn what_is_not_cim_is_found() {
    let good = json!({
        "data_model": "Change", "action": "modified", "command": "update", "dest": "acme.zendesk.com",
        "object_category": "rule", "result": "rule-update", "status": "success", "timestamp": 1, "zendesk": {},
    });
    assert_eq!(problems(&good), [""; 0]);
    for (name, value) in [
        ("data_model", json!("Changes")),
        ("data_model", json!("Web")),
        ("action", json!("updated")),
        ("status", json!("ok")),
        ("dest", json!(null)),
        ("timestamp", json!("1")),
        ("zendesk", json!("{}")),
        ("uri_path", json!("/")),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!problems(&bad).is_empty(), "{name} is not missed");
    }
}
