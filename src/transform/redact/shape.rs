//! How card numbers are written, and how other numbers are.
//!
//! Of numbers that are right by their last digit it tells whether they stand there as people write
//! cards: in groups of four, or as one piece. Dates and times, ids, links and lists of numbers do not.

use std::cell::OnceCell;
use std::ops::Range;

use super::digits::{Digit, Gap, Run};
use super::field::Field;
use super::label::{begins_iban, ends_with_country, names_a_thing};

/// So many digits of the same run may stand before a number in unusual groups, and behind it: the
/// end of a word or the place in a list; a card's last month, and its code.
const BESIDE: [usize; 2] = [5, 10];

/// A number that editors or mail programs have parted is parted no more often by the end of a line.
const LINES_MAX: usize = 2;

/// As many digits beside a number, of whatever kind, are a table.
const FAR: usize = 64;

/// As much of a text says whether a number in it is part of a link.
const LINK_BYTES_MAX: usize = 300;

/// The text that numbers stand in.
#[derive(Debug)]
pub(super) struct Around<'a> {
    text: &'a str,
    field: Field,
    has_letters: OnceCell<bool>,
}

/// A run of digits, and what is known of it.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    run: &'a Run<'a>,
    around: &'a Around<'a>,
    /// By digit: whether it is part of a date, a time or the address of a machine.
    told: OnceCell<Vec<bool>>,
}

impl<'a> Around<'a> {
    pub(super) fn new(text: &'a str, field: Field) -> Self {
        Self { text, field, has_letters: OnceCell::new() }
    }

    /// Whether somebody rather wrote a card's number here than an id: both have as many digits.
    fn is_said(&self, place: usize) -> bool {
        let has_letters = || self.text.chars().any(char::is_alphabetic);
        let before = &self.text[..place];
        match self.field {
            Field::Id | Field::Told => return false,
            Field::Other if !self.has_letters.get_or_init(has_letters) => return false,
            Field::Other | Field::Text => {}
        }
        !link(before).contains("://") && !names_a_thing(before)
    }
}

impl<'a> Shape<'a> {
    pub(super) fn new(run: &'a Run<'a>, around: &'a Around<'a>) -> Self {
        Self { run, around, told: OnceCell::new() }
    }

    /// Whether the digits at these places, which make a card's number, are one. `is_common` is what
    /// begins as most cards do, and is as long.
    pub(super) fn is_of_a_card(&self, range: Range<usize>, is_common: bool) -> bool {
        let digits = &self.run.digits[range.clone()];
        let sizes = sizes(digits, |gap| gap.width > 0);
        let [before, behind] = self.run.touches;
        let touches =
            (before && range.start == 0) || (behind && range.end == self.run.digits.len());
        let is_bare = digits.iter().skip(1).all(|digit| digit.gap.chars == 0);
        if touches && !(is_common && digits.len() > 14 && (is_bare || is_usual(&sizes))) {
            return false;
        }
        if self.around.field == Field::Id {
            return is_common && is_usual(&sizes);
        }
        if is_bare {
            let place = digits[0].start;
            let is_long = digits.len() > 14 && !is_in_api(&self.around.text[..place]);
            return is_long || self.around.is_said(place);
        }
        if self.is_told(&range) {
            return false;
        }
        if is_usual(&sizes) {
            return !self.is_iban(&range);
        }
        let follows_plus = digits[0].gap.lists;
        if follows_plus || !(self.is_one_piece(&range) || self.is_nearly_all(&range)) {
            return false;
        }
        let hard = self::sizes(digits, |gap| gap.width > 0 && !gap.is_soft());
        let lines = digits.iter().skip(1).filter(|digit| digit.gap.breaks).count();
        is_even(&sizes)
            || (lines <= LINES_MAX && (is_usual(&hard) || is_even(&hard)))
            || (is_common && is_tight(digits))
    }

    /// Whether they are part of an account's number: `DE89 3704 ...`, `NL91 ABNA 0417 ...`
    fn is_iban(&self, range: &Range<usize>) -> bool {
        let digits = self.run.digits;
        let before = &self.run.text[..digits[0].start];
        let groups = sizes(digits, |gap| gap.chars > 0);
        let has_check = groups[0] == 2 && self.run.touches[0] && ends_with_country(before);
        // Groups of four follow, and a shorter one ends it.
        let first = usize::from(has_check);
        let mut end = 2 * first;
        for size in groups.into_iter().skip(first) {
            let is_near = end == 0 || (digits[end].gap.chars == 1 && !digits[end].gap.breaks);
            if !is_near || size > 4 {
                break;
            }
            end += size;
            if size < 4 {
                break;
            }
        }
        (has_check || begins_iban(before)) && range.start >= 2 * first && range.end <= end
    }

    /// Whether most of these digits are of dates, times and such.
    fn is_told(&self, range: &Range<usize>) -> bool {
        let told = &self.told.get_or_init(|| told(self.run))[range.clone()];
        told.iter().filter(|told| **told).count() * 2 >= told.len()
    }

    /// Whether the same stands between all groups, and something else around them.
    fn is_one_piece(&self, range: &Range<usize>) -> bool {
        let gap = |at: usize| {
            let before = &self.run.digits[at - 1];
            &self.run.text[before.end..self.run.digits[at].start]
        };
        let mut inner = (range.start + 1..range.end).map(gap).filter(|gap| !gap.is_empty());
        let Some(first) = inner.next() else { return true };
        let is_other = |at: usize| at == 0 || at == self.run.digits.len() || gap(at) != first;
        inner.all(|gap| gap == first) && is_other(range.start) && is_other(range.end)
    }

    /// Whether few other digits stand beside them; dates and such are no other digits.
    fn is_nearly_all(&self, range: &Range<usize>) -> bool {
        let told = self.told.get_or_init(|| told(self.run));
        let are_few = |others: &[bool], most: usize| {
            others.len() < FAR && others.iter().filter(|told| !**told).count() <= most
        };
        self.run.goes_on == [false; 2]
            && are_few(&told[..range.start], BESIDE[0])
            && are_few(&told[range.end..], BESIDE[1])
    }
}

/// How many digits each group has, parted where that is said.
fn sizes(digits: &[Digit], parts: impl Fn(Gap) -> bool) -> Vec<usize> {
    let mut sizes = vec![0];
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && parts(digit.gap) {
            sizes.push(0);
        }
        if let Some(size) = sizes.last_mut() {
            *size += 1;
        }
    }
    sizes
}

/// The groups that stand on cards.
fn is_usual(sizes: &[usize]) -> bool {
    matches!(sizes, [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5])
}

/// Groups of one size, the last one perhaps shorter.
fn is_even(sizes: &[usize]) -> bool {
    let Some((last, others)) = sizes.split_last() else { return false };
    others.iter().all(|size| *size == others[0] && last <= size)
}

/// Whether no more stands between the groups than within one number, which a line may end in once.
fn is_tight(digits: &[Digit]) -> bool {
    let gaps = || digits.iter().skip(1).map(|digit| digit.gap);
    gaps().all(|gap| gap.width <= 3 && !gap.lists) && gaps().filter(|gap| gap.breaks).count() <= 1
}

/// Which digits of a run are of a date, a time, or an IP address.
fn told(run: &Run<'_>) -> Vec<bool> {
    let digits = run.digits;
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, digit) in digits.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if digit.gap.chars == 0 => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    // What stands before a group: a single character, or nothing that could be within a date.
    let gap = |at: usize| match (at.checked_sub(1), groups.get(at)) {
        (Some(_), Some(group)) if digits[group.start].gap.chars == 1 => {
            let before = digits[group.start - 1].end;
            run.text[before..digits[group.start].start].chars().next()
        }
        _ => None,
    };
    let number = |group: &Range<usize>| {
        digits[group.clone()]
            .iter()
            .fold(0_u32, |n, it| n.saturating_mul(10).saturating_add(u32::from(it.value)))
    };
    let mut told = vec![false; digits.len()];
    let mut at = 0;
    while at < groups.len() {
        let within = gap(at + 1);
        let count = 1
            + (at + 1..groups.len())
                .take_while(|it| within.is_some() && gap(*it) == within)
                .take(4)
                .count();
        let these: Vec<(usize, u32)> =
            groups[at..at + count].iter().map(|group| (group.len(), number(group))).collect();
        let is_one = gap(at).is_none_or(|before| Some(before) != within)
            && match within {
                Some(':') => is_time(&these),
                Some('.') => is_date(&these) || is_ip(&these),
                Some('-' | '/') => is_date(&these),
                _ => false,
            };
        if is_one {
            let end = groups[at + count - 1].end;
            told[groups[at].start..end].fill(true);
        }
        at += if is_one { count } else { 1 };
    }
    told
}

/// `9:52`, `09:52:42`
pub(super) fn is_time(groups: &[(usize, u32)]) -> bool {
    matches!(groups, [(1 | 2, 0..=24), (2, 0..=59)] | [(1 | 2, 0..=24), (2, 0..=59), (2, 0..=60)])
}

/// `2026-05-01`, `1.5.2026`, `5/1/26`
pub(super) fn is_date(groups: &[(usize, u32)]) -> bool {
    let [first, middle, last] = groups else { return false };
    let is_year = |it: &(usize, u32)| matches!(it, (4, 1900..=2099));
    let is_short = |it: &(usize, u32)| matches!(it, (1 | 2, 0..=31));
    let is_month = |it: &(usize, u32)| matches!(it, (1 | 2, 1..=12));
    (is_year(first) && is_month(middle) && is_short(last))
        || (is_short(first)
            && is_short(middle)
            && (is_month(first) || is_month(middle))
            && (is_year(last) || last.0 == 2))
}

/// `203.0.113.9`
fn is_ip(groups: &[(usize, u32)]) -> bool {
    groups.len() == 4 && groups.iter().all(|it| matches!(it, (1..=3, 0..=255)))
}

/// The beginning of the link that ends a text, or of a word.
fn link(before: &str) -> &str {
    let mut start = before.len().saturating_sub(LINK_BYTES_MAX);
    while !before.is_char_boundary(start) {
        start += 1;
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\');
    before[start..].rsplit(is_end).next().unwrap_or_default()
}

/// Whether it is the path of one of Zendesk's own things that ends a text.
fn is_in_api(before: &str) -> bool {
    before.ends_with('/') && link(before).contains("/api/v2/")
}

#[cfg(test)]
mod tests {
    use super::super::card::cards;
    use super::*;

    /// Each number of `text`'s that stands for `#` takes all values, so that some are right by their
    /// last digit.
    fn all(text: &str) -> Vec<String> {
        let found = (0..100).filter_map(|number| {
            let text = text.replace("##", &format!("{number:02}"));
            (!cards(&text, Field::Text).is_empty()).then_some(text)
        });
        found.collect()
    }

    #[test]
    fn dates_times_addresses_and_lists_of_phones_stay_whatever_their_digits_are() {
        for text in [
            "30.05.2026 12:30:##",
            "42 2026-05-01 09:53:##",
            "2026-05-01 09:52:45\n2026-05-01 09:53:##",
            "09:52:45,123 2026-05-## 09:53:45",
            "22:45 2026-05-01 09:##",
            "2.5.26 9:45, 3.5.26 9:##, 4.5.26 17:05",
            "5/1/2026 4:45 PM - 5/##/2026 16:12",
            "45.12.10.21 44.21.110.##",
            "06 12 34 56 78, 06 98 76 54 ##",
            "+49 171 1234567, +49 30 76543##",
            "(415) 555-0101, (415) 555-01##",
            "415-555-0101, 415-555-01##",
            "401, 402, 403, 404, 405, 4##",
            "4500\n12\n38123\n1024\n4##\n33\n999999\n12\n7",
            "792\n459\n4864\n950\n7025\n1\n91##\n6",
            "IBAN DE66 6219 5541 1447 0048 ##",
            "SSH 4.5.12-54.## 2026",
        ] {
            assert_eq!(all(text), [""; 0], "{text}");
        }
    }
}
