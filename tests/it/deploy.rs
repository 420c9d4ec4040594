//! What is under `deploy/`: well-formed, with configs that are valid, commands that exist and metrics
//! that are told.
//!
//! `ZENSTREAM_REGENERATE=1 cargo test --test it deploy::` makes what is made of something else.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;
use zenstream::{cli, config, pipeline};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a directory, relative to the root, in order.
pub(crate) fn files_below(directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let path = path.strip_prefix(root()).expect("below the root");
                found.push(path.to_str().expect("a name of text").replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == ending)
}

/// A command line, as the shell of a unit or an image has it.
fn assert_is_a_command<S: AsRef<str>>(words: &[S], place: &str) {
    let words = words.iter().map(AsRef::as_ref);
    if let Err(error) = cli::Arguments::try_parse_from(["zenstream"].into_iter().chain(words)) {
        panic!("{place}: {error}");
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|it| it.as_str().expect("a text")).collect()
}

#[test]
fn every_file_of_yaml_and_json_is_well_formed() {
    let files = files_below("deploy");
    let mut read_as_yaml = 0;
    for path in files.iter().filter(|path| has_ending(path, "yaml")) {
        let document = yaml(path);
        assert!(document.is_object(), "{path} is no map");
        read_as_yaml += 1;
    }
    assert!(read_as_yaml > 15, "they are where they are looked for");
    for path in files.iter().filter(|path| has_ending(path, "json")) {
        serde_json::from_str::<Value>(&read(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    yaml("compose.yaml");
}

#[test]
fn every_config_to_deploy_is_valid_and_loses_no_rejected_record() {
    let secrets = tempfile::tempdir().expect("a directory for the secrets");
    std::fs::write(secrets.path().join("client_secret"), "secret\n").expect("a secret");
    let secrets = secrets.path().to_str().expect("a name of text");
    let variables = [
        ("CREDENTIALS_DIRECTORY", secrets),
        ("SECRETS_DIRECTORY", secrets),
        ("GCS_BUCKET", "bucket"),
        ("S3_BUCKET", "bucket"),
        ("ZENDESK_CLIENT_ID", "id"),
        ("ZENDESK_CLIENT_SECRET", "secret"),
        ("ZENDESK_SUBDOMAIN", "acme"),
    ];
    let environment: HashMap<String, String> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut seen = 0;
    for path in files_below("deploy").iter().filter(|path| path.ends_with("/zenstream.yaml")) {
        let config = config::load(&[root().join(path)], &environment)
            .unwrap_or_else(|error| panic!("{path}: {error:?}"));
        assert_eq!(config.warnings, [], "{path}");
        let taken =
            config.sinks.iter().any(|sink| sink.inputs.contains(&"acme.rejected".to_owned()));
        let data_dir_stays = path.contains("systemd");
        assert!(taken || data_dir_stays, "{path}: rejected records would go with the machine");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// The names of metrics in a text: `zenstream_` and what follows.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let found = text.match_indices("zenstream_").map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        rest[..end.unwrap_or(rest.len())].to_owned()
    });
    found.collect()
}

/// Everything that `/metrics` may tell, with the parts of summaries.
fn told() -> BTreeSet<String> {
    let series = pipeline::every_metric().flat_map(|(name, kind, _)| match kind {
        "summary" => vec![format!("{name}_sum"), format!("{name}_count")],
        _ => vec![name],
    });
    series.collect()
}

#[test]
fn dashboards_and_alerts_name_only_metrics_that_are_told() {
    let told = told();
    let mut used = BTreeSet::new();
    let watching = ["deploy/grafana", "deploy/prometheus", "deploy/kubernetes/monitoring"];
    for path in watching.iter().flat_map(|directory| files_below(directory)) {
        for name in metrics_in(&read(&path)) {
            assert!(told.contains(&name), "{path}: there is no metric `{name}`");
            used.insert(name);
        }
    }
    assert!(used.len() > 20, "they are found: {used:?}");
}

#[test]
fn alerts_cover_what_can_go_wrong_and_say_what_it_is() {
    let rules = yaml("deploy/prometheus/zenstream.rules.yaml");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules").clone();
    let tests = read("deploy/prometheus/zenstream.rules.test.yaml");
    let page = read("docs/src/operate/watch.md");
    for rule in &rules {
        let name = rule["alert"].as_str().expect("a name");
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
        assert!(rule["annotations"]["description"].is_string(), "{name}");
        assert!(page.contains(&format!("`{name}`")), "{name}: what is to be done about it?");
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{name}");
        let tested = tests.matches(&format!("alertname: {name}")).count();
        assert!(tested >= 2, "{name} is not tested in both directions");
    }
    let used: String = rules.iter().map(|rule| rule["expr"].to_string()).collect();
    for metric in [
        "stream_up",
        "stream_silent",
        "stream_lag_seconds",
        "component_errors_total",
        "stream_rejected_events_total",
        "sink_refused_events_total",
        "sink_last_write_timestamp_seconds",
        "zendesk_credentials_end_timestamp_seconds",
        "zendesk_rate_limited_total",
        "zendesk_rate_limit_remaining",
    ] {
        assert!(used.contains(&format!("zenstream_{metric}")), "no alert looks at {metric}");
    }
}

#[test]
fn every_panel_has_a_question_and_a_place_of_its_own() {
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/zenstream.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is taken");
        assert!(places.insert(panel["gridPos"].to_string()), "{title}: its place is taken");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty() && panel["description"].is_string(), "{title}");
        for target in targets {
            let question = target["expr"].as_str().expect("a question");
            assert!(!metrics_in(question).is_empty(), "{title}: {question}");
            assert!(question.contains(r#"instance=~"$instance""#), "{title}: of which instance?");
        }
    }
    assert!(panels.len() > 10);
}

const OPERATOR: &str = "deploy/kubernetes/monitoring/prometheusrule.yaml";

#[test]
fn the_operators_rules_are_those_of_prometheus() {
    let rules = read("deploy/prometheus/zenstream.rules.yaml");
    let (_, groups) = rules.split_once("\ngroups:\n").expect("groups");
    let indented = groups.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    });
    let made = format!(
        "# Made of deploy/prometheus/zenstream.rules.yaml by \
         `ZENSTREAM_REGENERATE=1 cargo test --test it deploy::`.\n\
         apiVersion: monitoring.coreos.com/v1\n\
         kind: PrometheusRule\n\
         metadata:\n  name: zenstream\n\
         spec:\n  groups:\n{}",
        indented.collect::<String>()
    );
    if std::env::var_os("ZENSTREAM_REGENERATE").is_some() {
        std::fs::write(root().join(OPERATOR), made).expect("it can be written");
        return;
    }
    assert!(read(OPERATOR) == made, "run ZENSTREAM_REGENERATE=1 cargo test --test it deploy::");
}

/// The settings of a unit, in order: `Type=exec`.
fn settings(unit: &str) -> Vec<(String, String)> {
    let text = read(&format!("deploy/systemd/{unit}"));
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn setting(settings: &[(String, String)], name: &str) -> String {
    let found = settings.iter().find(|(it, _)| it == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.clone()
}

#[test]
fn units_start_commands_that_exist_and_give_them_the_time_to_stop() {
    for unit in ["zenstream.service", "zenstream-once.service"] {
        let settings = settings(unit);
        let command = setting(&settings, "ExecStart");
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(words[0], "/usr/local/bin/zenstream", "{unit}");
        assert_is_a_command(&words[1..], unit);
        let at = words.iter().position(|word| *word == "--shutdown-timeout");
        let shutdown = at.map_or("60", |at| words[at + 1]);
        let shutdown: u64 = shutdown.parse().expect("seconds");
        let patience: u64 = setting(&settings, "TimeoutStopSec").parse().expect("seconds");
        assert!(patience > shutdown, "{unit} is killed while it writes out what it holds");
    }
    let settings = settings("zenstream.service");
    assert_eq!(setting(&settings, "Restart"), "on-failure");
    assert_eq!(setting(&settings, "RestartPreventExitStatus"), "78");
}

#[test]
fn both_units_are_confined_alike() {
    let confined = |unit| {
        let settings = settings(unit);
        let start = settings.iter().position(|(name, _)| name == "StateDirectory");
        let end = settings.iter().position(|(name, _)| name == "LimitNOFILE");
        settings[start.expect("a start")..=end.expect("an end")].to_vec()
    };
    let whole = confined("zenstream.service");
    assert_eq!(whole, confined("zenstream-once.service"));
    for (name, value) in
        [("DynamicUser", "yes"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict")]
    {
        assert_eq!(setting(&whole, name), value);
    }
    assert!(setting(&whole, "SystemCallFilter").starts_with('@'));
}

/// What holds of every pod: it may do nothing, and its config and secret are there.
fn assert_is_confined(pod: &Value, place: &str) {
    assert_eq!(pod["automountServiceAccountToken"], false, "{place}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{place}");
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{place}");
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false, "{place}");
    assert_eq!(security["readOnlyRootFilesystem"], true, "{place}");
    assert_eq!(texts(&security["capabilities"]["drop"]), ["ALL"], "{place}");
    assert!(container["resources"]["limits"]["memory"].is_string(), "{place}");
    assert_is_a_command(&texts(&container["args"]), place);
    let volumes = pod["volumes"].as_array().expect("volumes");
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{place}: {mount}");
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
    assert!(grace > 60, "{place}: it is killed while it writes out what it holds");
}

#[test]
fn one_pod_at_a_time_works_on_the_checkpoint_and_may_do_nothing_else() {
    let deployment = yaml("deploy/kubernetes/deployment/deployment.yaml");
    let config = yaml("deploy/kubernetes/base/zenstream.yaml");
    assert_eq!(config["checkpoint"]["lease"]["enabled"], true, "two pods would disturb each other");
    assert_eq!(deployment["spec"]["replicas"], 2);
    assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 1);
    let budget = yaml("deploy/kubernetes/deployment/poddisruptionbudget.yaml");
    assert_eq!(budget["spec"]["minAvailable"], 1);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_is_confined(pod, "deployment");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(pod["containers"][0][probe]["httpGet"]["path"], "/health", "{probe}");
    }
    let cron_job = yaml("deploy/kubernetes/cronjob/cronjob.yaml");
    assert_eq!(cron_job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_is_confined(pod, "cron job");
    assert!(texts(&pod["containers"][0]["args"]).contains(&"--once"));
}

#[test]
fn what_a_kustomization_names_is_there() {
    let files = files_below("deploy/kubernetes");
    let kustomizations = files.iter().filter(|path| path.ends_with("/kustomization.yaml"));
    let mut seen = 0;
    for path in kustomizations {
        let directory = root().join(path).parent().expect("a directory").to_owned();
        for resource in texts(&yaml(path)["resources"]) {
            let there = directory.join(resource).try_exists().expect("a look");
            assert!(there, "{path}: no {resource}");
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn the_function_may_write_wherever_its_config_does() {
    let config = yaml("deploy/terraform/aws-lambda/zenstream.yaml");
    let sinks = config["sinks"].as_object().expect("sinks").values();
    let keys = sinks.map(|sink| &sink["key_prefix"]).chain([&config["checkpoint"]["key"]]);
    let variables = read("deploy/terraform/aws-lambda/variables.tf");
    for key in keys {
        let key = key.as_str().expect("a key");
        let (folder, _) = key.split_once('/').expect("a folder");
        assert!(variables.contains(&format!("\"{folder}/\"")), "{key} cannot be written");
    }
    let config = yaml("deploy/terraform/gcp-cloud-run/zenstream.yaml");
    let state = config["checkpoint"]["key"].as_str().expect("a key");
    assert!(state.starts_with("zenstream/"), "the checkpoint could not be replaced");
}

#[test]
fn the_function_starts_a_command_that_exists_or_its_page_says_that_it_does_not() {
    let bootstrap = read("deploy/terraform/aws-lambda/bootstrap");
    let command = bootstrap.lines().find(|line| line.starts_with("exec ")).expect("a command");
    let words: Vec<&str> = command.split_whitespace().skip(2).collect();
    assert_eq!(words, ["lambda"]);
    let program = <cli::Arguments as clap::CommandFactory>::command();
    let exists = program.find_subcommand("lambda").is_some();
    let page = read("docs/src/deploy/lambda.md");
    assert_eq!(exists, !page.contains("is not there yet"), "docs/src/deploy/lambda.md");
}

#[test]
fn the_image_starts_a_command_that_exists_and_is_built_of_all_that_it_needs() {
    let dockerfile = read("Dockerfile");
    let command = dockerfile.lines().find_map(|line| line.strip_prefix("CMD ")).expect("a command");
    let words: Vec<String> = serde_json::from_str(command).expect("a list of words");
    assert_is_a_command(&words, "Dockerfile");
    assert!(dockerfile.contains("\nUSER 65532:65532\n"), "it runs as root");
    let ignored = read(".dockerignore");
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let of = |section: &str| manifest[section].as_array().expect("targets").clone();
    let targets = ["bin", "test", "bench"].map(of).concat();
    for target in targets {
        let (section, name) = ("benches", target["name"].as_str().expect("a name"));
        let path = target.get("path").and_then(toml::Value::as_str).unwrap_or(section);
        let top = path.split('/').next().expect("a name");
        assert!(kept.contains(&top), "{name} is built of {top}, which is not sent along");
    }
    for needed in ["Cargo.toml", "Cargo.lock", "ARCHITECTURE.md", "src"] {
        assert!(kept.contains(&needed), "{needed} is not sent along");
    }
}
