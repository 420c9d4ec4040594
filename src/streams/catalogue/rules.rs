//! What the account does by itself, and by when.

use super::{StreamSpec, listed, on_one_page};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "what agents can do to a ticket in one step",
        scope: "macros:read",
        columns: &["updated_at", "id", "title", "active"],
        docs_url: docs!("ticketing/business-rules/macros"),
        ..listed("macros", "/api/v2/macros")
    },
    StreamSpec {
        description: "what happens when a ticket changes",
        scope: "triggers:read",
        columns: &["updated_at", "id", "title", "active", "category_id"],
        docs_url: docs!("ticketing/business-rules/triggers"),
        ..listed("triggers", "/api/v2/triggers")
    },
    StreamSpec {
        description: "what happens when time has passed",
        scope: "automations:read",
        columns: &["updated_at", "id", "title", "active"],
        docs_url: docs!("ticketing/business-rules/automations"),
        ..listed("automations", "/api/v2/automations")
    },
    StreamSpec {
        description: "lists of tickets that agents share",
        columns: &["updated_at", "id", "title", "active"],
        docs_url: docs!("ticketing/business-rules/views"),
        ..listed("views", "/api/v2/views")
    },
    StreamSpec {
        description: "how soon tickets are to be answered",
        plan: "Professional",
        columns: &["updated_at", "id", "title", "position"],
        docs_url: docs!("ticketing/business-rules/sla_policies"),
        ..on_one_page("sla_policies", "/api/v2/slas/policies")
    },
    StreamSpec {
        description: "when the account is open",
        plan: "Professional",
        columns: &["updated_at", "id", "name", "time_zone"],
        docs_url: docs!("ticketing/ticket-management/schedules"),
        ..on_one_page("schedules", "/api/v2/business_hours/schedules")
    },
];
