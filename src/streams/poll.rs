//! The tail: pages of one stream, for ever or to its present end.
//!
//! A plain loop with one owner: ask, decode, hand over, move on; at the end wait
//! and look again. An error is handed over like a page and the loop goes on from
//! where it was, so whoever takes the pages decides whether to go on.

use std::sync::Arc;

use async_stream::stream;
use bytes::Bytes;
use futures::Stream;
use jiff::{Timestamp, Unit};

use super::export::Export;
use super::window::Window;
use super::{Page, Paging, Position, PositionError, StreamSettings};
use crate::normalize::{self, Origin, SplitPage};
use crate::zendesk::{ApiError, Client, ErrorKind, PageEnd, PageRequest};

/// Opens a stream at `position`, or where its settings say. Returns also the
/// position it starts at.
pub fn open(
    client: Arc<Client>,
    settings: StreamSettings,
    position: Option<&Position>,
) -> Result<(Position, impl Stream<Item = Result<Page, ApiError>> + Send + use<>), PositionError> {
    let mut reader = Reader::new(&settings, position)?;
    let start = reader.position();
    let pages = stream! {
        loop {
            let now = client.clock().now();
            let result = match reader.request(&settings, now) {
                Some(request) => next_page(&client, &settings, &mut reader, &request).await,
                None => Ok(reader.nothing_new()),
            };
            let at_end = match &result {
                Ok(page) => page.caught_up,
                // After an error there is nothing to do but to wait and look again.
                Err(_) => true,
            };
            let failed = result.is_err();
            yield result;
            if !at_end {
                continue;
            }
            if !failed && (!settings.follow || reader.is_finished(&settings)) {
                return;
            }
            client.clock().sleep(settings.poll_interval).await;
        }
    };
    Ok((start, pages))
}

async fn next_page(
    client: &Client,
    settings: &StreamSettings,
    reader: &mut Reader,
    request: &PageRequest,
) -> Result<Page, ApiError> {
    let decode = |body: &Bytes| reader.decode(settings, body);
    match client.get(request, decode).await {
        Ok((split, end)) => {
            reader.heed(client.clock_ahead_secs());
            Ok(reader.accept(settings, split, end, client.clock().now()))
        }
        Err(error) if error.is_too_recent() => Ok(reader.nothing_new()),
        // A cursor that has become bad is answered as a bad request.
        Err(error) if error.kind == ErrorKind::Bug && reader.restart() => {
            tracing::warn!(stream = settings.spec.name, %error, "cursor refused, reading the window again");
            Ok(Page { caught_up: false, ..reader.nothing_new() })
        }
        Err(error) => Err(error),
    }
}

/// The ways of paging, as one.
enum Reader {
    Window(Window),
    Export(Export),
}

impl Reader {
    fn new(settings: &StreamSettings, position: Option<&Position>) -> Result<Self, PositionError> {
        Ok(match settings.spec.paging {
            Paging::CreatedAtWindow => Self::Window(Window::new(settings, position)?),
            Paging::IncrementalCursor => Self::Export(Export::new(settings, position)?),
        })
    }

    fn request(&mut self, settings: &StreamSettings, now: Timestamp) -> Option<PageRequest> {
        let request = match self {
            Self::Window(window) => window.request(settings, now)?,
            Self::Export(export) => export.request(settings, now),
        };
        let spec = settings.spec;
        Some(PageRequest { bucket: spec.bucket, needs: Some(spec.needs()), ..request })
    }

    fn decode(
        &self,
        settings: &StreamSettings,
        body: &Bytes,
    ) -> Result<(SplitPage, PageEnd), String> {
        let layout = settings.spec.layout(settings.max_record_bytes);
        let split = normalize::split(body, &layout).map_err(|malformed| malformed.to_string())?;
        let (end, asked) = match self {
            Self::Window(window) => (PageEnd::of_list(&split.envelope)?, window.cursor()),
            Self::Export(export) => (PageEnd::of_export(&split.envelope)?, export.cursor()),
        };
        // An export's cursor stands behind the records of its page, so with records it has moved;
        // an empty page may give back the cursor it was asked with.
        let moved = matches!(self, Self::Export(_)) && !split.records.is_empty();
        if (end.more || moved) && asked.is_some() && end.cursor.as_deref() == asked {
            return Err("the page leads back to itself".to_owned());
        }
        Ok((split, end))
    }

    fn accept(
        &mut self,
        settings: &StreamSettings,
        split: SplitPage,
        end: PageEnd,
        now: Timestamp,
    ) -> Page {
        let origin = Arc::new(Origin {
            source: settings.source.clone(),
            stream: settings.spec.name.to_owned(),
            subdomain: settings.subdomain.clone(),
            partition: "tail".to_owned(),
            // Nothing finer is meaningful here.
            ingest_time: now.round(Unit::Millisecond).unwrap_or(now),
        });
        let rejected = split.rejected.iter();
        let mut rejected: Vec<_> =
            rejected.map(|it| normalize::rejected_event(it, &origin)).collect();
        let mut events = normalize::events(split.records, &origin);
        let (deduplicated, caught_up) = match self {
            Self::Window(window) => window.accept(&mut events, &mut rejected, end),
            Self::Export(export) => export.accept(&mut events, &mut rejected, end, settings.until),
        };
        Page { events, rejected, deduplicated, resume: self.position(), caught_up }
    }

    /// Takes into account that this machine's clock is ahead by so many seconds.
    fn heed(&mut self, ahead_secs: i64) {
        match self {
            Self::Window(window) => window.heed(ahead_secs),
            // What is new follows from a cursor, not from a clock.
            Self::Export(_) => {}
        }
    }

    fn position(&self) -> Position {
        match self {
            Self::Window(window) => window.position(),
            Self::Export(export) => export.position(),
        }
    }

    fn nothing_new(&self) -> Page {
        Page {
            events: Vec::new(),
            rejected: Vec::new(),
            deduplicated: 0,
            resume: self.position(),
            caught_up: true,
        }
    }

    /// Starts over from the position after a cursor was refused. Returns whether it can.
    fn restart(&mut self) -> bool {
        match self {
            Self::Window(window) => window.restart_pass(),
            Self::Export(_) => false,
        }
    }

    /// Whether the end asked for is behind.
    fn is_finished(&self, settings: &StreamSettings) -> bool {
        match (self, settings.until) {
            (_, None) => false,
            (Self::Window(window), Some(until)) => window.is_past(until),
            (Self::Export(export), Some(_)) => export.is_past_until(),
        }
    }
}
