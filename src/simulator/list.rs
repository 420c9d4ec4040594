//! The audit log's list, by cursor and by offset.
//!
//! Traps included: the last page has a link to the next one, a sort is dropped
//! when a page size meets it, and an offset ends at 10,000. Rate limits and
//! credentials have been seen to before.

use super::audit::AuditLogs;
use super::cursor::{list_cursor, read_list_cursor};
use super::errors;
use super::filter::Filter;
use super::json::{Escape, Object, int, string};
use super::query::Call;
use super::records::{self, Records};
use super::reply::Reply;
use super::settings::Settings;
use super::walk::{Order, Walk};

const MOST_PER_PAGE: usize = 100;
const DEEPEST: usize = 10_000;
const RECORD_BYTES: usize = 600;

const KNOWN: &[&str] = &[
    "filter[source_type]",
    "filter[source_id]",
    "filter[actor_id]",
    "filter[ip_address]",
    "filter[action]",
    "filter[created_at]",
    "sort",
    "sort_by",
    "sort_order",
    "page[size]",
    "page[after]",
    "page[before]",
    "page",
    "per_page",
];

/// A list as it is asked for.
struct List<'a> {
    settings: &'a Settings,
    logs: &'a AuditLogs,
    call: &'a Call,
    filter: Filter,
    now: i64,
}

/// `GET /api/v2/audit_logs`.
pub(super) fn page(settings: &Settings, logs: &AuditLogs, call: &Call, now: i64) -> Reply {
    let filter = match Filter::read(call, settings) {
        Ok(filter) => filter,
        Err(refusal) => return refusal,
    };
    let end = filter.created.map(|(_, end)| end);
    let list = List { settings, logs, call, filter, now };
    let by_cursor = call.params.iter().any(|(key, _)| key == "page[size]");
    let page = if by_cursor { list.by_cursor() } else { list.by_offset() };
    let mut reply = match page {
        Ok(page) => Reply::json(200, records::finish(settings, page)),
        Err(refusal) => return refusal,
    };
    reply.is_final = logs.is_settled(end, now);
    match call.unknown_params(KNOWN) {
        Some(names) => reply.with("x-zendesk-api-warn", format!("Unpermitted keys: {names}")),
        None => reply,
    }
}

/// `GET /api/v2/audit_logs/{id}`.
pub(super) fn one(settings: &Settings, logs: &AuditLogs, id: &str, now: i64) -> Reply {
    let place = id.parse().ok().and_then(|id| logs.place(id));
    let Some(place) = place.filter(|place| logs.is_visible(*place, now)) else {
        return errors::record_not_found();
    };
    let mut body = br#"{"audit_log":"#.to_vec();
    super::audit_record::render(&mut body, settings, logs, place);
    body.push(b'}');
    Reply::json(200, records::finish(settings, body))
}

impl<'a> List<'a> {
    fn walk(&self, order: Order) -> Walk<'a> {
        let (start, end) = self.filter.created.unwrap_or((i64::MIN, i64::MAX));
        Walk::new(self.logs.times(), self.logs.between(start, end), order)
    }

    fn is_listed(&self, place: usize) -> bool {
        self.logs.is_visible(place, self.now)
            && (!self.filter.looks_inside() || self.filter.matches(&self.logs.facts(place)))
    }

    /// Up to `most` listed places from one on, and whether more follow.
    fn collect(
        &self,
        from: Option<usize>,
        most: usize,
        step: impl Fn(usize) -> Option<usize>,
    ) -> (Vec<usize>, bool) {
        let mut places = Vec::with_capacity(most);
        let mut next = from;
        while let Some(place) = next {
            if self.is_listed(place) {
                if places.len() == most {
                    return (places, true);
                }
                places.push(place);
            }
            next = step(place);
        }
        (places, false)
    }

    fn by_cursor(&self) -> Result<Vec<u8>, Reply> {
        let size = self.page_size("page[size]")?;
        // A `sort_by` is not an error here, and has no effect either.
        let order = match self.call.param("sort") {
            None | Some("-created_at") => Order::NewestFirst,
            Some("created_at") => Order::OldestFirst,
            Some(_) => return Err(errors::bad_paging("sort is not a valid field")),
        };
        let walk = self.walk(order);
        let read = |text: &str| {
            read_list_cursor(text, order.name())
                .ok_or_else(|| errors::bad_paging("the cursor is not valid"))
        };
        let id_at = |place| self.logs.id(place);
        let (places, more) = if let Some(text) = self.call.param("page[before]") {
            let (time, id) = read(text)?;
            let from = walk.before(time, id, id_at);
            let (mut places, more) = self.collect(from, size, |place| walk.previous(place));
            places.reverse();
            (places, more)
        } else {
            let from = match self.call.param("page[after]") {
                Some(text) => {
                    let (time, id) = read(text)?;
                    walk.after(time, id, id_at)
                }
                None => walk.first(),
            };
            self.collect(from, size, |place| walk.next(place))
        };
        let more = more || (self.settings.has_more_on_full_page && places.len() == size);
        Ok(self.cursor_page(&places, more, order))
    }

    fn cursor_page(&self, places: &[usize], more: bool, order: Order) -> Vec<u8> {
        let cursor_at = |place: Option<&usize>| {
            let place = *place?;
            Some(list_cursor(order.name(), self.logs.times()[place], self.logs.id(place)))
        };
        let (after, before) = (cursor_at(places.last()), cursor_at(places.first()));
        let link = |name: &str, cursor: Option<&str>| {
            let cursor = cursor?;
            let changes = [("page[after]", None), ("page[before]", None), (name, Some(cursor))];
            Some(self.call.link(&changes))
        };
        let mut page = self.records(places);
        page.extend_from_slice(br#","meta":"#);
        let mut meta = Object::open(&mut page, Escape::Plain);
        meta.flag("has_more", more);
        meta.maybe_text("after_cursor", after.as_deref());
        meta.maybe_text("before_cursor", before.as_deref());
        meta.close();
        page.extend_from_slice(br#","links":"#);
        let mut links = Object::open(&mut page, Escape::Plain);
        links.maybe_text("prev", link("page[before]", before.as_deref()).as_deref());
        links.maybe_text("next", link("page[after]", after.as_deref()).as_deref());
        links.close();
        page.push(b'}');
        page
    }

    fn by_offset(&self) -> Result<Vec<u8>, Reply> {
        let size = self.page_size("per_page")?;
        let number = match self.call.param("page") {
            Some(text) => text.parse().unwrap_or(1).max(1),
            None => 1_usize,
        };
        let start = (number - 1).saturating_mul(size);
        if start.saturating_add(size) > DEEPEST {
            return Err(errors::too_deep());
        }
        let order = match self.call.param("sort_order") {
            Some("asc") => Order::OldestFirst,
            _ => Order::NewestFirst,
        };
        let walk = self.walk(order);
        let (mut places, more) = self.collect(walk.first(), start + size, |place| walk.next(place));
        let places = places.split_off(start.min(places.len()));
        let link = |there: bool, to: usize| {
            there.then(|| self.call.link(&[("page", Some(&to.to_string()))]))
        };
        let mut page = self.records(&places);
        for (key, link) in [
            (r#","next_page":"#, link(more, number + 1)),
            (r#","previous_page":"#, link(number > 1, number.saturating_sub(1))),
        ] {
            page.extend_from_slice(key.as_bytes());
            match link {
                Some(link) => string(&mut page, &link, Escape::Plain),
                None => page.extend_from_slice(b"null"),
            }
        }
        page.extend_from_slice(br#","count":"#);
        int(&mut page, self.count() as u64);
        page.push(b'}');
        Ok(page)
    }

    /// Exact. Without a look inside, only the most recent logs need to be looked at one by one.
    fn count(&self) -> usize {
        let (start, end) = self.filter.created.unwrap_or((i64::MIN, i64::MAX));
        let mut range = self.logs.between(start, end);
        let settled = self.logs.settled_until(self.now).clamp(range.start, range.end);
        let mut count = 0;
        if !self.filter.looks_inside() {
            count = settled - range.start;
            range.start = settled;
        }
        count + range.filter(|place| self.is_listed(*place)).count()
    }

    fn records(&self, places: &[usize]) -> Vec<u8> {
        let mut page = Vec::with_capacity(places.len() * RECORD_BYTES + 1_024);
        page.push(b'{');
        let mut records = Records::open(self.settings, page, "audit_logs");
        for place in places {
            records.audit_log(self.logs, *place);
        }
        records.close()
    }

    fn page_size(&self, name: &str) -> Result<usize, Reply> {
        let Some(text) = self.call.param(name) else {
            return Ok(MOST_PER_PAGE);
        };
        match text.parse::<usize>() {
            Ok(size) if size > MOST_PER_PAGE && self.settings.oversized_page_is_error => {
                Err(errors::bad_paging("page size must be at most 100"))
            }
            Ok(size) if size > 0 => Ok(size.min(MOST_PER_PAGE)),
            _ => Err(errors::bad_paging("page size must be an integer above 0")),
        }
    }
}
