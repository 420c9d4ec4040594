//! Times as people write them at a terminal: the forms of a config, and those of a calendar.
//!
//! A calendar's day has no offset of its own, so what is read here becomes a time only with a
//! present and a time zone. It must not read the clock.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::config::{Since, parse_since};

/// The forms, for `--help`.
pub(super) const FORMS: &str = "\
Times: a duration back (7d, 90m, 2 weeks ago, an hour ago), a date or a date and time (2024-05-01, `2024-05-01 13:00`,
2024-05, `Nov 3`, `3 Nov 2024`), today, yesterday, monday, `last friday 13:00`, noon, 9am, `this week`, `last month`, now,
beginning, or RFC 3339 (2024-05-01T13:00:00+02:00). What has no offset is in --timezone, else in local time.
A date, a week or a month means its first instant; weeks begin on Monday. Without a day or a year it is the latest that was,
and `last friday` is before today. `m` is a minute, `mo` a month.";

/// A time that is not tied to a zone yet.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// As in a config.
    Since(Since),
    /// The present.
    Now,
    /// Months or years back, whose length depends on the calendar.
    Back(Span),
    /// A date and a time of day.
    Civil(DateTime),
    /// A day named by where it lies from today.
    Day(Day, Time),
}

/// A day named by where it lies from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// This one.
    Today,
    /// The one before.
    Yesterday,
    /// The last such day before today.
    Last(Weekday),
    /// The latest such day; today, if the time of day has passed.
    Latest(Weekday),
    /// The latest day on which this time of day has passed.
    AtTime,
    /// The latest day of this month and number.
    Annual(i8, i8),
    /// The first day of a part of the calendar, so many before this one.
    First(Part, i32),
}

/// A part of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Week,
    Month,
    Year,
}

/// Reads any of the forms.
pub(super) fn parse_when(written: &str) -> Result<When, String> {
    let text = written.trim();
    if let Some(count) = minute_or_month(text) {
        return Err(format!(
            "`{written}` may mean a minute or a month; write `{count}m` or `{count}mo`"
        ));
    }
    let lower = text.to_lowercase().replace(',', " ");
    let words: Vec<&str> = lower.split_whitespace().collect();
    if words == ["now"] {
        return Ok(When::Now);
    }
    let length = length(&words);
    civil(text)
        .or_else(|| named(&words))
        .or_else(|| parse_since(&length).or_else(|_| parse_since(text)).ok().map(When::Since))
        .or_else(|| calendar_span(&length))
        .ok_or_else(|| {
            format!(
                "`{written}` is no time; write a duration back (`7d`, `2 weeks ago`), a date \
                 (`2024-05-01`, `2024-05-01 13:00`, `Nov 3`, `2024-05`), `today`, `yesterday`, \
                 `last monday`, `this week`, `last month`, `noon`, `beginning` or an RFC 3339 time \
                 (`2024-05-01T13:00:00Z`)"
            )
        })
}

/// The number before a unit that is `M` alone.
fn minute_or_month(text: &str) -> Option<&str> {
    text.match_indices('M').find_map(|(at, _)| {
        let (before, after) = (text[..at].trim_end(), &text[at + 1..]);
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let is_whole = !after.starts_with(char::is_alphabetic);
        (digits > 0 && is_whole).then(|| &before[before.len() - digits..])
    })
}

/// A duration without the words that only say what is meant anyway: `a week ago`, `last 7 days`.
fn length(words: &[&str]) -> String {
    let starts_with_digit = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let mut words = words.strip_suffix(&["ago"]).unwrap_or(words).to_vec();
    if let ["last" | "past", second, ..] = words.as_slice()
        && starts_with_digit(second)
    {
        words.remove(0);
    }
    if let [first @ ("a" | "an" | "one"), _] = words.as_mut_slice() {
        *first = "1";
    }
    words.join(" ")
}

fn civil(text: &str) -> Option<When> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time_of_day(time.trim_start())?),
        None => (text, Time::midnight()),
    };
    let digits = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let date = match date.len() {
        _ if digits => format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]),
        7 if date.len() == text.len() => format!("{date}-01"),
        _ => date.to_owned(),
    };
    let date = Date::strptime("%Y-%m-%d", date).ok()?;
    Some(When::Civil(date.to_datetime(time)))
}

fn time_of_day(text: &str) -> Option<Time> {
    match text {
        "noon" => return Some(Time::constant(12, 0, 0, 0)),
        "midnight" => return Some(Time::midnight()),
        _ => {}
    }
    let forms = ["%H:%M:%S%.f", "%H:%M", "%I:%M%p", "%I%p"];
    forms.iter().find_map(|form| Time::strptime(form, text).ok())
}

/// A day by name, with or without a time of day; a time of day alone.
fn named(words: &[&str]) -> Option<When> {
    let (last, before) = words.split_last()?;
    let Some(time) = time_of_day(last) else {
        let day = first_of(words).map(|day| When::Day(day, Time::midnight()));
        return day.or_else(|| at(words, Time::midnight()));
    };
    match before.strip_suffix(&["at"]).unwrap_or(before) {
        [] => Some(When::Day(Day::AtTime, time)),
        words => at(words, time),
    }
}

fn at(words: &[&str], time: Time) -> Option<When> {
    let dated = dated(words).map(|date| When::Civil(date.to_datetime(time)));
    dated.or_else(|| day(words).map(|day| When::Day(day, time)))
}

fn first_of(words: &[&str]) -> Option<Day> {
    let (before, part) = match words {
        ["this", part] => (0, part),
        ["last", part] => (1, part),
        _ => return None,
    };
    let part = match *part {
        "week" => Part::Week,
        "month" => Part::Month,
        "year" => Part::Year,
        _ => return None,
    };
    Some(Day::First(part, before))
}

fn day(words: &[&str]) -> Option<Day> {
    match words {
        ["today"] => Some(Day::Today),
        ["yesterday"] => Some(Day::Yesterday),
        ["last", name] => weekday(name).map(Day::Last),
        [name] => weekday(name).map(Day::Latest),
        [one, other] => {
            let (month, day) =
                month(one).zip(number(other)).or_else(|| month(other).zip(number(one)))?;
            // A leap year has all days that there are.
            Date::new(2024, month, day).ok().map(|_| Day::Annual(month, day))
        }
        _ => None,
    }
}

/// A date with the month's name and a year: `3 nov 2024`, `nov 3 2024`.
fn dated(words: &[&str]) -> Option<Date> {
    let [one, other, year] = words else { return None };
    let Some(Day::Annual(month, day)) = day(&[one, other]) else { return None };
    let year = year.parse().ok().filter(|_| year.len() == 4)?;
    Date::new(year, month, day).ok()
}

fn number(text: &str) -> Option<i8> {
    let ending = ["st", "nd", "rd", "th"].iter().find_map(|ending| text.strip_suffix(ending));
    ending.unwrap_or(text).parse().ok()
}

/// The place of the name, from 0, that begins so; three letters are enough.
fn place(names: &[&str], start: &str) -> Option<i8> {
    let place = names.iter().position(|name| start.len() >= 3 && name.starts_with(start))?;
    i8::try_from(place).ok()
}

fn weekday(name: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    Weekday::from_monday_zero_offset(place(&NAMES, name)?).ok()
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    place(&NAMES, name).map(|place| place + 1)
}

fn calendar_span(text: &str) -> Option<When> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse::<Span>().ok().filter(|span| span.is_positive()).map(When::Back)
}

impl When {
    /// The time that is meant, as seen from `now` in `zone`.
    pub(super) fn resolve(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let here = now.to_zoned(zone.clone());
        let at = |civil: DateTime| zone.to_timestamp(civil).unwrap_or(now);
        match self {
            Self::Since(since) => since.resolve(now),
            Self::Now => now,
            Self::Back(span) => {
                here.checked_sub(span).map_or(Timestamp::UNIX_EPOCH, |back: Zoned| back.timestamp())
            }
            Self::Civil(civil) => at(civil),
            Self::Day(day, time) => at(day.date(time, here.datetime()).to_datetime(time)),
        }
    }
}

impl Day {
    fn date(self, time: Time, now: DateTime) -> Date {
        let today = now.date();
        let has_passed = |date: Date| date.to_datetime(time) <= now;
        let date = match self {
            Self::Today => Ok(today),
            Self::AtTime if has_passed(today) => Ok(today),
            Self::Yesterday | Self::AtTime => today.yesterday(),
            Self::Latest(weekday) if today.weekday() == weekday && has_passed(today) => Ok(today),
            Self::Last(weekday) | Self::Latest(weekday) => today.nth_weekday(-1, weekday),
            Self::First(part, before) => part.first(today, before),
            Self::Annual(month, day) => {
                // Eight years may lie between two leap days.
                let years = (0..=8).map(|back| Date::new(today.year() - back, month, day));
                Ok(years.flatten().find(|date| has_passed(*date)).unwrap_or(today))
            }
        };
        // Only the first days of year -9999 have none before them.
        date.unwrap_or(today)
    }
}

impl Part {
    /// The first day of the one that is so many before today's.
    fn first(self, today: Date, before: i32) -> Result<Date, jiff::Error> {
        match self {
            Self::Week => {
                let days = i32::from(today.weekday().to_monday_zero_offset()) + 7 * before;
                today.checked_sub(Span::new().days(days))
            }
            Self::Month => today.first_of_month().checked_sub(Span::new().months(before)),
            Self::Year => today.first_of_year().checked_sub(Span::new().years(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Wednesday; in Berlin it is two hours later, and already Thursday in Auckland.
    const NOW: &str = "2024-05-15T13:30:00Z";

    fn resolved(text: &str, zone: &str) -> Option<String> {
        let zone = TimeZone::get(zone).unwrap();
        let when = parse_when(text).ok()?;
        Some(when.resolve(NOW.parse().unwrap(), &zone).to_string())
    }

    #[test]
    fn every_form_is_read_in_its_zone() {
        let table = [
            ("7d", "2024-05-08T13:30:00Z"),
            ("7d ago", "2024-05-08T13:30:00Z"),
            ("2 weeks ago", "2024-05-01T13:30:00Z"),
            ("90m", "2024-05-15T12:00:00Z"),
            ("1mo", "2024-04-15T13:30:00Z"),
            ("1 year ago", "2023-05-15T13:30:00Z"),
            ("now", "2024-05-15T13:30:00Z"),
            ("beginning", "1970-01-01T00:00:00Z"),
            ("today", "2024-05-14T22:00:00Z"),
            ("Yesterday", "2024-05-13T22:00:00Z"),
            ("yesterday 13:00", "2024-05-14T11:00:00Z"),
            ("yesterday at 13:00", "2024-05-14T11:00:00Z"),
            ("monday", "2024-05-12T22:00:00Z"),
            ("last monday", "2024-05-12T22:00:00Z"),
            ("last wed", "2024-05-07T22:00:00Z"),
            ("wednesday", "2024-05-14T22:00:00Z"),
            ("wed 15:00", "2024-05-15T13:00:00Z"),
            ("wed 16:00", "2024-05-08T14:00:00Z"),
            ("monday 9am", "2024-05-13T07:00:00Z"),
            ("noon", "2024-05-15T10:00:00Z"),
            ("yesterday noon", "2024-05-14T10:00:00Z"),
            ("13:00", "2024-05-15T11:00:00Z"),
            ("11:30pm", "2024-05-14T21:30:00Z"),
            ("midnight", "2024-05-14T22:00:00Z"),
            ("this week", "2024-05-12T22:00:00Z"),
            ("last week", "2024-05-05T22:00:00Z"),
            ("this month", "2024-04-30T22:00:00Z"),
            ("Last Month", "2024-03-31T22:00:00Z"),
            ("this year", "2023-12-31T23:00:00Z"),
            ("last year", "2022-12-31T23:00:00Z"),
            ("a week ago", "2024-05-08T13:30:00Z"),
            ("an hour ago", "2024-05-15T12:30:00Z"),
            ("one day ago", "2024-05-14T13:30:00Z"),
            ("a month ago", "2024-04-15T13:30:00Z"),
            ("last 7 days", "2024-05-08T13:30:00Z"),
            ("past 24 hours", "2024-05-14T13:30:00Z"),
            ("7D", "2024-05-08T13:30:00Z"),
            ("Nov 3", "2023-11-02T23:00:00Z"),
            ("3 november", "2023-11-02T23:00:00Z"),
            ("May 1st", "2024-04-30T22:00:00Z"),
            ("may 15 15:00", "2024-05-15T13:00:00Z"),
            ("may 15 at 16:00", "2023-05-15T14:00:00Z"),
            ("Feb 29", "2024-02-28T23:00:00Z"),
            ("Nov 3, 2022", "2022-11-02T23:00:00Z"),
            ("3 Nov 2022 13:00", "2022-11-03T12:00:00Z"),
            ("2023-11", "2023-10-31T23:00:00Z"),
            ("20231120", "2023-11-19T23:00:00Z"),
            ("last friday 09:15:30", "2024-05-10T07:15:30Z"),
            ("2024-05-01", "2024-04-30T22:00:00Z"),
            ("2024-01-01", "2023-12-31T23:00:00Z"),
            ("2024-05-01 13:00", "2024-05-01T11:00:00Z"),
            ("2024-05-01T13:00:05", "2024-05-01T11:00:05Z"),
            ("2024-05-01T13:00:05Z", "2024-05-01T13:00:05Z"),
            ("2024-05-01T13:00:00+09:00", "2024-05-01T04:00:00Z"),
        ];
        for (text, expected) in table {
            assert_eq!(resolved(text, "Europe/Berlin").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_day_is_the_day_of_its_zone() {
        assert_eq!(resolved("today", "UTC").unwrap(), "2024-05-15T00:00:00Z");
        assert_eq!(resolved("today", "Pacific/Auckland").unwrap(), "2024-05-15T12:00:00Z");
        assert_eq!(resolved("yesterday", "Pacific/Auckland").unwrap(), "2024-05-14T12:00:00Z");
    }

    #[test]
    fn a_month_and_a_minute_are_not_taken_for_each_other() {
        assert_eq!(
            parse_when("10 M").unwrap_err(),
            "`10 M` may mean a minute or a month; write `10m` or `10mo`"
        );
        assert!(parse_when("10 MAY").is_ok() && parse_when("3:00 PM").is_err());
    }

    #[test]
    fn a_monday_is_today_on_mondays_and_the_last_one_is_not() {
        let now = "2024-05-13T09:00:00Z".parse().unwrap();
        let of = |text| parse_when(text).unwrap().resolve(now, &TimeZone::UTC).to_string();
        assert_eq!(of("monday"), "2024-05-13T00:00:00Z");
        assert_eq!(of("this week"), "2024-05-13T00:00:00Z");
        assert_eq!(of("last monday"), "2024-05-06T00:00:00Z");
        assert_eq!(of("monday 10:00"), "2024-05-06T10:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "24",
            "-24h",
            "2024-13-01",
            "2024-05-01 25:00",
            "last today",
            "last mo",
            "yesterday 13:00 sharp",
            "next monday",
            "tomorrow",
            "9999999999w",
            "1M",
            "90 M",
            "1M2d",
            "Nov 31",
            "Nov 0",
            "feb 29 2023",
            "2024-13",
            "20241301",
            "2024-05 13:00",
            "last noon",
            "this monday 9",
            "25:00",
            "13pm",
            "week",
            "ago",
            "a",
        ] {
            assert!(parse_when(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_hour_that_a_change_of_clocks_skips_is_read_all_the_same() {
        let skipped = resolved("2024-03-31 02:30", "Europe/Berlin").unwrap();
        assert_eq!(skipped, "2024-03-31T01:30:00Z");
    }
}
