//! The ways in which Zendesk pages its lists, as data; how each is followed is its reader's.

/// How a stream is paged, and with that how it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// A list that filters by time and is paged by cursor: read in windows that overlap, told
    /// apart by id.
    TimeWindow(TimeFilter),
    /// An incremental export with a cursor: every change once, in order of change.
    CursorExport(CursorExport),
    /// An incremental export by time: every change, with those of the last second again.
    TimeExport(TimeExport),
    /// A list in the order in which its records come to be: followed by its cursor.
    Tail,
    /// A list that nothing narrows: read as a whole, and what is new or changed is told.
    Snapshot(SnapshotList),
}

/// How a list is asked for the records of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeFilter {
    /// The parameter that takes the first second.
    pub start: &'static str,
    /// The parameter that takes the last second. May be the same: it is then given twice.
    pub end: &'static str,
    /// How a second is written.
    pub form: TimeForm,
    /// What `sort` must say for an ascending order, where that is not the default.
    pub sort: Option<&'static str>,
    /// The parameters that may take the cursor; the first is the usual one.
    pub cursor: &'static [&'static str],
    /// Whether other filters are written `filter[name]`, or just `name`.
    pub brackets: bool,
    /// Whether it is the row's event time that is filtered by, so that spans of it can be read side
    /// by side.
    pub exact: bool,
    /// How old the last second must at least be, in seconds: a younger one is answered with 422.
    pub youngest_secs: i64,
    /// Whether offset paging says exactly how many records a filter leaves (`per_page=1`).
    pub counts: bool,
}

/// How a time is written in a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeForm {
    /// `2026-01-02T03:04:05Z`
    Rfc3339,
    /// Seconds since 1970.
    Epoch,
}

/// How an export with a cursor is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorExport {
    /// The parameter that takes the page's size.
    pub size: &'static str,
    /// The parameter that takes the first second, where there is one.
    pub start: Option<&'static str>,
    /// Where a page has the cursor of the next one.
    pub next: NextCursor,
}

/// Where a page of an export has the cursor of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextCursor {
    /// In `after_cursor`; `end_of_stream` says whether it is the end.
    Member,
    /// In parameters of a link.
    Link {
        /// The member with the link.
        member: &'static str,
        /// The parameters that make the cursor.
        known: &'static [&'static str],
        /// The member that says whether there is more; none: an empty page is the end.
        more: Option<&'static str>,
    },
}

/// How an export by time is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeExport {
    /// What its times are counted in.
    pub unit: TimeUnit,
    /// The parameter that takes the page's size.
    pub size: &'static str,
}

/// What times are counted in, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Millionths of them.
    Microseconds,
}

/// A list that is read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotList {
    /// How it is paged.
    pub pages: ListPages,
    /// Whether its records are things that happened, so that those before `since` are left out.
    pub dated: bool,
    /// The parameter by which only those since a time are asked for, to the second, where there is one.
    pub since: Option<&'static str>,
}

/// How a list without a filter is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPages {
    /// By cursor.
    Cursor,
    /// By number, mostly all on one page.
    Numbered,
    /// Not at all: it is one object, and no list.
    Object,
}

/// The records that a list stands below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parents {
    /// Where they are listed.
    pub path: &'static str,
    /// The page's member that holds them.
    pub records_key: &'static str,
    /// What of a parent stands in the path of its list.
    pub id_field: &'static str,
    /// How they are paged.
    pub pages: ListPages,
}

impl Paging {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::TimeWindow(_) => "cursor, time window",
            Self::CursorExport(_) => "incremental cursor",
            Self::TimeExport(_) => "incremental time",
            Self::Tail => "cursor, in order",
            Self::Snapshot(SnapshotList { pages: ListPages::Cursor, .. }) => "cursor, whole list",
            Self::Snapshot(SnapshotList { pages: ListPages::Numbered, .. }) => "whole list",
            Self::Snapshot(SnapshotList { pages: ListPages::Object, .. }) => "one object",
        }
    }

    /// Whether a page can be asked for with fewer records.
    pub fn takes_page_size(self) -> bool {
        use ListPages::{Numbered, Object};
        !matches!(self, Self::Snapshot(SnapshotList { pages: Numbered | Object, .. }))
    }
}
