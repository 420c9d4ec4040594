//! Writes JSON by pushing bytes.
//!
//! Records are rendered by the million, so no tree of values is built. What is
//! pushed must be valid JSON in the end; nothing here checks it.

use jiff::Timestamp;

/// How the text of one record is written: all three are the same JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// Only what must be escaped is.
    Plain,
    /// Everything beyond ASCII as `\uXXXX`, surrogate pairs included.
    Ascii,
    /// A slash as `\/`, as some encoders do.
    Slashes,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Pushes a string with its quotes.
pub(super) fn string(out: &mut Vec<u8>, text: &str, escape: Escape) {
    out.push(b'"');
    if escape == Escape::Ascii {
        for char in text.chars() {
            ascii_char(out, char);
        }
    } else {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|&byte| is_special(byte, escape)) {
            out.extend_from_slice(&rest[..at]);
            special(out, rest[at]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
    }
    out.push(b'"');
}

fn is_special(byte: u8, escape: Escape) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (byte == b'/' && escape == Escape::Slashes)
}

fn special(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        byte if byte < 0x20 => unit(out, u16::from(byte)),
        byte => out.extend_from_slice(&[b'\\', byte]),
    }
}

fn ascii_char(out: &mut Vec<u8>, char: char) {
    match u8::try_from(char) {
        Ok(byte) if byte.is_ascii() && is_special(byte, Escape::Plain) => special(out, byte),
        Ok(byte) if byte.is_ascii() => out.push(byte),
        _ => {
            for one in char.encode_utf16(&mut [0; 2]) {
                unit(out, *one);
            }
        }
    }
}

fn unit(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from((unit >> shift) & 0xf)]);
    }
}

/// Pushes a whole number.
pub(super) fn int(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Pushes a whole number that may be negative.
pub(super) fn signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    int(out, number.unsigned_abs());
}

/// An epoch second as the API writes it: UTC, whole seconds.
pub(super) fn time_text(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    escape: Escape,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens an object at the end of `out`.
    pub(super) fn open(out: &'a mut Vec<u8>, escape: Escape) -> Self {
        out.push(b'{');
        Self { out, escape, empty: true }
    }

    /// Goes on with an object that is open already, from a place where a member may start.
    pub(super) fn continued(out: &'a mut Vec<u8>) -> Self {
        Self { out, escape: Escape::Plain, empty: true }
    }

    /// Closes it.
    pub(super) fn close(self) {
        self.out.push(b'}');
    }

    /// Starts a member and hands out the place for its value.
    pub(super) fn member(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member whose value is JSON already.
    pub(super) fn raw(&mut self, key: &str, json: &str) {
        self.member(key).extend_from_slice(json.as_bytes());
    }

    /// A string.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        let escape = self.escape;
        string(self.member(key), text, escape);
    }

    /// A string, or null.
    pub(super) fn maybe_text(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.raw(key, "null"),
        }
    }

    /// A whole number.
    pub(super) fn int(&mut self, key: &str, number: u64) {
        int(self.member(key), number);
    }

    /// A whole number that may be negative.
    pub(super) fn signed(&mut self, key: &str, number: i64) {
        signed(self.member(key), number);
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.raw(key, if flag { "true" } else { "false" });
    }

    /// An epoch second as a time.
    pub(super) fn time(&mut self, key: &str, seconds: i64) {
        self.text(key, &time_text(seconds));
    }
}

/// The same JSON with line breaks and indents.
pub(super) fn pretty(compact: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(compact.len() * 5 / 4);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, &byte) in compact.iter().enumerate() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let next_closes = matches!(compact.get(at + 1), Some(b'}' | b']'));
        match byte {
            b'{' | b'[' if !next_closes => {
                depth += 1;
                out.push(byte);
                break_line(&mut out, depth);
            }
            b'}' | b']' if !matches!(compact.get(at.wrapping_sub(1)), Some(b'{' | b'[')) => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                break_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            byte => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out
}

fn break_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + depth * 2, b' ');
}
