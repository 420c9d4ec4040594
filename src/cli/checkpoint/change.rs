//! Changing a checkpoint: shown, asked about, saved in one step.
//!
//! What sinks remember of their destinations is left as it is: a file's length stays true
//! wherever its stream goes on from. What a sink holds beyond the position is forgotten with it,
//! so that whoever goes back gets the events again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::place::{Place, PlaceArguments, Seen, standing};
use crate::checkpoint::{Checkpoint, StreamState};
use crate::cli::when::{When, parse_when};
use crate::cli::{Failure, output};
use crate::streams::{self, Position};

/// How long a store without a lock is watched for somebody else's saves before it is changed.
const WATCH: Duration = Duration::from_secs(3);

/// What to set.
#[derive(Debug, Args)]
#[command(after_help = SET_HELP)]
pub(super) struct SetArguments {
    /// The stream: `acme.audit_logs`, or `audit_logs` where one source has it.
    stream: String,
    /// Go on from this time.
    #[arg(long, value_name = "WHEN", value_parser = parse_when, required_unless_present = "position")]
    since: Option<When>,
    /// Go on from this position, as `checkpoint show --format json` prints it.
    #[arg(long, value_name = "JSON", conflicts_with = "since")]
    position: Option<String>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: PlaceArguments,
}

const SET_HELP: &str = "\
Examples:
  zenstream checkpoint set audit_logs --since 7d -c zenstream.yaml --dry-run
  zenstream checkpoint set acme.tickets --since '2024-05-01 13:00' -c zenstream.yaml
Times without an offset are local. What is read again is delivered again.";

/// What to forget.
#[derive(Debug, Args)]
pub(super) struct ResetArguments {
    /// The stream: `acme.audit_logs`, or `audit_logs` where one source has it.
    #[arg(required_unless_present = "all")]
    stream: Option<String>,
    /// All streams of the checkpoint.
    #[arg(long, conflicts_with = "stream")]
    all: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Whether to do it.
#[derive(Debug, Args)]
pub(super) struct Consent {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) async fn set(arguments: &SetArguments) -> Result<(), Failure> {
    let place = Place::find(&arguments.place)?;
    let seen = place.look().await?;
    let name = place.stream(&arguments.stream, &seen)?;
    let wanted = match (&arguments.position, arguments.since) {
        (Some(text), _) => Wanted::Position(parse_position(text)?),
        (None, Some(since)) => Wanted::Since(since),
        (None, None) => return Err(Failure::usage("where to go on from?")),
    };
    let state = state(&place, &name, wanted)?;
    carry_out(&place, &seen, BTreeMap::from([(name, Some(state))]), &arguments.consent).await
}

pub(super) async fn reset(arguments: &ResetArguments) -> Result<(), Failure> {
    let place = Place::find(&arguments.place)?;
    let seen = place.look().await?;
    let names = match &arguments.stream {
        Some(written) => vec![place.stream(written, &seen)?],
        None => seen.checkpoint.streams.keys().cloned().collect(),
    };
    let held = names.into_iter().filter(|name| seen.checkpoint.streams.contains_key(name));
    let forgotten = held.map(|name| (name, None)).collect();
    carry_out(&place, &seen, forgotten, &arguments.consent).await
}

/// Where a stream is to go on from.
#[derive(Debug)]
pub(super) enum Wanted {
    Since(When),
    Position(Position),
}

fn parse_position(text: &str) -> Result<Position, Failure> {
    let value: Result<Value, _> = serde_json::from_str(text);
    value.map(Position).map_err(|error| {
        Failure::usage(format!("the position is no JSON: {error}"))
            .with_hint("`zenstream checkpoint show STREAM --format json` prints one")
    })
}

/// What to remember of a stream so that it goes on from there. The stream itself makes the
/// position, or has to understand it.
pub(super) fn state(place: &Place, name: &str, wanted: Wanted) -> Result<StreamState, Failure> {
    let Some((source, mut settings)) = place.settings(name) else {
        return Err(Failure::usage(format!("no config says how `{name}` is read"))
            .with_hint("give the config that has this stream with `-c`"));
    };
    let endpoint = source.endpoint.origin().ascii_serialization();
    let position = match wanted {
        Wanted::Position(position) => Some(position),
        Wanted::Since(since) => {
            settings.since = since.resolve(place.outside.clock.now(), &TimeZone::system());
            None
        }
    };
    let position = streams::start(&settings, position.as_ref())
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(StreamState { endpoint, position, ahead: BTreeMap::new(), quiet: None, last_event: None })
}

/// By stream: what is to be remembered of it, or that nothing is.
pub(super) type Changes = BTreeMap<String, Option<StreamState>>;

/// Shows the changes, asks, and saves.
pub(super) async fn carry_out(
    place: &Place,
    seen: &Seen,
    changes: Changes,
    consent: &Consent,
) -> Result<(), Failure> {
    if changes.is_empty() {
        output::tell(&format!("there is nothing to change in {}", place.name()));
        return Ok(());
    }
    let rows = changes.iter().map(|(name, next)| {
        let now = seen.checkpoint.streams.get(name);
        let told = |state: Option<&StreamState>| match state {
            Some(state) => standing(&state.position),
            None => "its `since`".to_owned(),
        };
        vec![name.clone(), told(now), told(next.as_ref())]
    });
    output::print(output::table(&["stream", "goes on from", "will go on from"], rows).as_bytes())?;
    if consent.dry_run {
        output::tell(&format!("nothing was changed in {}", place.name()));
        return Ok(());
    }
    // Where there is a lock, a run that has it is met before anybody is asked.
    let store = place.connector().store()?;
    ask(place, consent)?;
    if !place.has_a_lock() {
        place.outside.clock.sleep(WATCH).await;
        refuse_if_moved(place, seen, place.look().await?.revision)?;
    }
    let (revision, mut next) = match store.load().await.map_err(of_store)? {
        Some((revision, checkpoint)) => (Some(revision), checkpoint),
        None => (None, Checkpoint::default()),
    };
    refuse_if_moved(place, seen, revision)?;
    for (name, state) in changes {
        match state {
            Some(state) => next.streams.insert(name, state),
            None => next.streams.remove(&name),
        };
    }
    store.save(revision, &next).await.map_err(of_store)?;
    output::tell(&format!("saved in {}", place.name()));
    Ok(())
}

fn of_store(error: crate::checkpoint::StoreError) -> Failure {
    crate::pipeline::BuildError::Checkpoint(error).into()
}

/// Somebody who saves is somebody who runs.
fn refuse_if_moved(place: &Place, seen: &Seen, revision: Option<u64>) -> Result<(), Failure> {
    if revision == seen.revision {
        return Ok(());
    }
    Err(Failure::run(format!("another zenstream runs on the checkpoint {}", place.name()))
        .with_hint("nothing was changed; stop that run first"))
}

fn ask(place: &Place, consent: &Consent) -> Result<(), Failure> {
    if consent.yes {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Failure::usage("this changes the checkpoint, and there is nobody to ask")
            .with_hint("give `--yes`, or look at it first with `--dry-run`"));
    }
    let beside = if place.has_a_lock() {
        ""
    } else {
        "; a run that is on it begins again from there, or ends"
    };
    let mut stderr = std::io::stderr();
    write!(stderr, "change {}{beside}? [y/N] ", place.name())?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::run("nothing was changed")),
    }
}
