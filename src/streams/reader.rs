//! What every way of paging has in common: a pure state machine between two pages.
//!
//! A reader says what to ask for, takes what comes, and knows where to resume. It asks nothing
//! itself, waits for nothing and reads no clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use url::Url;

use super::cursor_export::CursorReader;
use super::family::Family;
use super::resume::Resume;
use super::snapshot::Snapshot;
use super::tail::Tail;
use super::time_export::TimeReader;
use super::window::Window;
use super::{LeftOut, Paging, Position, PositionError, StreamSettings};
use crate::normalize::{Event, Origin, PageLayout, SplitPage};
use crate::zendesk::{ApiError, ErrorKind, PageEnd, PageRequest};

/// One way of paging, with its state.
pub(super) trait Reader: Send + Sync {
    /// The next page to ask for, with at most that many records; none when nothing can be there
    /// yet.
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest>;

    /// Whether the request asked for last takes as many records as it was told to.
    fn is_sized(&self) -> bool {
        true
    }

    /// How the page asked for last is laid out.
    fn layout(&self, settings: &StreamSettings) -> PageLayout {
        settings.spec.layout(settings.max_record_bytes)
    }

    /// Reads what the page asked for last says about those after it. An error says what is wrong
    /// with the page, which is then asked for again.
    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String>;

    /// Takes the page asked for last: leaves out what was delivered before, moves the position.
    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken;

    /// Where to resume once everything accepted so far is durable.
    fn resume(&mut self) -> Resume {
        self.position().into()
    }

    /// The same, put together.
    fn position(&self) -> Position;

    /// Whether everything up to `until` was read and nothing can be added to it.
    fn is_past(&self, until: Timestamp) -> bool;

    /// Why reading cannot go on, though no request failed. Told once; then it is tried again.
    fn fault(&mut self, _settings: &StreamSettings) -> Option<ApiError> {
        None
    }

    /// Takes into account that this machine's clock is ahead of the server's by so many seconds.
    fn heed(&mut self, _clock_ahead: i64) {}

    /// How reading goes on after this error; none: it cannot.
    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        error.is_too_recent().then_some(Onward::AtEnd)
    }

    /// The parts of the stream that are not read for now, while the others are.
    fn left_out(&self) -> Vec<LeftOut> {
        Vec::new()
    }
}

/// How reading goes on after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Onward {
    /// Nothing can be there yet: this is the stream's present end.
    AtEnd,
    /// Something else is asked for from now on; why, in words.
    Otherwise(&'static str),
    /// One list of several is left out for now.
    Without {
        /// Whether the stream's present end is reached with it.
        at_end: bool,
    },
}

impl Onward {
    /// Whether the stream's present end is reached.
    pub(super) fn is_end(self) -> bool {
        matches!(self, Self::AtEnd | Self::Without { at_end: true })
    }
}

/// Whether an error may mean that the cursor which was asked with has become bad.
pub(super) fn may_be_a_bad_cursor(error: &ApiError) -> bool {
    error.kind == ErrorKind::Bug && error.status.is_some_and(|status| status.is_client_error())
}

/// A page on its way through a reader.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Its records; what was delivered before is taken out.
    pub(super) events: Vec<Event>,
    /// What cannot be an event; what was delivered before is taken out.
    pub(super) rejected: Vec<Event>,
    /// Where they came from.
    pub(super) origin: Arc<Origin>,
}

impl Fetched {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.events.len() + self.rejected.len()
    }

    /// Keeps those alone. Returns how many were left out.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Event) -> bool) -> usize {
        let before = self.len();
        self.events.retain(&mut keep);
        self.rejected.retain(&mut keep);
        before - self.len()
    }
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many records were left out because they were delivered before.
    pub(super) deduplicated: usize,
    /// Whether the stream's present end is reached.
    pub(super) caught_up: bool,
}

/// The reader of a stream, at a position or where its settings say.
pub(super) fn reader(
    settings: &StreamSettings,
    position: Option<&Position>,
) -> Result<Box<dyn Reader>, PositionError> {
    match settings.spec.parents {
        Some(parents) => Ok(Box::new(Family::new(parents, settings, position)?)),
        None => reader_of_one(settings.spec.path.to_owned(), settings, position),
    }
}

/// The reader of one list, at that path.
pub(super) fn reader_of_one(
    path: String,
    settings: &StreamSettings,
    position: Option<&Position>,
) -> Result<Box<dyn Reader>, PositionError> {
    Ok(match settings.spec.paging {
        Paging::TimeWindow(filter) => Box::new(Window::new(filter, settings, position)?),
        Paging::CursorExport(export) => {
            Box::new(CursorReader::new(path, export, settings, position)?)
        }
        Paging::TimeExport(export) => Box::new(TimeReader::new(path, export, settings, position)?),
        Paging::Snapshot(list) => Box::new(Snapshot::new(path, list, settings, position)?),
        Paging::Tail => Box::new(Tail::new(path, settings, position)?),
    })
}

/// A request for a page of a stream, with what every request of it has.
pub(super) fn ask(path: &str, settings: &StreamSettings) -> PageRequest {
    let mut request = PageRequest::new(path);
    for (name, value) in settings.spec.query {
        request = request.with(name, *value);
    }
    if !settings.include.is_empty() {
        request = request.with("include", settings.include.join(","));
    }
    if let (true, Some(parameter)) = (settings.exclude_deleted, settings.spec.exclude_deleted) {
        request = request.with(parameter, "true");
    }
    request
}

/// What a position says, in the form its reader saved it in.
pub(super) fn saved<T: DeserializeOwned>(
    settings: &StreamSettings,
    position: Option<&Position>,
) -> Result<Option<T>, PositionError> {
    let read = position.map(|position| serde_json::from_value(position.0.clone()));
    read.transpose()
        .map_err(|error| PositionError { stream: settings.spec.name, reason: error.to_string() })
}

/// Rounded up, so that a fraction of a second never narrows what is read again.
pub(super) fn whole_seconds(duration: Duration) -> i64 {
    let secs = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(secs).unwrap_or(i64::MAX / 4)
}
