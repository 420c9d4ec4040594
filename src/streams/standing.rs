//! Positions for people: up to when a stream has been read, as far as its position shows that.
//!
//! A look from outside that knows only how times are written in positions, whatever kind of
//! stream made them. Nothing is decided by what it finds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Position;

/// Lists of a position with more items than this are told by how many they are, texts by as many
/// characters.
const BRIEF_ITEMS: usize = 16;
const BRIEF_CHARS: usize = 200;

/// A position of more values than this is long, and one that has a text of more bytes.
const SHORT_VALUES: usize = 300;
const SHORT_TEXT_BYTES: usize = 2_000;

impl Position {
    /// Everything before this time was delivered; none where the position does not tell. Of
    /// several parts of a stream it is the one that is furthest back.
    pub fn reached(&self) -> Option<Timestamp> {
        let mut times = Vec::new();
        collect(&self.0, &mut times);
        times.into_iter().min()
    }

    /// The same, also of a list that is read as a whole: up to when its last reading told of it.
    pub fn delivered_through(&self) -> Option<Timestamp> {
        let passed = self.0.get("passed").and_then(Value::as_str);
        self.reached().or_else(|| passed?.parse().ok())
    }

    /// The position without what makes it long, such as what was met of a list: each long list is
    /// `{"items": 20000}` here.
    pub fn brief(&self) -> Value {
        brief(&self.0)
    }

    /// A copy to go along with events; none of a long one.
    pub fn if_short(&self) -> Option<Value> {
        let mut room = SHORT_VALUES;
        fits(&self.0, &mut room).then(|| self.0.clone())
    }
}

/// Whether there is room for all of its values.
fn fits(value: &Value, room: &mut usize) -> bool {
    let Some(left) = room.checked_sub(1) else { return false };
    *room = left;
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, room)),
        Value::Object(members) => members.values().all(|member| fits(member, room)),
        Value::String(text) => text.len() <= SHORT_TEXT_BYTES,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn brief(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() > BRIEF_ITEMS => json!({ "items": items.len() }),
        Value::Array(items) => items.iter().map(brief).collect(),
        Value::Object(members) if members.len() > BRIEF_ITEMS => json!({ "items": members.len() }),
        Value::Object(members) => {
            let brief = |(key, member): (&String, &Value)| (key.clone(), brief(member));
            Value::Object(members.iter().map(brief).collect::<Map<_, _>>())
        }
        Value::String(text) => match text.char_indices().nth(BRIEF_CHARS) {
            Some((end, _)) => format!("{}...", &text[..end]).into(),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

fn collect(value: &Value, times: &mut Vec<Timestamp>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("from", Value::String(text)) => times.extend(text.parse::<Timestamp>().ok()),
                    ("start_time", Value::Number(number)) => times.extend(
                        number.as_i64().and_then(|second| Timestamp::from_second(second).ok()),
                    ),
                    ("cursor", Value::String(cursor)) => times.extend(time_of_cursor(cursor)),
                    (_, nested) => collect(nested, times),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, times)),
        _ => {}
    }
}

/// The time in an incremental export's cursor, whose text is `1707271741.0||4045|` in base64 as
/// recorded answers have it. That is not documented, so it may be none at any time.
pub fn time_of_cursor(cursor: &str) -> Option<Timestamp> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (second, _) = text.split_once("||")?;
    let whole = second.split_once('.').map_or(second, |(whole, _)| whole);
    Timestamp::from_second(whole.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reached(position: Value) -> Option<String> {
        Position(position).reached().map(|at| at.to_string())
    }

    #[test]
    fn each_kind_of_position_tells_its_time() {
        let window = json!({"from": "2024-05-01T10:00:00Z", "seen": [[1_714_557_600, [1, 2]]]});
        assert_eq!(reached(window).as_deref(), Some("2024-05-01T10:00:00Z"));
        let start = json!({"start_time": 1_714_557_600});
        assert_eq!(reached(start).as_deref(), Some("2024-05-01T10:00:00Z"));
        let cursor = json!({"cursor": "MTcwNzI3MTc0MS4wfHw0MDQ1fA=="});
        assert_eq!(reached(cursor).as_deref(), Some("2024-02-07T02:09:01Z"));
    }

    #[test]
    fn of_several_parts_the_furthest_back_counts() {
        let parts = json!({"tail": {"from": "2024-05-01T10:00:00Z"},
            "slices": [{"from": "2024-03-01T10:00:00Z"}, {"from": "2024-02-01T10:00:00Z"}]});
        assert_eq!(reached(parts).as_deref(), Some("2024-02-01T10:00:00Z"));
    }

    #[test]
    fn a_list_was_delivered_as_it_was_when_its_last_whole_reading_began() {
        let through = |position| Position(position).delivered_through().map(|at| at.to_string());
        let list = json!({"since": "2024-01-01T00:00:00Z", "passed": "2024-05-01T10:00:00Z"});
        assert_eq!(through(list).as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!(through(json!({"since": "2024-01-01T00:00:00Z"})), None, "not read yet");
        let window = json!({"from": "2024-05-01T10:00:00Z"});
        assert_eq!(through(window).as_deref(), Some("2024-05-01T10:00:00Z"));
    }

    #[test]
    fn a_brief_position_has_all_but_long_lists_and_texts() {
        let short = json!({"from": "2024-05-01T10:00:00Z", "seen": [[1, [2, 3]]], "n": null});
        assert_eq!(Position(short.clone()).brief(), short);
        let met: Vec<u64> = (0..20_000).collect();
        let long = json!({"pass": {"met": met, "cursor": "é".repeat(300)}});
        let brief = json!({"pass": {"met": {"items": 20_000},
            "cursor": format!("{}...", "é".repeat(200))}});
        assert_eq!(Position(long.clone()).brief(), brief);
        assert_eq!(Position(long).if_short(), None);
        assert_eq!(Position(brief.clone()).if_short(), Some(brief));
    }

    #[test]
    fn what_tells_no_time_is_not_guessed() {
        for cursor in ["", "opaque", "MTIz", "!!!"] {
            assert_eq!(reached(json!({ "cursor": cursor })), None, "{cursor}");
        }
        assert_eq!(reached(Value::Null), None);
    }
}
