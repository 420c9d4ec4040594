//! `check`: what works with these credentials, and what to grant for the rest.
//!
//! Signs in, asks each stream for its smallest page, asks each sink what can be tried
//! of it. The API answers 200 to `users/me` even for nobody, so only a user with an id counts.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::account::{self, AccountArguments, BRIEF};
use super::{Failure, output};
use crate::checkpoint::{StoreError, StoreErrorKind};
use crate::config::{self, Config, ProcessEnvironment};
use crate::pipeline::{self, BuildError, Connector};
use crate::streams::{CATALOGUE, Paging, StreamSpec};
use crate::zendesk::{ApiError, Client, PageRequest};

/// What to check.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Config files; without them the account of the environment.
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// The form of the output.
    #[arg(long, default_value = "table")]
    format: CheckFormat,
    #[command(flatten)]
    account: AccountArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    Table,
    Json,
}

/// One line of the outcome.
#[derive(Debug, Serialize)]
struct Finding {
    /// `sign-in`, `stream`, `sink` or `checkpoint`.
    kind: &'static str,
    /// What was tried.
    name: String,
    ok: bool,
    /// What came of it.
    detail: String,
    /// What a person could do.
    hint: Option<String>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let findings = if arguments.config.is_empty() {
        let account = arguments.account.open(BRIEF)?;
        check_source(&account.subdomain, &account.client, CATALOGUE.iter()).await
    } else {
        check_config(&config::load(&arguments.config, &ProcessEnvironment)?).await?
    };
    match arguments.format {
        CheckFormat::Table => output::print(render(&findings).as_bytes())?,
        CheckFormat::Json => {
            let mut text = serde_json::to_vec_pretty(&findings).unwrap_or_default();
            text.push(b'\n');
            output::print(&text)?;
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        failed => Err(Failure::run(format!("{failed} of {} checks failed", findings.len()))),
    }
}

async fn check_config(config: &Config) -> Result<Vec<Finding>, Failure> {
    let outside = account::outside(false);
    let mut findings = Vec::new();
    for source in &config.sources {
        let mut source = source.clone();
        source.request.retry_attempts = source.request.retry_attempts.min(BRIEF);
        let client = Arc::new(pipeline::client(&source, &config.proxy, &outside)?);
        let specs = source.streams.iter().map(|stream| stream.spec);
        findings.extend(check_source(&source.name, &client, specs).await);
    }
    let connector = Connector::apart(config, &outside);
    for sink in &config.sinks {
        let (ok, detail, hint) = match connector.sink(sink)?.check().await {
            Ok(checked) => (true, checked.tried, checked.hint),
            Err(error) => (false, error.to_string(), error.hint),
        };
        findings.push(Finding { kind: "sink", name: sink.name.clone(), ok, detail, hint });
    }
    findings.push(check_checkpoint(config, &connector).await);
    Ok(findings)
}

/// Whether positions can be kept. A run that keeps them right now is the best proof.
async fn check_checkpoint(config: &Config, connector: &Connector<'_>) -> Finding {
    let name = config.checkpoint.to_string();
    let readable = match connector.store() {
        Ok(store) => store.check().await.map(|()| "can be kept".to_owned()),
        Err(BuildError::Checkpoint(error)) if error.kind == StoreErrorKind::Conflict => {
            Ok("kept by a run".to_owned())
        }
        Err(BuildError::Checkpoint(error)) => Err(error),
        Err(error) => Err(StoreError::new(StoreErrorKind::Refused, error.to_string())),
    };
    let kind = "checkpoint";
    match readable {
        Ok(detail) => Finding { kind, name, ok: true, detail, hint: None },
        Err(error) => {
            Finding { kind, name, ok: false, detail: error.to_string(), hint: error.hint }
        }
    }
}

async fn check_source(
    name: &str,
    client: &Client,
    specs: impl Iterator<Item = &'static StreamSpec>,
) -> Vec<Finding> {
    let finding = |kind, name: String, outcome: Result<String, ApiError>| match outcome {
        Ok(detail) => Finding { kind, name, ok: true, detail, hint: None },
        Err(error) => {
            Finding { kind, name, ok: false, detail: error.to_string(), hint: error.hint }
        }
    };
    let mut findings = vec![finding("sign-in", name.to_owned(), sign_in(client).await)];
    if !findings[0].ok {
        return findings;
    }
    for spec in specs {
        let outcome = probe(client, spec).await;
        findings.push(finding("stream", format!("{name}.{}", spec.name), outcome));
    }
    findings
}

async fn sign_in(client: &Client) -> Result<String, ApiError> {
    let request = PageRequest::new("/api/v2/users/me");
    let decode =
        |body: &Bytes| serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
    let reply = client.get(&request, decode).await?;
    let user = reply.get("user").unwrap_or(&Value::Null);
    let text = |field: &str| user.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
    if user.get("id").is_none_or(Value::is_null) {
        return Err(ApiError::denied("zendesk does not know these credentials").with_hint(
            "it answers 200 to anybody here, but as `Anonymous user`; check user and secret",
        ));
    }
    let (who, role) = (text("email"), text("role"));
    if role != "admin" {
        let message = format!("signed in as {who}, who is `{role}`");
        return Err(ApiError::denied(message).with_hint("most streams need an admin"));
    }
    Ok(format!("signed in as {who} ({role})"))
}

/// The smallest page of a stream.
async fn probe(client: &Client, spec: &StreamSpec) -> Result<String, ApiError> {
    let request = PageRequest::new(spec.path);
    let request = match spec.paging {
        Paging::TimeWindow(_) => request.with("page[size]", "1"),
        Paging::IncrementalCursor => {
            let an_hour_ago = client.clock().now().as_second() - 3600;
            request.with("per_page", "1").with("start_time", an_hour_ago.to_string())
        }
    };
    let request = PageRequest { bucket: spec.bucket, needs: Some(spec.needs()), ..request };
    let layout = spec.layout(usize::MAX);
    let decode = |body: &Bytes| {
        crate::normalize::split(body, &layout).map_err(|malformed| malformed.to_string())
    };
    client.get(&request, decode).await?;
    Ok("can be read".to_owned())
}

fn render(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        vec![
            finding.kind.to_owned(),
            finding.name.clone(),
            if finding.ok { "ok" } else { "failed" }.to_owned(),
            finding.detail.clone(),
            finding.hint.clone().unwrap_or_default(),
        ]
    });
    output::table(&["what", "name", "result", "detail", "what to do"], rows)
}
