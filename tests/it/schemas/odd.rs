//! Records that nobody would expect: members that are missing, of another type, empty, or new. Each is
//! an event all the same, as each schema has it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{SCHEMAS, one, original};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        Just(json!(" ")),
        Just(json!(-1)),
        Just(json!(true)),
        Just(json!(1.5)),
        Just(json!([])),
        Just(json!({})),
        Just(json!({ "id": 1, "operation_name": null })),
        Just(
            json!({ "operation_name": " ", "operation_type": "QUERY", "variables": "{\"ticketId\":7}" })
        ),
        Just(json!({ "operation_type": ["query"], "query": 1, "variables": { "ticketId": {} } })),
        Just(
            json!({ "actor": { "id": 1, "name": 7, "email": ["a"], "role": "admin" }, "user": "Ann" })
        ),
        Just(
            json!({ "actor": { "name": "Ann", "role": null }, "user": { "email": "a@b.de", "role": "" } })
        ),
        Just(json!(["create", null])),
        Just(json!("9999-99-99T99:99:99Z")),
        Just(json!("2026-01-02T03:04:05.678+02:00")),
        Just(json!("300.1.1.1")),
        Just(json!("fe80::1%eth0")),
        Just(json!("role changed from  to ")),
        Just(json!("Role changed from  X  to  \r\nrole changed from a to b to c")),
        Just(json!("https://?#")),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(words).prop_map(Value::from)
}

fn record(own: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = Value> {
    let members: Vec<_> = own
        .iter()
        .map(|(name, usual)| {
            let member = prop_oneof![3 => words(usual), 2 => value()];
            prop::option::weighted(0.85, member).prop_map(move |member| (*name, member))
        })
        .collect();
    members.prop_map(|members| {
        let there =
            members.into_iter().filter_map(|(name, member)| Some((name.to_owned(), member?)));
        Value::Object(there.collect::<Map<String, Value>>())
    })
}

const AUDIT: &[(&str, &[&str])] = &[
    ("action", &["create", "update", "destroy", "login", "exported", "approved"]),
    (
        "source_type",
        &[
            "user",
            "user_setting",
            "group",
            "group_membership",
            "account_setting",
            "ticket",
            "permission_set",
            "new/one",
        ],
    ),
    ("source_label", &["Bob", "Suspension state: Bob", "Group: A"]),
    (
        "change_description",
        &["Suspended", "Enabled", "Role changed from A to B", "Password reset", "MFA disabled"],
    ),
    ("id", &["1", "2"]),
    ("actor_id", &["1"]),
    ("actor_name", &["Ada"]),
    ("source_id", &["1"]),
    ("action_label", &["Updated"]),
    ("ip_address", &["203.0.113.9", "::1"]),
    ("created_at", &["2026-01-02T03:04:05Z"]),
    ("url", &["https://acme.zendesk.com/api/v2/audit_logs/1.json"]),
    ("new_member", &["a"]),
    ("zendesk_users", &["nobody"]),
];

const ACCESS: &[(&str, &[&str])] = &[
    ("id", &["01JGKAJ3M8000000000000000A"]),
    ("timestamp", &["2026-01-02T03:04:05Z"]),
    ("user_id", &["35436"]),
    ("ip_address", &["203.0.113.9"]),
    ("method", &["GET", "patch", "BREW"]),
    ("url", &["/api/v2/users?a=b", "https://a/b?c#d"]),
    ("status", &["200", "404"]),
    ("authorization_type", &["session"]),
    ("client", &["curl"]),
    ("graphql", &["no object"]),
    ("referer", &["https://a/b"]),
    ("bytes_sent", &["12"]),
    ("category", &["tickets"]),
    ("summary", &["Viewed"]),
    ("origin_service", &["Support"]),
    ("zendesk_users", &["nobody"]),
];

fn hold(stream: &str, record: &Value) -> Result<(), TestCaseError> {
    for (schema, problems) in SCHEMAS {
        let event = one(schema, stream, record);
        prop_assert_eq!(problems(&event), Vec::<String>::new(), "{}: {}", schema, event);
        prop_assert_eq!(&original(schema, &event), record, "{}", schema);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn an_odd_audit_log_is_a_valid_event(record in record(AUDIT)) {
        hold("audit_logs", &record)?;
    }

    #[test]
    fn an_odd_access_log_is_a_valid_event(record in record(ACCESS)) {
        hold("access_logs", &record)?;
    }

    #[test]
    fn an_odd_record_of_any_stream_is_a_valid_event(record in record(AUDIT)) {
        hold("tickets", &record)?;
    }
}
