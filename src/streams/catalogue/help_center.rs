//! The Help Center: articles, and what customers write.

use super::{StreamSpec, by_time, listed};

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
];
