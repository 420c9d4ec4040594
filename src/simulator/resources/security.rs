//! Who did what, and who may: access logs, sessions, tokens, webhooks.

use super::super::collection::Life;
use super::super::limits::{Base, Extra};
use super::super::record::Member::{
    Created, CreatedNanos, CreatedZoneless, Gone, Hex, Id, Int, Ip, Is, Now, Null, Of, One, Parent,
    Person, Sentence, Tags, Text, Title, Updated, UpdatedNanos, UpdatedOrNull, Url, User,
};
use super::{Endpoint, Id as Ids, Order, Paging, Resource, Serve, list, resource};

pub(super) const ROWS: &[Resource] = &[
    Resource {
        id: Ids::Ulid,
        life: Life::Grows,
        kept_days: Some(90),
        ..resource(
            "access_logs",
            &[
                ("id", Id),
                ("timestamp", Created),
                ("user_id", User),
                ("ip_address", Ip),
                ("method", One(&["\"GET\"", "\"POST\"", "\"PUT\"", "\"PATCH\"", "\"DELETE\""])),
                (
                    "url",
                    One(&[
                        "\"/api/v2/tickets/35.json?include=users\"",
                        "\"/agent/tickets/17\"",
                        "\"/graphql\"",
                        "\"https://acme.zendesk.com/agent/filters/25?sort=asc&page=2#top\"",
                    ]),
                ),
                ("status", One(&["200", "201", "304", "401", "403", "404", "500"])),
                (
                    "authorization_type",
                    One(&["\"session\"", "\"bearer\"", "\"basic\"", "\"digest\""]),
                ),
                (
                    "client",
                    One(&[r#""Mozilla/5.0 (X11; Linux x86_64)""#, r#""curl/8.5.0""#, "null"]),
                ),
                (
                    "graphql",
                    One(&[
                        "null",
                        r#"{"operation_name":"ticket","operation_type":"QUERY","query":"query ticket($id: ID!) {\n  ticket(id: $id) { id }\n}","variables":"{\"id\":\"17\"}"}"#,
                    ]),
                ),
                ("referer", One(&["null", "\"https://acme.zendesk.com/agent/\""])),
                ("bytes_sent", Int(60_000)),
                ("category", One(&["null", "\"tickets\"", "\"admin\""])),
                (
                    "summary",
                    One(&["null", "\"Viewed a ticket\\nin \\\"Agent Workspace\\\" &amp; more\""]),
                ),
            ],
            &[Endpoint {
                path: "/access_logs",
                serve: Serve::AccessLogs,
                base: Base::AccessLogs,
                extra: Extra::None,
            }],
        )
    },
    resource(
        "sessions",
        &[
            ("url", Url("/sessions/")),
            ("id", Id),
            ("user_id", User),
            ("authenticated_at", Created),
            ("last_seen_at", Updated),
        ],
        &[list("/sessions", Paging::Both, Order::Id)],
    ),
    Resource {
        key: "tokens",
        ..resource(
            "oauth_tokens",
            &[
                ("url", Url("/oauth/tokens/")),
                ("id", Id),
                ("user_id", User),
                ("client_id", Of("oauth_clients")),
                ("token", Hex(10)),
                ("refresh_token", Null),
                (
                    "scopes",
                    One(&[r#"["read"]"#, r#"["tickets:read","users:read"]"#, r#"["write"]"#]),
                ),
                ("created_at", Created),
                ("used_at", UpdatedOrNull),
                ("expires_at", Null),
            ],
            &[list("/oauth/tokens", Paging::Both, Order::Id)],
        )
    },
    Resource {
        key: "clients",
        ..resource(
            "oauth_clients",
            &[
                ("url", Url("/oauth/clients/")),
                ("id", Id),
                ("identifier", Hex(12)),
                ("name", Title),
                ("company", Null),
                ("description", Sentence),
                ("kind", One(&["\"confidential\"", "\"public\""])),
                ("redirect_uri", Is(r#"["https://example.com/callback"]"#)),
                ("secret", Hex(10)),
                ("user_id", User),
                ("global", Is("false")),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[list("/oauth/clients", Paging::Both, Order::Id)],
        )
    },
    Resource {
        id: Ids::Ulid,
        scopes: &["webhooks:read", "read"],
        ..resource(
            "webhooks",
            &[
                ("id", Id),
                ("name", Title),
                ("status", Now(&["\"active\"", "\"inactive\""])),
                ("subscriptions", One(&[r#"["conditional_ticket_events"]"#, "[]"])),
                ("created_at", CreatedNanos),
                ("created_by", User),
                ("updated_at", UpdatedNanos),
                ("endpoint", Is("\"https://example.com/hook?a=b&c=d\"")),
                ("http_method", One(&["\"POST\"", "\"PATCH\""])),
                ("request_format", One(&["\"json\"", "\"xml\""])),
                ("external_source", Null),
            ],
            &[list("/webhooks", Paging::Webhooks, Order::Id)],
        )
    },
    Resource {
        key: "invocations",
        id: Ids::Ulid,
        life: Life::Grows,
        parent: Some("webhooks"),
        scopes: &["webhooks:read", "read"],
        ..resource(
            "webhook_invocations",
            &[
                ("id", Id),
                ("webhook_id", Parent),
                ("status", One(&["\"success\"", "\"failed\"", "\"terminated\"", "\"throttled\""])),
                ("status_code", One(&["200", "503", "null"])),
                ("latest_completed_at", CreatedNanos),
                ("event_type", One(&["null", "\"zen:event-type:user.created\""])),
            ],
            &[list("/webhooks/*/invocations", Paging::Webhooks, Order::Newest)],
        )
    },
    Resource {
        id: Ids::Job,
        ..resource(
            "job_statuses",
            &[
                ("id", Id),
                ("job_type", One(&["\"Bulk Update Ticket\"", "\"Bulk Delete User\""])),
                ("url", Url("/job_statuses/")),
                ("total", Int(100)),
                ("progress", Int(100)),
                (
                    "status",
                    Now(&[
                        "\"queued\"",
                        "\"working\"",
                        "\"completed\"",
                        "\"failed\"",
                        "\"killed\"",
                    ]),
                ),
                ("message", Text),
                ("results", One(&["null", r#"[{"id":17,"action":"update","success":true}]"#])),
            ],
            &[list("/job_statuses", Paging::Cursor, Order::Newest)],
        )
    },
    Resource {
        key: "agent_engagement_data",
        id: Ids::Uuid,
        life: Life::Grows,
        ..resource(
            "engagements",
            &[
                ("engagement_id", Id),
                ("agent_id", User),
                ("agent_name", Person),
                ("ticket_id", super::super::record::Member::Ticket),
                ("channel", One(&["\"messaging\"", "\"support\"", "\"voice\""])),
                ("engagement_start_time", CreatedZoneless),
                ("engagement_end_time", CreatedZoneless),
                ("engagement_end_reason", One(&["null", "\"TRANSFERRED\"", "\"ENDED\""])),
                ("assignment_to_first_reply_time_seconds", One(&["null", "17", "1.50"])),
                ("tags", Tags),
                ("deleted_at", Gone),
            ],
            &[Endpoint {
                path: "/engagements",
                serve: Serve::Engagements,
                base: Base::Unmetered,
                extra: Extra::None,
            }],
        )
    },
];
