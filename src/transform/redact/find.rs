//! What is personal in a text, and where.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::card::cards;
use super::digits;

/// What can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Numbers of payment cards, right by their last digit, in any script.
    CardNumber,
    /// `ann@example.com`
    EmailAddress,
    /// Of both versions.
    IpAddress,
    /// With a `+`, with a leading zero or bracket, or as `212-555-0100`.
    PhoneNumber,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::CardNumber, Self::EmailAddress, Self::IpAddress, Self::PhoneNumber];

    /// Its name in a config, and in what is put into its place.
    pub fn name(self) -> &'static str {
        match self {
            Self::CardNumber => "card_number",
            Self::EmailAddress => "email_address",
            Self::IpAddress => "ip_address",
            Self::PhoneNumber => "phone_number",
        }
    }
}

/// Something that was found: where, what it is, and how it reads without separators and such.
pub(super) type Found = (Range<usize>, Pattern, String);

/// All that is found, in order, none within another.
pub(super) fn find(text: &str, patterns: &[Pattern]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for pattern in patterns {
        let matches = match pattern {
            Pattern::CardNumber => cards(text),
            Pattern::EmailAddress => emails(text),
            Pattern::IpAddress => ip_addresses(text),
            Pattern::PhoneNumber => phones(text),
        };
        for (range, plain) in matches {
            // What was found first is the more exact.
            let is_free =
                |(other, ..): &Found| range.end <= other.start || other.end <= range.start;
            if found.iter().all(is_free) {
                found.push((range, *pattern, plain));
            }
        }
    }
    found.sort_by_key(|(range, ..)| range.start);
    found
}

fn emails(text: &str) -> Vec<(Range<usize>, String)> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'!#$&*/=?^`{|}~".contains(c);
    let is_host = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let local = text[..at].chars().rev().take_while(|c| is_local(*c));
        let start = at - local.map(char::len_utf8).sum::<usize>();
        let host: String = text[at + 1..].chars().take_while(|c| is_host(*c)).collect();
        let host = host.trim_end_matches(['.', '-']);
        let labels: Vec<&str> = host.split('.').collect();
        let is_whole = labels.len() > 1 && labels.iter().all(|label| !label.is_empty());
        let ends = labels
            .last()
            .is_some_and(|last| last.chars().filter(|c| c.is_alphabetic()).count() > 1);
        if start < at && is_whole && ends {
            let range = start..at + 1 + host.len();
            found.push((range.clone(), text[range].to_lowercase()));
        }
    }
    found
}

fn ip_addresses(text: &str) -> Vec<(Range<usize>, String)> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(begin) = text[rest..].find(is_part) {
        let start = rest + begin;
        let length = text[start..].find(|c| !is_part(c)).unwrap_or(text.len() - start);
        rest = start + length;
        let before = text[..start].chars().next_back();
        let word = text[start..rest].trim_end_matches(['.', ':']);
        if before.is_none_or(|c| !c.is_alphanumeric())
            && let Some(plain) = ip_address(word)
        {
            found.push((start..start + word.len(), plain));
        }
    }
    found
}

fn ip_address(word: &str) -> Option<String> {
    // With a port behind it.
    let host = word.split_once(':').map_or(word, |(host, _)| host);
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(address.to_string());
    }
    let has_digit = word.contains(|c: char| c.is_ascii_hexdigit());
    word.parse::<Ipv6Addr>().ok().filter(|_| has_digit).map(|address| address.to_string())
}

/// The digits that a number has around the world, country code included.
const PHONE_DIGITS: Range<usize> = 8..16;

fn phones(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut rest = 0;
    for (at, c) in text.char_indices() {
        let begins = c == '+' || c == '(' || digits::value(c).is_some();
        let before = text[..at].chars().next_back();
        let is_inside = before.is_some_and(|c| c.is_alphanumeric() || ".-:/_+(".contains(c));
        if at < rest || !begins || is_inside {
            continue;
        }
        let candidate = Candidate::at(text, at);
        rest = candidate.end.max(at + 1);
        if candidate.is_phone(c) {
            found.push((at..candidate.end, candidate.plain));
        }
    }
    found
}

/// Digits with what stands between them in phone numbers.
struct Candidate {
    end: usize,
    plain: String,
    /// How many digits each group has.
    groups: Vec<usize>,
}

impl Candidate {
    fn at(text: &str, start: usize) -> Self {
        let mut it = Self { end: start, plain: String::new(), groups: Vec::new() };
        let mut between = 1;
        for (offset, c) in text[start..].char_indices() {
            if let Some(value) = digits::value(c) {
                if between > 0 {
                    it.groups.push(0);
                }
                between = 0;
                it.plain.push(char::from(b'0' + value));
                if let Some(group) = it.groups.last_mut() {
                    *group += 1;
                }
                it.end = start + offset + c.len_utf8();
            } else {
                between += 1;
                let separates = c == ' ' || "+().-/\u{a0}\u{2011}\u{2013}\u{202f}".contains(c);
                if !separates || between > 3 {
                    break;
                }
            }
        }
        it
    }

    fn is_phone(&self, first: char) -> bool {
        let count = self.plain.len();
        if !PHONE_DIGITS.contains(&count) {
            return false;
        }
        let is_grouped = self.groups.len() > 1;
        first == '+'
            || (is_grouped && count > 8 && (first == '(' || self.plain.starts_with('0')))
            || matches!(self.groups[..], [3, 3, 4] | [1, 3, 3, 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pattern: Pattern) -> Vec<&str> {
        find(text, &[pattern]).into_iter().map(|(range, ..)| &text[range]).collect()
    }

    #[test]
    fn addresses_are_found_and_what_stands_around_them_stays() {
        let text =
            "from <Ann.O'Neil+x@mail.example.co.uk>, jürgen@müller.de. not@this, @that a@b.c1";
        let emails = ["Ann.O'Neil+x@mail.example.co.uk", "jürgen@müller.de"];
        assert_eq!(found(text, Pattern::EmailAddress), emails);
        let text = "10.0.0.7, [2001:db8::1]:443 at 09:52:42 v4.2.1 1.2.3.4:80. ::1 face 999.1.1.1";
        assert_eq!(
            found(text, Pattern::IpAddress),
            ["10.0.0.7", "2001:db8::1", "1.2.3.4:80", "::1"]
        );
    }

    #[test]
    fn phone_numbers_are_found_and_dates_and_ids_stay() {
        for text in [
            "+49 30 1234567",
            "+1 (212) 555-0100",
            "(030) 123 45 67 89",
            "0171/1234567",
            "212-555-0100",
            "+٤٩ ٣٠ ١٢٣٤٥٦٧",
        ] {
            assert_eq!(found(&format!("call {text}, please"), Pattern::PhoneNumber), [text]);
        }
        for text in [
            "2026-05-01 09:52:42",
            "35184372093553",
            "A-1042",
            "4.2.1-rc.3",
            "12 3 4",
            "0x80070005",
        ] {
            assert_eq!(found(text, Pattern::PhoneNumber), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_was_found_as_one_thing_is_no_other() {
        let kinds = |text| find(text, &Pattern::ALL).into_iter().map(|it| it.1).collect::<Vec<_>>();
        assert_eq!(kinds("4111 1111 1111 1111"), [Pattern::CardNumber]);
        assert_eq!(kinds("4111111111111111@example.com")[..1], [Pattern::CardNumber]);
        assert_eq!(kinds("1.2.3.4 a@b.de"), [Pattern::IpAddress, Pattern::EmailAddress]);
    }
}
