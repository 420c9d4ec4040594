//! What else the account has set up: settings, addresses, languages, tags, apps, targets, queues.

use super::super::collection::Life;
use super::super::limits::{Base, Extra};
use super::super::record::Member::{
    Created, Email, Flag, Gone, Hex, Id, Int, Is, Note, Now, Null, Of, One, Organization, Text,
    Title, Updated, Url, User,
};
use super::{Endpoint, Id as Ids, Order, Paging, Resource, Serve, list, resource};

const VERIFIED: &[&str] = &["\"unknown\"", "\"verified\"", "\"failed\""];
const CONDITIONS: &str =
    r#"{"all":[{"field":"ticket_form_id","operator":"is","value":"35184372600000"}],"any":[]}"#;

pub(super) const ROWS: &[Resource] = &[
    Resource {
        key: "settings",
        life: Life::Stays,
        ..resource(
            "account_settings",
            &[
                ("branding", Is(r#"{"header_color":"78A300","favicon_url":null}"#)),
                (
                    "api",
                    Now(&[
                        r#"{"accepted_api_agreement":true,"api_token_access":"true"}"#,
                        r#"{"accepted_api_agreement":true,"api_token_access":"false"}"#,
                    ]),
                ),
                (
                    "tickets",
                    Now(&[r#"{"private_attachments":true}"#, r#"{"list_empty_views":false}"#]),
                ),
                ("limits", Is(r#"{"attachment_size":52428800}"#)),
                ("localization", Is(r#"{"locale_ids":[1042,8]}"#)),
                (
                    "email",
                    Is(
                        r#"{"html_mail_template":"<td {{attributes}}>\r\n \u2028 a\/b","mail_delimiter":"{{txt}}"}"#,
                    ),
                ),
                ("routing", Now(&[r#"{"enabled":true,"reassignment_talk_timeout":30}"#, "{}"])),
            ],
            &[list("/account/settings", Paging::Object, Order::Id)],
        )
    },
    resource(
        "recipient_addresses",
        &[
            ("id", Id),
            ("name", Title),
            ("email", Email),
            ("default", Is("false")),
            ("brand_id", Of("brands")),
            ("forwarding_status", Now(&["\"unknown\"", "\"waiting\"", "\"verified\""])),
            ("spf_status", Now(VERIFIED)),
            ("cname_status", Now(VERIFIED)),
            ("dns_results", Null),
            ("domain_verification_code", Null),
            ("domain_verification_status", Now(VERIFIED)),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/recipient_addresses", Paging::Both, Order::Id)],
    ),
    Resource {
        id: Ids::Tag,
        ..resource(
            "tags",
            &[("name", Id), ("count", Int(1_000))],
            &[Endpoint {
                path: "/tags",
                serve: Serve::List(Paging::Both, Order::Score),
                base: Base::Account,
                extra: Extra::Tags,
            }],
        )
    },
    resource(
        "sharing_agreements",
        &[
            ("id", Id),
            ("name", Organization),
            ("type", One(&["\"inbound\"", "\"outbound\""])),
            ("status", Now(&["\"accepted\"", "\"declined\"", "\"pending\"", "\"inactive\""])),
            ("partner_name", One(&["\"jira\"", "null"])),
            ("remote_subdomain", Hex(8)),
            ("created_at", Created),
            ("updated_at", Updated),
            ("url", Url("/agreements/")),
        ],
        &[list("/sharing_agreements", Paging::Bare, Order::Id)],
    ),
    Resource {
        scopes: &["requests:read", "read"],
        ..resource(
            "requests",
            &[
                ("url", Url("/requests/")),
                ("id", Id),
                ("status", Now(&["\"open\"", "\"pending\"", "\"solved\""])),
                ("priority", One(&["null", "\"normal\"", "\"urgent\""])),
                ("type", Null),
                ("subject", Title),
                ("description", Text),
                ("organization_id", Of("organizations")),
                ("via", Is(r#"{"channel":"web","source":{"from":{},"to":{},"rel":null}}"#)),
                ("custom_fields", Is(r#"[{"id":35184372400000,"value":null}]"#)),
                ("requester_id", User),
                ("collaborator_ids", Is("[]")),
                ("is_public", Is("true")),
                ("can_be_solved_by_me", Flag),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[list("/requests", Paging::Both, Order::Id)],
        )
    },
    Resource {
        key: "items",
        scopes: &["dynamic_content:read", "read"],
        ..resource(
            "dynamic_content_items",
            &[
                ("url", Url("/dynamic_content/items/")),
                ("id", Id),
                ("name", Title),
                ("placeholder", One(&[r#""{{dc.snowboard_problem}}""#, r#""{{dc.größe}}""#])),
                ("default_locale_id", Is("1")),
                ("outdated", Flag),
                ("created_at", Created),
                ("updated_at", Updated),
                (
                    "variants",
                    Now(&[
                        r#"[{"id":47,"locale_id":1,"active":true,"default":true,"content":"C'est \u00e7a"}]"#,
                        r#"[{"id":47,"locale_id":1,"active":true,"default":true,"content":"a\/b\n\"c\""}]"#,
                    ]),
                ),
            ],
            &[list("/dynamic_content/items", Paging::Both, Order::Id)],
        )
    },
    Resource {
        id: Ids::Ulid,
        enterprise: true,
        ..resource(
            "group_sla_policies",
            &[
                ("url", Url("/group_slas/policies/")),
                ("id", Id),
                ("title", Title),
                ("description", Note),
                ("position", Int(100)),
                (
                    "filter",
                    Is(r#"{"all":[{"field":"group_id","operator":"includes","value":[10001]}]}"#),
                ),
                (
                    "policy_metrics",
                    Is(
                        r#"[{"priority":"low","metric":"group_ownership_time","target":3600,"business_hours":false}]"#,
                    ),
                ),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[list("/group_slas/policies", Paging::Single, Order::Id)],
        )
    },
    resource(
        "locales",
        &[
            ("url", Url("/locales/")),
            ("id", Id),
            ("locale", One(&["\"en-US\"", "\"de\"", "\"ja\""])),
            ("name", One(&["\"English\"", "\"Deutsch\"", "\"日本語\""])),
            ("created_at", Created),
            ("updated_at", Updated),
        ],
        &[list("/locales", Paging::Bare, Order::Id)],
    ),
    Resource {
        key: "reasons",
        // Deleted ones stay in the list.
        life: Life::Marks,
        ..resource(
            "satisfaction_reasons",
            &[
                ("url", Url("/satisfaction_reasons/")),
                ("id", Id),
                ("reason_code", Int(1_010)),
                ("value", Note),
                ("raw_value", Is(r#""{{dc.reason_code_1003}}""#)),
                ("created_at", Created),
                ("updated_at", Updated),
                ("deleted_at", Gone),
            ],
            &[list("/satisfaction_reasons", Paging::Bare, Order::Id)],
        )
    },
    resource(
        "targets",
        &[
            ("url", Url("/targets/")),
            ("id", Id),
            ("created_at", Created),
            ("type", One(&["\"email_target\"", "\"url_target_v2\""])),
            ("title", Title),
            ("active", Flag),
            ("email", Email),
            ("subject", Note),
        ],
        &[list("/targets", Paging::Bare, Order::Id)],
    ),
    Resource {
        enterprise: true,
        ..resource(
            "workspaces",
            &[
                ("url", Is("\"https://acme.zendesk.com/api/v2/workspaces.json\"")),
                ("id", Id),
                ("title", Title),
                ("description", Note),
                ("macro_ids", Is("[35190000000123]")),
                ("ticket_form_id", Of("ticket_forms")),
                ("apps", Is(r#"[{"id":360000080413,"expand":false,"position":1}]"#)),
                ("position", Int(20)),
                ("activated", Flag),
                ("prefer_workspace_app_order", Is("true")),
                ("conditions", Is(CONDITIONS)),
                ("created_at", Created),
                ("updated_at", Updated),
                ("selected_macros", Is(r#"[{"id":35190000000123,"usage_7d":0}]"#)),
            ],
            &[list("/workspaces", Paging::Single, Order::Id)],
        )
    },
    Resource {
        id: Ids::Ulid,
        ..resource(
            "queues",
            &[
                ("url", Url("/queues/")),
                ("id", Id),
                ("name", Title),
                ("description", Note),
                ("definition", Is(CONDITIONS)),
                ("priority", Int(5)),
                ("order", Int(20)),
                (
                    "primary_groups",
                    Is(r#"{"count":1,"groups":[{"id":35190000000007,"name":"EWR"}]}"#),
                ),
                ("secondary_groups", Is(r#"{"count":0,"groups":[]}"#)),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[list("/queues", Paging::Bare, Order::Id)],
        )
    },
    Resource {
        key: "installations",
        scopes: &["apps:read", "read"],
        ..resource(
            "app_installations",
            &[
                ("id", Id),
                ("app_id", Int(400_000)),
                ("product", Is("\"support\"")),
                (
                    "settings",
                    Now(&[r#"{"name":"A \"b\"","title":"A","items_per_page":"6"}"#, "{}"]),
                ),
                (
                    "settings_objects",
                    Is(r#"[{"name":"blocklist","value":null},{"name":"name","value":"A"}]"#),
                ),
                ("enabled", Flag),
                ("updated", Is("\"20200305221223\"")),
                ("updated_at", Updated),
                ("created_at", Created),
                ("role_restrictions", Null),
                ("group_restrictions", Is("[]")),
                ("collapsible", Is("true")),
                ("plan_information", Is(r#"{"name":null}"#)),
                ("paid", Null),
            ],
            &[list("/apps/installations", Paging::Bare, Order::Id)],
        )
    },
];
