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
use serde::Deserialize;

use super::page_size::PageSize;
use super::reader::{Fetched, Onward, Reader, reader};
use super::{Emit, Page, Paging, Position, PositionError, StreamSettings};
use crate::normalize::{self, Frame, Origin, SplitPage};
use crate::zendesk::{ApiError, Client, PageEnd, PageRequest};

/// The part of a stream that is no slice of its history.
pub(super) const TAIL: &str = "tail";

/// Opens a stream that is read in one piece. See [`super::open`].
pub(super) fn open(
    client: Arc<Client>,
    settings: StreamSettings,
    position: Option<&Position>,
) -> Result<(Position, impl Stream<Item = Result<Page, ApiError>> + Send + use<>), PositionError> {
    let mut reader = reader(&settings, position)?;
    let start = reader.position();
    if position.is_none() && settings.spec.paging == Paging::Tail {
        tell_of_start(&settings);
    }
    let mut size = PageSize::new(settings.spec);
    let mut failed = false;
    let pages = stream! {
        loop {
            let result = look(&client, &settings, reader.as_mut(), &mut size, failed).await;
            let at_end = match &result {
                Ok(page) => page.caught_up,
                // After an error there is nothing to do but to wait and look again.
                Err(_) => true,
            };
            failed = result.is_err();
            yield result;
            if !at_end {
                continue;
            }
            let finished = settings.until.is_some_and(|until| reader.is_past(until));
            if !failed && (!settings.follow || finished) {
                return;
            }
            client.clock().sleep(settings.poll_interval).await;
        }
    };
    Ok((start, pages))
}

/// What the API said.
pub(super) enum Answer {
    /// A page, and what stood around its records where that is asked for.
    Page(SplitPage, PageEnd, Option<Frame>),
    /// No page, and reading goes on.
    Nothing {
        /// Whether the stream's present end is reached.
        caught_up: bool,
    },
}

/// Gets the next page, of as many records as come in time. After a failure it is one try, not all
/// that there may be: what is broken is asked for slowly.
async fn look(
    client: &Client,
    settings: &StreamSettings,
    reader: &mut dyn Reader,
    size: &mut PageSize,
    failed: bool,
) -> Result<Page, ApiError> {
    loop {
        if let Some(fault) = reader.fault(settings) {
            return Err(fault);
        }
        let asked = size.now();
        let Some(request) = reader.request(settings, client.clock().now(), asked) else {
            return Ok(nothing_new(reader, true));
        };
        let can_shrink = reader.is_sized() && size.can_shrink();
        let request = PageRequest { give_up_when_slow: can_shrink, single_try: failed, ..request };
        match next_page(client, settings, reader, request).await {
            Err(error) if can_shrink && error.is_too_much() && size.shrink_from(asked) => {
                let (stream, page_size) = (settings.spec.name, size.now());
                tracing::warn!(stream, page_size, %error, "a page is too large, asking for less");
            }
            result => {
                if result.is_ok() {
                    size.succeeded();
                }
                return result;
            }
        }
    }
}

async fn next_page(
    client: &Client,
    settings: &StreamSettings,
    reader: &mut dyn Reader,
    request: PageRequest,
) -> Result<Page, ApiError> {
    let answer = fetch(client, settings, reader, request).await?;
    Ok(accept(settings, reader, answer, TAIL, client.clock().now()))
}

/// Asks for the page of a reader's request.
pub(super) async fn fetch(
    client: &Client,
    settings: &StreamSettings,
    reader: &mut dyn Reader,
    request: PageRequest,
) -> Result<Answer, ApiError> {
    let spec = settings.spec;
    let (bucket, limit) = (spec.bucket, spec.limit_per_minute);
    let request = PageRequest { bucket, limit, needs: Some(spec.needs()), ..request };
    let asking = &*reader;
    let decode = |body: &Bytes| decode(settings, asking, client, body);
    match client.get(&request, decode).await {
        Ok((split, end, frame)) => {
            reader.heed(client.clock_ahead_secs());
            Ok(Answer::Page(split, end, frame))
        }
        // Less is asked for first.
        Err(error) if request.give_up_when_slow && error.is_too_much() => Err(error),
        Err(error) => match reader.absorb(&error) {
            Some(onward) => {
                tell(onward, spec.name, &request.path, &error);
                Ok(Answer::Nothing { caught_up: onward.is_end() })
            }
            None => Err(error),
        },
    }
}

/// A list in order has no start but its first record: whoever asks for a day waits for years of it.
fn tell_of_start(settings: &StreamSettings) {
    let (stream, since, page_size) = (settings.spec.name, settings.since, settings.spec.page_size);
    if since > Timestamp::UNIX_EPOCH {
        tracing::info!(
            stream, %since,
            "the list cannot be asked for a time: it is read from its first record, one request for \
             each {page_size}, and what is older than `since` is left out; later runs go on from there"
        );
    }
}

fn tell(onward: Onward, stream: &str, path: &str, error: &ApiError) {
    let hint = error.hint.as_deref();
    match onward {
        Onward::AtEnd => {}
        Onward::Without { .. } if error.is_too_recent() => {}
        Onward::Without { .. } => {
            tracing::warn!(stream, path, %error, hint, "refused, going on without it");
        }
        Onward::Otherwise(instead) => {
            tracing::warn!(stream, path, %error, hint, "refused, {instead}");
        }
    }
}

/// Reads how many records there are, of a page by offset.
pub(super) fn count(body: &Bytes) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Counted {
        count: u64,
    }
    let counted: Counted = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(counted.count)
}

fn decode(
    settings: &StreamSettings,
    reader: &dyn Reader,
    client: &Client,
    body: &Bytes,
) -> Result<(SplitPage, PageEnd, Option<Frame>), String> {
    let layout = reader.layout(settings);
    let split = normalize::split(body, &layout).map_err(|malformed| malformed.to_string())?;
    let end = reader.end(&split, client.endpoint())?;
    let is_framed = settings.emit == Emit::Pages;
    let frame = is_framed.then(|| Frame::of(body, &split, settings.max_record_bytes));
    Ok((split, end, frame))
}

/// Takes an answer in. `partition` is the part of the stream that it is of.
pub(super) fn accept(
    settings: &StreamSettings,
    reader: &mut dyn Reader,
    answer: Answer,
    partition: &str,
    now: Timestamp,
) -> Page {
    let (split, end, frame) = match answer {
        Answer::Page(split, end, frame) => (split, end, frame),
        Answer::Nothing { caught_up } => return nothing_new(reader, caught_up),
    };
    let origin = Arc::new(Origin {
        source: settings.source.clone(),
        stream: settings.spec.name.to_owned(),
        subdomain: settings.subdomain.clone(),
        partition: partition.to_owned(),
        // Nothing finer is meaningful here.
        ingest_time: now.round(Unit::Millisecond).unwrap_or(now),
        through: None,
    });
    let rejected = split.rejected.iter();
    let rejected = rejected.map(|it| normalize::rejected_event(it, &origin)).collect();
    let mut events = normalize::events(split.records, &origin);
    if let Some(field) = settings.spec.time_else {
        for event in events.iter_mut().filter(|event| event.time.is_none()) {
            event.time = time_in(&event.line, field);
        }
    }
    let mut page = Fetched { events, rejected, origin };
    let taken = reader.accept(settings, &mut page, end);
    Page {
        events: page.events,
        rejected: page.rejected,
        deduplicated: taken.deduplicated,
        resume: reader.resume(),
        caught_up: taken.caught_up,
        left: None,
        frame,
        left_out: reader.left_out(),
    }
}

/// The time that a member of a record tells.
fn time_in(line: &[u8], field: &str) -> Option<Timestamp> {
    let record: serde_json::Value = serde_json::from_slice(line).ok()?;
    normalize::parse_time(record.get(field)?.as_str()?.as_bytes())
}

/// The page of a look at what cannot be there yet.
pub(super) fn nothing_new(reader: &mut dyn Reader, caught_up: bool) -> Page {
    Page {
        events: Vec::new(),
        rejected: Vec::new(),
        deduplicated: 0,
        resume: reader.resume(),
        caught_up,
        left: None,
        frame: None,
        left_out: reader.left_out(),
    }
}
