//! JSON's grammar: walks over values, checking every byte and keeping none.
//!
//! It never recurses, so no page can exhaust the stack; it must not know what a
//! record is. Every walk starts at a byte's position and answers with the
//! position after what it walked over.

#![expect(clippy::inline_always, reason = "measured: a call for each token costs a fifth")]

use super::Malformed;
use super::compact::{Compactor, end_of_gap};
use super::lanes;
use super::stops::Stops;

/// How deep arrays and objects may be nested, as in `serde_json`.
const MAX_DEPTH: usize = 127;

/// What a walk found. The fault is boxed so that a position travels in registers:
/// one is returned for every token.
pub(super) type Walk<T> = Result<T, Box<Malformed>>;

/// The position after what was walked over.
pub(super) type Step = Walk<usize>;

/// Where a key's text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// After the opening quote.
    pub(super) start: usize,
    /// At the closing quote.
    pub(super) end: usize,
    /// After the colon.
    pub(super) value: usize,
    /// Whether the text is what it says: it holds no escapes.
    pub(super) plain: bool,
}

/// A reader of the page that can look at any position.
#[derive(Debug)]
pub(super) struct Walker<'p> {
    /// All of the page, valid UTF-8.
    pub(super) page: &'p [u8],
    /// Leaves the gaps out of what is recorded.
    pub(super) compactor: Compactor,
    stops: Stops<'p>,
}

impl<'p> Walker<'p> {
    /// Walks over `page`, which the caller knows to be UTF-8.
    pub(super) fn new(page: &'p [u8]) -> Self {
        Self { page, compactor: Compactor::default(), stops: Stops::new(page) }
    }

    /// The byte at `at`; past the end NUL, which no grammar rule accepts.
    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.page.get(at).copied().unwrap_or(0)
    }

    /// Walks over one value and the gap before it; `depth` arrays and objects are
    /// open around it.
    #[inline(always)]
    pub(super) fn value(&mut self, at: usize, depth: usize) -> Step {
        match self.byte(at) {
            b'"' => self.string(at + 1),
            b'{' | b'[' => self.container(at, depth),
            _ => self.scalar(at),
        }
    }

    /// Walks over an array or object and all that is in it.
    #[inline(never)]
    fn container(&mut self, mut at: usize, depth: usize) -> Step {
        let mut nest = Nest::around(depth);
        'value: loop {
            match self.byte(at) {
                b'"' => at = self.string(at + 1)?,
                open @ (b'{' | b'[') => {
                    if !nest.open(open) {
                        return self.fault("nested too deep", at);
                    }
                    at = self.token(at + 1);
                    if self.byte(at) != nest.closer {
                        if open == b'{' {
                            at = self.key(at)?.value;
                        }
                        continue 'value;
                    }
                }
                b' ' | b'\n' | b'\r' | b'\t' => {
                    at = self.token(at);
                    continue 'value;
                }
                _ => at = self.scalar(at)?,
            }
            loop {
                let byte = self.byte(at);
                if byte == b',' {
                    at = if nest.closer == b'}' { self.key(at + 1)?.value } else { at + 1 };
                    continue 'value;
                }
                if byte == nest.closer {
                    at += 1;
                    if nest.close() {
                        return Ok(at);
                    }
                } else {
                    at = self.gap(at, "`,` or the end of the array or object")?;
                }
            }
        }
    }

    /// Walks over a key and its colon.
    #[inline(always)]
    pub(super) fn key(&mut self, at: usize) -> Walk<Key> {
        let start = self.punctuation(at, b'"', "a key")?;
        let end = self.stops.next(start);
        if self.chunk(end) == Some(b"\":") {
            return Ok(Key { start, end, value: end + 2, plain: true });
        }
        self.unusual_key(start, end)
    }

    /// The rest of a key with escapes in it, or a gap before its colon.
    #[inline(never)]
    fn unusual_key(&mut self, start: usize, stop: usize) -> Walk<Key> {
        let plain = self.byte(stop) == b'"';
        let end = self.string_with_escapes(stop)?;
        let value = self.punctuation(end, b':', "`:`")?;
        Ok(Key { start, end: end - 1, value, plain })
    }

    /// Walks over one byte that must come next, and the gap before it.
    #[inline(always)]
    fn punctuation(&mut self, mut at: usize, byte: u8, name: &str) -> Step {
        while self.byte(at) != byte {
            at = self.gap(at, name)?;
        }
        Ok(at + 1)
    }

    /// Walks over what follows a member or element: whether it was a comma, and
    /// the position after it or after the closer.
    #[inline(always)]
    pub(super) fn separator(&mut self, mut at: usize, closer: u8) -> Walk<(bool, usize)> {
        loop {
            match self.byte(at) {
                b',' => return Ok((true, at + 1)),
                byte if byte == closer => return Ok((false, at + 1)),
                _ => at = self.gap(at, "`,` or the end of the array or object")?,
            }
        }
    }

    /// Walks from after the opening quote to after the closing one.
    #[inline(always)]
    pub(super) fn string(&mut self, from: usize) -> Step {
        let at = self.stops.next(from);
        if self.byte(at) == b'"' { Ok(at + 1) } else { self.string_with_escapes(at) }
    }

    #[inline(never)]
    fn string_with_escapes(&mut self, mut at: usize) -> Step {
        loop {
            // Text in another script is one escape after the other.
            while let Some([b'\\', b'u', digits @ ..]) = self.chunk::<6>(at)
                && are_hex(*digits)
            {
                at += 6;
            }
            at = self.stops.next(at);
            match self.byte(at) {
                b'"' => return Ok(at + 1),
                b'\\' => at = self.escape(at)?,
                _ if at >= self.page.len() => return self.fault("a string has no end", at),
                _ => return self.fault("a control character in a string", at),
            }
        }
    }

    /// Walks over an escape. Surrogates need no partner: they pass as sent.
    #[inline(always)]
    fn escape(&self, at: usize) -> Step {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' if self.chunk(at + 2).is_some_and(|digits| are_hex(*digits)) => Ok(at + 6),
            b'u' => self.fault("`\\u` without four hexadecimal digits", at),
            _ => self.fault("an unknown escape", at),
        }
    }

    /// The next `N` bytes, if there are so many.
    #[inline(always)]
    fn chunk<const N: usize>(&self, at: usize) -> Option<&'p [u8; N]> {
        self.page.get(at..)?.first_chunk()
    }

    /// Walks over a number, `true`, `false` or `null`.
    #[inline(always)]
    fn scalar(&mut self, at: usize) -> Step {
        match self.byte(at) {
            b'0'..=b'9' | b'-' => self.number(at),
            b'n' => self.literal(at, b"null"),
            b't' => self.literal(at, b"true"),
            b'f' => self.literal(at, b"false"),
            _ => self.unexpected(at, "a value"),
        }
    }

    #[inline(always)]
    fn literal<const N: usize>(&self, at: usize, literal: &[u8; N]) -> Step {
        if self.chunk(at) == Some(literal) {
            return Ok(at + N);
        }
        self.unexpected(at, "`null`, `true` or `false`")
    }

    #[inline(always)]
    fn number(&self, at: usize) -> Step {
        let first = at + usize::from(self.byte(at) == b'-');
        let end = match self.byte(first) {
            b'1'..=b'9' => self.digits(first + 1),
            // A digit after it is then no part of the number, and nothing that
            // may follow one.
            b'0' => first + 1,
            _ => return self.unexpected(first, "a digit"),
        };
        if matches!(self.byte(end), b'.' | b'e' | b'E') { self.fraction(end) } else { Ok(end) }
    }

    #[inline(never)]
    fn fraction(&self, mut at: usize) -> Step {
        if self.byte(at) == b'.' {
            at = self.some_digits(at + 1)?;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            at += 1 + usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
            at = self.some_digits(at)?;
        }
        Ok(at)
    }

    fn some_digits(&self, at: usize) -> Step {
        let end = self.digits(at);
        if end > at { Ok(end) } else { self.unexpected(at, "a digit") }
    }

    /// Walks over digits, if there are any; an id's at one stroke.
    #[inline(always)]
    fn digits(&self, mut at: usize) -> usize {
        while let Some(run) = self.chunk(at) {
            let others = lanes::other_than_digits(*run);
            if others != 0 {
                return at + others.trailing_zeros() as usize;
            }
            at += lanes::LANES;
        }
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    /// Where the next token starts.
    #[inline(always)]
    pub(super) fn token(&mut self, at: usize) -> usize {
        if self.byte(at) <= b' ' { self.skip_gap(at) } else { at }
    }

    /// The next token is not `expected`: that is well only if there is a gap
    /// before it.
    #[inline(never)]
    fn gap(&mut self, at: usize, expected: &str) -> Step {
        let end = self.leave_out_gap(at);
        if end > at { Ok(end) } else { self.unexpected(at, expected) }
    }

    #[inline(never)]
    fn skip_gap(&mut self, at: usize) -> usize {
        self.leave_out_gap(at)
    }

    #[inline(always)]
    fn leave_out_gap(&mut self, at: usize) -> usize {
        let end = end_of_gap(self.page, at);
        if end > at {
            self.compactor.leave_out(self.page, at..end);
        }
        end
    }

    /// Something else stands where `expected` should.
    #[cold]
    pub(super) fn unexpected<T>(&self, at: usize, expected: &str) -> Walk<T> {
        if at >= self.page.len() {
            return self.fault(&format!("the page ends where {expected} should be"), at);
        }
        self.fault(&format!("expected {expected}"), at)
    }

    /// The page is malformed.
    #[cold]
    #[expect(clippy::unused_self, reason = "reads as the other walks do")]
    pub(super) fn fault<T>(&self, reason: &str, offset: usize) -> Walk<T> {
        Err(Box::new(Malformed { reason: reason.into(), offset }))
    }
}

/// Which arrays and objects are open.
struct Nest {
    /// What ends the innermost.
    closer: u8,
    /// One bit each, the innermost lowest; an object's is set.
    kinds: u128,
    opened: usize,
    room: usize,
}

impl Nest {
    fn around(depth: usize) -> Self {
        Self { closer: 0, kinds: 0, opened: 0, room: MAX_DEPTH - depth }
    }

    /// False when there is no room.
    #[inline(always)]
    fn open(&mut self, opener: u8) -> bool {
        // In ASCII both kinds of brackets are two apart.
        self.closer = opener + 2;
        self.kinds = self.kinds << 1 | u128::from(opener == b'{');
        self.opened += 1;
        self.opened <= self.room
    }

    /// True when nothing is open any more.
    #[inline(always)]
    fn close(&mut self) -> bool {
        self.kinds >>= 1;
        self.closer = if self.kinds & 1 == 1 { b'}' } else { b']' };
        self.opened -= 1;
        self.opened == 0
    }
}

#[inline(always)]
fn are_hex(digits: [u8; 4]) -> bool {
    // Looking up is quicker than comparing, and one jump is quicker than four.
    digits.iter().fold(true, |all, digit| all & IS_HEX[usize::from(*digit)])
}

static IS_HEX: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_hexdigit();
        byte += 1;
    }
    table
};
