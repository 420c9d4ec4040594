//! From events to messages. Pure.

use std::fmt;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::key::Key;
use crate::kafka::{Message, SharedHeaders};
use crate::normalize::{Event, Origin};
use crate::sinks::{Encoder, SinkError, SinkErrorKind, Template, TemplateError};

/// The longest name that a topic may have.
const TOPIC_BYTES_MAX: usize = 249;

/// Makes messages.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    topic: Template,
    key: Key,
    timestamp: MessageTime,
    encoder: Encoder,
}

/// Which time a message has. A cluster deletes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageTime {
    /// When the event was read: history that is read today stays as long as the topic says.
    #[default]
    Ingest,
    /// When the event happened, as far as it says: what is older than the topic's `retention.ms` is
    /// gone soon after it was written.
    Event,
}

impl Maker {
    pub(super) fn new(
        topic: &str,
        key_field: Option<&str>,
        timestamp: MessageTime,
        encoder: Encoder,
    ) -> Result<Self, SinkError> {
        let refused = |text: String, hint: &str| {
            Err(SinkError::new(SinkErrorKind::Config, text).with_hint(hint))
        };
        let template = match Template::parse(topic) {
            Ok(template) => template,
            Err(error) => {
                let hint = match error {
                    TemplateError::NoLiteral(_) => "begin it with a name, such as `zendesk-`",
                    _ => "for example `zendesk-{{ stream }}`",
                };
                return refused(error.to_string(), hint);
            }
        };
        if !template.literals().all(|text| text.chars().all(may_stand_in_topic)) {
            return refused(
                format!("`{topic}` is no name for a topic"),
                "a topic's name has letters, digits, `.`, `_` and `-`",
            );
        }
        let key = key_field.map_or(Ok(Key::Id), Key::parse)?;
        Ok(Self { topic: template, key, timestamp, encoder })
    }

    /// The topic that all events go to, if it is one.
    pub(super) fn literal_topic(&self) -> Option<&str> {
        self.topic.is_literal().then(|| self.topic.literal_prefix())
    }

    /// The topic of all events of this origin, with `*` for what differs between them.
    pub(super) fn topics_of(&self, origin: &Origin) -> String {
        let pattern = self.topic.pattern_of(origin);
        pattern.split('*').map(topic_name).collect::<Vec<_>>().join("*")
    }

    /// A message an event, in order. All text of all of them lies in one piece of memory.
    pub(super) fn messages(&self, events: &[Event]) -> Vec<Message> {
        let mut text = Vec::with_capacity(events.iter().map(|it| it.line.len() + 64).sum());
        let places: Vec<Places> = events.iter().map(|event| self.write(event, &mut text)).collect();
        let text = Bytes::from(text);
        let mut messages: Vec<Message> = Vec::with_capacity(events.len());
        let mut topics: Vec<Arc<str>> = Vec::new();
        let mut common: Option<(&Event, SharedHeaders)> = None;
        self.topic.each_name(events, |number, topic, event| {
            if number == topics.len() {
                topics.push(topic_name(topic).into());
            }
            let shared = match common.take() {
                Some((of, shared)) if Arc::ptr_eq(&of.origin, &event.origin) => shared,
                _ => headers(&event.origin),
            };
            let places = &places[messages.len()];
            let id = text.slice(places.id.clone());
            let mut headers = vec![("id", id.clone())];
            if let Some(time) = &places.time {
                headers.push(("event_time", text.slice(time.clone())));
            }
            let time = match self.timestamp {
                MessageTime::Ingest => event.origin.ingest_time,
                MessageTime::Event => event.time.unwrap_or(event.origin.ingest_time),
            };
            messages.push(Message {
                topic: Arc::clone(&topics[number]),
                key: self.key.of(event, id),
                value: text.slice(places.line.clone()),
                common: Arc::clone(&shared),
                headers,
                timestamp: time.as_millisecond(),
            });
            common = Some((event, shared));
        });
        messages
    }

    /// Adds what the message of an event is made of.
    fn write(&self, event: &Event, text: &mut Vec<u8>) -> Places {
        let start = text.len();
        self.encoder.encode(event, text);
        // A message has a length: it needs no line feed.
        text.pop();
        let line = start..text.len();
        let id = push(text, format_args!("{}", event.id()));
        let time = event.time.map(|time| push(text, format_args!("{time}")));
        Places { line, id, time }
    }
}

/// Where in the text the parts of a message are.
struct Places {
    line: Range<usize>,
    id: Range<usize>,
    time: Option<Range<usize>>,
}

fn push(text: &mut Vec<u8>, what: fmt::Arguments<'_>) -> Range<usize> {
    let start = text.len();
    // Writing to memory cannot fail.
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok());
    start..text.len()
}

/// What is known of all events of an origin.
fn headers(origin: &Origin) -> SharedHeaders {
    Arc::new([
        ("source", origin.source.clone()),
        ("stream", origin.stream.clone()),
        ("subdomain", origin.subdomain.clone()),
        ("ingest_time", origin.ingest_time.to_string()),
        ("partition", origin.partition.clone()),
    ])
}

fn may_stand_in_topic(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

/// A name that a topic may have: what may not stand in it becomes `_`.
fn topic_name(name: &str) -> String {
    let letters = name.chars().map(|letter| if may_stand_in_topic(letter) { letter } else { '_' });
    letters.take(TOPIC_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::EncoderSettings;
    use crate::sinks::contract::event_of;

    fn maker(topic: &str, key_field: Option<&str>) -> Maker {
        Maker::new(topic, key_field, MessageTime::Event, Encoder::default()).unwrap()
    }

    #[test]
    fn a_message_has_the_line_the_id_and_what_is_known_of_the_event() {
        let mut event = event_of("tickets", 7);
        event.time = Some("2026-03-09T23:59:59.5Z".parse().unwrap());
        let messages = maker("zendesk-{{ stream }}", None).messages(&[event_of("users", 1), event]);
        assert_eq!(&*messages[0].topic, "zendesk-users");
        assert_eq!(messages[0].headers.iter().find(|(name, _)| *name == "event_time"), None);
        assert_eq!(messages[0].timestamp, 1_767_323_045_000);
        let message = &messages[1];
        assert_eq!(&*message.topic, "zendesk-tickets");
        assert_eq!(message.key.as_deref(), Some(b"acme:tickets:7".as_slice()));
        assert_eq!(&message.value[..], br#"{"stream":"tickets","id":7}"#);
        assert_eq!(message.timestamp, 1_773_100_799_500);
        let ingested = Maker { timestamp: MessageTime::Ingest, ..maker("z", None) };
        let mut event = event_of("tickets", 7);
        event.time = Some("2020-03-09T23:59:59.5Z".parse().unwrap());
        assert_eq!(ingested.messages(&[event])[0].timestamp, 1_767_323_045_000);
        let common = message.common.iter().map(|(name, value)| format!("{name}={value}"));
        let text = |value: &Bytes| String::from_utf8(value.to_vec()).unwrap();
        let own = message.headers.iter().map(|(name, value)| format!("{name}={}", text(value)));
        let headers: Vec<String> = common.chain(own).collect();
        insta::assert_snapshot!(headers.join(" "), @"source=test stream=tickets subdomain=acme ingest_time=2026-01-02T03:04:05Z partition=tail id=acme:tickets:7 event_time=2026-03-09T23:59:59.5Z");
    }

    #[test]
    fn a_line_with_metadata_is_whole() {
        let settings =
            EncoderSettings { metadata_key: Some("z".to_owned()), ..EncoderSettings::default() };
        let maker = Maker::new("t", None, MessageTime::Ingest, Encoder::new(settings)).unwrap();
        for message in maker.messages(&[event_of("a", 1), event_of("b", 2)]) {
            let value: serde_json::Value = serde_json::from_slice(&message.value).unwrap();
            assert_eq!(value["z"]["stream"], value["stream"]);
        }
    }

    #[test]
    fn a_topic_has_a_name_that_kafka_takes() {
        let mut event = event_of("a/ü b", 1);
        event.line = Bytes::from_static(b"{}");
        assert_eq!(
            &*maker("t-{{ stream }}", None).messages(&[event.clone()])[0].topic,
            "t-a_2F__b"
        );
        for (template, topics) in [
            ("t-{{ stream }}", "t-a_2F__b"),
            ("t-{{ subdomain }}.%Y-%m-{{ partition }}_x", "t-acme.*_x"),
        ] {
            assert_eq!(maker(template, None).topics_of(&event.origin), topics);
        }
        let refused = |topic| {
            let error =
                Maker::new(topic, None, MessageTime::Ingest, Encoder::default()).unwrap_err();
            format!("{error}; {}", error.hint.as_deref().unwrap_or_default())
        };
        insta::assert_snapshot!(refused("a/b"), @"`a/b` is no name for a topic; a topic's name has letters, digits, `.`, `_` and `-`");
        insta::assert_snapshot!(refused("{{ stream }}"), @"the template `{{ stream }}` must begin with literal text, such as a directory or a prefix; begin it with a name, such as `zendesk-`");
    }
}
