//! What belongs to tickets, but not the tickets themselves.

use super::super::collection::Life;
use super::super::limits::Extra;
use super::super::record::Member::{
    Assignee, Created, CreatedEpoch, CreatedMillis, Email, Gone, Id, Int, Is, Note, Now, Null, One,
    Person, Sentence, Text, Ticket, Updated, Url, User, Uuid, Version,
};
use super::{
    Endpoint, Id as Ids, Order, Paging, Resource, SUPPORT, Serve, TimeStyle, export, list, resource,
};

const VIA: &str = r#"{"channel":"web","source":{"from":{},"to":{},"rel":null}}"#;

pub(super) const ROWS: &[Resource] = &[
    Resource {
        life: Life::Grows,
        scopes: &["tickets:read", "read"],
        held_back: true,
        ..resource(
            "ticket_events",
            &[
                (
                    "child_events",
                    One(&[
                        r#"[{"id":35190000000001,"via":"Web form","via_reference_id":null,"event_type":"Change","status":"open","previous_value":"new"}]"#,
                        r#"[{"id":35190000000002,"via":"Mail","via_reference_id":null,"comment_present":true,"comment_public":true,"event_type":"Comment"}]"#,
                        "[]",
                    ]),
                ),
                ("id", Id),
                ("ticket_id", Ticket),
                ("timestamp", CreatedEpoch),
                ("created_at", Created),
                ("updater_id", User),
                ("via", One(&["\"Web form\"", "\"Mail\"", "\"Rule\""])),
                ("via_reference_id", Null),
                (
                    "system",
                    Is(
                        r#"{"client":"curl/8.5.0","ip_address":"203.0.113.9","location":"Köln, Germany"}"#,
                    ),
                ),
                ("metadata", Is("{}")),
                ("event_type", Is("\"Audit\"")),
            ],
            &[export("/incremental/ticket_events", Serve::TimeExport(SUPPORT), Extra::Exports)],
        )
    },
    Resource {
        key: "audits",
        life: Life::Grows,
        ..resource(
            "ticket_audits",
            &[
                ("id", Id),
                ("ticket_id", Ticket),
                ("created_at", Created),
                ("author_id", User),
                (
                    "metadata",
                    Is(
                        r#"{"system":{"client":"Mozilla/5.0","ip_address":"2001:db8::1"},"custom":{}}"#,
                    ),
                ),
                (
                    "events",
                    One(&[
                        r#"[{"id":35190000000011,"type":"Change","value":"open","field_name":"status","previous_value":"new"}]"#,
                        r#"[{"id":35190000000012,"type":"Comment","author_id":35184372100000,"body":"Grüße 🙏\n\"ok\"","public":true}]"#,
                    ]),
                ),
                ("via", Is(VIA)),
            ],
            &[list("/ticket_audits", Paging::Legacy, Order::Oldest)],
        )
    },
    Resource {
        scopes: &["tickets:read", "read"],
        ..resource(
            "ticket_metrics",
            &[
                ("url", Url("/ticket_metrics/")),
                ("id", Id),
                ("ticket_id", Ticket),
                ("created_at", Created),
                ("updated_at", Updated),
                ("group_stations", Int(5)),
                ("assignee_stations", Int(5)),
                ("reopens", Int(3)),
                ("replies", Int(12)),
                ("assigned_at", Created),
                ("solved_at", Null),
                ("reply_time_in_minutes", Is(r#"{"calendar":2391,"business":737}"#)),
                ("on_hold_time_in_minutes", Is(r#"{"calendar":null,"business":null}"#)),
            ],
            &[list("/ticket_metrics", Paging::Both, Order::Newest)],
        )
    },
    Resource {
        life: Life::Grows,
        scopes: &["tickets:read", "read"],
        held_back: true,
        ..resource(
            "ticket_metric_events",
            &[
                ("id", Id),
                ("ticket_id", Ticket),
                (
                    "metric",
                    One(&["\"reply_time\"", "\"agent_work_time\"", "\"requester_wait_time\""]),
                ),
                ("instance_id", Int(4)),
                (
                    "type",
                    One(&["\"activate\"", "\"fulfill\"", "\"apply_sla\"", "\"update_status\""]),
                ),
                ("time", Created),
                ("status", One(&[r#"{"calendar":17,"business":3}"#, "null"])),
            ],
            &[export(
                "/incremental/ticket_metric_events",
                Serve::TimeOrCursorExport(TimeStyle { tells_end: false, ..SUPPORT }),
                Extra::Exports,
            )],
        )
    },
    Resource {
        life: Life::Changes,
        scopes: &["satisfaction_ratings:read", "read"],
        ..resource(
            "satisfaction_ratings",
            &[
                ("url", Url("/satisfaction_ratings/")),
                ("id", Id),
                ("assignee_id", Assignee),
                ("group_id", Null),
                ("requester_id", User),
                ("ticket_id", Ticket),
                ("score", Now(&["\"good\"", "\"bad\"", "\"offered\"", "\"good_with_comment\""])),
                ("created_at", Created),
                ("updated_at", Updated),
                ("comment", Note),
                ("reason", One(&["null", "\"The issue took too long to resolve\""])),
                ("reason_id", One(&["null", "0"])),
            ],
            &[list("/satisfaction_ratings", Paging::Both, Order::Oldest)],
        )
    },
    Resource {
        life: Life::Grows,
        ..resource(
            "activities",
            &[
                ("url", Url("/activities/")),
                ("id", Id),
                ("title", Sentence),
                ("verb", One(&["\"tickets.assignment\"", "\"tickets.comment\""])),
                ("user_id", User),
                ("actor_id", User),
                ("updated_at", Created),
                ("created_at", Created),
                ("object", Is(r#"{"ticket":{"id":4045,"subject":"WAKE UP\t\"now\""}}"#)),
                ("target", Is(r#"{"ticket":{"id":4045}}"#)),
            ],
            &[list("/activities", Paging::Eager, Order::Oldest)],
        )
    },
    Resource {
        scopes: &["tickets:read", "read"],
        ..resource(
            "suspended_tickets",
            &[
                ("url", Url("/suspended_tickets/")),
                ("id", Id),
                (
                    "author",
                    Is(r#"{"id":null,"name":"Mr. \"Roboto\"","email":"roboto@example.com"}"#),
                ),
                ("subject", Sentence),
                ("content", Text),
                ("cause", One(&["\"Detected as spam\"", "\"Email is too large\""])),
                ("cause_id", Int(40)),
                ("error_messages", Null),
                ("message_id", Email),
                ("ticket_id", Null),
                ("created_at", Created),
                ("updated_at", Updated),
                ("via", Is(VIA)),
                ("attachments", Is("[]")),
                ("recipient", Is("\"help@example.com\"")),
            ],
            &[list("/suspended_tickets", Paging::Cursor, Order::Oldest)],
        )
    },
    Resource {
        life: Life::Grows,
        scopes: &["tickets:read", "read"],
        ..resource(
            "deleted_tickets",
            &[
                ("id", Id),
                ("subject", Sentence),
                ("description", Sentence),
                ("actor", Is(r#"{"id":35184372100000,"name":"Ada Owner"}"#)),
                ("deleted_at", Created),
                ("previous_state", One(&["\"open\"", "\"closed\"", "\"new\""])),
            ],
            &[Endpoint {
                extra: Extra::DeletedTickets,
                ..list("/deleted_tickets", Paging::Both, Order::Id)
            }],
        )
    },
    Resource {
        life: Life::Grows,
        ..resource(
            "skips",
            &[
                ("id", Id),
                ("ticket_id", Ticket),
                ("user_id", User),
                ("reason", Sentence),
                ("created_at", Created),
                ("updated_at", Created),
            ],
            &[list("/skips", Paging::Cursor, Order::Oldest)],
        )
    },
    Resource {
        key: "events",
        id: Ids::Uuid,
        life: Life::Grows,
        ..resource(
            "side_conversation_events",
            &[
                ("id", Id),
                ("side_conversation_id", Uuid),
                (
                    "actor",
                    Is(r#"{"email":"j@example.com","name":"Johnny 🧑‍💻","user_id":35184372100000}"#),
                ),
                ("type", One(&["\"create\"", "\"reply\"", "\"update\""])),
                ("via", Is("\"support\"")),
                ("created_at", CreatedMillis),
                (
                    "message",
                    One(&["null", r#"{"subject":"My printer is on fire!","body":"a\nb","to":[]}"#]),
                ),
                ("updates", Is("{}")),
                ("ticket_id", Ticket),
                ("author", Person),
                ("version", Version),
                ("deleted_at", Gone),
            ],
            &[export(
                "/tickets/side_conversations/events",
                Serve::TimeExport(TimeStyle {
                    tells_end: false,
                    ends_with_null: true,
                    too_recent: true,
                }),
                Extra::SideConversations,
            )],
        )
    },
];
