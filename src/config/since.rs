//! Where to start, as people write it: the same forms in a config and on the command line.
//!
//! Reads the text only. What the time is now, it does not know.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, SpanRelativeTo, Timestamp};

use super::Since;

/// The longest duration that a config may hold. A time that far from now can still be computed
/// with; nobody means more.
pub(super) const MAX_DURATION: Duration = Duration::from_hours(100 * 366 * 24);

/// Why a text is no start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{written}` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), \
     a date (`2024-05-01`) or `beginning`"
)]
pub struct SinceError {
    written: String,
}

/// Reads a start: a duration back (`24h`, `90m`, `1w2d`; a day has 24 hours), an RFC 3339 time, a
/// date (midnight UTC), or `beginning`.
pub fn parse_since(written: &str) -> Result<Since, SinceError> {
    let text = written.trim();
    if text == "beginning" {
        return Ok(Since::Beginning);
    }
    duration(text)
        .map(Since::Ago)
        .or_else(|| time(text).map(Since::At))
        .ok_or_else(|| SinceError { written: written.to_owned() })
}

fn duration(text: &str) -> Option<Duration> {
    // jiff takes a sign and "ago" too; "back" is said once, by the option's name.
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with("ago") {
        return None;
    }
    let span: jiff::Span = text.parse().ok()?;
    // Months and years are of no fixed length, and jiff refuses them here.
    let length: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(length).ok().filter(|length| *length <= MAX_DURATION)
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // A civil date would also be read from a date and a time without an offset: refuse that.
    let date = Date::strptime("%Y-%m-%d", text).ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_nothing_else() {
        let hours = |hours| Some(Since::Ago(Duration::from_hours(hours)));
        let at = |time: &str| Some(Since::At(time.parse().unwrap()));
        let table = [
            ("24h", hours(24)),
            ("7d", hours(7 * 24)),
            ("90m", Some(Since::Ago(Duration::from_mins(90)))),
            ("30s", Some(Since::Ago(Duration::from_secs(30)))),
            ("1w2d", hours(9 * 24)),
            ("1d 12h", hours(36)),
            ("0s", hours(0)),
            (" beginning ", Some(Since::Beginning)),
            ("2024-05-01T00:00:00Z", at("2024-05-01T00:00:00Z")),
            ("2024-05-01T02:00:00+02:00", at("2024-05-01T00:00:00Z")),
            ("2024-05-01", at("2024-05-01T00:00:00Z")),
            ("2024-05-01T00:00:00", None),
            ("2024-13-01", None),
            ("", None),
            ("24", None),
            ("-24h", None),
            ("24h ago", None),
            ("1mo", None),
            ("1y", None),
            ("9999999999w", None),
            ("start", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_since(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn the_error_shows_every_form() {
        insta::assert_snapshot!(parse_since("yesterday").unwrap_err(), @"`yesterday` is not a duration back (`24h`, `7d`, `1w2d`), a time (`2024-05-01T00:00:00Z`), a date (`2024-05-01`) or `beginning`");
    }
}
