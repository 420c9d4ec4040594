//! The encoder: what stays is untouched, what is left out is gone, what is added can be read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sinks::contract::event_with_line;

fn with(settings: EncoderSettings, line: &str) -> String {
    let mut out = b"before\n".to_vec();
    Encoder::new(settings).encode(&event_with_line(line), &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before\n").unwrap().to_owned()
}

fn encoded(key: Option<&str>, line: &str) -> String {
    with(EncoderSettings { metadata_key: key.map(str::to_owned), ..Default::default() }, line)
}

#[test]
fn without_a_key_the_line_is_copied_byte_for_byte() {
    for line in [r#"{"id":1.0e5,"a":"\/\u00e9"}"#, "{}", "[1]", "not json"] {
        assert_eq!(encoded(None, line), format!("{line}\n"));
    }
}

#[test]
fn metadata_is_the_last_member() {
    let out = encoded(Some("zendesk"), r#"{"id":10000000000000000001,"a":1.50}"#);
    insta::assert_snapshot!(out.trim_end(), @r#"{"id":10000000000000000001,"a":1.50,"zendesk":{"source":"test","stream":"tickets","subdomain":"acme","id":"acme:tickets:1","event_time":null,"ingest_time":"2026-01-02T03:04:05Z","partition":"tail"}}"#);
}

#[test]
fn an_empty_object_gets_no_comma() {
    for line in ["{}", "{ }"] {
        let out = encoded(Some("z"), line);
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["z"]["stream"], "tickets");
    }
}

#[test]
fn a_record_that_has_the_key_keeps_it() {
    for (line, expected) in [
        (r#"{"z":1}"#, "z_"),
        (r#"{"z":1,"z_":2,"z___":3}"#, "z__"),
        (r#"{"\u007a":1}"#, "z_"),
        (r#"{"a":{"z":1},"b":"\"z\""}"#, "z"),
        (r#"{"zz":1}"#, "z"),
    ] {
        let out = encoded(Some("z"), line);
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value[expected]["subdomain"], "acme", "{out}");
        assert!(out.starts_with(&line[..line.len() - 1]), "{out}");
    }
}

#[test]
fn a_key_that_needs_escaping_is_escaped_and_found_again() {
    let out = encoded(Some("a/\"b"), r#"{"a\/\"b":1}"#);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["a/\"b"], 1);
    assert_eq!(value["a/\"b_"]["source"], "test");
}

#[test]
fn what_is_no_object_is_left_alone() {
    for line in ["[1]", "1", "\"}\"", ""] {
        assert_eq!(encoded(Some("z"), line), format!("{line}\n"));
    }
}

#[test]
fn times_that_are_added_are_written_as_asked_and_the_records_own_are_not() {
    for (format, expected) in [
        (TimestampFormat::Rfc3339, json!("2026-01-02T03:04:05Z")),
        (TimestampFormat::Unix, json!(1_767_323_045)),
        (TimestampFormat::UnixMs, json!(1_767_323_045_000_i64)),
        (TimestampFormat::UnixUs, json!(1_767_323_045_000_000_i64)),
        (TimestampFormat::UnixNs, json!(1_767_323_045_000_000_000_i64)),
        (TimestampFormat::UnixFloat, json!(1_767_323_045.0)),
    ] {
        let settings = EncoderSettings {
            metadata_key: Some("z".to_owned()),
            timestamp_format: format,
            ..Default::default()
        };
        let out = with(settings, r#"{"created_at":"2025-01-01T00:00:00Z"}"#);
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["z"]["ingest_time"], expected);
        assert_eq!(value["created_at"], "2025-01-01T00:00:00Z");
    }
}

fn framed(framing: Framing, lines: &[&str]) -> String {
    let events: Vec<_> = lines.iter().map(|line| event_with_line(line)).collect();
    let mut out = Vec::new();
    let encoder = Encoder::new(EncoderSettings { framing, ..Default::default() });
    encoder.encode_all(events.iter(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn framing_is_what_stands_between_events() {
    let lines = ["{}", "{\"a\":1}"];
    assert_eq!(framed(Framing::NewlineDelimited, &lines), "{}\n{\"a\":1}\n");
    assert_eq!(framed(Framing::CharacterDelimited(b','), &lines), "[{},{\"a\":1}]");
    assert_eq!(framed(Framing::CharacterDelimited(b';'), &lines), "{};{\"a\":1}");
    assert_eq!(framed(Framing::Bytes, &lines), "{}{\"a\":1}");
    assert_eq!(framed(Framing::CharacterDelimited(b','), &["{}"]), "[{}]");
}

#[test]
fn where_events_are_written_as_they_come_a_comma_makes_no_array() {
    for (framing, expected) in [(Framing::CharacterDelimited(b','), "{},"), (Framing::Bytes, "{}")]
    {
        assert_eq!(with(EncoderSettings { framing, ..Default::default() }, "{}"), expected);
    }
}

#[test]
fn the_content_type_follows_the_framing() {
    for (framing, expected) in [
        (Framing::NewlineDelimited, "application/x-ndjson"),
        (Framing::CharacterDelimited(b','), "application/json"),
        (Framing::CharacterDelimited(b'\t'), "text/plain"),
        (Framing::Bytes, "text/plain"),
    ] {
        let encoder = Encoder::new(EncoderSettings { framing, ..Default::default() });
        assert_eq!(encoder.content_type(), expected);
    }
}

fn paths(texts: &[&str]) -> Vec<FieldPath> {
    texts.iter().map(|text| FieldPath::parse(text).unwrap()).collect()
}

fn chosen(only: Option<&[&str]>, except: &[&str], line: &str) -> String {
    let only = only.map(paths);
    let fields = Fields::new(only.as_deref(), &paths(except));
    String::from_utf8(fields.of(line.as_bytes()).into_owned()).unwrap()
}

#[test]
fn only_and_except_leave_the_rest_byte_for_byte() {
    let line = r#"{"b":1.50,"a":{"y":"\u00e9\/","x":[1,{"x":2}]},"\u0063":null,"d.e":"}\"{"}"#;
    for (only, except, expected) in [
        (Some(&["a"][..]), &[][..], r#"{"a":{"y":"\u00e9\/","x":[1,{"x":2}]}}"#),
        (Some(&["a.x", ".b"]), &[], r#"{"b":1.50,"a":{"x":[1,{"x":2}]}}"#),
        (Some(&["c", "\"d.e\""]), &[], r#"{"\u0063":null,"d.e":"}\"{"}"#),
        (Some(&["a.z", "b.x", "none"]), &[], "{}"),
        (None, &["a.y", "b", "d.e"], r#"{"a":{"x":[1,{"x":2}]},"\u0063":null,"d.e":"}\"{"}"#),
        (None, &["a.x", "a.y"], r#"{"b":1.50,"a":{},"\u0063":null,"d.e":"}\"{"}"#),
        (None, &["b.x", "none"], line),
        (Some(&["a"]), &["a.y"], r#"{"a":{"x":[1,{"x":2}]}}"#),
        (Some(&[]), &[], "{}"),
    ] {
        assert_eq!(chosen(only, except, line), expected, "{only:?} {except:?}");
    }
    assert_eq!(chosen(Some(&["a"]), &[], "[1]"), "[1]");
}

#[test]
fn metadata_is_added_after_fields_are_left_out() {
    let settings = EncoderSettings {
        metadata_key: Some("z".to_owned()),
        fields: Fields::new(Some(&paths(&["a"])), &[]),
        ..Default::default()
    };
    let out = with(settings, r#"{"z":1,"a":2}"#);
    assert!(out.starts_with(r#"{"a":2,"z":{"source":"test""#), "{out}");
}

#[test]
fn paths_are_read_as_in_vector_and_others_refused() {
    let path = |names: &[&str]| paths(&[&names.join(".")]).remove(0);
    assert_eq!(FieldPath::parse(".a.b").unwrap(), path(&["a", "b"]));
    assert_eq!(FieldPath::parse("\"a\".b").unwrap(), path(&["a", "b"]));
    assert!(FieldPath::parse("a").unwrap().holds(&path(&["a", "b"])));
    assert!(!FieldPath::parse("a.b").unwrap().holds(&path(&["a"])));
    for wrong in ["", ".", "a..b", "a.", "\"a", "\"a\"b", "a\"b\"", "a[0]", "a b", "a{b}"] {
        assert!(FieldPath::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_template_gives_the_event_the_place_it_asks_for() {
    let filled = |text: &str, line: &str| {
        let template = Some(Pattern::parse(text).unwrap());
        with(EncoderSettings { template, framing: Framing::Bytes, ..Default::default() }, line)
    };
    let line = r#"{"a":"\"x\u0000"}"#;
    assert_eq!(filled("{\"event\":{{ event }}}", line), format!("{{\"event\":{line}}}"));
    assert_eq!(filled("{{id}} {{ stream }}\n{{event}}", "1"), "acme:tickets:1 tickets\n1");
    assert_eq!(filled("{{ event_base64 }}", "1?>"), "MT8+");
    assert_eq!(filled("{{ event_time }} {{event}}", "1"), "2026-01-02T03:04:05Z 1");
    let string: Value = serde_json::from_str(&filled("[{{ event_string }}]", line)).unwrap();
    assert_eq!(string, json!([line]));
    assert_eq!(Pattern::parse("{{ event"), Err(PatternError::Unclosed));
    assert_eq!(Pattern::parse("{{ id }}"), Err(PatternError::NoEvent));
    let unknown = Pattern::parse("{{ event }} {{ evnt }}").unwrap_err().to_string();
    assert!(unknown.starts_with("unknown field `evnt`; there are: event, "), "{unknown}");
}

#[test]
fn what_an_event_brings_cannot_break_out_of_a_template() {
    let mut event = event_with_line("{}");
    event.id.record = bytes::Bytes::from_static(b"\"},{\"\n");
    let template = Some(Pattern::parse("{\"_id\":\"{{ id }}\",\"e\":{{event}}}").unwrap());
    let mut out = Vec::new();
    let settings = EncoderSettings { template, ..Default::default() };
    Encoder::new(settings).encode_one(&event, &mut out);
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value, json!({ "_id": event.id(), "e": {} }));
}

/// Values with few names, so that paths meet them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\{}\\[\\],:\u{e9}\n ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn objects() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), values()), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c\""), Just("d.e"), Just("\u{e9}")]
        .prop_map(str::to_owned)
}

fn names() -> impl Strategy<Value = Vec<Vec<String>>> {
    proptest::collection::vec(proptest::collection::vec(name(), 1..4), 0..4)
}

fn as_paths(all: &[Vec<String>]) -> Vec<FieldPath> {
    let quote = |name: &String| format!("\"{}\"", name.replace('"', "\\\""));
    let text = |names: &Vec<String>| names.iter().map(quote).collect::<Vec<_>>().join(".");
    all.iter().map(|names| FieldPath::parse(&text(names)).unwrap()).collect()
}

/// Keeps only what is at a path, with nothing but the object model.
fn only(value: &Value, at: &mut Vec<String>, paths: &[Vec<String>]) -> Option<Value> {
    if paths.iter().any(|path| path == at) {
        return Some(value.clone());
    }
    let members = value.as_object()?.iter().filter_map(|(name, value)| {
        at.push(name.clone());
        let kept = only(value, at, paths);
        at.pop();
        Some((name.clone(), kept?))
    });
    let members: serde_json::Map<_, _> = members.collect();
    (at.is_empty() || !members.is_empty()).then_some(Value::Object(members))
}

fn except(value: &mut Value, path: &[String]) {
    match (path, value.as_object_mut()) {
        ([name], Some(members)) => drop(members.shift_remove(name)),
        ([name, below @ ..], Some(members)) => {
            members.get_mut(name).into_iter().for_each(|value| except(value, below));
        }
        _ => {}
    }
}

/// The same value as another might write it: with escapes and spaces.
fn written_otherwise(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    text.replace('\u{e9}', "\\u00e9").replace('\n', " ")
}

proptest! {
    #[test]
    fn fields_are_left_out_as_by_an_object_model(
        value in objects(), wanted in proptest::option::of(names()), unwanted in names(),
    ) {
        let mut expected = match &wanted {
            Some(paths) => only(&value, &mut Vec::new(), paths).unwrap(),
            None => value.clone(),
        };
        for path in &unwanted {
            except(&mut expected, path);
        }
        let only = wanted.as_deref().map(as_paths);
        let fields = Fields::new(only.as_deref(), &as_paths(&unwanted));
        let line = value.to_string();
        let compact = fields.of(line.as_bytes());
        // Compact text of an object model is canonical, so this compares bytes and their order.
        prop_assert_eq!(std::str::from_utf8(&compact).unwrap(), expected.to_string());
        let other = written_otherwise(&value);
        let left: Value = serde_json::from_slice(&fields.of(other.as_bytes())).unwrap();
        prop_assert_eq!(left, expected);
    }

    #[test]
    fn no_text_makes_the_choice_of_fields_panic(text in "[{}\\[\\]\",:a\\\\ 1]{0,24}") {
        let fields = Fields::new(Some(&paths(&["a.a"])), &paths(&["a"]));
        fields.of(text.as_bytes());
    }
}
