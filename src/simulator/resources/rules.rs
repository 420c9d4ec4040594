//! Rules: what the account does by itself. Read whole; no filter by time.

use super::super::record::Member::{
    Created, Flag, Id, Int, Is, Note, Now, Null, One, Title, Updated, Url,
};
use super::{Order, Paging, Resource, list, resource};

const CONDITIONS: &str = r#"{"all":[{"field":"status","operator":"is","value":"open"},{"field":"HOURS","operator":"greater_than","value":"24"}],"any":[]}"#;
const ACTIONS: &str = r#"[{"field":"status","value":"solved"},{"field":"notification_user","value":["requester_id","Re: {{ticket.title}} \u2192 ok","a\/b"]}]"#;

pub(super) const ROWS: &[Resource] = &[
    Resource {
        scopes: &["macros:read", "read"],
        ..resource(
            "macros",
            &[
                ("url", Url("/macros/")),
                ("id", Id),
                ("title", Title),
                ("active", Flag),
                ("updated_at", Updated),
                ("created_at", Created),
                ("default", Is("false")),
                ("position", Int(10_000)),
                ("description", Note),
                ("actions", Is(ACTIONS)),
                ("restriction", Null),
                ("raw_title", Title),
            ],
            &[list("/macros", Paging::Both, Order::Id)],
        )
    },
    Resource {
        scopes: &["triggers:read", "read"],
        ..resource(
            "triggers",
            &[
                ("url", Url("/triggers/")),
                ("id", Id),
                ("title", Title),
                ("active", Flag),
                ("updated_at", Updated),
                ("created_at", Created),
                ("default", Is("false")),
                ("actions", Is(ACTIONS)),
                ("conditions", Is(CONDITIONS)),
                ("description", Note),
                ("position", Int(100)),
                ("raw_title", Title),
                ("category_id", One(&["\"35190000000999\"", "null"])),
            ],
            &[list("/triggers", Paging::Both, Order::Id)],
        )
    },
    Resource {
        scopes: &["automations:read", "read"],
        ..resource(
            "automations",
            &[
                ("url", Url("/automations/")),
                ("id", Id),
                ("title", Title),
                ("active", Flag),
                ("updated_at", Updated),
                ("created_at", Created),
                ("default", Is("false")),
                ("actions", Is(ACTIONS)),
                ("conditions", Is(CONDITIONS)),
                ("position", Int(10_000)),
                ("raw_title", Title),
            ],
            &[list("/automations", Paging::Both, Order::Id)],
        )
    },
    resource(
        "views",
        &[
            ("url", Url("/views/")),
            ("id", Id),
            ("title", Title),
            ("active", Flag),
            ("updated_at", Updated),
            ("created_at", Created),
            ("default", Is("false")),
            ("position", Int(10_000)),
            ("description", Note),
            (
                "execution",
                Is(
                    r#"{"group_by":null,"sort_by":"nice_id","columns":[{"id":"subject","title":"Subject"}]}"#,
                ),
            ),
            ("conditions", Is(CONDITIONS)),
            ("restriction", Now(&["null", r#"{"type":"Group","id":35190000000123}"#])),
            ("raw_title", Title),
        ],
        &[list("/views", Paging::Both, Order::Id)],
    ),
    resource(
        "sla_policies",
        &[
            ("url", Url("/slas/policies/")),
            ("id", Id),
            ("title", Title),
            ("description", Note),
            ("position", Int(100)),
            ("filter", Is(CONDITIONS)),
            (
                "policy_metrics",
                Is(
                    r#"[{"priority":"normal","metric":"first_reply_time","target":30,"business_hours":false}]"#,
                ),
            ),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/slas/policies", Paging::Single, Order::Id)],
    ),
    resource(
        "schedules",
        &[
            ("id", Id),
            ("name", Title),
            ("time_zone", One(&["\"Berlin\"", "\"Pacific Time (US & Canada)\""])),
            ("created_at", Created),
            ("updated_at", Updated),
            ("intervals", Now(&[r#"[{"start_time":1980,"end_time":2460}]"#, "[]"])),
        ],
        &[list("/business_hours/schedules", Paging::Single, Order::Id)],
    ),
];
