//! `checkpoint list` and `checkpoint show`: what a checkpoint holds.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::place::{Place, PlaceArguments, Seen, ago, local};
use crate::cli::{Failure, output, pager};

/// What to list and how.
#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
pub(super) struct ListArguments {
    /// The form of the output.
    #[arg(long, default_value = "table")]
    format: ListFormat,
    /// At a terminal, print without a pager.
    #[arg(long)]
    no_pager: bool,
    #[command(flatten)]
    place: PlaceArguments,
}

/// What a terminal has room for, the positions left out first: few are short, and none is read.
const COLUMNS: [&[usize]; 3] = [&[0, 1, 2, 3, 4], &[0, 1, 2, 3], &[0, 1, 2]];

const LIST_HELP: &str = "\
READ UP TO is the time up to which everything was delivered, and AGO how long ago that is. This is not
how far a run is behind: a quiet stream stands at its last change, and audit logs stand a quarter of an
hour back, because that much is read again for records that show up late. How far behind a run is, its
/status and the metric zenstream_stream_lag_seconds tell.";

/// What to show and how.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The stream: `acme.audit_logs`, or `audit_logs` where one source has it.
    stream: String,
    /// The form of the output.
    #[arg(long, default_value = "table")]
    format: ListFormat,
    #[command(flatten)]
    place: PlaceArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListFormat {
    Table,
    Json,
}

/// All streams of a checkpoint.
#[derive(Serialize)]
struct Listing {
    checkpoint: String,
    /// How often it was saved; none: never.
    revision: Option<u64>,
    streams: Vec<Line>,
}

/// One stream.
#[derive(Serialize)]
struct Line {
    stream: String,
    endpoint: Option<String>,
    /// Everything before it was delivered.
    reached: Option<Timestamp>,
    /// Where it will start, as long as it has no position.
    starts_at: Option<Timestamp>,
    position: Value,
    /// By sink: how many events beyond the position it holds already.
    ahead: BTreeMap<String, usize>,
}

pub(super) async fn list(arguments: &ListArguments) -> Result<(), Failure> {
    let place = Place::find(&arguments.place)?;
    let seen = place.look().await?;
    let names = place.streams(&seen.checkpoint);
    let streams: Vec<Line> = names.iter().map(|name| line(&place, &seen, name)).collect();
    let listing = Listing { checkpoint: place.name(), revision: seen.revision, streams };
    match arguments.format {
        ListFormat::Json => print_json(&listing),
        ListFormat::Table if listing.streams.is_empty() => {
            output::tell(&format!("nothing is kept in {}", listing.checkpoint));
            Ok(())
        }
        ListFormat::Table => {
            let now = place.outside.clock.now();
            let rows: Vec<_> = listing.streams.iter().map(|line| line.row(now)).collect();
            let header = ["stream", "read up to", "ago", "ahead", "position"];
            let text = output::overview(&header, &rows, &COLUMNS);
            pager::print(text.as_bytes(), !arguments.no_pager)
        }
    }
}

pub(super) async fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let place = Place::find(&arguments.place)?;
    let seen = place.look().await?;
    let name = place.stream(&arguments.stream, &seen)?;
    let line = line(&place, &seen, &name);
    match arguments.format {
        ListFormat::Json => print_json(&line),
        ListFormat::Table => {
            let text = line.describe(&place.name(), place.outside.clock.now());
            output::print(text.as_bytes())
        }
    }
}

fn line(place: &Place, seen: &Seen, name: &str) -> Line {
    let state = seen.checkpoint.streams.get(name);
    let starts_at = match state {
        Some(_) => None,
        None => place.settings(name).map(|(_, settings)| settings.since),
    };
    let ahead = state.into_iter().flat_map(|state| &state.ahead);
    Line {
        stream: name.to_owned(),
        endpoint: state.map(|state| state.endpoint.clone()),
        reached: state.and_then(|state| state.position.reached()),
        starts_at,
        position: state.map(|state| state.position.0.clone()).unwrap_or_default(),
        ahead: ahead.map(|(sink, events)| (sink.clone(), events.len())).collect(),
    }
}

/// A position longer than this is cut in a table; `show` has all of it.
const POSITION_CHARS_MAX: usize = 60;

impl Line {
    fn row(&self, now: Timestamp) -> Vec<String> {
        let ahead = self.ahead.iter().map(|(sink, events)| format!("{sink} +{events}"));
        let position = match self.starts_at {
            Some(at) => format!("none; starts at {}", local(at)),
            None => self.position.to_string(),
        };
        let mut short: String = position.chars().take(POSITION_CHARS_MAX).collect();
        if short.len() < position.len() {
            short.push_str("...");
        }
        vec![
            self.stream.clone(),
            self.reached.map(local).unwrap_or_default(),
            self.reached.map(|at| ago(at, now)).unwrap_or_default(),
            ahead.collect::<Vec<_>>().join(", "),
            short,
        ]
    }

    fn describe(&self, checkpoint: &str, now: Timestamp) -> String {
        let mut lines = vec![("stream", self.stream.clone())];
        lines.push(("checkpoint", checkpoint.to_owned()));
        lines.extend(self.endpoint.clone().map(|endpoint| ("account", endpoint)));
        lines.extend(self.reached.map(|at| {
            let text = format!("{} ({} ago)", local(at), ago(at, now));
            ("read up to", text)
        }));
        let position = match self.starts_at {
            Some(at) => format!("none; starts at {}", local(at)),
            None => shown(&self.position).to_string(),
        };
        lines.push(("position", position));
        for (sink, events) in &self.ahead {
            lines.push(("ahead", format!("sink `{sink}` holds {events} events beyond it")));
        }
        let lines = lines.iter().map(|(name, text)| format!("{name:<12} {text}"));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}

/// A text or a list longer than this is told by its length.
const SHOWN_MAX: usize = 200;

/// A position without the thousands of hashes that a list's may hold.
fn shown(position: &Value) -> Value {
    const WHOLE: &str = "; `--format json` has all of it";
    match position {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), shown(value))).collect()
        }
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().map(shown).collect();
            let text = Value::from(items.as_slice()).to_string();
            if text.len() <= SHOWN_MAX {
                return Value::Array(items);
            }
            Value::from(format!("({} entries{WHOLE})", items.len()))
        }
        Value::String(text) if text.len() > SHOWN_MAX => {
            Value::from(format!("({} bytes{WHOLE})", text.len()))
        }
        other => other.clone(),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    // Structs of texts and numbers always have a JSON form.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    output::print(&text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_position_is_told_by_its_length() {
        let position = json!({
            "since": "2024-05-01T00:00:00Z",
            "parts": [{ "seen": "A".repeat(8_000), "after": null }],
            "ids": (0..312).collect::<Vec<_>>(),
            "few": [1, 2],
        });
        insta::assert_snapshot!(shown(&position), @r#"{"since":"2024-05-01T00:00:00Z","parts":[{"seen":"(8000 bytes; `--format json` has all of it)","after":null}],"ids":"(312 entries; `--format json` has all of it)","few":[1,2]}"#);
    }
}
