//! People and what they belong to.

use super::super::collection::Life;
use super::super::limits::Extra;
use super::super::record::Member::{
    Alive, Created, Email, Flag, Id, Is, Note, Null, Of, Organization, Person, Tags, Text, Title,
    Updated, UpdatedOrNull, Url, User,
};
use super::{Id as Ids, Order, Paging, Resource, SUPPORT, Serve, export, list, resource};

pub(super) const ROWS: &[Resource] = &[
    Resource {
        id: Ids::User,
        life: Life::Marks,
        scopes: &["users:read", "read"],
        held_back: true,
        ..resource(
            "users",
            // A user has a renderer of its own, which other endpoints share.
            &[],
            &[
                export("/incremental/users/cursor", Serve::CursorExport, Extra::UsersCursor),
                export("/incremental/users", Serve::TimeExport(SUPPORT), Extra::Exports),
            ],
        )
    },
    Resource {
        life: Life::Marks,
        scopes: &["organizations:read", "read"],
        held_back: true,
        ..resource(
            "organizations",
            &[
                ("url", Url("/organizations/")),
                ("id", Id),
                ("name", Organization),
                ("shared_tickets", Flag),
                ("shared_comments", Flag),
                ("external_id", Null),
                ("created_at", Created),
                ("updated_at", Updated),
                ("domain_names", Is(r#"["example.com"]"#)),
                ("details", Note),
                ("notes", Text),
                ("group_id", Null),
                ("tags", Tags),
                ("organization_fields", Is(r#"{"region":null,"score":1.50,"tier":"a/b"}"#)),
                ("deleted_at", super::super::record::Member::Gone),
            ],
            &[export("/incremental/organizations", Serve::TimeExport(SUPPORT), Extra::Exports)],
        )
    },
    resource(
        "groups",
        &[
            ("url", Url("/groups/")),
            ("id", Id),
            ("is_public", Flag),
            ("name", Organization),
            ("description", Note),
            ("default", Is("false")),
            ("deleted", Is("false")),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/groups", Paging::Both, Order::Id)],
    ),
    resource(
        "group_memberships",
        &[
            ("url", Url("/group_memberships/")),
            ("id", Id),
            ("user_id", User),
            ("group_id", Of("groups")),
            ("default", Flag),
            ("created_at", Created),
            ("updated_at", UpdatedOrNull),
        ],
        &[list("/group_memberships", Paging::Both, Order::Id)],
    ),
    resource(
        "organization_memberships",
        &[
            ("url", Url("/organization_memberships/")),
            ("id", Id),
            ("user_id", User),
            ("organization_id", Of("organizations")),
            ("default", Flag),
            ("created_at", Created),
            ("organization_name", Organization),
            ("updated_at", UpdatedOrNull),
            ("view_tickets", Flag),
        ],
        &[list("/organization_memberships", Paging::Both, Order::Id)],
    ),
    Resource {
        scopes: &["users:read", "read"],
        ..resource(
            "deleted_users",
            &[
                ("id", Id),
                ("url", Url("/deleted_users/")),
                ("name", Person),
                ("email", Email),
                ("created_at", Created),
                ("updated_at", Updated),
                ("time_zone", Is("\"Berlin\"")),
                ("phone", Null),
                ("shared_phone_number", Null),
                ("photo", Null),
                ("locale_id", Is("1")),
                ("locale", Is("\"en-US\"")),
                ("organization_id", Of("organizations")),
                ("role", Is("\"end-user\"")),
                ("active", Is("false")),
            ],
            &[list("/deleted_users", Paging::Both, Order::Id)],
        )
    },
    resource(
        "custom_roles",
        &[
            ("id", Id),
            ("name", Title),
            ("description", Note),
            ("role_type", Is("0")),
            ("created_at", Created),
            ("updated_at", Updated),
            (
                "configuration",
                Is(r#"{"chat_access":true,"ticket_access":"all","light_agent":false}"#),
            ),
            ("team_member_count", super::super::record::Member::Int(40)),
        ],
        &[list("/custom_roles", Paging::Single, Order::Id)],
    ),
    resource(
        "user_fields",
        &[
            ("url", Url("/user_fields/")),
            ("id", Id),
            ("type", Is("\"text\"")),
            ("key", super::super::record::Member::Hex(8)),
            ("title", Title),
            ("description", Note),
            ("position", super::super::record::Member::Int(100)),
            ("active", Flag),
            ("system", Is("false")),
            ("regexp_for_validation", Null),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/user_fields", Paging::Both, Order::Id)],
    ),
    resource(
        "organization_fields",
        &[
            ("url", Url("/organization_fields/")),
            ("id", Id),
            ("type", Is("\"dropdown\"")),
            ("key", super::super::record::Member::Hex(8)),
            ("title", Title),
            ("description", Note),
            ("position", super::super::record::Member::Int(100)),
            ("active", Alive),
            (
                "custom_field_options",
                Is(r#"[{"id":35190000000007,"name":"A \"B\"","value":"a_b"}]"#),
            ),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/organization_fields", Paging::Both, Order::Id)],
    ),
];
