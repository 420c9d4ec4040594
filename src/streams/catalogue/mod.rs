//! The catalogue: the only place that lists streams, one row each.
//!
//! A stream is data, one file a family. A row says what the API has and what it asks for; how it is
//! read follows from its [`Paging`]. Facts come from Zendesk's reference pages,
//! named in each row.

/// A page of Zendesk's API reference.
macro_rules! docs {
    ($page:literal) => {
        concat!("https://developer.zendesk.com/api-reference/", $page, "/")
    };
}

mod access;
mod help_center;
mod paging;
mod people;
mod routing;
mod rules;
mod security;
mod setup;
mod tickets;
mod voice;

use crate::normalize::PageLayout;
use crate::zendesk::Needs;

pub use paging::{
    CursorExport, ListPages, NextCursor, Paging, Parents, SnapshotList, TimeExport, TimeFilter,
    TimeForm, TimeUnit,
};

/// One row of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSpec {
    /// The name in configs, outputs and metrics.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub description: &'static str,
    /// The endpoint's path. `{parent}` stands for the id of a parent.
    pub path: &'static str,
    /// The records that it is listed for, one list each.
    pub parents: Option<Parents>,
    /// What is asked for with every page beside paging and filters.
    pub query: &'static [(&'static str, &'static str)],
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
    /// When that was, where `time_field` is missing or null.
    pub time_else: Option<&'static str>,
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
    /// The documented limit of `bucket`, in requests a minute, which is kept to until a header names
    /// another.
    pub limit_per_minute: Option<u32>,
    /// How long the account keeps records, where not for ever, in days.
    pub retention_days: Option<u16>,
    /// How long to wait at its end before looking again, where nobody says otherwise, in seconds.
    pub poll_interval_secs: u64,
    /// Filters the endpoint understands, as they are written in a config.
    pub filters: &'static [&'static str],
    /// Where the endpoint takes sideloads: those whose data comes within the record. All others come
    /// beside the records of a page.
    pub includes: Option<&'static [&'static str]>,
    /// The parameter that leaves deleted records out.
    pub exclude_deleted: Option<&'static str>,
    /// What a table of its records shows.
    pub columns: &'static [&'static str],
    /// Zendesk's reference page.
    pub docs_url: &'static str,
}

impl StreamSpec {
    /// What it asks of an account, for hints.
    pub fn needs(&self) -> Needs {
        let plan = match self.plan {
            "any" => None,
            part if part.ends_with("add-on") => Some(format!("the {part}")),
            plan => Some(format!("the {plan} plan")),
        };
        let scope = match self.scope {
            "read" => "the scope `read`".to_owned(),
            narrow => format!("the scope `{narrow}` or `read`"),
        };
        Needs { plan, role: Some(format!("the role `{}`", self.role)), scope: Some(scope) }
    }

    /// Whether it can begin at a time other than its own beginning.
    pub fn takes_since(&self) -> bool {
        match self.paging {
            Paging::TimeWindow(_) | Paging::TimeExport(_) | Paging::Tail => true,
            Paging::CursorExport(export) => export.start.is_some(),
            Paging::Snapshot(list) => list.dated,
        }
    }

    /// What the splitter must know of this stream's pages.
    pub fn layout(&self, max_record_bytes: usize) -> PageLayout {
        let is_object = match self.paging {
            Paging::Snapshot(list) => list.pages == ListPages::Object,
            _ => false,
        };
        PageLayout {
            records_key: self.records_key,
            is_object,
            id_field: self.id_field,
            time_field: self.time_field,
            version_field: self.version_field,
            max_record_bytes,
        }
    }
}

const FAMILIES: &[&[StreamSpec]] = &[
    security::ROWS,
    tickets::ROWS,
    people::ROWS,
    access::ROWS,
    rules::ROWS,
    setup::ROWS,
    help_center::ROWS,
    voice::ROWS,
    routing::ROWS,
];

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
        parents: None,
        query: &[],
        paging,
        page_size: 100,
        records_key: name,
        id_field: "id",
        time_field: "created_at",
        time_else: None,
        version_field: None,
        plan: "any",
        role: "admin",
        scope: "read",
        bucket: None,
        limit: "account budget",
        limit_per_minute: None,
        retention_days: None,
        poll_interval_secs: 60,
        filters: &[],
        includes: None,
        exclude_deleted: None,
        columns: &[],
        docs_url: "",
    }
}

/// A list that is read as a whole; its versions are told by `updated_at`.
const fn listed(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec {
        time_field: "updated_at",
        version_field: Some("updated_at"),
        poll_interval_secs: 900,
        ..row(name, path, whole(ListPages::Cursor, false))
    }
}

/// The same, on one page or a few.
const fn on_one_page(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec { paging: whole(ListPages::Numbered, false), ..listed(name, path) }
}

/// One object, which has neither an id nor a time: versions of it are told by their content.
const fn whole_object(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec {
        version_field: None,
        paging: whole(ListPages::Object, false),
        ..listed(name, path)
    }
}

/// A list of things that happened, too short-lived or too disorderly to follow otherwise.
const fn happened(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec { poll_interval_secs: 900, ..row(name, path, whole(ListPages::Cursor, true)) }
}

/// The same, where those since a time can be asked for.
const fn happened_since(name: &'static str, path: &'static str) -> StreamSpec {
    let list = SnapshotList { pages: ListPages::Cursor, dated: true, since: Some("since") };
    StreamSpec { paging: Paging::Snapshot(list), ..happened(name, path) }
}

const fn whole(pages: ListPages, dated: bool) -> Paging {
    Paging::Snapshot(SnapshotList { pages, dated, since: None })
}

/// An incremental export with a cursor.
const fn by_cursor(name: &'static str, path: &'static str) -> StreamSpec {
    let export =
        CursorExport { size: "per_page", start: Some("start_time"), next: NextCursor::Member };
    exported(&row(name, path, Paging::CursorExport(export)))
}

/// An incremental export by time.
const fn by_time(name: &'static str, path: &'static str) -> StreamSpec {
    let export = TimeExport { unit: TimeUnit::Seconds, size: "per_page" };
    exported(&row(name, path, Paging::TimeExport(export)))
}

const fn exported(row: &StreamSpec) -> StreamSpec {
    StreamSpec {
        page_size: 1000,
        time_field: "updated_at",
        version_field: Some("updated_at"),
        bucket: Some("incremental-exports"),
        limit: "10/min (30 with High Volume)",
        limit_per_minute: Some(10),
        docs_url: docs!("ticketing/ticket-management/incremental_exports"),
        ..*row
    }
}

/// Names under which other collectors know a stream, and ours for it. A config that was written
/// for one of them goes on to work.
const ALIASES: &[(&str, &str)] = &[
    ("account_attributes", "routing_attributes"),
    ("activity_stream", "activities"),
    ("agent_activities", "activities"),
    ("attribute_definitions", "routing_attributes"),
    ("conversions", "chat_conversions"),
    ("deleted_ticket", "deleted_tickets"),
    ("department_events", "chat_department_events"),
    ("dynamic_content", "dynamic_content_items"),
    ("incremental_organizations", "organizations"),
    ("incremental_ticket_events", "ticket_events"),
    ("incremental_tickets", "tickets"),
    ("incremental_users", "users"),
    ("legs", "call_legs"),
    ("omnichannel_routing_queues", "queues"),
    ("side_conversations_events", "side_conversation_events"),
    ("support_addresses", "recipient_addresses"),
    ("talk_calls", "calls"),
    ("talk_legs", "call_legs"),
    ("ticket_skips", "skips"),
];

/// Other names under which [`find`] knows a row.
pub fn aliases() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(alias, _)| *alias)
}

/// The row of that name.
pub fn find(name: &str) -> Option<&'static StreamSpec> {
    let ours = ALIASES.iter().find_map(|(alias, ours)| (*alias == name).then_some(*ours));
    CATALOGUE.iter().find(|spec| spec.name == ours.unwrap_or(name))
}
