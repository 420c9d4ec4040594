//! `lambda`: the custom runtime of an AWS Lambda function. One invocation is one `run --once`.
//!
//! Speaks Lambda's runtime API, and nothing else of AWS: what an event holds is not looked at. It
//! must not run into the function's timeout, which would end it without a word: it stops reading
//! some time before, and the next invocation goes on from there.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::run::run_until_done;
use super::{Failure, output};
use crate::clock::Clock;
use crate::config::{self, CheckpointConfig, Config, ProcessEnvironment};
use crate::http_client::{self, ProxySettings};
use crate::pipeline::{Observer, RunOptions};

/// What is run.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(super) struct Arguments {
    /// Config files, merged; YAML, TOML or JSON by their ending.
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// Where Lambda's runtime API is; Lambda sets it.
    #[arg(long, value_name = "HOST:PORT", env = "AWS_LAMBDA_RUNTIME_API")]
    runtime_api: String,
}

const ABOUT: &str = "\
Each invocation reads every stream to its present end, writes everything out and saves, as
`zenstream run --once` does, or stops before the function's timeout; the next one goes on.

As the `bootstrap` of a function on `provided.al2023`:
  #!/bin/sh
  exec ./zenstream lambda -c zenstream.yaml";

/// Of an invocation's time, this part is kept for writing out what is held.
const KEPT_PART: u32 = 5;

/// And at least and at most this much.
const KEPT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Says of what kind a failure is.
const ERROR_TYPE: http::HeaderName =
    http::HeaderName::from_static("lambda-runtime-function-error-type");

/// Between our end and Lambda's.
const MARGIN: Duration = Duration::from_millis(500);

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let api = RuntimeApi::new(&arguments.runtime_api)?;
    // What is wrong with a config is told before the first invocation, and once.
    if let Err(failure) = load(&arguments.config).map(|config| output::warn(&config.warnings)) {
        api.tell("init/error", &failure).await?;
        return Err(failure);
    }
    loop {
        let invocation = api.next().await?;
        match invoke(&arguments.config, &invocation).await {
            Ok(summary) => {
                let path = format!("invocation/{}/response", invocation.id);
                api.post(&path, HeaderMap::new(), &summary).await?;
            }
            Err(failure) => {
                tracing::error!(invocation = invocation.id, "{failure}");
                api.tell(&format!("invocation/{}/error", invocation.id), &failure).await?;
            }
        }
    }
}

/// A config that can work here. It is read anew for each invocation, since a secret may have been
/// replaced since the last one.
fn load(files: &[PathBuf]) -> Result<Config, Failure> {
    let config = config::load(files, &ProcessEnvironment)?;
    let forgotten = std::env::temp_dir();
    match &config.checkpoint {
        CheckpointConfig::File { path } if path.starts_with(&forgotten) => {
            let message =
                format!("checkpoint: `{}` is lost with the function's environment", path.display());
            Err(Failure::config(message).with_hint(
                "keep it in a bucket, `checkpoint: { type: aws_s3, bucket: ..., key: ... }`, or on a file system that is mounted into the function",
            ))
        }
        _ => Ok(config),
    }
}

/// Reads to the present end, or until it is time to stop.
async fn invoke(files: &[PathBuf], invocation: &Invocation) -> Result<Value, Failure> {
    let config = load(files)?;
    let kept = (invocation.left / KEPT_PART).clamp(KEPT.0, KEPT.1);
    let options = RunOptions {
        once: true,
        max_pages: config.max_pages.map(std::num::NonZeroU64::get),
        shutdown_timeout: kept.saturating_sub(MARGIN),
    };
    let (stopping, shown) = (watch::Sender::new(false), watch::Sender::new(None));
    let clock = async {
        tokio::time::sleep(invocation.left.saturating_sub(kept)).await;
        tracing::info!("the function's time is nearly up: writing out what is held");
        stopping.send_replace(true);
        std::future::pending().await
    };
    tokio::select! {
        result = run_until_done(&config, options, &stopping, &shown, false) => result?,
        never = clock => match never {},
    }
    let observer = shown.borrow().clone();
    Ok(summary(!*stopping.borrow(), observer.as_ref()))
}

/// What was done. `finished` tells that every stream was read to its present end.
fn summary(finished: bool, observer: Option<&Observer>) -> Value {
    let Some(status) = observer.map(Observer::status) else { return json!({}) };
    // Another process reads.
    let finished = finished && !status.stands_by();
    let streams: BTreeMap<_, _> = status
        .streams
        .iter()
        .map(|stream| (&stream.name, json!({ "events": stream.events, "state": stream.state })))
        .collect();
    let sinks: BTreeMap<_, _> = status
        .sinks
        .iter()
        .map(|sink| (&sink.name, json!({ "events": sink.events, "bytes": sink.bytes })))
        .collect();
    json!({ "finished": finished, "streams": streams, "sinks": sinks })
}

/// One call of the function.
#[derive(Debug)]
struct Invocation {
    id: String,
    /// Until the function's timeout.
    left: Duration,
}

/// Lambda's side.
struct RuntimeApi {
    client: reqwest::Client,
    base: String,
}

impl RuntimeApi {
    fn new(address: &str) -> Result<Self, Failure> {
        // No proxy: it is on this machine. No timeout: an invocation may be hours away.
        let client =
            http_client::builder(&ProxySettings::default()).and_then(reqwest::ClientBuilder::build);
        let client = client.map_err(|error| Failure::run(format!("cannot start: {error}")))?;
        Ok(Self { client, base: format!("http://{address}/2018-06-01/runtime") })
    }

    /// Waits for the next invocation.
    async fn next(&self) -> Result<Invocation, Failure> {
        let request = self.client.get(format!("{}/invocation/next", self.base));
        let answer = self.answer(request).await?;
        let header = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let id = header("lambda-runtime-aws-request-id");
        let deadline = header("lambda-runtime-deadline-ms").and_then(|it| it.parse::<i64>().ok());
        let (Some(id), Some(deadline)) = (id, deadline) else {
            return Err(Failure::run("an invocation of the runtime API has no id or no deadline"));
        };
        let left = deadline.saturating_sub(Clock::system().now().as_millisecond());
        Ok(Invocation { id, left: Duration::from_millis(u64::try_from(left).unwrap_or(0)) })
    }

    /// Tells what failed, so that Lambda counts it and shows it.
    async fn tell(&self, path: &str, failure: &Failure) -> Result<(), Failure> {
        let kind =
            if failure.code() == 78 { "Runtime.InvalidConfig" } else { "Function.RunFailed" };
        let headers = http::HeaderValue::from_static(kind);
        let headers = HeaderMap::from_iter([(ERROR_TYPE, headers)]);
        let body = json!({
            "errorType": kind,
            "errorMessage": failure.to_string(),
            "stackTrace": [],
        });
        self.post(path, headers, &body).await
    }

    async fn post(&self, path: &str, headers: HeaderMap, body: &Value) -> Result<(), Failure> {
        let request = self.client.post(format!("{}/{path}", self.base)).headers(headers);
        self.answer(request.body(body.to_string())).await.map(drop)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Failure> {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(|error| {
            Failure::run(format!("the runtime API: {}", http_client::cause(error)))
                .with_hint("`zenstream lambda` runs within an AWS Lambda function; elsewhere use `zenstream run --once`")
        })
    }
}
