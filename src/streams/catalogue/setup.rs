//! How the account is set up: settings, brands, addresses, languages, ticket fields and forms, custom objects.

use super::{ListPages, Parents, StreamSpec, by_cursor, listed, on_one_page, whole_object};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "the names under which the account meets customers",
        columns: &["updated_at", "id", "name", "subdomain", "active"],
        docs_url: docs!("ticketing/account-configuration/brands"),
        ..listed("brands", "/api/v2/brands")
    },
    StreamSpec {
        description: "the account's settings, all of them when any has changed",
        records_key: "settings",
        columns: &["api", "agents", "email", "routing"],
        docs_url: docs!("ticketing/account-configuration/account_settings"),
        ..whole_object("account_settings", "/api/v2/account/settings")
    },
    StreamSpec {
        description: "the addresses that take mail, and whether it gets through",
        columns: &["updated_at", "id", "email", "name", "forwarding_status", "spf_status"],
        docs_url: docs!("ticketing/account-configuration/support_addresses"),
        ..listed("recipient_addresses", "/api/v2/recipient_addresses")
    },
    StreamSpec {
        description: "the languages that the account speaks",
        columns: &["updated_at", "id", "locale", "name"],
        docs_url: docs!("ticketing/account-configuration/locales"),
        ..on_one_page("locales", "/api/v2/locales")
    },
    StreamSpec {
        description: "texts in several languages, and what stands for them",
        records_key: "items",
        plan: "Professional",
        scope: "dynamic_content:read",
        columns: &["updated_at", "id", "name", "placeholder", "outdated"],
        docs_url: docs!("ticketing/ticket-management/dynamic_content"),
        ..listed("dynamic_content_items", "/api/v2/dynamic_content/items")
    },
    StreamSpec {
        description: "the fields that tickets have",
        columns: &["updated_at", "id", "type", "title", "active"],
        docs_url: docs!("ticketing/tickets/ticket_fields"),
        ..listed("ticket_fields", "/api/v2/ticket_fields")
    },
    StreamSpec {
        description: "which fields a ticket shows to whom",
        columns: &["updated_at", "id", "name", "active"],
        docs_url: docs!("ticketing/tickets/ticket_forms"),
        ..on_one_page("ticket_forms", "/api/v2/ticket_forms")
    },
    StreamSpec {
        description: "the states that tickets can be in",
        columns: &["updated_at", "id", "status_category", "agent_label", "active"],
        docs_url: docs!("ticketing/tickets/custom_ticket_statuses"),
        ..on_one_page("custom_statuses", "/api/v2/custom_statuses")
    },
    StreamSpec {
        description: "what kinds of custom objects there are",
        id_field: "key",
        scope: "custom_objects:read",
        columns: &["updated_at", "key", "title", "description"],
        docs_url: docs!("custom-data/custom-objects/custom_objects"),
        ..on_one_page("custom_objects", "/api/v2/custom_objects")
    },
    StreamSpec {
        description: "each record of each custom object as it is after a change",
        parents: Some(Parents {
            path: "/api/v2/custom_objects",
            records_key: "custom_objects",
            id_field: "key",
            pages: ListPages::Numbered,
        }),
        scope: "custom_objects:read",
        bucket: Some("custom-object-exports"),
        poll_interval_secs: 300,
        limit: "10/min",
        limit_per_minute: Some(10),
        exclude_deleted: Some("filter[exclude_deleted]"),
        columns: &["updated_at", "custom_object_key", "id", "name"],
        docs_url: docs!("custom-data/custom-objects/custom_object_records"),
        ..by_cursor("custom_object_records", "/api/v2/incremental/custom_objects/{parent}/cursor")
    },
];
