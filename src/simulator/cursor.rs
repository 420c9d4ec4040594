//! The two kinds of cursor, bit by bit as real accounts write them.
//!
//! A client must not look inside; this side must. Nothing here knows what a
//! cursor points at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Writes a list cursor: the order's name, and the place as typed binary.
pub(super) fn list_cursor(order: &str, seconds: i64, id: u64) -> String {
    let mut place = Vec::with_capacity(18);
    place.push(b'd');
    place.extend_from_slice(&seconds.to_le_bytes());
    place.push(b'i');
    place.extend_from_slice(&id.to_le_bytes());
    let place = STANDARD.encode(place);
    STANDARD.encode(format!("{{\"o\":\"{order}\",\"v\":\"{place}\"}}"))
}

/// Reads a list cursor of that order back: its second and id.
pub(super) fn read_list_cursor(text: &str, order: &str) -> Option<(i64, u64)> {
    #[derive(serde::Deserialize)]
    struct Cursor {
        o: String,
        v: String,
    }
    let cursor: Cursor = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    let place = STANDARD.decode(cursor.v).ok()?;
    if cursor.o != order || place.len() != 18 || place[0] != b'd' || place[9] != b'i' {
        return None;
    }
    let seconds = i64::from_le_bytes(place[1..9].try_into().ok()?);
    let id = u64::from_le_bytes(place[10..18].try_into().ok()?);
    Some((seconds, id))
}

/// Writes an export cursor.
pub(super) fn export_cursor(seconds: i64, id: u64) -> String {
    STANDARD.encode(format!("{seconds}.0||{id}|"))
}

/// Reads an export cursor back: its second and id.
pub(super) fn read_export_cursor(text: &str) -> Option<(i64, u64)> {
    let plain = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (seconds, rest) = plain.split_once("||")?;
    let seconds = seconds.strip_suffix(".0")?.parse().ok()?;
    let id = rest.strip_suffix('|')?.parse().ok()?;
    Some((seconds, id))
}

/// A value of a cursor, as its binary writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// An epoch second.
    Time(i64),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

fn binary(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        match value {
            Value::Time(number) | Value::Number(number) => {
                out.push(if matches!(value, Value::Time(_)) { b'd' } else { b'i' });
                out.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(text) => {
                out.push(b's');
                out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    out
}

fn read_binary(mut rest: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        if *kind == b's' {
            let (length, after) = after.split_at_checked(4)?;
            let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
            let (text, after) = after.split_at_checked(length)?;
            values.push(Value::Text(String::from_utf8(text.to_vec()).ok()?));
            rest = after;
            continue;
        }
        let (number, after) = after.split_at_checked(8)?;
        let number = i64::from_le_bytes(number.try_into().ok()?);
        values.push(match kind {
            b'd' => Value::Time(number),
            b'i' => Value::Number(number),
            _ => return None,
        });
        rest = after;
    }
    Some(values)
}

/// Writes the cursor of a list in that order.
pub(super) fn ordered_cursor(order: &str, values: &[Value]) -> String {
    let place = STANDARD.encode(binary(values));
    STANDARD.encode(serde_json::json!({"o": order, "v": place}).to_string())
}

/// Reads the cursor of a list in that order back.
pub(super) fn read_ordered_cursor(text: &str, order: &str) -> Option<Vec<Value>> {
    let cursor: serde_json::Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    if cursor["o"].as_str()? != order {
        return None;
    }
    read_binary(&STANDARD.decode(cursor["v"].as_str()?).ok()?)
}

/// Writes a cursor of the Help Center, which does not name its order.
pub(super) fn bare_cursor(values: &[Value]) -> String {
    STANDARD.encode(binary(values))
}

/// Reads a cursor of the Help Center back.
pub(super) fn read_bare_cursor(text: &str) -> Option<Vec<Value>> {
    read_binary(&STANDARD.decode(text).ok()?)
}

/// Writes text as a cursor.
pub(super) fn text_cursor(text: &str) -> String {
    STANDARD.encode(text)
}

/// Reads text that is a cursor back.
pub(super) fn read_text_cursor(cursor: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(cursor).ok()?).ok()
}
