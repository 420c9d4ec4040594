//! Events against the published schema of OCSF 1.5.0: attributes, types, values, what is required, and
//! what a class's numbers have to do with each other.

use std::net::IpAddr;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schemas/ocsf-1.5.0.json")).expect("JSON")
});

/// What is not as OCSF has it.
pub(super) fn problems(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let number = |name: &str| event[name].as_u64().unwrap_or_default();
    let class = &SCHEMA["classes"][number("class_uid").to_string()];
    let (Some(members), false) = (event.as_object(), class.is_null()) else {
        return vec![format!("{} is no class", event["class_uid"])];
    };
    let profiles = &event["metadata"]["profiles"];
    hold(class, members, "", profiles, &mut found);
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
        found.push("type_uid is not made of class_uid and activity_id".to_owned());
    }
    if event["category_uid"] != class["category"] || event["class_name"] != class["name"] {
        found.push("category_uid or class_name is not the class's".to_owned());
    }
    if event["metadata"]["version"] != SCHEMA["version"] {
        found.push("metadata.version is another".to_owned());
    }
    found
}

/// Holds the members of an event or an object against what is published of it.
fn hold(
    schema: &Value,
    members: &Map<String, Value>,
    path: &str,
    profiles: &Value,
    found: &mut Vec<String>,
) {
    let attributes = schema["attributes"].as_object().expect("attributes");
    let chosen = |attribute: &Value| {
        let profile = &attribute[4];
        profile.is_null() || profiles.as_array().is_some_and(|all| all.contains(profile))
    };
    for (name, attribute) in attributes {
        if attribute[1] == json!(1) && chosen(attribute) && !members.contains_key(name) {
            found.push(format!("{path}{name} is required"));
        }
    }
    let any = schema["at_least_one"].as_array().expect("a list");
    if !any.is_empty() && !any.iter().any(|it| members.contains_key(it.as_str().expect("a name"))) {
        found.push(format!("{path} has none of {any:?}"));
    }
    for (name, value) in members {
        let path = format!("{path}{name}");
        let Some(attribute) = attributes.get(name).filter(|attribute| chosen(attribute)) else {
            found.push(format!("{path} is no attribute"));
            continue;
        };
        match (attribute[2] == json!(1), value.as_array()) {
            (true, Some(items)) => {
                for item in items {
                    one(attribute, item, &path, profiles, found);
                }
            }
            (true, None) => found.push(format!("{path} has to be an array")),
            (false, _) => one(attribute, value, &path, profiles, found),
        }
    }
}

fn one(attribute: &Value, value: &Value, path: &str, profiles: &Value, found: &mut Vec<String>) {
    let kind = attribute[0].as_str().expect("a type");
    let fits = match kind {
        "any" => true,
        "text" => value.is_string(),
        "bool" => value.is_boolean(),
        "float" => value.is_number(),
        "int" => value.is_i64(),
        "ip" => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        object => match value.as_object() {
            Some(members) => {
                let schema = &SCHEMA["objects"][object];
                return hold(schema, members, &format!("{path}."), profiles, found);
            }
            None => false,
        },
    };
    if !fits {
        found.push(format!("{path} is {value} and should be {kind}"));
    }
    let values = attribute[3].as_array().expect("a list");
    if !values.is_empty() && !values.contains(value) {
        found.push(format!("{path} must not be {value}"));
    }
}

#[test]
fn what_is_not_ocsf_is_found() {
    let good = json!({
        "class_uid": 3004, "class_name": "Entity Management", "category_uid": 3, "activity_id": 3,
        "type_uid": 300_403, "time": 1_767_323_045_000_i64, "severity_id": 1,
        "metadata": { "version": "1.5.0", "product": { "name": "Zendesk" } },
        "entity": { "name": "a" }, "actor": { "user": { "uid": "-1" } }, "src_endpoint": { "ip": "::1" },
    });
    assert_eq!(problems(&good), [""; 0]);
    for (path, value) in [
        ("/class_uid", json!(1)),
        ("/type_uid", json!(300_402)),
        ("/time", json!("2026-01-02T03:04:05Z")),
        ("/severity_id", json!(7)),
        ("/metadata/version", json!("1.4.0")),
        ("/metadata/product", json!({})),
        ("/entity", json!({ "type": "rule" })),
        ("/entity", json!("rule")),
        ("/entity", json!({ "name": null })),
        ("/actor/user", json!({ "id": 1 })),
        ("/src_endpoint/ip", json!("unknown")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).expect("it is there") = value;
        assert!(!problems(&bad).is_empty(), "{path} is not missed");
    }
    for required in ["time", "metadata", "entity", "severity_id", "category_uid"] {
        let mut bad = good.clone();
        bad.as_object_mut().expect("an object").remove(required);
        assert!(!problems(&bad).is_empty(), "{required} is not missed");
    }
}
