//! The real binary: what it prints and how it ends.
//!
//! Snapshots show what a person sees: the exit code, stdout, stderr. Times, ports and
//! directories are replaced, so that they are the same everywhere.
//!
//! * `usage`: help, the catalogue, configs, generators: what needs no account
//! * `reading`: `read`, `user` and `demo`: records to stdout
//! * `checking`: `check`: what works and what to grant
//! * `checkpoints`: `checkpoint`: where streams stand, and putting them elsewhere
//! * `login`: consent in a browser, and what is kept of it
//! * `running`: `run`: into files, with signals, checkpoints and refusals
//! * `lambdas`: `lambda`: a function of AWS Lambda
//! * `observing`: the api of a run: health, metrics, status, page
//! * `internal`: the log and the metrics of a run as events
//! * `alerting`: what people are told at once
//! * `newcomer`: the first mistakes with an account and a config, and what is said of them
//! * `verifying`: `verify`: what a destination holds, against what the account has
//! * `terminal`: what is different at a terminal: colour, pager, width, progress, keys
//! * `secrets`: whatever happens, no secret is printed

mod alerting;
mod checking;
mod checkpoints;
mod internal;
mod lambdas;
mod login;
mod newcomer;
mod observing;
mod reading;
mod running;
mod secrets;
#[cfg(target_os = "linux")]
mod terminal;
mod transforming;
mod turns;
mod usage;
mod verifying;

/// Replaces, for the rest of a test, what differs from run to run.
fn filters() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "[now]");
    settings.add_filter(r"127\.0\.0\.1:\d{2,5}", "127.0.0.1:[port]");
    settings.add_filter(r#"(/[^\s`":]+)?/\.tmp\w+"#, "[home]");
    settings.add_filter(r"\(process \d+\)", "(process [pid])");
    settings.add_filter(r"at line 1 column \d+", "at line 1 column [n]");
    settings.bind_to_scope()
}

/// Both streams, with nothing to wait for, into one file each under `out/`.
const CONFIG: &str = r#"
data_dir: state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: "${ZENDESK_BEARER_TOKEN}" }
    streams: [audit_logs, tickets]
    since: beginning
    poll_interval_secs: 0.05
    stream_options: { audit_logs: { lag_secs: 0 } }
sinks:
  files:
    type: file
    inputs: [acme]
    path: "out/{{ stream }}.ndjson"
"#;
