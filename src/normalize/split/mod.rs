//! The hot path: the records array of a page, as slices.
//!
//! One walk over the page checks every byte and finds the records and the
//! fields that matter. It must not decode a number or a string of a record, and
//! lets nothing out of a page that is not whole.

mod compact;
mod grammar;
mod lanes;
mod members;
mod stops;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

use members::PageWalk;

/// Where the records of a page are and which of their fields matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLayout {
    /// The member of the page that holds the records, `audit_logs`.
    pub records_key: &'static str,
    /// That member is one record, and no list of them; its name is the record's id.
    pub is_object: bool,
    /// The record's id, `id`.
    pub id_field: &'static str,
    /// When the record's event happened, `created_at`.
    pub time_field: &'static str,
    /// What moves with every change of the record, for records that change.
    pub version_field: Option<&'static str>,
    /// A longer record is rejected, in bytes of its line.
    pub max_record_bytes: usize,
}

/// A page taken apart. Nothing of it is copied unless it held insignificant white space.
#[derive(Debug, Clone)]
pub struct SplitPage {
    /// The records, in the page's order.
    pub records: Vec<Record>,
    /// What stood among the records and cannot be an event.
    pub rejected: Vec<Rejected>,
    /// Every other member of the page: its key (escapes decoded) and its value, as
    /// JSON text. In the page's order.
    pub envelope: Vec<(String, Bytes)>,
    /// Where the records stand in the page: what is between the brackets of their array, or the one
    /// that is no list.
    pub array: Range<usize>,
}

/// One record: its line and the raw texts of the fields the layout names. The
/// text of a string is what stands between its quotes, escapes as sent; the
/// last of several equal keys counts. `null`, `true`, arrays, objects: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record on one line, compact, otherwise byte for byte as sent.
    pub line: Bytes,
    /// The id's text.
    pub id: Option<Bytes>,
    /// The event time's text.
    pub time: Option<Bytes>,
    /// The version's text.
    pub version: Option<Bytes>,
}

/// Something among the records that cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The value as compact JSON on one line.
    pub line: Bytes,
    /// Why, in words.
    pub reason: String,
}

/// The page is not what the API promises; another try may get a whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Malformed {
    /// What is wrong, in words.
    pub reason: String,
    /// Where, in bytes from the start of the page.
    pub offset: usize,
}

/// Takes a page apart, in one walk over it. A page that is not whole, not JSON
/// or has no records array yields its fault alone, never a record.
pub fn split(page: &Bytes, layout: &PageLayout) -> Result<SplitPage, Malformed> {
    check_text(page)?;
    PageWalk::new(page, layout).run().map_err(|fault| *fault)
}

/// What is cheaper to know of the whole page at once: that it is UTF-8.
fn check_text(page: &[u8]) -> Result<(), Malformed> {
    if page.starts_with("\u{feff}".as_bytes()) {
        let reason = "the page starts with a byte order mark".into();
        return Err(Malformed { reason, offset: 0 });
    }
    simdutf8::compat::from_utf8(page).map(drop).map_err(|invalid| Malformed {
        reason: "the page is not UTF-8".into(),
        offset: invalid.valid_up_to(),
    })
}
