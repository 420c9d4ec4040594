//! Lists: by cursor, by offset, on a single page, and in the forms that some
//! services have of these.
//!
//! Traps included: the last page has a link to the next one, a sort is dropped
//! when a page size meets it, an offset ends at 10,000.

use jiff::Timestamp;

use super::super::collection::Item;
use super::super::cursor::{
    Value, bare_cursor, ordered_cursor, read_bare_cursor, read_ordered_cursor, read_text_cursor,
    text_cursor,
};
use super::super::errors;
use super::super::json::{Escape, Object};
use super::super::reply::Reply;
use super::super::resources::{Order, Paging};
use super::super::tickets::HOLD_BACK;
use super::Ask;

const MOST_PER_PAGE: usize = 100;
const MOST_LEGACY: usize = 1_000;
const DEEPEST: usize = 10_000;
/// What the Help Center calls its last page.
const LAST_PAGE: &str = "bGFzdF9wYWdl";

/// A list as it is asked for.
struct List<'a> {
    ask: Ask<'a>,
    paging: Paging,
    sort: Sort,
    /// All that is listed, in order, each with what it is ordered by.
    rows: Vec<(i64, Value, Item)>,
}

/// An order, and what it goes by.
#[derive(Debug, Clone, Copy)]
struct Sort {
    name: &'static str,
    time: fn(&Item) -> Option<i64>,
    descends: bool,
}

const BY_ID: Sort = Sort { name: "id", time: |_| None, descends: false };
const OLDEST: Sort =
    Sort { name: "created_at,id", time: |item| Some(item.created), descends: false };
const NEWEST: Sort = Sort { name: "-created_at,id", descends: true, ..OLDEST };
const CHANGED: Sort =
    Sort { name: "updated_at,id", time: |item| Some(item.changed), descends: false };
const RECENT: Sort = Sort { name: "-updated_at,id", descends: true, ..CHANGED };
const SCORE: Sort = Sort { name: "-score,id", ..RECENT };

/// A page of a list.
pub(super) fn page(
    ask: Ask<'_>,
    items: Vec<Item>,
    paging: Paging,
    order: Order,
) -> Result<Reply, Reply> {
    let by_cursor = match paging {
        Paging::Cursor | Paging::Webhooks => true,
        Paging::Single | Paging::Bare | Paging::Object => false,
        Paging::Both | Paging::Eager | Paging::HelpCenter | Paging::Legacy => {
            ask.call.param("page[size]").is_some()
        }
    };
    let usual = match order {
        Order::Id => BY_ID,
        Order::Oldest => OLDEST,
        Order::Newest => NEWEST,
        Order::Score => SCORE,
    };
    // A `sort_by` beside a page size is not an error, and has no effect either.
    let sort = match ask.call.param("sort").filter(|_| by_cursor) {
        None => usual,
        Some("id") => BY_ID,
        Some("created_at") => OLDEST,
        Some("-created_at") => NEWEST,
        Some("updated_at") => CHANGED,
        Some("-updated_at") => RECENT,
        Some(_) => return Err(errors::bad_paging("sort is not a valid field")),
    };
    let items = filtered(&ask, items)?;
    let list = List { ask, paging, sort, rows: rows(&ask, items, sort) };
    match paging {
        Paging::Single => Ok(list.whole()),
        Paging::Bare => Ok(list.bare()),
        Paging::Object => Ok(list.object()),
        Paging::Legacy if !by_cursor => list.legacy(),
        _ if by_cursor => list.by_cursor(),
        _ => list.by_offset(),
    }
}

fn rows(ask: &Ask<'_>, items: Vec<Item>, sort: Sort) -> Vec<(i64, Value, Item)> {
    let place = |item: &Item| {
        let time = (sort.time)(item).unwrap_or(0);
        if sort.descends { -time } else { time }
    };
    let rows = items.into_iter().map(|item| (place(&item), ask.id_value(item), item));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    rows
}

/// The filters by time that few lists have.
fn filtered(ask: &Ask<'_>, mut items: Vec<Item>) -> Result<Vec<Item>, Reply> {
    if ask.hit.resource.stream == "satisfaction_ratings" {
        if ask.call.param("start_time").is_some() {
            let start = ask.start_time(true)?;
            items.retain(|item| item.created >= start);
        }
        if let Some(text) = ask.call.param("end_time") {
            let end: i64 = text.parse().map_err(|_| errors::invalid_value("Invalid end_time"))?;
            if ask.now.saturating_sub(end) <= HOLD_BACK {
                return Err(errors::too_recent());
            }
            items.retain(|item| item.created <= end);
        }
    }
    if ask.hit.resource.stream == "activities"
        && let Some(text) = ask.call.param("since")
    {
        let since: Timestamp = text.parse().map_err(|_| errors::invalid_value("Invalid since"))?;
        items.retain(|item| item.created >= since.as_second());
    }
    Ok(items)
}

impl List<'_> {
    fn by_cursor(&self) -> Result<Reply, Reply> {
        let size = self.ask.size("page[size]", MOST_PER_PAGE, MOST_PER_PAGE)?;
        let call = self.ask.call;
        let (from, to, more) = if let Some(text) = call.param("page[before]") {
            let to = if text == LAST_PAGE {
                self.rows.len()
            } else {
                let at = self.read(text)?;
                self.rows.partition_point(|row| (row.0, &row.1) < (at.0, &at.1))
            };
            let from = to.saturating_sub(size);
            (from, to, from > 0)
        } else {
            let from = match call.param("page[after]") {
                Some(text) => {
                    let at = self.read(text)?;
                    self.rows.partition_point(|row| (row.0, &row.1) <= (at.0, &at.1))
                }
                None => 0,
            };
            let to = (from + size).min(self.rows.len());
            (from, to, to < self.rows.len())
        };
        let eager = self.paging == Paging::Eager || self.ask.settings.has_more_on_full_page;
        let more = more || (eager && to - from == size);
        Ok(self.cursor_page(from..to, more))
    }

    fn cursor_page(&self, range: std::ops::Range<usize>, more: bool) -> Reply {
        let (first, last) = (range.start, range.end.checked_sub(1));
        let rows = &self.rows[range];
        let (before, after) =
            (rows.first().map(|row| self.cursor(row)), rows.last().map(|row| self.cursor(row)));
        let mut page = self.open(rows);
        let mut object = Object::continued(&mut page);
        let mut meta = Object::open(object.member("meta"), Escape::Plain);
        meta.flag("has_more", more);
        meta.maybe_text("after_cursor", after.as_deref());
        meta.maybe_text("before_cursor", before.as_deref());
        meta.close();
        let next = after.as_deref().map(|cursor| self.link("page[after]", Some(cursor)));
        let prev = before.as_deref().map(|cursor| self.link("page[before]", Some(cursor)));
        let mut links = Object::open(object.member("links"), Escape::Plain);
        let mut header = None;
        if self.paging == Paging::HelpCenter {
            // Links are there only where they lead somewhere.
            let there = last.is_some_and(|last| last + 1 < self.rows.len());
            links.text("first", &self.link("page[after]", None));
            links.text("last", &self.link("page[before]", Some(LAST_PAGE)));
            if let Some(prev) = prev.filter(|_| first > 0) {
                links.text("prev", &prev);
            }
            if let Some(next) = next.filter(|_| there && !rows.is_empty()) {
                links.text("next", &next);
                header = Some(format!("<{next}>; rel=\"next\""));
            }
        } else {
            links.maybe_text("prev", prev.as_deref());
            links.maybe_text("next", next.as_deref());
        }
        links.close();
        page.push(b'}');
        let reply = Reply::json(200, page);
        match header {
            Some(link) => reply.with("link", link),
            None => reply,
        }
    }

    /// This list's address with another cursor, in the service's own spelling.
    fn link(&self, name: &str, cursor: Option<&str>) -> String {
        let changes = [("page[after]", None), ("page[before]", None), (name, cursor)];
        match self.paging {
            Paging::Webhooks => self.ask.call.raw_link(&changes, true),
            _ => self.ask.call.link(&changes),
        }
    }

    fn cursor(&self, row: &(i64, Value, Item)) -> String {
        let (_, id, item) = row;
        let time = (self.sort.time)(item).map(Value::Time);
        match self.paging {
            Paging::Webhooks => {
                let Value::Text(id) = id else { return String::new() };
                text_cursor(&format!("{id},{}", if self.sort.descends { "desc" } else { "asc" }))
            }
            Paging::HelpCenter => {
                let values = [Value::Number(0), Value::Time(item.created), id.clone()];
                bare_cursor(&values)
            }
            _ => {
                let values: Vec<Value> = time.into_iter().chain([id.clone()]).collect();
                ordered_cursor(self.sort.name, &values)
            }
        }
    }

    fn read(&self, text: &str) -> Result<(i64, Value), Reply> {
        let found = match self.paging {
            Paging::Webhooks => self.read_webhooks(text),
            Paging::HelpCenter => match read_bare_cursor(text).as_deref() {
                Some([_, Value::Time(time), id]) => Some((*time, id.clone())),
                _ => None,
            },
            _ => match read_ordered_cursor(text, self.sort.name).as_deref() {
                Some([id]) => Some((0, id.clone())),
                Some([Value::Time(time), id]) => Some((*time, id.clone())),
                _ => None,
            },
        };
        let (time, id) = found.ok_or_else(|| errors::bad_paging("the cursor is not valid"))?;
        Ok((if self.sort.descends { -time } else { time }, id))
    }

    /// That service's ids sort by time, so that a cursor needs no more.
    fn read_webhooks(&self, text: &str) -> Option<(i64, Value)> {
        let plain = read_text_cursor(text)?;
        let (id, _) = plain.split_once(',')?;
        let id = Value::Text(id.to_owned());
        if self.sort.name == BY_ID.name {
            return Some((0, id));
        }
        let row = self.rows.iter().find(|row| row.1 == id)?;
        let time = (self.sort.time)(&row.2).unwrap_or(0);
        Some((time, id))
    }

    fn by_offset(&self) -> Result<Reply, Reply> {
        let guide = self.paging == Paging::HelpCenter;
        let usual = if guide { 30 } else { MOST_PER_PAGE };
        let size = self.ask.size("per_page", usual, MOST_PER_PAGE)?;
        let number = self.ask.call.param("page").and_then(|text| text.parse().ok()).unwrap_or(1);
        let number: usize = number.max(1);
        let start = (number - 1).saturating_mul(size);
        if start.saturating_add(size) > DEEPEST {
            return Err(errors::too_deep());
        }
        let count = self.rows.len();
        let mut rows = self.rows.clone();
        if self.ask.call.param("sort_order") == Some("desc") {
            rows.reverse();
        }
        let range = start.min(count)..start.saturating_add(size).min(count);
        let more = range.end < count;
        let mut page = self.open(&rows[range]);
        let mut object = Object::continued(&mut page);
        let link = |there: bool, to: usize| {
            there.then(|| self.ask.call.link(&[("page", Some(&to.to_string()))]))
        };
        object.maybe_text("next_page", link(more, number + 1).as_deref());
        object.maybe_text("previous_page", link(number > 1, number - 1).as_deref());
        object.int("count", count as u64);
        if guide {
            object.int("page", number as u64);
            object.int("per_page", size as u64);
            object.int("page_count", count.div_ceil(size) as u64);
            object.text("sort_by", "position");
            object.text("sort_order", "asc");
        }
        page.push(b'}');
        Ok(Reply::json(200, page))
    }

    /// All on one page, whatever is asked for.
    fn whole(&self) -> Reply {
        let mut page = self.open(&self.rows);
        let mut object = Object::continued(&mut page);
        object.raw("next_page", "null");
        object.raw("previous_page", "null");
        object.int("count", self.rows.len() as u64);
        page.push(b'}');
        Reply::json(200, page)
    }

    /// The same, and no word of paging.
    fn bare(&self) -> Reply {
        let mut page = self.open(&self.rows);
        page.pop();
        page.push(b'}');
        Reply::json(200, page)
    }

    /// What there is one of.
    fn object(&self) -> Reply {
        let mut page = format!("{{\"{}\":", self.ask.hit.resource.key).into_bytes();
        for row in self.rows.iter().take(1) {
            self.ask.record(row.2).render(&mut page);
        }
        page.push(b'}');
        Reply::json(200, page)
    }

    /// The older way: the most recent page first, from which one goes back.
    fn legacy(&self) -> Result<Reply, Reply> {
        let size = self.ask.size("limit", MOST_PER_PAGE, MOST_LEGACY)?;
        let bad = || errors::bad_paging("the cursor is not valid");
        let range = match self.ask.call.param("cursor") {
            None => self.rows.len().saturating_sub(size)..self.rows.len(),
            Some(text) => {
                let plain = read_text_cursor(text).ok_or_else(bad)?;
                let (back, rest) = match plain.strip_prefix('|') {
                    Some(rest) => (true, rest),
                    None => (false, plain.strip_suffix('|').ok_or_else(bad)?),
                };
                let (time, id) = rest.split_once(".0||").ok_or_else(bad)?;
                let time: i64 = time.parse().map_err(|_| bad())?;
                let id = Value::Number(id.parse().map_err(|_| bad())?);
                let at = |row: &(i64, Value, Item)| (row.0, &row.1).cmp(&(time, &id));
                if back {
                    let to = self.rows.partition_point(|row| at(row).is_lt());
                    to.saturating_sub(size)..to
                } else {
                    let from = self.rows.partition_point(|row| at(row).is_le());
                    from..(from + size).min(self.rows.len())
                }
            }
        };
        let rows = &self.rows[range];
        let cursor = |row: Option<&(i64, Value, Item)>, back: bool| {
            let (time, Value::Number(id), _) = row? else { return None };
            let plain = format!("{time}.0||{id}");
            Some(text_cursor(&if back { format!("|{plain}") } else { format!("{plain}|") }))
        };
        let (before, after) = (cursor(rows.first(), true), cursor(rows.last(), false));
        let link = |cursor: &Option<String>| {
            cursor.as_deref().map(|cursor| self.ask.call.link(&[("cursor", Some(cursor))]))
        };
        let mut page = self.open(rows);
        let mut object = Object::continued(&mut page);
        object.maybe_text("after_url", link(&after).as_deref());
        object.maybe_text("after_cursor", after.as_deref());
        object.maybe_text("before_url", link(&before).as_deref());
        object.maybe_text("before_cursor", before.as_deref());
        page.push(b'}');
        Ok(Reply::json(200, page))
    }

    fn open(&self, rows: &[(i64, Value, Item)]) -> Vec<u8> {
        let items: Vec<Item> = rows.iter().map(|row| row.2).collect();
        let mut page = self.ask.open(&items);
        if self.paging == Paging::Eager {
            // What stands beside the records is none.
            page.extend_from_slice(br#""users":[{"id":35184372100000}],"actors":[],"#);
        }
        page
    }
}
