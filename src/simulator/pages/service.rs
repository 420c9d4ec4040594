//! The exports of services beside Support: routing and chat.

use super::super::collection::Item;
use super::super::cursor::Value;
use super::super::errors;
use super::super::json::Object;
use super::super::record::micros;
use super::super::reply::Reply;
use super::Ask;

const MOST_ROUTING: usize = 3_000;
const MOST_CHATS: usize = 1_000;

/// Where a row stands in an export: its time, and its id among equal ones.
type Place = (i64, String);

/// Skill-based routing: a cursor that is a UUID, and an end at which `count` is 0.
pub(super) fn routing(ask: Ask<'_>, mut items: Vec<Item>) -> Result<Reply, Reply> {
    items.sort_by_key(|item| (item.changed, item.place));
    let from = match ask.call.param("cursor") {
        None => 0,
        Some(cursor) => {
            let at = read_uuid(cursor).ok_or_else(|| errors::invalid_value("Invalid cursor"))?;
            items.partition_point(|item| (item.changed, item.place) <= at)
        }
    };
    let size = ask.export_size("per_page", MOST_ROUTING)?;
    let items = &items[from..(from + size).min(items.len())];
    let last = items.last();
    let sent = ask.call.param("cursor").map(str::to_owned);
    let cursor = last.map(|item| uuid(item.changed, item.place)).or(sent);
    let next = ask.call.link(&[("cursor", cursor.as_deref())]);
    let mut page = ask.open(items);
    let mut object = Object::continued(&mut page);
    object.int("count", items.len() as u64);
    object.signed("end_time", last.map_or(ask.now, |item| item.changed));
    object.text("next_page", &next);
    page.push(b'}');
    Ok(Reply::json(200, page))
}

/// A cursor that looks like the UUIDs of real ones.
fn uuid(time: i64, place: u32) -> String {
    format!("{time:08x}-acab-11e8-9d65-{place:012x}")
}

fn read_uuid(cursor: &str) -> Option<(i64, u32)> {
    let (time, rest) = cursor.split_once('-')?;
    let place = rest.strip_prefix("acab-11e8-9d65-")?;
    Some((i64::from_str_radix(time, 16).ok()?, u32::from_str_radix(place, 16).ok()?))
}

/// Chat: from a time and an id on, `limit` at once.
pub(super) fn chat(ask: Ask<'_>, items: Vec<Item>, in_micros: bool) -> Result<Reply, Reply> {
    let size = ask.export_size("limit", MOST_CHATS)?;
    let time = |item: &Item| {
        if in_micros {
            item.created * 1_000_000 + i64::from(micros(item.place))
        } else {
            item.changed
        }
    };
    let id = |item: &Item| match ask.id_value(*item) {
        Value::Text(id) => id,
        Value::Time(id) | Value::Number(id) => id.to_string(),
    };
    let mut rows: Vec<(Place, Item)> =
        items.into_iter().map(|item| ((time(&item), id(&item)), item)).collect();
    rows.sort();
    let start = match ask.call.param("start_time") {
        None => 0,
        Some(_) => ask.start_time(false)?,
    };
    let start_id = ask.call.param("start_id").filter(|id| !id.is_empty());
    let from = rows.partition_point(|row| match start_id {
        Some(id) => (row.0.0, row.0.1.as_str()) <= (start, id),
        None => row.0.0 < start,
    });
    let rows = &rows[from..(from + size).min(rows.len())];
    let (end_time, end_id) = match rows.last() {
        Some((place, _)) => place.clone(),
        None => (start, start_id.unwrap_or_default().to_owned()),
    };
    let next = ask.call.link(&[
        ("start_time", Some(&end_time.to_string())),
        ("start_id", (!end_id.is_empty()).then_some(end_id.as_str())),
    ]);
    let items: Vec<Item> = rows.iter().map(|row| row.1).collect();
    let mut page = ask.open(&items);
    let mut object = Object::continued(&mut page);
    object.int("count", items.len() as u64);
    object.signed("end_time", end_time);
    object.text("end_id", &end_id);
    object.text("next_page", &next);
    page.push(b'}');
    Ok(Reply::json(200, page))
}
