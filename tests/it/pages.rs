//! `emit: pages`: the records of a page in their envelope, each in one line once, whatever fails
//! and whenever it crashes.
//!
//! `ZENSTREAM_SEED` and `ZENSTREAM_SEEDS` as in `seeds`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use zenstream::normalize::{Event, split};
use zenstream::random::Random;
use zenstream::simulator::Settings;
use zenstream::sinks::{Batch, Checked, Memory, Refused, Sink, SinkError, Written};
use zenstream::streams::{CATALOGUE, Emit, find};

use crate::catalogue::{counted, millis, pick, reading, settings};
use crate::seeds::{Choices, live, over_seeds};
use crate::transforms::world as transformed;
use crate::world::{Extra, Life, Reading, World, assert_exactly};

/// The records in pages, byte for byte. No page is empty, or has anything but records.
fn records(pages: &[String], stream: &str) -> Vec<String> {
    let layout = find(stream).expect("a stream").layout(1 << 30);
    let records = pages.iter().flat_map(|page| {
        let split = split(&Bytes::from(page.clone()), &layout).unwrap_or_else(|error| {
            panic!("{error} in {page}");
        });
        assert!(!split.records.is_empty() && split.rejected.is_empty(), "{page}");
        split.records
    });
    records.map(|it| String::from_utf8(it.line.to_vec()).expect("records are text")).collect()
}

fn in_pages(reading: Reading) -> Reading {
    Reading { emit: Emit::Pages, ..reading }
}

#[test]
fn each_record_is_in_one_page_whatever_fails_and_whenever_it_crashes() {
    over_seeds("pages", 30, |seed| {
        let choices = Choices::of(seed);
        let mut reading = in_pages(choices.reading());
        if choices.one_in(3) {
            // Pages are cut, and no record is rejected.
            reading.max_record_bytes = 30_000;
        }
        let mut world = World::new(choices.settings(seed), reading);
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
        world.bucket.arrive();
        for stream in ["audit_logs", "tickets"] {
            let held = |lines: Vec<String>, place: &str| {
                let longest = lines.iter().map(String::len).max().unwrap_or_default();
                assert!(longest <= world.reading.max_record_bytes, "a page is too long");
                assert_exactly(&world, stream, &records(&lines, stream), place);
            };
            held(world.memory_lines(stream), "memory");
            held(world.file_lines(&format!("{stream}.ndjson")), "the file");
            held(world.object_lines(stream), "the bucket");
        }
        let ids: Vec<String> = world.memory.events().iter().map(Event::id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids tell pages apart");
    });
}

#[test]
fn what_comes_late_is_in_one_page_though_its_neighbours_were_in_others() {
    over_seeds("pages, followed", 10, |seed| {
        let choices = Choices::of(seed);
        let settings = Settings {
            tickets: 0,
            live_audit_logs_per_minute: u32::try_from(choices.between(1, 30)).expect("small"),
            late_percent: 30,
            ..choices.settings(seed)
        };
        let mut world = World::new(settings, in_pages(choices.reading()));
        for _ in 0..choices.between(1, 4) {
            let life = Duration::from_millis(choices.between(1_000, 600_000));
            let life = if choices.one_in(3) { Life::Stopped(life) } else { Life::Crash(life) };
            live(&mut world, life);
            world.wait(Duration::from_secs(choices.between(0, 300)));
        }
        let before: BTreeSet<String> = world.truth("audit_logs").into_iter().collect();
        live(&mut world, Life::Stopped(Duration::from_secs(1_500)));
        world.bucket.arrive();
        for (place, lines) in [
            ("memory", world.memory_lines("audit_logs")),
            ("the file", world.file_lines("audit_logs.ndjson")),
            ("the bucket", world.object_lines("audit_logs")),
        ] {
            let held = counted(records(&lines, "audit_logs"));
            let twice = held.iter().find(|(_, count)| **count > 1);
            assert_eq!(twice, None, "in {place}");
            let lacking = before.iter().find(|line| !held.contains_key(*line));
            assert_eq!(lacking, None, "in {place}");
        }
    });
}

#[test]
fn every_row_of_the_catalogue_is_collected_in_pages_once_and_whole() {
    over_seeds("every row in pages", 6, |seed| {
        let random = Random::from_seed(seed.wrapping_mul(0x2545_f491));
        let mut world = World::new(settings(seed, &random), in_pages(reading()));
        for _ in 0..pick(&random, 0, 3) {
            world.live(Life::OnceOrCrash(millis(&random, 120_000))).expect("a run that may crash");
        }
        world.wait(Duration::from_secs(400));
        world.live(Life::Once).expect("a whole run");
        for spec in CATALOGUE {
            let held = counted(records(&world.memory_lines(spec.name), spec.name));
            let truth = counted(world.truth(spec.name));
            let lacking = truth.keys().find(|line| !held.contains_key(*line));
            assert_eq!(lacking, None, "{} lacks this of {}", spec.name, truth.len());
            let strange = held.keys().find(|line| !truth.contains_key(*line));
            assert_eq!(strange, None, "{} has this", spec.name);
            // A version that is named by its content may come again, with another between.
            let may_come_again = spec.paging.name().contains("whole list");
            let twice = held.iter().find(|(line, count)| **count > truth[*line]);
            assert!(may_come_again || twice.is_none(), "{} has {twice:?} more often", spec.name);
        }
    });
}

#[test]
fn transforms_see_records_and_what_they_leave_is_put_into_the_envelope() {
    let steps = r"
  some:
    type: filter
    inputs: [acme.audit_logs]
    condition: mod!(.id, 2) == 0
  mark:
    type: remap
    inputs: [some]
    source: .seen = true
";
    let settings = Settings { audit_logs: 250, tickets: 0, ..Settings::default() };
    let reading = Reading { sinks: vec!["rejected"], ..in_pages(Reading::default()) };
    // The second takes the same records by two ways.
    let takes: [&[&str]; 2] = [&["@mark"], &["audit_logs", "@some"]];
    let (mut world, memories) = transformed(settings, reading, steps, &takes);
    world.wait(Duration::from_secs(2_000));
    world.live(Life::Once).expect("a run");
    let all = world.truth("audit_logs");
    let is_even = |line: &String| {
        let record: Value = serde_json::from_str(line).expect("a record");
        record["id"].as_u64().is_some_and(|id| id % 2 == 0)
    };
    let even: Vec<String> = all.iter().filter(|line| is_even(line)).cloned().collect();
    let marked = records(&memories[0].lines(), "audit_logs");
    assert_eq!(marked.len(), even.len());
    assert!(marked.iter().all(|line| line.contains(r#""seen":true"#)));
    let page: Value = serde_json::from_str(&memories[0].lines()[0]).expect("a page");
    let members: Vec<&str> =
        page.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["audit_logs", "meta", "links"]);
    let both = counted(records(&memories[1].lines(), "audit_logs"));
    assert_eq!(both, counted([all, even].concat()));
}

#[test]
fn what_zendesk_sends_beside_records_leaves_through_no_transform() {
    let steps = r"
  private:
    type: redact
    inputs: [acme.activities]
    fields: [{ path: title, action: mask }]
  none:
    type: filter
    inputs: [acme.activities]
    condition: 'false'
";
    let settings = Settings { audit_logs: 0, tickets: 0, records: 30, ..Settings::default() };
    let streams = vec!["activities"];
    let reading = Reading { streams, sinks: vec!["rejected"], ..in_pages(Reading::default()) };
    let takes: [&[&str]; 3] = [&["activities"], &["@private"], &["@none"]];
    let (mut world, memories) = transformed(settings, reading, steps, &takes);
    world.wait(Duration::from_secs(2_000));
    world.live(Life::Once).expect("a run");
    let [sent, redacted, none] = memories.as_slice() else { panic!("three sinks") };
    let beside = |line: &String| {
        let page: Value = serde_json::from_str(line).expect("a page");
        page["users"] != Value::Null || page["actors"] != Value::Null
    };
    assert!(!sent.lines().is_empty() && sent.lines().iter().all(beside), "users are sent");
    assert_eq!(records(&redacted.lines(), "activities").len(), 30);
    assert!(!redacted.lines().iter().any(beside), "{:?}", redacted.lines());
    assert_eq!(none.lines(), [""; 0]);
}

/// Takes no page that has more than so many records.
#[derive(Debug)]
struct Small(usize);

#[async_trait]
impl Sink for Small {
    async fn check(&self) -> Result<Checked, SinkError> {
        Ok(Checked::new("nothing was tried"))
    }

    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        let too_many = batch.events.iter().enumerate().filter(|(_, it)| it.records() > self.0);
        let refused = too_many.map(|(index, _)| Refused { index, reason: "too many".to_owned() });
        Ok(Written { state: None, refused: refused.collect() })
    }
}

#[test]
fn a_page_that_a_sink_refuses_is_rejected_whole_and_its_stream_goes_on() {
    let settings = Settings { audit_logs: 250, tickets: 0, ..Settings::default() };
    let reading = Reading { sinks: vec!["memory"], ..in_pages(Reading::default()) };
    let mut world = World::new(settings, reading);
    world.wait(Duration::from_secs(2_000));
    let refused = Memory::new();
    let extra = |name, takes: &[&'static str], sink: Arc<dyn Sink>| {
        let takes = takes.to_vec();
        Extra { name, takes, acknowledged: true, sink, delivery: None }
    };
    world.extra = vec![
        extra("small", &["audit_logs"], Arc::new(Small(60))),
        extra("refused", &["@small.rejected"], Arc::new(refused.clone())),
    ];
    world.live(Life::Once).expect("a run");
    let refused: Vec<Value> =
        refused.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let counts = |page: &Value| page["record"]["audit_logs"].as_array().expect("records").len();
    assert_eq!(refused.iter().map(counts).collect::<Vec<_>>(), [100, 100]);
    assert_eq!(refused[0]["reason"], "too many");
    // All of it counts as delivered.
    let before = world.memory_lines("audit_logs").len();
    world.live(Life::Once).expect("a run");
    assert_eq!(world.memory_lines("audit_logs").len(), before);
}
