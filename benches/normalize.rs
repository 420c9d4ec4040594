//! How fast pages become records: the splitter beside `serde_json` on the same
//! bytes. `cargo bench --bench normalize`; each group is one stage of the way.
//!
//! The pages are made here from a seed, in the shapes Zendesk sends.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastrand::Rng;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use zenstream::normalize::{Event, Origin, PageLayout, events, split};
use zenstream::sinks::{Encoder, EncoderSettings};

const SEED: u64 = 7;
const WORDS: &[&str] = &[
    "account", "agent", "billing", "cannot", "changed", "customer", "delivery", "enabled", "error",
    "field", "from", "help", "invoice", "login", "macro", "order", "password", "please", "refund",
    "reset", "rule", "setting", "ticket", "the", "to", "trigger", "updated", "user", "with",
];

/// A page and where its records are.
struct Page {
    name: &'static str,
    bytes: Bytes,
    layout: PageLayout,
}

fn pages() -> Vec<Page> {
    let layout = PageLayout {
        records_key: "audit_logs",
        is_object: false,
        id_field: "id",
        time_field: "created_at",
        version_field: None,
        max_record_bytes: 10 << 20,
    };
    let audit = page("audit_logs", 100, audit_record);
    let tickets = page("tickets", 1000, ticket_record);
    vec![
        Page { name: "audit", bytes: audit.clone().into(), layout },
        Page {
            name: "tickets",
            bytes: tickets.into(),
            layout: PageLayout {
                records_key: "tickets",
                version_field: Some("updated_at"),
                ..layout
            },
        },
        Page { name: "audit_pretty", bytes: pretty(&audit).into(), layout },
    ]
}

/// The cursor stands after the array, as in recorded answers.
fn page(key: &str, count: usize, record: fn(&mut Rng, usize) -> String) -> String {
    let mut rng = Rng::with_seed(SEED);
    let records: Vec<_> = (0..count).map(|index| record(&mut rng, index)).collect();
    format!(
        r#"{{"{key}":[{}],"meta":{{"has_more":true,"after_cursor":"{}"}},"links":{{"next":null}}}}"#,
        records.join(","),
        words(&mut rng, 8).replace(' ', "")
    )
}

fn pretty(page: &str) -> String {
    let value: Value = serde_json::from_str(page).expect("the generator makes JSON");
    serde_json::to_string_pretty(&value).expect("a value can be written")
}

fn words(rng: &mut Rng, count: usize) -> String {
    let words: Vec<_> = (0..count).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
    words.join(" ")
}

/// Text as people write it: every fourth record in another script, which Zendesk
/// sends as escapes.
fn text(rng: &mut Rng, index: usize, count: usize) -> String {
    if !index.is_multiple_of(4) {
        return words(rng, count);
    }
    let mut text = String::new();
    for _ in 0..count {
        for _ in 0..rng.usize(2..7) {
            write!(text, "\\u04{:02x}", rng.u8(0x30..0x50)).expect("a string takes all");
        }
        text.push(' ');
    }
    text
}

fn html(rng: &mut Rng, index: usize, paragraphs: usize) -> String {
    let mut html = String::new();
    for _ in 0..paragraphs {
        let text = text(rng, index, 9);
        let link = rng.u32(..);
        write!(
            html,
            r#"<p class=\"note\">{text} <a href=\"https://x.test/{link}\">&gt;</a></p>\n"#
        )
        .expect("a string takes all");
    }
    html
}

fn id(rng: &mut Rng) -> u64 {
    rng.u64(360_000_000_000..22_000_000_000_000)
}

fn time(rng: &mut Rng) -> String {
    let (day, hour, minute) = (rng.u8(1..29), rng.u8(..24), rng.u8(..60));
    format!("2024-{:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", rng.u8(1..13), rng.u8(..60))
}

fn audit_record(rng: &mut Rng, index: usize) -> String {
    let (id, actor, source) = (id(rng), id(rng), id(rng));
    format!(
        r#"{{"url":"https://acme.zendesk.com/api/v2/audit_logs/{id}.json","id":{id},"action_label":"Updated","actor_id":{actor},"source_id":{source},"source_type":"account_setting","source_label":"{}","action":"update","change_description":"{}","ip_address":"198.51.100.{}","created_at":"{}","actor_name":"{}"}}"#,
        words(rng, 3),
        text(rng, index, 5),
        rng.u8(..),
        time(rng),
        words(rng, 2),
    )
}

fn ticket_record(rng: &mut Rng, index: usize) -> String {
    let (id, created, updated) = (id(rng), time(rng), time(rng));
    let subject = text(rng, index, 6);
    let people: Vec<_> = (0..5).map(|_| self::id(rng).to_string()).collect();
    format!(
        r#"{{"url":"https://acme.zendesk.com/api/v2/tickets/{id}.json","id":{id},"external_id":null,"via":{{"channel":"web","source":{{"from":{{}},"to":{{"name":"{}","address":"support@acme.test"}},"rel":null}}}},"created_at":"{created}","updated_at":"{updated}","generated_timestamp":{},"type":"incident","subject":"{subject}","raw_subject":"{subject}","description":"{}","priority":"normal","status":"open","recipient":null,"requester_id":{},"submitter_id":{},"assignee_id":{},"organization_id":null,"group_id":{},"collaborator_ids":[{}],"follower_ids":[],"email_cc_ids":[],"forum_topic_id":null,"problem_id":null,"has_incidents":false,"is_public":true,"due_at":null,"tags":["{}"],"custom_fields":[{}],"satisfaction_rating":{{"score":"unoffered"}},"sharing_agreement_ids":[],"custom_status_id":{},"followup_ids":[],"ticket_form_id":{},"brand_id":{},"allow_channelback":false,"allow_attachments":true,"from_messaging_channel":false}}"#,
        words(rng, 2),
        rng.u32(1_700_000_000..),
        html(rng, index, 8),
        people[0],
        people[1],
        people[2],
        people[3],
        people.join(","),
        words(rng, 6).replace(' ', "\",\""),
        custom_fields(rng, index),
        people[4],
        people[3],
        people[2],
    )
}

fn custom_fields(rng: &mut Rng, index: usize) -> String {
    let fields: Vec<_> = (0..50)
        .map(|_| {
            let value = match rng.u8(..10) {
                0 => "true".to_owned(),
                1 => rng.u16(..).to_string(),
                2 => format!("\"{}\"", text(rng, index, 2)),
                3 => format!("[\"{}\"]", words(rng, 3).replace(' ', "\",\"")),
                4 | 5 => format!("\"{}\"", words(rng, 1)),
                _ => "null".to_owned(),
            };
            format!(r#"{{"id":{},"value":{value}}}"#, id(rng))
        })
        .collect();
    fields.join(",")
}

fn bench_split(criterion: &mut Criterion) {
    for page in pages() {
        let mut group = criterion.benchmark_group(format!("split/{}", page.name));
        group.throughput(Throughput::Bytes(page.bytes.len() as u64));
        group.bench_function("zenstream", |bencher| {
            bencher.iter(|| split(black_box(&page.bytes), &page.layout).expect("a sound page"));
        });
        group.bench_function("serde_json_raw_value", |bencher| {
            bencher.iter(|| raw_values(black_box(&page.bytes)));
        });
        group.bench_function("serde_json_value", |bencher| {
            bencher.iter(|| {
                serde_json::from_slice::<Value>(black_box(&page.bytes)).expect("a sound page")
            });
        });
        group.finish();
    }
}

/// What `serde_json` can do at best: the records as slices, without their fields.
#[derive(Deserialize)]
struct RawPage<'p> {
    #[serde(borrow, alias = "tickets")]
    audit_logs: Vec<&'p RawValue>,
}

fn raw_values(page: &[u8]) -> Vec<&RawValue> {
    serde_json::from_slice::<RawPage<'_>>(page).expect("a sound page").audit_logs
}

/// From records to events, and from events to the bytes of a batch: as they came, and with their
/// metadata put into the line.
fn bench_encode(criterion: &mut Criterion) {
    let origin = Arc::new(Origin {
        source: "acme".to_owned(),
        stream: "bench".to_owned(),
        subdomain: "acme".to_owned(),
        partition: "tail".to_owned(),
        ingest_time: jiff::Timestamp::UNIX_EPOCH,
        through: None,
    });
    for page in pages() {
        let split = split(&page.bytes, &page.layout).expect("the page is whole");
        let made = events(split.records.clone(), &origin);
        let mut group = criterion.benchmark_group(format!("encode/{}", page.name));
        group.throughput(Throughput::Bytes(page.bytes.len() as u64));
        group.bench_function("events", |bencher| {
            bencher.iter_batched(
                || split.records.clone(),
                |records| black_box(events(records, &origin)),
                criterion::BatchSize::SmallInput,
            );
        });
        let mut out = Vec::with_capacity(2 * page.bytes.len());
        for (name, key) in [("lines", None), ("lines_with_metadata", Some("zendesk".to_owned()))] {
            let encoder =
                Encoder::new(EncoderSettings { metadata_key: key, ..EncoderSettings::default() });
            group.bench_function(name, |bencher| {
                bencher.iter(|| encode(&encoder, black_box(&made), &mut out));
            });
        }
        group.finish();
    }
}

fn encode(encoder: &Encoder, events: &[Event], out: &mut Vec<u8>) -> usize {
    out.clear();
    for event in events {
        encoder.encode(event, out);
    }
    out.len()
}

criterion_group!(benches, bench_split, bench_encode);
criterion_main!(benches);
