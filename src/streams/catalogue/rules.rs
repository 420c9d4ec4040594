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
        description: "how soon groups are to pass tickets on",
        plan: "Enterprise",
        columns: &["updated_at", "id", "title", "position"],
        docs_url: docs!("ticketing/business-rules/group_sla_policies"),
        ..on_one_page("group_sla_policies", "/api/v2/group_slas/policies")
    },
    StreamSpec {
        description: "which macros and apps agents see beside which tickets",
        plan: "Enterprise",
        columns: &["updated_at", "id", "title", "position", "activated"],
        docs_url: docs!("ticketing/ticket-management/workspaces"),
        ..on_one_page("workspaces", "/api/v2/workspaces")
    },
    StreamSpec {
        // The reference names no plan.
        description: "which tickets wait for which groups",
        columns: &["updated_at", "id", "name", "order", "priority"],
        docs_url: docs!("agent-availability/omnichannel_routing_queues/omnichannel_routing_queues"),
        ..on_one_page("queues", "/api/v2/queues")
    },
    StreamSpec {
        // Those that still work send mail; older ones may hold a token in clear.
        description: "where rules send notice of tickets; older than webhooks",
        time_field: "created_at",
        // It has no time of change.
        version_field: None,
        columns: &["created_at", "id", "type", "title", "active"],
        docs_url: docs!("ticketing/targets/targets"),
        ..on_one_page("targets", "/api/v2/targets")
    },
    StreamSpec {
        description: "when the account is open",
        plan: "Professional",
        columns: &["updated_at", "id", "name", "time_zone"],
        docs_url: docs!("ticketing/ticket-management/schedules"),
        ..on_one_page("schedules", "/api/v2/business_hours/schedules")
    },
];
