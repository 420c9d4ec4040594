//! `checkpoint import`: goes on where the collector of Google's guides stopped.
//!
//! Its `state.json` holds an address of the next page. For tickets that address has a cursor, and
//! a cursor has a time. For audit logs it has a page number that counts back from whatever was
//! newest then, from which no time follows: unless a time is given, they are read again from the
//! beginning, because anything later could lose some. No address in the state is asked for.

use std::io::Read as _;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use url::Url;

use super::change::{Changes, Consent, Wanted, carry_out, state};
use super::place::{Place, PlaceArguments, Seen, local};
use crate::cli::Failure;
use crate::cli::output;
use crate::cli::when::{When, parse_when};
use crate::config::Since;
use crate::streams::{Position, time_of_cursor};

/// What to take over.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// The `state.json`; `-` reads it from stdin.
    #[arg(value_name = "STATE")]
    file: PathBuf,
    /// The source that goes on from there; needed where the config has several.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Go on from this time, whatever the state says.
    #[arg(long, value_name = "WHEN", value_parser = parse_when)]
    since: Option<When>,
    /// How far before the time of the state to begin, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    overlap_secs: u32,
    /// Replace positions that are there already.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: PlaceArguments,
}

const HELP: &str = "\
Examples:
  zenstream checkpoint import state.json -c zenstream.yaml --dry-run
  aws s3 cp s3://acme-logs/zendesk/crm/state.json - | zenstream checkpoint import - -c zenstream.yaml --yes
  zenstream checkpoint import state.json -c zenstream.yaml --since 2024-05-01

Tickets go on from their cursor's time, less the overlap. Audit logs have a page number there, which
tells no time: without --since they are read again from the beginning, so that none is lost.";

/// The resources of that collector, and what they are here.
const RESOURCES: [(&str, &str); 2] =
    [("audit_logs", "audit_logs"), ("incremental_tickets", "tickets")];

/// What a state says of one resource.
#[derive(Debug, PartialEq)]
enum Old {
    /// A cursor, and its time where that can be read.
    Cursor(String, Option<Timestamp>),
    /// The time an export was to start at.
    StartTime(Timestamp),
    /// A page of a list, or nothing: from which no time follows.
    Untold,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let place = Place::find(&arguments.place)?;
    let seen = place.look().await?;
    let old = read(arguments)?;
    let mut changes = Changes::new();
    for (resource, stream) in RESOURCES {
        let Some(value) = old.get(resource) else { continue };
        let Some(name) = output_of(&place, arguments, stream)? else {
            output::tell(&format!("`{resource}` is left out: the config does not read `{stream}`"));
            continue;
        };
        refuse_what_is_there(&seen, &name, arguments)?;
        let overlap = SignedDuration::from_secs(i64::from(arguments.overlap_secs));
        let wanted = match arguments.since {
            Some(since) => Wanted::Since(since),
            None => wanted(&name, &of_resource(value), overlap),
        };
        let next = state(&place, &name, wanted)?;
        changes.insert(name, Some(next));
    }
    carry_out(&place, &seen, changes, &arguments.consent).await
}

fn read(arguments: &Arguments) -> Result<serde_json::Map<String, Value>, Failure> {
    let file = arguments.file.display();
    let text = if arguments.file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(&arguments.file)
    };
    let text = text.map_err(|error| Failure::usage(format!("cannot read `{file}`: {error}")))?;
    let other = |what: String| {
        Failure::usage(format!("`{file}` is not the state of that collector: {what}"))
            .with_hint("it is one object with `audit_logs`, `incremental_tickets` or both")
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| other(error.to_string()))?;
    match value {
        Value::Object(map) if RESOURCES.iter().any(|(name, _)| map.contains_key(*name)) => Ok(map),
        _ => Err(other("it has neither of its parts".to_owned())),
    }
}

/// The output of that stream; none where the config does not read it.
fn output_of(
    place: &Place,
    arguments: &Arguments,
    stream: &str,
) -> Result<Option<String>, Failure> {
    let of_stream = place.configured().filter(|(source, _, settings)| {
        settings.spec.name == stream
            && arguments.source.as_ref().is_none_or(|name| *name == source.name)
    });
    let names: Vec<String> = of_stream.map(|(_, name, _)| name).collect();
    match names.as_slice() {
        [] if place.configured().next().is_none() => {
            Err(Failure::usage("no config says which account this is about")
                .with_hint("give the config with `-c`"))
        }
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => Err(Failure::usage(format!("several sources read `{stream}`"))
            .with_hint(format!("name one with `--source`: `{}`", several.join("`, `")))),
    }
}

fn refuse_what_is_there(seen: &Seen, name: &str, arguments: &Arguments) -> Result<(), Failure> {
    let Some(state) = seen.checkpoint.streams.get(name) else { return Ok(()) };
    if arguments.replace {
        return Ok(());
    }
    let at = state.position.reached().map(|at| format!(", read up to {}", local(at)));
    let message = format!("`{name}` has a position already{}", at.unwrap_or_default());
    Err(Failure::run(message).with_hint("give `--replace` to put that of the state in its place"))
}

/// Reads one resource: `next_url`, `next` or `cursor`, whichever of the scripts wrote it.
fn of_resource(value: &Value) -> Old {
    let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(cursor) = text("cursor") {
        return Old::Cursor(cursor.to_owned(), time_of_cursor(cursor));
    }
    let address = text("next").or_else(|| text("next_url")).and_then(|it| Url::parse(it).ok());
    let parameter = |wanted: &str| {
        let mut pairs = address.iter().flat_map(Url::query_pairs);
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    if let Some(cursor) = parameter("cursor") {
        let at = time_of_cursor(&cursor);
        return Old::Cursor(cursor, at);
    }
    let start = parameter("start_time").and_then(|text| text.parse().ok());
    match start.and_then(|second| Timestamp::from_second(second).ok()) {
        Some(at) => Old::StartTime(at),
        None => Old::Untold,
    }
}

/// Where a stream goes on without losing anything.
fn wanted(name: &str, old: &Old, overlap: SignedDuration) -> Wanted {
    match old {
        Old::Cursor(_, Some(at)) | Old::StartTime(at) => {
            let at = at.checked_sub(overlap).unwrap_or(Timestamp::UNIX_EPOCH);
            Wanted::Since(When::Since(Since::At(at)))
        }
        Old::Cursor(cursor, None) => {
            output::tell(&format!("`{name}`: the cursor tells no time, so there is no overlap"));
            Wanted::Position(Position(serde_json::json!({ "cursor": cursor })))
        }
        Old::Untold => {
            output::tell(&format!(
                "`{name}`: the state tells no time, so it is read again from the beginning; \
                 `--since` says from when"
            ));
            Wanted::Since(When::Since(Since::Beginning))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CURSOR: &str = "MTcwNzI3MTc0MS4wfHw0MDQ1fA==";

    fn at() -> Timestamp {
        "2024-02-07T02:09:01Z".parse().unwrap()
    }

    #[test]
    fn each_form_of_the_state_is_read() {
        let lambda = "https://acme.zendesk.com/api/v2/incremental/tickets/cursor.json?cursor=";
        let table = [
            (json!({ "cursor": CURSOR }), Old::Cursor(CURSOR.to_owned(), Some(at()))),
            (
                json!({ "next": format!("{lambda}{CURSOR}") }),
                Old::Cursor(CURSOR.to_owned(), Some(at())),
            ),
            (
                json!({ "next": format!("{lambda}MTcwNzI3MTc0MS4wfHw0MDQ1fA%3D%3D") }),
                Old::Cursor(CURSOR.to_owned(), Some(at())),
            ),
            (json!({ "cursor": "opaque" }), Old::Cursor("opaque".to_owned(), None)),
            (
                json!({ "next": "https://a.zendesk.com/x?start_time=1707271741" }),
                Old::StartTime(at()),
            ),
            (
                json!({ "next_url": "https://a.zendesk.com/api/v2/audit_logs.json?page=7" }),
                Old::Untold,
            ),
            (json!({ "next_url": null }), Old::Untold),
            (json!({ "cursor": null }), Old::Untold),
            (json!({}), Old::Untold),
        ];
        for (value, expected) in table {
            assert_eq!(of_resource(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_tells_no_time_is_read_from_the_beginning() {
        let hour = SignedDuration::from_hours(1);
        let start = |old: Old| match wanted("x", &old, hour) {
            Wanted::Since(When::Since(since)) => Some(since),
            _ => None,
        };
        assert_eq!(start(Old::Untold), Some(Since::Beginning));
        let earlier = at() - hour;
        assert_eq!(start(Old::Cursor(CURSOR.to_owned(), Some(at()))), Some(Since::At(earlier)));
    }
}
