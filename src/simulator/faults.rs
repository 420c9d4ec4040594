//! What goes wrong on purpose, and when.
//!
//! A fault is due by the request's number alone, so that a run can be repeated.
//! This module says which fault is due; what it does to an answer is elsewhere.

use std::fmt;
use std::str::FromStr;

use super::draw::{Draw, Purpose};

/// A way for an answer to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429 of the account's budget, whatever is left of it.
    TooManyRequests,
    /// One of the errors below, in turn.
    Error,
    /// 500 with JSON.
    Internal,
    /// 502 with HTML.
    BadGateway,
    /// 503, every other time with `Retry-After`.
    Unavailable,
    /// 504 with the text of an upstream that took too long.
    GatewayTimeout,
    /// 520 with HTML, as a content network in front answers.
    UnknownError,
    /// 409 of a database collision.
    Conflict,
    /// The connection breaks in the middle of the body.
    Cut,
    /// The body ends early, and properly: half a gzip, or half the JSON.
    Truncated,
    /// 200 with a login page.
    Html,
    /// The body trickles.
    Slow,
    /// 200 with JSON that is broken in the middle.
    BadJson,
    /// 200 with nothing.
    Empty,
    /// No answer for an hour.
    Timeout,
    /// 301 to another host.
    Redirect,
    /// A page is preceded by the page before it, once more. Not in exports by time, where it could
    /// not be told from an export that is stuck.
    Repeat,
    /// Links in the body lead to another host.
    EvilLinks,
}

/// Every fault's name and what it does, for help texts.
pub const FAULTS: &[(&str, &str)] = &[
    ("429", "the account is used up by others for a second, with Retry-After"),
    ("error", "500, 502, 503 (with and without Retry-After), 504, 520, 409 in turn"),
    ("500", "internal error, JSON"),
    ("502", "bad gateway, HTML"),
    ("503", "maintenance, HTML; every other time with Retry-After"),
    ("504", "the text of an upstream that took too long"),
    ("520", "HTML of a content network"),
    ("409", "database collision, JSON"),
    ("cut", "the connection breaks in the middle of the body"),
    ("truncated", "the body ends early: half a gzip, or half the JSON"),
    ("html", "200 with a login page"),
    ("slow", "the body trickles"),
    ("badjson", "200 with JSON that is broken in the middle"),
    ("empty", "200 with no body"),
    ("timeout", "no answer for an hour"),
    ("redirect", "301 to another host"),
    ("repeat", "the page before, once more, in place of the one that its link leads to"),
    ("evil_links", "links in the body lead to another host; 1 makes all of them do so"),
];

/// In the order of [`FAULTS`].
const ALL: [Fault; 18] = [
    Fault::TooManyRequests,
    Fault::Error,
    Fault::Internal,
    Fault::BadGateway,
    Fault::Unavailable,
    Fault::GatewayTimeout,
    Fault::UnknownError,
    Fault::Conflict,
    Fault::Cut,
    Fault::Truncated,
    Fault::Html,
    Fault::Slow,
    Fault::BadJson,
    Fault::Empty,
    Fault::Timeout,
    Fault::Redirect,
    Fault::Repeat,
    Fault::EvilLinks,
];

/// What `error` goes through.
const ERRORS: [Fault; 6] = [
    Fault::Internal,
    Fault::BadGateway,
    Fault::Unavailable,
    Fault::GatewayTimeout,
    Fault::UnknownError,
    Fault::Conflict,
];

/// What a client must always get over by itself.
const PASSING: [Fault; 13] = [
    Fault::TooManyRequests,
    Fault::Internal,
    Fault::BadGateway,
    Fault::Unavailable,
    Fault::GatewayTimeout,
    Fault::UnknownError,
    Fault::Conflict,
    Fault::Cut,
    Fault::Truncated,
    Fault::Slow,
    Fault::BadJson,
    Fault::Empty,
    Fault::Timeout,
];

impl Fault {
    /// The name it is chosen by.
    pub fn name(self) -> &'static str {
        ALL.iter().position(|fault| *fault == self).map_or("", |at| FAULTS[at].0)
    }
}

/// Which faults happen, each with the period at which it does.
///
/// Written as `429:20,error:50`: every 20th request meets a 429, every 50th an
/// error. `random:5` lets any fault that passes by itself happen to 5 % of the
/// requests. When several are due at once, the one listed first in [`FAULTS`]
/// happens. The names are those of [`FAULTS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    periods: Vec<(Fault, u64)>,
    random: Option<(u64, u32)>,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// This fault at every `period`-th request, besides those chosen already; 0 for never.
    pub fn with(mut self, fault: Fault, period: u64) -> Self {
        self.periods.retain(|(other, _)| *other != fault);
        if period > 0 {
            self.periods.push((fault, period));
            self.periods.sort_by_key(|(fault, _)| *fault);
        }
        self
    }

    /// Each request meets some fault that passes by itself with a chance of `percent`.
    pub fn random(seed: u64, percent: u32) -> Self {
        Self { periods: Vec::new(), random: Some((seed, percent)) }
    }

    /// Whether this fault may happen.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.periods.iter().any(|(other, _)| *other == fault)
    }

    /// The fault that the `number`-th request meets, counted from 1.
    pub(super) fn due(&self, number: u64) -> Option<Fault> {
        let periodic = self
            .periods
            .iter()
            .find(|(fault, period)| *fault != Fault::EvilLinks && number.is_multiple_of(*period))
            .map(|&(fault, period)| Self::resolve(fault, number / period));
        periodic.or_else(|| {
            let (seed, percent) = self.random?;
            let mut draw = Draw::new(seed, Purpose::Fault, number);
            draw.percent(percent).then(|| draw.pick(&PASSING))
        })
    }

    /// Whether the links in this answer lead astray.
    pub(super) fn links_lead_astray(&self, number: u64) -> bool {
        self.periods
            .iter()
            .any(|(fault, period)| *fault == Fault::EvilLinks && number.is_multiple_of(*period))
    }

    fn resolve(fault: Fault, turn: u64) -> Fault {
        if fault != Fault::Error {
            return fault;
        }
        let at = usize::try_from(turn % ERRORS.len() as u64).unwrap_or(0);
        ERRORS[at]
    }
}

/// A list of faults that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// No fault has this name.
    #[error("there is no fault `{name}`{hint}")]
    Unknown {
        /// What was written.
        name: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// The period is missing or no whole number above 0.
    #[error("fault `{0}` needs a period: `{0}:50` for every 50th request")]
    Period(String),
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, period) = entry.split_once(':').unwrap_or((entry, ""));
            let name = name.trim();
            let number = period.trim().parse::<u64>().ok().filter(|period| *period > 0);
            let fault = FAULTS.iter().position(|(known, _)| *known == name).map(|at| ALL[at]);
            if fault.is_none() && name != "random" {
                return Err(FaultsError::Unknown { name: name.to_owned(), hint: hint(name) });
            }
            let number = number.ok_or_else(|| FaultsError::Period(name.to_owned()))?;
            match fault {
                Some(fault) => faults = faults.with(fault, number),
                None => faults.random = Some((0, u32::try_from(number).unwrap_or(100).min(100))),
            }
        }
        Ok(faults)
    }
}

fn hint(name: &str) -> String {
    let nearest = FAULTS
        .iter()
        .map(|(known, _)| (strsim::jaro_winkler(known, name), *known))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness > 0.75);
    if let Some((_, known)) = nearest {
        return format!("; did you mean `{known}`?");
    }
    let names: Vec<_> = FAULTS.iter().map(|(known, _)| *known).collect();
    format!("; there are {} and random", names.join(", "))
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (fault, period) in &self.periods {
            write!(f, "{separator}{}:{period}", fault.name())?;
            separator = ",";
        }
        if let Some((_, percent)) = self.random {
            write!(f, "{separator}random:{percent}")?;
        }
        Ok(())
    }
}
