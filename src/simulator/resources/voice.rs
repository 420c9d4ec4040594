//! Talk, chat, routing and surveys: services beside Support.

use super::super::collection::Life;
use super::super::limits::{Base, Extra};
use super::super::record::Member::{
    Alive, Created, CreatedMicros, Gone, Id, Int, Is, Note, Now, Null, Of, One, Person, Tags, Text,
    Ticket, Title, Updated, User, Uuid,
};
use super::{Endpoint, Id as Ids, Resource, SUPPORT, Serve, TimeStyle, export, resource};

const TALK: TimeStyle = TimeStyle { tells_end: false, too_recent: false, ..SUPPORT };

const NPS: TimeStyle = TimeStyle { tells_end: false, ..SUPPORT };

/// A skill-based routing export.
const fn routing(path: &'static str) -> Endpoint {
    export(path, Serve::Routing, Extra::Exports)
}

/// A chat export.
const fn chat(path: &'static str, micros: bool) -> Endpoint {
    Endpoint { path, serve: Serve::Chat { micros }, base: Base::Chat, extra: Extra::None }
}

pub(super) const ROWS: &[Resource] = &[
    Resource {
        life: Life::Changes,
        ..resource(
            "calls",
            &[
                ("id", Id),
                ("created_at", Created),
                ("updated_at", Updated),
                ("agent_id", User),
                ("call_charge", One(&["\"0.003\"", "null"])),
                ("completion_status", Now(&["\"completed\"", "\"abandoned_in_queue\""])),
                ("customer_id", User),
                ("direction", One(&["\"inbound\"", "\"outbound\""])),
                ("duration", Int(3_600)),
                ("minutes_billed", Int(60)),
                ("phone_number", Is("\"+1 (311) 555-5555\"")),
                ("phone_number_id", Int(9_000)),
                ("ticket_id", Ticket),
                ("talk_time", Int(3_000)),
                ("voicemail", Is("false")),
                ("exceeded_queue_time", Is("false")),
                ("line", Null),
            ],
            &[export(
                "/channels/voice/stats/incremental/calls",
                Serve::TimeExport(TALK),
                Extra::Talk,
            )],
        )
    },
    Resource {
        key: "legs",
        life: Life::Changes,
        ..resource(
            "call_legs",
            &[
                ("id", Id),
                ("call_id", Of("calls")),
                ("created_at", Created),
                ("updated_at", Updated),
                ("agent_id", User),
                ("user_id", User),
                ("type", One(&["\"agent\"", "\"customer\"", "\"external\""])),
                ("duration", Int(3_600)),
                ("completion_status", Now(&["\"completed\"", "\"agent_missed\""])),
                ("call_charge", Is("\"0.0030\"")),
                ("quality_issues", Is(r#"["none"]"#)),
                ("consultation_to", Null),
            ],
            &[export(
                "/channels/voice/stats/incremental/legs",
                Serve::TimeExport(TALK),
                Extra::Talk,
            )],
        )
    },
    Resource {
        id: Ids::Chat,
        life: Life::Changes,
        scopes: &["chat", "read"],
        ..resource(
            "chats",
            &[
                ("id", Id),
                ("type", One(&["\"chat\"", "\"offline_msg\""])),
                ("timestamp", Created),
                ("update_timestamp", Updated),
                (
                    "visitor",
                    Is(
                        r#"{"id":"10502779-11Q3mR8sC9V","name":"Visitor \"7\"","email":"v@example.com"}"#,
                    ),
                ),
                ("agent_names", Is(r#"["Zoë Brûlé"]"#)),
                ("agent_ids", Is(r#"["35184372100000"]"#)),
                ("department_id", Null),
                ("session", Is(r#"{"browser":"Firefox","city":"München"}"#)),
                ("duration", Int(4_000)),
                ("rating", Now(&["null", "\"good\"", "\"bad\""])),
                ("message", Text),
                ("tags", Tags),
                ("deleted", Is("false")),
                ("zendesk_ticket_id", Ticket),
                (
                    "history",
                    Is(
                        r#"[{"type":"chat.msg","msg":"hi\nthere \u2728","channel":"supportrequest"}]"#,
                    ),
                ),
            ],
            &[chat("/chat/incremental/chats", false)],
        )
    },
    Resource {
        life: Life::Grows,
        scopes: &["chat", "read"],
        ..resource(
            "agent_timeline",
            &[
                ("agent_id", User),
                ("start_time", CreatedMicros),
                ("status", One(&["\"online\"", "\"away\"", "\"invisible\"", "\"offline\""])),
                ("duration", One(&["17.250001", "3600", "0.5"])),
                ("engagement_count", Int(6)),
            ],
            &[chat("/chat/incremental/agent_timeline", true)],
        )
    },
    Resource {
        key: "attributes",
        id: Ids::Uuid,
        life: Life::Marks,
        enterprise: true,
        ..resource(
            "routing_attributes",
            &[
                ("id", Id),
                ("name", Title),
                ("time", Updated),
                ("type", Now(&["\"create\"", "\"update\""])),
                ("deleted_at", Gone),
            ],
            &[routing("/incremental/routing/attributes")],
        )
    },
    Resource {
        key: "attribute_values",
        id: Ids::Uuid,
        life: Life::Marks,
        enterprise: true,
        ..resource(
            "routing_attribute_values",
            &[
                ("id", Id),
                ("attribute_id", Of("routing_attributes")),
                ("name", Title),
                ("time", Updated),
                ("type", Now(&["\"create\"", "\"update\""])),
                ("active", Alive),
            ],
            &[routing("/incremental/routing/attribute_values")],
        )
    },
    Resource {
        key: "instance_values",
        id: Ids::Uuid,
        life: Life::Grows,
        enterprise: true,
        ..resource(
            "routing_instance_values",
            &[
                ("id", Id),
                ("attribute_value_id", Of("routing_attribute_values")),
                ("instance_id", Uuid),
                ("time", Created),
                ("type", One(&["\"associate_agent\"", "\"unassociate_ticket\""])),
                ("actor", Person),
            ],
            &[routing("/incremental/routing/instance_values")],
        )
    },
    Resource {
        key: "conversions",
        id: Ids::Chat,
        life: Life::Grows,
        scopes: &["chat", "read"],
        ..resource(
            "chat_conversions",
            &[
                ("id", Id),
                ("timestamp", Created),
                ("goal_id", Int(900)),
                ("goal_name", Title),
                ("attribution", Is(r#"{"agent_id":35184372100000,"channel":null}"#)),
            ],
            &[chat("/chat/incremental/conversions", false)],
        )
    },
    Resource {
        key: "department_events",
        life: Life::Grows,
        scopes: &["chat", "read"],
        ..resource(
            "chat_department_events",
            // Whether they have ids nobody public says: these have none.
            &[
                ("timestamp", CreatedMicros),
                ("department_id", Int(9_000)),
                ("field_name", Is("\"members\"")),
                ("value", One(&["[1,2]", "null"])),
            ],
            &[chat("/chat/incremental/department_events", false)],
        )
    },
    Resource {
        key: "responses",
        life: Life::Changes,
        held_back: true,
        ..resource(
            "nps_responses",
            &[
                ("id", Id),
                ("survey_id", Int(900)),
                ("delivery_id", Int(9_000)),
                ("recipient_id", Int(90_000)),
                ("user_id", User),
                ("rating", Int(11)),
                ("comment", Note),
                ("delivered_at", Created),
                ("rated_at", Updated),
                ("user_name", Person),
                ("survey_name", Title),
            ],
            &[export("/nps/incremental/responses", Serve::TimeExport(NPS), Extra::Exports)],
        )
    },
];
