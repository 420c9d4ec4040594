//! Tickets.

use super::{Paging, StreamSpec, row};

pub(super) const ROWS: &[StreamSpec] = &[StreamSpec {
    description: "each ticket as it is after a change, deleted ones included",
    page_size: 1000,
    time_field: "updated_at",
    // `updated_at` stands still when the system changes a ticket; this one never does.
    version_field: Some("generated_timestamp"),
    scope: "tickets:read",
    bucket: Some("incremental-exports"),
    limit: "10/min (30 with High Volume)",
    columns: &["id", "updated_at", "status", "priority", "subject", "requester_id"],
    docs_url: "https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/",
    ..row("tickets", "/api/v2/incremental/tickets/cursor", Paging::IncrementalCursor)
}];
