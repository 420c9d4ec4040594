//! Over the text of a record, once: strings and numbers are looked into, fields are replaced or left
//! out, everything else is copied. The record was checked when it came in, so no error is left.

use std::borrow::Cow;

use bytes::Bytes;

use super::card::is_card;
use super::find::{Pattern, find};
use super::path::Place;
use super::{FieldAction, Redact};

/// The record without what is to be taken out; none if there is nothing of it.
pub(super) fn redacted(redact: &Redact, line: &[u8]) -> Option<Bytes> {
    let mut walk = Walk {
        redact,
        line,
        at: 0,
        out: Vec::with_capacity(line.len() + 64),
        way: Vec::new(),
        open: Vec::new(),
        changed: false,
    };
    walk.value();
    while let Some(open) = walk.open.last_mut() {
        match line.get(walk.at) {
            Some(close @ (b'}' | b']')) => {
                walk.out.push(*close);
                walk.at += 1;
                walk.open.pop();
                walk.way.pop();
            }
            Some(b',' | b' ' | b'\t' | b'\r' | b'\n') => walk.at += 1,
            Some(_) if open.is_object => walk.member(),
            Some(_) => walk.item(),
            None => return None,
        }
    }
    walk.changed.then(|| Bytes::from(walk.out))
}

struct Walk<'a> {
    redact: &'a Redact,
    line: &'a [u8],
    at: usize,
    out: Vec<u8>,
    /// The way to the value here.
    way: Vec<Place>,
    /// The objects and arrays around it.
    open: Vec<Open>,
    changed: bool,
}

struct Open {
    is_object: bool,
    /// How many members were met.
    met: usize,
    /// Whether one of them was written.
    has_written: bool,
}

impl Walk<'_> {
    fn member(&mut self) {
        let key = self.token();
        self.skip_to(b':');
        self.at += 1;
        let name = text_of(&self.line[key.clone()]).into_owned();
        self.way.push(Place::Key(name));
        if self.action() == Some(FieldAction::Drop) {
            self.token();
            self.way.pop();
            self.changed = true;
            return;
        }
        self.separate();
        self.out.extend_from_slice(&self.line[key]);
        self.out.push(b':');
        self.value();
    }

    fn item(&mut self) {
        let index = self.open.last_mut().map_or(0, |open| {
            open.met += 1;
            open.met - 1
        });
        self.way.push(Place::Index(index));
        if self.action() == Some(FieldAction::Drop) {
            self.token();
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
    }

    fn action(&self) -> Option<FieldAction> {
        let fields = &self.redact.fields;
        fields.iter().find(|(path, _)| path.is(&self.way)).map(|(_, action)| *action)
    }

    /// A value, the way to which is known. Of an object or array only the beginning.
    fn value(&mut self) {
        self.skip_space();
        let (line, is_root) = (self.line, self.open.is_empty());
        let action = if is_root { None } else { self.action() };
        if let Some(action) = action {
            let token = self.token();
            let stand_in = self.redact.stand_in(
                "redacted",
                &text_of(&line[token]),
                action == FieldAction::Hash,
            );
            self.write(&stand_in);
        } else {
            match line.get(self.at) {
                Some(open @ (b'{' | b'[')) => {
                    self.out.push(*open);
                    self.at += 1;
                    let is_object = *open == b'{';
                    self.open.push(Open { is_object, met: 0, has_written: false });
                    return;
                }
                Some(b'"') => self.text(),
                _ => self.number(),
            }
        }
        self.way.pop();
    }

    fn text(&mut self) {
        let token = self.token();
        let raw = &self.line[token];
        let patterns = self.patterns();
        let may_match = |byte: &u8| byte.is_ascii_digit() || b"@:\\".contains(byte) || *byte > 0x7f;
        if patterns.is_empty() || !raw.iter().any(may_match) {
            self.out.extend_from_slice(raw);
            return;
        }
        let text = text_of(raw);
        let found = find(&text, &patterns);
        if found.is_empty() {
            self.out.extend_from_slice(raw);
            return;
        }
        let (mut clean, mut end) = (String::with_capacity(text.len()), 0);
        for (range, pattern, plain) in found {
            clean.push_str(&text[end..range.start]);
            clean.push_str(&self.redact.stand_in(pattern.name(), &plain, self.redact.hashes));
            end = range.end;
        }
        clean.push_str(&text[end..]);
        self.write(&clean);
    }

    /// A number, `true`, `false` or `null`. A number that is an id is no card.
    fn number(&mut self) {
        let token = self.token();
        let raw = &self.line[token];
        let digits = whole_digits(raw);
        let is_card =
            !self.is_id() && is_card(&digits) && self.patterns().contains(&Pattern::CardNumber);
        if is_card {
            let plain: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
            let name = Pattern::CardNumber.name();
            let stand_in = self.redact.stand_in(name, &plain, self.redact.hashes);
            self.write(&stand_in);
        } else {
            self.out.extend_from_slice(raw);
        }
    }

    /// Whether the field's name says that its number is one of Zendesk's.
    fn is_id(&self) -> bool {
        let name = self.way.iter().rev().find_map(|place| match place {
            Place::Key(name) => Some(name.as_str()),
            Place::Index(_) => None,
        });
        name.is_some_and(|name| name == "id" || name.ends_with("_id") || name.ends_with("_ids"))
    }

    /// What is looked for here.
    fn patterns(&self) -> Vec<Pattern> {
        let searches = self.redact.searches.iter().filter(|search| match &search.within {
            Some(within) => within.iter().any(|path| path.holds(&self.way)),
            None => true,
        });
        let mut patterns: Vec<Pattern> =
            searches.flat_map(|search| search.patterns.iter().copied()).collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns
    }

    /// Writes a string in the place of what was there.
    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
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
    fn token(&mut self) -> std::ops::Range<usize> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.line.get(self.at) {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if *byte != b'"' {
                self.at += 1;
            }
            if depth == 0 && (*byte == b'"' || *byte == b'}' || *byte == b']') {
                break;
            }
        }
        start..self.at
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.line.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }
}

/// What a string says; anything else as it is written. Half of a surrogate pair cannot be said, so
/// such a string is taken as it is written too.
fn text_of(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = serde_json::from_slice::<String>(raw) {
        return Cow::Owned(text);
    }
    let inner = raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    String::from_utf8_lossy(inner.unwrap_or(raw))
}

/// The digits of a whole number, however it is written: `4111111111111111`, `4.111e15`.
fn whole_digits(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(raw);
    let text = text.trim().trim_start_matches('-');
    let plain = match text.parse::<f64>() {
        Ok(number) if text.contains(['.', 'e', 'E']) && number < 1e19 => format!("{number:.0}"),
        _ => text.to_owned(),
    };
    let digits = plain.bytes().map(|byte| byte.wrapping_sub(b'0'));
    let digits: Vec<u8> = digits.collect();
    if digits.iter().all(|digit| *digit < 10) { digits } else { Vec::new() }
}
