//! From what the splitter found to events: ids, times, origin.
//!
//! It copies no record that can be delivered; it must not judge one either, for
//! a record with a strange time or no id is still a record.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Event, Origin, Record, RecordId, Rejected};

const SECONDS_A_DAY: i64 = 86_400;
/// Where the exact form's separators stand.
const SEPARATORS: [(usize, u8); 6] =
    [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];

/// Turns a page's records into events, in their order.
pub fn events(records: Vec<Record>, origin: &Arc<Origin>) -> Vec<Event> {
    records.into_iter().map(|record| event(record, origin)).collect()
}

fn event(record: Record, origin: &Arc<Origin>) -> Event {
    // Under an empty id different records would look like one.
    let id = match record.id.filter(|id| !id.is_empty()) {
        Some(id) => RecordId { record: id, version: record.version },
        None => RecordId::of_content(&record.line),
    };
    let time = record.time.as_deref().and_then(parse_time);
    Event { line: record.line, id, time, origin: Arc::clone(origin), members: None }
}

/// What the rejected output gets:
/// `{"source":..,"stream":..,"reason":..,"record":<the value as sent>}`. The id is
/// that of the value alone, so that it does not change with the words of a reason.
pub fn rejected_event(rejected: &Rejected, origin: &Arc<Origin>) -> Event {
    let mut line = format!(
        r#"{{"source":{},"stream":{},"reason":{},"record":"#,
        quoted(&origin.source),
        quoted(&origin.stream),
        quoted(&rejected.reason),
    )
    .into_bytes();
    line.extend_from_slice(&rejected.line);
    line.push(b'}');
    Event {
        line: Bytes::from(line),
        id: RecordId::of_content(&rejected.line),
        time: None,
        origin: Arc::clone(origin),
        members: None,
    }
}

/// What the rejected output of a sink gets:
/// `{"source":..,"stream":..,"sink":..,"reason":..,"record":<the event's line>}`. The id is that
/// of the event.
pub fn refused_event(event: &Event, sink: &str, reason: &str) -> Event {
    let origin = &event.origin;
    let mut line = format!(
        r#"{{"source":{},"stream":{},"sink":{},"reason":{},"record":"#,
        quoted(&origin.source),
        quoted(&origin.stream),
        quoted(sink),
        quoted(reason),
    )
    .into_bytes();
    line.extend_from_slice(&event.line);
    line.push(b'}');
    Event { line: Bytes::from(line), ..event.clone() }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Reads a time as Zendesk writes it: RFC 3339, the same without an offset (which means UTC), or the
/// seconds since 1970 in digits. None when it is none of these.
pub fn parse_time(text: &[u8]) -> Option<Timestamp> {
    if let Some(exact) = text.as_array().and_then(parse_exact) {
        return Some(exact);
    }
    let text = std::str::from_utf8(text).ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    text.parse().ok().or_else(|| {
        let local: jiff::civil::DateTime = text.contains('T').then(|| text.parse().ok())??;
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// Reads exactly `YYYY-MM-DDThh:mm:ssZ`, the form nearly every record has. What it
/// does not read may still be a time.
fn parse_exact(text: &[u8; 20]) -> Option<Timestamp> {
    if SEPARATORS.iter().any(|&(at, separator)| text[at] != separator) {
        return None;
    }
    let pair = |at: usize| -> Option<i64> {
        let [tens, ones] = [text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0')];
        (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
    };
    let year = pair(0)? * 100 + pair(2)?;
    let (month, day) = (pair(5)?, pair(8)?);
    let (hour, minute, second) = (pair(11)?, pair(14)?, pair(17)?);
    let in_range = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second;
    Timestamp::from_second(days_since_1970(year, month, day) * SECONDS_A_DAY + seconds).ok()
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar. Years begin in March here, so that a leap day
/// is the last of its year and month lengths follow one formula.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month < 3);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn origin() -> Arc<Origin> {
        Arc::new(Origin {
            source: "a\"b".into(),
            stream: "tickets".into(),
            subdomain: "acme".into(),
            partition: "tail".into(),
            ingest_time: Timestamp::UNIX_EPOCH,
            through: None,
        })
    }

    fn record(line: &'static str, id: Option<&'static str>, time: Option<&'static str>) -> Record {
        Record {
            line: line.into(),
            id: id.map(Bytes::from),
            time: time.map(Bytes::from),
            version: Some("v".into()),
        }
    }

    #[test]
    fn an_event_is_its_record_with_id_and_time() {
        let records = vec![
            record("{1}", Some("7"), Some("1970-01-02T00:00:00Z")),
            record("{2}", Some("8"), Some("yesterday")),
        ];
        let events = events(records, &origin());
        assert_eq!(events[0].line, "{1}");
        assert_eq!(events[0].id(), "acme:tickets:7@v");
        assert_eq!(events[0].time.unwrap().as_second(), SECONDS_A_DAY);
        assert_eq!((events[1].id(), events[1].time), ("acme:tickets:8@v".into(), None));
    }

    #[test]
    fn a_record_without_an_id_is_told_by_its_content() {
        let records = vec![record("{1}", None, None), record("{2}", Some(""), None)];
        let events = events(records, &origin());
        assert_eq!(events[0].id, RecordId::of_content(b"{1}"));
        assert_eq!(events[1].id, RecordId::of_content(b"{2}"));
    }

    #[test]
    fn a_rejected_record_is_embedded_as_sent() {
        let rejected = Rejected { line: "[1e400,\"\\ud83d\"]".into(), reason: "a \"b\"\n".into() };
        let event = rejected_event(&rejected, &origin());
        let expected = r#"{"source":"a\"b","stream":"tickets","reason":"a \"b\"\n","record":[1e400,"\ud83d"]}"#;
        assert_eq!(event.line, expected);
        assert_eq!(event.id, RecordId::of_content(&rejected.line));
        let rejected = Rejected { line: "null".into(), reason: String::new() };
        let value: Value =
            serde_json::from_slice(&rejected_event(&rejected, &origin()).line).unwrap();
        let expected = json!({"source": "a\"b", "stream": "tickets", "reason": "", "record": null});
        assert_eq!(value, expected);
    }

    #[test]
    fn times_are_read_in_each_form() {
        for text in [
            "2024-02-29T12:34:56Z",
            "2024-02-29T12:34:56.000+00:00",
            "2024-02-29T12:34:56",
            "1709210096",
        ] {
            assert_eq!(parse_time(text.as_bytes()).unwrap().as_second(), 1_709_210_096, "{text}");
        }
        let offset = parse_time(b"2024-02-29T12:34:56.5-02:00").unwrap();
        assert_eq!(offset.to_string(), "2024-02-29T14:34:56.5Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z"] {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
        for text in ["2024-00-01T00:00:00Z", "99999999999999999999", "soon", "\u{ff}", "2024-01-01"]
        {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_exact_form_is_read_as_jiff_reads_it(
            year in 0u32..10_000, month in 0u32..14, day in 0u32..33,
            hour in 0u32..26, minute in 0u32..62, second in 0u32..62,
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            prop_assert_eq!(parse_time(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn every_second_is_read_back(second in -62_135_596_800i64..253_402_207_200) {
            let time = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(parse_exact(time.to_string().as_bytes().as_array().unwrap()), Some(time));
        }
    }
}
