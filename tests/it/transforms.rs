//! Events through transforms: each once all the same, whatever fails and whenever it crashes, and
//! what passes untouched is as the account has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use zenstream::config::{self, Format};
use zenstream::pipeline::TransformTally;
use zenstream::simulator::Settings;
use zenstream::sinks::{Memory, Sink};
use zenstream::transform::Step;

use crate::seeds::{Choices, live, over_seeds};
use crate::truth::{by_id, id_of};
use crate::world::{Extra, Life, Reading, World, assert_exactly};

/// The transforms of a config, as it is loaded.
pub(crate) fn transforms(text: &str) -> Vec<Step> {
    let config = format!(
        "sources:
  acme: {{ type: zendesk, subdomain: acme, auth: {{ strategy: bearer, token: t }}, streams: ['*'] }}
transforms:
{text}
sinks:
  out: {{ type: console, inputs: ['*'] }}
"
    );
    let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
    let config = config::parse(&config, Format::Yaml, "c.yaml", &environment);
    config.unwrap_or_else(|error| panic!("{error}")).transforms
}

/// A world with these transforms, and a memory sink for each of these lists of outputs.
pub(crate) fn world(
    settings: Settings,
    reading: Reading,
    steps: &str,
    takes: &[&'static [&'static str]],
) -> (World, Vec<Memory>) {
    let mut world = World::new(settings, reading);
    world.transforms = transforms(steps);
    let memories: Vec<Memory> = takes.iter().map(|_| Memory::new()).collect();
    let names = ["one", "two", "three", "four"];
    for ((name, takes), memory) in names.into_iter().zip(takes).zip(&memories) {
        let sink = Arc::new(memory.clone()) as Arc<dyn Sink>;
        let takes = takes.to_vec();
        world.extra.push(Extra { name, takes, acknowledged: true, sink, delivery: None });
    }
    (world, memories)
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

const MANY: &str = r#"
  split:
    type: route
    inputs: ["acme.*"]
    route:
      even: mod!(.id, 2) == 0
      third: mod!(.id, 3) == 0
  mark:
    type: remap
    inputs: [split.even, split._unmatched]
    source: |
      .seen = %zendesk.stream
      .fixed = %zendesk.event_time
  twice:
    type: remap
    inputs: [mark, acme.audit_logs]
    drop_on_error: true
    reroute_dropped: true
    source: |
      if mod!(.id, 5) == 0 { . = parse_json!("no json") }
      if mod!(.id, 7) == 0 { abort }
      copy = .
      copy.copy = true
      . = [., copy]
"#;

/// What the `one` and `two` sinks are to have of a stream, told by id and the way they came.
fn expected(truth: &BTreeMap<String, String>, stream: &str) -> [Vec<String>; 2] {
    let [mut one, mut two] = [Vec::new(), Vec::new()];
    for line in truth.values() {
        let id = json(line)["id"].as_u64().expect("a number");
        let (even, third) = (id.is_multiple_of(2), id.is_multiple_of(3));
        let marked = even || !third;
        one.extend(marked.then(|| format!("{} marked", id_of(line))));
        one.extend(third.then(|| format!("{} plain", id_of(line))));
        let ways = usize::from(marked) + usize::from(stream == "audit_logs");
        for _ in 0..ways {
            if id.is_multiple_of(5) || id.is_multiple_of(7) {
                let why = if id.is_multiple_of(5) { "error" } else { "abort" };
                two.push(format!("{} {why}", id_of(line)));
            } else {
                two.extend([format!("{} first", id_of(line)), format!("{} copy", id_of(line))]);
            }
        }
    }
    one.sort();
    two.sort();
    [one, two]
}

fn found(memory: &Memory, stream: &str, kind: impl Fn(&Value) -> &'static str) -> Vec<String> {
    let events = memory.events().into_iter().filter(|event| event.origin.stream == stream);
    let lines = events.map(|event| String::from_utf8(event.line.to_vec()).expect("text"));
    let mut found: Vec<String> =
        lines.map(|line| format!("{} {}", id_of(&line), kind(&json(&line)))).collect();
    found.sort();
    found
}

/// Both sorted; what differs is said without the rest.
fn assert_same(found: &[String], expected: &[String]) {
    let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert_eq!(differs, None, "of {} found and {} expected", found.len(), expected.len());
    assert_eq!(found.len(), expected.len());
}

#[test]
fn what_passes_transforms_is_there_once_whatever_fails_and_whenever_it_crashes() {
    over_seeds("transforms", 20, |seed| {
        let choices = Choices::of(seed);
        let takes: [&[&str]; 2] = [&["@mark", "@split.third"], &["@twice", "@twice.dropped"]];
        let (mut world, memories) = world(choices.settings(seed), choices.reading(), MANY, &takes);
        world.bucket.slow_down(Duration::from_millis(choices.between(0, 2_000)));
        for _ in 0..choices.between(0, 6) {
            let crash = Duration::from_millis(choices.between(1, 20_000));
            live(&mut world, Life::OnceOrCrash(crash));
            if choices.one_in(2) {
                world.bucket.arrive();
            }
        }
        world.wait(Duration::from_secs(400));
        live(&mut world, Life::Once);
        for stream in ["audit_logs", "tickets"] {
            let truth = by_id(&world.truth(stream), "the account");
            let [one, two] = expected(&truth, stream);
            let marked = |it: &Value| if it["seen"].is_null() { "plain" } else { "marked" };
            assert_same(&found(&memories[0], stream, marked), &one);
            let part = |it: &Value| match it["metadata"]["dropped"]["reason"].as_str() {
                Some("error") => "error",
                Some("abort") => "abort",
                _ if it["copy"] == true => "copy",
                _ => "first",
            };
            assert_same(&found(&memories[1], stream, part), &two);
            // Beside them, what passes none is as it is.
            assert_exactly(&world, stream, &world.memory_lines(stream), "memory");
        }
    });
}

fn settled(steps: &str, takes: &[&'static [&'static str]]) -> (World, Vec<Memory>) {
    let settings = Settings { audit_logs: 700, tickets: 150, ..Settings::default() };
    let reading = Reading { sinks: vec!["rejected"], ..Reading::default() };
    let (mut world, memories) = world(settings, reading, steps, takes);
    world.wait(Duration::from_secs(2_000));
    (world, memories)
}

#[test]
fn what_conditions_let_pass_is_byte_for_byte_and_in_order() {
    let steps = r#"
  some:
    type: filter
    inputs: [acme]
    condition: mod!(.id, 2) == 0
  others:
    type: exclusive_route
    inputs: [acme]
    routes:
      - { name: odd, condition: "mod!(.id, 2) == 1" }
"#;
    let (mut world, memories) =
        settled(steps, &[&["@some", "@others.odd"], &["@others._unmatched"]]);
    world.live(Life::Once).expect("a run");
    for stream in ["audit_logs", "tickets"] {
        let of = |memory: &Memory| -> Vec<String> {
            let events = memory.events().into_iter().filter(|it| it.origin.stream == stream);
            events.map(|it| String::from_utf8(it.line.to_vec()).expect("text")).collect()
        };
        let (whole, even) = (of(&memories[0]), of(&memories[1]));
        assert_exactly(&world, stream, &whole, "both halves together");
        let is_even = |line: &&String| json(line)["id"].as_u64().is_some_and(|id| id % 2 == 0);
        assert!(whole.iter().filter(is_even).eq(&even), "{stream} is out of order");
        assert!(even.len() > 10 && even.len() < whole.len());
    }
}

#[test]
fn what_transforms_did_is_counted() {
    let steps = r#"
  none:
    type: filter
    inputs: [acme.tickets]
    condition: "false"
  broken:
    type: remap
    inputs: [acme.audit_logs]
    drop_on_error: true
    source: .a = parse_json!("x")
"#;
    let (mut world, memories) = settled(steps, &[&["@none"], &["@broken"]]);
    let tally = world.live(Life::Once).expect("a run");
    assert!(memories.iter().all(Memory::is_empty));
    let counts = |name: &str| {
        let of = |it: &TransformTally| {
            [&it.received, &it.sent, &it.discarded, &it.errors, &it.dropped]
                .map(|count| count.load(Ordering::Relaxed))
        };
        tally.transforms.iter().find(|it| it.name == name).map(of).expect("it is there")
    };
    let (tickets, logs) = (world.truth("tickets").len(), world.truth("audit_logs").len());
    let (tickets, logs) = (tickets as u64, logs as u64);
    assert_eq!(counts("none"), [tickets, 0, tickets, 0, 0]);
    assert_eq!(counts("broken"), [logs, 0, 0, logs, logs]);
    // Delivered, as far as the position is concerned: nothing of it comes again.
    let again = world.live(Life::Once).expect("a run");
    let received = again.transforms.iter().map(|it| it.received.load(Ordering::Relaxed));
    assert!(received.sum::<u64>() < 30, "all of it was read again");
}

#[test]
fn what_is_rejected_can_pass_transforms_too() {
    let steps = r#"
  why:
    type: remap
    inputs: [acme.rejected]
    source: ". = {\"id\": .record.id, \"why\": .reason}"
"#;
    let (mut world, memories) = settled(steps, &[&["@why"], &["audit_logs", "tickets"]]);
    world.reading.max_record_bytes = 900;
    world.live(Life::Once).expect("a run");
    let rejected: Vec<Value> = memories[0].lines().iter().map(|line| json(line)).collect();
    assert!(!rejected.is_empty());
    assert!(rejected.iter().all(|it| it["why"].as_str().is_some_and(|why| why.contains("900"))));
    let all = world.truth("audit_logs").len() + world.truth("tickets").len();
    assert_eq!(rejected.len() + memories[1].lines().len(), all);
}
