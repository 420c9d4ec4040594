//! The catalogue: its table in the README, and that each of its rows is collected from the account
//! once and whole, whatever fails.
//!
//! `ZENSTREAM_SEED` and `ZENSTREAM_SEEDS` as in `seeds`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use zenstream::random::Random;
use zenstream::simulator::{Faults, Settings};
use zenstream::sinks::Memory;
use zenstream::streams::CATALOGUE;

use crate::seeds::over_seeds;
use crate::world::{Life, Reading, World};

const BEGIN: &str = "<!-- streams: begin -->\n";
const END: &str = "<!-- streams: end -->\n";

/// The table of streams as the README has it.
fn table() -> String {
    let mut table = "| stream | what it holds | how it is read | plan | scope | limit |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for spec in CATALOGUE {
        let scope = match spec.scope {
            "read" => "`read`".to_owned(),
            narrow => format!("`{narrow}`"),
        };
        writeln!(
            table,
            "| [`{}`]({}) | {} | {} | {} | {scope} | {} |",
            spec.name,
            spec.docs_url,
            spec.description,
            spec.paging.name(),
            spec.plan,
            spec.limit,
        )
        .expect("writing to a text cannot fail");
    }
    table
}

#[test]
fn the_table_of_streams_in_the_readme_is_that_of_the_catalogue() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("the table's begin is marked");
    let (present, after) = rest.split_once(END).expect("the table's end is marked");
    let table = table();
    if std::env::var_os("ZENSTREAM_REGENERATE").is_some() {
        let readme = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, readme).expect("the README can be written");
        return;
    }
    assert!(
        present == table,
        "README.md does not have the catalogue's table; \
         run ZENSTREAM_REGENERATE=1 cargo test --test it catalogue::the_table"
    );
}

const SEEDS: u64 = 12;

/// An account with something of everything, and faults.
pub(crate) fn settings(seed: u64, random: &Random) -> Settings {
    Settings {
        seed,
        history: Duration::from_hours(48),
        audit_logs: pick(random, 0, 300),
        tickets: pick(random, 0, 60),
        records: pick(random, 0, 250),
        // Each is asked for what stands below it, which takes its time.
        counts: vec![("posts".to_owned(), pick(random, 0, 40))],
        late_percent: 10,
        burst_percent: u32::try_from(pick(random, 0, 90)).expect("small"),
        faults: Faults::random(seed, u32::try_from(pick(random, 0, 12)).expect("small")),
        pretty: random.fraction() < 0.2,
        has_more_on_full_page: random.fraction() < 0.2,
        null_cursor_on_empty_export: random.fraction() < 0.3,
        ..Settings::default()
    }
}

pub(crate) fn pick(random: &Random, low: usize, high: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers"
    )]
    let step = (random.fraction() * (high - low + 1) as f64) as usize;
    low + step
}

pub(crate) fn millis(random: &Random, most: usize) -> Duration {
    Duration::from_millis(u64::try_from(pick(random, 1, most)).expect("small"))
}

pub(crate) fn reading() -> Reading {
    Reading {
        streams: CATALOGUE.iter().map(|spec| spec.name).collect(),
        sinks: vec!["memory"],
        ..Reading::default()
    }
}

/// No event is in memory twice. Returns the lines of a stream, and how often each is there: what
/// has no id may be there as often as the account has it.
fn held(world: &World, stream: &str) -> BTreeMap<String, usize> {
    held_by(&world.memory, stream)
}

/// The same of any sink in memory.
pub(crate) fn held_by(memory: &Memory, stream: &str) -> BTreeMap<String, usize> {
    let mut ids = BTreeSet::new();
    let mut lines = BTreeMap::new();
    for event in memory.events().iter().filter(|event| event.origin.stream == stream) {
        let id = event.id();
        assert!(ids.insert(id.clone()), "{id} is there twice");
        let line = String::from_utf8(event.line.to_vec()).expect("records are text");
        *lines.entry(line).or_default() += 1;
    }
    lines
}

pub(crate) fn counted(lines: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

#[test]
fn every_row_is_collected_completely_and_exactly_once_whatever_fails_and_whenever_it_crashes() {
    over_seeds("every row", SEEDS, |seed| {
        let random = Random::from_seed(seed.wrapping_mul(0x9e37_79b9));
        // Of some exports by time there is more than a page takes.
        let long = ["organizations", "calls"].iter().filter(|_| seed % 6 == 1);
        let mut settings = settings(seed, &random);
        settings.counts.extend(long.map(|name| ((*name).to_owned(), 2_500)));
        let mut world = World::new(settings, reading());
        for _ in 0..pick(&random, 0, 3) {
            world.live(Life::OnceOrCrash(millis(&random, 120_000))).expect("a run that may crash");
        }
        world.wait(Duration::from_secs(400));
        world.live(Life::Once).expect("a whole run");
        for spec in CATALOGUE {
            let (held, truth) = (held(&world, spec.name), counted(world.truth(spec.name)));
            let lacking = truth.keys().find(|line| !held.contains_key(*line));
            assert_eq!(lacking, None, "{} lacks this of {}", spec.name, truth.len());
            let strange = held.keys().find(|line| !truth.contains_key(*line));
            assert_eq!(strange, None, "{} has this", spec.name);
        }
        assert_eq!(world.foreign_requests, 0);
    });
}

#[test]
fn what_changes_and_comes_late_is_collected_once_in_every_row() {
    over_seeds("every row, followed", SEEDS / 2, |seed| {
        let random = Random::from_seed(seed.wrapping_mul(0x51ed_270b));
        let settings = Settings {
            live_changes_per_minute: u32::try_from(pick(&random, 1, 10)).expect("small"),
            live_audit_logs_per_minute: 5,
            live_ticket_changes_per_minute: 5,
            // Ten exports a minute are not enough to see every custom object in the time of this run.
            rate_limit: 0,
            ..settings(seed, &random)
        };
        let mut world = World::new(settings, reading());
        for _ in 0..pick(&random, 1, 3) {
            world.live(Life::Crash(millis(&random, 600_000))).expect("a run that crashes");
            world.wait(millis(&random, 300_000));
        }
        let before: Vec<Vec<String>> =
            CATALOGUE.iter().map(|spec| world.truth(spec.name)).collect();
        // Long enough for every list to be read, and for what comes late.
        world.live(Life::Stopped(Duration::from_secs(1_800))).expect("a run in good order");
        // Ratings are looked through for changes once an hour.
        world.wait(Duration::from_secs(3_600));
        world.live(Life::Stopped(Duration::from_secs(300))).expect("a run in good order");
        for (spec, before) in CATALOGUE.iter().zip(before) {
            let (held, after) = (held(&world, spec.name), counted(world.truth(spec.name)));
            // What changed meanwhile may have been met in its later form alone.
            let stood = before.iter().filter(|line| after.contains_key(*line));
            let lacking = stood.clone().find(|line| !held.contains_key(*line));
            assert_eq!(lacking, None, "{} lacks this of {}", spec.name, stood.count());
        }
    });
}

#[test]
fn a_second_that_no_page_can_hold_is_told_and_what_can_be_had_of_it_is_delivered() {
    let settings = Settings {
        counts: vec![("ticket_events".to_owned(), 2_500)],
        tickets: 0,
        // All of them are made in a few seconds.
        burst_percent: 100,
        history: Duration::from_secs(120),
        stuck_time_export: true,
        ..Settings::default()
    };
    let reading = Reading { streams: vec!["ticket_events"], ..reading() };
    let mut world = World::new(settings, reading);
    world.wait(Duration::from_secs(400));
    let told = world.live(Life::Once).expect_err("it is told").to_string();
    assert!(told.contains("fill a page") && told.contains("zenstream checkpoint set"), "{told}");
    assert!(held(&world, "ticket_events").len() >= 1_000);
}

/// A list that is read as a whole, in runs that may take less than a pass of it.
#[test]
fn runs_of_a_few_pages_get_through_a_list_that_has_more() {
    let settings =
        Settings { counts: vec![("groups".to_owned(), 1_150)], tickets: 0, ..Settings::default() };
    let reading = Reading { streams: vec!["groups"], max_pages: Some(3), ..reading() };
    let mut world = World::new(settings, reading);
    for run in 1..=4 {
        world.live(Life::Once).expect("a run");
        let most = 300 * run;
        assert_eq!(held(&world, "groups").len(), most.min(1_150), "after run {run}");
    }
}
