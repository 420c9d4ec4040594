//! Who did what, and who looked at what: audit logs, access logs.

use super::{Paging, StreamSpec, TimeFilter, TimeForm, row};
use crate::zendesk::PAGE_AFTER;

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "who changed what in the account's settings, users, rules and apps",
        plan: "Enterprise",
        scope: "auditlogs:read",
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
        docs_url: docs!("ticketing/account-configuration/audit_logs"),
        ..row("audit_logs", "/api/v2/audit_logs", Paging::TimeWindow(BY_CREATED_AT))
    },
    StreamSpec {
        description: "what agents and admins looked at or called",
        page_size: 2500,
        time_field: "timestamp",
        plan: "Advanced Data Privacy and Protection add-on",
        bucket: Some("access-logs"),
        limit: "50/min",
        retention_days: Some(90),
        filters: &["user_id", "path", "browser_url", "graphql"],
        columns: &["timestamp", "user_id", "method", "url", "status", "ip_address"],
        docs_url: docs!("ticketing/account-configuration/access_logs"),
        ..row("access_logs", "/api/v2/access_logs", Paging::TimeWindow(BY_TIMESTAMP))
    },
];

const BY_CREATED_AT: TimeFilter = TimeFilter {
    start: "filter[created_at][]",
    end: "filter[created_at][]",
    form: TimeForm::Rfc3339,
    sort: Some("created_at"),
    cursor: &[PAGE_AFTER],
    brackets: true,
    exact: true,
    youngest_secs: 0,
    counts: true,
};

/// Ascending without being asked to. The reference names one cursor parameter in its table and
/// another one in its example.
const BY_TIMESTAMP: TimeFilter = TimeFilter {
    start: "filter[start]",
    end: "filter[end]",
    form: TimeForm::Rfc3339,
    sort: None,
    cursor: &[PAGE_AFTER, "filter[after]"],
    brackets: true,
    exact: true,
    youngest_secs: 0,
    counts: false,
};
