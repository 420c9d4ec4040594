//! What is taken out, what stays byte for byte, and that no card number gets through.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn redact(searches: Vec<Search>) -> Redact {
    Redact { fields: Vec::new(), searches, hashes: false, key: None }
}

fn everywhere() -> Redact {
    redact(vec![Search { patterns: Pattern::ALL.to_vec(), within: None }])
}

fn out(redact: &Redact, line: &str) -> String {
    match redacted(redact, line.as_bytes(), false) {
        Some(line) => String::from_utf8(line.to_vec()).unwrap(),
        None => line.to_owned(),
    }
}

fn path(text: &str) -> RedactPath {
    RedactPath::parse(text).unwrap()
}

#[test]
fn what_is_not_personal_stays_byte_for_byte() {
    let line = "{\"b\":1.50,\"a\":\"\\u00e9\\/ 12\",\"n\":92233720368547758080,\"o\":{\"z\":[],\"y\":{}},\"x\":null,\"d\":1,\"d\":[true,2]}";
    assert_eq!(redacted(&everywhere(), line.as_bytes(), false), None);
    let mail = line.replace("null", "\"mail a@example.com\"");
    let expected = line.replace("null", "\"mail [email_address]\"");
    assert_eq!(out(&everywhere(), &mail), expected);
}

#[test]
fn fields_are_dropped_masked_and_hashed_wherever_they_stand() {
    let mut redact = redact(Vec::new());
    redact.key = Some("k".into());
    redact.fields = vec![
        (path("a"), FieldAction::Drop),
        (path("c[*].secret"), FieldAction::Drop),
        (path("c[0]"), FieldAction::Mask),
        (path("via.from"), FieldAction::Hash),
        (path("z"), FieldAction::Drop),
    ];
    let line = r#"{"a":{"x":[1,"}"]},"b":2,"c":[{"k":1},{"secret":1,"k":2},{"secret":3}],"via":{"from":"x","to":"x"},"z":1}"#;
    let made = out(&redact, line);
    let hash = redact.hash("redacted", "x");
    let expected = format!(
        r#"{{"b":2,"c":["[redacted]",{{"k":2}},{{}}],"via":{{"from":"[redacted:{hash}]","to":"x"}}}}"#
    );
    assert_eq!(made, expected);
    let only: Json = serde_json::from_str(&out(&redact, r#"{"a":1,"z":2}"#)).unwrap();
    assert_eq!(only, serde_json::json!({}));
}

#[test]
fn a_hash_is_the_same_however_it_was_written_and_another_with_another_key() {
    let with = |key: &str| {
        let mut redact = everywhere();
        (redact.hashes, redact.key) = (true, Some(key.into()));
        redact
    };
    let text =
        r#"{"t":"4111 1111 1111 1111 and 4111-1111-1111-1111, A@Example.com a@example.com"}"#;
    let made = out(&with("k"), text);
    // Any HMAC-SHA256 makes the same of `card_number`, a line feed and the digits.
    insta::assert_snapshot!(made, @r#"{"t":"[card_number:a295efbdc4f1edd4] and [card_number:a295efbdc4f1edd4], [email_address:f374e8d458882474] [email_address:f374e8d458882474]"}"#);
    let words: Vec<&str> = made.split(['"', ' ', ',']).filter(|it| it.starts_with('[')).collect();
    assert_eq!((words[0], words[2]), (words[1], words[3]));
    assert_ne!(made, out(&with("l"), text));
    assert!(!format!("{:?}", with("s3cret")).contains("s3cret"));
}

#[test]
fn patterns_are_looked_for_where_it_is_said() {
    let search = |within| Search { patterns: vec![Pattern::EmailAddress], within };
    let line = r#"{"from":"a@b.de","comments":[{"body":"a@b.de","author":{"email":"a@b.de"}}]}"#;
    let made = out(&redact(vec![search(Some(vec![path("comments[*].body")]))]), line);
    assert_eq!(made, line.replacen(r#""body":"a@b.de""#, r#""body":"[email_address]""#, 1));
    let made = out(&redact(vec![search(Some(vec![path("comments")]))]), line);
    assert_eq!(made.matches("[email_address]").count(), 2);
    assert_eq!(out(&redact(vec![search(None)]), line).matches('@').count(), 0);
}

#[test]
fn a_hash_joins_whole_fields_and_what_stands_in_text() {
    let mut redact = everywhere();
    (redact.hashes, redact.key) = (true, Some("k".into()));
    redact.fields = vec![(path("who[*]"), FieldAction::Hash), (path("m"), FieldAction::Mask)];
    let line = r#"{"who":["Ann@Example.com","+49 30 1234567",null,"x",7,"7"],"m":null,"text":"ann@example.com, 0049 30 1234567"}"#;
    let made: Json = serde_json::from_str(&out(&redact, line)).unwrap();
    let who: Vec<&str> =
        made["who"].as_array().unwrap().iter().map(|it| it.as_str().unwrap_or("null")).collect();
    assert_eq!(made["text"], format!("{}, {}", who[0], who[1]));
    assert_eq!((who[2], who[4]), ("null", who[5]));
    assert!(who[3].starts_with("[redacted:") && made["m"] == "[redacted]", "{made}");
}

#[test]
fn a_record_within_a_string_is_gone_over_as_a_record() {
    let record =
        r#"{"description":"card\n4111\n1111\n1111\n1111\nann@example.com","x":"b@b.de","n":1.50}"#;
    let line =
        serde_json::json!({ "event": { "original": record }, "other": "b@b.de {" }).to_string();
    let expected = record.replace("ann@example.com", "[email_address]");
    let expected = expected.replace(r"4111\n1111\n1111\n1111", "[card_number]");
    let made: Json = serde_json::from_str(&out(&redact(Search::ticket_text()), &line)).unwrap();
    assert_eq!(made["event"]["original"], expected);
    assert_eq!(made["other"], "b@b.de {", "it is no ticket's text");
    let drop =
        |at: &str| Redact { fields: vec![(path(at), FieldAction::Drop)], ..redact(Vec::new()) };
    let made: Json = serde_json::from_str(&out(&drop("description"), &line)).unwrap();
    assert_eq!(made["event"]["original"], r#"{"x":"b@b.de","n":1.50}"#);
    let line =
        serde_json::json!({ "a": serde_json::json!({ "b": record }).to_string() }).to_string();
    let made = out(&everywhere(), &line);
    assert!(!made.contains("1111") && !made.contains('@'), "{made}");
    let inner: Json = serde_json::from_str(&made).unwrap();
    let inner: Json = serde_json::from_str(inner["a"].as_str().unwrap()).unwrap();
    serde_json::from_str::<Json>(inner["b"].as_str().unwrap()).unwrap();
}

#[test]
fn json_that_somebody_pasted_is_text() {
    let profile = redact(Search::ticket_text());
    let said = |text: &str| {
        let line = serde_json::json!({ "id": 1, "description": text }).to_string();
        let made: Json = serde_json::from_str(&out(&profile, &line)).unwrap();
        made["description"].as_str().unwrap().to_owned()
    };
    for (text, clean) in [
        ("[4111,1111,1111,1111]", "[[card_number]]"),
        (r#"["4111", "1111", "1111", "1111"]"#, r#"["[card_number]"]"#),
        (r#"{"order_id": "4111111111111111"}"#, r#"{"order_id": "[card_number]"}"#),
        (r#"{"card_id": 4111111111111111 }"#, r#"{"card_id": [card_number] }"#),
        (
            "{\n  \"email\": \"a@b.de\",\n  \"x\": 1.50,\n  \"list\": [1,\n 2\n ]}",
            "{\n  \"email\": \"[email_address]\",\n  \"x\": 1.50,\n  \"list\": [1,\n 2\n ]}",
        ),
        (
            r#"{"a": "j\u00fcrgen\u0040m\u00fcller.de",  "b": "\u00fc"}"#,
            r#"{"a": "[email_address]",  "b": "\u00fc"}"#,
        ),
        (
            r#"[{"a": "{\"b\": \"ann\\u0040x.de\"}"} ]"#,
            r#"[{"a": "{\"b\": \"[email_address]\"}"} ]"#,
        ),
        (r#"{"broken: "\é" \"}"#, r#"{"broken: "\é" \"}"#),
        (
            r#"{"from":"Ann \u003cann@x.de\u003e\u2028"}"#,
            r#"{"from":"Ann \u003c[email_address]\u003e\u2028"}"#,
        ),
        (r#"{"from":"\u00e4nn@x.de"}"#, r#"{"from":"[email_address]"}"#),
        (
            r#"{"a":"{\"b\":\"x\\nann@x.de\\u2028\"}"}"#,
            r#"{"a":"{\"b\":\"x\\n[email_address]\\u2028\"}"}"#,
        ),
        (r#"{"a":"\"ann b\"@x.de"}"#, r#"{"a":"[email_address]"}"#),
        (
            r#"log: {"ip":"\u0022203.0.113.9\u0022","tel":"\u002b49 171 1234567","to":"ann\u0040x.de"}"#,
            r#"log: {"ip":"\u0022[ip_address]\u0022","tel":"[phone_number]","to":"[email_address]"}"#,
        ),
    ] {
        assert_eq!(said(text), clean, "{text}");
    }
    let drop = Redact { fields: vec![(path("email"), FieldAction::Drop)], ..redact(Vec::new()) };
    let line = serde_json::json!({ "email": 1, "description": r#"{"email":"x"}"# }).to_string();
    assert_eq!(out(&drop, &line), r#"{"description":"{\"email\":\"x\"}"}"#);
}

#[test]
fn white_space_between_values_stays() {
    let line =
        "{ \"a\" : 1 ,\n  \"m\" :\t\"a@b.de\" ,  \"l\": [ 1 , {} , [ ] , \"x\" ] , \"n\" : null } ";
    let made = out(&everywhere(), line);
    assert_eq!(made, line.replace("a@b.de", "[email_address]"));
    let drop =
        |at: &str| Redact { fields: vec![(path(at), FieldAction::Drop)], ..redact(Vec::new()) };
    assert_eq!(out(&drop("a"), "{ \"a\": 1, \"b\": 2 }"), "{ \"b\": 2 }");
    assert_eq!(out(&drop("b"), "{ \"a\": 1, \"b\": 2 }"), "{ \"a\": 1 }");
}

#[test]
fn what_a_source_rejected_is_gone_over_as_a_record() {
    let rejected = |record: &str| {
        format!(r#"{{"source":"acme","stream":"tickets","reason":"too long","record":{record}}}"#)
    };
    let made = |record: &str| out(&redact(Search::ticket_text()), &rejected(record));
    assert_eq!(
        made(r#"{"subject":"a@b.de","x":"a@b.de"}"#),
        rejected(r#"{"subject":"[email_address]","x":"a@b.de"}"#)
    );
    assert_eq!(made(r#""mail a@b.de""#), rejected(r#""mail [email_address]""#));
    assert_eq!(made(r#"[["a@b.de"],1e400]"#), rejected(r#"[["[email_address]"],1e400]"#));
    let drop = Redact { fields: vec![(path("subject"), FieldAction::Drop)], ..redact(Vec::new()) };
    assert_eq!(out(&drop, &rejected(r#"{"subject":"x","y":1}"#)), rejected(r#"{"y":1}"#));
}

#[test]
fn names_that_somebody_chose_are_looked_at_too() {
    let line =
        r#"{"metadata":{"custom":{"4111 1111 1111 1111":"x","5555555555554444":"y","k":1}}}"#;
    let made = out(&redact(Search::ticket_text()), line);
    let expected = r#"{"metadata":{"custom":{"[card_number]":"x","[card_number] 2":"y","k":1}}}"#;
    assert_eq!(made, expected);
}

#[test]
fn numbers_are_cards_unless_they_are_ids() {
    let line = r#"{"id":4111111111111111,"group_id":4111111111111111,"ids":[1],"value":4111111111111111,"v":4.111111111111111e15,"w":[4111111111111112],"organization":38123456789011,"userId":4111111111111111}"#;
    let made = out(&everywhere(), line);
    let expected = r#"{"id":4111111111111111,"group_id":4111111111111111,"ids":[1],"value":"[card_number]","v":"[card_number]","w":[4111111111111112],"organization":38123456789011,"userId":4111111111111111}"#;
    assert_eq!(made, expected);
}

#[test]
fn ids_that_others_than_zendesk_give_may_be_cards() {
    for line in [
        r#"{"external_id":"4111111111111111"}"#,
        r#"{"external_id":4111111111111111}"#,
        r#"{"external_id":"card 4111111111111111"}"#,
        r#"{"external_id":"5555-5555-55554444"}"#,
        r#"{"metadata":{"custom":{"order_id":"4111111111111111"}}}"#,
        r#"{"user_fields":{"card_id":4111111111111111}}"#,
        r#"{"external_ids":{"orderId":"4111111111111111"}}"#,
        r#"{"metadata":{"system":{"message_id":"<4111111111111111@x.de>"}}}"#,
    ] {
        let made = out(&redact(Search::ticket_text()), line);
        assert!(made.contains("[card_number]"), "{line} -> {made}");
    }
    let line = r#"{"external_id":"38123456789011","metadata":{"x_id":4111111111111111}}"#;
    assert_eq!(out(&redact(Search::ticket_text()), line), line);
}

#[test]
fn in_the_body_of_a_webhook_no_name_tells_of_ids() {
    let profile = redact(Search::ticket_text());
    let line = r#"{"order_id":"4111111111111111","n_id":4111111111111111,"ticket_id":"38123456789011","x":"8447388090494"}"#;
    let made = redacted(&profile, line.as_bytes(), true).unwrap();
    let expected = r#"{"order_id":"[card_number]","n_id":"[card_number]","ticket_id":"38123456789011","x":"8447388090494"}"#;
    assert_eq!(made, expected);
    assert_eq!(redacted(&profile, line.as_bytes(), false), None);
}

#[test]
fn what_webhooks_about_tickets_bring_is_text() {
    let profile = redact(Search::ticket_text());
    for line in [
        r#"{"detail":{"description":"a@b.de","subject":"x a@b.de"},"type":"zen:event-type:ticket.created"}"#,
        r#"{"event":{"comment":{"body":"a@b.de","id":"1"}}}"#,
        r#"{"event":{"current":"a@b.de","previous":"+49 30 1234567"}}"#,
        r#"{"ticket":{"description":"a@b.de"}}"#,
        r#"{"object":{"ticket":{"subject":"a@b.de"}}}"#,
        r#"{"external_id":"a@b.de","message_id":"<a@b.de>"}"#,
        r#"{"metadata":{"system":{"ip_address":"203.0.113.9"}},"system":{"ip_address":"203.0.113.9"}}"#,
        r#"{"attachments":[{"file_name":"a@b.de.pdf"}],"requester":{"email":"a@b.de","phone":"+49301234567"}}"#,
    ] {
        let made = out(&profile, line);
        assert!(!made.contains(['@', '+']) && !made.contains("203."), "{made}");
    }
    let line = r#"{"event":{"action":"user-update","reason":"a@b.de","id":"1"}}"#;
    assert_eq!(out(&profile, line), line, "a schema's own");
}

#[test]
fn half_a_surrogate_and_any_depth_are_walked_over() {
    let line = r#"{"t":"half \ud83d \u00e9\/ 4111\n1111\n1111\u00201111 and a@b.de\n"}"#;
    let expected = r#"{"t":"half \ud83d \u00e9\/ [card_number] and [email_address]\n"}"#;
    assert_eq!(out(&everywhere(), line), expected);
    let deep = format!("{{\"d\":{}\"a@b.de\"{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(out(&everywhere(), &deep).contains("[email_address]"));
}

#[test]
fn paths_that_are_none_are_refused() {
    for text in ["", ".", "a..b", "a[", "a[x]", "a]b", "[0]", "%zendesk.id", "{{ a }}"] {
        RedactPath::parse(text).expect_err(text);
    }
    assert_eq!(path(".a.b"), path("a.b"));
}

proptest! {
    /// Whatever a record is: nothing is lost but what is meant, and it stays JSON.
    #[test]
    fn any_json_stays_as_it_is_where_nothing_is_looked_for(value in any_json(4)) {
        let line = value.to_string();
        prop_assert_eq!(redacted(&redact(Vec::new()), line.as_bytes(), false), None);
        let made = out(&everywhere(), &line);
        serde_json::from_str::<Json>(&made).expect("JSON");
        prop_assert_eq!(out(&everywhere(), &made), made.clone());
    }
}

fn any_json(depth: u32) -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "[0-9@. +-]{0,24}".prop_map(Json::from),
    ];
    leaf.prop_recursive(depth, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z_\"]{1,6}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}
