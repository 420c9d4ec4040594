//! Phone numbers.

use std::ops::Range;

use super::digits;
use super::letters::character;

/// The digits that a number has around the world, country code included.
const PHONE_DIGITS: Range<usize> = 8..16;

/// Those of a number that begins with `00` and a country's code, without anything between.
const BARE_DIGITS: Range<usize> = 12..16;

/// Where phone numbers are, in order.
pub(super) fn phones(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut rest = 0;
    for (at, c) in text.char_indices() {
        let begins = c == '+' || c == '(' || digits::value(c).is_some();
        if at < rest || !begins || is_inside(&text[..at]) {
            continue;
        }
        let candidate = Candidate::at(text, at);
        rest = candidate.end.max(at + 1);
        if candidate.is_phone(c) {
            found.push((at..candidate.end, candidate.number()));
        }
    }
    found
}

/// Whether what comes next goes on with a word, or with another number.
fn is_inside(before: &str) -> bool {
    let mut before = before.chars().rev();
    match before.next() {
        // Behind a name: `Tel.:`, `tel:`. Within a time: `09:`
        Some(':') => before.next().is_some_and(|c| digits::value(c).is_some()),
        // A line's end in JSON within text.
        Some('n' | 'r' | 't') if before.next() == Some('\\') => false,
        Some(c) => c.is_alphanumeric() || ".-/_+(".contains(c),
        None => false,
    }
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
        let (mut at, mut between) = (start, 1);
        while let Some((c, end)) = character(text, at) {
            if let Some(value) = digits::value(c) {
                if between > 0 {
                    it.groups.push(0);
                }
                between = 0;
                it.plain.push(char::from(b'0' + value));
                if let Some(group) = it.groups.last_mut() {
                    *group += 1;
                }
                it.end = end;
            } else {
                between += 1;
                let separates = c == ' ' || "+().-/\u{a0}\u{2011}\u{2013}\u{202f}".contains(c);
                if !separates || between > 3 {
                    break;
                }
            }
            // Whoever dials the country's code leaves the zero out.
            let is_zero = !it.plain.is_empty() && text[at..].starts_with("(0)");
            at = if is_zero { at + "(0)".len() } else { end };
        }
        it
    }

    fn is_phone(&self, first: char) -> bool {
        let count = self.plain.len();
        if !PHONE_DIGITS.contains(&count) {
            return false;
        }
        let is_grouped = self.groups.len() > 1;
        let is_bare = !is_grouped && self.has_country() && BARE_DIGITS.contains(&count);
        first == '+'
            || is_bare
            || (is_grouped && count > 8 && (first == '(' || self.plain.starts_with('0')))
            || matches!(self.groups[..], [3, 3, 4] | [1, 3, 3, 4])
    }

    /// Whether it begins with `00` for `+`.
    fn has_country(&self) -> bool {
        self.plain.strip_prefix("00").is_some_and(|rest| !rest.starts_with('0'))
    }

    /// The same, however it is written.
    fn number(self) -> String {
        if self.has_country() { self.plain["00".len()..].to_owned() } else { self.plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        phones(text).into_iter().map(|(range, _)| &text[range]).collect()
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
            "+49&nbsp;30&nbsp;1234567",
            "+49 (0)30 1234567",
            "00491711234567",
        ] {
            for before in ["call ", "Tel:", "Tel.:", "tel: ", "<a href=\"tel:", r"x\n"] {
                assert_eq!(found(&format!("{before}{text}, please")), [text], "{before}");
            }
        }
        for text in [
            "2026-05-01 09:52:42",
            "2026-05-01T09:52:42+02:00",
            "35184372093553",
            "0000012345678",
            "A-1042",
            "4.2.1-rc.3",
            "12 3 4",
            "0x80070005",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for text in ["+49 30 1234567", "0049 30 1234567", "+49 (0)30-1234567", "+49301234567"] {
            assert_eq!(phones(text)[0].1, "49301234567", "{text}");
        }
    }
}
