//! Tables of a config's options, made of its JSON Schema.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// The table of a map's options, those of maps within it included, as `outer.inner`.
pub(super) fn table(object: &Value) -> String {
    let mut table = String::from("| option | is | default | what it does |\n|---|---|---|---|\n");
    rows("", "", object, &mut table);
    table
}

/// The forms of a map that a word in it tells apart, by that word.
pub(super) fn forms(one_of: &Value) -> Vec<(String, Value)> {
    let tag = one_of["required"][0].as_str().expect("the word that tells them apart");
    let of = |form: &Value| {
        let word = form["if"]["properties"][tag]["const"].as_str().expect("a word");
        let mut options = form["then"].clone();
        options["properties"][tag]["enum"] = json!([word]);
        (word.to_owned(), options)
    };
    one_of["allOf"].as_array().expect("forms").iter().map(of).collect()
}

fn rows(before: &str, condition: &str, object: &Value, table: &mut String) {
    let needed = object["required"].as_array().cloned().unwrap_or_default();
    let options = object["properties"].as_object().expect("options");
    for (name, option) in options {
        let is_needed = needed.iter().any(|it| it == name);
        row(&format!("{before}{name}"), condition, option, is_needed, table);
    }
}

fn row(path: &str, condition: &str, option: &Value, is_needed: bool, table: &mut String) {
    let about = option["description"].as_str().unwrap_or_default();
    let usual = match &option["default"] {
        Value::Null if is_needed => "**needed**".to_owned(),
        Value::Null => String::new(),
        Value::String(usual) => code(usual),
        usual => code(&usual.to_string()),
    };
    let about = format!("{condition}{about}").replace('|', "\\|");
    writeln!(table, "| {} | {} | {usual} | {about} |", code(path), kind(option))
        .expect("a text takes it");
    within(path, option, table);
}

/// The options of the maps that this one may be.
fn within(path: &str, option: &Value, table: &mut String) {
    for choice in option["anyOf"].as_array().into_iter().flatten() {
        within(path, choice, table);
    }
    if option["allOf"].is_array() {
        one_of(path, option, table);
    } else if option["properties"].is_object() && !is_nested_form(option) {
        rows(&format!("{path}."), "", option, table);
    }
    if option["items"]["properties"].is_object() {
        rows(&format!("{path}[]."), "", &option["items"], table);
    }
    let named = &option["additionalProperties"];
    if named["properties"].is_object() && named["allOf"].is_null() {
        rows(&format!("{path}.NAME."), "", named, table);
    }
}

/// `auth` may also hold a map for each strategy, with the same options.
fn is_nested_form(option: &Value) -> bool {
    option["minProperties"].is_u64()
}

fn one_of(path: &str, option: &Value, table: &mut String) {
    let tag = option["required"][0].as_str().expect("the word that tells them apart");
    let mut words = option["properties"][tag].clone();
    words["description"] = Value::from("Which of the following it is.");
    row(&format!("{path}.{tag}"), "", &words, true, table);
    for (word, mut form) in forms(option) {
        let options: &mut Map<String, Value> = form["properties"].as_object_mut().expect("options");
        options.shift_remove(tag);
        rows(&format!("{path}."), &format!("With `{word}`: "), &form, table);
    }
}

/// What may be written, in words.
fn kind(option: &Value) -> String {
    if let Some(choices) = option["anyOf"].as_array() {
        let mut kinds: Vec<String> = Vec::new();
        for kind in choices.iter().filter(|it| it["$ref"].is_null()).map(kind) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(" or ");
    }
    if let Some(words) = option["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(code).collect();
        return words.join(", ");
    }
    match option["type"].as_str() {
        Some("string") => "text",
        Some("integer") => "whole number",
        Some("number") => "number",
        Some("boolean") => "`true`, `false`",
        Some("array") if option["items"]["type"] == "object" => "list of maps",
        Some("array") if option["items"]["type"] == "integer" => "list of numbers",
        Some("array") => "list of texts",
        Some("object") if option["additionalProperties"]["type"] == "string" => "map of texts",
        Some("object") if option["properties"].is_null() => "map by name",
        Some("object") => "map",
        _ => "",
    }
    .to_owned()
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
