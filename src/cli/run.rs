//! `run`: a config's sources into its sinks, until stopped or, with `--once`, to
//! the present end.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use futures::future::{Either, select};
use jiff::SignedDuration;
use tokio::sync::watch;

use super::{Failure, account, output, progress};
use crate::api::{Api, View};
use crate::clock::Clock;
use crate::config::{self, Config, ProcessEnvironment, SinkKind};
use crate::pipeline::{self, Observer, RunOptions, Tally};
use crate::telemetry::LogFormat;

/// What to run and for how long.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Config files, merged; YAML, TOML or JSON by their ending.
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
    /// Read every stream to its present end, write everything out, save, and exit.
    #[arg(long)]
    once: bool,
    /// Take at most this many pages of each stream, then exit; instead of the config's `max_pages`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pages: Option<u64>,
    /// How long a stopped run may take to write out what it holds, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    shutdown_timeout: u64,
}

/// A restart longer ago no longer counts.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(10);

const EXAMPLES: &str = "\
Examples:
  zenstream run -c zenstream.yaml            until SIGTERM or SIGINT; a second one stops at once
  zenstream run -c zenstream.yaml --once     for cron, Lambda, Cloud Run";

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> Result<(), Failure> {
    let config = config::load(&arguments.config, &ProcessEnvironment)?;
    output::warn(&config.warnings);
    let options = RunOptions {
        once: arguments.once,
        max_pages: arguments.max_pages.or(config.max_pages.map(NonZeroU64::get)),
        shutdown_timeout: Duration::from_secs(arguments.shutdown_timeout),
    };
    let api = match config.api {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let mut signals = Signals::new()?;
    let stopping = watch::Sender::new(false);
    let told = async {
        signals.next().await;
        tracing::info!("stopping: writing out what is held; a second signal stops at once");
        stopping.send_replace(true);
        signals.next().await;
        Failure::run("stopped before everything was written out")
            .with_hint("nothing is lost: the next run reads it again")
    };
    let may_draw = may_draw(&config, format);
    let shown = watch::Sender::new(None);
    let view = View {
        pipeline: shown.subscribe(),
        draining: stopping.subscribe(),
        clock: Clock::system(),
    };
    tokio::select! {
        result = run_until_done(&config, options, &stopping, &shown, may_draw) => result,
        failure = told => Err(failure),
        failure = answer(api, view) => Err(failure),
    }
}

/// Takes the port of the api before anything else is done.
async fn bind(address: SocketAddr) -> Result<Api, Failure> {
    let api = Api::bind(address).await;
    let bound = api.and_then(|api| Ok((api.address()?, api)));
    let (address, api) = bound.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program has it; choose another port",
            std::io::ErrorKind::PermissionDenied => "choose a port above 1023",
            _ => "`127.0.0.1` is this machine alone, `0.0.0.0` each of its addresses",
        };
        Failure::config(format!("api.address: cannot listen on `{address}`: {error}"))
            .with_hint(hint)
    })?;
    tracing::info!(%address, "the api listens");
    Ok(api)
}

/// Answers for as long as the run goes. An api that broke ends no run.
async fn answer(api: Option<Api>, view: View) -> Failure {
    if let Some(api) = api
        && let Err(error) = api.serve(view).await
    {
        tracing::error!(%error, "the api answers no more");
    }
    std::future::pending().await
}

/// Runs, and begins again where something of a former run arrived after this one had begun.
pub(super) async fn run_until_done(
    config: &Config,
    options: RunOptions,
    stopping: &watch::Sender<bool>,
    shown: &watch::Sender<Option<Observer>>,
    may_draw: bool,
) -> Result<(), Failure> {
    // One for all: whoever else writes to the checkpoint is told when this process began.
    let outside = account::outside(!options.once);
    let (mut restarts, mut last) = (0, outside.started);
    loop {
        let pipeline = pipeline::build(config, &outside)?;
        let tally = pipeline.tally();
        shown.send_replace(Some(pipeline.observer()));
        tracing::info!(streams = tally.streams.len(), sinks = config.sinks.len(), "started");
        let mut stopped = stopping.subscribe();
        let shutdown = async move {
            if stopped.wait_for(|stopped| *stopped).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let scopes = pin!(pipeline.compare_scopes());
        let run = async {
            match select(pin!(pipeline.run(options, shutdown)), scopes).await {
                Either::Left((result, _)) => result,
                Either::Right(((), run)) => run.await,
            }
        };
        let result = tokio::select! {
            result = run => result,
            never = progress::of_run(&tally, may_draw) => match never {},
        };
        report(&tally);
        let now = outside.clock.now();
        if now.duration_since(last) > FORGOTTEN {
            restarts = 0;
        }
        match result {
            Err(error) if restarts < error.restarts() => {
                (restarts, last) = (restarts + 1, now);
                tracing::warn!(%error, "beginning again, to see what is there");
            }
            result => return result.map_err(Failure::from),
        }
    }
}

/// Whether a bar may be drawn: for people who want to know, where no data goes to the terminal.
fn may_draw(config: &Config, format: LogFormat) -> bool {
    let for_people = format == LogFormat::Text && tracing::enabled!(tracing::Level::INFO);
    let mut sinks = config.sinks.iter();
    let prints = sinks.any(|sink| matches!(sink.kind, SinkKind::Console { .. }));
    for_people && (!prints || progress::fills_a_file())
}

/// What was done, in the log.
fn report(tally: &Tally) {
    for stream in &tally.streams {
        let events = stream.events.load(Ordering::Relaxed);
        let deduplicated = stream.deduplicated.load(Ordering::Relaxed);
        let rejected = stream.rejected.load(Ordering::Relaxed);
        tracing::info!(stream = stream.name, events, deduplicated, rejected, "read");
    }
    for transform in &tally.transforms {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (received, sent) = (of(&transform.received), of(&transform.sent));
        let (discarded, errors) = (of(&transform.discarded), of(&transform.errors));
        let dropped = of(&transform.dropped);
        let name = &transform.name;
        tracing::info!(transform = name, received, sent, discarded, errors, dropped, "transformed");
    }
    for sink in &tally.sinks {
        if sink.name == pipeline::KEPT && sink.events.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let (events, bytes) =
            (sink.events.load(Ordering::Relaxed), sink.bytes.load(Ordering::Relaxed));
        let discarded = sink.discarded.load(Ordering::Relaxed);
        tracing::info!(sink = sink.name, events, bytes, discarded, "delivered");
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on, so that none is missed between two waits.
    fn new() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| {
                signal(kind)
                    .map_err(|error| Failure::run(format!("cannot listen for signals: {error}")))
            };
            let (interrupt, terminate) =
                (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
            Ok(Self { interrupt, terminate })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
