//! The incremental ticket exports, by cursor and by time.
//!
//! The cursor never gives a record twice; the time mode gives the boundary second
//! again with every page, as real accounts do. Rate limits and credentials have
//! been seen to before.

use super::cursor::{export_cursor, read_export_cursor};
use super::errors;
use super::json::Object;
use super::query::Call;
use super::records::{self, Records};
use super::reply::Reply;
use super::settings::Settings;
use super::tickets::{Deletion, HOLD_BACK, Tickets, Version};

const MOST_PER_PAGE: usize = 1_000;
const RECORD_BYTES: usize = 5_200;

const KNOWN: &[&str] =
    &["start_time", "cursor", "per_page", "include", "exclude_deleted", "support_type_scope"];

/// An export as it is asked for.
struct Export<'a> {
    settings: &'a Settings,
    tickets: &'a Tickets,
    call: &'a Call,
    now: i64,
    per_page: usize,
    without_deleted: bool,
    with_metrics: bool,
}

/// How an export goes on from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `GET /api/v2/incremental/tickets/cursor`.
    Cursor,
    /// `GET /api/v2/incremental/tickets`.
    Time,
}

/// A page of the export.
pub(super) fn page(
    mode: Mode,
    settings: &Settings,
    tickets: &Tickets,
    call: &Call,
    now: i64,
) -> Reply {
    let per_page = call.param("per_page").and_then(|text| text.parse().ok());
    let includes =
        |name| call.param("include").is_some_and(|list| list.split(',').any(|one| one == name));
    let export = Export {
        settings,
        tickets,
        call,
        now,
        per_page: per_page.unwrap_or(MOST_PER_PAGE).clamp(1, MOST_PER_PAGE),
        without_deleted: call.param("exclude_deleted") == Some("true"),
        with_metrics: includes("metric_sets"),
    };
    if settings.gateway_timeout_above.is_some_and(|most| export.per_page > most) {
        return errors::upstream_timeout();
    }
    let page = match mode {
        Mode::Cursor => export.cursor_page(),
        Mode::Time => export.time_page(),
    };
    let mut reply = match page {
        Ok(page) => Reply::json(200, records::finish(settings, page)),
        Err(refusal) => return refusal,
    };
    reply.is_final = tickets.is_settled(now);
    match call.unknown_params(KNOWN) {
        Some(names) => reply.with("x-zendesk-api-warn", format!("Unpermitted keys: {names}")),
        None => reply,
    }
}

impl Export<'_> {
    fn cursor_page(&self) -> Result<Vec<u8>, Reply> {
        let from = match self.call.param("cursor") {
            Some(text) => {
                let (time, id) = read_export_cursor(text)
                    .ok_or_else(|| errors::invalid_value("Invalid cursor"))?;
                self.tickets.after(time, id)
            }
            None => self.tickets.from(self.start_time()?),
        };
        let mut rest = self.wanted(from);
        let versions: Vec<Version> = rest.by_ref().take(self.per_page).collect();
        let at_end = rest.next().is_none();
        let cursor = match versions.last() {
            Some(last) => Some(export_cursor(last.time, last.id())),
            None if self.settings.null_cursor_on_empty_export => None,
            None => self.empty_page_cursor(),
        };
        let link = cursor
            .as_deref()
            .map(|cursor| self.call.link(&[("start_time", None), ("cursor", Some(cursor))]));
        // Where the records stand in the page is nothing to rely on.
        let records_first = versions.len().is_multiple_of(2);
        let mut page = Vec::with_capacity(versions.len() * RECORD_BYTES + 1_024);
        page.push(b'{');
        if records_first {
            page = self.records(page, &versions);
            page.push(b',');
        }
        let mut object = Object::continued(&mut page);
        object.maybe_text("after_url", link.as_deref());
        object.raw("before_url", "null");
        object.maybe_text("after_cursor", cursor.as_deref());
        object.raw("before_cursor", "null");
        object.flag("end_of_stream", at_end);
        if !records_first {
            page.push(b',');
            page = self.records(page, &versions);
        }
        page.push(b'}');
        Ok(page)
    }

    /// The cursor that was sent, or one that stands for the start.
    fn empty_page_cursor(&self) -> Option<String> {
        if let Some(cursor) = self.call.param("cursor") {
            return Some(cursor.to_owned());
        }
        Some(export_cursor(self.start_time().ok()?, 0))
    }

    fn time_page(&self) -> Result<Vec<u8>, Reply> {
        let start = self.start_time()?;
        let mut rest = self.wanted(self.tickets.from(start)).peekable();
        let mut versions: Vec<Version> = rest.by_ref().take(self.per_page).collect();
        let span = versions.first().zip(versions.last()).map(|(one, other)| (one.time, other.time));
        let end_time = match span {
            None => start,
            Some((first, last)) if first != last => last,
            Some((second, _)) => {
                // A page within one second is widened to all of it, then steps past it.
                let crowded = rest.peek().is_some_and(|version| version.time == second);
                if self.settings.stuck_time_export && crowded {
                    second
                } else {
                    while let Some(one) = rest.next_if(|version| version.time == second) {
                        versions.push(one);
                    }
                    second + 1
                }
            }
        };
        let at_end = rest.next().is_none();
        let mut page = Vec::with_capacity(versions.len() * RECORD_BYTES + 1_024);
        page.push(b'{');
        page = self.records(page, &versions);
        page.push(b',');
        let mut object = Object::continued(&mut page);
        object.int("count", versions.len() as u64);
        object.flag("end_of_stream", at_end);
        object.signed("end_time", end_time);
        object.text("next_page", &self.call.link(&[("start_time", Some(&end_time.to_string()))]));
        page.push(b'}');
        Ok(page)
    }

    fn wanted(&self, from: usize) -> impl Iterator<Item = Version> + '_ {
        self.tickets.exported(from, self.now).filter(|version| {
            !self.without_deleted || self.tickets.deletion(version.ticket) == Deletion::None
        })
    }

    fn records(&self, page: Vec<u8>, versions: &[Version]) -> Vec<u8> {
        let mut records = Records::open(self.settings, page, "tickets");
        for version in versions {
            records.ticket(self.tickets, *version, self.with_metrics);
        }
        records.close()
    }

    fn start_time(&self) -> Result<i64, Reply> {
        let text = self.call.param("start_time");
        let start = text
            .and_then(|text| text.parse::<i64>().ok())
            .filter(|start| *start >= 0)
            .ok_or_else(|| errors::invalid_value("Invalid start_time"))?;
        if self.now.saturating_sub(start) <= HOLD_BACK {
            Err(errors::too_recent())
        } else {
            Ok(start)
        }
    }
}
