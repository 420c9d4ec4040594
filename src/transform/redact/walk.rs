//! Over the text of a record, once: keys, strings and numbers are looked into, fields are replaced or
//! left out, everything else is copied. The record was checked when it came in, so no error is left.
//!
//! The string in which a schema keeps the original is gone over in the same way; and so is the record
//! within what a source rejected. JSON that somebody pasted into a text stays text.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::card::{is_card_alone, whole_digits};
use super::field::{Field, is_free, is_original};
use super::find::{Pattern, find};
use super::path::{Place, RedactPath};
use super::string::{Unescaped, is_json, quoted, value_end};
use super::{FieldAction, Redact};

/// How an event begins that was rejected.
const REJECTED: &[u8] = br#"{"source":"#;

/// The record without what is to be taken out; none if there is nothing of it. `is_free` is one whose
/// names are not Zendesk's.
pub(super) fn redacted(redact: &Redact, line: &[u8], is_free: bool) -> Option<Bytes> {
    redacted_within(redact, line, is_free, None)
}

/// The same of a record within a string. `patterns` are looked for in all of it.
fn redacted_within(
    redact: &Redact,
    line: &[u8],
    is_free: bool,
    patterns: Option<Vec<Pattern>>,
) -> Option<Bytes> {
    let mut walk = Walk {
        redact,
        line,
        at: 0,
        out: Vec::with_capacity(line.len() + 64),
        blanks: Vec::new(),
        way: Vec::new(),
        open: Vec::new(),
        changed: false,
        is_free,
        is_within: patterns.is_some(),
        everywhere: patterns.unwrap_or_default(),
    };
    walk.value();
    while let Some(open) = walk.open.last_mut() {
        match line.get(walk.at) {
            Some(close @ (b'}' | b']')) => {
                walk.out.append(&mut walk.blanks);
                walk.out.push(*close);
                walk.at += 1;
                walk.open.pop();
                walk.way.pop();
            }
            Some(blank @ (b' ' | b'\t' | b'\r' | b'\n')) => {
                walk.blanks.push(*blank);
                walk.at += 1;
            }
            Some(b',') => {
                walk.out.append(&mut walk.blanks);
                walk.at += 1;
            }
            Some(_) if open.is_object => walk.member(),
            Some(_) => walk.item(),
            None => return None,
        }
    }
    walk.out.extend_from_slice(line.get(walk.at..).unwrap_or_default());
    walk.changed.then(|| Bytes::from(walk.out))
}

struct Walk<'a> {
    redact: &'a Redact,
    line: &'a [u8],
    at: usize,
    out: Vec<u8>,
    /// White space that was met and is not written yet.
    blanks: Vec<u8>,
    /// The way to the value here.
    way: Vec<Place>,
    /// The objects and arrays around it.
    open: Vec<Open>,
    changed: bool,
    /// Whether others than Zendesk gave the names.
    is_free: bool,
    /// Whether the record is kept in a string.
    is_within: bool,
    /// What is looked for wherever it is.
    everywhere: Vec<Pattern>,
}

struct Open {
    is_object: bool,
    /// How many keys lost something.
    renamed: usize,
    /// How many members were met.
    met: usize,
    /// Whether one of them was written.
    has_written: bool,
}

impl Walk<'_> {
    fn member(&mut self) {
        let key = self.token();
        let end = self.at;
        self.skip_to(b':');
        self.at += 1;
        let colon = end..self.at;
        let name = Unescaped::of(&self.line[key.clone()]).text.into_owned();
        self.way.push(Place::Key(name));
        if self.action() == Some(FieldAction::Drop) {
            self.token();
            self.blanks.clear();
            self.way.pop();
            self.changed = true;
            return;
        }
        self.separate();
        self.key(key);
        self.out.extend_from_slice(&self.line[colon]);
        self.value();
    }

    /// A name that somebody chose says as much as a text.
    fn key(&mut self, key: Range<usize>) {
        let raw = &self.line[key];
        let Some(mut clean) = self.without_matches(raw, Field::Other) else {
            self.out.extend_from_slice(raw);
            return;
        };
        if let Some(open) = self.open.last_mut() {
            open.renamed += 1;
            // No two keys of an object are the same.
            if open.renamed > 1 {
                clean.pop();
                clean.extend_from_slice(format!(" {}\"", open.renamed).as_bytes());
            }
        }
        self.out.extend_from_slice(&clean);
        self.changed = true;
    }

    fn item(&mut self) {
        let index = self.open.last_mut().map_or(0, |open| {
            open.met += 1;
            open.met - 1
        });
        self.way.push(Place::Index(index));
        if self.action() == Some(FieldAction::Drop) {
            self.token();
            self.blanks.clear();
            self.way.pop();
            self.changed = true;
            return;
        }
        self.separate();
        self.value();
    }

    fn separate(&mut self) {
        if let Some(open) = self.open.last_mut() {
            if open.has_written {
                self.out.push(b',');
            }
            open.has_written = true;
        }
        self.out.append(&mut self.blanks);
    }

    fn action(&self) -> Option<FieldAction> {
        let fields = &self.redact.fields;
        let leads_here = |path: &RedactPath| self.ways().any(|way| path.is(way));
        fields.iter().find(|(path, _)| leads_here(path)).map(|(_, action)| *action)
    }

    /// Whether the record is a member of the line.
    fn is_rejected(&self) -> bool {
        self.line.starts_with(REJECTED)
    }

    /// The way to the value here: from the beginning, and within a rejected record.
    fn ways(&self) -> impl Iterator<Item = &[Place]> {
        let within = match self.way.as_slice() {
            [Place::Key(name), within @ ..] if self.is_rejected() && name == "record" => {
                Some(within)
            }
            _ => None,
        };
        std::iter::once(self.way.as_slice()).chain(within)
    }

    /// A value, the way to which is known. Of an object or array only the beginning.
    fn value(&mut self) {
        let start = self.at;
        self.skip_space();
        self.out.extend_from_slice(&self.line[start..self.at]);
        let (line, is_root) = (self.line, self.open.is_empty());
        let action = if is_root { None } else { self.action() };
        let first = line.get(self.at);
        if self.is_rejected()
            && first != Some(&b'{')
            && self.ways().nth(1).is_some_and(<[_]>::is_empty)
        {
            // No record, so no path leads into it.
            self.everywhere =
                self.redact.searches.iter().flat_map(|it| it.patterns.clone()).collect();
        }
        match (action, first) {
            (Some(action), _) => {
                let token = self.token();
                self.replace(&line[token], action);
            }
            (None, Some(open @ (b'{' | b'['))) => {
                self.out.push(*open);
                self.at += 1;
                let is_object = *open == b'{';
                self.open.push(Open { is_object, renamed: 0, met: 0, has_written: false });
                return;
            }
            (None, Some(b'"')) => self.text(),
            (None, _) => self.number(),
        }
        self.way.pop();
    }

    /// What takes the place of a whole field. A hash of nothing would be something.
    fn replace(&mut self, raw: &[u8], action: FieldAction) {
        if action == FieldAction::Hash && raw == b"null" {
            self.out.extend_from_slice(raw);
            return;
        }
        let stand_in = if raw.first() == Some(&b'"') {
            let text = Unescaped::of(raw).text;
            self.redact.of_field(&text, self.field(), action)
        } else {
            let text = String::from_utf8_lossy(raw);
            self.redact.stand_in("redacted", &text, action == FieldAction::Hash)
        };
        self.write(&stand_in);
    }

    fn text(&mut self) {
        let token = self.token();
        let raw = &self.line[token];
        let clean = match self.original(raw) {
            Some(text) => {
                let patterns = self.patterns();
                redacted_within(self.redact, text.as_bytes(), self.is_free, Some(patterns))
                    .map(|clean| quoted(&String::from_utf8_lossy(&clean)))
            }
            None => self.without_matches(raw, self.field()),
        };
        self.changed |= clean.is_some();
        self.out.extend_from_slice(clean.as_deref().unwrap_or(raw));
    }

    /// What a string says that is a record, as a schema keeps it.
    fn original<'r>(&self, raw: &'r [u8]) -> Option<Cow<'r, str>> {
        if !self.ways().any(is_original) || self.is_within || !is_json(raw) {
            return None;
        }
        let text = Unescaped::of(raw).text;
        serde_json::from_str::<IgnoredAny>(&text).ok()?;
        Some(text)
    }

    /// What is left of a string, as it is written; none if there is nothing to be taken out.
    fn without_matches(&self, raw: &[u8], field: Field) -> Option<Vec<u8>> {
        let may_match =
            |byte: &u8| byte.is_ascii_digit() || b"@:\\&".contains(byte) || *byte > 0x7f;
        if !raw.iter().any(may_match) {
            return None;
        }
        let patterns = self.patterns();
        if patterns.is_empty() {
            return None;
        }
        let unescaped = Unescaped::of(raw);
        let found = find(&unescaped.text, &patterns, field);
        if found.is_empty() {
            return None;
        }
        let (mut clean, mut end) = (Vec::with_capacity(raw.len()), 0);
        for (range, pattern, plain) in found {
            let written = unescaped.written(&range);
            clean.extend_from_slice(&raw[end..written.start]);
            let stand_in = self.redact.stand_in(pattern.name(), &plain, self.redact.hashes);
            clean.extend_from_slice(stand_in.as_bytes());
            end = written.end;
        }
        clean.extend_from_slice(&raw[end..]);
        Some(clean)
    }

    /// A number, `true`, `false` or `null`. A number that is an id is no card.
    fn number(&mut self) {
        let token = self.token();
        let raw = &self.line[token];
        let digits = whole_digits(raw);
        let is_card = is_card_alone(&digits)
            && self.field() != Field::Id
            && self.patterns().contains(&Pattern::CardNumber);
        if is_card {
            let plain: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
            let name = Pattern::CardNumber.name();
            let stand_in = self.redact.stand_in(name, &plain, self.redact.hashes);
            self.write(&stand_in);
        } else {
            self.out.extend_from_slice(raw);
        }
    }

    /// What the name of the field says.
    fn field(&self) -> Field {
        let name = self.way.iter().rev().find_map(|place| match place {
            Place::Key(name) => Some(name.as_str()),
            Place::Index(_) => None,
        });
        name.map_or(Field::Other, |name| Field::of(name, self.is_free || is_free(&self.way)))
    }

    /// What is looked for here.
    fn patterns(&self) -> Vec<Pattern> {
        let is_here = |path: &RedactPath| self.ways().any(|way| path.holds(way));
        let searches = self.redact.searches.iter().filter(|search| match &search.within {
            Some(within) => within.iter().any(is_here),
            None => true,
        });
        let patterns = searches.flat_map(|search| &search.patterns).chain(&self.everywhere);
        let mut patterns: Vec<Pattern> = patterns.copied().collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns
    }

    /// Writes a string in the place of what was there.
    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(&quoted(text));
        self.changed = true;
    }

    fn skip_space(&mut self) {
        while matches!(self.line.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn skip_to(&mut self, wanted: u8) {
        while self.line.get(self.at).is_some_and(|byte| *byte != wanted) {
            self.at += 1;
        }
    }

    /// Passes a whole value, and tells where it is.
    fn token(&mut self) -> Range<usize> {
        self.skip_space();
        let start = self.at;
        self.at = value_end(self.line, start);
        start..self.at
    }
}
