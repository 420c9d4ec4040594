//! Incremental exports, by cursor and by time.
//!
//! The cursor never gives a record twice; the time mode gives the boundary second
//! again with every page.

use super::super::collection::Item;
use super::super::cursor::{Value, export_cursor, read_text_cursor};
use super::super::errors;
use super::super::json::Object;
use super::super::reply::Reply;
use super::super::resources::{Order, Paging, TimeStyle};
use super::Ask;

const MOST_PER_PAGE: usize = 1_000;

/// In order of change, as exports are.
fn ordered(ask: &Ask<'_>, items: Vec<Item>) -> Vec<(i64, Value, Item)> {
    let without_deleted = ["exclude_deleted", "filter[exclude_deleted]"]
        .iter()
        .any(|name| ask.call.param(name) == Some("true"));
    let rows = items
        .into_iter()
        .filter(|item| !without_deleted || item.gone.is_none())
        .map(|item| (item.changed, ask.id_value(item), item));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    rows
}

/// An export that goes on by cursor.
pub(super) fn by_cursor(ask: Ask<'_>, items: Vec<Item>) -> Result<Reply, Reply> {
    let size = ask.export_size("per_page", MOST_PER_PAGE)?;
    let rows = ordered(&ask, items);
    let (from, sent) = if let Some(text) = ask.call.param("cursor") {
        let (time, id) = read(text).ok_or_else(|| errors::invalid_value("Invalid cursor"))?;
        let is_past = |row: &(i64, Value, Item)| (row.0, &row.1) <= (time, &id);
        (rows.partition_point(is_past), text.to_owned())
    } else {
        let start = ask.start_time(true)?;
        (rows.partition_point(|row| row.0 < start), export_cursor(start, 0))
    };
    let to = (from + size).min(rows.len());
    let cursor = match rows[from..to].last() {
        Some((time, id, _)) => Some(write(*time, id)),
        None if ask.settings.null_cursor_on_empty_export => None,
        None => Some(sent),
    };
    let link = cursor.as_deref();
    let link = link.map(|cursor| ask.call.link(&[("start_time", None), ("cursor", Some(cursor))]));
    let at_end = to == rows.len();
    let items: Vec<Item> = rows[from..to].iter().map(|row| row.2).collect();
    let mut page = ask.open(&items);
    let mut object = Object::continued(&mut page);
    object.maybe_text("after_url", link.as_deref());
    object.raw("before_url", "null");
    object.maybe_text("after_cursor", cursor.as_deref());
    object.raw("before_cursor", "null");
    object.flag("end_of_stream", at_end);
    if ask.hit.resource.parent.is_some() {
        object.raw("meta", if at_end { r#"{"has_more":false}"# } else { r#"{"has_more":true}"# });
    }
    page.push(b'}');
    Ok(Reply::json(200, page))
}

fn write(time: i64, id: &Value) -> String {
    let id = match id {
        Value::Time(id) | Value::Number(id) => id.to_string(),
        Value::Text(id) => id.clone(),
    };
    super::super::cursor::text_cursor(&format!("{time}.0||{id}|"))
}

fn read(text: &str) -> Option<(i64, Value)> {
    let plain = read_text_cursor(text)?;
    let (time, rest) = plain.split_once(".0||")?;
    let id = rest.strip_suffix('|')?;
    let id = match id.parse() {
        Ok(number) => Value::Number(number),
        Err(_) => Value::Text(id.to_owned()),
    };
    Some((time.parse().ok()?, id))
}

/// An export that goes on by time, or by cursor as a list does when a page size is given.
pub(super) fn by_time_or_cursor(
    ask: Ask<'_>,
    mut items: Vec<Item>,
    style: TimeStyle,
) -> Result<Reply, Reply> {
    if ask.call.param("page[size]").is_none() {
        return by_time(ask, items, style);
    }
    if ask.call.param("start_time").is_some() {
        let start = ask.start_time(style.too_recent)?;
        items.retain(|item| item.created >= start);
    }
    super::list::page(ask, items, Paging::Cursor, Order::Oldest)
}

/// An export that goes on by time.
pub(super) fn by_time(ask: Ask<'_>, items: Vec<Item>, style: TimeStyle) -> Result<Reply, Reply> {
    let size = ask.export_size("per_page", MOST_PER_PAGE)?;
    let start = ask.start_time(style.too_recent)?;
    let rows = ordered(&ask, items);
    let rows = &rows[rows.partition_point(|row| row.0 < start)..];
    let (taken, end_time) = cut(rows, start, size, ask.settings.stuck_time_export);
    let at_end = taken == rows.len();
    let items: Vec<Item> = rows[..taken].iter().map(|row| row.2).collect();
    let next = ask.call.link(&[("start_time", Some(&end_time.to_string()))]);
    let mut page = ask.open(&items);
    let mut object = Object::continued(&mut page);
    object.int("count", taken as u64);
    if style.tells_end {
        object.flag("end_of_stream", at_end);
    }
    object.signed("end_time", end_time);
    object.maybe_text("next_page", (!(style.ends_with_null && at_end)).then_some(next.as_str()));
    page.push(b'}');
    Ok(Reply::json(200, page))
}

/// How many rows the page takes, and its `end_time`.
fn cut(rows: &[(i64, Value, Item)], start: i64, size: usize, stuck: bool) -> (usize, i64) {
    let page = &rows[..size.min(rows.len())];
    let (Some(first), Some(last)) = (page.first(), page.last()) else {
        return (0, start);
    };
    if first.0 != last.0 {
        return (page.len(), last.0);
    }
    // A page within one second is widened to all of it, then steps past it.
    let second = rows.partition_point(|row| row.0 <= last.0);
    if stuck && second > page.len() { (page.len(), last.0) } else { (second, last.0 + 1) }
}
