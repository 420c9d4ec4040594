//! Events through transforms, on one thread: `cargo bench --bench transform`.
//!
//! `events` is what an event costs before any transform; beside it, what a condition, a
//! `remap` and a schema's program add.

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

/// The transform `t` of a config.
fn steps(body: &str) -> Vec<Step> {
    let text = format!(
        "sources:
  acme: {{ type: zendesk, subdomain: acme, auth: {{ strategy: bearer, token: t }}, streams: [audit_logs] }}
transforms:
  t:
    inputs: [acme.audit_logs]
{body}
sinks:
  out: {{ type: console, inputs: [t] }}
"
    );
    let environment = HashMap::from([("HOME".to_owned(), "/home/u".to_owned())]);
    let config = config::parse(&text, Format::Yaml, "bench.yaml", &environment);
    config.unwrap_or_else(|error| panic!("{error}")).transforms
}

const CASES: [(&str, &str); 6] = [
    ("filter", "    type: filter\n    condition: .action == \"login\""),
    ("remap_nothing", "    type: remap\n    source: .x = true"),
    (
        "remap_ecs",
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
    ("schema_ecs", "    type: remap\n    schema: ecs"),
    ("schema_ocsf", "    type: remap\n    schema: ocsf"),
    ("sample", "    type: sample\n    rate: 10\n    sample_rate_key: ''"),
];

fn bench(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(page.len() as u64));
    group.bench_function("events", |bencher| bencher.iter(|| black_box(page.clone())));
    for (name, body) in CASES {
        let steps = steps(body);
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
