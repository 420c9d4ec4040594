//! Phone numbers.

use std::ops::Range;

use super::digits;
use super::letters::character;
use super::shape::{follows_one_of, is_date, is_time};

/// The digits that a number has around the world, country code included.
const PHONE_DIGITS: Range<usize> = 8..16;

/// Those of a number that begins with `00` and a country's code, without anything between.
const BARE_DIGITS: Range<usize> = 12..16;

/// Words before numbers that are written as phone numbers are.
const THINGS: &[&str] = &[
    "article", "build", "cnpj", "cpf", "ean", "firmware", "gtin", "iban", "imei", "invoice",
    "isbn", "order", "part", "plz", "rma", "serial", "sku", "tracking", "upc", "version", "zip",
];

/// Where phone numbers are, in order.
pub(super) fn phones(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut rest = 0;
    for (at, c) in text.char_indices() {
        let begins = c == '+' || c == '(' || digits::value(c).is_some();
        if at < rest || !begins || is_inside(&text[..at]) {
            continue;
        }
        let mut candidate = Candidate::at(text, at);
        let has_plus = text[at..].starts_with('+') || text[at..].starts_with("(+");
        rest = candidate.end.max(at + 1);
        if let Some(end) = candidate.cut_at_date(text, has_plus) {
            rest = end;
        }
        let is_phone = candidate.is_phone(has_plus)
            && (has_plus || !(candidate.is_other(text) || follows_one_of(&text[..at], THINGS)));
        if is_phone {
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
    groups: Vec<Group>,
    /// Whether it begins with a bracket that ends behind its first or second group.
    has_bracket: bool,
}

/// Digits with nothing between them.
struct Group {
    /// Where they are in the text.
    start: usize,
    end: usize,
    /// Where they begin in the digits of all groups, and how many there are.
    from: usize,
    count: usize,
}

impl Candidate {
    fn at(text: &str, start: usize) -> Self {
        let mut it =
            Self { end: start, plain: String::new(), groups: Vec::new(), has_bracket: false };
        let (mut at, mut between) = (start, 1);
        while let Some((c, end)) = character(text, at) {
            if let Some(value) = digits::value(c) {
                if between > 0 {
                    it.groups.push(Group { start: at, end, from: it.plain.len(), count: 0 });
                }
                between = 0;
                it.plain.push(char::from(b'0' + value));
                if let Some(group) = it.groups.last_mut() {
                    group.count += 1;
                    group.end = end;
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
        let closes = |at: usize| it.gap(text, at).is_some_and(|gap| gap.contains(')'));
        it.has_bracket = text[start..].starts_with('(') && (closes(1) || closes(2));
        it
    }

    /// What stands before a group that is not the first.
    fn gap<'t>(&self, text: &'t str, at: usize) -> Option<&'t str> {
        let before = self.groups.get(at.checked_sub(1)?)?;
        Some(text[before.end..self.groups.get(at)?.start].trim())
    }

    /// How many digits a group has, and what they say.
    fn said(&self, group: &Group) -> (usize, u32) {
        (group.count, self.plain[group.from..][..group.count].parse().unwrap_or(u32::MAX))
    }

    /// What comes behind the beginning of a date is no part of it. Where that date ends.
    fn cut_at_date(&mut self, text: &str, has_plus: bool) -> Option<usize> {
        let (at, count) = (0..self.groups.len()).find_map(|at| {
            let count = self.date_at(text, at)?;
            let is_number_before = self.groups[at].from >= PHONE_DIGITS.start;
            (!has_plus || is_number_before).then_some((at, count))
        })?;
        let end = self.groups[at + count - 1].end;
        self.plain.truncate(self.groups[at].from);
        self.groups.truncate(at);
        self.end = self.groups.last().map_or(end, |group| group.end);
        Some(end)
    }

    /// How many groups the date has that begins with a group: `05/01/2026`, `1. 5. 26`, `20260501`.
    fn date_at(&self, text: &str, at: usize) -> Option<usize> {
        let said = |place: usize| self.groups.get(place).map(|group| self.said(group));
        if let (8, day) = said(at)? {
            let parts = [(4, day / 10_000), (2, day / 100 % 100), (2, day % 100)];
            return is_date(&parts).then_some(1);
        }
        let gap = |place: usize| self.gap(text, place);
        let within = gap(at + 1).filter(|gap| [".", "-", "/"].contains(gap))?;
        let parts = [said(at)?, said(at + 1)?, said(at + 2)?];
        let is_whole =
            gap(at + 2) == Some(within) && gap(at) != Some(within) && gap(at + 3) != Some(within);
        // In the midst of a number two digits are a year behind a dash alone.
        let has_year = at == 0
            || parts.iter().any(|part| part.0 == 4)
            || gap(at).is_some_and(|gap| gap == "-" || gap == "\u{2013}");
        (is_whole && has_year && is_date(&parts)).then_some(3)
    }

    /// Whether it is written as other numbers are: decimals, opening hours, lists, books.
    fn is_other(&self, text: &str) -> bool {
        let groups: Vec<(usize, u32)> = self.groups.iter().map(|group| self.said(group)).collect();
        let gap = |at: usize| self.gap(text, at).unwrap_or_default();
        let is_decimal = gap(1) == "."
            && (groups[0] == (1, 0) || (!self.plain.starts_with('0') && groups[1].0 > 3));
        let is_dash = |at: usize| gap(at) == "-" || gap(at) == "\u{2013}";
        let is_hours = groups.windows(4).enumerate().any(|(at, hours)| {
            let [gap_before, gap_behind] = [gap(at + 1), gap(at + 3)];
            gap_before == "."
                && gap_behind == "."
                && is_dash(at + 2)
                && is_time(&hours[..2])
                && is_time(&hours[2..])
        });
        let counts_up = groups.len() > 2
            && groups
                .windows(2)
                .all(|two| two[0].0 == 2 && two[0].1.checked_add(1) == Some(two[1].1));
        let is_book = groups[0] == (1, 0)
            && self.plain.len() == 10
            && groups.last().is_some_and(|last| last.0 == 1);
        let is_taxpayer = matches!(groups[..], [(3, _), (3, _), (3, _), (2, _)])
            && [gap(1), gap(2), gap(3)] == [".", ".", "-"];
        let is_year = self.has_bracket && matches!(groups[0], (4, 1900..=2099));
        is_decimal || is_hours || counts_up || is_book || is_taxpayer || is_year
    }

    fn is_phone(&self, has_plus: bool) -> bool {
        let count = self.plain.len();
        if !PHONE_DIGITS.contains(&count) {
            return false;
        }
        let is_grouped = self.groups.len() > 1;
        let is_bare = !is_grouped && self.has_country() && BARE_DIGITS.contains(&count);
        let begins = self.has_bracket || self.plain.starts_with('0');
        let sizes: Vec<usize> = self.groups.iter().map(|group| group.count).collect();
        has_plus
            || is_bare
            || (!self.plain.starts_with("000")
                && ((is_grouped && count > 8 && begins)
                    || matches!(sizes[..], [3, 3, 4] | [1, 3, 3, 4])))
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
            "On 05/01/2026 10:15 AM, Ann wrote",
            "Am 01.05.2026 09:52 schrieb",
            "01. 05. 2026 09:52",
            "05-01-2026 1015",
            "logged (2026-05-01 09:52:42)",
            "(20260501 123456)",
            "03/05 - 07/05/2026 (2 nights)",
            "03/05 - 07/05/26 (2 nights)",
            "01/02/2026 01/03/2026",
            "(08.00 - 17.00 05.2026)",
            "0.123456789",
            "lat 0.12775831",
            "(52.12345 13.40495)",
            "ISBN 0-306-40615-2",
            "0-12345678-9",
            "SKU 0815-4711-99",
            "CPF 012.345.678-90",
            "012.345.678-90",
            "RMA 000-123-4567",
            "PLZ 01067 12345",
            "Order no. 001-2345-6789",
            "09 10 11 12 13",
            "(1234567890 1)",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_number_beside_a_date_is_found() {
        for (text, number) in [
            ("0171 1234567 01.05.2026 09:52", "0171 1234567"),
            ("01.05.2026 0171 1234567", "0171 1234567"),
            ("05/01/2026 (212) 555-0100", "(212) 555-0100"),
            ("+49 171 1234567 2026-05-01", "+49 171 1234567"),
            ("+49 30-12-2034 56", "+49 30-12-2034 56"),
            ("06.12.34.56.78", "06.12.34.56.78"),
            ("06 12 34 56 78", "06 12 34 56 78"),
            ("0532-123-45-67", "0532-123-45-67"),
            ("0711 1234-56", "0711 1234-56"),
            ("(0171 1234567)", "(0171 1234567"),
            ("0 800 123 4567", "0 800 123 4567"),
            ("1 (212) 555-0100", "1 (212) 555-0100"),
            ("phone number 0171/1234567", "0171/1234567"),
        ] {
            assert_eq!(found(text), [number], "{text}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for text in ["+49 30 1234567", "0049 30 1234567", "+49 (0)30-1234567", "+49301234567"] {
            assert_eq!(phones(text)[0].1, "49301234567", "{text}");
        }
    }
}
