//! Events against the published list of ECS's fields: names, types, values, and which types of events
//! may stand beside which category.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Value, json};

/// A field as it is published.
struct Field {
    kind: &'static str,
    is_array: bool,
    /// Each with the types of events that are expected beside it.
    values: Vec<(&'static str, Vec<&'static str>)>,
}

static FIELDS: LazyLock<HashMap<&str, Field>> = LazyLock::new(|| {
    let lines = include_str!("../../schemas/ecs-9.4.0.tsv").lines();
    let fields = lines.map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (name, kind, array, values) = (next(), next(), next(), next());
        let values = values.split(',').filter(|value| !value.is_empty()).map(|value| {
            let (value, types) = value.split_once(':').unwrap_or((value, ""));
            (value, types.split('+').filter(|kind| !kind.is_empty()).collect())
        });
        (name, Field { kind, is_array: array == "array", values: values.collect() })
    });
    fields.collect()
});

/// What is not as ECS has it. Fields of our own stand below `zendesk`.
pub(super) fn problems(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", event, &mut found);
    for required in ["@timestamp", "ecs"] {
        if event.get(required).is_none() {
            found.push(format!("{required} is missing"));
        }
    }
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (categories, types) = (texts(&event["event"]["category"]), texts(&event["event"]["type"]));
    let expected = |category: &String, kind: &String| {
        let values = &FIELDS["event.category"].values;
        values.iter().any(|(name, types)| name == category && types.contains(&kind.as_str()))
    };
    for kind in &types {
        if !categories.is_empty() && !categories.iter().any(|category| expected(category, kind)) {
            found.push(format!("event.type {kind} is not expected beside {categories:?}"));
        }
    }
    found
}

fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
    if path == "zendesk" {
        return;
    }
    if let Value::Object(members) = value {
        for (name, member) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(&path, member, found);
        }
        return;
    }
    let Some(field) = FIELDS.get(path) else {
        found.push(format!("{path} is no field"));
        return;
    };
    if field.is_array != value.is_array() {
        found.push(format!("{path} is {value}, of which one expects array={}", field.is_array));
    }
    for item in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
        if !field.takes(item) {
            found.push(format!("{path} is {item} and should be a {}", field.kind));
        }
        let is_known = |text| field.values.iter().any(|(name, _)| *name == text);
        if !field.values.is_empty() && !item.as_str().is_some_and(is_known) {
            found.push(format!("{path} must not be {item}"));
        }
    }
}

impl Field {
    fn takes(&self, value: &Value) -> bool {
        match self.kind {
            "keyword" | "wildcard" | "text" | "match_only_text" => value.is_string(),
            "long" => value.is_i64(),
            "ip" => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            "date" => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            other => panic!("nothing is known of the type {other}"),
        }
    }
}

#[test]
fn what_is_not_ecs_is_found() {
    let good = json!({
        "@timestamp": "2026-01-02T03:04:05Z", "ecs": { "version": "9.4.0" },
        "event": { "category": ["iam"], "type": ["user", "change"] }, "source": { "ip": "::1" },
    });
    assert_eq!(problems(&good), [""; 0]);
    for (path, value) in [
        ("/@timestamp", json!("yesterday")),
        ("/source/ip", json!("localhost")),
        ("/source/ip", json!(null)),
        ("/event/category", json!("iam")),
        ("/event/category", json!(["web"])),
        ("/event/type", json!(["access"])),
        ("/event/type", json!(["updated"])),
        ("/ecs", json!({ "version": 9 })),
        ("/source", json!({ "adress": "a" })),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).expect("it is there") = value;
        assert!(!problems(&bad).is_empty(), "{path} is not missed");
    }
}
