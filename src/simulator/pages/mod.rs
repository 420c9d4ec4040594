//! The pages of every resource, each in the form of its endpoint.
//!
//! One engine for all lists, one for each kind of export; what sets resources
//! apart is in their rows. Rate limits and credentials have been seen to before.

mod access;
mod engagements;
mod export;
mod list;
mod service;

use super::collection::Item;
use super::cursor::Value;
use super::errors;
use super::query::Call;
use super::record::{self, Record};
use super::records::{self, Records};
use super::reply::Reply;
use super::resources::{Hit, Serve};
use super::settings::Settings;
use super::tickets::HOLD_BACK;
use super::world::World;

/// All that any of the endpoints reads.
const KNOWN: &[&str] = &[
    "page[size]",
    "page[after]",
    "page[before]",
    "page",
    "per_page",
    "sort",
    "sort_by",
    "sort_order",
    "include",
    "start_time",
    "end_time",
    "cursor",
    "limit",
    "since",
    "score",
    "all",
    "active",
    "start_id",
    "fields",
    "include_changes",
    "exclude_deleted",
    "filter[exclude_deleted]",
    "filter[start]",
    "filter[end]",
    "filter[after]",
    "filter[before]",
    "filter[user_id]",
    "filter[path]",
    "filter[browser_url]",
    "filter[graphql]",
    "page_size",
    "channel",
    "start_time_cursor",
    "engagement_id_cursor",
    "ticket_id",
    "support_type_scope",
    "query",
];

/// A page as it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) settings: &'a Settings,
    pub(super) world: &'a World,
    pub(super) hit: Hit<'a>,
    pub(super) call: &'a Call,
    pub(super) now: i64,
}

/// The page of an endpoint.
pub(super) fn page(ask: Ask<'_>) -> Reply {
    let Some(items) = ask.world.seen(ask.hit.number, ask.hit.parent, ask.now) else {
        return errors::record_not_found();
    };
    let page = match ask.hit.endpoint.serve {
        Serve::List(paging, order) => list::page(ask, items, paging, order),
        Serve::AccessLogs => access::page(ask, items),
        Serve::CursorExport => export::by_cursor(ask, items),
        Serve::TimeExport(style) => export::by_time(ask, items, style),
        Serve::TimeOrCursorExport(style) => export::by_time_or_cursor(ask, items, style),
        Serve::Routing => service::routing(ask, items),
        Serve::Chat { micros } => service::chat(ask, items, micros),
        Serve::Engagements => engagements::page(ask, items),
    };
    let mut reply = match page {
        Ok(reply) => reply,
        Err(refusal) => return refusal,
    };
    reply.body = records::finish(ask.settings, reply.body.to_vec()).into();
    match ask.call.unknown_params(KNOWN) {
        Some(names) => reply.with("x-zendesk-api-warn", format!("Unpermitted keys: {names}")),
        None => reply,
    }
}

impl Ask<'_> {
    /// A record of this resource.
    fn record(&self, item: Item) -> Record<'_> {
        self.world.record(self.settings, self.hit.number, item)
    }

    /// The id as cursors have it.
    fn id_value(&self, item: Item) -> Value {
        let (resource, number) = (self.hit.resource, self.hit.number);
        match record::number_id(resource, number, item) {
            Some(id) => Value::Number(id.cast_signed()),
            None => Value::Text(record::id_text(resource, number, item)),
        }
    }

    /// The start of a page: an open object with the records.
    fn open(&self, items: &[Item]) -> Vec<u8> {
        let mut page = Vec::with_capacity(items.len() * 600 + 1_024);
        page.push(b'{');
        let mut records = Records::open(self.settings, page, self.hit.resource.key);
        for item in items {
            records.record(&self.record(*item));
        }
        let mut page = records.close();
        page.push(b',');
        page
    }

    /// A size of pages: what was asked for, up to the most there is.
    fn size(&self, name: &str, usual: usize, most: usize) -> Result<usize, Reply> {
        let Some(text) = self.call.param(name) else {
            return Ok(usual);
        };
        match text.parse::<usize>() {
            Ok(size) if size > most && self.settings.oversized_page_is_error => {
                Err(errors::bad_paging(&format!("page size must be at most {most}")))
            }
            Ok(size) if size > 0 => Ok(size.min(most)),
            _ => Err(errors::bad_paging("page size must be an integer above 0")),
        }
    }

    /// The size of an export's pages. Asking for too much takes too long.
    fn export_size(&self, name: &str, most: usize) -> Result<usize, Reply> {
        let asked = self.call.param(name).and_then(|text| text.parse::<usize>().ok());
        let size = asked.unwrap_or(most).clamp(1, most);
        if self.settings.gateway_timeout_above.is_some_and(|limit| size > limit) {
            return Err(errors::upstream_timeout());
        }
        Ok(size)
    }

    /// An export's `start_time`, which must be over for a minute where `too_recent` matters.
    fn start_time(&self, too_recent: bool) -> Result<i64, Reply> {
        let text = self.call.param("start_time");
        let start = text
            .and_then(|text| text.parse::<i64>().ok())
            .filter(|start| *start >= 0)
            .ok_or_else(|| errors::invalid_value("Invalid start_time"))?;
        if too_recent && self.now.saturating_sub(start) <= HOLD_BACK {
            return Err(errors::too_recent());
        }
        Ok(start)
    }
}
