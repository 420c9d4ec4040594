//! Topics as a place where events should be: where they are, and what is read there.

use std::fmt;

use indicatif::ProgressBar;

use super::of_temporary_files;
use crate::cli::Failure;
use crate::config::{SinkConfig, SinkKind};
use crate::kafka::{KafkaError, KafkaSettings, Read, Reader, SharedHeaders};
use crate::verify::Comparison;

/// What is compared of a message that has no value: no record, and told as such.
const NO_VALUE: &[u8] = b"null";

/// Topics of a cluster.
#[derive(Debug)]
pub(super) struct Topics {
    pub(super) connection: KafkaSettings,
    /// A name, with `*` for whatever differs between several.
    pub(super) names: String,
    /// A message that says otherwise is of another stream or account.
    pub(super) headers: SharedHeaders,
}

impl fmt::Display for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kafka://{}/{}", self.connection.bootstrap_servers, self.names)
    }
}

impl Topics {
    /// What stands behind `kafka://`: `HOST:PORT,HOST:PORT/TOPIC`, or a topic alone. The cluster of
    /// `sink` is signed in to as its config says; no other is told anything of that.
    pub(super) fn of_address(
        address: &str,
        sink: Option<&SinkConfig>,
        headers: SharedHeaders,
    ) -> Result<Self, Failure> {
        let own = sink.and_then(|sink| match &sink.kind {
            SinkKind::Kafka(settings) => Some(&settings.connection),
            _ => None,
        });
        let (servers, names) = match address.rsplit_once('/') {
            Some((servers, names)) => (Some(servers).filter(|it| !it.is_empty()), names),
            None => (None, address),
        };
        let may_stand = |letter: char| letter.is_ascii_alphanumeric() || "._-*".contains(letter);
        if names.is_empty() || !names.chars().all(may_stand) {
            let message = format!("`kafka://{address}` names no topic");
            return Err(Failure::usage(message).with_hint("write `kafka://HOST:PORT/TOPIC`"));
        }
        if servers.is_some_and(|servers| servers.contains('@')) {
            return Err(Failure::usage("credentials do not belong into an address")
                .with_hint("let a sink say how to sign in: `-c FILE --sink NAME`"));
        }
        let connection = match (servers, own) {
            (None, Some(own)) => own.clone(),
            (Some(servers), Some(own)) if own.has_servers(servers) => own.clone(),
            (Some(servers), _) => KafkaSettings::new(servers),
            (None, None) => {
                let message = format!("which cluster is the topic `{names}` at?");
                return Err(Failure::usage(message).with_hint(format!(
                    "write `kafka://HOST:PORT/{names}`, or name a sink of the cluster, which also says how to sign in: `-c FILE --sink NAME`"
                )));
            }
        };
        Ok(Self { connection, names: names.to_owned(), headers })
    }

    /// Gives all messages to the comparison. Returns how many the topics had that are gone.
    pub(super) async fn read(
        &self,
        comparison: &mut Comparison,
        progress: &ProgressBar,
    ) -> Result<u64, Failure> {
        let mut reader = Reader::new(&self.connection, &self.names, self.headers.clone());
        let mut all_gone = 0;
        while let Some(read) = reader.next().await.map_err(failure)? {
            match read {
                Read::Partition { topic, partition, gone } => {
                    let servers = &self.connection.bootstrap_servers;
                    comparison.object(&format!("kafka://{servers}/{topic}/{partition}"));
                    all_gone += gone;
                }
                Read::Messages { messages, others } => {
                    for (offset, value) in messages {
                        let value = value.as_deref().unwrap_or(NO_VALUE);
                        comparison.destination_at(offset, value).map_err(of_temporary_files)?;
                    }
                    comparison.passed_over(others);
                    progress.set_position(comparison.counts().lines);
                }
            }
        }
        Ok(all_gone)
    }
}

fn failure(error: KafkaError) -> Failure {
    let failure = Failure::run(error.message);
    match error.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
