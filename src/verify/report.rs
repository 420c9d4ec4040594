//! What a comparison came to, and its report as JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What may be found of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The account has it, the destination does not.
    Missing,
    /// The destination has it more than once.
    Doubled,
    /// The destination has it with another text.
    Altered,
    /// The destination has it, the account does not.
    Unexpected,
    /// The same, of records that change: an earlier version, which is as it should be.
    Superseded,
}

impl Kind {
    /// Each with its place in lists.
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Doubled, Self::Altered, Self::Unexpected, Self::Superseded];

    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Altered => "altered",
            Self::Unexpected => "unexpected",
            Self::Superseded => "superseded",
        }
    }
}

/// How many of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// See [`Kind::Missing`].
    pub missing: u64,
    /// See [`Kind::Doubled`]: ids, not lines.
    pub doubled: u64,
    /// See [`Kind::Altered`].
    pub altered: u64,
    /// See [`Kind::Unexpected`].
    pub unexpected: u64,
    /// See [`Kind::Superseded`].
    pub superseded: u64,
}

impl Found {
    pub(super) fn of_mut(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Missing => &mut self.missing,
            Kind::Doubled => &mut self.doubled,
            Kind::Altered => &mut self.altered,
            Kind::Unexpected => &mut self.unexpected,
            Kind::Superseded => &mut self.superseded,
        }
    }

    /// How many of a kind.
    pub fn of(mut self, kind: Kind) -> u64 {
        *self.of_mut(kind)
    }

    /// How many are wrong.
    pub fn wrong(&self) -> u64 {
        self.missing + self.doubled + self.altered + self.unexpected
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events that the account has in the period.
    pub account: u64,
    /// Lines of the destination with events of the period.
    pub destination: u64,
    /// Objects, files or partitions that were read.
    pub objects: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes in them, unpacked.
    pub bytes: u64,
    /// Lines of another time; of topics, messages of other streams too.
    pub outside: u64,
    /// Lines, and rests of objects, that are no events.
    pub unreadable: u64,
    /// What was found.
    #[serde(flatten)]
    pub found: Found,
}

/// What was counted of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// Events that the account has.
    pub account: u64,
    /// Lines of the destination with such events.
    pub destination: u64,
    /// What was found.
    #[serde(flatten)]
    pub found: Found,
}

/// A line, or the rest of an object, that is no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The object or file.
    pub object: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What a comparison came to.
#[derive(Debug)]
pub struct Report {
    /// What was counted.
    pub counts: Counts,
    /// By the hour of the events; none: they have no time.
    pub hours: Vec<(Option<Timestamp>, Hour)>,
    /// Of all ids and lines of the account: the SHA-256 of the lines
    /// `<SHA-256 of the id> <SHA-256 of the line>`, sorted.
    pub account_digest: String,
    /// The same of the destination, each id once.
    pub destination_digest: String,
    /// Some of those lines; `counts` has how many there are.
    pub unreadable: Vec<Unreadable>,
    pub(super) lists: Vec<BufWriter<File>>,
}

#[derive(Serialize)]
struct HourLine {
    hour: Option<Timestamp>,
    #[serde(flatten)]
    counts: Hour,
}

impl Report {
    /// Whether the destination holds every event once and unchanged, and nothing else.
    pub fn is_clean(&self) -> bool {
        self.counts.found.wrong() == 0 && self.counts.unreadable == 0
    }

    /// The first findings of a kind by their hour, each with `id`, `hour` and `places`.
    pub fn first(&mut self, kind: Kind, most: usize) -> io::Result<Vec<Value>> {
        // Numbers of one length are in order as texts are, and so are hours.
        let order = |finding: &Value| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            (text("hour"), text("id").len(), text("id"))
        };
        let mut first = BTreeMap::new();
        for line in self.list(kind)?.lines() {
            let finding: Value = serde_json::from_str(&line?)?;
            first.insert(order(&finding), finding);
            if first.len() > most {
                first.pop_last();
            }
        }
        Ok(first.into_values().collect())
    }

    /// Writes the whole report as one JSON object that begins with the members of `head`. The
    /// lists are copied through, however long they are.
    pub fn write(&mut self, head: &Value, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{\n")?;
        for (key, value) in head.as_object().into_iter().flatten() {
            writeln!(out, "{}: {value},", Value::from(key.as_str()))?;
        }
        writeln!(out, "\"verified\": {},", self.is_clean())?;
        writeln!(out, "\"counts\": {},", serde_json::to_string(&self.counts)?)?;
        let digest = serde_json::json!({
            "form": "sha256 of the sorted lines `<sha256 of id> <sha256 of line>`",
            "account": self.account_digest,
            "destination": self.destination_digest,
        });
        writeln!(out, "\"digest\": {digest},")?;
        for kind in Kind::ALL {
            write!(out, "\"{}\": [", kind.name())?;
            for (place, line) in self.list(kind)?.lines().enumerate() {
                write!(out, "{}{}", if place == 0 { "\n" } else { ",\n" }, line?)?;
            }
            out.write_all(b"],\n")?;
        }
        writeln!(out, "\"unreadable\": {},", serde_json::to_string(&self.unreadable)?)?;
        let hours = self.hours.iter();
        let hours = hours.map(|(hour, counts)| HourLine { hour: *hour, counts: *counts });
        out.write_all(b"\"hours\": [")?;
        for (place, hour) in hours.enumerate() {
            let between = if place == 0 { "\n" } else { ",\n" };
            write!(out, "{between}{}", serde_json::to_string(&hour)?)?;
        }
        out.write_all(b"]\n}\n")
    }

    fn list(&mut self, kind: Kind) -> io::Result<BufReader<&mut File>> {
        let list = &mut self.lists[kind as usize];
        list.flush()?;
        let file = list.get_mut();
        file.rewind()?;
        Ok(BufReader::new(file))
    }
}
