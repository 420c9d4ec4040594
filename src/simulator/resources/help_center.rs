//! The Help Center and its community: another service, with a budget of its own.

use super::super::collection::Life;
use super::super::limits::{Base, Extra};
use super::super::record::Member::{
    Created, Flag, Id, Int, Is, Note, Null, Of, Text, Title, Updated, Url, User,
};
use super::{Endpoint, Order, Paging, Resource, Serve, TimeStyle, resource};

/// The Help Center's links have no common form; its lists share paging and budget.
pub(super) const fn guide(path: &'static str) -> Endpoint {
    Endpoint {
        path,
        serve: Serve::List(Paging::HelpCenter, Order::Oldest),
        base: Base::HelpCenter,
        extra: Extra::None,
    }
}

pub(super) const ROWS: &[Resource] = &[
    Resource {
        life: Life::Changes,
        scopes: &["hc:read", "read"],
        held_back: true,
        ..resource(
            "articles",
            &[
                ("id", Id),
                ("url", Url("/help_center/en-us/articles/")),
                ("html_url", Is("\"https://acme.zendesk.com/hc/en-us/articles/1-How-to\"")),
                ("author_id", User),
                ("comments_disabled", Flag),
                ("draft", Flag),
                ("promoted", Flag),
                ("position", Int(10)),
                ("vote_sum", Int(40)),
                ("vote_count", Int(60)),
                ("section_id", Of("sections")),
                ("created_at", Created),
                ("updated_at", Updated),
                ("name", Title),
                ("title", Title),
                ("source_locale", Is("\"en-us\"")),
                ("locale", Is("\"en-us\"")),
                ("outdated", Flag),
                ("outdated_locales", Is("[]")),
                ("edited_at", Updated),
                ("user_segment_id", Null),
                ("permission_group_id", Is("35190000000321")),
                ("label_names", Is(r#"["a/b","<ü>"]"#)),
                ("body", Text),
            ],
            &[Endpoint {
                path: "/help_center/incremental/articles",
                serve: Serve::TimeExport(TimeStyle {
                    tells_end: false,
                    ends_with_null: false,
                    too_recent: true,
                }),
                base: Base::HelpCenter,
                extra: Extra::None,
            }],
        )
    },
    Resource {
        scopes: &["hc:read", "read"],
        ..resource(
            "categories",
            &[
                ("id", Id),
                ("url", Url("/help_center/en-us/categories/")),
                ("html_url", Is("\"https://acme.zendesk.com/hc/en-us/categories/1\"")),
                ("position", Int(10)),
                ("created_at", Created),
                ("updated_at", Updated),
                ("name", Title),
                ("description", Note),
                ("locale", Is("\"en-us\"")),
                ("source_locale", Is("\"en-us\"")),
                ("outdated", Flag),
            ],
            &[guide("/help_center/categories")],
        )
    },
    Resource {
        scopes: &["hc:read", "read"],
        ..resource(
            "sections",
            &[
                ("id", Id),
                ("url", Url("/help_center/en-us/sections/")),
                ("html_url", Is("\"https://acme.zendesk.com/hc/en-us/sections/1\"")),
                ("category_id", Of("categories")),
                ("position", Int(10)),
                ("sorting", Is("\"manual\"")),
                ("created_at", Created),
                ("updated_at", Updated),
                ("name", Title),
                ("description", Note),
                ("locale", Is("\"en-us\"")),
                ("outdated", Flag),
                ("parent_section_id", Null),
                ("theme_template", Is("\"section_page\"")),
            ],
            &[guide("/help_center/sections")],
        )
    },
    Resource {
        scopes: &["hc:read", "read"],
        ..resource(
            "topics",
            &[
                ("id", Id),
                ("url", Url("/community/topics/")),
                ("html_url", Is("\"https://acme.zendesk.com/hc/en-us/community/topics/1\"")),
                ("name", Title),
                ("description", Note),
                ("position", Int(10)),
                ("follower_count", Int(100)),
                ("community_id", Is("35190000000777")),
                ("created_at", Created),
                ("updated_at", Updated),
                ("manageable_by", Is("\"managers\"")),
                ("user_segment_id", Null),
            ],
            &[guide("/community/topics"), guide("/help_center/community/topics")],
        )
    },
    Resource {
        scopes: &["hc:read", "read"],
        ..resource(
            "posts",
            &[
                ("id", Id),
                ("title", Title),
                ("details", Text),
                ("author_id", User),
                ("vote_sum", Int(40)),
                ("vote_count", Int(60)),
                ("comment_count", Int(9)),
                ("follower_count", Int(9)),
                ("topic_id", Of("topics")),
                ("html_url", Is("\"https://acme.zendesk.com/hc/en-us/community/posts/1\"")),
                ("created_at", Created),
                ("updated_at", Updated),
                ("url", Url("/community/posts/")),
                ("featured", Flag),
                ("pinned", Flag),
                ("closed", Flag),
                ("status", Is("\"none\"")),
            ],
            &[guide("/community/posts")],
        )
    },
];
