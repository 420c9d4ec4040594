//! The community, post by post, and who may read what.

use super::super::record::Member::{
    Created, Flag, Id, Int, Is, Now, Null, One, Parent, Text, Title, Updated, Url, User,
};
use super::help_center::guide;
use super::{Resource, resource};

pub(super) const ROWS: &[Resource] = &[
    Resource {
        scopes: &["hc:read", "read"],
        ..resource(
            "user_segments",
            &[
                ("id", Id),
                ("name", Title),
                ("user_type", One(&["\"signed_in_users\"", "\"staff\""])),
                ("built_in", Is("false")),
                ("group_ids", Now(&["[12]", "[]"])),
                ("organization_ids", Is("[]")),
                ("tags", Now(&[r#"["vip"]"#, "[]"])),
                ("or_tags", Is("[]")),
                ("added_user_ids", Is("[]")),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[guide("/help_center/user_segments")],
        )
    },
    Resource {
        key: "comments",
        parent: Some("posts"),
        scopes: &["hc:read", "read"],
        ..resource(
            "post_comments",
            &[
                ("id", Id),
                ("body", Text),
                ("author_id", User),
                ("vote_sum", Int(40)),
                ("vote_count", Int(60)),
                ("official", Flag),
                (
                    "html_url",
                    Is("\"https://acme.zendesk.com/hc/en-us/community/posts/1/comments/2\""),
                ),
                ("created_at", Created),
                ("updated_at", Updated),
                ("non_author_editor_id", Null),
                ("non_author_updated_at", Null),
                ("url", Url("/community/posts/comments/")),
                ("post_id", Parent),
            ],
            &[guide("/community/posts/*/comments")],
        )
    },
    Resource {
        key: "votes",
        parent: Some("posts"),
        scopes: &["hc:read", "read"],
        ..resource(
            "post_votes",
            &[
                ("id", Id),
                ("url", Url("/votes/")),
                ("user_id", User),
                ("value", Now(&["1", "-1"])),
                ("item_id", Parent),
                ("item_type", Is("\"Post\"")),
                ("created_at", Created),
                ("updated_at", Updated),
            ],
            &[guide("/community/posts/*/votes")],
        )
    },
];
