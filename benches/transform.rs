//! Events through transforms, on one thread: `cargo bench --bench transform`.
//!
//! `events` is what an event costs before any transform, and what one costs that passes none; beside
//! it, what each kind of transform adds, and two in a row.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::time::Instant;
use zenstream::config::{self, Format};
use zenstream::normalize::{Event, Origin, RecordId};
use zenstream::simulator::{Settings, Simulator};
use zenstream::transform::{Graph, Step};

/// Audit logs, as a page has them.
fn page() -> Vec<Event> {
    let settings = Settings { audit_logs: 1_000, tickets: 0, ..Settings::default() };
    let now = settings.now;
    let simulator = Simulator::new(settings);
    let origin = Arc::new(Origin {
        source: "acme".to_owned(),
        stream: "audit_logs".to_owned(),
        subdomain: "acme".to_owned(),
        partition: "tail".to_owned(),
        ingest_time: now,
        through: None,
    });
    let event = |line: bytes::Bytes| Event {
        id: RecordId::of_content(&line),
        line,
        time: Some(now),
        origin: Arc::clone(&origin),
        members: None,
    };
    simulator.records("audit_logs", now).map(event).collect()
}

/// The transform `t` of a config, which takes `inputs`, and those that follow it there.
fn steps(inputs: &str, body: &str) -> Vec<Step> {
    let text = format!(
        "sources:
  acme: {{ type: zendesk, subdomain: acme, auth: {{ strategy: bearer, token: t }}, streams: [audit_logs] }}
transforms:
  t:
    inputs: [{inputs}]
{body}
sinks:
  out: {{ type: console, inputs: [t] }}
"
    );
    let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
    let config = config::parse(&text, Format::Yaml, "bench.yaml", &environment);
    config.unwrap_or_else(|error| panic!("{error}")).transforms
}

const AUDIT_LOGS: &str = "acme.audit_logs";

const CASES: [(&str, &str, &str); 11] = [
    ("filter", AUDIT_LOGS, "    type: filter\n    condition: .action == \"login\""),
    ("remap_nothing", AUDIT_LOGS, "    type: remap\n    source: .x = true"),
    (
        "remap_ecs",
        AUDIT_LOGS,
        r#"    type: remap
    source: |
      . = {
        "@timestamp": .created_at,
        "event": { "id": %zendesk.id, "action": .action, "dataset": "zendesk.audit_logs" },
        "user": { "id": to_string!(.actor_id), "name": .actor_name },
        "source": { "ip": .ip_address },
        "message": .change_description
      }"#,
    ),
    ("schema_ecs", AUDIT_LOGS, "    type: remap\n    schema: ecs"),
    ("schema_ocsf", AUDIT_LOGS, "    type: remap\n    schema: ocsf"),
    (
        "filter_then_remap",
        "first",
        "    type: remap\n    source: .x = true\n  first:\n    type: filter\n    inputs: [acme.audit_logs]\n    condition: .action != \"login\"",
    ),
    ("sample", AUDIT_LOGS, "    type: sample\n    rate: 10\n    sample_rate_key: ''"),
    ("redact_text", AUDIT_LOGS, "    type: redact\n    profile: ticket_text"),
    (
        "redact_everywhere",
        AUDIT_LOGS,
        "    type: redact\n    patterns: [card_number, email_address, ip_address, phone_number]",
    ),
    (
        "redact_fields",
        AUDIT_LOGS,
        "    type: redact\n    fields: [{ path: actor_name, action: hash }, { path: ip_address, action: drop }]\n    key: 0123456789abcdef",
    ),
    ("enrich_nobody_known", AUDIT_LOGS, "    type: enrich_actors"),
];

fn bench(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(page.len() as u64));
    group.bench_function("events", |bencher| bencher.iter(|| black_box(page.clone())));
    for (name, inputs, body) in CASES {
        let steps = steps(inputs, body);
        let graph = Graph::between(&steps, ["acme.audit_logs", "acme.rejected"], |it| it == "t");
        let now = Instant::now();
        group.bench_function(name, |bencher| {
            bencher.iter(|| graph.run(black_box(&page), &[], now));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
