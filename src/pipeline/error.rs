//! Why a run failed, and what a person could do about it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::checkpoint::{StoreError, StoreErrorKind};
use crate::sinks::{SinkError, SinkErrorKind};
use crate::streams::PositionError;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The checkpoint cannot be read or written.
    #[error("{0}")]
    Checkpoint(StoreError),
    /// A sink refuses for good.
    #[error("sink `{name}`: {error}")]
    Sink {
        /// Which.
        name: String,
        /// Why.
        error: SinkError,
    },
    /// A position cannot be used.
    #[error("{0}")]
    Position(#[from] PositionError),
    /// No stream is left, or one broke in a run that was to read all.
    #[error("{0}")]
    Streams(String),
    /// An address could not be listened on.
    #[error("source `{name}`: cannot listen on `{address}`: {message}")]
    Listen {
        /// Which source.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Why, in words.
        message: String,
    },
    /// What was held could not be written out in time; it will be read again.
    #[error("not everything could be written within {0:?}")]
    Unfinished(Duration),
    /// A task of ours panicked.
    #[error("internal error: {0}")]
    Panicked(String),
}

impl RunError {
    pub(super) fn sink(name: &str, error: SinkError) -> Self {
        Self::Sink { name: name.to_owned(), error }
    }

    pub(super) fn stream(name: &str, why: &str) -> Self {
        Self::Streams(format!("stream `{name}`: {why}"))
    }

    /// How often a run that ended so may begin again. Something of a former run may have arrived
    /// after this one had looked; the same run, begun again, knows of it.
    pub fn restarts(&self) -> u32 {
        match self {
            // Each late write is known from then on: more than a few would be somebody else's.
            Self::Sink { error, .. } if error.kind == SinkErrorKind::Superseded => 5,
            Self::Checkpoint(error) if error.kind == StoreErrorKind::Intruded => 5,
            // A second time it is no late save, but another run.
            Self::Checkpoint(error) if error.kind == StoreErrorKind::Conflict => 1,
            _ => 0,
        }
    }

    /// What a person could do.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Checkpoint(error) => error.hint.as_deref(),
            Self::Sink { error, .. } => error.hint.as_deref(),
            Self::Position(_) => {
                Some("with the checkpoint moved away, streams start at their `since` again")
            }
            Self::Unfinished(_) => {
                Some("nothing is lost: the next run reads it again; see `--shutdown-timeout`")
            }
            Self::Listen { .. } => Some("choose another `address`, or stop what listens there"),
            Self::Streams(_) | Self::Panicked(_) => None,
        }
    }
}
