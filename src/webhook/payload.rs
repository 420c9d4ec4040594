//! From the body of a webhook to events. Pure.
//!
//! Access logs come as a list (`event.access_logs`), and become one event each, under the ids that the API has for them
//! too. Whatever else comes is one event: the whole body.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Kind;
use crate::normalize::{self, Event, Origin, PageLayout, RecordId, SplitPage};

/// What a body brings.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) kind: Kind,
    pub(super) events: Vec<Event>,
    /// What stood in a list of events and is none, each wrapped with the reason.
    pub(super) rejected: Vec<Event>,
}

/// What decides how a body is taken apart.
#[derive(Deserialize)]
struct Envelope<'b> {
    #[serde(rename = "type")]
    kind: Option<&'b RawValue>,
    #[serde(borrow)]
    event: Option<&'b RawValue>,
}

const ACCESS_LOGS: &str = r#""zen:event-type:access_log.created""#;

/// What the types of all of Zendesk's own events begin with. Their `id` is that of the event; in what people
/// compose for a trigger it may be that of a ticket, and comes again with each change.
const OWN_TYPE: &str = r#""zen:event-type:"#;

/// Takes a body apart; an error says in words what is wrong with it. `request` tells the request from every other, and
/// stays when it is sent again.
pub(super) fn read(
    body: &Bytes,
    request: &str,
    origin: impl Fn(Kind) -> Arc<Origin>,
) -> Result<Payload, String> {
    // A struct could be read from an array as well.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err("the body is not a JSON object".to_owned());
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body)
        .map_err(|error| format!("the body is not a JSON object: {error}"))?;
    let list = envelope.event.filter(|_| envelope.kind.is_some_and(|it| it.get() == ACCESS_LOGS));
    if let Some(event) = list {
        let origin = origin(Kind::AccessLogs);
        let split = split(&body.slice_ref(event.get().as_bytes()), "access_logs", "timestamp")?;
        return Ok(payload(Kind::AccessLogs, split, &origin));
    }
    let is_own = envelope.kind.is_some_and(|kind| kind.get().starts_with(OWN_TYPE));
    let origin = origin(Kind::Events);
    let mut whole = BytesMut::with_capacity(body.len() + 16);
    whole.extend_from_slice(br#"{"events":["#);
    whole.extend_from_slice(body);
    whole.extend_from_slice(b"]}");
    let mut payload = payload(Kind::Events, split(&whole.freeze(), "events", "time")?, &origin);
    if payload.events.len() != 1 {
        return Err("the body is not one JSON object".to_owned());
    }
    for event in &mut payload.events {
        // Without a name of its own an event is named by its content, and equal ones are still two.
        if !is_own || event.id == RecordId::of_content(&event.line) {
            event.id = RecordId { record: Bytes::from(request.to_owned()), version: None };
        }
    }
    Ok(payload)
}

fn split(
    page: &Bytes,
    records_key: &'static str,
    time_field: &'static str,
) -> Result<SplitPage, String> {
    let layout = PageLayout {
        records_key,
        is_object: false,
        id_field: "id",
        time_field,
        version_field: None,
        // The body as a whole is bounded.
        max_record_bytes: usize::MAX,
    };
    normalize::split(page, &layout).map_err(|malformed| malformed.to_string())
}

fn payload(kind: Kind, split: SplitPage, origin: &Arc<Origin>) -> Payload {
    let rejected = split.rejected.iter().map(|it| normalize::rejected_event(it, origin)).collect();
    Payload { kind, events: normalize::events(split.records, origin), rejected }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn origin(kind: Kind) -> Arc<Origin> {
        Arc::new(Origin {
            source: "hooks".to_owned(),
            stream: kind.name().to_owned(),
            subdomain: "acme".to_owned(),
            partition: Origin::WEBHOOK.to_owned(),
            ingest_time: Timestamp::UNIX_EPOCH,
            through: None,
        })
    }

    fn taken(body: &str) -> Payload {
        read(&Bytes::from(body.to_owned()), "invocation-1", origin).expect(body)
    }

    fn ids(events: &[Event]) -> Vec<String> {
        events.iter().map(Event::id).collect()
    }

    #[test]
    fn each_access_log_is_an_event_as_it_was_sent() {
        let payload = taken(
            r#"{"type":"zen:event-type:access_log.created","id":"e1","event":{"access_logs":[
                {"id":"01J5A", "timestamp":"2024-08-15T14:23:45Z","user_id":"6596848315901","status":200.0},
                7,
                {"id":"01J5B"}]},"detail":{}}"#,
        );
        assert_eq!(payload.kind, Kind::AccessLogs);
        assert_eq!(ids(&payload.events), ["acme:access_logs:01J5A", "acme:access_logs:01J5B"]);
        let line = r#"{"id":"01J5A","timestamp":"2024-08-15T14:23:45Z","user_id":"6596848315901","status":200.0}"#;
        assert_eq!(payload.events[0].line, line);
        assert_eq!(payload.events[0].time, "2024-08-15T14:23:45Z".parse().ok());
        assert_eq!(payload.rejected.len(), 1);
    }

    #[test]
    fn any_other_request_is_one_event_with_an_id_that_stays() {
        let body = r#"{"type":"zen:event-type:user.active_changed", "id":"2b24ef10","time":"2099-07-04T05:33:18Z","event":{"current":false}}"#;
        let payload = taken(body);
        assert_eq!(
            (payload.kind, ids(&payload.events)),
            (Kind::Events, vec!["acme:events:2b24ef10".to_owned()])
        );
        assert_eq!(payload.events[0].line, body.replace(' ', ""));
        assert!(payload.events[0].time.is_some());
        let without_id = taken(r#"{"type":"zen:event-type:user.created","event":{}}"#);
        assert_eq!(ids(&without_id.events), ["acme:events:invocation-1"]);
    }

    #[test]
    fn what_people_compose_is_told_by_its_request_whatever_id_it_holds() {
        for body in [
            r#"{"ticket":"7"}"#,
            r#"{"id":7,"status":"open"}"#,
            r#"{"type":"ticket","id":"7"}"#,
            r#"{"type":7,"id":"7"}"#,
        ] {
            assert_eq!(ids(&taken(body).events), ["acme:events:invocation-1"], "{body}");
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in
            ["", "7", "null", "[]", "{", "{}{}", "{},{}", "{\"a\":1}]}", "<xml/>", "\u{feff}{}"]
        {
            assert!(read(&Bytes::from(body), "invocation-1", origin).is_err(), "{body}");
        }
        // An array with as many members as an envelope has.
        let array = Bytes::from_static(br#" [null, {"access_logs":[]}]"#);
        let reason = read(&array, "invocation-1", origin).expect_err("no object");
        assert_eq!(reason, "the body is not a JSON object");
        let without_list = r#"{"type":"zen:event-type:access_log.created","event":{}}"#;
        assert!(read(&Bytes::from(without_list), "invocation-1", origin).is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(payload) = read(&Bytes::from(body), "invocation-1", origin) {
                prop_assert_eq!(payload.events.len(), 1);
            }
        }
    }
}
