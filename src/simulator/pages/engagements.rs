//! The engagements' list: a cursor of two parameters, and pages of ten.

use jiff::Timestamp;

use super::super::collection::Item;
use super::super::cursor::Value;
use super::super::errors;
use super::super::json::{self, Object};
use super::super::reply::Reply;
use super::Ask;

const USUAL_PER_PAGE: usize = 10;
const MOST_PER_PAGE: usize = 100;

/// A page of engagements.
pub(super) fn page(ask: Ask<'_>, items: Vec<Item>) -> Result<Reply, Reply> {
    let size = ask.size("page_size", USUAL_PER_PAGE, MOST_PER_PAGE)?;
    let time = |name: &str| ask.call.param(name).map(read).transpose();
    let start = time("start_time")?.unwrap_or(i64::MIN);
    let at = time("start_time_cursor")?;
    let id = ask.call.param("engagement_id_cursor").unwrap_or_default();
    let text = |item: Item| match ask.id_value(item) {
        Value::Text(id) => id,
        Value::Time(id) | Value::Number(id) => id.to_string(),
    };
    let rows = items.into_iter().filter(|item| item.created >= start);
    let mut rows: Vec<_> = rows.map(|item| (item.created, text(item), item)).collect();
    rows.sort();
    let from = at.map_or(0, |at| rows.partition_point(|row| (row.0, row.1.as_str()) <= (at, id)));
    let to = (from + size).min(rows.len());
    let more = to < rows.len();
    let taken = &rows[from..to];
    let next = taken.last().filter(|_| more).map(|(time, id, _)| {
        ask.call.link(&[
            ("start_time_cursor", Some(json::time_text(*time).trim_end_matches('Z'))),
            ("engagement_id_cursor", Some(id)),
            ("page_size", Some(&size.to_string())),
        ])
    });
    let items: Vec<Item> = taken.iter().map(|row| row.2).collect();
    let mut page = ask.open(&items);
    let mut object = Object::continued(&mut page);
    object.flag("has_more", more);
    object.maybe_text("next_page_url", next.as_deref());
    page.push(b'}');
    Ok(Reply::json(200, page))
}

/// A time with or without a zone, or in epoch seconds.
fn read(text: &str) -> Result<i64, Reply> {
    let time = text.parse::<i64>().ok();
    let time = time.or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_second));
    let zoned = || format!("{text}Z").parse::<Timestamp>().ok().map(Timestamp::as_second);
    time.or_else(zoned).ok_or_else(|| errors::invalid_value("Invalid start_time"))
}
