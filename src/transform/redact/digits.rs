//! Digits of any script, and what people put between them.

use std::ops::Range;

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

/// Names that HTML has for spaces, hyphens and what has no width.
const ENTITIES: &[(&str, char)] = &[
    ("nbsp", '\u{a0}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("numsp", '\u{2007}'),
    ("thinsp", '\u{2009}'),
    ("hairsp", '\u{200a}'),
    ("shy", '\u{ad}'),
    ("dash", '\u{2010}'),
    ("hyphen", '\u{2010}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("minus", '\u{2212}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("period", '.'),
    ("sol", '/'),
];

/// A longer entity is none.
const ENTITY_BYTES_MAX: usize = 12;

/// What begins like a tag and is longer is text.
const TAG_BYTES_MAX: usize = 500;

/// A digit in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digit {
    pub(super) value: u8,
    /// Where it stands, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it follows something that is no digit.
    pub(super) begins_group: bool,
}

/// The value of a decimal digit of any script.
pub(super) fn value(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(c);
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(after.checked_sub(1)?)?;
    u8::try_from(code - zero).ok().filter(|digit| *digit < 10)
}

/// Whether people, or editors, put it between the digits of one number.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '_' | '/' | ',' | '|' | '·' | '•' | '\u{ad}' | '\u{180e}')
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
        // Of no width, and what makes a digit an emoji.
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}')
}

/// More of them in a row separate numbers.
const SEPARATORS_MAX: usize = 6;

/// Calls `take` with each run of digits that may be one number, or several beside each other. A
/// tag of HTML between two digits separates them no more than a space does; what is in it is
/// looked at on its own.
pub(super) fn runs(text: &str, mut take: impl FnMut(&[Digit])) {
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
    take: &mut impl FnMut(&[Digit]),
) {
    let mut run: Vec<Digit> = Vec::new();
    let (mut at, mut between) = (part.start, 0);
    while at < part.end {
        let Some((c, mut end)) = character(text, at) else { break };
        if let Some(value) = value(c) {
            let begins_group = run.is_empty() || between > 0;
            run.push(Digit { value, start: at, end, begins_group });
            between = 0;
        } else {
            // Before a number it is as good as any text.
            let tag = if run.is_empty() { None } else { tag(&text[at..part.end]) };
            if let Some(length) = tag {
                tags.push(at + 1..at + length);
                end = at + length;
            }
            between += 1;
            let goes_on = tag.is_some() || separates(c);
            if !run.is_empty() && (!goes_on || between > SEPARATORS_MAX) {
                take(&run);
                run.clear();
            }
        }
        at = end;
    }
    if !run.is_empty() {
        take(&run);
    }
}

/// The character at a place, and where it ends; an entity of HTML stands for another.
fn character(text: &str, at: usize) -> Option<(char, usize)> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    let entity = rest.strip_prefix('&').and_then(|rest| {
        let length = rest.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';')?;
        let name = &rest[..length];
        let c = match name.strip_prefix('#') {
            Some(number) => {
                let hex = number.strip_prefix(['x', 'X']);
                let (digits, radix) = hex.map_or((number, 10), |hex| (hex, 16));
                char::from_u32(u32::from_str_radix(digits, radix).ok()?)?
            }
            None => ENTITIES.iter().find(|(known, _)| *known == name)?.1,
        };
        Some((c, at + length + 2))
    });
    Some(entity.unwrap_or((first, at + first.len_utf8())))
}

/// The length of the tag that a text begins with.
fn tag(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let begins = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let end = inner.bytes().take(TAG_BYTES_MAX).position(|byte| byte == b'>' || byte == b'<')?;
    (begins && inner.as_bytes()[end] == b'>').then_some(end + 2)
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
        for c in ['a', '½', '²', '①', '一', '\u{662}'] {
            assert_eq!(value(c).is_some(), c == '\u{662}', "{c}");
        }
    }

    #[test]
    fn a_run_ends_at_what_does_not_separate() {
        let mut found = Vec::new();
        runs("12-3 4x5&nbsp;6        7", |run| {
            found.push(run.iter().map(|digit| digit.value).collect::<Vec<_>>());
        });
        assert_eq!(found, [vec![1, 2, 3, 4], vec![5, 6], vec![7]]);
        found.clear();
        runs("<p class=\"n8\">1<b>2</b> <a href='x9'>3&#52;&#x2009;5</a>< 6", |run| {
            found.push(run.iter().map(|digit| digit.value).collect::<Vec<_>>());
        });
        assert_eq!(found, [vec![8], vec![1, 2, 3, 4, 5], vec![6], vec![9]]);
    }
}
