//! The catalogue: the only place that lists streams, one row each.
//!
//! A stream is data. A row says what the API has and what it asks for; how it is
//! read follows from its [`Paging`]. Facts come from Zendesk's reference pages,
//! named in each row.

use crate::normalize::PageLayout;

/// How a stream is paged, and with that how it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// A list that filters by `filter[created_at]` and sorts ascending by cursor: read in windows
    /// that overlap, told apart by id.
    CreatedAtWindow,
    /// An incremental export with a cursor: every change once, in order of change.
    IncrementalCursor,
}

impl Paging {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreatedAtWindow => "cursor, time window",
            Self::IncrementalCursor => "incremental cursor",
        }
    }
}

/// One row of the catalogue.
#[derive(Debug, PartialEq, Eq)]
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

/// Every stream there is.
pub static CATALOGUE: &[StreamSpec] = &[
    StreamSpec {
        name: "audit_logs",
        description: "who changed what in the account's settings, users, rules and apps",
        path: "/api/v2/audit_logs",
        paging: Paging::CreatedAtWindow,
        page_size: 100,
        records_key: "audit_logs",
        id_field: "id",
        time_field: "created_at",
        version_field: None,
        plan: "Enterprise",
        role: "admin",
        scope: "auditlogs:read",
        bucket: None,
        limit: "account budget",
        filters: &["source_type", "source_id", "actor_id", "ip_address", "action"],
        columns: &[
            "created_at",
            "actor_name",
            "action",
            "source_type",
            "source_label",
            "change_description",
            "ip_address",
        ],
        docs_url: "https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/",
    },
    StreamSpec {
        name: "tickets",
        description: "each ticket as it is after a change, deleted ones included",
        path: "/api/v2/incremental/tickets/cursor",
        paging: Paging::IncrementalCursor,
        page_size: 1000,
        records_key: "tickets",
        id_field: "id",
        time_field: "updated_at",
        // `updated_at` stands still when the system changes a ticket; this one never does.
        version_field: Some("generated_timestamp"),
        plan: "any",
        role: "admin",
        scope: "tickets:read",
        bucket: Some("incremental-exports"),
        limit: "10/min (30 with High Volume)",
        filters: &[],
        columns: &["id", "updated_at", "status", "priority", "subject", "requester_id"],
        docs_url: "https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/",
    },
];

/// Names under which other collectors know a stream, and ours for it. A config that was written
/// for one of them goes on to work.
const ALIASES: &[(&str, &str)] = &[("incremental_tickets", "tickets")];

/// The row of that name.
pub fn find(name: &str) -> Option<&'static StreamSpec> {
    let ours = ALIASES.iter().find_map(|(alias, ours)| (*alias == name).then_some(*ours));
    CATALOGUE.iter().find(|spec| spec.name == ours.unwrap_or(name))
}
