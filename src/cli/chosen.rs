//! Which streams are read, which of their records are wanted, and what is said where there is none.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::when::When;
use super::{Failure, output};
use crate::clock::Clock;
use crate::normalize::Event;
use crate::streams::{self, CATALOGUE, StreamSpec};

/// The records with certain ids, or versions of records as `verify` names them; without any, all.
#[derive(Debug)]
pub(super) struct Chosen(HashSet<String>);

impl Chosen {
    pub(super) fn new(ids: &[String]) -> Self {
        Self(ids.iter().map(|id| id.trim().to_owned()).collect())
    }

    /// Whether it is wanted.
    pub(super) fn has(&self, event: &Event) -> bool {
        let is_named = |id: &str| self.0.contains(id);
        self.0.is_empty()
            || is_named(&String::from_utf8_lossy(&event.id.record))
            || is_named(&event.id.to_string())
    }
}

/// A period in which nothing was found.
#[derive(Debug)]
pub(super) struct Nothing<'a> {
    pub(super) specs: &'a [&'a StreamSpec],
    pub(super) since: When,
    pub(super) until: Option<When>,
    /// Only some records were asked for.
    pub(super) chosen: bool,
}

impl Nothing<'_> {
    /// Says so on stderr.
    pub(super) fn tell(&self, zone: &TimeZone) {
        output::tell(&self.told(Clock::system().now(), zone));
    }

    /// One line that says so, and one that says what to do.
    fn told(&self, now: Timestamp, zone: &TimeZone) -> String {
        let at = |when: When| {
            let at = when.resolve(now, zone).to_zoned(zone.clone());
            at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        };
        let names: Vec<&str> = self.specs.iter().map(|spec| spec.name).collect();
        let mut told = format!("no records of {}", names.join(", "));
        let by_time = self.specs.iter().any(|spec| spec.takes_since());
        if by_time {
            told = format!("{told} since {}", at(self.since));
            if let Some(until) = self.until {
                told = format!("{told} until {}", at(until));
            }
        }
        if self.chosen {
            told.push_str(" that are as `--filter` and `--id` say, which take whole values");
        }
        if by_time {
            told.push_str("\nhint: `--since` reaches further back");
        }
        told
    }
}

/// The streams of these names, each once.
pub(super) fn find_all(names: &[String]) -> Result<Vec<&'static StreamSpec>, Failure> {
    let mut specs: Vec<&'static StreamSpec> = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let spec = find(name)?;
        if !specs.contains(&spec) {
            specs.push(spec);
        }
    }
    if specs.is_empty() {
        return Err(Failure::usage("no stream is named")
            .with_hint("`zenstream streams` lists what there is"));
    }
    Ok(specs)
}

fn find(name: &str) -> Result<&'static StreamSpec, Failure> {
    streams::find(name).ok_or_else(|| {
        let names = CATALOGUE.iter().map(|spec| spec.name);
        let close = names.map(|known| (strsim::jaro_winkler(known, name), known));
        let best = close.max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match best {
            Some((likeness, known)) if likeness > 0.8 => format!("did you mean `{known}`?"),
            _ => "`zenstream streams` lists what there is".to_owned(),
        };
        Failure::usage(format!("there is no stream `{name}`")).with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::when::parse_when;
    use crate::streams;

    #[test]
    fn where_there_is_nothing_the_period_is_told() {
        let now = "2024-05-15T13:30:00Z".parse().unwrap();
        let told = |name: &str, until: Option<&str>, chosen| {
            let spec = streams::find(name).unwrap();
            let until = until.map(|until| parse_when(until).unwrap());
            let since = parse_when("24h").unwrap();
            let nothing = Nothing { specs: &[spec], since, until, chosen };
            nothing.told(now, &TimeZone::get("Europe/Berlin").unwrap())
        };
        insta::assert_snapshot!(told("audit_logs", None, false), @"
        no records of audit_logs since 2024-05-14T15:30:00+02:00
        hint: `--since` reaches further back
        ");
        insta::assert_snapshot!(told("audit_logs", Some("today"), true), @"
        no records of audit_logs since 2024-05-14T15:30:00+02:00 until 2024-05-15T00:00:00+02:00 that are as `--filter` and `--id` say, which take whole values
        hint: `--since` reaches further back
        ");
        insta::assert_snapshot!(told("groups", None, false), @"no records of groups");
    }
}
