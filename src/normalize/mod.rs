//! From pages to events: page bytes in, records as slices of them out.
//!
//! Pure: no async, no IO, no clock. It validates every byte of a page before
//! any record leaves, never decodes a number or a string of a record, and must
//! not know which streams exist.

mod assemble;
mod event;
mod frame;
mod split;

pub use assemble::{events, parse_time, refused_event, rejected_event};
pub use event::{Event, Origin, RecordId};
pub use frame::Frame;
pub use split::{Malformed, PageLayout, Record, Rejected, SplitPage, split};
