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
Times: a duration back (7d, 90m, 2 weeks ago), a date or a date and time (2024-05-01, `2024-05-01 13:00`),
today, yesterday, monday, `last friday 13:00`, now, beginning, or RFC 3339 (2024-05-01T13:00:00+02:00).
What has no offset is in --timezone, else in local time; a date alone means its first instant.";

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
}

/// Reads any of the forms.
pub(super) fn parse_when(written: &str) -> Result<When, String> {
    let text = written.trim();
    let lower = text.to_lowercase();
    if lower == "now" {
        return Ok(When::Now);
    }
    civil(text)
        .or_else(|| named_day(&lower))
        .or_else(|| parse_since(back(&lower)).or_else(|_| parse_since(text)).ok().map(When::Since))
        .or_else(|| calendar_span(back(&lower)))
        .ok_or_else(|| {
            format!(
                "`{written}` is no time; write a duration back (`7d`, `2 weeks ago`), a date \
                 (`2024-05-01`, `2024-05-01 13:00`), `today`, `yesterday`, `last monday`, \
                 `beginning` or an RFC 3339 time (`2024-05-01T13:00:00Z`)"
            )
        })
}

/// Without the word that only says what is meant anyway.
fn back(text: &str) -> &str {
    text.strip_suffix("ago").map_or(text, str::trim_end)
}

fn civil(text: &str) -> Option<When> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time_of_day(time.trim_start())?),
        None => (text, Time::midnight()),
    };
    let date = Date::strptime("%Y-%m-%d", date).ok()?;
    Some(When::Civil(date.to_datetime(time)))
}

fn time_of_day(text: &str) -> Option<Time> {
    let format = if text.matches(':').count() == 2 { "%H:%M:%S%.f" } else { "%H:%M" };
    Time::strptime(format, text).ok()
}

fn named_day(text: &str) -> Option<When> {
    let mut words = text.split_whitespace().peekable();
    // "last monday" and "monday" are the same day: what was read is in the past.
    let last = words.next_if_eq(&"last").is_some();
    let day = match words.next()? {
        "today" if !last => Day::Today,
        "yesterday" if !last => Day::Yesterday,
        name => Day::Last(weekday(name)?),
    };
    let time = match (words.next(), words.next(), words.next()) {
        (None, ..) => Time::midnight(),
        (Some("at"), Some(time), None) | (Some(time), None, _) => time_of_day(time)?,
        _ => return None,
    };
    Some(When::Day(day, time))
}

fn weekday(name: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let found = NAMES.iter().find(|(full, _)| name.len() >= 3 && full.starts_with(name));
    found.map(|(_, weekday)| *weekday)
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
            Self::Day(day, time) => at(day.date(here.date()).to_datetime(time)),
        }
    }
}

impl Day {
    fn date(self, today: Date) -> Date {
        let date = match self {
            Self::Today => Ok(today),
            Self::Yesterday => today.yesterday(),
            Self::Last(weekday) => today.nth_weekday(-1, weekday),
        };
        // Only the first days of year -9999 have none before them.
        date.unwrap_or(today)
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
