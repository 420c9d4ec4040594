//! The page shapes Zendesk has, as one: is there more, and from where.
//!
//! Reads the small members around the records array. Facts:
//! <https://developer.zendesk.com/api-reference/introduction/pagination/> for lists (`meta`,
//! `links`) and the page on incremental exports (`after_cursor`, `end_of_stream`); that a link to a
//! next page stays on the last one is from recorded answers. No link in a body is followed.

use bytes::Bytes;
use serde::Deserialize;

/// What a page says about the pages after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEnd {
    /// Where the next page starts; none on an empty page, where the cursor before
    /// it stays good.
    pub cursor: Option<String>,
    /// Whether there are more records now. A page may be empty and still have
    /// more after it, and a link to a next page is there even when nothing follows.
    pub more: bool,
}

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

impl PageEnd {
    /// Reads `meta` of a list page. An error says what is missing.
    pub fn of_list(envelope: &[(String, Bytes)]) -> Result<Self, String> {
        let meta = member(envelope, "meta").ok_or("the page has no `meta`")?;
        let meta: Meta = serde_json::from_slice(meta).map_err(|e| format!("`meta`: {e}"))?;
        if meta.has_more && meta.after_cursor.is_none() {
            return Err("`meta` promises more without a cursor".to_owned());
        }
        Ok(Self { cursor: meta.after_cursor, more: meta.has_more })
    }

    /// Reads `after_cursor` and `end_of_stream` of an incremental export's page.
    pub fn of_export(envelope: &[(String, Bytes)]) -> Result<Self, String> {
        let end = member(envelope, "end_of_stream").ok_or("the page has no `end_of_stream`")?;
        let end: bool = serde_json::from_slice(end).map_err(|e| format!("`end_of_stream`: {e}"))?;
        let cursor = match member(envelope, "after_cursor") {
            Some(text) => serde_json::from_slice::<Option<String>>(text)
                .map_err(|e| format!("`after_cursor`: {e}"))?,
            None => None,
        };
        if !end && cursor.is_none() {
            return Err("the page promises more without a cursor".to_owned());
        }
        Ok(Self { cursor, more: !end })
    }
}

/// The last member of that name, as JSON parsers have it.
fn member<'a>(envelope: &'a [(String, Bytes)], name: &str) -> Option<&'a Bytes> {
    envelope.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(members: &[(&str, &'static str)]) -> Vec<(String, Bytes)> {
        members.iter().map(|(k, v)| ((*k).to_owned(), Bytes::from_static(v.as_bytes()))).collect()
    }

    #[test]
    fn the_end_is_what_has_more_says_not_the_link() {
        let last = envelope(&[
            ("links", r#"{"next":"https://acme.zendesk.com/api/v2/x?page%5Bafter%5D=abc"}"#),
            ("meta", r#"{"has_more":false,"after_cursor":"abc","before_cursor":"x"}"#),
        ]);
        let end = PageEnd { cursor: Some("abc".to_owned()), more: false };
        assert_eq!(PageEnd::of_list(&last), Ok(end));
    }

    #[test]
    fn an_empty_page_has_no_cursor() {
        let empty = envelope(&[("meta", r#"{"has_more":false,"after_cursor":null}"#)]);
        assert_eq!(PageEnd::of_list(&empty), Ok(PageEnd { cursor: None, more: false }));
        let export = envelope(&[("after_cursor", "null"), ("end_of_stream", "true")]);
        assert_eq!(PageEnd::of_export(&export), Ok(PageEnd { cursor: None, more: false }));
    }

    #[test]
    fn an_export_ends_where_end_of_stream_says_though_its_cursor_is_set() {
        let last = envelope(&[("after_cursor", r#""MTcw""#), ("end_of_stream", "true")]);
        assert_eq!(
            PageEnd::of_export(&last),
            Ok(PageEnd { cursor: Some("MTcw".to_owned()), more: false })
        );
    }

    #[test]
    fn more_without_a_cursor_is_malformed() {
        assert!(PageEnd::of_list(&envelope(&[("meta", r#"{"has_more":true}"#)])).is_err());
        assert!(PageEnd::of_export(&envelope(&[("end_of_stream", "false")])).is_err());
        assert!(PageEnd::of_list(&envelope(&[])).is_err());
    }
}
