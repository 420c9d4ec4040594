//! A walk over the members of a JSON object, as slices of its text.
//!
//! The text was proved to be JSON when it was read; what is not, ends the walk early. Nothing is
//! decoded but names that have an escape in them.

use std::borrow::Cow;

use memchr::memchr2;

/// One member, as it stands in the text.
pub(super) struct Member<'t> {
    /// From its name's first quote to its value's last byte.
    pub(super) whole: &'t [u8],
    /// From its name's first quote to before its value: `"a":`.
    pub(super) head: &'t [u8],
    pub(super) value: &'t [u8],
}

impl Member<'_> {
    /// Its name, decoded; none if it is no string.
    pub(super) fn name(&self) -> Option<Cow<'_, str>> {
        let end = string_end(self.head, 0)?;
        let inside = &self.head[1..end - 1];
        match memchr::memchr(b'\\', inside) {
            None => std::str::from_utf8(inside).ok().map(Cow::Borrowed),
            Some(_) => serde_json::from_slice(&self.head[..end]).ok().map(Cow::Owned),
        }
    }
}

/// The members of the object that `text` is.
pub(super) struct Members<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Members<'t> {
    /// None if it is no object.
    pub(super) fn of(text: &'t [u8]) -> Option<Self> {
        (text.first() == Some(&b'{') && text.last() == Some(&b'}')).then_some(Self { text, at: 1 })
    }
}

impl<'t> Iterator for Members<'t> {
    type Item = Member<'t>;

    fn next(&mut self) -> Option<Member<'t>> {
        let text = self.text;
        let mut start = space_end(text, self.at);
        if text.get(start) == Some(&b',') {
            start = space_end(text, start + 1);
        }
        let colon = space_end(text, string_end(text, start)?);
        if text.get(colon) != Some(&b':') {
            return None;
        }
        let value = space_end(text, colon + 1);
        let end = value_end(text, value)?;
        self.at = end;
        let (whole, head) = (&text[start..end], &text[start..value]);
        Some(Member { whole, head, value: &text[value..end] })
    }
}

fn space_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Behind the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Behind the value that begins at `at`. Its depth costs no stack.
fn value_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = at;
    loop {
        at = match text.get(at)? {
            b'"' => string_end(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at + 1
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => at + 1,
            _ => at + text[at..].iter().take_while(|byte| is_of_word(**byte)).count().max(1),
        };
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Whether a number, `true`, `false` or `null` goes on with this.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
