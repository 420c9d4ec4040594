//! The access log: its own parameters, sizes, cursors and errors.

use jiff::Timestamp;

use super::super::collection::Item;
use super::super::cursor::Value;
use super::super::errors;
use super::super::json::{Escape, Object};
use super::super::reply::Reply;
use super::Ask;

const USUAL_PER_PAGE: usize = 1_000;
const MOST_PER_PAGE: usize = 2_500;
/// A page of the access log.
pub(super) fn page(ask: Ask<'_>, items: Vec<Item>) -> Result<Reply, Reply> {
    let size = match ask.call.param("page[size]").map(str::parse::<usize>) {
        None => USUAL_PER_PAGE,
        Some(Ok(size @ 1..=MOST_PER_PAGE)) => size,
        Some(Ok(_)) => return Err(errors::access_log(400, "max allowed page size is 2500")),
        Some(Err(_)) => return Err(errors::access_log(400, "page size must be an integer")),
    };
    let rows = rows(&ask, items)?;
    let newest_first = ask.call.param("sort") == Some("-created_at");
    let either = |one: &str, other: &str| ask.call.param(one).or_else(|| ask.call.param(other));
    let (after, before) =
        (either("page[after]", "filter[after]"), either("page[before]", "filter[before]"));
    // In ascending order; for newest first the ends change places.
    let (lower, upper) = if newest_first { (before, after) } else { (after, before) };
    let from = lower.map_or(0, |id| rows.partition_point(|row| row.0.as_str() <= id));
    let to = upper.map_or(rows.len(), |id| rows.partition_point(|row| row.0.as_str() < id));
    let to = to.max(from);
    let backwards = newest_first != before.is_some();
    let (first, last) = if backwards {
        (from.max(to.saturating_sub(size)), to)
    } else {
        (from, to.min(from + size))
    };
    let more = if backwards { first > from } else { last < to };
    let mut taken = rows[first..last].to_vec();
    let mut has_before = first > 0;
    if newest_first {
        taken.reverse();
        has_before = last < rows.len();
    }
    Ok(Reply::json(200, body(&ask, &taken, more, has_before)))
}

fn body(ask: &Ask<'_>, taken: &[(String, Item)], more: bool, has_before: bool) -> Vec<u8> {
    let (first, last) = (taken.first(), taken.last());
    let cursor = |row: Option<&(String, Item)>| row.map(|row| row.0.clone());
    let (before, after) = (cursor(first), cursor(last));
    let link = |name: &str, cursor: Option<&str>| {
        let dropped = ["page[after]", "page[before]", "filter[after]", "filter[before]"];
        let mut changes: Vec<_> = dropped.iter().map(|name| (*name, None)).collect();
        changes.push((name, Some(cursor?)));
        Some(ask.call.raw_link(&changes, false))
    };
    let items: Vec<Item> = taken.iter().map(|row| row.1).collect();
    let mut page = ask.open(&items);
    let mut object = Object::continued(&mut page);
    let mut links = Object::open(object.member("links"), Escape::Plain);
    links.maybe_text("next", link("page[after]", after.as_deref().filter(|_| more)).as_deref());
    links.maybe_text("prev", link("page[before]", before.as_deref()).as_deref());
    links.close();
    let mut meta = Object::open(object.member("meta"), Escape::Plain);
    meta.maybe_text("after_cursor", after.as_deref());
    meta.maybe_text("before_cursor", before.as_deref());
    meta.flag("has_more", more);
    meta.flag("has_before", has_before);
    meta.close();
    page.push(b'}');
    page
}

/// What is asked for, by id, which is by time.
fn rows(ask: &Ask<'_>, items: Vec<Item>) -> Result<Vec<(String, Item)>, Reply> {
    let time = |name: &str| {
        let Some(text) = ask.call.param(name) else {
            return Ok(None);
        };
        let time = text.parse::<Timestamp>();
        time.map(|time| Some(time.as_second()))
            .map_err(|_| errors::access_log(400, &format!("{name} is not a valid time")))
    };
    let (start, end) = (time("filter[start]")?, time("filter[end]")?);
    let rows = items.into_iter().filter(|item| {
        start.is_none_or(|start| item.created >= start) && end.is_none_or(|end| item.created <= end)
    });
    let rows = rows.filter(|item| has_what_is_asked(ask, *item));
    let id = |item: Item| match ask.id_value(item) {
        Value::Text(id) => id,
        Value::Time(id) | Value::Number(id) => id.to_string(),
    };
    let mut rows: Vec<_> = rows.map(|item| (id(item), item)).collect();
    rows.sort();
    Ok(rows)
}

/// The filters that look into a record.
fn has_what_is_asked(ask: &Ask<'_>, item: Item) -> bool {
    let wanted = ["filter[user_id]", "filter[path]", "filter[graphql]"];
    if wanted.iter().all(|name| ask.call.param(name).is_none()) {
        return true;
    }
    let mut line = Vec::new();
    ask.record(item).render(&mut line);
    let record: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
    let path = record["url"].as_str().unwrap_or_default();
    let path = path.split('?').next().unwrap_or(path);
    ask.call.param("filter[user_id]").is_none_or(|id| record["user_id"].as_u64() == id.parse().ok())
        && ask.call.param("filter[path]").is_none_or(|wanted| path == wanted)
        && (ask.call.param("filter[graphql]") != Some("true") || record["graphql"].is_null())
}
