//! The Help Center: articles, and what customers write.

use super::{ListPages, Parents, StreamSpec, by_time, listed};

pub(super) const ROWS: &[StreamSpec] = &[
    StreamSpec {
        description: "each article as it is after a change",
        page_size: 100,
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "title", "locale", "draft"],
        docs_url: docs!("help_center/help-center-api/articles"),
        ..by_time("articles", "/api/v2/help_center/incremental/articles")
    },
    StreamSpec {
        description: "what articles are sorted into",
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "name", "locale"],
        docs_url: docs!("help_center/help-center-api/sections"),
        ..listed("sections", "/api/v2/help_center/sections")
    },
    StreamSpec {
        description: "what sections are sorted into",
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "name", "locale"],
        docs_url: docs!("help_center/help-center-api/categories"),
        ..listed("categories", "/api/v2/help_center/categories")
    },
    StreamSpec {
        description: "what the community talks about",
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "name", "follower_count"],
        docs_url: docs!("help_center/help-center-api/topics"),
        ..listed("topics", "/api/v2/community/topics")
    },
    StreamSpec {
        description: "what customers write in the community",
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "title", "author_id", "status"],
        docs_url: docs!("help_center/help-center-api/posts"),
        ..listed("posts", "/api/v2/community/posts")
    },
    StreamSpec {
        description: "what is answered to each post of the community; a request a post",
        records_key: "comments",
        columns: &["updated_at", "id", "post_id", "author_id", "official", "vote_sum"],
        docs_url: docs!("help_center/help-center-api/post_comments"),
        ..below_posts("post_comments", "/api/v2/community/posts/{parent}/comments")
    },
    StreamSpec {
        description: "who voted for or against each post of the community; a request a post",
        records_key: "votes",
        columns: &["updated_at", "id", "item_id", "user_id", "value"],
        docs_url: docs!("help_center/help-center-api/votes"),
        ..below_posts("post_votes", "/api/v2/community/posts/{parent}/votes")
    },
    StreamSpec {
        description: "who may read what",
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        columns: &["updated_at", "id", "name", "user_type", "built_in"],
        docs_url: docs!("help_center/help-center-api/user_segments"),
        ..listed("user_segments", "/api/v2/help_center/user_segments")
    },
];

/// A list of each post. A community may have thousands of posts, and each is asked for: not often.
const fn below_posts(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec {
        parents: Some(Parents {
            path: "/api/v2/community/posts",
            records_key: "posts",
            id_field: "id",
            pages: ListPages::Cursor,
        }),
        scope: "hc:read",
        bucket: Some("help-center"),
        limit: "Help Center budget",
        poll_interval_secs: 3600,
        ..listed(name, path)
    }
}
