//! The catalogue: the only place that lists streams, one row each.
//!
//! A stream is data, one file a family. A row says what the API has and what it asks for; how it is
//! read follows from its [`Paging`]. Facts come from Zendesk's reference pages,
//! named in each row.

mod security;
mod tickets;

use crate::normalize::PageLayout;

/// How a stream is paged, and with that how it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// A list that filters by time and is paged by cursor: read in windows that overlap, told
    /// apart by id.
    TimeWindow(TimeFilter),
    /// An incremental export with a cursor: every change once, in order of change.
    IncrementalCursor,
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

impl Paging {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::TimeWindow(_) => "cursor, time window",
            Self::IncrementalCursor => "incremental cursor",
        }
    }
}

/// One row of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSpec {
    /// The name in configs, outputs and metrics.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub description: &'static str,
    /// The endpoint's path.
    pub path: &'static str,
    /// How it is paged.
    pub paging: Paging,
    /// Records asked for per page: the most the endpoint gives.
    pub page_size: usize,
    /// The page's member that holds the records.
    pub records_key: &'static str,
    /// The record's id.
    pub id_field: &'static str,
    /// When the record's event happened.
    pub time_field: &'static str,
    /// What moves with every change, for records that change.
    pub version_field: Option<&'static str>,
    /// The plan an account needs.
    pub plan: &'static str,
    /// The role the signed-in user needs.
    pub role: &'static str,
    /// The narrowest OAuth scope that grants it.
    pub scope: &'static str,
    /// The rate bucket it draws on beside the account's, as in the reply's
    /// `zendesk-ratelimit-<bucket>` header.
    pub bucket: Option<&'static str>,
    /// The documented limit, for people; what holds is what the headers say.
    pub limit: &'static str,
    /// How long the account keeps records, where not for ever, in days.
    pub retention_days: Option<u16>,
    /// Filters the endpoint understands, as they are written in a config.
    pub filters: &'static [&'static str],
    /// What a table of its records shows.
    pub columns: &'static [&'static str],
    /// Zendesk's reference page.
    pub docs_url: &'static str,
}

impl StreamSpec {
    /// What it asks of an account, for hints.
    pub fn needs(&self) -> String {
        let plan = match self.plan {
            "any" => String::new(),
            plan => format!("the {plan} plan, "),
        };
        format!("{plan}the role `{}` and the scope `{}` or `read`", self.role, self.scope)
    }

    /// What the splitter must know of this stream's pages.
    pub fn layout(&self, max_record_bytes: usize) -> PageLayout {
        PageLayout {
            records_key: self.records_key,
            id_field: self.id_field,
            time_field: self.time_field,
            version_field: self.version_field,
            max_record_bytes,
        }
    }
}

const FAMILIES: &[&[StreamSpec]] = &[security::ROWS, tickets::ROWS];

/// Every stream there is, in the order in which they are shown.
pub static CATALOGUE: &[StreamSpec] = &const {
    let mut rows = [FAMILIES[0][0]; count()];
    let (mut family, mut at) = (0, 0);
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            rows[at] = FAMILIES[family][row];
            (row, at) = (row + 1, at + 1);
        }
        family += 1;
    }
    rows
};

const fn count() -> usize {
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
}

/// What most rows have in common: a list of the account itself, read by an admin.
const fn row(name: &'static str, path: &'static str, paging: Paging) -> StreamSpec {
    StreamSpec {
        name,
        description: "",
        path,
        paging,
        page_size: 100,
        records_key: name,
        id_field: "id",
        time_field: "created_at",
        version_field: None,
        plan: "any",
        role: "admin",
        scope: "read",
        bucket: None,
        limit: "account budget",
        retention_days: None,
        filters: &[],
        columns: &[],
        docs_url: "",
    }
}

/// Names under which other collectors know a stream, and ours for it. A config that was written
/// for one of them goes on to work.
const ALIASES: &[(&str, &str)] = &[("incremental_tickets", "tickets")];

/// The row of that name.
pub fn find(name: &str) -> Option<&'static StreamSpec> {
    let ours = ALIASES.iter().find_map(|(alias, ours)| (*alias == name).then_some(*ours));
    CATALOGUE.iter().find(|spec| spec.name == ours.unwrap_or(name))
}
