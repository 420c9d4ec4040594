//! What a JSON string says, and where in its text each part of that is written.

use std::borrow::Cow;
use std::ops::Range;

use super::letters::escape as escape_within;

/// A string without its escapes.
pub(super) struct Unescaped<'a> {
    pub(super) text: Cow<'a, str>,
    /// Where it begins in what was written.
    first: usize,
    /// Behind each escape: the place in the text, and in what was written.
    escapes: Vec<(usize, usize)>,
}

impl<'a> Unescaped<'a> {
    /// Of a string in quotes, which was checked to be one. Half of a surrogate pair cannot be said,
    /// so U+FFFD stands for it.
    pub(super) fn of(written: &'a [u8]) -> Self {
        let inner = written.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        // A page that is no UTF-8 is no page.
        let inner = std::str::from_utf8(inner.unwrap_or_default()).unwrap_or_default();
        Self::read(inner, 1, |text| Some(escape(text)))
    }

    /// Of a text in which somebody may have pasted JSON, or JSON within JSON.
    pub(super) fn of_text(text: &'a str) -> Self {
        Self::read(text, 0, escape_within)
    }

    fn read(
        written: &'a str,
        first: usize,
        escape: impl Fn(&str) -> Option<(char, usize)>,
    ) -> Self {
        let mut escapes = Vec::new();
        let (mut at, mut text) = (0, String::new());
        while let Some(length) = memchr::memchr(b'\\', &written.as_bytes()[at..]) {
            text.push_str(&written[at..at + length]);
            at += length;
            let (c, length) = escape(&written[at..]).unwrap_or(('\\', 1));
            text.push(c);
            at += length;
            if length > 1 {
                escapes.push((text.len(), first + at));
            }
        }
        if escapes.is_empty() {
            return Self { text: Cow::Borrowed(written), first, escapes };
        }
        text.push_str(&written[at..]);
        Self { text: Cow::Owned(text), first, escapes }
    }

    /// Where a part of the text is written.
    pub(super) fn written(&self, part: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let behind = self.escapes.partition_point(|(text, _)| *text <= at);
            // What comes before the first escape begins behind the quote.
            let (text, written) =
                behind.checked_sub(1).map_or((0, self.first), |last| self.escapes[last]);
            written + (at - text)
        };
        place(part.start)..place(part.end)
    }
}

/// Where the value of JSON ends that begins at a place.
pub(super) fn value_end(line: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = line.get(at) {
        match byte {
            b'"' => at = string_end(line, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => break,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(line: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = line.get(at) {
        at += if *byte == b'\\' { 2 } else { 1 };
        if *byte == b'"' {
            break;
        }
    }
    at
}

/// Whether a string's text may be an object or a list.
pub(super) fn is_json(raw: &[u8]) -> bool {
    let is_open = matches!(raw.get(1), Some(b'{' | b'['));
    is_open && matches!(raw.get(raw.len().wrapping_sub(2)), Some(b'}' | b']'))
}

/// A string as JSON has it.
pub(super) fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

/// The character that an escape stands for, and how long that is.
fn escape(text: &str) -> (char, usize) {
    let c = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(text),
        _ => return (text[1..].chars().next().unwrap_or('\\'), 2.min(text.len())),
    };
    (c, 2)
}

/// `\u00e9`, `\ud83d\ude42`
fn unicode(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let units = [unit(0), unit(6)].into_iter().map_while(|unit| unit);
    let c = char::decode_utf16(units).next();
    match c {
        Some(Ok(c)) => (c, 6 * c.len_utf16()),
        _ => (char::REPLACEMENT_CHARACTER, 6.min(text.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_pair_is_a_character_of_its_own() {
        let written = br#""half \ud83d 41\n11 \ud83d\u0041 \ud83d\ude42\"\/""#;
        let unescaped = Unescaped::of(written);
        assert_eq!(unescaped.text, "half \u{fffd} 41\n11 \u{fffd}A 🙂\"/");
        let at = unescaped.text.find("41\n11").unwrap();
        let place = unescaped.written(&(at..at + 5));
        assert_eq!(&written[place], br"41\n11");
    }

    proptest! {
        #[test]
        fn every_part_is_found_where_it_is_written(text in "[a\"\\\\\n\u{1}é🙂/]{0,12}", ascii: bool) {
            let mut written = serde_json::to_string(&text).unwrap();
            if ascii {
                let units = |c: char| {
                    let mut units = [0; 2];
                    let units = c.encode_utf16(&mut units).iter();
                    units.fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}"))
                };
                let escaped = |c: char| if c.is_ascii() { c.to_string() } else { units(c) };
                written = written.chars().map(escaped).collect();
            }
            let unescaped = Unescaped::of(written.as_bytes());
            prop_assert_eq!(&unescaped.text, &text);
            for (start, c) in text.char_indices() {
                let place = unescaped.written(&(start..start + c.len_utf8()));
                let part = format!("\"{}\"", &written[place]);
                prop_assert_eq!(serde_json::from_str::<String>(&part).unwrap(), c.to_string());
            }
        }
    }
}
