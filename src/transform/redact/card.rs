//! Numbers of payment cards: their first digits say whose they are and how long they may be, their
//! last one is right by the Luhn algorithm.

use std::ops::Range;

use super::digits::{Digit, runs};

/// The shortest and the longest.
const LENGTHS: Range<usize> = 13..20;

/// Where card numbers are.
pub(super) fn cards(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    runs(text, |run| in_run(run, &mut found));
    found
}

/// Whether these digits are a card number.
pub(super) fn is_card(digits: &[u8]) -> bool {
    LENGTHS.contains(&digits.len()) && is_issued(digits) && is_luhn(digits)
}

/// Looks at whole groups of digits: what is part of a longer group is part of another number.
fn in_run(run: &[Digit], found: &mut Vec<(Range<usize>, String)>) {
    let values: Vec<u8> = run.iter().map(|digit| digit.value).collect();
    let mut at = 0;
    while at < run.len() {
        let ends_group = |end: usize| run.get(end).is_none_or(|digit| digit.begins_group);
        let lengths = LENGTHS.rev().filter(|length| at + length <= run.len());
        let length = lengths
            .filter(|length| run[at].begins_group && ends_group(at + length))
            .find(|length| is_card(&values[at..at + length]));
        if let Some(length) = length {
            let digits = values[at..at + length].iter().map(|digit| char::from(b'0' + digit));
            found.push((run[at].start..run[at + length - 1].end, digits.collect()));
        }
        at += length.unwrap_or(1);
    }
}

/// ISO/IEC 7812: what the first digits are given to, and the lengths in use there.
fn is_issued(digits: &[u8]) -> bool {
    let first =
        |count: usize| digits[..count].iter().fold(0_u32, |n, digit| n * 10 + u32::from(*digit));
    let length = digits.len();
    match (first(2), first(4)) {
        // Visa
        (40..=49, _) => matches!(length, 13 | 16 | 18 | 19),
        // Mastercard
        (51..=55, _) | (_, 2221..=2720) => length == 16,
        // American Express
        (34 | 37, _) => length == 15,
        // Diners Club
        (36 | 38 | 39, _) | (_, 3000..=3059 | 3095) => (14..=19).contains(&length),
        // Mir, JCB, UnionPay, RuPay, Troy
        (81 | 82, _) | (_, 2200..=2204 | 3528..=3589 | 9792) => (16..=19).contains(&length),
        // Maestro, Discover, UnionPay, RuPay and others
        (50 | 56..=69, _) => true,
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

    fn found(text: &str) -> Vec<&str> {
        cards(text).into_iter().map(|(range, _)| &text[range]).collect()
    }

    #[test]
    fn cards_are_found_however_they_are_written() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111\u{2011}1111\u{2013}1111",
            "4111\u{a0}1111\u{202f}1111\u{200b}1111",
            "4111&nbsp;1111&nbsp;1111&#160;1111",
            "4111&#8211;1111&ndash;1111&#x2D;1111",
            "4111<br>1111<br/>\n1111\r\n1111",
            "4111</td>\n<td class=\"n1\">1111</td><td>1111</td><td>1111",
            "&#52;111 1111 1111 1111",
            "４１１１１１１１１１１１１１１１",
            "٤١١١ ١١١١ ١١١١ ١١١١",
            "3782 822463 10005",
            "5555.5555.5555.4444",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "4\u{fe0f}\u{20e3}111111111111111",
        ] {
            assert_eq!(found(text), [text], "{text}");
            let within = format!("card: {text}, exp. 12/27 123");
            assert_eq!(found(&within), [text], "{within}");
        }
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

    #[test]
    fn several_in_a_row_are_each_found() {
        let text = "4111 1111 1111 1111 5555 5555 5555 4444";
        assert_eq!(found(text), ["4111 1111 1111 1111", "5555 5555 5555 4444"]);
        assert_eq!(found("12 4111111111111111 7").len(), 1);
        let text = "5<a href=\"tel:4111111111111111\">4</a>";
        assert_eq!(found(text), ["4111111111111111"], "in a tag");
    }
}
