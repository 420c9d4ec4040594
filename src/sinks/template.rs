//! Names made from events: paths, object keys, topics.
//!
//! Pure. A name begins with a literal and cannot leave it: whatever an event
//! brings is encoded before it goes in. It must not know what a name is for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::{Timestamp, tz::TimeZone};

use crate::normalize::{Event, Origin};

/// The names that may stand between `{{` and `}}`.
const FIELDS: &str = "stream, source, subdomain, partition";

/// A parsed template: literals, fields of an event's origin, and its time.
///
/// Fields are written `{{ stream }}`; time is written in strftime codes, `%Y/%m/%d`, and is the
/// event's own in UTC, or the time it was received where it has none. `%%` is a percent sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field(Field),
    /// A strftime format with at least one code, and the seconds for which it stays the same.
    Time(String, Option<i128>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Stream,
    Source,
    Subdomain,
    Partition,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no text.
    #[error("the template is empty")]
    Empty,
    /// The first thing in it comes from the event, which could then name any place at all.
    #[error("the template `{0}` must begin with literal text, such as a directory or a prefix")]
    NoLiteral(String),
    /// `{{` without `}}`.
    #[error("`{{{{` has no `}}}}` after it in the template `{0}`")]
    Unclosed(String),
    /// A field that events do not have.
    #[error("unknown field `{0}` in a template; there are: {FIELDS}")]
    UnknownField(String),
    /// A strftime code that does not exist, or cannot be had of a time in UTC.
    #[error("`{code}` in a template is no time format: {reason}; write `%%` for a percent sign")]
    BadTime {
        /// The format.
        code: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line feed, a NUL and the like.
    #[error("the template {0:?} has a control character in it")]
    ControlCharacter(String),
    /// A `..` that would lead out of what stands before it.
    #[error("the template `{0}` has `..` after a field or a time; it could leave its place")]
    Climbs(String),
}

impl Template {
    /// Reads a template that must begin with a literal.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self::parse_below(text)?;
        if template.literal_prefix().trim_matches(['/', '.']).is_empty() {
            return Err(TemplateError::NoLiteral(text.to_owned()));
        }
        Ok(template)
    }

    /// Reads a template that may begin with a field, because a literal that it cannot leave
    /// is put before it.
    pub fn parse_below(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(TemplateError::ControlCharacter(text.to_owned()));
        }
        let template = Self { text: text.to_owned(), parts: parse_parts(text)? };
        let (prefix, rest) = template.skeleton();
        if climbs(&rest) || (!rest.is_empty() && prefix.ends_with("..")) {
            return Err(TemplateError::Climbs(text.to_owned()));
        }
        Ok(template)
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What every name made with it begins with.
    pub fn literal_prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// What every name begins with that it makes of events of this origin, whatever their time.
    pub fn prefix_of(&self, origin: &Origin) -> String {
        let mut prefix = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => prefix.push_str(text),
                // Parts of a stream are read apart, and each has a name of its own.
                Part::Time(..) | Part::Field(Field::Partition) => break,
                Part::Field(field) => push_encoded(&mut prefix, field.of(origin)),
            }
        }
        prefix
    }

    /// The name that it makes of events of this origin, with `*` for what differs between them.
    pub fn pattern_of(&self, origin: &Origin) -> String {
        let mut pattern = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => pattern.push_str(text),
                Part::Time(..) | Part::Field(Field::Partition) if pattern.ends_with('*') => {}
                Part::Time(..) | Part::Field(Field::Partition) => pattern.push('*'),
                Part::Field(field) => push_encoded(&mut pattern, field.of(origin)),
            }
        }
        pattern
    }

    /// The literal texts in it.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether all events get the same name.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// Whether a component of the literal text is `..`.
    pub fn has_parent_component(&self) -> bool {
        let (prefix, rest) = self.skeleton();
        climbs(&(prefix + &rest))
    }

    /// Whether two events certainly get the same name, told without making it. `false` means
    /// only that one has to look. Names by day or hour are the usual ones, and to make one for
    /// every event would cost more than all the rest that is done to it.
    pub fn same_for(&self, one: &Event, other: &Event) -> bool {
        let same_origin = Arc::ptr_eq(&one.origin, &other.origin);
        self.parts.iter().all(|part| match part {
            Part::Literal(_) => true,
            Part::Field(field) => same_origin || field.of(&one.origin) == field.of(&other.origin),
            Part::Time(_, None) => false,
            Part::Time(_, Some(seconds)) => {
                let span =
                    |event| time_of(event).as_nanosecond().div_euclid(seconds * 1_000_000_000);
                span(one) == span(other)
            }
        })
    }

    /// The name for one event.
    pub fn render(&self, event: &Event) -> String {
        let mut out = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Field(field) => push_encoded(&mut out, field.of(&event.origin)),
                Part::Time(format, _) => {
                    // The format was proved when it was read; what is left are codes that some
                    // years do not have (`%y` of 1960).
                    out.push_str(
                        &format_time(format, time_of(event)).unwrap_or_else(|_| "undated".into()),
                    );
                }
            }
        }
        out
    }

    /// Calls `with` for each event in order, with its name and that name's number among these
    /// events, counted from 0 by first appearance.
    pub fn each_name<'e>(&self, events: &'e [Event], mut with: impl FnMut(usize, &str, &'e Event)) {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut last: Option<(&Event, usize, String)> = None;
        for event in events {
            let (number, name) = match last.take() {
                Some((of, number, name)) if self.same_for(of, event) => (number, name),
                _ => {
                    let name = self.render(event);
                    let next = numbers.len();
                    (*numbers.entry(name.clone()).or_insert(next), name)
                }
            };
            with(number, &name, event);
            last = Some((event, number, name));
        }
    }

    /// The literal text in front, and the rest with an `x` for everything that varies.
    fn skeleton(&self) -> (String, String) {
        let prefix = self.literal_prefix().to_owned();
        let skipped = usize::from(!prefix.is_empty());
        let rest = self.parts.iter().skip(skipped).map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Field(_) => "x".to_owned(),
            Part::Time(format, _) => format_time(format, Timestamp::UNIX_EPOCH).unwrap_or_default(),
        });
        (prefix, rest.collect())
    }
}

impl Field {
    fn of(self, origin: &Origin) -> &str {
        match self {
            Self::Stream => &origin.stream,
            Self::Source => &origin.source,
            Self::Subdomain => &origin.subdomain,
            Self::Partition => &origin.partition,
        }
    }

    fn named(name: &str) -> Result<Self, TemplateError> {
        match name {
            "stream" => Ok(Self::Stream),
            "source" => Ok(Self::Source),
            "subdomain" => Ok(Self::Subdomain),
            "partition" => Ok(Self::Partition),
            _ => Err(TemplateError::UnknownField(name.to_owned())),
        }
    }
}

fn parse_parts(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        push_text(&mut parts, before)?;
        let (name, after) =
            after.split_once("}}").ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
        parts.push(Part::Field(Field::named(name.trim())?));
        rest = after;
    }
    push_text(&mut parts, rest)?;
    Ok(parts)
}

/// Adds text without fields: a literal up to the first strftime code, a time from there on.
fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), TemplateError> {
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        literal.push_str(before);
        let Some(after) = after.strip_prefix('%') else {
            rest = &rest[before.len()..];
            break;
        };
        literal.push('%');
        rest = after;
    }
    let format = if rest.starts_with('%') { rest } else { "" };
    if format.is_empty() {
        literal.push_str(rest);
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    if !format.is_empty() {
        format_time(format, Timestamp::UNIX_EPOCH)
            .map_err(|reason| TemplateError::BadTime { code: format.to_owned(), reason })?;
        parts.push(Part::Time(format.to_owned(), steady_seconds(format)));
    }
    Ok(())
}

/// For how long, counted from the epoch, a format gives the same text; `None` if that is short or
/// not known.
fn steady_seconds(format: &str) -> Option<i128> {
    let mut steady = 86_400;
    let mut letters = format.chars();
    while letters.by_ref().any(|letter| letter == '%') {
        match letters.next()? {
            '%' | 'Y' | 'm' | 'd' | 'F' | 'j' | 'y' | 'b' | 'B' | 'e' | 'a' | 'A' | 'G' | 'V' => {}
            'H' => steady = 3_600,
            _ => return None,
        }
    }
    Some(steady)
}

fn time_of(event: &Event) -> Timestamp {
    event.time.unwrap_or(event.origin.ingest_time)
}

fn format_time(format: &str, time: Timestamp) -> Result<String, String> {
    BrokenDownTime::from(&time.to_zoned(TimeZone::UTC))
        .to_string(format)
        .map_err(|error| error.to_string())
}

fn climbs(path: &str) -> bool {
    path.split(['/', '\\']).any(|component| component == "..")
}

/// Adds a value so that it stays one component of a path and differs from every other value:
/// separators, control characters, `%` itself and names made of dots alone are percent-encoded.
fn push_encoded(out: &mut String, value: &str) {
    if value.is_empty() {
        out.push('_');
    }
    let only_dots = value.bytes().all(|byte| byte == b'.');
    for letter in value.chars() {
        let unsafe_here = matches!(letter, '/' | '\\' | '%') || letter.is_control();
        if unsafe_here || only_dots {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                let written = write!(out, "%{byte:02X}");
                debug_assert!(written.is_ok(), "a String takes everything");
            }
        } else {
            out.push(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::contract::{event_of, origin};

    fn rendered(template: &str, stream: &str) -> String {
        let mut event = event_of(stream, 1);
        event.time = Some("2026-03-09T23:59:59.5Z".parse().unwrap());
        Template::parse(template).unwrap().render(&event)
    }

    #[test]
    fn fields_and_times_are_put_in() {
        assert_eq!(rendered("a/{{ stream }}/%Y/%m/%d.log", "tickets"), "a/tickets/2026/03/09.log");
        assert_eq!(rendered("a/{{source}}-{{ subdomain }}", "x"), "a/test-acme");
        assert_eq!(rendered("a/{{ partition }}/date=%F/", "x"), "a/tail/date=2026-03-09/");
        assert_eq!(rendered("plain.ndjson", "x"), "plain.ndjson");
        assert_eq!(rendered("100%%/%F%%{ }}", "x"), "100%/2026-03-09%{ }}");
    }

    #[test]
    fn an_event_without_a_time_is_dated_by_its_arrival() {
        let event = event_of("x", 1);
        assert_eq!(event.time, None);
        let day = origin("x").ingest_time.strftime("%F").to_string();
        assert_eq!(Template::parse("a-%F").unwrap().render(&event), format!("a-{day}"));
    }

    #[test]
    fn a_value_cannot_leave_its_place() {
        for (value, encoded) in [
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("../../etc", "..%2F..%2Fetc"),
            ("a\\b", "a%5Cb"),
            ("a\0\n\u{85}", "a%00%0A%C2%85"),
            ("50%", "50%25"),
            ("", "_"),
            ("ünï", "ünï"),
        ] {
            assert_eq!(rendered("base/{{ stream }}/x", value), format!("base/{encoded}/x"));
        }
    }

    #[test]
    fn two_dots_cannot_be_put_together_from_parts() {
        for text in ["a/{{stream}}{{partition}}/x", "a/.{{stream}}/x", "a/{{stream}}./x"] {
            assert!(!climbs(&rendered(text, ".")), "{text}");
        }
    }

    #[test]
    fn a_template_begins_with_a_literal() {
        for text in ["{{ stream }}/x", "%F.log", "%Y/{{ stream }}"] {
            let error = Template::parse(text).unwrap_err();
            assert_eq!(error, TemplateError::NoLiteral(text.to_owned()));
            assert!(Template::parse_below(text).is_ok());
        }
        assert_eq!(Template::parse(""), Err(TemplateError::Empty));
    }

    #[test]
    fn a_template_does_not_climb_out_of_what_varies() {
        for text in ["a/{{ stream }}/../b", "a/%F/..", "a/{{ stream }}/..", "a/..%e/x"] {
            let error = Template::parse(text).unwrap_err();
            assert_eq!(error, TemplateError::Climbs(text.to_owned()));
        }
        let own_choice = Template::parse("../logs/{{ stream }}").unwrap();
        assert!(own_choice.has_parent_component());
        assert!(!Template::parse("..logs/{{ stream }}").unwrap().has_parent_component());
    }

    #[test]
    fn errors_say_what_there_is() {
        let unknown = Template::parse("a/{{ steam }}").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "unknown field `steam` in a template; there are: stream, source, subdomain, partition"
        );
        let unclosed = Template::parse("a/{{ stream").unwrap_err().to_string();
        assert_eq!(unclosed, "`{{` has no `}}` after it in the template `a/{{ stream`");
        assert!(matches!(Template::parse("a/%!"), Err(TemplateError::BadTime { .. })));
        assert!(matches!(Template::parse("a/100%"), Err(TemplateError::BadTime { .. })));
        assert!(matches!(Template::parse("a\nb"), Err(TemplateError::ControlCharacter(_))));
    }

    #[test]
    fn the_literal_prefix_ends_where_events_begin_to_differ() {
        assert_eq!(Template::parse("a/b-{{ stream }}").unwrap().literal_prefix(), "a/b-");
        assert_eq!(Template::parse("a/%%/%F/b").unwrap().literal_prefix(), "a/%/");
        assert!(Template::parse("a/%%/b").unwrap().is_literal());
        assert!(!Template::parse("a/%F").unwrap().is_literal());
    }

    fn event_at(nanosecond: i128) -> Event {
        let time = Timestamp::from_nanosecond(nanosecond).unwrap();
        Event { time: Some(time), ..event_of("x", 1) }
    }

    #[test]
    fn events_of_a_day_need_one_look() {
        let day = 86_400_000_000_000;
        let same = |text: &str, one, other| {
            Template::parse(text).unwrap().same_for(&event_at(one), &event_at(other))
        };
        assert!(same("a/{{ stream }}/%Y/%m/%d", 0, day - 1));
        assert!(!same("a/{{ stream }}/%Y/%m/%d", 0, day));
        assert!(!same("a/%F", -1, 0));
        assert!(same("a/%F/%H", 0, day / 24 - 1));
        assert!(!same("a/%F/%H", 0, day / 24));
        assert!(!same("a/%FT%T", 0, 0));
    }

    proptest::proptest! {
        #[test]
        fn events_told_the_same_get_the_same_name(
            one in -1_000_000_000_000_000_000..1_000_000_000_000_000_000_i128,
            apart in 0..100_000_000_000_000_i128,
            text in "a(/%[YmdFjbBeaAGVHMSTyskIpf%]|-%-d|/%%H|x|\\{\\{ stream \\}\\}){0,4}",
        ) {
            let template = Template::parse(&text).unwrap();
            let (one, other) = (event_at(one), event_at(one + apart));
            if template.same_for(&one, &other) {
                proptest::prop_assert_eq!(template.render(&one), template.render(&other));
            }
        }

        #[test]
        fn different_values_get_different_names(one in ".*", other in ".*") {
            let (mut left, mut right) = (String::new(), String::new());
            push_encoded(&mut left, &one);
            push_encoded(&mut right, &other);
            // The empty value shares its name with `_`.
            let named = |value: &str| if value.is_empty() { "_".to_owned() } else { value.to_owned() };
            proptest::prop_assert_eq!(left == right, named(&one) == named(&other));
            proptest::prop_assert!(!left.contains(['/', '\\']) && left != "..");
        }
    }
}
