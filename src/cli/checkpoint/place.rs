//! Which checkpoint is meant, and which streams it is about.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::checkpoint::{Checkpoint, Revision};
use crate::cli::{Failure, account};
use crate::config::{
    self, CheckpointConfig, Config, ProcessEnvironment, ProxySettings, SourceConfig,
    default_data_dir,
};
use crate::pipeline::{self, Connector, Outside};
use crate::streams::{Position, StreamSettings};

/// Which checkpoint.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// Config files, which say where the checkpoint is; without them it is the file in the
    /// default data directory.
    #[arg(short, long, value_name = "FILE", num_args = 1.., value_delimiter = ',', env = "ZENSTREAM_CONFIG")]
    config: Vec<PathBuf>,
}

/// A checkpoint and what is known around it.
#[derive(Debug)]
pub(super) struct Place {
    /// What is collected; none where there is no config.
    config: Option<Config>,
    kept: CheckpointConfig,
    proxy: ProxySettings,
    /// The clock above all.
    pub(super) outside: Outside,
}

/// What was found in it.
#[derive(Debug)]
pub(super) struct Seen {
    /// None: nothing was ever saved.
    pub(super) revision: Option<Revision>,
    pub(super) checkpoint: Checkpoint,
}

impl Place {
    pub(super) fn find(arguments: &PlaceArguments) -> Result<Self, Failure> {
        let outside = account::outside(false);
        if !arguments.config.is_empty() {
            let config = config::load(&arguments.config, &ProcessEnvironment)?;
            let (kept, proxy) = (config.checkpoint.clone(), config.proxy.clone());
            return Ok(Self { config: Some(config), kept, proxy, outside });
        }
        let directory = default_data_dir(&ProcessEnvironment).ok_or_else(|| {
            Failure::usage("there is no home directory to look for a checkpoint in")
                .with_hint("give the config with `-c`")
        })?;
        let kept = CheckpointConfig::File { path: directory.join("checkpoint.json") };
        let proxy = ProxySettings::of_environment(&ProcessEnvironment)?;
        Ok(Self { config: None, kept, proxy, outside })
    }

    /// Where it is kept, for messages.
    pub(super) fn name(&self) -> String {
        self.kept.to_string()
    }

    /// Whether a lock tells that a run has it.
    pub(super) fn has_a_lock(&self) -> bool {
        matches!(self.kept, CheckpointConfig::File { .. })
    }

    pub(super) fn connector(&self) -> Connector<'_> {
        Connector::of_checkpoint(&self.kept, &self.proxy, &self.outside)
    }

    /// What it holds now, taken from nobody.
    pub(super) async fn look(&self) -> Result<Seen, Failure> {
        let found = self.connector().peek().await?;
        let (revision, checkpoint) = found.map(|(at, it)| (Some(at), it)).unwrap_or_default();
        Ok(Seen { revision, checkpoint })
    }

    /// The streams of the config and those of the checkpoint, by output name.
    pub(super) fn streams(&self, checkpoint: &Checkpoint) -> Vec<String> {
        let configured = self.configured().map(|(_, output, _)| output);
        let names: BTreeSet<String> =
            configured.chain(checkpoint.streams.keys().cloned()).collect();
        names.into_iter().collect()
    }

    /// The stream that is meant by `acme.audit_logs`, or by `audit_logs` where that is one only.
    pub(super) fn stream(&self, written: &str, seen: &Seen) -> Result<String, Failure> {
        let known = self.streams(&seen.checkpoint);
        let is_meant = |name: &&String| {
            *name == written || name.split_once('.').is_some_and(|(_, stream)| stream == written)
        };
        let meant: Vec<&String> = known.iter().filter(is_meant).collect();
        match meant.as_slice() {
            [one] => Ok((*one).clone()),
            [] if known.is_empty() => {
                Err(Failure::usage(format!("{} holds no stream", self.name()))
                    .with_hint("give the config with `-c`"))
            }
            [] => Err(Failure::usage(format!("there is no stream `{written}`"))
                .with_hint(format!("there is `{}`", known.join("`, `")))),
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                Err(Failure::usage(format!("`{written}` is a stream of several sources"))
                    .with_hint(format!("write one of `{}`", names.join("`, `"))))
            }
        }
    }

    /// How the config has a stream read, and from which account.
    pub(super) fn settings(&self, output: &str) -> Option<(&SourceConfig, StreamSettings)> {
        let mut streams = self.configured();
        streams.find_map(|(source, name, settings)| (name == output).then_some((source, settings)))
    }

    /// Every stream of the config: its source, output name and settings.
    pub(super) fn configured(
        &self,
    ) -> impl Iterator<Item = (&SourceConfig, String, StreamSettings)> {
        let sources = self.config.iter().flat_map(|config| &config.sources);
        sources.flat_map(|source| {
            let streams = pipeline::stream_settings(source, &self.outside);
            streams.into_iter().map(move |(settings, _)| {
                (source, format!("{}.{}", source.name, settings.spec.name), settings)
            })
        })
    }
}

/// A time for people: local, with its offset.
pub(super) fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Where a position stands, in one line.
pub(super) fn standing(position: &Position) -> String {
    match position.reached() {
        Some(at) => local(at),
        None => position.0.to_string(),
    }
}

/// How long ago that is, in its two largest units.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let secs = now.duration_since(at).max(SignedDuration::ZERO).as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let start = units.iter().position(|(length, _)| secs >= *length).unwrap_or(units.len() - 1);
    let parts = units.iter().enumerate().skip(start).take(2).map(|(place, (length, name))| {
        let within = if place == start { secs } else { secs % units[place - 1].0 };
        format!("{}{name}", within / length)
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_told_in_its_two_largest_units() {
        let table = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (3_599, "59m 59s"),
            (7_260, "2h 1m"),
            (90_000, "1d 1h"),
            (-5, "0s"),
        ];
        for (secs, expected) in table {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let at = Timestamp::from_second(1_800_000_000 - secs).unwrap();
            assert_eq!(ago(at, now), expected);
        }
    }
}
