//! What is personal in a text, and where.

use std::ops::Range;

use super::address::ip_addresses;
use super::card::cards;
use super::email::emails;
use super::field::Field;
use super::phone::phones;
use super::string::Unescaped;

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

/// All that is found, in order, none within another. In JSON that somebody pasted into a text an escape
/// is what it stands for.
pub(super) fn find(text: &str, patterns: &[Pattern], field: Field) -> Vec<Found> {
    let read = Unescaped::of_text(text);
    let mut found = find_read(&read.text, patterns, field);
    for (range, ..) in &mut found {
        *range = read.written(range);
    }
    found
}

fn find_read(text: &str, patterns: &[Pattern], field: Field) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for pattern in patterns {
        let matches = match pattern {
            Pattern::CardNumber => cards(text, field),
            Pattern::EmailAddress => emails(text),
            Pattern::IpAddress => ip_addresses(text),
            // An id of one word is none.
            Pattern::PhoneNumber if field == Field::Id && !text.contains(' ') => Vec::new(),
            Pattern::PhoneNumber => {
                let taken: Vec<Range<usize>> = found.iter().map(|it| it.0.clone()).collect();
                phones(text, &taken)
            }
        };
        add(&mut found, matches.into_iter().map(|(range, plain)| (range, *pattern, plain)));
    }
    found
}

/// Adds what overlaps nothing that was found before, which is the more exact. Both are in order.
fn add(found: &mut Vec<Found>, more: impl Iterator<Item = Found>) {
    let mut at = 0;
    let free: Vec<Found> = more
        .filter(|(range, ..)| {
            while found.get(at).is_some_and(|(other, ..)| other.end <= range.start) {
                at += 1;
            }
            found.get(at).is_none_or(|(other, ..)| range.end <= other.start)
        })
        .collect();
    if !free.is_empty() {
        found.extend(free);
        found.sort_by_key(|(range, ..)| range.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_as_one_thing_is_no_other() {
        let find = |text| find(text, &Pattern::ALL, Field::Text);
        let kinds = |text| find(text).into_iter().map(|it| it.1).collect::<Vec<_>>();
        assert_eq!(kinds("4111 1111 1111 1111"), [Pattern::CardNumber]);
        assert_eq!(kinds("4111111111111111@example.com")[..1], [Pattern::CardNumber]);
        assert_eq!(kinds("1.2.3.4 a@b.de"), [Pattern::IpAddress, Pattern::EmailAddress]);
    }

    #[test]
    fn what_is_found_is_in_order_and_apart_whatever_it_is_found_in() {
        for part in [
            "a@b.cd ",
            "4111 1111 1111 1111 ",
            "%40",
            "1:",
            "&amp;",
            "\\",
            "<a ",
            "30569309025904 ",
            "1.2.3.4 +49 30 1234567 ",
            "a%40b.cd%",
            "<4111111111111111@b.de 1.2.3.4",
        ] {
            let text = part.repeat(9_000 / part.len());
            let found = find(&text, &Pattern::ALL, Field::Other);
            assert!(found.is_sorted_by(|a, b| a.0.end <= b.0.start), "{part}");
        }
    }

    /// If each match were held against all others this would take minutes.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the real time that counts")]
    fn a_text_full_of_matches_takes_as_long_as_its_parts() {
        let range = |at: usize| 20 * at..20 * at + 10;
        let mut found: Vec<Found> = Vec::new();
        let begun = std::time::Instant::now();
        add(&mut found, (0..200_000).map(|at| (range(at), Pattern::EmailAddress, String::new())));
        let more = (0..400_000).map(|at| 10 * at..10 * at + 10);
        add(&mut found, more.map(|range| (range, Pattern::PhoneNumber, String::new())));
        assert_eq!(found.len(), 400_000);
        assert!(found.is_sorted_by(|a, b| a.0.end <= b.0.start));
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
