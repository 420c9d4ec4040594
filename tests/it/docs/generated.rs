//! The pages that are made of the program: config, command line, streams, metrics.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use serde_json::Value;
use zenstream::streams::CATALOGUE;
use zenstream::{cli, config, pipeline};

use super::options;

const MADE: &str =
    "<!-- Made of the program by `ZENSTREAM_REGENERATE=1 cargo test --test it docs::`. -->\n";

/// Each page and what is on it.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let schema = config::schema();
    let option = |name: &str| schema["properties"][name].clone();
    let of_components =
        |title, intro, name| components(title, intro, &option(name)["additionalProperties"]);
    vec![
        ("reference/config.md", whole_config(&schema)),
        ("reference/sources.md", of_components("Sources", SOURCES, "sources")),
        ("reference/transforms.md", of_components("Transforms", TRANSFORMS, "transforms")),
        ("reference/sinks.md", of_components("Sinks", SINKS, "sinks")),
        ("reference/cli.md", command_line()),
        ("reference/streams.md", streams()),
        ("reference/metrics.md", metrics()),
    ]
}

const CONFIG: &str = "\
A config is YAML, TOML or JSON, by the ending of its file. Several files are merged. `zenstream validate` finds every mistake at once, and\n\
`zenstream schema` prints the JSON Schema that these pages are made of.\n\n\
`${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}` and `$$` are put in after parsing, inside texts only; so is\n\
`SECRET[backend.key]`. A field that takes no text takes them as well, and a list takes `a,b`.\n\n";

const SOURCES: &str = "\
The outputs of a source are its streams, `acme.audit_logs`, and `acme.rejected` for what cannot be an event. As an input `acme` is all of its\n\
streams. In place of the options of one strategy, `auth` may hold a map for each, named as the strategy, of which `strategy` chooses one.\n\n";

const TRANSFORMS: &str = "\
How they are used: [Change events on their way](../operate/transforms.md).\n\n";

const SINKS: &str = "\
The output `NAME.rejected` of a sink has what it will never take.\n\n";

fn whole_config(schema: &Value) -> String {
    let mut page = format!("{MADE}# Config\n\n{CONFIG}");
    let (mut whole, mut sections) = (schema.clone(), String::new());
    for (name, option) in whole["properties"].as_object_mut().expect("options") {
        let place = match name.as_str() {
            "sources" => "[Sources](sources.md)",
            "transforms" => "[Transforms](transforms.md)",
            "sinks" => "[Sinks](sinks.md)",
            _ => "",
        };
        let named = option["additionalProperties"].clone();
        let is_by_name = named["allOf"].is_array();
        let has_forms = if is_by_name { named } else { option.clone() };
        if has_forms["allOf"].is_array() {
            if place.is_empty() {
                write!(sections, "## {name}\n\n").expect("a text takes it");
                for (word, form) in options::forms(&has_forms) {
                    let table = options::table(&form);
                    write!(sections, "### {name}: {word}\n\n{table}\n").expect("a text takes it");
                }
            }
            let below = format!("#{name}");
            let link =
                if place.is_empty() { format!("[below]({below})") } else { place.to_owned() };
            let about = option["description"].as_str().expect("a description");
            let about = format!("{about} Options: {link}.");
            *option = serde_json::json!({ "type": "object", "description": about });
            if !is_by_name {
                option["properties"] = serde_json::json!({});
            }
        }
    }
    write!(page, "{}\n{}", options::table(&whole), sections.trim_end()).expect("a text takes it");
    page.push('\n');
    page
}

fn components(title: &str, intro: &str, one_of: &Value) -> String {
    let mut page = format!("{MADE}# {title}\n\n{intro}");
    for (word, form) in options::forms(one_of) {
        write!(page, "## {word}\n\n{}\n", options::table(&form)).expect("a text takes it");
    }
    page.trim_end().to_owned() + "\n"
}

const ACCOUNT: &str = "Account";

fn command_line() -> String {
    let mut program = cli::Arguments::command();
    program.build();
    let mut page = format!(
        "{MADE}# Command line\n\n{}. `--help` says the same.\n\n",
        program.get_about().expect("what it is for")
    );
    page.push_str(
        "Data goes to stdout, everything else to stderr. At a terminal a wait of more than a second says there what is \
         asked for; `read` goes on to show how far it is where stdout is a file, not in a pipe.\n\n## Options of every command\n\n",
    );
    let options = program.get_arguments().filter(|it| it.is_global_set());
    page.push_str(&arguments(options));
    page.push_str("\n## Options for an account\n\nFor commands that can do without a config.\n\n");
    let read = program.find_subcommand("read").expect("a command");
    let of_account = |it: &&Arg| it.get_help_heading() == Some(ACCOUNT);
    let account = arguments(read.get_arguments().filter(of_account));
    page.push_str(&account);
    for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
        describe(command, &account, &mut page);
    }
    page.trim_end().to_owned() + "\n"
}

fn describe(command: &Command, account: &str, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_about().expect("what it is for");
    write!(page, "\n## {name}\n\n{about}.\n\n").expect("a text takes it");
    let own = |it: &&Arg| {
        let is_usual = ["help", "version"].contains(&it.get_id().as_str());
        !it.is_global_set() && !is_usual && it.get_help_heading() != Some(ACCOUNT)
    };
    let of_account = |it: &&Arg| it.get_help_heading() == Some(ACCOUNT);
    if command.get_arguments().any(|it| of_account(&it)) {
        let same = arguments(command.get_arguments().filter(of_account));
        assert_eq!(same, account, "{name}");
        page.push_str("It takes the [options for an account](#options-for-an-account).\n\n");
    }
    if command.get_arguments().any(|it| own(&it)) {
        page.push_str(&arguments(command.get_arguments().filter(own)));
    }
    if let Some(examples) = command.get_after_help() {
        write!(page, "\n```text\n{}\n```\n", examples.to_string().trim()).expect("a text takes it");
    }
    for command in command.get_subcommands().filter(|it| it.get_name() != "help") {
        describe(command, account, page);
    }
}

fn arguments<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut table = String::from("| option | what it does |\n|---|---|\n");
    for argument in arguments {
        let help = argument.get_long_help().or(argument.get_help()).expect("what it does");
        let mut help = help.to_string().replace('\n', " ").replace('|', "\\|");
        if !help.ends_with('.') {
            help.push('.');
        }
        for note in notes(argument) {
            write!(help, " {note}.").expect("a text takes it");
        }
        writeln!(table, "| {} | {help} |", names(argument)).expect("a text takes it");
    }
    table
}

/// `-c`, `--config FILE...`
fn names(argument: &Arg) -> String {
    let several = argument.get_num_args().is_some_and(|count| count.max_values() > 1)
        || matches!(argument.get_action(), clap::ArgAction::Append | clap::ArgAction::Count);
    let several = if several { "..." } else { "" };
    let takes = argument.get_action().takes_values();
    let values: Vec<&str> = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(clap::builder::Str::as_str)
        .collect();
    let value = if takes { values.join(" ") } else { String::new() };
    let Some(long) = argument.get_long() else { return format!("`{value}{several}`") };
    let long = format!("--{long} {value}");
    let long = format!("`{}{several}`", long.trim_end());
    match argument.get_short() {
        Some(short) => format!("`-{short}`, {long}"),
        None => long,
    }
}

fn notes(argument: &Arg) -> Vec<String> {
    let mut notes = Vec::new();
    let takes = argument.get_action().takes_values();
    let usual: Vec<String> =
        argument.get_default_values().iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let choices = argument.get_possible_values();
    if takes && !choices.is_empty() {
        let names: Vec<String> = choices.iter().map(|it| format!("`{}`", it.get_name())).collect();
        notes.push(format!("One of {}", names.join(", ")));
    }
    if takes && usual.iter().any(|it| !it.is_empty()) {
        notes.push(format!("Default: `{}`", usual.join(",")));
    }
    if let Some(variable) = argument.get_env() {
        notes.push(format!("Also `{}`", variable.to_string_lossy()));
    }
    notes
}

const STREAMS: &str = "\
`streams:` takes these names, and globs. A version is what moves when a record changes; with it a record comes again after each change.\n\
`zenstream streams --format json` has all there is to know of each.\n\n";

fn streams() -> String {
    let mut page = format!("{MADE}# Streams\n\n{STREAMS}## What they hold and need\n\n");
    page.push_str("| stream | holds | plan | role | scope | limit |\n|---|---|---|---|---|---|\n");
    for spec in CATALOGUE {
        let (name, url, about) = (spec.name, spec.docs_url, spec.description);
        let (plan, role, scope, limit) = (spec.plan, spec.role, spec.scope, spec.limit);
        writeln!(page, "| [`{name}`]({url}) | {about} | {plan} | {role} | `{scope}` | {limit} |")
            .expect("a text takes it");
    }
    page.push_str("\n## How they are read\n\n");
    page.push_str("| stream | endpoint | how | time | version | every | kept for |\n");
    page.push_str("|---|---|---|---|---|---|---|\n");
    for spec in CATALOGUE {
        let (name, path, how, time) = (spec.name, spec.path, spec.paging.name(), spec.time_field);
        let version = spec.version_field.map_or(String::new(), |it| format!("`{it}`"));
        let every = spec.poll_interval_secs;
        let kept = spec.retention_days.map_or(String::new(), |days| format!("{days} days"));
        writeln!(
            page,
            "| `{name}` | `{path}` | {how} | `{time}` | {version} | {every} s | {kept} |"
        )
        .expect("a text takes it");
    }
    page.push_str("\n## Their options\n\n");
    page.push_str(
        "Under `stream_options`, beside those that [all streams have](sources.md#zendesk).\n\n",
    );
    page.push_str(
        "`include` has the sideloads that come within the record; any other comes beside the records, and needs `emit: pages`.\n\n",
    );
    page.push_str("| stream | `filter` | `include` | `exclude_deleted` |\n|---|---|---|---|\n");
    let yes = |is_so: bool| if is_so { "yes" } else { "" };
    for spec in CATALOGUE {
        let filters: Vec<String> = spec.filters.iter().map(|it| format!("`{it}`")).collect();
        let name = spec.name;
        let include = spec.includes.map(|within| match within {
            [] => "with `emit: pages`".to_owned(),
            within => within.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
        });
        let include = include.unwrap_or_default();
        let exclude = yes(spec.exclude_deleted.is_some());
        if filters.is_empty() && include.is_empty() && exclude.is_empty() {
            continue;
        }
        writeln!(page, "| `{name}` | {} | {include} | {exclude} |", filters.join(", "))
            .expect("a text takes it");
    }
    page
}

const METRICS: &str = "\
`/metrics` of the [api](../operate/watch.md) tells them. Every one of a component has the labels `component_id`, its name in the config,\n\
`component_kind` and `component_type`; that of a stream has `stream` beside them, that of a rate limit `bucket`.\n\
Names and labels are those of Vector's components, with `zenstream_` before.\n\n";

fn metrics() -> String {
    let mut page = format!("{MADE}# Metrics\n\n{METRICS}");
    page.push_str("| metric | kind | what it tells |\n|---|---|---|\n");
    let mut names = BTreeSet::new();
    for (name, kind, help) in pipeline::every_metric() {
        assert!(names.insert(name.clone()), "{name} is there twice");
        writeln!(page, "| `{name}` | {kind} | {help} |").expect("a text takes it");
    }
    page
}
