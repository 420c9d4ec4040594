//! Planted losses, doubles and changes are found, each of them and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;

/// Of each kind.
const PLANTED: usize = 100;

const START: i64 = 1_714_521_600;

fn subject(version_field: Option<&'static str>) -> Subject {
    Subject {
        layout: PageLayout {
            records_key: "audit_logs",
            is_object: false,
            id_field: "id",
            time_field: "created_at",
            version_field,
            max_record_bytes: 1 << 20,
        },
        since: Timestamp::from_second(START).unwrap(),
        until: Timestamp::from_second(START + 1_000_000).unwrap(),
        metadata_key: None,
    }
}

/// So far apart that no change of one digit makes one id of another.
fn number(id: u64) -> u64 {
    35_184_372_000_000 + id * 9_973
}

fn record(id: u64) -> String {
    let second = START + i64::try_from(id % 1_000_000).unwrap();
    let at = Timestamp::from_second(second).unwrap();
    format!(
        r#"{{"id":{},"created_at":"{at}","actor_name":"Nadia {id}","change":"from \"a\" to é"}}"#,
        number(id)
    )
}

fn name(id: u64) -> String {
    number(id).to_string()
}

fn comparison(subject: &Subject) -> Comparison {
    Comparison::new(subject, &std::env::temp_dir()).unwrap()
}

fn found(report: &mut Report, kind: Kind) -> BTreeSet<String> {
    let findings = report.first(kind, usize::MAX).unwrap();
    findings.iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

/// Tens of thousands of events; a million where `ZENSTREAM_FULL` is set.
fn events() -> u64 {
    if std::env::var_os("ZENSTREAM_FULL").is_some() { 1_000_000 } else { 30_000 }
}

/// Distinct ids for each kind of fault.
struct Planted {
    lost: BTreeSet<u64>,
    doubled: BTreeSet<u64>,
    /// By id: the place of the byte, and what it becomes.
    altered: BTreeMap<u64, (usize, u8)>,
}

impl Planted {
    fn draw(random: &mut fastrand::Rng, events: u64) -> Self {
        let mut ids = BTreeSet::new();
        let mut drawn = Vec::new();
        while drawn.len() < 3 * PLANTED {
            let id = random.u64(0..events);
            if ids.insert(id) {
                drawn.push(id);
            }
        }
        let change = |id: &u64| {
            let line = record(*id);
            let place = random.usize(0..line.len());
            let byte = loop {
                let byte = random.u8(b' '..=b'~');
                if byte != line.as_bytes()[place] {
                    break byte;
                }
            };
            (*id, (place, byte))
        };
        let altered = drawn[..PLANTED].iter().map(change).collect();
        let lost = drawn[PLANTED..2 * PLANTED].iter().copied().collect();
        let doubled = drawn[2 * PLANTED..].iter().copied().collect();
        Self { lost, doubled, altered }
    }

    fn feed(&self, comparison: &mut Comparison, events: u64) {
        for id in 0..events {
            if id % 10_000 == 0 {
                comparison.object(&format!("object-{}", id / 10_000));
            }
            let mut line = record(id).into_bytes();
            if let Some((place, byte)) = self.altered.get(&id) {
                line[*place] = *byte;
            }
            if !self.lost.contains(&id) {
                comparison.destination(&line).unwrap();
            }
            if self.doubled.contains(&(events - 1 - id)) {
                comparison.destination(record(events - 1 - id).as_bytes()).unwrap();
            }
        }
    }
}

#[test]
fn every_planted_fault_is_found_and_nothing_else() {
    let events = events();
    for seed in 0..3 {
        let planted = Planted::draw(&mut fastrand::Rng::with_seed(seed), events);
        let mut comparison = comparison(&subject(None));
        for id in 0..events {
            comparison.account(record(id).as_bytes()).unwrap();
        }
        planted.feed(&mut comparison, events);
        let mut report = comparison.finish().unwrap();
        let [missing, doubled, altered] =
            [Kind::Missing, Kind::Doubled, Kind::Altered].map(|kind| found(&mut report, kind));
        let names = |ids: &BTreeSet<u64>| ids.iter().copied().map(name).collect::<BTreeSet<_>>();
        let changed: BTreeSet<String> = planted.altered.keys().copied().map(name).collect();
        assert_eq!(doubled, names(&planted.doubled), "seed {seed}");
        // A change of the id, the time or the syntax loses the event as it was.
        assert!(missing.is_superset(&names(&planted.lost)), "seed {seed}");
        let lost_by_change: BTreeSet<_> =
            missing.difference(&names(&planted.lost)).cloned().collect();
        assert!(lost_by_change.is_disjoint(&altered), "seed {seed}");
        let told: BTreeSet<_> = lost_by_change.union(&altered).cloned().collect();
        assert_eq!(told, changed, "seed {seed}");
        assert!(!report.is_clean(), "seed {seed}");
        assert_ne!(report.account_digest, report.destination_digest, "seed {seed}");
        let hours: u64 = report.hours.iter().map(|(_, hour)| hour.found.missing).sum();
        assert_eq!(hours, report.counts.found.missing, "seed {seed}");
    }
}

#[test]
fn where_nothing_is_wrong_nothing_is_found() {
    let events = events();
    let mut comparison = comparison(&subject(None));
    for id in 0..events {
        comparison.account(record(id).as_bytes()).unwrap();
    }
    comparison.object("all");
    for id in (0..events).rev() {
        comparison.destination(record(id).as_bytes()).unwrap();
    }
    let report = comparison.finish().unwrap();
    assert!(report.is_clean());
    assert_eq!(report.counts.account, events);
    assert_eq!(report.counts.destination, events);
    assert_eq!(report.counts.found, Found::default());
    assert_eq!(report.account_digest, report.destination_digest);
}

#[test]
fn a_digest_can_be_made_again_from_its_description() {
    use sha2::{Digest as _, Sha256};
    let hex =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut comparison = comparison(&subject(None));
    let mut lines = Vec::new();
    for id in 0..1_000 {
        let line = record(id);
        comparison.account(line.as_bytes()).unwrap();
        let (id, line) = (Sha256::digest(name(id)), Sha256::digest(line));
        lines.push(format!("{} {}\n", hex(&id), hex(&line)));
    }
    lines.sort();
    let expected = hex(&Sha256::digest(lines.concat()));
    assert_eq!(comparison.finish().unwrap().account_digest, expected);
}

#[test]
fn metadata_under_its_key_is_no_change() {
    let mut subject = subject(None);
    subject.metadata_key = Some("zendesk".to_owned());
    let mut comparison = comparison(&subject);
    let takes = r#"{"id":1,"created_at":"2024-05-02T00:00:00Z","zendesk":1}"#;
    comparison.account(takes.as_bytes()).unwrap();
    comparison.account(record(2).as_bytes()).unwrap();
    comparison.object("one");
    let beside =
        r#"{"id":1,"created_at":"2024-05-02T00:00:00Z","zendesk":1,"zendesk_":{"id":"x"}}"#;
    comparison.destination(beside.as_bytes()).unwrap();
    let with = record(2).replace('}', r#","zendesk":{"a":[1,{}]}}"#);
    comparison.destination(with.as_bytes()).unwrap();
    assert!(comparison.finish().unwrap().is_clean());
}

#[test]
fn an_earlier_version_of_a_record_is_no_fault() {
    let ticket = |id: u64, at: i64| {
        format!(r#"{{"id":{id},"created_at":"2020-01-01T00:00:00Z","generated_timestamp":{at}}}"#)
    };
    let mut comparison = comparison(&subject(Some("generated_timestamp")));
    comparison.account(ticket(1, START + 50).as_bytes()).unwrap();
    comparison.account(ticket(2, START + 60).as_bytes()).unwrap();
    comparison.object("one");
    for (id, at) in [(1, START + 10), (1, START + 50), (1, START - 10), (1, START + 5_000_000)] {
        comparison.destination(ticket(id, at).as_bytes()).unwrap();
    }
    let mut report = comparison.finish().unwrap();
    assert_eq!(found(&mut report, Kind::Missing), BTreeSet::from([format!("2@{}", START + 60)]));
    let earlier = BTreeSet::from([format!("1@{}", START + 10)]);
    assert_eq!(found(&mut report, Kind::Superseded), earlier);
    assert_eq!(report.counts.outside, 2);
    assert_eq!(report.counts.found.wrong(), 1);
}

#[test]
fn what_is_no_record_is_told_with_its_place() {
    let mut comparison = comparison(&subject(None));
    comparison.object("one");
    for line in ["{}", "", "{\"id\":1},{\"id\":2}", "[]", "{\"id\":", "nonsense"] {
        comparison.destination(line.as_bytes()).unwrap();
    }
    let report = comparison.finish().unwrap();
    let places: Vec<u64> = report.unreadable.iter().map(|it| it.line).collect();
    assert_eq!(places, [3, 4, 5, 6]);
    assert!(!report.is_clean());
}

#[test]
fn the_report_is_json_with_every_finding() {
    let mut comparison = comparison(&subject(None));
    comparison.account(record(1).as_bytes()).unwrap();
    comparison.object("s3://bucket/a");
    for id in [2, 3, 3] {
        comparison.destination(record(id).as_bytes()).unwrap();
    }
    comparison.destination(b"nonsense").unwrap();
    let mut report = comparison.finish().unwrap();
    let mut text = Vec::new();
    report.write(&json!({"stream": "audit_logs"}), &mut text).unwrap();
    let told: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(told["stream"], "audit_logs");
    assert_eq!(told["verified"], false);
    assert_eq!(told["missing"][0]["id"], name(1));
    assert_eq!(told["doubled"][0]["places"], json!(["s3://bucket/a:2", "s3://bucket/a:3"]));
    assert_eq!(told["unexpected"].as_array().unwrap().len(), 2);
    assert_eq!(told["hours"][0]["missing"], 1);
    assert_eq!(told["counts"]["lines"], 4);
}

#[test]
fn a_page_in_its_envelope_is_as_good_as_its_records() {
    let mut comparison = comparison(&subject(None));
    for id in 0..6 {
        comparison.account(record(id).as_bytes()).unwrap();
    }
    comparison.object("pages");
    let page = |ids: &[u64]| {
        let records: Vec<String> = ids.iter().map(|id| record(*id)).collect();
        format!(r#"{{"count":9,"audit_logs":[{}],"next_page":null}}"#, records.join(","))
    };
    comparison.destination(page(&[0, 1, 2]).as_bytes()).unwrap();
    comparison.destination(record(3).as_bytes()).unwrap();
    comparison.destination(page(&[4, 1]).as_bytes()).unwrap();
    let mut report = comparison.finish().unwrap();
    assert_eq!(found(&mut report, Kind::Missing), BTreeSet::from([name(5)]));
    assert_eq!(found(&mut report, Kind::Doubled), BTreeSet::from([name(1)]));
    assert!(found(&mut report, Kind::Altered).is_empty());
}

#[test]
fn a_place_may_be_an_offset_of_any_size() {
    let mut comparison = comparison(&subject(None));
    comparison.account(record(1).as_bytes()).unwrap();
    comparison.object("kafka://k/t/0");
    let far = 1 << 40;
    comparison.destination_at(0, record(1).as_bytes()).unwrap();
    comparison.passed_over(7);
    comparison.destination_at(far, record(1).as_bytes()).unwrap();
    comparison.destination_at(far + 1, b"nonsense").unwrap();
    let mut report = comparison.finish().unwrap();
    let found = report.first(Kind::Doubled, 1).unwrap();
    assert_eq!(found[0]["places"], json!(["kafka://k/t/0:0", "kafka://k/t/0:1099511627776"]));
    assert_eq!(report.unreadable[0].line, far + 1);
    assert_eq!((report.counts.lines, report.counts.outside), (10, 7));
}
