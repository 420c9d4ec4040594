//! E-mail addresses.

use std::ops::Range;

/// A local part is no longer (RFC 5321, 4.5.3.1.1); what is further to the left stays.
const LOCAL_CHARS_MAX: usize = 64;

/// How an `@` is written in HTML and in URLs.
const ENCODED: &[&str] = &["%40", "%2540", "&#64;", "&#x40;", "&commat;", "&amp;#64;"];

/// Names of files end so, and no hosts do.
const FILES: &[&str] = &[
    "bmp", "doc", "docx", "gif", "heic", "jpeg", "jpg", "pdf", "png", "svg", "txt", "webp", "xlsx",
];

/// Where addresses are, in order.
pub(super) fn emails(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    for sign in signs(text) {
        let Some(length) = host(&text[sign.end..]) else { continue };
        let local = local(&text[..sign.start], sign.len() > 1);
        let taken = found.last().map_or(0, |(range, _)| range.end);
        let start = sign.start - local.len();
        if local.is_empty() || start < taken || names_a_part(&text[..start]) {
            continue;
        }
        let range = start..sign.end + length;
        let plain = format!("{local}@{}", &text[sign.end..range.end]).to_lowercase();
        found.push((range, plain.replace("%2b", "+")));
    }
    found
}

/// Where an `@` stands, however it is written.
fn signs(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let places = memchr::memchr3_iter(b'@', b'%', b'&', bytes).filter_map(|at| {
        let rest = &bytes[at..];
        let is_this = |sign: &&&str| {
            rest.get(..sign.len()).is_some_and(|it| it.eq_ignore_ascii_case(sign.as_bytes()))
        };
        let length = match rest[0] {
            b'@' => Some(1),
            _ => ENCODED.iter().find(is_this).map(|sign| sign.len()),
        };
        length.map(|length| at..at + length)
    });
    let mut found: Vec<Range<usize>> = places.collect();
    if !text.is_ascii() {
        let wide = text.match_indices(['＠', '﹫']);
        found.extend(wide.map(|(at, sign)| at..at + sign.len()));
        found.sort_unstable_by_key(|sign| sign.start);
    }
    found
}

/// How long the host is that a text begins with.
fn host(text: &str) -> Option<usize> {
    let is_host = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let host = &text[..text.find(|c| !is_host(c)).unwrap_or(text.len())];
    let mut host = host.trim_end_matches(['.', '-']);
    // `icon@2x.png` is the name of a file, and may be named for an address.
    while let Some((rest, end)) = host.rsplit_once('.')
        && FILES.iter().any(|file| file.eq_ignore_ascii_case(end))
    {
        host = rest;
    }
    let (rest, last) = host.rsplit_once('.')?;
    let ends = last.chars().filter(|c| c.is_alphabetic()).count() > 1
        && !last.starts_with(|c: char| c.is_numeric())
        && !is_of_outlook(rest, last);
    let is_whole = !rest.is_empty() && rest.split('.').all(|label| !label.is_empty());
    (is_whole && ends).then_some(host.len())
}

/// Whether it is what Outlook names the parts of a mail by: `image001.png@01DA0F3B.5C8E2AB0`.
fn is_of_outlook(first: &str, last: &str) -> bool {
    [first, last].iter().all(|label| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        label.len() == 8 && label.bytes().all(is_hex)
    })
}

/// Whether what comes next names a part of the mail that a text is from: `cid:`.
fn names_a_part(before: &str) -> bool {
    let Some(at) = before.len().checked_sub("cid:".len()) else { return false };
    let is_cid = before.get(at..).is_some_and(|end| end.eq_ignore_ascii_case("cid:"));
    is_cid && !before[..at].ends_with(char::is_alphanumeric)
}

/// The local part that ends a text; `is_encoded` is one before an `@` that is no plain one.
fn local(before: &str, is_encoded: bool) -> &str {
    if let Some(quoted) = quoted(before) {
        return quoted;
    }
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'!#$&*/=?^`{|}~".contains(c);
    let chars = before.chars().rev().take(LOCAL_CHARS_MAX).take_while(|c| is_local(*c));
    let mut start = before.len() - chars.map(char::len_utf8).sum::<usize>();
    // A link to the left of it is none of it.
    if is_encoded || before[start..].contains(['/', '?']) {
        let end = before[start..].rfind(['/', '?', '=', '&', '#']);
        start += end.map_or(0, |end| end + 1);
    }
    start += encoded_end(&before[start..]);
    before[start..].trim_start_matches(['=', '\'', '`', '*', '|', '{', '&', '#'])
}

/// Where the last of the escapes of URLs ends that stands for no part of an address: `%3D`, `%20`.
fn encoded_end(local: &str) -> usize {
    let mut places = local.rmatch_indices('%').filter_map(|(at, _)| {
        let digits = local.get(at + 1..at + 3)?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        (byte < 0x7f && !byte.is_ascii_alphanumeric() && !b"+-._'".contains(&byte))
            .then_some(at + 3)
    });
    places.next().unwrap_or(0)
}

/// `"Ann B."`
fn quoted(before: &str) -> Option<&str> {
    let inner = before.strip_suffix('"')?;
    let chars = inner.char_indices().rev().take(64);
    let (open, _) = chars.take_while(|(_, c)| *c != '\n').find(|(_, c)| *c == '"')?;
    (open + 1 < inner.len()).then_some(&before[open..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, String)> {
        emails(text).into_iter().map(|(range, plain)| (&text[range], plain)).collect()
    }

    #[test]
    fn addresses_are_found_however_they_are_written() {
        for (text, address, plain) in [
            (
                "from <Ann.O'Neil+x@mail.example.co.uk>,",
                "Ann.O'Neil+x@mail.example.co.uk",
                "ann.o'neil+x@mail.example.co.uk",
            ),
            ("to jürgen@müller.de.", "jürgen@müller.de", "jürgen@müller.de"),
            (
                "https://x.com/off?email=Ann%40example.com&a=b",
                "Ann%40example.com",
                "ann@example.com",
            ),
            ("off?e=ann%2Bx%40example.com", "ann%2Bx%40example.com", "ann+x@example.com"),
            ("?q=to%3Dann%40example.com", "ann%40example.com", "ann@example.com"),
            ("ann&#64;example.com", "ann&#64;example.com", "ann@example.com"),
            ("ann&#X40;example.com", "ann&#X40;example.com", "ann@example.com"),
            ("&lt;ann&commat;example.com&gt;", "ann&commat;example.com", "ann@example.com"),
            ("ann＠example.com", "ann＠example.com", "ann@example.com"),
            ("say \"ann b\"@example.com", "\"ann b\"@example.com", "\"ann b\"@example.com"),
            ("mailto:ann@example.com", "ann@example.com", "ann@example.com"),
            ("=ann@example.com", "ann@example.com", "ann@example.com"),
            ("**ann@example.com**", "ann@example.com", "ann@example.com"),
            ("scan ann@example.com.PDF", "ann@example.com", "ann@example.com"),
            ("lucid:ann@example.com", "ann@example.com", "ann@example.com"),
            (
                "ann@xn--mller-kva.xn--p1ai",
                "ann@xn--mller-kva.xn--p1ai",
                "ann@xn--mller-kva.xn--p1ai",
            ),
            (
                "bounce+ann=x.org@example.com",
                "bounce+ann=x.org@example.com",
                "bounce+ann=x.org@example.com",
            ),
        ] {
            assert_eq!(found(text), [(address, plain.to_owned())], "{text}");
        }
        for text in [
            "not@this",
            "@that",
            "a@b.c1",
            "a@.de",
            "50%40",
            "x @y.de",
            "\"\"@y.de",
            "<img src=\"cid:image001.png@01DA0F3B.5C8E2AB0\">",
            "[cid:image001.png@01DA0F3B.AC8E2AB0]",
            "Content-ID: <image001.png@01DA0F3B.AC8E2AB0>",
            "<img src='CID:ii_lx1@mail.example.com'>",
            "icon@2x.png",
            "me@home.jpg",
            "lodash@4.17.21-rc.1",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
