//! Holds the splitter against `serde_json` and against a minifier of its own.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

const LAYOUT: PageLayout = PageLayout {
    records_key: "audit_logs",
    is_object: false,
    id_field: "id",
    time_field: "created_at",
    version_field: Some("updated_at"),
    max_record_bytes: 10_000,
};

fn try_split(page: impl AsRef<[u8]>) -> Result<SplitPage, Malformed> {
    split(&Bytes::copy_from_slice(page.as_ref()), &LAYOUT)
}

fn split_ok(page: impl AsRef<[u8]>) -> SplitPage {
    try_split(page).unwrap()
}

fn reason(page: impl AsRef<[u8]>) -> String {
    try_split(page).unwrap_err().to_string()
}

/// A page whose one record is `record`.
fn page_of(record: &str) -> String {
    format!(r#"{{"audit_logs":[{record}]}}"#)
}

fn only(record: &str) -> Record {
    let mut page = split_ok(page_of(record));
    assert_eq!((page.records.len(), page.rejected.len()), (1, 0), "{record}");
    page.records.remove(0)
}

fn lines(page: &SplitPage) -> Vec<&[u8]> {
    page.records.iter().map(|record| &record.line[..]).collect()
}

fn is_slice_of(line: &Bytes, page: &Bytes) -> bool {
    page.as_ptr_range().contains(&line.as_ptr())
}

/// JSON without its insignificant white space, by the plainest rule there is.
fn minified(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            let keep = in_string || !c.is_ascii_whitespace();
            if escaped {
                escaped = false;
            } else if c == '"' {
                in_string = !in_string;
            } else if c == '\\' {
                escaped = in_string;
            }
            keep
        })
        .collect()
}

#[test]
fn a_compact_record_is_a_slice_of_its_page() {
    let page = Bytes::from_static(br#"{"audit_logs":[{"id":1,"a":" x "},{"id":2}],"n":[1, 2]}"#);
    let split = split(&page, &LAYOUT).unwrap();
    assert_eq!(lines(&split), [&br#"{"id":1,"a":" x "}"#[..], br#"{"id":2}"#]);
    assert!(split.records.iter().all(|record| is_slice_of(&record.line, &page)));
    assert!(split.envelope.iter().all(|(_, value)| is_slice_of(value, &page)));
}

#[test]
fn white_space_outside_strings_is_all_that_is_dropped() {
    let record =
        "{ \"b\" :\t1 ,\r\n \"a b\": [ 1 , \" \\\" \\\\\" , { } , [ ] ],\n\"b\":-0.0e+00 }";
    assert_eq!(only(record).line, r#"{"b":1,"a b":[1," \" \\",{},[]],"b":-0.0e+00}"#);
}

#[test]
fn numbers_keep_every_digit() {
    let numbers = [
        "9007199254740993",
        "123456789012345678901234567890",
        "0.12345678901234567890123",
        "1e400",
        "-0",
        "1E-7",
        "0e0",
    ];
    for number in numbers {
        let record = format!(r#"{{"id":{number},"n":[{number}]}}"#);
        assert_eq!(only(&record).line, record);
        assert_eq!(only(&record).id.unwrap(), number);
    }
}

#[test]
fn strings_stay_as_sent() {
    for text in [r"\ud83d", r"\u0041\/", r#"\"\\\b\f\n\r\t"#, "\u{7f}é\u{2028}", r"\u0000"] {
        let record = format!(r#"{{"id":"{text}","k":["{text}"]}}"#);
        assert_eq!(only(&record).line, record);
        assert_eq!(only(&record).id.unwrap(), text);
    }
}

#[test]
fn text_that_is_not_utf_8_fails_the_page_and_says_where() {
    let fault = try_split(b"{\"audit_logs\":[{\"a\":\"\xff\"}]}").unwrap_err();
    assert_eq!(fault.to_string(), "the page is not UTF-8 at byte 21");
}

#[test]
fn a_byte_order_mark_fails_the_page() {
    assert_eq!(
        reason("\u{feff}{\"audit_logs\":[]}"),
        "the page starts with a byte order mark at byte 0"
    );
}

#[test]
fn bad_grammar_fails_the_page() {
    let values = [
        "01",
        "1.",
        "+1",
        "-",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "00",
        "-01",
        "1.e1",
        "nul",
        "truee",
        "True",
        "NaN",
        "\"\n\"",
        "\"\t\"",
        "\"\0\"",
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u12""#,
        "\"",
        r#""\"#,
        "[1,]",
        "[,]",
        "[1 2]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "{1:2}",
        r#"{"a":1 "b":2}"#,
        "[1}",
        r#"{"a":1]"#,
        "[",
        "{",
        "'a'",
        "",
        "1 1",
        "\u{b}1",
        "\u{a0}1",
        "// c\n1",
        "\0",
    ];
    for value in values {
        for record in [value.to_owned(), format!(r#"{{"id":{value}}}"#), format!("[[{value}]]")] {
            // An empty list of records and of values is well.
            if value.is_empty() && !record.contains("id") {
                continue;
            }
            assert!(try_split(page_of(&record)).is_err(), "{record}");
            assert!(try_split(format!(r#"{{"audit_logs":[],"x":{record}}}"#)).is_err(), "{record}");
        }
    }
}

#[test]
fn what_follows_the_page_fails_it() {
    assert!(try_split(r#"{"audit_logs":[]} "#).is_ok());
    let fault = reason(r#"{"audit_logs":[]} {}"#);
    assert_eq!(fault, "something follows the page's object at byte 18");
}

#[test]
fn a_page_that_is_no_object_fails() {
    for page in ["[]", "1", "", "  ", "null", "\"audit_logs\"", "<html>", "[{\"audit_logs\":[]}]"] {
        assert!(try_split(page).is_err(), "{page}");
    }
}

#[test]
fn a_page_without_the_array_fails_and_names_it() {
    let missing = "the page has no `audit_logs` array at byte 0";
    for value in ["{}", r#"{"audit_log":[]}"#, r#"{"a":{"audit_logs":[]}}"#] {
        assert_eq!(reason(value), missing);
    }
    for value in ["null", "{}", "1", "\"[]\"", "true"] {
        assert_eq!(reason(format!(r#"{{"audit_logs":{value}}}"#)), missing);
    }
}

#[test]
fn of_two_arrays_the_last_counts() {
    let page = split_ok(r#"{"audit_logs":[{"id":1},{ },7],"audit_logs":[{"id":2}]}"#);
    assert_eq!(lines(&page), [br#"{"id":2}"#]);
    assert!(page.rejected.is_empty() && page.envelope.is_empty());
    assert!(try_split(r#"{"audit_logs":[{"id":1}],"audit_logs":null}"#).is_err());
}

#[test]
fn a_page_without_a_list_is_one_record_told_by_its_name() {
    let layout = PageLayout { records_key: "settings", is_object: true, ..LAYOUT };
    let split = |page: &'static str| split(&Bytes::from_static(page.as_bytes()), &layout);
    let sent = r#"{"n": 1, "settings": { "a": {"id": 7}, "b": [1e2] }, "z": null}"#;
    let page = split(sent).unwrap();
    assert_eq!(lines(&page), [br#"{"a":{"id":7},"b":[1e2]}"#]);
    assert_eq!(page.records[0].id.as_deref(), Some(&b"settings"[..]));
    assert_eq!((page.envelope.len(), page.rejected.len()), (2, 0));
    assert_eq!(&sent[page.array], r#"{ "a": {"id": 7}, "b": [1e2] }"#);
    for page in [r#"{"settings":[{"a":1}]}"#, r#"{"settings":null}"#, "{}"] {
        assert_eq!(split(page).unwrap_err().reason, "the page has no `settings` object");
    }
    let cut = split(r#"{"settings":{"a":1}"#);
    assert!(cut.is_err(), "{cut:?}");
    let short = PageLayout { max_record_bytes: 3, ..layout };
    let page = super::split(&Bytes::from_static(br#"{"settings":{"a":1}}"#), &short).unwrap();
    assert_eq!((page.records.len(), page.rejected.len()), (0, 1));
}

#[test]
fn a_records_key_may_hold_escapes() {
    assert_eq!(lines(&split_ok(r#"{"audit\u005flogs":[{}]}"#)), [b"{}"]);
}

#[test]
fn envelope_members_are_found_before_and_after_the_records() {
    let page = split_ok(
        "{\"a\\u0062\" : { \"x\": [1] } , \"audit_logs\": [{\"id\":1}], \"users\":[{},{}],\"n\":null}",
    );
    let envelope: Vec<_> =
        page.envelope.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    let expected: [(&str, &[u8]); 3] =
        [("ab", b"{ \"x\": [1] }"), ("users", b"[{},{}]"), ("n", b"null")];
    assert_eq!(envelope, expected);
    assert_eq!(lines(&page), [br#"{"id":1}"#]);
}

#[test]
fn what_is_no_object_is_rejected_and_the_rest_goes_on() {
    let page = split_ok(r#"{"audit_logs":[1,{"id":1}," x ",null,[ 1, 2 ],{"id":2},-1.5e3,true]}"#);
    assert_eq!(lines(&page), [br#"{"id":1}"#, br#"{"id":2}"#]);
    let rejected: Vec<_> = page.rejected.iter().map(|rejected| &rejected.line[..]).collect();
    let expected: [&[u8]; 6] = [b"1", b"\" x \"", b"null", b"[1,2]", b"-1.5e3", b"true"];
    assert_eq!(rejected, expected);
    assert!(page.rejected.iter().all(|it| it.reason == "record is not a JSON object"));
}

#[test]
fn the_size_limit_counts_the_compact_line() {
    let layout = PageLayout { max_record_bytes: 10, ..LAYOUT };
    let page = Bytes::from(page_of("{ \"id\" : 1234 },{\"id\":12345}, {\"id\" :12345}"));
    let page = split(&page, &layout).unwrap();
    assert_eq!(lines(&page), [b"{\"id\":1234}"; 0]);
    let layout = PageLayout { max_record_bytes: 11, ..LAYOUT };
    let page = Bytes::from(page_of("{ \"id\" : 1234 },{\"id\":12345}, {\"id\" :12345}"));
    let page = split(&page, &layout).unwrap();
    assert_eq!(lines(&page), [br#"{"id":1234}"#]);
    assert_eq!(page.rejected[0], page.rejected[1]);
    assert_eq!(page.rejected[1].line, r#"{"id":12345}"#);
    assert_eq!(page.rejected[1].reason, "record is 12 bytes long, more than max_record_bytes (11)");
}

#[test]
fn fields_are_taken_from_the_top_of_a_record_only() {
    let record = only(r#"{"a":{"id":1,"created_at":"x"},"b":["id",{"id":2}],"id":-3,"xid":4}"#);
    assert_eq!(record.id.unwrap(), "-3");
    assert_eq!((record.time, record.version), (None, None));
}

#[test]
fn of_equal_keys_the_last_counts_even_when_it_says_nothing() {
    assert_eq!(only(r#"{"id":1,"id":"2"}"#).id.unwrap(), "2");
    for nothing in ["null", "true", "[1]", r#"{"id":1}"#] {
        assert_eq!(only(&format!(r#"{{"id":1,"id":{nothing}}}"#)).id, None);
    }
}

#[test]
fn a_key_with_escapes_is_decoded_before_it_is_compared() {
    assert_eq!(only(r#"{"\u0069d":1}"#).id.unwrap(), "1");
    assert_eq!(only(r#"{"id":1,"i\u0064":2}"#).id.unwrap(), "2");
    assert_eq!(only(r#"{"\\u0069d":1,"\ud800":2,"":3}"#).id, None);
}

#[test]
fn one_member_can_be_two_fields() {
    let layout = PageLayout { time_field: "updated_at", ..LAYOUT };
    let page = Bytes::from(page_of(r#"{"id":1,"updated_at":"2024-01-01T00:00:00Z"}"#));
    let page = split(&page, &layout).unwrap();
    assert_eq!(page.records[0].time, page.records[0].version);
    assert_eq!(page.records[0].time.as_ref().unwrap(), "2024-01-01T00:00:00Z");
}

#[test]
fn fields_are_found_in_a_pretty_record_too() {
    let record = only("{\n  \"id\" : 12 ,\n  \"created_at\":\n\"t\", \"updated_at\" : \"\" }");
    assert_eq!((record.id.unwrap(), record.time.unwrap()), ("12".into(), "t".into()));
    assert_eq!(record.version.unwrap(), "");
}

#[test]
fn nesting_is_bounded_and_never_exhausts_the_stack() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    // The page, its array and the record are three.
    let record = |depth: usize| page_of(&format!(r#"{{"a":{}}}"#, nested(depth - 3)));
    assert!(try_split(record(127)).is_ok());
    assert!(reason(record(128)).starts_with("nested too deep"));
    assert!(reason(record(100_000)).starts_with("nested too deep"));
    let objects = r#"{"a":"#.repeat(124) + "1" + &"}".repeat(124);
    assert!(try_split(page_of(&format!(r#"{{"a":{objects}}}"#))).is_ok());
    assert!(try_split(page_of(&format!(r#"{{"a":[{objects}]}}"#))).is_err());
    let member = |depth: usize| format!(r#"{{"audit_logs":[],"x":{}}}"#, nested(depth - 1));
    assert!(try_split(member(127)).is_ok());
    assert!(reason(member(128)).starts_with("nested too deep"));
    assert!(try_split("[".repeat(100_000)).is_err());
    let element = |depth: usize| page_of(&nested(depth - 2));
    assert!(try_split(element(127)).is_ok());
    assert!(try_split(element(128)).is_err());
}

#[test]
fn serde_json_has_the_same_depth_limit() {
    let page = |depth: usize| {
        format!(r#"{{"audit_logs":[],"x":{}}}"#, "[".repeat(depth - 1) + &"]".repeat(depth - 1))
    };
    for depth in [127, 128] {
        let theirs = serde_json::from_str::<Value>(&page(depth)).is_ok();
        assert_eq!(try_split(page(depth)).is_ok(), theirs, "{depth}");
    }
}

const SAMPLE: &str = r#"{
  "meta": {"has_more": true, "after_cursor": "abc\u003d=", "f": [1.5e-3, -0, []]},
  "audit_logs": [
    {"id":9007199254740993,"created_at":"2024-05-06T07:08:09Z","text":"<p>\u0416\ud83d\" é 😀 a long enough text to cross a block of sixty-four bytes</p>","ok":true,"none":null},
    { "id" : "x-2", "nested": {"custom_fields":[{"id":1,"value":"a"},{"id":2,"value":[false,{}]}]} },
    {}, null
  ],
  "count":4
}
"#;

#[test]
fn a_truncated_page_never_yields_a_record() {
    let whole = SAMPLE.trim_end();
    assert!(try_split(whole).is_ok());
    for end in 0..whole.len() {
        let fault = try_split(&whole.as_bytes()[..end]).unwrap_err();
        assert!(fault.offset <= end, "{fault}");
    }
}

/// What the grammar alone says; the depth of the pages here is small.
fn serde_accepts(page: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(page).is_ok_and(|raw| raw.get().starts_with('{'))
}

/// A page is refused for its grammar, or because its records are no array.
fn assert_same_verdict(page: &[u8]) {
    match try_split(page) {
        Ok(_) => assert!(serde_accepts(page), "{}", String::from_utf8_lossy(page)),
        Err(fault) if fault.reason.starts_with("the page has no") => assert!(serde_accepts(page)),
        Err(fault) => assert!(!serde_accepts(page), "{fault}: {}", String::from_utf8_lossy(page)),
    }
}

#[test]
fn any_byte_changed_to_any_of_note_is_judged_as_serde_json_does() {
    let bytes = b"\"\\{}[]:,0-.eEtnu \n\x00\x1f\x7f\x80\xff";
    let mut page = SAMPLE.as_bytes().to_vec();
    for at in 0..page.len() {
        let kept = page[at];
        for byte in bytes {
            page[at] = *byte;
            assert_same_verdict(&page);
        }
        page.remove(at);
        assert_same_verdict(&page);
        page.insert(at, kept);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10i64..1_000_000_000).prop_map(Value::from),
        // Eighths: floats that survive `serde_json`'s own parser digit for digit.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        any::<String>().prop_map(Value::from),
        "[a-z \"\\\\\n\u{1}é😀]{0,90}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![Just("id".to_owned()), "[a-z_\"\\\\ ]{0,20}", any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(Value::from_iter::<Vec<(String, Value)>>),
        ]
    })
}

/// `json` with some white space, drawn from `gaps`, around its tokens.
fn spaced(json: &str, gaps: &[String]) -> String {
    let mut gaps = gaps.iter().cycle();
    let (mut in_string, mut escaped) = (false, false);
    let mut spaced = String::new();
    for c in json.chars() {
        let opens = c == '"' && !in_string;
        let mark = !in_string && "{}[]:,".contains(c);
        if opens || mark {
            spaced.push_str(gaps.next().unwrap());
        }
        spaced.push(c);
        if c == '"' && !escaped {
            in_string = opens;
        }
        escaped = in_string && c == '\\' && !escaped;
        if mark || c == '"' && !in_string {
            spaced.push_str(gaps.next().unwrap());
        }
    }
    spaced
}

fn some_gaps() -> impl Strategy<Value = Vec<String>> {
    let gap = prop_oneof![2 => Just(String::new()), 1 => "[ \n\r\t]{0,20}", 1 => "\n {0,40}"];
    prop::collection::vec(gap, 1..30)
}

fn page_with(records: &[Value], members: &[(String, Value)], at: usize) -> String {
    let mut parts: Vec<String> = members
        .iter()
        .filter(|(key, _)| key != "audit_logs")
        .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
        .collect();
    let array = Value::from(records.to_vec());
    parts.insert(at.min(parts.len()), format!("\"audit_logs\":{array}"));
    format!("{{{}}}", parts.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_out_equal_and_compact_however_the_page_is_written(
        records in prop::collection::vec(any_json(), 0..6),
        members in prop::collection::vec(("[a-z_]{1,8}", any_json()), 0..4),
        at in 0usize..5,
        gaps in some_gaps(),
    ) {
        let compact = page_with(&records, &members, at);
        let loose = spaced(&compact, &gaps);
        let pretty = serde_json::to_string_pretty(
            &serde_json::from_str::<Value>(&compact).unwrap()).unwrap();
        prop_assert_eq!(minified(&loose), compact.as_str());
        for page in [&compact, &loose, &pretty] {
            let page = split_ok(page);
            let objects: Vec<_> = records.iter().filter(|it| it.is_object()).collect();
            let others: Vec<_> = records.iter().filter(|it| !it.is_object()).collect();
            prop_assert_eq!(page.records.len(), objects.len());
            prop_assert_eq!(page.rejected.len(), others.len());
            for (record, value) in page.records.iter().zip(objects) {
                prop_assert_eq!(&record.line, &value.to_string());
                let id = match value.get("id") {
                    Some(Value::Number(number)) => Some(number.to_string()),
                    Some(id @ Value::String(_)) => {
                        let quoted = id.to_string();
                        Some(quoted[1..quoted.len() - 1].to_owned())
                    }
                    _ => None,
                };
                prop_assert_eq!(record.id.clone(), id.map(Bytes::from));
            }
            for (rejected, value) in page.rejected.iter().zip(others) {
                prop_assert_eq!(&rejected.line, &value.to_string());
            }
        }
        let envelope = split_ok(&compact).envelope;
        let expected: Vec<_> = members.iter()
            .map(|(key, value)| (key.clone(), Bytes::from(value.to_string())))
            .collect();
        prop_assert_eq!(envelope, expected);
    }

    #[test]
    fn a_spoilt_page_is_judged_as_serde_json_does(
        records in prop::collection::vec(any_json(), 0..4),
        gaps in some_gaps(),
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4),
    ) {
        let mut page = spaced(&page_with(&records, &[], 0), &gaps).into_bytes();
        for (at, byte, how) in spoils {
            let at = at.index(page.len());
            match how {
                0 => page[at] = byte,
                1 => page[at] = b"\"\\{}[]:,0-.eEtnu \n"[usize::from(byte) % 18],
                2 if page.len() > 1 => drop(page.remove(at)),
                _ => page.insert(at, byte),
            }
        }
        assert_same_verdict(&page);
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_does(page in "[\\[\\]{}:,\"\\\\u0-9a-f.eE \n+-]{0,30}") {
        let page = format!("{{\"audit_logs\":[{page}]}}");
        assert_same_verdict(page.as_bytes());
    }
}
