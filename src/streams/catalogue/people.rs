//! People, and what they belong to.

use super::{StreamSpec, by_cursor, by_time, listed, on_one_page};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "each user as it is after a change: agents, admins and customers",
        scope: "users:read",
        bucket: Some("incremental-exports-cursor"),
        limit: "20/min (60 with High Volume)",
        limit_per_minute: Some(20),
        includes: Some(&[]),
        columns: &["id", "updated_at", "name", "email", "role", "active"],
        ..by_cursor("users", "/api/v2/incremental/users/cursor")
    },
    StreamSpec {
        description: "each organization as it is after a change",
        scope: "organizations:read",
        columns: &["id", "updated_at", "name", "domain_names"],
        ..by_time("organizations", "/api/v2/incremental/organizations")
    },
    StreamSpec {
        description: "users that were deleted and can still be named",
        scope: "users:read",
        columns: &["updated_at", "id", "name", "email", "role"],
        docs_url: docs!("ticketing/users/users"),
        ..listed("deleted_users", "/api/v2/deleted_users")
    },
    StreamSpec {
        description: "groups of agents",
        columns: &["updated_at", "id", "name", "is_public", "deleted"],
        docs_url: docs!("ticketing/groups/groups"),
        ..listed("groups", "/api/v2/groups")
    },
    StreamSpec {
        description: "which agent is in which group",
        columns: &["updated_at", "id", "user_id", "group_id"],
        docs_url: docs!("ticketing/groups/group_memberships"),
        ..listed("group_memberships", "/api/v2/group_memberships")
    },
    StreamSpec {
        description: "which user is in which organization",
        scope: "organizations:read",
        columns: &["updated_at", "id", "user_id", "organization_id"],
        docs_url: docs!("ticketing/organizations/organization_memberships"),
        ..listed("organization_memberships", "/api/v2/organization_memberships")
    },
    StreamSpec {
        description: "what roles may do",
        plan: "Enterprise",
        columns: &["updated_at", "id", "name", "description"],
        docs_url: docs!("ticketing/account-configuration/custom_roles"),
        ..on_one_page("custom_roles", "/api/v2/custom_roles")
    },
    StreamSpec {
        description: "the fields that users have beside those of Zendesk",
        scope: "users:read",
        columns: &["updated_at", "id", "key", "type", "title"],
        docs_url: docs!("ticketing/users/user_fields"),
        ..listed("user_fields", "/api/v2/user_fields")
    },
    StreamSpec {
        description: "the fields that organizations have beside those of Zendesk",
        scope: "organizations:read",
        columns: &["updated_at", "id", "key", "type", "title"],
        docs_url: docs!("ticketing/organizations/organization_fields"),
        ..listed("organization_fields", "/api/v2/organization_fields")
    },
];
