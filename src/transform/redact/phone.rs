//! Phone numbers.
//!
//! A row of digits is read from its beginning: as one number if it makes one, or else as far as one
//! reaches, and then anew behind it. What has no blank or slash on either side is part of something else.

use std::ops::Range;

use super::digits;
use super::label::{begins_iban, names_the_number};
use super::letters::character;
use super::shape::{is_date, is_time};

/// The digits that a number has around the world, country code included.
const PHONE_DIGITS: Range<usize> = 8..16;

/// Those of a number that begins with `00` and a country's code, without anything between.
const BARE_DIGITS: Range<usize> = 12..16;

/// A number with other digits behind it has no more: few have, and those may be of the others.
const BESIDE_MAX: usize = 13;

/// No more of a row is looked at at once.
const ROW_DIGITS_MAX: usize = 24;

/// No more stands between the groups of a number.
const GAP_CHARS_MAX: usize = 3;

/// Where phone numbers are, in order. `taken` is what was found as something else, in order.
pub(super) fn phones(text: &str, taken: &[Range<usize>]) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut taken = taken.iter().peekable();
    let (mut at, mut before) = (0, [None; 2]);
    while let Some((c, end)) = character(text, at) {
        if let Some(other) = taken.next_if(|other| other.start <= at) {
            (at, before) = (at.max(other.end), [Some('0'), None]);
            continue;
        }
        let begins = c == '+' || c == '(' || digits::value(c).is_some();
        let is_behind_one = found.last().is_some_and(|(range, _)| at - range.end <= GAP_CHARS_MAX);
        if !begins || (is_inside(before) && !is_behind_one) {
            (at, before) = (end, [Some(c), before[0]]);
            continue;
        }
        let until = taken.peek().map_or(text.len(), |other| other.start);
        let mut row = Row::at(text, at, until);
        let passed = match row.read(&text[..at]) {
            Ok(count) => {
                row.cut(count);
                let end = row.end();
                found.push((at..end, row.number()));
                end
            }
            Err(passed) => passed,
        };
        (at, before) = (end.max(passed), [Some('0'), None]);
    }
    found
}

/// Whether what comes next goes on with a word, or with another number.
fn is_inside([last, before]: [Option<char>; 2]) -> bool {
    match last {
        // Behind a name: `Tel.:`, `tel:`. Within a time: `09:`
        Some(':') => before.is_some_and(|c| digits::value(c).is_some()),
        Some(c) => c.is_alphanumeric() || ".-/_+(".contains(c),
        None => false,
    }
}

/// Digits that may be one number or several, with what stands between them.
struct Row {
    plain: String,
    groups: Vec<Group>,
}

/// Digits with nothing between them.
struct Group {
    /// Where they end in the text.
    end: usize,
    /// Where they begin in the digits of all groups, and how many there are.
    from: usize,
    count: usize,
    /// What stands before them, as it reads.
    gap: String,
}

impl Row {
    fn at(text: &str, start: usize, until: usize) -> Self {
        let mut it = Self { plain: String::new(), groups: Vec::new() };
        let (mut at, mut gap) = (start, String::new());
        while at < until && it.plain.len() < ROW_DIGITS_MAX {
            // Whoever dials the country's code leaves the zero out.
            if !it.plain.is_empty() && text[at..].starts_with("(0)") {
                (at, gap) = (at + "(0)".len(), " ".to_owned());
                continue;
            }
            let Some((c, end)) = character(text, at) else { break };
            if let Some(value) = digits::value(c) {
                if it.groups.is_empty() || !gap.is_empty() {
                    let (from, gap) = (it.plain.len(), std::mem::take(&mut gap));
                    it.groups.push(Group { end, from, count: 0, gap });
                }
                it.plain.push(char::from(b'0' + value));
                if let Some(group) = it.groups.last_mut() {
                    group.count += 1;
                    group.end = end;
                }
            } else {
                if c == ':' && gap.is_empty() && begins_digit(text, end) {
                    it.drop_hour();
                }
                gap.push(c);
                if !it.may_go_on(&gap) {
                    break;
                }
            }
            at = end;
        }
        it
    }

    /// Whether this may be a part of what stands before its next digit.
    fn may_go_on(&self, gap: &str) -> bool {
        let separates = |c: char| c == ' ' || "+().-/\u{a0}\u{2011}\u{2013}\u{202f}".contains(c);
        // A `+` begins a number, and so does a bracket behind one.
        let begins = (!self.plain.is_empty() && gap.contains('+'))
            || (self.plain.len() >= PHONE_DIGITS.start && gap.contains(" ("));
        // `1)` counts.
        let is_open = self.groups.iter().any(|group| group.gap.contains('('));
        let is_mark = gap.contains(')') && !is_open;
        gap.chars().all(separates) && gap.chars().count() <= GAP_CHARS_MAX && !begins && !is_mark
    }

    /// `09:00` is a time.
    fn drop_hour(&mut self) {
        if let Some(hour) = self.groups.pop_if(|last| last.count <= 2) {
            self.plain.truncate(hour.from);
        }
    }

    fn has_plus(&self) -> bool {
        self.groups.first().is_some_and(|first| first.gap.contains('+'))
    }

    /// Whether it begins with a bracket that ends behind its first or second group.
    fn has_bracket(&self) -> bool {
        let closes = |at: usize| self.gap(at).is_some_and(|gap| gap.contains(')'));
        let opens = |first: &Group| first.gap.contains('(') && first.count > 1;
        self.groups.first().is_some_and(opens) && (closes(1) || closes(2))
    }

    /// How many of its groups are a phone number, by what stands before it; or as far as none begins.
    fn read(&mut self, before: &str) -> Result<usize, usize> {
        let has_plus = self.has_plus();
        let date = self.cut_at_date(has_plus);
        let first = self.groups.first().map_or(0, |first| first.end);
        if !has_plus && let Some(end) = self.end_of_fours(begins_iban(before)) {
            return Err(end);
        }
        let count = if is_link(before) && PHONE_DIGITS.contains(&self.plain.len()) {
            Some(self.groups.len())
        } else {
            self.length()
        };
        let count = count.filter(|count| {
            has_plus
                || self.has_bracket()
                || matches!(self.sizes(*count)[..], [3, 3, 4] | [1, 3, 3, 4])
                    && !self.plain.starts_with('0')
                || !names_the_number(before)
        });
        count.ok_or(if self.groups.is_empty() { date.unwrap_or(0) } else { first })
    }

    /// Where groups of four end, the last one perhaps shorter, that are a card's or an account's.
    fn end_of_fours(&self, is_account: bool) -> Option<usize> {
        let fours = self.groups.iter().take_while(|group| group.count == 4).count();
        let last =
            self.groups.get(fours).filter(|last| last.count < 4).map_or(fours, |_| fours + 1);
        let is_one = fours > 3 || (is_account && fours > 0);
        is_one.then(|| self.groups[last - 1].end)
    }

    /// As many groups as are a phone number.
    fn length(&self) -> Option<usize> {
        let all = self.groups.len();
        if self.is_phone(all) {
            return Some(all);
        }
        let most = (1..all).find(|at| self.begins_another(*at)).unwrap_or(all.saturating_sub(1));
        (1..=most).rev().find(|count| {
            self.parts(*count) && self.digits(*count) <= BESIDE_MAX && self.is_phone(*count)
        })
    }

    /// Whether two numbers may stand on either side of a gap.
    fn parts(&self, at: usize) -> bool {
        let Some(group) = self.groups.get(at) else { return true };
        group.gap.contains(['/', ' ', '\u{a0}', '\u{202f}'])
    }

    /// Whether a number begins with a group that others are before: behind ` / ` or ` - `, or with a zero.
    fn begins_another(&self, at: usize) -> bool {
        let (group, digits) = (&self.groups[at], self.digits(at));
        let is_spaced = group.gap.chars().count() > 1;
        let has_zero = self.plain[group.from..].starts_with('0') && !self.has_plus();
        self.parts(at)
            && ((is_spaced && digits >= PHONE_DIGITS.start)
                || (has_zero && digits > PHONE_DIGITS.start))
    }

    /// How many digits the first groups have.
    fn digits(&self, count: usize) -> usize {
        self.groups.get(count).map_or(self.plain.len(), |next| next.from)
    }

    fn sizes(&self, count: usize) -> Vec<usize> {
        self.groups[..count].iter().map(|group| group.count).collect()
    }

    /// Leaves the first groups alone.
    fn cut(&mut self, count: usize) {
        self.plain.truncate(self.digits(count));
        self.groups.truncate(count);
    }

    fn end(&self) -> usize {
        self.groups.last().map_or(0, |last| last.end)
    }

    /// What stands before a group that is not the first.
    fn gap(&self, at: usize) -> Option<&str> {
        self.groups.get(at).filter(|_| at > 0).map(|group| group.gap.trim())
    }

    /// How many digits a group has, and what they say.
    fn said(&self, group: &Group) -> (usize, u32) {
        (group.count, self.plain[group.from..][..group.count].parse().unwrap_or(u32::MAX))
    }

    /// What comes behind the beginning of a date is no part of it. Where that date ends.
    fn cut_at_date(&mut self, has_plus: bool) -> Option<usize> {
        let (at, count) = (0..self.groups.len()).find_map(|at| {
            let count = self.date_at(at)?;
            let is_number_before = self.groups[at].from >= PHONE_DIGITS.start;
            (!has_plus || is_number_before).then_some((at, count))
        })?;
        let end = self.groups[at + count - 1].end;
        self.cut(at);
        Some(end)
    }

    /// How many groups the date has that begins with a group: `05/01/2026`, `1. 5. 26`, `20260501`,
    /// `01.05. `, `05/2026`, `091026-054108`.
    fn date_at(&self, at: usize) -> Option<usize> {
        let said = |place: usize| self.groups.get(place).map(|group| self.said(group));
        let first = said(at)?;
        if let (8, day) = first {
            let parts = [(4, day / 10_000), (2, day / 100 % 100), (2, day % 100)];
            return is_date(&parts).then_some(1);
        }
        let gap = |place: usize| self.gap(place);
        let within = gap(at + 1)?;
        let second = said(at + 1)?;
        if let ((6, day), (6, time)) = (first, second) {
            let pairs = |n: u32| [(2, n / 10_000), (2, n / 100 % 100), (2, n % 100)];
            let ([a, b, c], time) = (pairs(day), pairs(time));
            let is_day = is_date(&[a, b, c]) || is_date(&[c, b, a]);
            return (is_day && is_time(&time)).then_some(2);
        }
        if ![".", "-", "/"].contains(&within) {
            // `13 09 2026`
            let parts = [first, second, said(at + 2)?];
            let is_spaced = at == 0 && within.is_empty() && gap(2) == Some("");
            let has_year = matches!(parts, [(2, _), (2, _), (4, 1990..=2049)]);
            return (is_spaced && has_year && is_date(&parts)).then_some(3);
        }
        let is_apart = gap(at) != Some(within);
        let is_month = matches!((first, second), ((2, 1..=12), (4, 1990..=2049)));
        if is_month && is_apart && gap(at + 2) != Some(within) {
            return Some(2);
        }
        let is_day = is_date(&[first, second, (2, 0)]) && within == ".";
        let behind = self.groups.get(at + 2).map_or("", |next| next.gap.as_str());
        if is_day && is_apart && behind.len() > 1 && behind.starts_with('.') && at == 0 {
            let has_year = said(at + 2).is_some_and(|year| is_date(&[first, second, year]));
            return Some(if has_year { 3 } else { 2 });
        }
        let parts = [first, second, said(at + 2)?];
        let is_whole = gap(at + 2) == Some(within) && is_apart && gap(at + 3) != Some(within);
        // In the midst of a number two digits are a year behind a dash alone.
        let has_year = at == 0
            || parts.iter().any(|part| part.0 == 4)
            || gap(at).is_some_and(|gap| gap == "-" || gap == "\u{2013}");
        (is_whole && has_year && is_date(&parts)).then_some(3)
    }

    /// Whether the first groups are written as other numbers are: decimals, opening hours, lists, books.
    fn is_other(&self, count: usize) -> bool {
        let groups: Vec<(usize, u32)> =
            self.groups[..count].iter().map(|group| self.said(group)).collect();
        let gap = |at: usize| self.gap(at).filter(|_| at < count).unwrap_or_default();
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
                .all(|two| two[0].0 <= 2 && two[0].1.checked_add(1) == Some(two[1].1));
        // `01/10 02/10 03/10`
        let are_pairs = groups.len() > 3
            && (1..groups.len()).all(|at| gap(at) == if at % 2 == 1 { "/" } else { "" });
        let is_book = groups[0] == (1, 0)
            && self.digits(count) == 10
            && groups.last().is_some_and(|last| last.0 == 1);
        let is_taxpayer = matches!(groups[..], [(3, _), (3, _), (3, _), (2, _)])
            && [gap(1), gap(2), gap(3)] == [".", ".", "-"];
        let is_year = self.has_bracket() && matches!(groups[0], (4, 1900..=2099));
        is_decimal || is_hours || counts_up || are_pairs || is_book || is_taxpayer || is_year
    }

    fn is_phone(&self, count: usize) -> bool {
        let digits = self.digits(count);
        if count == 0 || !PHONE_DIGITS.contains(&digits) {
            return false;
        }
        if self.has_plus() {
            return true;
        }
        let is_grouped = count > 1;
        let is_bare = !is_grouped && self.has_country() && BARE_DIGITS.contains(&digits);
        let begins = self.has_bracket() || self.plain.starts_with('0');
        let is_usual = (is_grouped && digits > 8 && begins)
            || matches!(self.sizes(count)[..], [3, 3, 4] | [1, 3, 3, 4]);
        (is_bare || (is_usual && !self.plain.starts_with("000"))) && !self.is_other(count)
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

/// Whether a text ends with what says that a number is called: `<a href="tel:0301234567">`.
fn is_link(before: &str) -> bool {
    let end = before.len().checked_sub("tel:".len()).and_then(|at| before.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case("tel:"))
}

fn begins_digit(text: &str, at: usize) -> bool {
    character(text, at).is_some_and(|(c, _)| digits::value(c).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        phones(text, &[]).into_iter().map(|(range, _)| &text[range]).collect()
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
    fn numbers_beside_each_other_and_beside_other_digits_are_found() {
        let two = |text: &str| found(text).join(" | ");
        for (text, numbers) in [
            ("Tel. 030 1234567 / 0171 7654321", "030 1234567 | 0171 7654321"),
            ("089 123456 / 0171 7654321", "089 123456 | 0171 7654321"),
            ("+49 30 1234567 / +49 171 7654321", "+49 30 1234567 | +49 171 7654321"),
            ("+49 30 1234567 +49 171 7654321", "+49 30 1234567 | +49 171 7654321"),
            ("+4930123456789/+4930123456780", "+4930123456789 | +4930123456780"),
            ("212-555-0100 / 212-555-0101", "212-555-0100 | 212-555-0101"),
            ("212-555-0100/212-555-0101", "212-555-0100 | 212-555-0101"),
            ("212-555-0100 212-555-0101", "212-555-0100 | 212-555-0101"),
            ("(212) 555-0100 (212) 555-0101", "(212) 555-0100 | (212) 555-0101"),
            ("+1 212-555-0100 (415) 555-0101", "+1 212-555-0100 | (415) 555-0101"),
            ("0171 1234567 0172 7654321", "0171 1234567 | 0172 7654321"),
            ("0171 1234567 - 0172 7654321", "0171 1234567 | 0172 7654321"),
            ("06 12 34 56 78 06 98 76 54 32", "06 12 34 56 78 | 06 98 76 54 32"),
            ("+1 212-555-0100 12345", "+1 212-555-0100"),
            ("212-555-0100 12345", "212-555-0100"),
            ("12345 212-555-0100", "212-555-0100"),
            ("+49 171 1234567 2026", "+49 171 1234567"),
            ("+49 171 1234567 (01.05.)", "+49 171 1234567"),
            ("+49 171 1234567 (24/7)", "+49 171 1234567"),
            ("0171 1234567 10115 Berlin", "0171 1234567"),
            ("24/7 +1 212-555-0100", "+1 212-555-0100"),
            ("PLZ 10115 +49 30 1234567", "+49 30 1234567"),
            ("PLZ 10115 030 1234567", "030 1234567"),
            ("1. 0171 1234567", "0171 1234567"),
            ("1) 0171 1234567", "0171 1234567"),
            ("1) 212-555-0100", "212-555-0100"),
            ("order 4711 0171 1234567", "0171 1234567"),
            ("0171 1234567 09:00-17:00", "0171 1234567"),
            ("+49 30 1234567-0 / -99", "+49 30 1234567-0"),
            ("0171 1234567/68", "0171 1234567/68"),
            ("01.05. 0171 1234567", "0171 1234567"),
            ("please call about my order 0171 1234567", "0171 1234567"),
            ("I want to cancel my order. 212-555-0100 is my number", "212-555-0100"),
            ("thanks for the invoice!\n\n(030) 1234567", "(030) 1234567"),
            ("in my order, 0171 1234567", "0171 1234567"),
            ("ticket: 212-555-0100", "212-555-0100"),
            ("phone #212-555-0100", "212-555-0100"),
            ("cell#0171 1234567", "0171 1234567"),
            ("<a href=\"tel:0301234567\">", "0301234567"),
        ] {
            assert_eq!(two(text), numbers, "{text}");
        }
    }

    #[test]
    fn numbers_of_accounts_and_periods_stay() {
        for text in [
            "NL91 ABNA 0417 1643 00",
            "BE71 0961 2345 6769",
            "DK50 0040 0440 1162 43",
            "GB29 NWBK 0712 8430 8860 91",
            "0034 0434 1610 0404 2557",
            "05/2026 - 06/2026",
            "(01/2026 - 12/2026)",
            "04.2026-04.2026",
            "Scan 091026-054108",
            "01.05. 09.52.42",
            "01.01. - 31.12.2026",
            "Steuernummer 012/345/67890",
            "SSN 012-34-5678",
            "SIRET 012 345 678 00012",
            "Kundennummer 0123 456 789",
            "#0012-3456-78",
            "Case #0012-3456-78",
            "Ticket: 012-345-6789",
            "id 012-345-6789",
            "09:00-17:00",
            "0 1 2 3 4 5 6 7 8 9",
            "01/10 02/10 03/10 04/10",
            "13 09 2026 00 06",
            "0656 - 0656 / 0656 - 0656",
            "Order 2026-081512-4711",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    /// If each group were held against all behind it this would take hours.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the real time that counts")]
    fn a_row_without_end_takes_as_long_as_its_parts() {
        let begun = std::time::Instant::now();
        for part in ["1 ", "0(0)", "0171/"] {
            let found = phones(&part.repeat(50_000), &[]);
            assert!(found.is_sorted_by(|a, b| a.0.end <= b.0.start), "{part}");
        }
        assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
    }

    #[test]
    fn what_was_found_as_something_else_is_no_part_of_a_number() {
        let text = "0171 1234567 4111-1111-1111-1111 0172 7654321";
        let found = phones(text, std::slice::from_ref(&(13..32)));
        let found: Vec<&str> = found.into_iter().map(|(range, _)| &text[range]).collect();
        assert_eq!(found, ["0171 1234567", "0172 7654321"]);
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for text in ["+49 30 1234567", "0049 30 1234567", "+49 (0)30-1234567", "+49301234567"] {
            assert_eq!(phones(text, &[])[0].1, "49301234567", "{text}");
        }
    }
}
