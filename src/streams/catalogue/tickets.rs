//! Tickets, and what is told about them.

use super::{
    Paging, StreamSpec, TimeFilter, TimeForm, by_cursor, by_time, happened, happened_since, listed,
    on_one_page, row,
};
use crate::zendesk::PAGE_AFTER;

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "each ticket as it is after a change, deleted ones included",
        // `updated_at` stands still when the system changes a ticket; this one never does.
        version_field: Some("generated_timestamp"),
        scope: "tickets:read",
        includes: Some(WITHIN_TICKETS),
        exclude_deleted: Some("exclude_deleted"),
        columns: &["id", "updated_at", "status", "priority", "subject", "requester_id"],
        ..by_cursor("tickets", "/api/v2/incremental/tickets/cursor")
    },
    StreamSpec {
        description: "what happened to tickets, one record an update, comments included on request",
        time_field: "timestamp",
        version_field: None,
        scope: "tickets:read",
        includes: Some(&["comment_events"]),
        columns: &["created_at", "ticket_id", "updater_id", "via", "event_type"],
        ..by_time("ticket_events", "/api/v2/incremental/ticket_events")
    },
    StreamSpec {
        description: "the audits of tickets that are not archived; no record of all that happened",
        records_key: "audits",
        columns: &["created_at", "ticket_id", "author_id"],
        docs_url: docs!("ticketing/tickets/ticket_audits"),
        ..row("ticket_audits", "/api/v2/ticket_audits", Paging::Tail)
    },
    StreamSpec {
        description: "how long tickets took, of those that are not archived",
        scope: "tickets:read",
        columns: &["updated_at", "ticket_id", "reopens", "replies", "solved_at"],
        docs_url: docs!("ticketing/tickets/ticket_metrics"),
        ..listed("ticket_metrics", "/api/v2/ticket_metrics")
    },
    StreamSpec {
        description: "when tickets met, missed or paused their targets",
        time_field: "time",
        version_field: None,
        includes: Some(&[]),
        exclude_deleted: Some("exclude_deleted"),
        columns: &["time", "ticket_id", "metric", "type"],
        docs_url: docs!("ticketing/tickets/ticket_metric_events"),
        ..by_time("ticket_metric_events", "/api/v2/incremental/ticket_metric_events")
    },
    StreamSpec {
        description: "what customers said of how their tickets were solved",
        // A rating moves on when the customer answers or changes it.
        time_field: "updated_at",
        version_field: Some("updated_at"),
        plan: "Professional",
        scope: "satisfaction_ratings:read",
        filters: &["score"],
        columns: &["updated_at", "score", "ticket_id", "requester_id", "comment"],
        docs_url: docs!("ticketing/ticket-management/satisfaction_ratings"),
        ..row(
            "satisfaction_ratings",
            "/api/v2/satisfaction_ratings",
            Paging::TimeWindow(BY_START_TIME),
        )
    },
    StreamSpec {
        description: "the reasons that customers can give for a bad rating, deleted ones included",
        records_key: "reasons",
        plan: "Professional",
        columns: &["updated_at", "id", "reason_code", "value", "deleted_at"],
        docs_url: docs!("ticketing/ticket-management/satisfaction_reasons"),
        ..on_one_page("satisfaction_reasons", "/api/v2/satisfaction_reasons")
    },
    StreamSpec {
        // Zendesk's reference has it no more. The form is that of an answer of 2019 among another
        // collector's tests; which budget it draws on is not known, so it goes by the exports'.
        description: "what customers answered to NPS surveys, where the account has these still",
        records_key: "responses",
        time_field: "rated_at",
        time_else: Some("delivered_at"),
        version_field: Some("rated_at"),
        columns: &["rated_at", "id", "survey_name", "rating", "user_id", "comment"],
        poll_interval_secs: 300,
        ..by_time("nps_responses", "/api/v2/nps/incremental/responses")
    },
    StreamSpec {
        // For customers: whoever is signed in sees no more than a customer would, and of one brand.
        description: "the tickets that whoever is signed in asked for, as a customer sees them",
        role: "agent",
        scope: "requests:read",
        columns: &["updated_at", "id", "status", "subject", "requester_id"],
        docs_url: docs!("ticketing/tickets/ticket-requests"),
        ..listed("requests", "/api/v2/requests")
    },
    StreamSpec {
        description: "tags of the last 60 days, the 20,000 most used, and how often each is used",
        // A tag is its name, and all that can be told of it is how often it is used. The list goes by
        // that, so a tag may change its place while the list is read, and comes with the next pass.
        id_field: "name",
        version_field: None,
        bucket: Some("tags-index"),
        columns: &["name", "count"],
        docs_url: docs!("ticketing/ticket-management/tags"),
        ..listed("tags", "/api/v2/tags")
    },
    StreamSpec {
        description: "which other accounts share tickets with this one",
        columns: &["updated_at", "id", "name", "type", "status", "remote_subdomain"],
        docs_url: docs!("ticketing/tickets/sharing_agreements"),
        ..on_one_page("sharing_agreements", "/api/v2/sharing_agreements")
    },
    StreamSpec {
        description: "what happened on tickets that concern the agent who is signed in",
        role: "agent",
        retention_days: Some(30),
        columns: &["created_at", "verb", "title", "user_id"],
        docs_url: docs!("ticketing/tickets/activity_stream"),
        ..happened_since("activities", "/api/v2/activities")
    },
    StreamSpec {
        description: "mail that was held back and has not become a ticket",
        time_field: "updated_at",
        version_field: Some("updated_at"),
        retention_days: Some(14),
        columns: &["created_at", "cause", "subject", "ticket_id"],
        docs_url: docs!("ticketing/tickets/suspended_tickets"),
        ..listed("suspended_tickets", "/api/v2/suspended_tickets")
    },
    StreamSpec {
        description: "tickets that were deleted, and by whom",
        time_field: "deleted_at",
        bucket: Some("deleted-tickets"),
        limit: "10/min",
        limit_per_minute: Some(10),
        retention_days: Some(30),
        columns: &["deleted_at", "id", "subject", "previous_state"],
        docs_url: docs!("ticketing/tickets/tickets"),
        ..happened("deleted_tickets", "/api/v2/deleted_tickets")
    },
    StreamSpec {
        description: "tickets that agents passed over, and why",
        columns: &["created_at", "ticket_id", "user_id", "reason"],
        docs_url: docs!("ticketing/tickets/ticket_skips"),
        ..row("skips", "/api/v2/skips", Paging::Tail)
    },
    StreamSpec {
        description: "what was said and changed in conversations beside tickets",
        records_key: "events",
        time_field: "created_at",
        version_field: None,
        plan: "Collaboration add-on",
        bucket: Some("side-conversation-events"),
        limit: "600 in 10 min",
        limit_per_minute: Some(60),
        columns: &["created_at", "ticket_id", "side_conversation_id", "type", "via"],
        docs_url: docs!("ticketing/side_conversation/side_conversation_event"),
        ..by_time("side_conversation_events", "/api/v2/tickets/side_conversations/events")
    },
];

/// See <https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/>.
const WITHIN_TICKETS: &[&str] =
    &["comment_count", "dates", "incident_counts", "metric_events", "metric_sets", "slas"];

/// The reference does not say by which of a rating's times, so changes are looked for by themselves.
const BY_START_TIME: TimeFilter = TimeFilter {
    start: "start_time",
    end: "end_time",
    form: TimeForm::Epoch,
    sort: None,
    cursor: &[PAGE_AFTER],
    brackets: false,
    exact: false,
    // "More than a minute old", of both ends.
    youngest_secs: 61,
    counts: false,
};
