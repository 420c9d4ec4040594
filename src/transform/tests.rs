//! What each transform makes of events, and what it leaves alone.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;

use super::*;
use crate::normalize::{Event, Origin, RecordId};

fn event(number: u64, line: &str) -> Event {
    Event {
        line: Bytes::from(line.to_owned()),
        id: RecordId { record: Bytes::from(number.to_string()), version: None },
        time: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        origin: Arc::new(Origin {
            source: "acme".to_owned(),
            stream: "audit_logs".to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: "2026-01-02T04:00:00Z".parse().unwrap(),
            through: None,
        }),
        members: None,
    }
}

fn source(text: &str) -> Source<'_> {
    Source { text, name: "p", visible: true, zone: Zone::default() }
}

fn condition(text: &str) -> Condition {
    Condition::compile(source(text)).expect("it compiles").0
}

fn remap(text: &str) -> Remap {
    Remap {
        program: Program::compile(source(text)).expect("it compiles").0,
        drop_on_error: false,
        drop_on_abort: true,
        reroute_dropped: false,
    }
}

fn step(name: &str, inputs: &[&str], kind: Kind) -> Step {
    let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
    Step { inputs, transform: Arc::new(Transform::new(name, kind)) }
}

/// The page through the steps: what each of these outputs then has.
fn run(steps: &[Step], wanted: &[&str], page: &[Event]) -> (Vec<Vec<Event>>, Vec<Counts>) {
    let graph =
        Graph::between(steps, ["acme.audit_logs", "acme.rejected"], |it| wanted.contains(&it));
    let passed = graph.run(page, &[], Instant::now());
    let of = |output: &&str| {
        let slot = graph.collected().iter().position(|it| it == output).expect("it is reached");
        passed.outputs[slot].iter().map(|(_, event)| event.clone()).collect()
    };
    (wanted.iter().map(of).collect(), passed.counts)
}

/// One event through one transform, into its first output.
fn through(kind: Kind, line: &str) -> Vec<String> {
    let steps = [step("t", &["acme.audit_logs"], kind)];
    let output = steps[0].transform.outputs()[0].clone();
    let (outputs, _) = run(&steps, &[&output], &[event(1, line)]);
    lines(&outputs[0])
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| String::from_utf8(event.line.to_vec()).unwrap()).collect()
}

#[test]
fn a_remap_changes_what_it_says_and_keeps_every_value() {
    let line =
        r#"{"z":null,"a":"","text":"1\n\u00e9\u2028\\","n":-7,"o":{"y":[1,null,{}],"b":[]}}"#;
    let made = through(Kind::Remap(remap(".n = .n + 1 ?? 0")), line);
    let made: Json = serde_json::from_str(&made[0]).unwrap();
    let mut expected: Json = serde_json::from_str(line).unwrap();
    expected["n"] = (-6).into();
    assert_eq!(made, expected);
}

#[test]
fn what_vrl_does_to_text_is_what_the_readme_says() {
    let line = r#"{"b":9223372036854775807,"a":9223372036854775808,"f":0.10,"e":1E2,"d":1,"d":2}"#;
    let made = through(Kind::Remap(remap(".x = true")), line);
    let expected =
        r#"{"a":9.223372036854776e+18,"b":9223372036854775807,"d":2,"e":100.0,"f":0.1,"x":true}"#;
    assert_eq!(made, [expected]);
}

#[test]
fn who_only_looks_leaves_every_byte() {
    let line = "{\"b\":1.50, \"a\":\"\\u00e9\" ,\"action\":\"login\",\"big\":92233720368547758080}";
    let routes = |exclusive| Routes {
        routes: vec![("all".to_owned(), condition("true"))],
        exclusive,
        reroute_unmatched: true,
    };
    let window = Duration::from_secs(1);
    let limits = Limits { threshold: 5, window, key_field: None, exclude: None };
    let kinds = [
        Kind::Filter(condition(r#".action == "login""#)),
        Kind::Route(routes(false)),
        Kind::Route(routes(true)),
        Kind::Throttle(Throttle::new(limits)),
    ];
    for kind in kinds {
        let steps = [step("t", &["acme.audit_logs"], kind)];
        let output = steps[0].transform.outputs()[0].clone();
        let page = [event(1, line)];
        let (outputs, _) = run(&steps, &[&output], &page);
        assert_eq!(outputs[0][0].line.as_ptr(), page[0].line.as_ptr(), "not even copied");
        assert_eq!(lines(&outputs[0]), [line]);
    }
}

#[test]
fn an_array_becomes_events_with_ids_of_their_own() {
    let program = r#". = [{"n": 1}, {"n": 2}, "three"]"#;
    let mut page = vec![event(7, "{}"), event(8, "{}")];
    page[1].id.version = Some(Bytes::from_static(b"v"));
    let steps = [
        step("twice", &["acme.audit_logs"], Kind::Remap(remap(program))),
        step("again", &["twice"], Kind::Remap(remap("if .n == 1 { . = [., .] }"))),
    ];
    let (outputs, counts) = run(&steps, &["twice", "again"], &page);
    let ids = |events: &[Event]| events.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&outputs[0]), ["7#0", "7#1", "7#2", "8@v#0", "8@v#1", "8@v#2"]);
    assert_eq!(ids(&outputs[1])[..4], ["7#0#0", "7#0#1", "7#1", "7#2"]);
    assert_eq!(lines(&outputs[0])[2], r#"{"message":"three"}"#);
    assert_eq!((counts[0].received, counts[0].sent), (2, 6));
    let none = through(Kind::Remap(remap(". = []")), "{}");
    assert_eq!(none, [""; 0]);
}

#[test]
fn the_same_record_by_two_ways_is_told_apart() {
    let yes = || Kind::Filter(condition("true"));
    let steps = [step("a", &["acme.audit_logs"], yes()), step("b", &["acme.audit_logs"], yes())];
    let page = [event(1, "{}")];
    let (outputs, _) = run(&steps, &["a", "b"], &page);
    let all = [&page[0], &outputs[0][0], &outputs[1][0]];
    let ids: std::collections::BTreeSet<String> = all.iter().map(|event| event.id()).collect();
    let prints: std::collections::BTreeSet<u64> = all.iter().map(|it| it.fingerprint()).collect();
    assert_eq!((ids.len(), prints.len()), (1, 3));
    let (again, _) = run(&steps, &["a", "b"], &page);
    assert_eq!(again[0][0].fingerprint(), outputs[0][0].fingerprint());
}

#[test]
fn two_ways_into_one_transform_are_two_ways() {
    let steps = [
        step("a", &["acme.audit_logs"], Kind::Filter(condition("true"))),
        step("b", &["acme.audit_logs", "a"], Kind::Remap(remap(".n = 1"))),
    ];
    let (outputs, _) = run(&steps, &["b"], &[event(1, "{}")]);
    let ways: Vec<_> = outputs[0].iter().map(|it| it.origin.through.clone().unwrap()).collect();
    assert_eq!(ways, ["a>b", "b"]);
    assert_ne!(outputs[0][0].fingerprint(), outputs[0][1].fingerprint());
}

/// What becomes of an event at which a program stops: kept, dropped or rerouted, and the counts.
fn stopped(program: &str, set: impl Fn(&mut Remap)) -> (usize, Vec<String>, Counts) {
    let mut remap = remap(program);
    set(&mut remap);
    let is_rerouted = remap.reroute_dropped;
    let steps = [step("t", &["acme.audit_logs"], Kind::Remap(remap))];
    let wanted: &[&str] = if is_rerouted { &["t", "t.dropped"] } else { &["t"] };
    let line = "{\"b\":1.50,\"a\":1}";
    let (outputs, counts) = run(&steps, wanted, &[event(1, line)]);
    assert!(outputs[0].iter().all(|event| event.line == line), "it goes on as it was");
    (outputs[0].len(), outputs.get(1).map(|it| lines(it)).unwrap_or_default(), counts[0].clone())
}

const FAILS: &str = ".a = 5\n.b = parse_json!(.b)";
const ABORTS: &str = ".a = 5\nabort \"not wanted\"";

#[test]
fn an_event_at_which_a_program_fails_goes_where_the_config_says() {
    let (kept, _, counts) = stopped(FAILS, |_| {});
    assert_eq!((kept, counts.failed, counts.dropped, counts.discarded), (1, 1, 0, 0));
    assert!(counts.failure.unwrap().contains("parse_json"));
    let (kept, _, counts) = stopped(FAILS, |it| it.drop_on_error = true);
    assert_eq!((kept, counts.failed, counts.dropped, counts.discarded), (0, 1, 1, 0));
    let (kept, rerouted, counts) = stopped(FAILS, |it| {
        (it.drop_on_error, it.reroute_dropped) = (true, true);
    });
    assert_eq!((kept, counts.failed, counts.dropped), (0, 1, 0));
    assert!(
        rerouted[0].starts_with("{\"b\":1.50,\"a\":1,\"metadata\":{\"dropped\":{"),
        "{rerouted:?}"
    );
    let dropped: Json = serde_json::from_str(&rerouted[0]).unwrap();
    let dropped = &dropped["metadata"]["dropped"];
    assert_eq!(dropped["reason"], "error");
    assert_eq!(dropped["component_id"], "t");
    assert_eq!(dropped["component_type"], "remap");
    assert_eq!(dropped["component_kind"], "transform");
}

#[test]
fn an_abort_drops_unless_told_otherwise_and_is_no_failure() {
    let (kept, _, counts) = stopped(ABORTS, |_| {});
    assert_eq!((kept, counts.failed, counts.discarded), (0, 0, 1));
    let (kept, _, counts) = stopped(ABORTS, |it| it.drop_on_abort = false);
    assert_eq!((kept, counts.failed, counts.discarded), (1, 0, 0));
    let (_, rerouted, counts) = stopped(ABORTS, |it| it.reroute_dropped = true);
    assert_eq!((counts.discarded, counts.sent), (0, 1));
    let dropped: Json = serde_json::from_str(&rerouted[0]).unwrap();
    assert_eq!(dropped["metadata"]["dropped"]["message"], "not wanted");
    assert_eq!(dropped["metadata"]["dropped"]["reason"], "abort");
}

#[test]
fn a_record_with_metadata_of_its_own_keeps_it_when_dropped() {
    let mut remap = remap("abort");
    remap.reroute_dropped = true;
    let steps = [step("t", &["acme.audit_logs"], Kind::Remap(remap))];
    let (outputs, _) =
        run(&steps, &["t.dropped"], &[event(1, r#"{"metadata":{"own":1,"dropped":2}}"#)]);
    let made: Json = serde_json::from_str(&lines(&outputs[0])[0]).unwrap();
    assert_eq!(made["metadata"]["own"], 1);
    assert_eq!(made["metadata"]["dropped"]["reason"], "abort");
}

#[test]
fn what_vrl_cannot_hold_passes_as_it_is_and_is_counted() {
    let deep = format!("{{\"d\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for line in [r#"{"n":1e999}"#, r#"{"t":"\ud800"}"#, &deep] {
        let steps = [step("t", &["acme.audit_logs"], Kind::Remap(remap(".a = 1")))];
        let (outputs, counts) = run(&steps, &["t"], &[event(1, line)]);
        assert_eq!(lines(&outputs[0]), [line]);
        assert_eq!((counts[0].failed, counts[0].dropped), (1, 0));
        let mut dropping = remap(".a = 1");
        (dropping.drop_on_error, dropping.reroute_dropped) = (true, true);
        let steps = [step("t", &["acme.audit_logs"], Kind::Remap(dropping))];
        let (outputs, _) = run(&steps, &["t.dropped"], &[event(1, line)]);
        let begin = line.trim_end_matches('}');
        assert!(lines(&outputs[0])[0].starts_with(begin), "nothing of it is lost");
    }
}

#[test]
fn a_condition_that_fails_does_not_hold_and_is_counted() {
    let (routes, fails) = (|routes| routes, "to_int!(.a) > 1");
    let routes = routes(Routes {
        routes: vec![("a".to_owned(), condition(fails)), ("b".to_owned(), condition("true"))],
        exclusive: true,
        reroute_unmatched: true,
    });
    let steps = [step("t", &["acme.audit_logs"], Kind::Route(routes))];
    let wanted = ["t.a", "t.b", "t._unmatched"];
    let (outputs, counts) =
        run(&steps, &wanted, &[event(1, r#"{"a":"x"}"#), event(2, r#"{"a":"2"}"#)]);
    assert_eq!(outputs.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(counts[0].failed, 1);
}

#[test]
fn a_filter_keeps_what_it_cannot_read_and_counts_what_it_failed_at_as_dropped() {
    let unreadable = [r#"{"status":"open","a":"half \ud83d"}"#, r#"{"status":"open","n":1e400}"#];
    let page = [unreadable[0], unreadable[1], r#"{"status":"open"}"#, r#"{"status":"new"}"#];
    let page: Vec<Event> = (1..).zip(page).map(|(number, line)| event(number, line)).collect();
    let only = |text| [step("t", &["acme.audit_logs"], Kind::Filter(condition(text)))];
    let (outputs, counts) = run(&only(r#".status == "open""#), &["t"], &page);
    assert_eq!(lines(&outputs[0]), [unreadable[0], unreadable[1], r#"{"status":"open"}"#]);
    let Counts { sent, discarded, failed, dropped, .. } = counts[0];
    assert_eq!((sent, discarded, failed, dropped), (3, 1, 2, 0));

    let (_, counts) = run(&only("to_int!(.status) > 1"), &["t"], &page[2..]);
    let Counts { sent, discarded, failed, dropped, .. } = counts[0];
    assert_eq!(
        (sent, discarded, failed, dropped),
        (0, 0, 2, 2),
        "an error is no wish of the config"
    );
    let routes = Routes {
        routes: vec![("a".to_owned(), condition("to_int!(.status) > 1"))],
        exclusive: false,
        reroute_unmatched: false,
    };
    let steps = [step("t", &["acme.audit_logs"], Kind::Route(routes))];
    let (_, counts) = run(&steps, &["t.a"], &page);
    assert_eq!((counts[0].discarded, counts[0].failed, counts[0].dropped), (0, 4, 4));
}

#[test]
fn what_goes_to_an_output_without_takers_is_not_counted_as_sent() {
    let unreadable = r#"{"n":1e400}"#;
    let page = [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, unreadable, r#"{"n":"x"}"#];
    let page: Vec<Event> = (1..).zip(page).map(|(number, line)| event(number, line)).collect();
    for exclusive in [false, true] {
        let routes = Routes {
            routes: vec![
                ("one".to_owned(), condition(".n == 1")),
                ("low".to_owned(), condition("to_int!(.n) < 3")),
            ],
            exclusive,
            reroute_unmatched: true,
        };
        let steps = [
            step("t", &["acme.audit_logs"], Kind::Route(routes)),
            // It takes an output, and nobody takes what it makes.
            step("idle", &["t._unmatched"], Kind::Remap(remap(".a = 1"))),
        ];
        let counted = |wanted: &[&str]| {
            let Counts { received, sent, discarded, failed, dropped, .. } =
                run(&steps, wanted, &page).1[0].clone();
            [received, sent, discarded, failed, dropped]
        };
        assert_eq!(counted(&["t.one"]), [5, 1, 2, 2, 2]);
        let both = if exclusive { 2 } else { 3 };
        assert_eq!(counted(&["t.one", "t.low"]), [5, both, 1, 2, 2]);
        assert_eq!(counted(&["t.one", "t.low", "idle"]), [5, both + 3, 0, 2, 0]);
    }
    let mut failing = remap("if .n == 2 { abort }; .m = to_int!(.n)");
    (failing.drop_on_error, failing.reroute_dropped) = (true, true);
    let steps = [step("t", &["acme.audit_logs"], Kind::Remap(failing))];
    let (_, counts) = run(&steps, &["t"], &page);
    let Counts { sent, discarded, failed, dropped, .. } = counts[0];
    assert_eq!((sent, discarded, failed, dropped), (2, 1, 2, 2));
}

#[test]
fn what_no_route_takes_is_unmatched_and_a_plain_route_gives_it_to_each() {
    let routes = |exclusive| Routes {
        routes: vec![
            ("one".to_owned(), condition(".n == 1")),
            ("odd".to_owned(), condition("mod!(.n, 2) == 1")),
        ],
        exclusive,
        reroute_unmatched: true,
    };
    let page: Vec<Event> = (1..=4).map(|n| event(n, &format!("{{\"n\":{n}}}"))).collect();
    for (exclusive, odd) in [(false, "1 3"), (true, "3")] {
        let steps = [step("t", &["acme.audit_logs"], Kind::Route(routes(exclusive)))];
        let (outputs, _) = run(&steps, &["t.one", "t.odd", "t._unmatched"], &page);
        let ids = |events: &[Event]| {
            events.iter().map(|event| event.id.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(outputs.iter().map(|it| ids(it)).collect::<Vec<_>>(), ["1", odd, "2 4"]);
    }
}

#[test]
fn what_is_known_of_an_event_can_be_read_and_not_written() {
    let made = through(Kind::Remap(remap(". = %zendesk")), "{}");
    insta::assert_snapshot!(made[0], @r#"{"event_time":"2026-01-02T03:04:05Z","id":"acme:audit_logs:1","ingest_time":"2026-01-02T04:00:00Z","partition":"tail","source":"acme","stream":"audit_logs","subdomain":"acme"}"#);
    let found = through(Kind::Filter(condition(r#"%zendesk.stream == "audit_logs""#)), "{}");
    assert_eq!(found.len(), 1);
    for text in ["%zendesk.stream = \"x\"", "%zendesk = {}", "% = {}"] {
        let error = Program::compile(source(text)).expect_err(text).to_string();
        assert!(error.contains("mutation of read-only value"), "{error}");
    }
}

#[test]
fn what_is_put_beside_an_event_is_there_for_those_that_follow() {
    let steps = [
        step("a", &["acme.audit_logs"], Kind::Remap(remap("%seen = .n"))),
        step("b", &["a"], Kind::Remap(remap(".copy = %seen"))),
    ];
    let (outputs, _) = run(&steps, &["b"], &[event(1, r#"{"n":3}"#)]);
    assert_eq!(lines(&outputs[0]), [r#"{"copy":3,"n":3}"#]);
}

#[test]
fn branches_do_not_see_each_others_changes() {
    let steps = [
        step("f", &["acme.audit_logs"], Kind::Filter(condition("exists(.n)"))),
        step("a", &["f"], Kind::Remap(remap(".n = 1"))),
        step("b", &["f"], Kind::Remap(remap(".n = .n + 10 ?? 0"))),
    ];
    let (outputs, _) = run(&steps, &["f", "a", "b"], &[event(1, r#"{"n":5}"#)]);
    let all: Vec<String> = outputs.iter().flat_map(|events| lines(events)).collect();
    assert_eq!(all, [r#"{"n":5}"#, r#"{"n":1}"#, r#"{"n":15}"#]);
}

#[test]
fn a_condition_must_be_one_and_changes_nothing() {
    for (text, said) in
        [(".a", "boolean"), (".a = true", "read-only"), ("del(.a) == 1", "read-only")]
    {
        let error = Condition::compile(source(text)).expect_err(text).to_string();
        assert!(error.contains(said), "{error}");
    }
}

fn sample(rate: Rate) -> Sample {
    Sample { rate, key_field: None, group_by: None, exclude: None, sample_rate_key: None }
}

#[test]
fn a_sample_keeps_its_part_and_the_same_one_every_time() {
    let page: Vec<Event> = (0..20_000).map(|n| event(n, &format!("{{\"n\":{n}}}"))).collect();
    for rate in [Rate::OneIn(10), Rate::Ratio(0.1)] {
        let steps = [step("t", &["acme.audit_logs"], Kind::Sample(sample(rate)))];
        let (first, counts) = run(&steps, &["t"], &page);
        assert!((1_800..2_200).contains(&first[0].len()), "{}", first[0].len());
        assert_eq!(counts[0].discarded + counts[0].sent, page.len());
        let (second, _) = run(&steps, &["t"], &page);
        assert_eq!(lines(&first[0]), lines(&second[0]));
    }
    let all = [step("t", &["acme.audit_logs"], Kind::Sample(sample(Rate::Ratio(1.0))))];
    assert_eq!(run(&all, &["t"], &page).0[0].len(), page.len());
}

#[test]
fn a_sample_keeps_related_events_together_and_says_its_rate() {
    let page: Vec<Event> =
        (0..3_000).map(|n| event(n, &format!("{{\"n\":{n},\"who\":{}}}", n % 100))).collect();
    let sample = Sample {
        key_field: Some(path("who").unwrap()),
        exclude: Some(condition(".n == 1")),
        sample_rate_key: Some(path("sample_rate").unwrap()),
        ..sample(Rate::OneIn(4))
    };
    let steps = [step("t", &["acme.audit_logs"], Kind::Sample(sample))];
    let (outputs, _) = run(&steps, &["t"], &page);
    let mut counts: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    for line in lines(&outputs[0]) {
        let made: Json = serde_json::from_str(&line).unwrap();
        if made["n"] == 1 {
            continue;
        }
        assert!(line.starts_with(&format!("{{\"n\":{},\"who\":", made["n"])), "{line}");
        assert_eq!(made["sample_rate"], "4");
        *counts.entry(made["who"].as_i64().unwrap()).or_default() += 1;
    }
    assert!(counts.len() > 5 && counts.len() < 60, "{}", counts.len());
    assert!(counts.iter().all(|(who, count)| *count == 30 || *who == 1), "{counts:?}");
}

#[test]
fn a_template_is_made_of_fields_and_refuses_what_it_cannot_follow() {
    let text = |template: &str, line: &str| {
        FieldText::parse(template).unwrap().of(&mut Item::new(event(1, line)))
    };
    assert_eq!(
        text("a-{{ b.c }}-{{%zendesk.stream}}", r#"{"b":{"c":7}}"#).unwrap(),
        "a-7-audit_logs"
    );
    assert_eq!(text("{{ b }}", "{}"), None);
    for bad in ["{{ a", "{{ a b }}", "%F"] {
        FieldText::parse(bad).expect_err(bad);
    }
}

#[test]
fn diagnostics_show_the_place_but_nothing_from_outside() {
    let text = ".a = 1\n.b = upcase(\"s3cret\", 2, 3)\n";
    let error = Program::compile(source(text)).expect_err("wrong").to_string();
    assert!(error.contains("┌─ p:2:") && error.contains("s3cret"), "{error}");
    let hidden = Source { visible: false, ..source(text) };
    let error = Program::compile(hidden).expect_err("wrong").to_string();
    assert!(error.contains("in line 2") && !error.contains("s3cret"), "{error}");
}

#[test]
fn a_time_without_a_zone_is_read_in_the_zone_that_is_named() {
    let text = r#".t = parse_timestamp!(.t, "%F %T")"#;
    for (zone, hour) in [("UTC", "10"), ("Europe/Berlin", "09")] {
        let zone = Zone::named(zone).unwrap();
        let program = Program::compile(Source { zone, ..source(text) }).unwrap().0;
        let made =
            through(Kind::Remap(Remap { program, ..remap(".") }), r#"{"t":"2026-01-02 10:00:00"}"#);
        assert_eq!(made, [format!("{{\"t\":\"2026-01-02T{hour}:00:00Z\"}}")]);
    }
    assert!(Zone::named("Mars/Olympus").is_none());
}

#[test]
fn a_schemas_program_can_neither_fail_nor_drop_an_event_nor_be_warned_of() {
    for schema in Schema::ALL {
        let (program, warnings) =
            Program::compile(Source { name: schema.name(), ..source(schema.program()) })
                .unwrap_or_else(|error| panic!("{}: {error}", schema.name()));
        assert_eq!(warnings, None, "{}", schema.name());
        assert!(!program.can_stop(), "{} can end before its end", schema.name());
        assert_eq!(Schema::named(schema.name()), Some(schema));
    }
}

fn enrich(fields: &[(&str, &str)], target: &str) -> Kind {
    let fields = fields
        .iter()
        .map(|(path, name)| (IdField::parse(path).expect("a path"), (*name).to_owned()));
    let lookup = Lookup {
        members: Vec::new(),
        timeout: std::time::Duration::from_secs(1),
        max_entries: 1,
        ttl: std::time::Duration::ZERO,
        negative_ttl: std::time::Duration::ZERO,
    };
    Kind::Enrich(Enrich { fields: fields.collect(), target: target.to_owned(), lookup })
}

/// Through the steps, with these users and nobody else.
fn named(steps: &[Step], wanted: &str, lines: &[&str]) -> (Vec<String>, Vec<Vec<u64>>, Counts) {
    let graph =
        Graph::between(steps, ["acme.audit_logs", "acme.rejected"], |output| output == wanted);
    let page: Vec<Event> = (0..).zip(lines).map(|(number, line)| event(number, line)).collect();
    let mut passage = Passage::begin(Arc::new(graph), &page, &[], Instant::now());
    let mut asked = Vec::new();
    loop {
        let wanted = passage.wanted();
        if wanted.is_empty() {
            break;
        }
        let answer = wanted.into_iter().map(|(node, ids)| {
            asked.push(ids.iter().copied().collect());
            let name = |id: u64| serde_json::json!({ "name": format!("n{id}"), "role": "agent" });
            let person = |id: u64| name(id).as_object().cloned().map(Arc::new);
            // Who is above 100 is nobody, who is above 1,000 cannot be looked up.
            let users = ids.into_iter().filter(|id| *id <= 1_000);
            let users = users.map(|id| (id, person(id).filter(|_| id <= 100))).collect();
            (node, Known { users, failure: Some("away".to_owned()) })
        });
        let answer = answer.collect();
        passage = passage.go_on(&answer);
    }
    let passed = passage.end();
    let lines = passed.outputs[0]
        .iter()
        .map(|(_, event)| String::from_utf8(event.line.to_vec()).expect("text"));
    (lines.collect(), asked, passed.counts[0].clone())
}

#[test]
fn who_the_ids_are_is_put_behind_the_record_as_it_came() {
    let steps =
        [step("who", &["acme.audit_logs"], enrich(&[("actor_id", "actor"), ("a.b", "b")], "u"))];
    let lines = [
        r#"{"z":1.50,"actor_id":7,"a":{"b":"8"}}"#,
        r#"{"actor_id":-1,"a":{"b":null}}"#,
        r#"{"actor_id":null}"#,
        r#"{"actor_id":101,"a":{"b":[7,-1,1001]}}"#,
        r#"{"actor_id":{},"a":1}"#,
        "{}",
        r#"{"actor_id":1e400}"#,
    ];
    let (made, asked, counts) = named(&steps, "who", &lines);
    let seven = r#"{"id":7,"name":"n7","role":"agent"}"#;
    let system = r#"{"id":-1,"name":"Zendesk","role":"system"}"#;
    let expected = [
        format!(
            r#"{{"z":1.50,"actor_id":7,"a":{{"b":"8"}},"u":{{"actor":{seven},"b":{{"id":8,"name":"n8","role":"agent"}}}}}}"#
        ),
        format!(r#"{{"actor_id":-1,"a":{{"b":null}},"u":{{"actor":{system}}}}}"#),
        r#"{"actor_id":null,"u":{"actor":{"id":null,"name":"Zendesk","role":"system"}}}"#
            .to_owned(),
        format!(
            r#"{{"actor_id":101,"a":{{"b":[7,-1,1001]}},"u":{{"actor":{{"id":101,"lookup":"not_found"}},"b":[{seven},{system},{{"id":1001,"lookup":"failed"}}]}}}}"#
        ),
        lines[4].to_owned(),
        lines[5].to_owned(),
        lines[6].to_owned(),
    ];
    let sorted = |mut lines: Vec<String>| {
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(made), sorted(expected.into()));
    assert_eq!(asked, [[7, 8, 101, 1001]]);
    let Counts { received, sent, failed, dropped, .. } = counts;
    assert_eq!((received, sent, failed, dropped), (7, 7, 2, 0));
}

#[test]
fn names_can_be_looked_at_behind_it_and_a_second_lookup_adds_to_the_first() {
    let steps = [
        step("who", &["acme.audit_logs"], enrich(&[("actor_id", "actor")], "u")),
        step("mark", &["who"], Kind::Remap(remap(".x = .u.actor.name; .other_id = 9"))),
        step("more", &["mark"], enrich(&[("other_id", "other")], "u")),
    ];
    let (made, asked, _) = named(&steps, "more", &[r#"{"actor_id":7}"#, r#"{"actor_id":8}"#]);
    assert_eq!(asked, [vec![7, 8], vec![9]]);
    let made: Json = serde_json::from_str(&made[1]).unwrap();
    assert_eq!(made["x"], "n8");
    assert_eq!(made["u"]["actor"]["name"], "n8");
    assert_eq!(made["u"]["other"]["name"], "n9");
}

#[test]
fn metadata_is_whole_for_whoever_asks_for_more_of_it_later() {
    let steps = [
        step(
            "a",
            &["acme.audit_logs"],
            Kind::Filter(condition("%zendesk.stream == \"audit_logs\"")),
        ),
        step("b", &["a"], Kind::Remap(remap(".id = %zendesk.id; %left = 1"))),
        step("c", &["b"], Kind::Remap(remap(".all = %zendesk; .left = %left"))),
    ];
    let (outputs, _) = run(&steps, &["c"], &[event(3, r#"{"x":1}"#)]);
    let made: Json = serde_json::from_slice(&outputs[0][0].line).unwrap();
    assert_eq!((&made["id"], &made["left"]), (&"acme:audit_logs:3".into(), &1.into()));
    let names: Vec<&String> = made["all"].as_object().unwrap().keys().collect();
    let known = ["event_time", "id", "ingest_time", "partition", "source", "stream", "subdomain"];
    assert_eq!(names, known);
}
