//! How the account is set up, and its custom objects.

use super::super::collection::Life;
use super::super::limits::Extra;
use super::super::record::Member::{
    Created, Flag, Hex, Id, Int, Is, Note, Now, Null, One, Parent, Scrubbed, Title, Updated, Url,
    User,
};
use super::{Id as Ids, Order, Paging, Resource, Serve, export, list, resource};

pub(super) const ROWS: &[Resource] = &[
    resource(
        "brands",
        &[
            ("url", Url("/brands/")),
            ("id", Id),
            ("name", Title),
            ("brand_url", Is("\"https://acme.zendesk.com\"")),
            ("subdomain", Hex(8)),
            ("host_mapping", Null),
            ("has_help_center", Flag),
            ("help_center_state", Now(&["\"enabled\"", "\"disabled\"", "\"restricted\""])),
            ("active", Flag),
            ("default", Is("false")),
            ("is_deleted", Is("false")),
            ("logo", Null),
            ("ticket_form_ids", Is("[35184372600000]")),
            ("signature_template", Is("\"{{agent.signature}}\"")),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/brands", Paging::Both, Order::Id)],
    ),
    resource(
        "ticket_fields",
        &[
            ("url", Url("/ticket_fields/")),
            ("id", Id),
            ("type", One(&["\"subject\"", "\"tagger\"", "\"integer\"", "\"regexp\""])),
            ("title", Title),
            ("raw_title", Title),
            ("description", Note),
            ("position", Int(100)),
            ("active", Flag),
            ("required", Flag),
            ("collapsed_for_agents", Is("false")),
            ("regexp_for_validation", One(&["null", r#""\\A[-+]?[0-9]*[.]?[0-9]+\\z""#])),
            ("visible_in_portal", Flag),
            ("tag", Null),
            ("created_at", Created),
            ("updated_at", Updated),
            ("removable", Is("true")),
            ("agent_description", Null),
        ],
        &[list("/ticket_fields", Paging::Cursor, Order::Id)],
    ),
    resource(
        "ticket_forms",
        &[
            ("url", Url("/ticket_forms/")),
            ("id", Id),
            ("name", Title),
            ("raw_name", Title),
            ("display_name", Note),
            ("end_user_visible", Flag),
            ("position", Int(20)),
            ("ticket_field_ids", Is("[35184372400000,35184372400011]")),
            ("active", Flag),
            ("default", Is("false")),
            ("in_all_brands", Flag),
            ("restricted_brand_ids", Is("[]")),
            ("agent_conditions", Is("[]")),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/ticket_forms", Paging::Single, Order::Id)],
    ),
    resource(
        "custom_statuses",
        &[
            ("url", Url("/custom_statuses/")),
            ("id", Id),
            (
                "status_category",
                One(&["\"new\"", "\"open\"", "\"pending\"", "\"hold\"", "\"solved\""]),
            ),
            ("agent_label", Title),
            ("raw_agent_label", Title),
            ("end_user_label", Note),
            ("description", Note),
            ("active", Flag),
            ("default", Is("false")),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/custom_statuses", Paging::Single, Order::Id)],
    ),
    Resource {
        id: Ids::Key,
        scopes: &["custom_objects:read", "read"],
        ..resource(
            "custom_objects",
            &[
                ("url", Url("/custom_objects/")),
                ("key", Id),
                ("created_by_user_id", User),
                ("updated_by_user_id", User),
                ("created_at", Created),
                ("updated_at", Updated),
                ("title", Title),
                ("raw_title", Title),
                ("title_pluralized", Title),
                ("description", Note),
            ],
            &[list("/custom_objects", Paging::Single, Order::Oldest)],
        )
    },
    Resource {
        id: Ids::Ulid,
        life: Life::Marks,
        parent: Some("custom_objects"),
        scopes: &["custom_objects:read", "read"],
        held_back: true,
        ..resource(
            "custom_object_records",
            &[
                ("url", Url("/custom_objects/records/")),
                ("id", Id),
                ("custom_object_key", Parent),
                ("name", Scrubbed),
                (
                    "custom_object_fields",
                    Now(&[
                        r#"{"serial":"A-1","price":1.50,"owner":null}"#,
                        r#"{"serial":"日本/2"}"#,
                    ]),
                ),
                ("created_by_user_id", User),
                ("updated_by_user_id", User),
                ("created_at", Created),
                ("updated_at", Updated),
                ("external_id", Null),
            ],
            &[export(
                "/incremental/custom_objects/*/cursor",
                Serve::CursorExport,
                Extra::CustomObjects,
            )],
        )
    },
];
