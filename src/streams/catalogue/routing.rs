//! Skills: what they are, which values they have, and who or what has which.

use super::{CursorExport, NextCursor, Paging, StreamSpec, row};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "kinds of skills",
        records_key: "attributes",
        columns: &["time", "type", "id", "name"],
        ..exports("routing_attributes", "/api/v2/incremental/routing/attributes")
    },
    StreamSpec {
        description: "skills",
        records_key: "attribute_values",
        columns: &["time", "type", "id", "attribute_id", "name"],
        ..exports("routing_attribute_values", "/api/v2/incremental/routing/attribute_values")
    },
    StreamSpec {
        description: "which agent or ticket has which skill",
        records_key: "instance_values",
        columns: &["time", "type", "id", "attribute_value_id", "instance_id"],
        ..exports("routing_instance_values", "/api/v2/incremental/routing/instance_values")
    },
];

const fn exports(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec {
        page_size: 3000,
        time_field: "time",
        version_field: Some("time"),
        plan: "Enterprise",
        poll_interval_secs: 300,
        bucket: Some("incremental-exports"),
        limit: "10/min (30 with High Volume)",
        limit_per_minute: Some(10),
        docs_url: docs!("ticketing/ticket-management/incremental_skills_based_routing"),
        ..row(name, path, Paging::CursorExport(BY_ID))
    }
}

/// The cursor is an id and begins with the account's first record. There is no page size.
const BY_ID: CursorExport = CursorExport {
    size: "per_page",
    start: None,
    next: NextCursor::Link { member: "next_page", known: &["cursor"], more: None },
};
