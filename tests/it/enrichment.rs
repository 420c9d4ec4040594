//! `enrich_actors`: who did something is said beside it, and nothing waits for ever, is lost or
//! comes twice because of it, whatever fails.
//!
//! `ZENSTREAM_SEED` and `ZENSTREAM_SEEDS` as in `seeds`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use zenstream::pipeline::Tally;
use zenstream::simulator::transport::SeenRequest;
use zenstream::simulator::{Refusal, RefusalReason, Settings};
use zenstream::sinks::Memory;
use zenstream::streams::Emit;

use crate::seeds::{Choices, live, over_seeds};
use crate::transforms::world as transformed;
use crate::truth::{by_id, id_of};
use crate::world::{Life, Reading, World, assert_exactly};

const WHO: &str = r"
  who:
    type: enrich_actors
    inputs: [acme.audit_logs]
";

const SHOW_MANY: &str = "/api/v2/users/show_many";

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

/// What is at the end of a line, and the line without it.
fn parted(line: &str) -> (String, Value) {
    let at = line.rfind(r#","zendesk_users":"#).unwrap_or_else(|| panic!("nobody in {line}"));
    (format!("{}}}", &line[..at]), json(line)["zendesk_users"]["actor"].clone())
}

/// The users of the account by id, as the API has them now.
fn users(world: &World) -> BTreeMap<u64, Value> {
    let users = world.truth("users").into_iter().map(|line| json(&line));
    users.map(|user| (user["id"].as_u64().expect("an id"), user)).collect()
}

fn asked(world: &World) -> usize {
    world.requests.iter().filter(|request| request.uri.path() == SHOW_MANY).count()
}

fn of_audit_logs(settings: Settings) -> (World, Memory) {
    let settings = Settings { tickets: 0, records: 60, ..settings };
    let reading =
        Reading { sinks: vec!["rejected"], streams: vec!["audit_logs"], ..Reading::default() };
    let (mut world, memories) = transformed(settings, reading, WHO, &[&["@who"]]);
    world.wait(Duration::from_secs(2_000));
    (world, memories[0].clone())
}

/// The record is as the account has it, and whoever is named is who the account says.
fn assert_true(lines: &[String], world: &World) -> BTreeMap<&'static str, usize> {
    let users = users(world);
    let mut counts = BTreeMap::new();
    for line in lines {
        let (record, actor) = parted(line);
        let record = json(&record);
        let id = &record["actor_id"];
        assert_eq!(&actor["id"], id);
        let kind = match actor["lookup"].as_str() {
            Some("failed") => "failed",
            Some("not_found") => "not found",
            _ if *id == json!(-1) => {
                assert_eq!(actor, json!({ "id": -1, "name": "Zendesk", "role": "system" }));
                "system"
            }
            _ => {
                let user = &users[&id.as_u64().expect("an id")];
                let expected = json!({ "id": id, "name": user["name"], "email": user["email"], "role": user["role"] });
                assert_eq!(actor, expected);
                "named"
            }
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

fn errors(tally: &Tally) -> u64 {
    tally.transforms[0].errors.load(Ordering::Relaxed)
}

#[test]
fn who_did_it_is_said_behind_the_record_which_stays_byte_for_byte() {
    let (mut world, memory) = of_audit_logs(Settings { audit_logs: 700, ..Settings::default() });
    let tally = world.live(Life::Once).expect("a run");
    let lines = memory.lines();
    let records: Vec<String> = lines.iter().map(|line| parted(line).0).collect();
    assert_exactly(&world, "audit_logs", &records, "memory");
    let counts = assert_true(&lines, &world);
    assert!(counts["named"] > 500 && counts["system"] > 5 && counts["not found"] > 5, "{counts:?}");
    assert!(!counts.contains_key("failed"));
    assert_eq!(errors(&tally), 0);
    // Few people do all of it: one request or two, then all is known.
    assert!((1..=8).contains(&asked(&world)), "one a page at the most: {}", asked(&world));
    let asked: Vec<String> = world.requests.iter().flat_map(ids_of).collect();
    let once: BTreeSet<&String> = asked.iter().collect();
    assert_eq!(once.len(), asked.len(), "nobody is asked for twice, gone or not");
}

/// The ids that a request asks for.
fn ids_of(request: &SeenRequest) -> Vec<String> {
    let query = request.uri.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let ids = pairs.filter(|(name, _)| name == "ids");
    ids.flat_map(|(_, ids)| ids.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn what_is_enriched_is_there_once_whatever_fails_and_whenever_it_crashes() {
    over_seeds("enriched", 30, |seed| {
        let choices = Choices::of(seed);
        let settings = Settings { records: 60, ..choices.settings(seed) };
        let steps = r"
  who:
    type: enrich_actors
    inputs: [acme]
    fields: { actor_id: actor, assignee_id: assignee }
    timeout_secs: 5
    cache: { max_entries: 20, ttl_secs: 60, negative_ttl_secs: 30 }
  again:
    type: remap
    inputs: [who]
    source: .seen = .zendesk_users.actor.name
";
        let reading = Reading { sinks: vec!["memory", "objects", "rejected"], ..choices.reading() };
        let (mut world, memories) =
            transformed(settings, reading, steps, &[&["@who"], &["@again"]]);
        world.bucket.slow_down(Duration::from_millis(choices.between(0, 2_000)));
        for _ in 0..choices.between(0, 5) {
            live(&mut world, Life::OnceOrCrash(Duration::from_millis(choices.between(1, 20_000))));
            world.bucket.arrive();
        }
        world.wait(Duration::from_secs(400));
        live(&mut world, Life::Once);
        for stream in ["audit_logs", "tickets"] {
            let truth = by_id(&world.truth(stream), "the account");
            for (memory, name) in memories.iter().zip(["who", "again"]) {
                let events = memory.events().into_iter().filter(|it| it.origin.stream == stream);
                let lines: Vec<String> =
                    events.map(|it| String::from_utf8(it.line.to_vec()).expect("text")).collect();
                let ids: BTreeSet<String> = lines.iter().map(|line| id_of(line)).collect();
                assert_eq!(ids.len(), lines.len(), "{stream} in {name}: some are there twice");
                assert!(ids.iter().eq(truth.keys()), "{stream} in {name}: some are missing");
            }
            assert_exactly(&world, stream, &world.memory_lines(stream), "memory");
        }
        assert_true_of_audit_logs(&memories[0], &world);
        assert_eq!(world.foreign_requests, 0);
    });
}

fn assert_true_of_audit_logs(memory: &Memory, world: &World) {
    let events = memory.events().into_iter().filter(|it| it.origin.stream == "audit_logs");
    let lines = events.map(|it| String::from_utf8(it.line.to_vec()).expect("text"));
    assert_true(&lines.collect::<Vec<_>>(), world);
}

/// Users cannot be had, for this reason, in all of the test.
fn refused(reason: RefusalReason) -> (World, Memory) {
    let (from, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    let refusal = Refusal { stream: "users".to_owned(), from, until, reason };
    let refusals = vec![refusal];
    of_audit_logs(Settings { audit_logs: 700, refusals, ..Settings::default() })
}

#[test]
fn a_token_that_may_not_see_users_costs_names_alone() {
    let (mut world, memory) = refused(RefusalReason::Scope);
    let before = world.now;
    let tally = world.live(Life::Once).expect("a run");
    let counts = assert_true(&memory.lines(), &world);
    assert!(counts["failed"] > 600 && counts["system"] > 5, "{counts:?}");
    assert_eq!(errors(&tally), counts["failed"] as u64);
    assert_eq!(asked(&world), 1, "it is not asked again for every page");
    assert!(world.now.duration_since(before).as_secs() < 30);
}

#[test]
fn users_that_cannot_be_had_in_time_hold_no_event_for_long() {
    for reason in [RefusalReason::Maintenance, RefusalReason::UsedUp] {
        let (mut world, memory) = refused(reason);
        let before = world.now;
        world.live(Life::Once).expect("a run");
        let counts = assert_true(&memory.lines(), &world);
        assert!(counts["failed"] > 600, "{counts:?}");
        let took = world.now.duration_since(before).as_secs();
        assert!(took < 40, "{took} s with {reason:?}");
    }
}

#[test]
fn streams_of_one_account_share_what_is_known_and_pages_hold_it_too() {
    let steps = r"
  who:
    type: enrich_actors
    inputs: [acme.audit_logs, acme.ticket_audits]
    fields: { actor_id: actor, author_id: author }
    add: [name, active]
    target: people
";
    let settings = Settings { audit_logs: 300, tickets: 20, records: 200, ..Settings::default() };
    let reading = Reading {
        sinks: vec!["rejected"],
        streams: vec!["audit_logs", "ticket_audits"],
        emit: Emit::Pages,
        ..Reading::default()
    };
    let (mut world, memories) = transformed(settings, reading, steps, &[&["@who"]]);
    world.wait(Duration::from_secs(2_000));
    world.live(Life::Once).expect("a run");
    let asked: Vec<String> = world.requests.iter().flat_map(ids_of).collect();
    let once: BTreeSet<&String> = asked.iter().collect();
    assert_eq!(once.len(), asked.len(), "nobody is asked for twice");
    let pages: Vec<Value> = memories[0].lines().iter().map(|line| json(line)).collect();
    for (stream, id, name) in
        [("audit_logs", "actor_id", "actor"), ("audits", "author_id", "author")]
    {
        let records = pages.iter().filter_map(|page| page[stream].as_array()).flatten();
        let named = records.filter(|it| it["people"][name]["name"].is_string());
        let named: Vec<&Value> = named.collect();
        assert!(named.len() > 100, "{stream}");
        assert!(named.iter().all(|it| it["people"][name]["id"] == it[id]));
    }
}
