//! The program's log as a stream: one event a line.

use futures::Stream;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Speaker;
use crate::clock::Clock;
use crate::streams::Page;
use crate::telemetry::{Heard, Listener, LogLine};

/// Lines that come at once share a page, up to so many.
const LINES_PER_PAGE: usize = 256;

/// Pages of what is heard, until `idle`: then whatever was said before is the last.
pub fn pages(
    speaker: Speaker,
    clock: Clock,
    mut listener: Listener,
    idle: impl Future<Output = ()> + Send,
) -> impl Stream<Item = Page> + Send {
    async_stream::stream! {
        let mut idle = std::pin::pin!(idle);
        loop {
            let heard = tokio::select! {
                biased;
                heard = listener.hear() => Some(heard),
                () = &mut idle => None,
            };
            let is_last = matches!(heard, None | Some(Heard::End));
            let more = std::iter::from_fn(|| listener.hear_now());
            let heard: Vec<_> = heard.into_iter().chain(more).take(LINES_PER_PAGE).collect();
            let now = clock.now();
            let lines = heard.iter().filter_map(|heard| speaker.event(heard, now));
            let lines: Vec<_> = lines.collect();
            if !lines.is_empty() {
                yield speaker.page(now, lines);
            }
            if is_last {
                return;
            }
        }
    }
}

impl Speaker {
    fn event(&self, heard: &Heard, now: Timestamp) -> Option<(Timestamp, u64, Map<String, Value>)> {
        match heard {
            Heard::Line(line) => Some((line.time, line.number, self.line(line))),
            Heard::Missed(missed) => Some((now, *missed, self.gap(*missed, now))),
            Heard::End => None,
        }
    }

    fn line(&self, line: &LogLine) -> Map<String, Value> {
        let LogLine { time, level, target, module_path, message, .. } = line;
        let metadata = json!({
            "kind": "event",
            "level": level.as_str(),
            "module_path": module_path,
            "target": target,
        });
        let mut members = self.members(*time, message, metadata);
        for (name, value) in &line.fields {
            // What every line has is not overwritten.
            members.entry(name.clone()).or_insert_with(|| value.clone());
        }
        members
    }

    fn gap(&self, missed: u64, now: Timestamp) -> Map<String, Value> {
        let target = module_path!();
        let metadata =
            json!({ "kind": "event", "level": "WARN", "module_path": target, "target": target });
        let message = "lines of the log came faster than they were taken, and are missing here";
        let mut members = self.members(now, message, metadata);
        members.insert("missed".to_owned(), missed.into());
        members
    }

    fn members(&self, time: Timestamp, message: &str, metadata: Value) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("timestamp".to_owned(), json!(time));
        members.insert("message".to_owned(), json!(message));
        members.insert("metadata".to_owned(), metadata);
        members.extend(self.names());
        members.insert("source_type".to_owned(), json!(self.settings.kind.name()));
        members
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::StreamExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::{InternalSettings, Kind};
    use super::*;
    use crate::telemetry::Tap;

    fn speaker() -> Speaker {
        let settings = InternalSettings {
            source: "self".to_owned(),
            host_key: Some("host".to_owned()),
            pid_key: None,
            kind: Kind::Logs,
        };
        Speaker::new(settings, "machine".to_owned())
    }

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[test]
    fn a_line_has_the_form_that_vector_gives_it() {
        let fields = json!({ "stream": "acme.audit_logs", "message": "another", "count": 3 });
        let Value::Object(fields) = fields else { unreachable!() };
        let line = LogLine {
            time: now(),
            number: 7,
            level: tracing::Level::WARN,
            target: "zenstream::pipeline::feed".to_owned(),
            module_path: Some("zenstream::pipeline::feed".to_owned()),
            message: "records rejected".to_owned(),
            fields,
        };
        let text = Value::Object(speaker().line(&line)).to_string();
        insta::assert_snapshot!(text, @r#"{"timestamp":"2026-01-02T03:04:05Z","message":"records rejected","metadata":{"kind":"event","level":"WARN","module_path":"zenstream::pipeline::feed","target":"zenstream::pipeline::feed"},"host":"machine","source_type":"internal_logs","stream":"acme.audit_logs","count":3}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_are_there_share_a_page_and_the_last_are_not_lost() {
        let tap = Tap::new();
        let listener = tap.listen();
        let clock = Clock::simulated(now());
        let mut pages = pin!(pages(speaker(), clock, listener, std::future::ready(())));
        let log = tracing_subscriber::registry().with(tap.clone());
        tracing::subscriber::with_default(log, || {
            tracing::info!("one");
            tracing::info!("two");
        });
        let page = pages.next().await.expect("a page");
        assert_eq!(page.events.len(), 2);
        assert_ne!(page.events[0].id, page.events[1].id);
        assert_ne!(page.resume.position(), super::super::start());
        assert!(pages.next().await.is_none(), "nothing is left to wait for");
    }
}
