//! Events against what Google documents of UDM: the members that we use with their types and values, and
//! what each type of event requires.
//!
//! From <https://cloud.google.com/chronicle/docs/reference/udm-field-list> and
//! <https://cloud.google.com/chronicle/docs/unified-data-model/udm-usage>.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Members by path, with their types; `[]` is a repeated one.
const MEMBERS: &[(&str, &str)] = &[
    ("metadata.event_timestamp", "time"),
    ("metadata.event_type", "event_type"),
    ("metadata.vendor_name", "text"),
    ("metadata.product_name", "text"),
    ("metadata.product_event_type", "text"),
    ("metadata.product_log_id", "text"),
    ("metadata.product_deployment_id", "text"),
    ("metadata.description", "text"),
    ("metadata.url_back_to_product", "text"),
    ("principal.ip[]", "ip"),
    ("principal.hostname", "text"),
    ("principal.application", "text"),
    ("principal.user.userid", "text"),
    ("principal.user.user_display_name", "text"),
    ("principal.user.email_addresses[]", "text"),
    ("principal.user.attribute.roles[].name", "text"),
    ("target.application", "text"),
    ("target.hostname", "text"),
    ("target.url", "text"),
    ("target.user.userid", "text"),
    ("target.user.user_display_name", "text"),
    ("target.user.attribute.roles[].name", "text"),
    ("target.group.group_display_name", "text"),
    ("target.group.product_object_id", "text"),
    ("target.resource.name", "text"),
    ("target.resource.product_object_id", "text"),
    ("target.resource.resource_type", "resource_type"),
    ("target.resource.resource_subtype", "text"),
    ("target.resource.attribute.labels[].key", "text"),
    ("target.resource.attribute.labels[].value", "text"),
    ("network.ip_protocol", "ip_protocol"),
    ("network.application_protocol", "application_protocol"),
    ("network.received_bytes", "count"),
    ("network.http.method", "text"),
    ("network.http.response_code", "count"),
    ("network.http.user_agent", "text"),
    ("network.http.referral_url", "text"),
    ("security_result[].action[]", "action"),
    ("security_result[].category[]", "category"),
    ("security_result[].summary", "text"),
    ("security_result[].description", "text"),
    ("security_result[].detection_fields[].key", "text"),
    ("security_result[].detection_fields[].value", "text"),
    ("extensions.auth.type", "auth_type"),
    ("extensions.auth.mechanism[]", "mechanism"),
    ("additional.stream", "text"),
    ("additional.original", "text"),
];

/// The values of the enumerations.
const VALUES: &[(&str, &[&str])] = &[
    ("resource_type", &["SETTING"]),
    ("ip_protocol", &["TCP"]),
    ("application_protocol", &["HTTPS"]),
    ("action", &["UNKNOWN_ACTION", "ALLOW", "BLOCK", "FAIL"]),
    ("category", &["AUTH_VIOLATION", "ACL_VIOLATION"]),
    ("auth_type", &["AUTHTYPE_UNSPECIFIED", "MACHINE", "SSO"]),
    ("mechanism", &["MECHANISM_UNSPECIFIED", "USERNAME_PASSWORD"]),
];

/// A type of event, and what it requires: one of each line's paths.
const EVENT_TYPES: &[(&str, &[&[&str]])] = &[
    ("USER_LOGIN", &[&["target.user"], &["extensions.auth"], MACHINES, &["target.application"]]),
    ("USER_CREATION", &[&["target.user"], MACHINES]),
    ("USER_DELETION", &[&["target.user"], MACHINES]),
    ("USER_UNCATEGORIZED", &[&["target.user"], MACHINES]),
    ("USER_CHANGE_PASSWORD", &[&["target.user"], &["principal"]]),
    ("USER_CHANGE_PERMISSIONS", &[&["target.user"], &["principal"]]),
    ("USER_RESOURCE_CREATION", RESOURCE),
    ("USER_RESOURCE_DELETION", RESOURCE),
    ("USER_RESOURCE_UPDATE_CONTENT", RESOURCE),
    ("USER_RESOURCE_UPDATE_PERMISSIONS", RESOURCE),
    ("USER_RESOURCE_ACCESS", RESOURCE),
    ("GROUP_CREATION", &[&["target.group"], &["principal.user"]]),
    ("GROUP_DELETION", &[&["target.group"], &["principal.user"]]),
    ("GROUP_MODIFICATION", &[&["target.group"], &["principal.user"]]),
    (
        "NETWORK_HTTP",
        &[&["target.hostname"], &["network.ip_protocol"], &["network.application_protocol"]],
    ),
    ("GENERIC_EVENT", &[&["principal"]]),
];
const RESOURCE: &[&[&str]] = &[&["principal.user"], &["target.resource"]];
/// A login without the machine that it came from names the one that it came to.
const MACHINES: &[&str] = &["principal.ip", "principal.hostname", "target.hostname"];

/// What is not as UDM has it.
pub(super) fn problems(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", event, &mut found);
    for required in ["event_timestamp", "event_type", "vendor_name", "product_name"] {
        if event["metadata"][required].is_null() {
            found.push(format!("metadata.{required} is missing"));
        }
    }
    let has = |path: &&&str| event.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
    let kind = event["metadata"]["event_type"].as_str().unwrap_or_default();
    match EVENT_TYPES.iter().find(|(name, _)| *name == kind) {
        Some((_, requires)) => found.extend(
            requires
                .iter()
                .filter(|paths| !paths.iter().any(|path| has(&path)))
                .map(|paths| format!("{kind} needs one of {paths:?}")),
        ),
        None => found.push(format!("{kind} is no type of event that we write")),
    }
    found
}

fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(&format!("{path}[]"), item, found);
            }
        }
        leaf => match MEMBERS.iter().find(|(name, _)| *name == path) {
            Some((_, kind)) if fits(kind, leaf) => {}
            Some((_, kind)) => found.push(format!("{path} is {leaf} and should be {kind}")),
            None => found.push(format!("{path} is no member that we write")),
        },
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "text" => text.is_some_and(|text| !text.is_empty()),
        "count" => value.is_u64(),
        "time" => text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        "ip" => text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        "event_type" => text.is_some(),
        values => {
            let known = VALUES.iter().find(|(name, _)| *name == values).expect("it is listed").1;
            text.is_some_and(|text| known.contains(&text))
        }
    }
}

#[test]
fn what_is_not_udm_is_found() {
    let good = json!({
        "metadata": { "event_timestamp": "2026-01-02T03:04:05Z", "event_type": "USER_CREATION",
            "vendor_name": "Zendesk", "product_name": "Zendesk" },
        "principal": { "ip": ["::1"] }, "target": { "user": { "userid": "1" } },
        "security_result": [{ "action": ["ALLOW"] }],
    });
    assert_eq!(problems(&good), [""; 0]);
    for (path, value) in [
        ("/metadata/event_type", json!("USER_MADE")),
        ("/metadata/event_timestamp", json!(1)),
        ("/metadata/vendor_name", json!(null)),
        ("/principal/ip", json!("::1")),
        ("/principal", json!({ "user": { "userid": "1" } })),
        ("/target/user/userid", json!(1)),
        ("/target", json!({ "hostname": "a" })),
        ("/security_result/0/action", json!(["ALLOWED"])),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).expect("it is there") = value;
        assert!(!problems(&bad).is_empty(), "{path} is not missed");
    }
}
