//! Numbers of payment cards: their first digits say whose they are and how long they may be, their
//! last one is right by the Luhn algorithm. One in ten of all other numbers that begin so passes too;
//! `shape` tells those apart.

use std::ops::Range;

use super::digits::{Run, runs};
use super::field::Field;
use super::shape::{Around, Shape};

/// The shortest and the longest.
const LENGTHS: Range<usize> = 13..20;

/// Where card numbers are, in order.
pub(super) fn cards(text: &str, field: Field) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    // Digits beyond ASCII have more than a byte each, and so have those that are encoded.
    let may_be_digit = |byte: &u8| byte.is_ascii_digit() || *byte > 0x7f;
    if text.as_bytes().iter().filter(|byte| may_be_digit(byte)).count() < LENGTHS.start {
        return found;
    }
    let around = Around::new(text, field);
    runs(text, |run| in_run(run, &around, &mut found));
    // What is in tags comes last.
    found.sort_by_key(|(range, _)| range.start);
    let mut end = 0;
    found.retain(|(range, _)| {
        let is_free = range.start >= end;
        end = end.max(if is_free { range.end } else { 0 });
        is_free
    });
    found
}

/// Whether a number is a card's, where nothing is known but the number. Of thirteen or fourteen digits
/// it is rather an id.
pub(super) fn is_card_alone(digits: &[u8]) -> bool {
    digits.len() > 14 && is_card(digits)
}

/// The digits of a whole number, however it is written: `4111111111111111`, `4.111e15`.
pub(super) fn whole_digits(raw: &[u8]) -> Vec<u8> {
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

fn is_card(digits: &[u8]) -> bool {
    LENGTHS.contains(&digits.len()) && is_issued(digits) && is_luhn(digits)
}

/// Looks at whole groups of digits: what is part of a longer group is part of another number.
fn in_run(run: &Run<'_>, around: &Around<'_>, found: &mut Vec<(Range<usize>, String)>) {
    let digits = run.digits;
    if digits.len() < LENGTHS.start {
        return;
    }
    let values: Vec<u8> = digits.iter().map(|digit| digit.value).collect();
    let begins_group = |at: usize| at == 0 || digits.get(at).is_none_or(|it| it.gap.chars > 0);
    let shape = Shape::new(run, around);
    let mut at = 0;
    while at + LENGTHS.start <= digits.len() {
        let lengths = LENGTHS.rev().filter(|length| at + length <= digits.len());
        let length = lengths
            .filter(|length| begins_group(at) && begins_group(at + length))
            .filter(|length| is_card(&values[at..at + length]))
            .find(|length| {
                shape.is_of_a_card(at..at + length, is_common(&values[at..at + length]))
            });
        if let Some(length) = length {
            let plain = values[at..at + length].iter().map(|digit| char::from(b'0' + digit));
            found.push((digits[at].start..digits[at + length - 1].end, plain.collect()));
        }
        at += length.unwrap_or(1);
    }
}

fn first(digits: &[u8], count: usize) -> u32 {
    digits.iter().take(count).fold(0, |n, digit| n * 10 + u32::from(*digit))
}

/// ISO/IEC 7812: what the first digits are given to, and the lengths in use there.
fn is_issued(digits: &[u8]) -> bool {
    let length = digits.len();
    match (first(digits, 2), first(digits, 4)) {
        // Visa
        (40..=49, _) => matches!(length, 13 | 16 | 19),
        // Mastercard
        (51..=55, _) | (_, 2221..=2720) => length == 16,
        // American Express
        (34 | 37, _) => length == 15,
        // Diners Club
        (36 | 38 | 39, _) | (_, 3000..=3059 | 3095) => matches!(length, 14 | 16 | 19),
        // BORICA, UzCard, ArCa, Belkart, Humo
        (_, 2205 | 8600 | 9051 | 9112 | 9860) => length == 16,
        // Discover, JCB, UnionPay, RuPay, Mir, Troy, Hipercard and others
        (60 | 62 | 64 | 65 | 81 | 82, _) | (_, 2200..=2204 | 3528..=3589 | 9792) => {
            (16..=19).contains(&length)
        }
        // Maestro and others
        (50 | 56..=58 | 63 | 67, _) => true,
        _ => false,
    }
}

/// Whether its first digits and its length are what most cards have.
fn is_common(digits: &[u8]) -> bool {
    match digits.len() {
        14 => matches!(first(digits, 2), 30 | 36 | 38 | 39),
        15 => matches!(first(digits, 2), 34 | 37),
        16 => true,
        19 => first(digits, 2) == 62 || first(digits, 1) == 4,
        _ => false,
    }
}

fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) {
            digit if place % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(text: &str, field: Field) -> Vec<&str> {
        cards(text, field).into_iter().map(|(range, _)| &text[range]).collect()
    }

    fn found(text: &str) -> Vec<&str> {
        found_in(text, Field::Text)
    }

    #[test]
    fn cards_are_found_however_they_are_written() {
        let long_tag =
            format!("4111<span style=\"{}\">1111</span> 1111 1111", "font:Arial;".repeat(90));
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111\u{2011}1111\u{2013}1111",
            "4111\u{a0}1111\u{202f}1111\u{200b}1111",
            "4111&nbsp;1111&nbsp;1111&#160;1111",
            "4111&#8211;1111&ndash;1111&#x2D;1111",
            "4111&amp;nbsp;1111&amp;nbsp;1111&amp;nbsp;1111",
            "4111&lrm;1111&rlm;1111&middot;1111",
            "4111&bull;1111&ZeroWidthSpace;1111&hellip;1111",
            "4111<br>1111<br/>\n1111\r\n1111",
            "4111</td>\n<td class=\"n1\">1111</td><td>1111</td><td>1111",
            "4111</td>\n    <td>1111</td>\n        <td>1111</td>\n\t\t<td>1111",
            "4111 1111\n> 1111 1111",
            "4111 1111\n> > > 1111 1111",
            "4111 1111<br>&gt; 1111 1111",
            "4111 11\n> 11 1111 1111",
            "4111        1111        1111        1111",
            "4111&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;1111 1111 1111",
            "4111\n        1111\n        1111\n        1111",
            "4111** **1111** **1111** **1111",
            "4111*1111*1111*1111",
            "4111+1111+1111+1111",
            "4111:1111:1111:1111",
            "4111;1111;1111;1111",
            "4111~1111=1111#1111",
            "4111)(1111)(1111)(1111",
            "4111] [1111] [1111] [1111",
            "4111` `1111` `1111` `1111",
            "4111%201111%201111%201111",
            "4111%C2%A01111%E2%80%911111%25201111",
            "4111\\n1111\\n1111\\\\u00a01111",
            "4111…1111・1111．1111",
            "4111／1111×1111ー1111",
            "④①①① ①①①① ①①①① ①①①①",
            "⁴¹¹¹ ¹¹¹¹ ¹¹¹¹ ¹¹¹¹",
            "&#52;111 1111 1111 1111",
            "４１１１１１１１１１１１１１１１",
            "٤١١١ ١١١١ ١١١١ ١١١١",
            "3782 822463 10005",
            "5555.5555.5555.4444",
            "30569309025904",
            "3852 0000 0232 37",
            "4222222222222",
            "6011111111111117",
            "3530111333300000",
            "4\u{fe0f}\u{20e3}111111111111111",
            "411 1111 11-11 1 1111",
            "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
            "41111111111 11111",
            "4111</td><!-- a > b --><td>1111</td><td>1111</td><td>1111",
            "4111<img alt=\"->\" src=x>1111 1111 1111",
            "4111<img alt = '>' src=x>1111 1111 1111",
            "4111<?xml:namespace prefix = \"o\" /><o:p></o:p> 1111 1111 1111",
            "4111<!--[if mso]><p>9</p><![endif]-->1111 1111 1111",
            "4111</p><style>p > b{margin:0}</style><p>1111 1111 1111",
            "4111<STYLE type=\"a>b\">p{}</Style >1111 1111 1111",
            "4111<!-- never ends> 1111 1111 1111",
            "4111<b title=\"never ends>1111 1111 1111",
            &long_tag,
        ] {
            assert_eq!(found(text), [text], "{text}");
            let within = format!("card: {text}, exp. 12/27 123");
            assert_eq!(found(&within), [text], "{within}");
        }
        assert_eq!(found("VISA4111111111111111"), ["4111111111111111"]);
        assert_eq!(found("x_4111_1111_1111_1111_y"), ["4111_1111_1111_1111"]);
        assert_eq!(found("https://x/?c=4111%201111%201111%201111").len(), 1);
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for text in [
            "4111111111111112",
            "35184372093553",
            "2026-05-01T09:52:42Z",
            "order 1042, 12 pieces",
            "https://acme.zendesk.com/api/v2/tickets/35184372093564.json",
            "94111111111111111",
            "+49 30 1234567",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    /// With the last digit that makes it right.
    fn checked(first: &str) -> String {
        let digits = |last: char| format!("{first}{last}");
        let is_right =
            |text: &String| is_luhn(&text.bytes().map(|it| it - b'0').collect::<Vec<_>>());
        ('0'..='9').map(digits).find(is_right).expect("a digit")
    }

    #[test]
    fn ids_of_zendesk_stay_though_one_in_ten_is_right_by_its_last_digit() {
        for first in ["3812345678901", "3600123456789", "441234567890", "633915757236"] {
            let id = checked(first);
            for text in [
                format!("https://acme.zendesk.com/api/v2/tickets/{id}.json"),
                format!("see https://acme.zendesk.com/agent/users/{id}/tickets."),
                format!("<img src=\"https://x.com/token/a1b2/?name={id}.png\">"),
                format!("ticket {id} of user_id={id}, #{id}"),
                format!("{id}f4267ef1913d"),
                format!("35-{id}a"),
            ] {
                assert_eq!(found(&text), [""; 0], "{text}");
            }
            for field in [Field::Other, Field::Id] {
                assert_eq!(found_in(&id, field), [""; 0]);
                assert_eq!(found_in(&format!("{id},{id}"), field), [""; 0]);
            }
            assert_eq!(found_in(&format!("from {id} to {id}"), Field::Told), [""; 0]);
            assert_eq!(found(&id), [&id], "somebody wrote it");
            let said = format!("my card: {id}, thanks");
            assert_eq!(found_in(&said, Field::Other), [&id], "somebody wrote it");
        }
        assert_eq!(found_in("2411-4111111111111111-f4267", Field::Id), [""; 0]);
        assert_eq!(found_in("4111 1111 1111 1111", Field::Id).len(), 1);
    }

    #[test]
    fn issuers_of_one_country_are_known() {
        for text in ["8600 1400 0000 0001", "9860010000000009"] {
            assert_eq!(found(&format!("card {text}, thanks")), [text]);
        }
    }

    #[test]
    fn accounts_are_no_cards_and_cards_behind_them_are() {
        let card = "4111 1111 1111 1111";
        for account in ["FR14 4111 1111 1111 1111 3M02 606", "DE89 4111 1111 1111 1111 00"] {
            assert_eq!(found(&format!("IBAN: {account}")), [""; 0], "{account}");
        }
        let text = format!("IBAN DE89 3704 0044 0532 0130 00\n{card}");
        assert_eq!(found(&text), [card]);
    }

    #[test]
    fn several_in_a_row_are_each_found() {
        let text = "4111 1111 1111 1111 5555 5555 5555 4444";
        assert_eq!(found(text), ["4111 1111 1111 1111", "5555 5555 5555 4444"]);
        assert_eq!(found("12 4111111111111111 7").len(), 1);
        assert_eq!(found("?c=5%204111111111111111"), ["4111111111111111"]);
        let text = "5<a href=\"tel:4111111111111111\">4</a>";
        assert_eq!(found(text), ["4111111111111111"], "in a tag");
        let text = "4111 1111 1111 1111 ".repeat(1_000);
        assert_eq!(found(&text).len(), 1_000);
        let text = "4111111111111111 5555555555554444 42 ".repeat(500);
        assert_eq!(found(&text).len(), 1_000);
    }
}
