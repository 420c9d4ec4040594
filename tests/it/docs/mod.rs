//! The pages under `docs/`: what is made of the program is up to date, and what is written by hand
//! shows configs that are valid, commands that exist and links that lead somewhere.
//!
//! `ZENSTREAM_REGENERATE=1 cargo test --test it docs::` makes the pages again.

mod generated;
mod markdown;
mod options;
mod shell;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;
use zenstream::{cli, config};

use self::markdown::Page;
use crate::deploy::files_below;

const SOURCE: &str = "docs/src";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page by its path below `docs/src`.
fn pages() -> BTreeMap<String, Page> {
    let files = files_below(SOURCE).into_iter();
    let files = files.filter(|path| Path::new(path).extension().is_some_and(|it| it == "md"));
    let pages: BTreeMap<String, Page> = files
        .map(|path| {
            let name = path.strip_prefix("docs/src/").expect("below it").to_owned();
            (name, Page::of(&read(&path)))
        })
        .collect();
    assert!(pages.len() > 30, "they are where they are looked for");
    pages
}

#[test]
fn the_reference_is_what_the_program_says_of_itself() {
    for (name, page) in generated::pages() {
        let path = root().join(SOURCE).join(name);
        if std::env::var_os("ZENSTREAM_REGENERATE").is_some() {
            std::fs::write(&path, page).unwrap_or_else(|error| panic!("{name}: {error}"));
            continue;
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            present == page,
            "docs/src/{name} is not up to date; run ZENSTREAM_REGENERATE=1 cargo test --test it docs::"
        );
    }
}

/// Where a link leads from a page: another page, and a heading in it.
fn target(from: &str, link: &str) -> (String, String) {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        return (from.to_owned(), anchor.to_owned());
    }
    let mut steps: Vec<&str> = from.split('/').collect();
    steps.pop();
    for step in path.split('/') {
        match step {
            ".." => assert!(steps.pop().is_some(), "{from}: `{link}` leaves the book"),
            step => steps.push(step),
        }
    }
    (steps.join("/"), anchor.to_owned())
}

#[test]
fn no_link_between_pages_is_dead() {
    let pages = pages();
    let mut followed = 0;
    for (from, page) in &pages {
        for link in page.links().iter().filter(|link| !link.contains("://")) {
            let (to, anchor) = target(from, link);
            let there = pages.get(&to).unwrap_or_else(|| panic!("{from}: no page `{to}`"));
            let has_anchor = anchor.is_empty() || there.anchors().contains(&anchor);
            assert!(has_anchor, "{from}: `{to}` has no heading `{anchor}`: {:?}", there.anchors());
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed}");
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let mut pages = pages();
    let summary = pages.remove("SUMMARY.md").expect("a table of contents");
    let listed = summary.links();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len());
    assert_eq!(once, pages.keys().collect());
}

#[test]
fn the_links_of_the_readme_to_the_pages_lead_somewhere() {
    let pages = pages();
    let readme = Page::of(&read("README.md"));
    let links = readme.links();
    let inside: Vec<&String> = links.iter().filter(|link| link.starts_with("docs/")).collect();
    assert!(!inside.is_empty());
    for link in inside {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let page = path.strip_prefix("docs/src/").and_then(|name| pages.get(name));
        let page = page.unwrap_or_else(|| panic!("README.md: no page `{link}`"));
        assert!(anchor.is_empty() || page.anchors().contains(&anchor.to_owned()), "{link}");
    }
}

#[test]
fn every_file_that_the_pages_name_is_there() {
    let readme = [("README.md".to_owned(), Page::of(&read("README.md")))];
    let mut found = 0;
    for (name, page) in pages().into_iter().chain(readme) {
        let blocks = page.blocks.iter().flat_map(|block| block.text.split_whitespace());
        let blocks = blocks.map(str::to_owned).collect::<Vec<_>>();
        for word in page
            .code()
            .iter()
            .flat_map(|code| code.split(' '))
            .chain(blocks.iter().map(String::as_str))
        {
            let path = word.trim_matches(|c: char| "\"',()".contains(c)).trim_start_matches("./");
            let is_ours = path.starts_with("config-examples/") || path.starts_with("deploy/");
            if is_ours && !path.contains('*') {
                let there = root().join(path).try_exists().expect("a look");
                assert!(there, "{name}: no {path}");
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found}");
}

/// The account that a part of a config is about, where the part does not have it.
const SOURCE_OF_PARTS: &str = "sources: { acme: { type: zendesk, subdomain: acme, \
     streams: [audit_logs, tickets], auth: { strategy: bearer, token: t } } }\n";

/// Takes what a part leaves over.
const SINK_OF_PARTS: &str = "sinks: { the_rest: { type: console, inputs: [\"*\"] } }\n";

/// What makes a whole config of a part, as a file beside it.
fn completion(part: &str) -> String {
    let has_source = part.lines().any(|line| line.starts_with("sources:"));
    if has_source { SINK_OF_PARTS.to_owned() } else { format!("{SOURCE_OF_PARTS}{SINK_OF_PARTS}") }
}

#[test]
fn every_config_on_the_pages_is_valid() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("client_secret"), "s\n").expect("a secret");
    let secrets = home.path().to_str().expect("a path of text");
    let names = [
        "COLLECTOR_TOKEN",
        "ELASTICSEARCH_API_KEY",
        "KAFKA_PASSWORD",
        "REDACT_KEY",
        "S3_BUCKET",
        "SPLUNK_HEC_TOKEN",
        "ZENDESK_BEARER_TOKEN",
        "ZENDESK_CLIENT_ID",
        "ZENDESK_CLIENT_SECRET",
        "ZENDESK_SIGNING_SECRET",
        "ZENDESK_SUBDOMAIN",
    ];
    let variables =
        names.map(|name| (name, "value-1-of-a-page")).into_iter().chain([("HOME", "/home/u")]);
    let environment: HashMap<String, String> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let readme = [("README.md".to_owned(), Page::of(&read("README.md")))];
    let mut checked = 0;
    for (name, page) in pages().into_iter().chain(readme) {
        for block in &page.blocks {
            let mut paths = vec![home.path().join("zenstream.yaml")];
            match block.info.as_str() {
                "yaml config" => {}
                "yaml part" => {
                    paths.push(home.path().join("rest.yaml"));
                    std::fs::write(&paths[1], completion(&block.text)).expect("the rest");
                }
                _ => continue,
            }
            let text = block.text.replace("/etc/zenstream/secrets", secrets);
            std::fs::write(&paths[0], text).expect("a config");
            let config = config::load(&paths, &environment)
                .unwrap_or_else(|error| panic!("{name}:{}: {:?}", block.line, error.problems));
            assert_eq!(config.warnings, [], "{name}:{}", block.line);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn every_command_on_the_pages_exists() {
    let readme = [("README.md".to_owned(), Page::of(&read("README.md")))];
    let mut checked = 0;
    for (name, page) in pages().into_iter().chain(readme) {
        let scripts = page.blocks.iter().filter(|block| block.info == "sh");
        for call in scripts.flat_map(|block| shell::calls(&block.text)) {
            assert_parses(&name, &call, &[]);
            checked += 1;
        }
        // In a sentence, what has to follow may be left out.
        let unfinished = [
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            ErrorKind::MissingRequiredArgument,
            ErrorKind::MissingSubcommand,
        ];
        let code = page.code();
        for call in code.iter().filter(|it| it.starts_with("zenstream ")) {
            for call in shell::calls(call) {
                assert_parses(&name, &call, &unfinished);
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

fn assert_parses(page: &str, call: &[String], passing: &[ErrorKind]) {
    let words = ["zenstream"].into_iter().chain(call.iter().map(String::as_str));
    if let Err(error) = cli::Arguments::try_parse_from(words) {
        let passes = passing.contains(&error.kind()) || error.kind() == ErrorKind::DisplayHelp;
        assert!(passes, "{page}: zenstream {}\n{error}", call.join(" "));
    }
}

#[test]
fn a_shell_would_read_the_same_words() {
    let script = "ZENDESK_SUBDOMAIN=a zenstream read x --since '2 weeks ago' | jq . # zenstream no\n\
                  $ sudo zenstream check > zenstream && zenstream run \\\n  -c \"a b.yaml\"; echo zenstream\n";
    let calls: Vec<String> = shell::calls(script).iter().map(|call| call.join("_")).collect();
    assert_eq!(calls, ["read_x_--since_2 weeks ago", "check", "", "run_-c_a b.yaml"]);
}
