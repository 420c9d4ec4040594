//! What the program tells about itself, as streams of events: its log and its metrics.
//!
//! Makes pages of what it is given (`logs`, `metrics`), in the forms that Vector's sources of the same names have. There is
//! nothing to resume: what was said while nobody listened is gone. Nothing here knows where events go.

mod logs;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use crate::normalize::{Event, Origin, RecordId};
use crate::streams::{Page, Position};

pub use logs::pages as log_pages;
pub use metrics::pages as metric_pages;

/// One source of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalSettings {
    /// Its name in the config.
    pub source: String,
    /// The field or label that holds this machine's name; none: not told.
    pub host_key: Option<String>,
    /// The field or label that holds the number of this process; none: not told.
    pub pid_key: Option<String>,
    /// What it tells.
    pub kind: Kind,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Each line that the log shows.
    Logs,
    /// All metrics, once an interval.
    Metrics {
        /// Between two readings.
        interval: Duration,
        /// What their names stand under.
        namespace: String,
    },
}

impl Kind {
    /// The type of such a source, and the name of its one output.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Logs => "internal_logs",
            Self::Metrics { .. } => "internal_metrics",
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone)]
pub struct Speaker {
    settings: InternalSettings,
    /// This machine's name. It stands where that of an account would.
    host: String,
}

impl Speaker {
    /// A source on a machine of this name.
    pub fn new(settings: InternalSettings, host: String) -> Self {
        Self { settings, host }
    }

    /// Host and process, under the names that are wanted.
    fn names(&self) -> Vec<(String, Value)> {
        let InternalSettings { host_key, pid_key, .. } = &self.settings;
        let host = host_key.iter().map(|key| (key.clone(), json!(self.host)));
        let pid = pid_key.iter().map(|key| (key.clone(), json!(std::process::id())));
        host.chain(pid).collect()
    }

    /// A page of events, each with its time and the number that tells it from others of that time.
    fn page(&self, now: Timestamp, events: Vec<(Timestamp, u64, Map<String, Value>)>) -> Page {
        let origin = Arc::new(Origin {
            source: self.settings.source.clone(),
            stream: self.settings.kind.name().to_owned(),
            subdomain: self.host.clone(),
            partition: "internal".to_owned(),
            ingest_time: now.round(Unit::Millisecond).unwrap_or(now),
            through: None,
        });
        // It moves with every page, so that nobody has to remember what was delivered.
        let last = events.last().map(|(time, number, _)| id(*time, *number));
        let event = |(time, number, members): (Timestamp, u64, Map<String, Value>)| Event {
            line: Value::Object(members).to_string().into(),
            id: RecordId { record: Bytes::from(id(time, number)), version: None },
            time: Some(time),
            origin: Arc::clone(&origin),
            members: None,
        };
        Page {
            events: events.into_iter().map(event).collect(),
            rejected: Vec::new(),
            deduplicated: 0,
            resume: position(&last.unwrap_or_default()).into(),
            caught_up: true,
            left: None,
            frame: None,
            left_out: Vec::new(),
        }
    }
}

/// Where every run begins.
pub fn start() -> Position {
    position("")
}

fn position(last: &str) -> Position {
    Position(json!({ "last": last }))
}

fn id(time: Timestamp, number: u64) -> String {
    format!("{}-{number}", time.as_microsecond())
}
