//! What can be read: the catalogue of streams, and how each is read.
//!
//! [`open`] makes an async stream of pages of any row of the catalogue. Each page carries the
//! position to resume from once every event of it is durable. Nothing here knows who
//! takes the pages, and no position is saved from here.

mod backfill;
mod catalogue;
mod cursor_export;
mod family;
mod page_size;
mod poll;
mod probe;
mod reader;
mod resume;
mod seen;
mod snapshot;
mod standing;
mod tail;
#[cfg(test)]
mod tests;
mod time_export;
mod window;

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::future::Either;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::normalize::{Event, Frame};
use crate::zendesk::{ApiError, Client};

pub use catalogue::{
    CATALOGUE, CursorExport, ListPages, NextCursor, Paging, Parents, SnapshotList, StreamSpec,
    TimeExport, TimeFilter, TimeForm, TimeUnit, aliases, find,
};
pub use resume::Resume;
pub use standing::time_of_cursor;

/// Where a stream continues. Only the stream that made it can read it; it has
/// no order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub Value);

/// What a stream yields: the events of one page of the API.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records that were not seen before, in the API's order.
    pub events: Vec<Event>,
    /// What cannot be an event, each wrapped with the reason.
    pub rejected: Vec<Event>,
    /// Records left out because they were delivered before.
    pub deduplicated: usize,
    /// Where to continue once all of the above is durable.
    pub resume: Resume,
    /// Whether this page reached the stream's present end.
    pub caught_up: bool,
    /// What of history is still to come, while that is read in slices that could be counted.
    pub left: Option<HistoryLeft>,
    /// What stood around the records, where that is asked for.
    pub frame: Option<Frame>,
    /// The parts of the stream that are not read for now, while the others are.
    pub left_out: Vec<LeftOut>,
}

impl Page {
    /// The time of its newest event, as far as its events have times.
    pub fn newest(&self) -> Option<Timestamp> {
        self.events.iter().filter_map(|event| event.time).max()
    }
}

/// What of a history is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLeft {
    /// So many records.
    pub records: u64,
    /// So long the rate budget takes for them, however fast whoever takes them is.
    pub at_least: Duration,
}

/// A part of a stream that cannot be read: the list of one parent among several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Which, as its parent is called.
    pub part: String,
    /// Why.
    pub error: ApiError,
}

/// Whether a long history may be read in several places at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// As fast as the rate budget allows; records come in order within each slice alone.
    InSlices,
    /// The same, with all records in order: what comes early waits, in bounded memory.
    InOrder,
    /// One page after the other.
    InOnePiece,
}

/// What goes to the sinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// Each record.
    Records,
    /// The records of each page in its envelope.
    Pages,
}

/// How one stream is read.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// Its row in the catalogue.
    pub spec: &'static StreamSpec,
    /// The source's name, for the events' origin.
    pub source: String,
    /// The account's name, for the events' origin.
    pub subdomain: String,
    /// Where to start without a position.
    pub since: Timestamp,
    /// Where to end; none: never.
    pub until: Option<Timestamp>,
    /// Whether to look again at the end, or to end there.
    pub follow: bool,
    /// How long to wait at the end before looking again.
    pub poll_interval: Duration,
    /// Nothing younger is asked for.
    pub lag: Duration,
    /// How long after its time (and the lag) a record may still show up and be read.
    pub overlap: Duration,
    /// Equality filters: the field and the values any of which match.
    pub filter: Vec<(String, Vec<String>)>,
    /// Sideloads asked for.
    pub include: Vec<String>,
    /// Leave deleted records out.
    pub exclude_deleted: bool,
    /// Tell what is no longer in a list that is read as a whole.
    pub report_removed: bool,
    /// Of a list that may filter by when its records were made: the records of so long are looked
    /// through for changes from time to time; zero: never.
    pub reread: Duration,
    /// A longer record is rejected.
    pub max_record_bytes: usize,
    /// What goes to the sinks.
    pub emit: Emit,
    /// How history is read, where a list can be asked for a span of time.
    pub history: History,
}

/// A saved position that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the position of `{stream}` cannot be read: {reason}")]
pub struct PositionError {
    /// Whose position.
    pub stream: &'static str,
    /// Why, in words.
    pub reason: String,
}

/// Opens a stream at `position`, or where its settings say. Returns also the
/// position it starts at.
pub fn open(
    client: Arc<Client>,
    settings: StreamSettings,
    position: Option<&Position>,
) -> Result<(Position, impl Stream<Item = Result<Page, ApiError>> + Send + use<>), PositionError> {
    Ok(if let Paging::TimeWindow(filter) = settings.spec.paging {
        let (start, pages) = backfill::open(client, settings, filter, position)?;
        (start, Either::Left(pages))
    } else {
        let (start, pages) = poll::open(client, settings, position)?;
        (start, Either::Right(pages))
    })
}

/// The position at which [`open`] with the same arguments starts. Asks nobody.
pub fn start(
    settings: &StreamSettings,
    position: Option<&Position>,
) -> Result<Position, PositionError> {
    if let Paging::TimeWindow(filter) = settings.spec.paging {
        return backfill::start(settings, filter, position);
    }
    Ok(reader::reader(settings, position)?.position())
}
