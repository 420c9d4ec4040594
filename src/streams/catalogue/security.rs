//! Who did what: audit logs.

use super::{Paging, StreamSpec, TimeFilter, TimeForm, row};
use crate::zendesk::PAGE_AFTER;

pub(super) const ROWS: &[StreamSpec] = &[StreamSpec {
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
    docs_url: "https://developer.zendesk.com/api-reference/ticketing/account-configuration/audit_logs/",
    ..row("audit_logs", "/api/v2/audit_logs", Paging::TimeWindow(BY_CREATED_AT))
}];

const BY_CREATED_AT: TimeFilter = TimeFilter {
    start: "filter[created_at][]",
    end: "filter[created_at][]",
    form: TimeForm::Rfc3339,
    sort: Some("created_at"),
    cursor: &[PAGE_AFTER],
    brackets: true,
    counts: true,
};
