//! Digits of any script, and what people, editors and encodings put between them.

use std::ops::Range;

use super::letters::{character, separates, tag};

/// The zeros of Unicode's decimal digits (general category Nd); nine digits follow each.
/// <https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedNumericType.txt>
const ZEROS: &[u32] = &[
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
    0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,
    0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
    0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e950, 0x1fbf0,
];

/// Other digits: superscripts, subscripts, in circles and brackets (`Numeric_Type=Digit`): the first
/// of some in a row, its value, and how many there are.
const OTHERS: &[(u32, u8, u8)] = &[
    (0x00b2, 2, 2),
    (0x00b9, 1, 1),
    (0x1369, 1, 9),
    (0x19da, 1, 1),
    (0x2070, 0, 1),
    (0x2074, 4, 6),
    (0x2080, 0, 10),
    (0x2460, 1, 9),
    (0x2474, 1, 9),
    (0x2488, 1, 9),
    (0x24ea, 0, 1),
    (0x24f5, 1, 9),
    (0x24ff, 0, 1),
    (0x2776, 1, 9),
    (0x2780, 1, 9),
    (0x278a, 1, 9),
    (0x10a40, 1, 4),
    (0x10e60, 1, 9),
    (0x11052, 1, 9),
    (0x1f100, 0, 1),
    (0x1f101, 0, 10),
    (0x1f10b, 0, 1),
    (0x1f10c, 0, 1),
];

/// With more of them between two digits, white space, tags and what has no width not counted, these
/// are digits of two numbers.
const MARKS_MAX: u8 = 8;

/// A longer row of digits is looked at in parts, so that it takes no more room than this.
const ROW_MAX: usize = 4_096;

/// What two parts have in common: more than any number looked for has.
const ROW_OVERLAP: usize = 64;

/// A digit in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digit {
    pub(super) value: u8,
    /// Where it stands, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands between it and the digit before it.
    pub(super) gap: Gap,
}

/// What stands between two digits of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// Characters; a tag is one.
    pub(super) chars: u8,
    /// Those of them that can be seen: not those of no width.
    pub(super) width: u8,
    /// Those that are neither white space nor a tag.
    marks: u8,
    spaces: bool,
    /// The line ends here.
    pub(super) breaks: bool,
    /// It has what stands between the items of a list, or before a phone number.
    pub(super) lists: bool,
}

/// Digits that may be one number, or several beside each other.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) text: &'a str,
    pub(super) digits: &'a [Digit],
    /// Whether a letter stands right before the first, and right behind the last.
    pub(super) touches: [bool; 2],
    /// Whether there are more digits before the first, and behind the last.
    pub(super) goes_on: [bool; 2],
}

/// The value of a digit of any script.
pub(super) fn value(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(c);
    let from = |zero: u32| code.checked_sub(zero).and_then(|it| u8::try_from(it).ok());
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let decimal = after.checked_sub(1).and_then(|at| from(ZEROS[at])).filter(|it| *it < 10);
    decimal.or_else(|| {
        OTHERS.iter().find_map(|(first, value, count)| {
            from(*first).filter(|it| it < count).map(|it| value + it)
        })
    })
}

impl Gap {
    fn add(&mut self, c: char) {
        self.chars = self.chars.saturating_add(1);
        if has_no_width(c) {
            return;
        }
        let is_break =
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let is_quote = c == '>' && self.breaks;
        self.lists |= matches!(c, ',' | ';' | '|' | '\t') || (c == '+' && self.width > 0);
        self.width = self.width.saturating_add(1);
        self.breaks |= is_break;
        self.spaces |= !is_break && c.is_whitespace();
        if !c.is_whitespace() && !is_quote {
            self.marks = self.marks.saturating_add(1);
        }
    }

    fn add_tag(&mut self, breaks: bool) {
        self.chars = self.chars.saturating_add(1);
        self.width = self.width.saturating_add(1);
        self.breaks |= breaks;
    }

    /// Whether an editor may have put it within a word: a tag, the end of a line.
    pub(super) fn is_soft(self) -> bool {
        self.marks == 0 && (self.breaks || !self.spaces)
    }
}

/// Joiners, marks of direction, soft hyphens, and what makes a digit an emoji.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{20e3}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

/// Calls `take` with each run of digits. A tag of HTML between two digits separates them no more than
/// a space does; what is in it is looked at on its own.
pub(super) fn runs(text: &str, mut take: impl FnMut(&Run<'_>)) {
    let mut tags = Vec::new();
    let mut part = Some(0..text.len());
    while let Some(within) = part {
        runs_within(text, within, &mut tags, &mut take);
        part = tags.pop();
    }
}

fn runs_within(
    text: &str,
    part: Range<usize>,
    tags: &mut Vec<Range<usize>>,
    take: &mut impl FnMut(&Run<'_>),
) {
    let mut row =
        Row { text, digits: Vec::new(), gap: Gap::default(), touches: false, is_cut: false };
    let (mut at, mut before) = (part.start, None);
    while at < part.end {
        if row.digits.is_empty() {
            let skipped = text.as_bytes()[at..part.end].iter().position(|byte| may_begin(*byte));
            let Some(skipped) = skipped else { return };
            at += skipped;
            if skipped > 0 {
                before = text[..at].chars().next_back();
            }
        }
        let Some((c, mut end)) = character(text, at) else { break };
        if let Some(value) = value(c) {
            row.push(value, at..end, before, take);
        } else if let Some(tag) = tag(&text[at..part.end]) {
            tags.push(at + 1..at + tag.length);
            end = at + tag.length;
            row.gap.add_tag(tag.breaks);
        } else if !row.digits.is_empty() {
            if separates(c) {
                row.gap.add(c);
            } else {
                row.end(row.gap.chars == 0, take);
            }
            if row.gap.marks > MARKS_MAX {
                row.end(false, take);
            }
        }
        before = Some(c);
        at = end;
    }
    row.end(false, take);
}

/// Whether a digit, however it is written, or a tag may begin with it.
fn may_begin(byte: u8) -> bool {
    byte.is_ascii_digit() || byte > 0x7f || matches!(byte, b'&' | b'%' | b'\\' | b'<')
}

/// A run that is not at its end yet.
struct Row<'a> {
    text: &'a str,
    digits: Vec<Digit>,
    /// What came since the last digit.
    gap: Gap,
    /// Whether a letter stands right before the first.
    touches: bool,
    /// Whether its beginning was taken already.
    is_cut: bool,
}

impl Row<'_> {
    fn push(
        &mut self,
        value: u8,
        place: Range<usize>,
        before: Option<char>,
        take: &mut impl FnMut(&Run<'_>),
    ) {
        if self.digits.is_empty() {
            self.touches = before.is_some_and(|c| !separates(c));
            self.gap = Gap { lists: before == Some('+'), ..Gap::default() };
        }
        let gap = std::mem::take(&mut self.gap);
        self.digits.push(Digit { value, start: place.start, end: place.end, gap });
        if self.digits.len() == ROW_MAX {
            self.give(false, true, take);
            self.is_cut = true;
            self.digits.drain(..ROW_MAX - ROW_OVERLAP);
        }
    }

    fn give(&self, touches: bool, goes_on: bool, take: &mut impl FnMut(&Run<'_>)) {
        take(&Run {
            text: self.text,
            digits: &self.digits,
            touches: [self.touches && !self.is_cut, touches],
            goes_on: [self.is_cut, goes_on],
        });
    }

    fn end(&mut self, touches: bool, take: &mut impl FnMut(&Run<'_>)) {
        if !self.digits.is_empty() {
            self.give(touches, false, take);
        }
        self.digits.clear();
        (self.gap, self.is_cut) = (Gap::default(), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for digit in 0..10_u8 {
                let c = char::from_u32(zero + u32::from(digit)).unwrap();
                assert_eq!(value(c), Some(digit), "{c}");
                assert!(c.is_numeric(), "{c}");
            }
        }
        for (text, digit) in [("²₂②⑵⒉⓶❷➁➋🄃", 2), ("⁰₀⓪⓿🄀🄁", 0), ("⁹₉⑨⑼⒐⓽❾➈➒🄊", 9)]
        {
            assert!(text.chars().all(|c| value(c) == Some(digit)), "{text}");
        }
        for c in ['a', '½', '⑩', '一', 'Ⅳ', '⓫'] {
            assert_eq!(value(c), None, "{c}");
        }
    }

    fn rows(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        runs(text, |run| {
            found.push(run.digits.iter().map(|it| char::from(b'0' + it.value)).collect::<String>());
        });
        found
    }

    #[test]
    fn a_run_ends_at_what_does_not_separate() {
        assert_eq!(rows("12-3 4x5&nbsp;6........7"), ["1234", "567"]);
        assert_eq!(rows("12.........3"), ["12", "3"]);
        assert_eq!(rows("1\n                      2"), ["12"]);
        let html = "<p class=\"n8\">1<b>2</b> <a href='x9'>3&#52;&#x2009;5</a>< 6";
        assert_eq!(rows(html), ["123456", "9", "8"]);
        assert_eq!(rows("1%202%C2%A03%25204%415"), ["1234415"]);
        assert_eq!(rows(r"1\n2\\u00a03\u0034 %2"), ["12342"]);
    }

    #[test]
    fn a_long_row_is_looked_at_in_parts_that_overlap() {
        let text = "7".repeat(10_000);
        let parts = rows(&text);
        assert!(parts.iter().all(|part| part.len() <= ROW_MAX));
        let beyond = parts.len() - 1;
        assert_eq!(parts.iter().map(String::len).sum::<usize>() - beyond * ROW_OVERLAP, 10_000);
    }

    /// If each tag were looked at to the end of the text this would take most of an hour.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the real time that counts")]
    fn a_text_full_of_tags_that_never_end_takes_as_long_as_its_parts() {
        let begun = std::time::Instant::now();
        for part in ["<a\"=\"", "<a ='", "<!--", "<style>", "<a b=\"<!--'<a c='"] {
            let text = format!("1{}2", part.repeat(400_000 / part.len()));
            assert!(rows(&text).len() <= 2, "{part}");
        }
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }
}
