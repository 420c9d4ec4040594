//! What every way of paging has in common: a pure state machine between two pages.
//!
//! A reader says what to ask for, takes what comes, and knows where to resume. It asks nothing
//! itself, waits for nothing and reads no clock.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::export::Export;
use super::window::Window;
use super::{Paging, Position, PositionError, StreamSettings};
use crate::normalize::Event;
use crate::zendesk::{ApiError, Envelope, PageEnd, PageRequest};

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

    /// Reads what the page asked for last says about those after it. It had that many records.
    /// An error says what is wrong with the page, which is then asked for again.
    fn end(&self, page: Envelope<'_>, records: usize) -> Result<PageEnd, String>;

    /// Takes the page asked for last: leaves out what was delivered before, moves the position.
    fn accept(
        &mut self,
        settings: &StreamSettings,
        events: &mut Vec<Event>,
        rejected: &mut Vec<Event>,
        end: PageEnd,
    ) -> Taken;

    /// Where to resume once everything accepted so far is durable.
    fn position(&self) -> Position;

    /// Whether everything up to `until` was read and nothing can be added to it.
    fn is_past(&self, until: Timestamp) -> bool;

    /// Takes into account that this machine's clock is ahead of the server's by so many seconds.
    fn heed(&mut self, _clock_ahead: i64) {}

    /// Whether reading can go on after this error, and then whether the stream's present end is
    /// reached with it; none: it cannot.
    fn absorb(&mut self, error: &ApiError) -> Option<bool> {
        error.is_too_recent().then_some(true)
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
    Ok(match settings.spec.paging {
        Paging::TimeWindow(filter) => Box::new(Window::new(filter, settings, position)?),
        Paging::IncrementalCursor => Box::new(Export::new(settings, position)?),
    })
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
