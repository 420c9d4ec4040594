//! The rules of the house, held by reading the code as text.
//!
//! What the compiler and clippy cannot hold: who may know whom, how large a file may grow, what
//! each dependency is for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use zenstream::streams::CATALOGUE;

/// A source file without its tests.
struct Source {
    /// Below `src`, with `/`.
    name: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// All code of the program: files of tests and what follows `#[cfg(test)] mod` left out.
fn sources() -> Vec<Source> {
    let top = root().join("src");
    let mut paths = Vec::new();
    files_below(&top, &mut paths);
    let is_test = |path: &Path| {
        let mut steps = path.components().map(|step| step.as_os_str().to_string_lossy());
        steps.any(|step| step == "tests" || step == "tests.rs" || step == "contract.rs")
    };
    let sources = paths.iter().map(|path| path.strip_prefix(&top).expect("below it"));
    let sources = sources.filter(|path| !is_test(path)).map(|path| {
        let text = read(&top.join(path));
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        Source { name: path.to_string_lossy().replace('\\', "/"), code }
    });
    let sources: Vec<Source> = sources.collect();
    assert!(sources.len() > 50, "the code is where it is looked for");
    sources
}

/// Code without comments, in which a name is no mention.
fn statements(source: &Source) -> String {
    let lines = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that a file uses.
fn uses(source: &Source) -> BTreeSet<String> {
    let text = statements(source);
    let names = text.match_indices("crate::").map(|(at, found)| {
        let rest = &text[at + found.len()..];
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    });
    names.collect()
}

/// No file of `room` uses any of `others`.
fn assert_knows_nothing_of(room: &str, others: &[&str]) {
    for source in sources().iter().filter(|source| in_room(source, room)) {
        let known = uses(source);
        for other in others {
            assert!(!known.contains(*other), "src/{} must not know of `{other}`", source.name);
        }
    }
}

fn in_room(source: &Source, room: &str) -> bool {
    source.name.starts_with(&format!("{room}/")) || source.name == format!("{room}.rs")
}

const ROOMS: [&str; 19] = [
    "zendesk",
    "streams",
    "webhook",
    "internal",
    "normalize",
    "transform",
    "directory",
    "pipeline",
    "sinks",
    "checkpoint",
    "tokens",
    "buckets",
    "kafka",
    "config",
    "cli",
    "telemetry",
    "api",
    "alerts",
    "simulator",
];

#[test]
fn the_api_client_knows_nothing_of_us() {
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| *room != "zendesk").collect();
    assert_knows_nothing_of("zendesk", &others);
}

#[test]
fn normalize_is_pure() {
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| *room != "normalize").collect();
    assert_knows_nothing_of("normalize", &others);
    assert_knows_nothing_of("normalize", &["clock", "random"]);
    for source in sources().iter().filter(|source| in_room(source, "normalize")) {
        let text = statements(source);
        for impure in ["async ", "tokio", "std::fs", "std::io", "std::net", "std::env"] {
            assert!(!text.contains(impure), "src/{} has `{impure}`", source.name);
        }
    }
}

#[test]
fn transforms_are_pure_and_know_events_alone() {
    let outside = ["transform", "normalize"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !outside.contains(room)).collect();
    assert_knows_nothing_of("transform", &others);
    assert_knows_nothing_of("transform", &["clock", "random"]);
    for source in sources().iter().filter(|source| in_room(source, "transform")) {
        let text = statements(source);
        for impure in ["async ", "std::fs", "std::io", "std::net", "std::env"] {
            assert!(!text.contains(impure), "src/{} has `{impure}`", source.name);
        }
    }
}

#[test]
fn the_directory_knows_the_api_alone() {
    let others: Vec<&str> =
        ROOMS.into_iter().filter(|room| !["directory", "zendesk"].contains(room)).collect();
    assert_knows_nothing_of("directory", &others);
}

#[test]
fn streams_know_neither_sinks_nor_checkpoints() {
    let others = ["pipeline", "sinks", "checkpoint", "config", "cli", "telemetry", "simulator"];
    assert_knows_nothing_of("streams", &others);
}

#[test]
fn webhooks_know_neither_sinks_nor_checkpoints() {
    let inside = ["webhook", "streams", "normalize"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !inside.contains(room)).collect();
    assert_knows_nothing_of("webhook", &others);
}

#[test]
fn what_the_program_tells_about_itself_knows_neither_sinks_nor_checkpoints() {
    let inside = ["internal", "streams", "normalize", "telemetry"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !inside.contains(room)).collect();
    assert_knows_nothing_of("internal", &others);
}

#[test]
fn alerts_know_nothing_of_what_is_watched() {
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| *room != "alerts").collect();
    assert_knows_nothing_of("alerts", &others);
}

#[test]
fn the_log_and_the_form_of_metrics_know_nothing_of_what_is_told() {
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| *room != "telemetry").collect();
    assert_knows_nothing_of("telemetry", &others);
}

#[test]
fn sinks_and_checkpoints_do_not_know_each_other() {
    let others = ["checkpoint", "streams", "zendesk", "pipeline", "config", "cli", "simulator"];
    assert_knows_nothing_of("sinks", &others);
    assert_knows_nothing_of("checkpoint", &["zendesk", "pipeline", "config", "cli", "simulator"]);
    for source in sources().iter().filter(|source| in_room(source, "checkpoint")) {
        let text = statements(source);
        let of_sinks = text.match_indices("crate::sinks::").count();
        assert_eq!(of_sinks, text.match_indices("crate::sinks::SinkState").count());
    }
}

#[test]
fn tokens_are_kept_by_whoever_knows_nothing_else() {
    let known = ["tokens", "zendesk", "buckets"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !known.contains(room)).collect();
    assert_knows_nothing_of("tokens", &others);
}

#[test]
fn buckets_know_nothing_of_what_is_put_into_them() {
    let outside = ["buckets", "cli", "simulator"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !outside.contains(room)).collect();
    assert_knows_nothing_of("buckets", &others);
}

#[test]
fn kafka_knows_neither_sinks_nor_checkpoints() {
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| *room != "kafka").collect();
    assert_knows_nothing_of("kafka", &others);
}

#[test]
fn the_api_knows_only_what_the_pipeline_shows() {
    let outside = ["pipeline", "api"];
    let others: Vec<&str> = ROOMS.into_iter().filter(|room| !outside.contains(room)).collect();
    assert_knows_nothing_of("api", &others);
}

#[test]
fn only_the_pipeline_sees_streams_sinks_and_checkpoints_at_once() {
    for source in sources() {
        let known = uses(&source);
        let all = ["streams", "sinks", "checkpoint"].iter().all(|room| known.contains(*room));
        let may = in_room(&source, "pipeline") || in_room(&source, "cli");
        assert!(!all || may, "src/{} sees all of them", source.name);
    }
}

#[test]
fn nothing_but_the_command_line_sees_the_simulator() {
    for room in ROOMS.into_iter().filter(|room| !["cli", "simulator"].contains(room)) {
        assert_knows_nothing_of(room, &["simulator"]);
    }
}

#[test]
fn nothing_but_the_command_line_prints() {
    for source in sources().iter().filter(|source| !in_room(source, "cli")) {
        let text = statements(source);
        for macro_name in ["println!", "eprintln!", "print!(", "eprint!(", "dbg!"] {
            assert!(!text.contains(macro_name), "src/{} has `{macro_name}`", source.name);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    for source in sources() {
        // The crate's own stands in ARCHITECTURE.md.
        let opens = ["//!", "#![doc"].iter().any(|start| source.code.starts_with(start));
        assert!(opens, "src/{} has no module comment", source.name);
        let lines = source.code.lines().count();
        assert!(lines <= 400, "src/{} has {lines} lines", source.name);
    }
}

#[test]
fn no_type_is_named_by_its_rank() {
    for source in sources() {
        for line in statements(&source).lines() {
            let named = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| {
                line.split_once(kind).map(|(_, rest)| rest.split([' ', '<', '(', ';']).next())
            });
            let name = named.flatten().unwrap_or_default();
            for rank in ["Manager", "Helper", "Util", "Common", "Impl"] {
                assert!(!name.ends_with(rank), "src/{}: `{name}`", source.name);
            }
        }
    }
}

#[test]
fn each_row_of_the_catalogue_is_whole_and_its_name_its_own() {
    let mut names = BTreeSet::new();
    for spec in CATALOGUE {
        assert!(names.insert(spec.name), "`{}` is there twice", spec.name);
        assert!(spec.path.starts_with("/api/v2/"), "{}", spec.name);
        assert!(spec.docs_url.starts_with("https://developer.zendesk.com/"), "{}", spec.name);
        for text in [spec.description, spec.plan, spec.role, spec.scope, spec.limit] {
            assert!(!text.is_empty(), "{} lacks something", spec.name);
        }
        assert!(spec.page_size > 0 && !spec.columns.is_empty(), "{}", spec.name);
    }
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("TOML");
    let reasons = read(&root().join("ARCHITECTURE.md"));
    for section in ["dependencies", "dev-dependencies"] {
        for name in manifest[section].as_table().expect("a table").keys() {
            let row = format!("| `{name}` |");
            assert!(reasons.contains(&row), "ARCHITECTURE.md does not say why `{name}` is there");
        }
    }
}
