//! What stands around the records of a page, and pages made of records again.
//!
//! The way back from [`split`](super::split()): who wants pages gets the envelope as Zendesk sent it,
//! with those records in it that are to be delivered. It must not decode a record or know which
//! those are.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::{Event, RecordId, SplitPage};

/// The envelope of a page, on one line, without insignificant white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Up to the opening bracket of the records, or up to the one that is no list.
    before: Bytes,
    /// From their closing bracket on, or from behind the one.
    after: Bytes,
    /// No line is longer that has more than one record, in bytes.
    max_bytes: usize,
}

impl Frame {
    /// What stands around the records of `page`, which was split into `split`. A line with more
    /// than `max_bytes` is cut in two.
    pub fn of(page: &[u8], split: &SplitPage, max_bytes: usize) -> Self {
        let Range { start, end } = split.array;
        let part = |range: Option<&[u8]>| Bytes::from(compact(range.unwrap_or_default()));
        Self { before: part(page.get(..start)), after: part(page.get(end..)), max_bytes }
    }

    /// These records in the envelope, in their order: one page, or several where it would be longer
    /// than is allowed. They all came through the same outputs. Nothing is made of nothing.
    ///
    /// Behind a transform only what tells of the page itself is left of the envelope: what Zendesk
    /// sends beside the records (users, groups) passed no transform, so it must not leave.
    pub fn around(&self, records: &[Event]) -> Vec<Event> {
        if records.iter().any(|record| record.origin.through.is_some()) {
            return self.alone().cut(records);
        }
        self.cut(records)
    }

    fn cut(&self, records: &[Event]) -> Vec<Event> {
        let mut pages = Vec::new();
        let mut rest = records;
        while !rest.is_empty() {
            let (these, others) = rest.split_at(self.fitting(rest));
            pages.extend(self.page(these));
            rest = others;
        }
        pages
    }

    /// The same without what is sent beside the records: of the members around them those alone that
    /// are no lists and no objects, and of [`CURSORS`] these.
    fn alone(&self) -> Self {
        // Without records it is an object, which is what `members` reads.
        let (nothing, bracket): (&[u8], &[u8]) =
            if self.after.starts_with(b"]") { (b"", b"]") } else { (b"null", b"") };
        let envelope = [&self.before, nothing, &self.after].concat();
        let mut parts = [b"{".to_vec(), Vec::new()];
        for (range, value) in members(&envelope) {
            let holds_records = range.contains(&self.before.len());
            let part = &mut parts[usize::from(range.start >= self.before.len())];
            if holds_records {
                separate(part);
                part.extend_from_slice(&envelope[range.start..self.before.len()]);
                parts[1].extend_from_slice(bracket);
                continue;
            }
            let key = &envelope[range.start..value.start];
            if let Some(kept) = of_the_page(key, &envelope[value]) {
                separate(part);
                part.extend_from_slice(key);
                part.extend_from_slice(&kept);
            }
        }
        parts[1].push(b'}');
        let [before, after] = parts.map(Bytes::from);
        Self { before, after, max_bytes: self.max_bytes }
    }

    /// How many of these records fit one line; one always does.
    fn fitting(&self, records: &[Event]) -> usize {
        let mut bytes = self.before.len() + self.after.len();
        let fits = |record: &&Event| {
            bytes += record.line.len() + 1;
            bytes <= self.max_bytes.saturating_add(1)
        };
        records.iter().take_while(fits).count().max(1)
    }

    fn page(&self, records: &[Event]) -> Option<Event> {
        let first = records.first()?;
        let lines: usize = records.iter().map(|record| record.line.len() + 1).sum();
        let mut line = Vec::with_capacity(self.before.len() + lines + self.after.len());
        line.extend_from_slice(&self.before);
        for (place, record) in records.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            line.extend_from_slice(&record.line);
        }
        line.extend_from_slice(&self.after);
        Some(Event {
            line: Bytes::from(line),
            id: page_id(records),
            time: records.iter().filter_map(|record| record.time).max(),
            origin: Arc::clone(&first.origin),
            members: Some(records.iter().map(Event::fingerprint).collect()),
        })
    }
}

/// `page-<first id>-<last id>-<hash of all ids>`: the same records in the same order always have
/// the same one.
fn page_id(records: &[Event]) -> RecordId {
    let mut hash = Xxh3::new();
    for record in records {
        hash.update(record.id.to_string().as_bytes());
        hash.update(b"\n");
    }
    let ends = [records.first(), records.last()];
    let [first, last] = ends.map(|record| {
        record.map(|record| String::from_utf8_lossy(&record.id.record)).unwrap_or_default()
    });
    let record = Bytes::from(format!("page-{first}-{last}-{:016x}", hash.digest()));
    RecordId { record, version: None }
}

/// Objects that say where the next page is.
const CURSORS: [&[u8]; 2] = [b"\"meta\":", b"\"links\":"];

/// What of an envelope's member tells of the page; `key` has its colon.
fn of_the_page(key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    match value.first() {
        Some(b'{') if CURSORS.contains(&key) => {
            let mut kept = b"{".to_vec();
            for (range, inner) in members(value) {
                if !matches!(value.get(inner.start), Some(b'{' | b'[')) {
                    separate(&mut kept);
                    kept.extend_from_slice(&value[range]);
                }
            }
            kept.push(b'}');
            Some(kept)
        }
        Some(b'{' | b'[') => None,
        _ => Some(value.to_vec()),
    }
}

/// A comma, unless it is the first member.
fn separate(object: &mut Vec<u8>) {
    if object.last() != Some(&b'{') {
        object.push(b',');
    }
}

/// Where the members of an object without white space are, and the value of each.
fn members(object: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let (mut start, mut colon) = (1, None);
    for (at, byte) in object.iter().enumerate() {
        if in_string {
            in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        let is_end = match byte {
            b'"' => {
                in_string = true;
                false
            }
            b'{' | b'[' => {
                depth += 1;
                false
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                depth == 0
            }
            b':' => {
                colon = colon.or((depth == 1).then_some(at + 1));
                false
            }
            _ => *byte == b',' && depth == 1,
        };
        if is_end {
            found.extend(colon.take().map(|value| (start..at, value..at)));
            start = at + 1;
        }
    }
    found
}

/// JSON text without the white space between its tokens. It was checked to be JSON.
fn compact(text: &[u8]) -> Vec<u8> {
    let (mut in_string, mut is_escaped) = (false, false);
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if in_string {
            in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        } else {
            in_string = *byte == b'"';
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::normalize::{Origin, PageLayout, events, split};

    const LAYOUT: PageLayout = PageLayout {
        records_key: "audit_logs",
        is_object: false,
        id_field: "id",
        time_field: "created_at",
        version_field: None,
        max_record_bytes: 1 << 20,
    };

    fn framed(page: &str, max_bytes: usize) -> (Frame, Vec<Event>) {
        framed_as(&LAYOUT, page, max_bytes)
    }

    fn framed_as(layout: &PageLayout, page: &str, max_bytes: usize) -> (Frame, Vec<Event>) {
        let page = Bytes::from(page.to_owned());
        let split = split(&page, layout).expect("a page");
        let frame = Frame::of(&page, &split, max_bytes);
        let origin = Origin {
            source: "acme".to_owned(),
            stream: "audit_logs".to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: jiff::Timestamp::UNIX_EPOCH,
            through: None,
        };
        (frame, events(split.records, &Arc::new(origin)))
    }

    #[test]
    fn a_page_is_the_one_that_zendesk_sent_but_for_white_space() {
        let sent = r#" { "count" : 1e2, "audit_logs" : [ {"id":7, "a":"x \" [ ] y"} ,
            {"id":8,"created_at":"2026-01-02T03:04:05Z"} ], "links" : {"next":"a b\\"}, "next_page":null }
"#;
        let (frame, records) = framed(sent, 1 << 20);
        let pages = frame.around(&records);
        assert_eq!(pages.len(), 1);
        let expected = r#"{"count":1e2,"audit_logs":[{"id":7,"a":"x \" [ ] y"},{"id":8,"created_at":"2026-01-02T03:04:05Z"}],"links":{"next":"a b\\"},"next_page":null}"#;
        assert_eq!(pages[0].line, expected);
        assert_eq!(pages[0].id(), "acme:audit_logs:page-7-8-55f2349bdbf74b2b");
        assert_eq!(pages[0].time, records[1].time);
        assert_eq!(pages[0].records(), 2);
        let members: Vec<u64> = pages[0].fingerprints().collect();
        assert_eq!(members, records.iter().map(Event::fingerprint).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_left_out_leaves_the_envelope_as_it_is() {
        let (frame, records) =
            framed(r#"{"audit_logs":[{"id":1},{"id":2},{"id":3}],"count":3}"#, 99);
        let [first, _, last] = records.as_slice() else { panic!("three records") };
        let pages = frame.around(&[first.clone(), last.clone()]);
        assert_eq!(pages[0].line, r#"{"audit_logs":[{"id":1},{"id":3}],"count":3}"#);
        assert_ne!(pages[0].id, frame.around(&records)[0].id);
        assert!(frame.around(&[]).is_empty());
    }

    #[test]
    fn a_record_that_alone_is_too_long_in_its_envelope_goes_alone() {
        let (frame, records) = framed(r#"{"audit_logs":[{"id":1},{"id":2}]}"#, 10);
        let lines: Vec<Bytes> = frame.around(&records).into_iter().map(|it| it.line).collect();
        assert_eq!(lines, [r#"{"audit_logs":[{"id":1}]}"#, r#"{"audit_logs":[{"id":2}]}"#]);
    }

    /// What came through a transform.
    fn behind(record: &Event) -> Event {
        let through = Some("private".to_owned());
        Event { origin: Arc::new(Origin { through, ..(*record.origin).clone() }), ..record.clone() }
    }

    #[test]
    fn a_page_of_one_object_is_made_again_also_behind_a_transform() {
        let layout = PageLayout { records_key: "settings", is_object: true, ..LAYOUT };
        let sent = r#"{"users":[{"a":1}], "settings": {"b":[2]}, "n":1}"#;
        let (frame, records) = framed_as(&layout, sent, 1 << 20);
        let page = r#"{"users":[{"a":1}],"settings":{"b":[2]},"n":1}"#;
        assert_eq!(frame.around(&records)[0].line, page);
        let page = frame.around(&[behind(&records[0])]);
        assert_eq!(page[0].line, r#"{"settings":{"b":[2]},"n":1}"#);
    }

    #[test]
    fn behind_a_transform_nothing_of_the_envelope_is_left_but_what_tells_of_the_page() {
        let sent = r#"{"users":[{"email":"a@b.de"}],"count":1e2,"x":{"audit_logs":[{"y":1}]},"audit_logs":[{"id":7},{"id":8}],
            "meta":{"has_more":true,"deep":{"a":[1]},"after_cursor":"x]"},"groups":[[{"a":"}"}]],"links":{"next":null},"next_page":"a,b","actors":{}}"#;
        let (frame, records) = framed(sent, 1 << 20);
        assert!(frame.around(&records)[0].line.windows(6).any(|it| it == b"a@b.de"), "untouched");
        let records: Vec<Event> = records.iter().map(behind).collect();
        let expected = r#"{"count":1e2,"audit_logs":[{"id":7},{"id":8}],"meta":{"has_more":true,"after_cursor":"x]"},"links":{"next":null},"next_page":"a,b"}"#;
        assert_eq!(frame.around(&records)[0].line, expected);
        let (frame, _) = framed(r#"{"users":[],"audit_logs":[{"id":7}],"groups":[]}"#, 99);
        assert_eq!(frame.around(&records[..1])[0].line, r#"{"audit_logs":[{"id":7}]}"#);
    }

    proptest! {
        /// However small a line may be, each record is in one page, in order, and no page with
        /// several is too long.
        #[test]
        fn every_record_is_in_one_page(
            texts in prop::collection::vec("[a-z \"\\\\]{0,12}", 0..12),
            max_bytes in 1usize..200,
            pretty: bool,
        ) {
            let records = texts.iter().enumerate().map(|(id, text)| json!({"id": id, "t": text}));
            let page = json!({"a": " x ", "audit_logs": records.collect::<Vec<_>>(), "b": [{"c": 1}]});
            let text = if pretty { format!("{page:#}") } else { page.to_string() };
            let (frame, records) = framed(&text, max_bytes);
            let pages = frame.around(&records);
            let mut found = Vec::new();
            for made in &pages {
                prop_assert!(made.line.len() <= max_bytes || made.records() == 1);
                let mut value: Value = serde_json::from_slice(&made.line).unwrap();
                let these = value["audit_logs"].as_array().unwrap().clone();
                prop_assert_eq!(these.len(), made.records());
                found.extend(these);
                value["audit_logs"] = page["audit_logs"].clone();
                prop_assert_eq!(&value, &page);
            }
            prop_assert_eq!(&Value::from(found), &page["audit_logs"]);
            if max_bytes > page.to_string().len() && !records.is_empty() {
                prop_assert_eq!(&pages[0].line, &page.to_string());
            }
        }
    }
}
