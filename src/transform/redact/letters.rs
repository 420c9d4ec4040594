//! Characters as a reader sees them, however they are encoded: entities of HTML, escapes of URLs and
//! of JSON within text.

/// Names that HTML has for what stands in numbers; of all others it is enough to know that they are
/// no digits.
const ENTITIES: &[(&str, char)] = &[
    ("nbsp", '\u{a0}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("numsp", '\u{2007}'),
    ("thinsp", '\u{2009}'),
    ("hairsp", '\u{200a}'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("shy", '\u{ad}'),
    ("dash", '\u{2010}'),
    ("hyphen", '\u{2010}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("minus", '\u{2212}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("period", '.'),
    ("comma", ','),
    ("colon", ':'),
    ("semi", ';'),
    ("sol", '/'),
    ("plus", '+'),
    ("lpar", '('),
    ("rpar", ')'),
    ("gt", '>'),
    ("lt", '<'),
    ("quot", '"'),
    ("amp", '&'),
];

/// A longer name is none.
const NAME_BYTES_MAX: usize = 32;

/// Text within text within text has no more backslashes in a row before an escape.
const BACKSLASHES_MAX: usize = 32;

/// Tags at which a line ends.
const LINES: &[&str] = &["br", "p", "div", "tr", "li"];

/// Tags with what is not shown in them.
const UNSEEN: &[&str] = &["style", "script"];

/// The end of a comment, of an attribute, or of what is not shown is not looked for any farther: each
/// place of a hostile text may begin one.
const TAG_BYTES_MAX: usize = 16 * 1024;

/// And a tag with more attributes is none.
const ATTRIBUTES_MAX: usize = 64;

/// A tag of HTML.
pub(super) struct Tag {
    /// In bytes.
    pub(super) length: usize,
    /// Whether a line ends here.
    pub(super) breaks: bool,
}

/// Whether it may stand between the digits of one number: whatever is no letter, and letters that
/// are taken for dashes, or are signs.
pub(super) fn separates(c: char) -> bool {
    !c.is_alphanumeric() || matches!(c, 'ー' | 'ｰ' | 'ـ' | 'Ⓐ'..='ⓩ' | '\u{1f130}'..='\u{1f189}')
}

/// The character at a place, and where it ends.
pub(super) fn character(text: &str, at: usize) -> Option<(char, usize)> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    let stands_for = match first {
        '&' => entity(rest),
        '%' => percent(rest, text[..at].ends_with(|c: char| c.is_ascii_digit())),
        '\\' => escape(rest),
        _ => None,
    };
    let (c, length) = stands_for.unwrap_or((first, first.len_utf8()));
    Some((c, at + length))
}

/// `&nbsp;`, `&#160;`, `&#xa0;`, and what becomes of them if they are escaped again: `&amp;nbsp;`.
fn entity(text: &str) -> Option<(char, usize)> {
    let mut name = &text[1..];
    while let Some(inner) = name.strip_prefix("amp;") {
        name = inner;
    }
    let begin = text.len() - name.len();
    let found = match name.strip_prefix('#') {
        Some(number) => {
            let length = number.bytes().take(NAME_BYTES_MAX).position(|byte| byte == b';');
            length.and_then(|length| {
                let hex = number[..length].strip_prefix(['x', 'X']);
                let (digits, radix) = hex.map_or((&number[..length], 10), |hex| (hex, 16));
                let code = u32::from_str_radix(digits, radix).ok()?;
                Some((char::from_u32(code)?, begin + 1 + length + 1))
            })
        }
        None => named(name).map(|(c, length)| (c, begin + length)),
    };
    found.or_else(|| (begin > 1).then_some(('&', begin)))
}

fn named(text: &str) -> Option<(char, usize)> {
    let is_end = |byte: u8| !byte.is_ascii_alphanumeric();
    let length = text.bytes().take(NAME_BYTES_MAX).position(is_end).unwrap_or(0);
    let name = &text[..length];
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && text[length..].starts_with(';') {
        let known = ENTITIES.iter().find(|(known, _)| *known == name);
        return Some((known.map_or(char::REPLACEMENT_CHARACTER, |(_, c)| *c), length + 1));
    }
    // Browsers understand these without an end.
    let unended = ENTITIES
        .iter()
        .find(|(known, _)| matches!(*known, "nbsp" | "shy") && text.starts_with(known));
    unended.map(|(known, c)| (*c, known.len()))
}

/// `%20`, and `%2520`; not what stands for a letter or digit, which needs none. Behind a digit it has to
/// be a usual sign, or one that could not be a per cent sign with a number behind it.
fn percent(text: &str, follows_digit: bool) -> Option<(char, usize)> {
    let byte = |at: usize| {
        let digits = text.get(at..at + 2).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
        digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
    };
    let mut at = 1;
    while byte(at) == Some(b'%') && byte(at + 2).is_some() {
        at += 2;
    }
    let first = byte(at)?;
    let is_number = text[at..at + 2].bytes().all(|it| it.is_ascii_digit());
    if first.is_ascii_alphanumeric()
        || (follows_digit && is_number && !(b' '..=b'/').contains(&first))
    {
        return None;
    }
    if first.is_ascii() {
        return Some((char::from(first), at + 2));
    }
    // The bytes of one character, each with its own sign.
    let more = (1..4).map_while(|place| {
        let at = at + 3 * place;
        byte(at).filter(|it| text[..at].ends_with('%') && (0x80..0xc0).contains(it))
    });
    let bytes: Vec<u8> = std::iter::once(first).chain(more).collect();
    let c = bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next())?;
    Some((c, at + 3 * c.len_utf8() - 1))
}

/// `\n`, `\u00a0`, `\"`: JSON within text, and within that.
pub(super) fn escape(text: &str) -> Option<(char, usize)> {
    let backslashes = text.bytes().take(BACKSLASHES_MAX).take_while(|it| *it == b'\\').count();
    let rest = &text[backslashes..];
    match rest.chars().next()? {
        'n' | 'r' => Some(('\n', backslashes + 1)),
        't' => Some(('\t', backslashes + 1)),
        c @ ('"' | '/') => Some((c, backslashes + 1)),
        'u' => {
            let digits = rest.get(1..5)?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), backslashes + 5))
        }
        _ => None,
    }
}

/// The tag that a text begins with; a comment and a style sheet or script count as one.
pub(super) fn tag(text: &str) -> Option<Tag> {
    let inner = text.strip_prefix('<')?;
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        return None;
    }
    if let Some(length) = comment(text) {
        return Some(Tag { length, breaks: false });
    }
    let end = tag_end(inner)?;
    let name = inner[..end].trim_start_matches('/');
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let breaks = LINES.iter().any(|line| line.eq_ignore_ascii_case(name));
    let own = end + 2;
    let is_unseen = UNSEEN.iter().any(|unseen| unseen.eq_ignore_ascii_case(name));
    let content =
        if is_unseen && inner.starts_with(name) { content(&text[own..], name) } else { None };
    Some(Tag { length: own + content.unwrap_or(0), breaks })
}

/// How long the comment is that a text begins with.
fn comment(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("<!--")?;
    let end = memchr::memmem::find(window(inner), b"-->")?;
    Some("<!--".len() + end + "-->".len())
}

/// Where the `>` is that ends a tag: none within the quotes of an attribute.
fn tag_end(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut at = 0;
    for _ in 0..ATTRIBUTES_MAX {
        at += memchr::memchr3(b'>', b'<', b'=', &bytes[at..])?;
        match bytes[at] {
            b'>' => return Some(at),
            b'<' => return None,
            _ => at = quoted_end(inner, at + 1).unwrap_or(at + 1),
        }
    }
    None
}

/// The end of the quoted value at a place, if there is one.
fn quoted_end(inner: &str, at: usize) -> Option<usize> {
    let value = inner[at..].trim_ascii_start();
    let quote = *value.as_bytes().first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let length = memchr::memchr(quote, &window(value)[1..])?;
    Some(inner.len() - value.len() + 1 + length + 1)
}

/// How far what a tag holds goes, the tag that ends it included.
fn content(text: &str, name: &str) -> Option<usize> {
    let ends = memchr::memmem::find_iter(window(text), b"</");
    let is_its = |end: &usize| {
        let found = text.as_bytes().get(end + 2..end + 2 + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = ends.into_iter().find(is_its)?;
    let closed = memchr::memchr(b'>', &window(text)[end..])?;
    Some(end + closed + 1)
}

/// As far as the end of something is looked for.
fn window(text: &str) -> &[u8] {
    &text.as_bytes()[..text.len().min(TAG_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_seen_through_their_encodings() {
        for (text, c, length) in [
            ("&nbsp;1", '\u{a0}', 6),
            ("&amp;nbsp;1", '\u{a0}', 10),
            ("&amp;amp;#x20;1", ' ', 14),
            ("&#160;1", '\u{a0}', 6),
            ("&nbsp1", '\u{a0}', 5),
            ("&middot;1", '\u{fffd}', 8),
            ("&amp;1", '&', 5),
            ("&1;", '&', 1),
            ("&b=1;", '&', 1),
            ("&#;", '&', 1),
            ("%20", ' ', 3),
            ("%252D1", '-', 5),
            ("%E2%80%911", '\u{2011}', 9),
            ("%C2%A0%C2%A0", '\u{a0}', 6),
            ("%D9%A4", '٤', 6),
            ("%85", '%', 1),
            ("%41", '%', 1),
            ("%é", '%', 1),
            ("%25", '%', 3),
            ("\\n", '\n', 2),
            ("\\\\u00a0x", '\u{a0}', 7),
            ("\\ud83d", '\u{fffd}', 6),
            ("\\x", '\\', 1),
        ] {
            assert_eq!(character(text, 0), Some((c, length)), "{text}");
        }
        assert_eq!(character("", 0), None);
        assert_eq!(character("1%20", 1), Some((' ', 4)));
        assert_eq!(character("1%28", 1), Some(('(', 4)));
        assert_eq!(character("1%60", 1), Some(('%', 2)));
        assert_eq!(character("(%281", 1), Some(('(', 4)));
    }
}
