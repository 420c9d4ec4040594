//! The program's metrics as a stream: one event a value, all values once an interval.

use std::time::Duration;

use futures::Stream;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Kind, Speaker};
use crate::clock::Clock;
use crate::streams::Page;
use crate::telemetry::{Family, Labels, Metric, NAMESPACE, Reading};

/// Pages of what `look` finds, one an interval, until `idle`: then one more is the last.
pub fn pages(
    speaker: Speaker,
    clock: Clock,
    look: impl Fn() -> Vec<Family> + Send,
    idle: impl Future<Output = ()> + Send,
) -> impl Stream<Item = Page> + Send {
    async_stream::stream! {
        let interval = match &speaker.settings.kind {
            Kind::Metrics { interval, .. } => *interval,
            Kind::Logs => Duration::MAX,
        };
        let mut ticks = tokio::time::interval(interval);
        // Who was held up does not have to catch up.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut idle = std::pin::pin!(idle);
        loop {
            let is_last = tokio::select! {
                biased;
                () = &mut idle => true,
                _ = ticks.tick() => false,
            };
            let now = clock.now();
            yield speaker.page(now, speaker.events(&look(), now));
            if is_last {
                return;
            }
        }
    }
}

impl Speaker {
    fn events(
        &self,
        families: &[Family],
        now: Timestamp,
    ) -> Vec<(Timestamp, u64, Map<String, Value>)> {
        let samples = families.iter().flat_map(|family| {
            family.samples.iter().map(|(labels, reading)| (&family.metric, labels, *reading))
        });
        let numbered = samples.zip(1..).map(|((metric, labels, reading), number)| {
            (now, number, self.metric(metric, labels, reading, now))
        });
        numbered.collect()
    }

    fn metric(
        &self,
        Metric(name, kind, _): &Metric,
        labels: &Labels,
        reading: Reading,
        now: Timestamp,
    ) -> Map<String, Value> {
        let namespace = match &self.settings.kind {
            Kind::Metrics { namespace, .. } => namespace,
            Kind::Logs => NAMESPACE,
        };
        let tags = labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        // Vector's tags are text.
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let names = self.names().into_iter().map(|(name, value)| (name, json!(text(value))));
        let (kind, value) = reading.in_json(kind);
        let mut members = Map::new();
        members.insert("name".to_owned(), json!(name));
        members.insert("namespace".to_owned(), json!(namespace));
        members.insert("tags".to_owned(), tags.chain(names).collect());
        members.insert("timestamp".to_owned(), json!(now));
        members.insert("kind".to_owned(), json!("absolute"));
        members.insert(kind, value);
        members
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::StreamExt as _;
    use tokio::time::Instant;

    use super::super::InternalSettings;
    use super::*;

    fn speaker() -> Speaker {
        let settings = InternalSettings {
            source: "self".to_owned(),
            host_key: Some("host".to_owned()),
            pid_key: Some("pid".to_owned()),
            kind: Kind::Metrics {
                interval: Duration::from_secs(15),
                namespace: NAMESPACE.to_owned(),
            },
        };
        Speaker::new(settings, "machine".to_owned())
    }

    fn families() -> Vec<Family> {
        let labels = vec![("component_id", "acme".to_owned())];
        let of = |metric, reading| Family { metric, samples: vec![(labels.clone(), reading)] };
        vec![
            of(Metric("sent_total", "counter", ""), Reading::Whole(7)),
            of(Metric("lag_seconds", "gauge", ""), Reading::Real(0.5)),
            of(Metric("rtt_seconds", "summary", ""), Reading::Summary { sum: 1.5, count: 3 }),
        ]
    }

    #[test]
    fn each_value_has_the_form_that_vector_gives_a_metric() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let page = speaker().page(now, speaker().events(&families(), now));
        let lines = page.events.iter().map(|event| String::from_utf8_lossy(&event.line));
        let lines = lines.collect::<Vec<_>>().join("\n");
        let pid = format!(r#""pid":"{}""#, std::process::id());
        insta::assert_snapshot!(lines.replace(&pid, r#""pid":"7""#), @r#"
        {"name":"sent_total","namespace":"zenstream","tags":{"component_id":"acme","host":"machine","pid":"7"},"timestamp":"2026-01-02T03:04:05Z","kind":"absolute","counter":{"value":7}}
        {"name":"lag_seconds","namespace":"zenstream","tags":{"component_id":"acme","host":"machine","pid":"7"},"timestamp":"2026-01-02T03:04:05Z","kind":"absolute","gauge":{"value":0.5}}
        {"name":"rtt_seconds","namespace":"zenstream","tags":{"component_id":"acme","host":"machine","pid":"7"},"timestamp":"2026-01-02T03:04:05Z","kind":"absolute","aggregated_summary":{"quantiles":[],"count":3,"sum":1.5}}
        "#);
        let ids: std::collections::BTreeSet<_> =
            page.events.iter().map(crate::normalize::Event::id).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.first().is_some_and(|id| id.starts_with("machine:internal_metrics:")));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_page_an_interval_and_one_at_the_end() {
        let start = Instant::now();
        let clock = Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap());
        let idle = tokio::time::sleep(Duration::from_secs(40));
        let pages = pin!(pages(speaker(), clock, families, idle));
        let at = pages.map(|page| (start.elapsed().as_secs(), page.resume.position()));
        let at: Vec<_> = at.collect().await;
        assert_eq!(at.iter().map(|(secs, _)| *secs).collect::<Vec<_>>(), [0, 15, 30, 40]);
        assert!(at.windows(2).all(|two| two[0].1 != two[1].1), "the position moves");
    }
}
