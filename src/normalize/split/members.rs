//! The members of a page and of its records: which are records, which are
//! fields that matter, which are envelope.
//!
//! Knows the layout and leaves the grammar to the walker.

use std::ops::Range;

use bytes::Bytes;

use super::grammar::{Key, Step, Walk, Walker};
use super::{PageLayout, Record, Rejected, SplitPage};

/// How many arrays and objects are open around a record's members.
const RECORD_DEPTH: usize = 3;
/// Room is made for a record every so many bytes of the page, to begin with.
const SMALL_RECORD: usize = 256;
/// No page has reason to make room for more records before there are any.
const MANY_RECORDS: usize = 1000;

/// The one walk over a page.
pub(super) struct PageWalk<'p> {
    page: &'p Bytes,
    layout: &'p PageLayout,
    names: Names,
    walker: Walker<'p>,
    found: SplitPage,
    /// Whether the last member under the records' key was what the layout promises.
    has_records: bool,
    /// The lines that are copies: where they go and what they are.
    copies: Vec<(Place, Range<usize>)>,
}

/// The lengths of the fields' names, a bit each: most keys need no second look.
struct Names {
    lengths: u64,
}

impl Names {
    fn of(layout: &PageLayout) -> Self {
        let names = [Some(layout.id_field), Some(layout.time_field), layout.version_field];
        let lengths = names.iter().flatten().fold(0, |lengths, name| lengths | bit_of(name.len()));
        Self { lengths }
    }

    /// False only when `key` is none of the names.
    #[inline]
    fn may_hold(&self, key: Key) -> bool {
        !key.plain || self.lengths & bit_of(key.end - key.start) != 0
    }
}

/// Lengths that share a bit cost a comparison, not a name.
#[inline]
fn bit_of(len: usize) -> u64 {
    1 << (len % 64)
}

/// Where a line stands in what was found.
enum Place {
    Record(usize),
    Rejected(usize),
}

/// The fields of a record that matter: where they stand in the page.
#[derive(Default)]
struct Fields {
    id: Option<Range<usize>>,
    time: Option<Range<usize>>,
    version: Option<Range<usize>>,
}

impl<'p> PageWalk<'p> {
    /// A walk that has not begun. The page is UTF-8.
    pub(super) fn new(page: &'p Bytes, layout: &'p PageLayout) -> Self {
        Self {
            page,
            layout,
            names: Names::of(layout),
            walker: Walker::new(page),
            found: SplitPage {
                records: Vec::new(),
                rejected: Vec::new(),
                envelope: Vec::new(),
                array: 0..0,
            },
            has_records: false,
            copies: Vec::new(),
        }
    }

    /// Walks.
    pub(super) fn run(mut self) -> Walk<SplitPage> {
        let start = self.walker.token(0);
        if self.walker.byte(start) != b'{' {
            return self.walker.unexpected(start, "a JSON object");
        }
        let end = self.members(start + 1)?;
        let end = self.walker.token(end);
        if end < self.page.len() {
            return self.walker.fault("something follows the page's object", end);
        }
        if !self.has_records {
            let form = if self.layout.is_object { "object" } else { "array" };
            let reason = format!("the page has no `{}` {form}", self.layout.records_key);
            return self.walker.fault(&reason, start);
        }
        Ok(self.fill_in_copies())
    }

    /// Walks over the page's members, to after its closing brace.
    fn members(&mut self, at: usize) -> Step {
        let mut at = self.walker.token(at);
        if self.walker.byte(at) == b'}' {
            return Ok(at + 1);
        }
        loop {
            at = self.member(at)?;
            let (more, next) = self.walker.separator(at, b'}')?;
            if !more {
                return Ok(next);
            }
            at = next;
        }
    }

    fn member(&mut self, at: usize) -> Step {
        let key = self.walker.key(at)?;
        let at = self.walker.token(key.value);
        let key = decoded(&self.page[key.start - 1..=key.end]);
        if key != self.layout.records_key {
            let end = self.walker.value(at, 1)?;
            self.found.envelope.push((key, self.page.slice(at..end)));
            return Ok(end);
        }
        self.forget_records();
        if self.layout.is_object && self.walker.byte(at) == b'{' {
            return self.object(at);
        }
        self.has_records = !self.layout.is_object && self.walker.byte(at) == b'[';
        if !self.has_records {
            return self.walker.value(at, 1);
        }
        let end = self.records(at + 1)?;
        self.found.array = at + 1..end - 1;
        Ok(end)
    }

    /// Walks over the one record of a page without a list, and keeps it under its name.
    fn object(&mut self, at: usize) -> Step {
        self.has_records = true;
        let end = self.element(at)?;
        self.found.array = at..end;
        if let Some(record) = self.found.records.last_mut() {
            record.id = Some(Bytes::from_static(self.layout.records_key.as_bytes()));
        }
        Ok(end)
    }

    /// Of several members under the records' key the last counts.
    fn forget_records(&mut self) {
        self.found.records.clear();
        self.found.rejected.clear();
        self.copies.clear();
    }

    /// Walks over the records, to after the closing bracket.
    fn records(&mut self, at: usize) -> Step {
        let room = (self.page.len() / SMALL_RECORD).min(MANY_RECORDS);
        self.found.records.reserve(room);
        let mut at = self.walker.token(at);
        if self.walker.byte(at) == b']' {
            return Ok(at + 1);
        }
        loop {
            at = self.element(at)?;
            let (more, next) = self.walker.separator(at, b']')?;
            if !more {
                return Ok(next);
            }
            at = self.walker.token(next);
        }
    }

    /// Walks over one element of the records and keeps it.
    fn element(&mut self, start: usize) -> Step {
        self.walker.compactor.start(start);
        if self.walker.byte(start) != b'{' {
            let end = self.walker.value(start, RECORD_DEPTH - 1)?;
            self.reject(start..end, "record is not a JSON object".into());
            return Ok(end);
        }
        let mut fields = Fields::default();
        let end = self.fields(start + 1, &mut fields)?;
        self.keep(start..end, &fields);
        Ok(end)
    }

    /// Walks over a record's members, to after its closing brace.
    // Apart from its callers, so that its registers are its own.
    #[inline(never)]
    fn fields(&mut self, at: usize, fields: &mut Fields) -> Step {
        let walker = &mut self.walker;
        let mut at = walker.token(at);
        if walker.byte(at) == b'}' {
            return Ok(at + 1);
        }
        loop {
            let key = walker.key(at)?;
            at = walker.token(key.value);
            let end = walker.value(at, RECORD_DEPTH)?;
            if self.names.may_hold(key) {
                fields.note(walker.page, key, at..end, self.layout);
            }
            let (more, next) = walker.separator(end, b'}')?;
            if !more {
                return Ok(next);
            }
            at = next;
        }
    }

    fn keep(&mut self, place: Range<usize>, fields: &Fields) {
        let copy = self.walker.compactor.finish(self.page, place.end);
        let len = copy.as_ref().unwrap_or(&place).len();
        if len > self.layout.max_record_bytes {
            let reason = format!(
                "record is {len} bytes long, more than max_record_bytes ({})",
                self.layout.max_record_bytes
            );
            return self.push_rejected(place, copy, reason);
        }
        let text = |field: &Option<Range<usize>>| field.clone().map(|at| self.page.slice(at));
        let (id, time, version) = (text(&fields.id), text(&fields.time), text(&fields.version));
        let line = self.line(place, copy, Place::Record(self.found.records.len()));
        self.found.records.push(Record { line, id, time, version });
    }

    fn reject(&mut self, place: Range<usize>, reason: String) {
        let copy = self.walker.compactor.finish(self.page, place.end);
        self.push_rejected(place, copy, reason);
    }

    fn push_rejected(&mut self, place: Range<usize>, copy: Option<Range<usize>>, reason: String) {
        let line = self.line(place, copy, Place::Rejected(self.found.rejected.len()));
        self.found.rejected.push(Rejected { line, reason });
    }

    /// The line's slice of the page, or an empty one until the copies are filled in.
    fn line(&mut self, place: Range<usize>, copy: Option<Range<usize>>, owner: Place) -> Bytes {
        match copy {
            None => self.page.slice(place),
            Some(copy) => {
                self.copies.push((owner, copy));
                Bytes::new()
            }
        }
    }

    /// The copies grow in one buffer, which can be sliced only once it is whole.
    fn fill_in_copies(self) -> SplitPage {
        let mut found = self.found;
        let lines = Bytes::from(self.walker.compactor.into_copies());
        for (owner, place) in self.copies {
            let line = lines.slice(place);
            match owner {
                Place::Record(index) => found.records[index].line = line,
                Place::Rejected(index) => found.rejected[index].line = line,
            }
        }
        found
    }
}

impl Fields {
    /// Takes note of a member. One can be several fields: where records change,
    /// the time is often the version.
    // Not apart: a call here takes fewer instructions and was measured a third
    // slower on small records.
    #[inline]
    fn note(&mut self, page: &[u8], key: Key, value: Range<usize>, layout: &PageLayout) {
        let text = text_of(page[value.start], value);
        if key.plain {
            self.note_text(&page[key.start..key.end], text, layout);
        } else {
            self.note_text(decoded(&page[key.start - 1..=key.end]).as_bytes(), text, layout);
        }
    }

    #[inline]
    fn note_text(&mut self, key: &[u8], text: Option<Range<usize>>, layout: &PageLayout) {
        if layout.version_field.is_some_and(|field| key == field.as_bytes()) {
            self.version.clone_from(&text);
        }
        if key == layout.time_field.as_bytes() {
            self.time.clone_from(&text);
        }
        if key == layout.id_field.as_bytes() {
            self.id = text;
        }
    }
}

/// What of a value can be a field's text: the inside of a string, a number.
fn text_of(first: u8, place: Range<usize>) -> Option<Range<usize>> {
    match first {
        b'"' => Some(place.start + 1..place.end - 1),
        b'-' | b'0'..=b'9' => Some(place),
        _ => None,
    }
}

/// A key's text. One that no text can stand for (a lone surrogate) stays as sent.
fn decoded(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted)
        .unwrap_or_else(|_| String::from_utf8_lossy(&quoted[1..quoted.len() - 1]).into_owned())
}
