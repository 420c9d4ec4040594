//! Ways into the account, and out of it: sessions, tokens, apps, webhooks, jobs.

use super::{ListPages, Parents, StreamSpec, happened, listed, on_one_page};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "who is signed in now, and was last seen when",
        time_field: "last_seen_at",
        // Its other times change without telling.
        version_field: None,
        columns: &["last_seen_at", "user_id", "authenticated_at"],
        docs_url: docs!("ticketing/account-configuration/sessions"),
        ..listed("sessions", "/api/v2/sessions")
    },
    StreamSpec {
        description: "who gave which app access to what, and when that was last used",
        records_key: "tokens",
        query: &[("all", "true")],
        time_field: "used_at",
        // It may never have been used.
        time_else: Some("created_at"),
        // Made once, and used from then on: it has no time of change.
        version_field: None,
        columns: &["created_at", "user_id", "client_id", "scopes", "used_at", "expires_at"],
        docs_url: docs!("ticketing/oauth/oauth_tokens"),
        ..listed("oauth_tokens", "/api/v2/oauth/tokens")
    },
    StreamSpec {
        description: "the apps that may ask for access",
        records_key: "clients",
        columns: &["updated_at", "identifier", "name", "kind", "user_id"],
        docs_url: docs!("ticketing/oauth/oauth_clients"),
        ..listed("oauth_clients", "/api/v2/oauth/clients")
    },
    StreamSpec {
        // The reference does not say whether what an app keeps secret is among its settings.
        description: "the apps that are installed, with their settings",
        records_key: "installations",
        scope: "apps:read",
        columns: &["updated_at", "id", "app_id", "product", "enabled"],
        docs_url: docs!("ticketing/apps/apps"),
        ..on_one_page("app_installations", "/api/v2/apps/installations")
    },
    StreamSpec {
        description: "where the account sends what happens in it",
        scope: "webhooks:read",
        columns: &["updated_at", "name", "status", "endpoint", "http_method"],
        docs_url: docs!("webhooks/webhooks-api/webhooks"),
        ..listed("webhooks", "/api/v2/webhooks")
    },
    StreamSpec {
        description: "each time a webhook was sent, and how that went",
        records_key: "invocations",
        parents: Some(Parents {
            path: "/api/v2/webhooks",
            records_key: "webhooks",
            id_field: "id",
            pages: ListPages::Cursor,
        }),
        time_field: "latest_completed_at",
        scope: "webhooks:read",
        columns: &["latest_completed_at", "id", "status", "status_code"],
        docs_url: docs!("webhooks/webhooks-api/webhooks"),
        ..happened("webhook_invocations", "/api/v2/webhooks/{parent}/invocations")
    },
    StreamSpec {
        description: "jobs of the last hour: bulk changes, imports",
        // It has no time at all.
        version_field: None,
        columns: &["id", "job_type", "status", "progress", "total", "message"],
        docs_url: docs!("ticketing/ticket-management/job_statuses"),
        ..listed("job_statuses", "/api/v2/job_statuses")
    },
];
