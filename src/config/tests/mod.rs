//! Tests of the config as a whole: what loads, and what each mistake is answered with.

mod aws;
mod azure;
mod google;
mod kafka;
mod loading;
mod mistakes;
mod requests;
mod secrets;
mod tokens;
mod transforms;

use std::collections::HashMap;
use std::fmt::Write;

use super::*;

/// A config that is right but for the two pieces put into it.
fn with(source: &str, sink: &str) -> String {
    format!(
        "sources:
  acme:
    type: zendesk
    subdomain: acme
    auth: {{ strategy: bearer, token: t }}
    streams: [audit_logs]
{source}
sinks:
  out:
    type: console
    inputs: [acme]
{sink}
"
    )
}

fn environment(variables: &[(&str, &str)]) -> HashMap<String, String> {
    let all = [("HOME", "/home/u")].iter().chain(variables);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn yaml(text: &str) -> Result<Config, ConfigError> {
    yaml_in(text, &[])
}

fn yaml_in(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    parse(text, Format::Yaml, "c.yaml", &environment(variables))
}

/// Every problem as a person sees it.
fn shown(result: Result<Config, ConfigError>) -> String {
    let Err(error) = result else { return "accepted".to_owned() };
    let mut text = String::new();
    for problem in &error.problems {
        let shown = problem.to_string();
        writeln!(text, "{}", shown.strip_prefix("cannot read config `c.yaml`: ").unwrap_or(&shown))
            .unwrap();
        if let Some(hint) = &problem.hint {
            writeln!(text, "  hint: {hint}").unwrap();
        }
    }
    text
}
