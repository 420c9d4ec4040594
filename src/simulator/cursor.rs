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
