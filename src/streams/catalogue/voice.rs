//! Conversations outside tickets: calls, chats, and how agents were engaged.

use super::{CursorExport, NextCursor, Paging, StreamSpec, TimeExport, TimeUnit, by_time, row};

pub(super) const ROWS: &[StreamSpec] = &[
    talk(&StreamSpec {
        description: "each call as it is after a change",
        columns: &["updated_at", "id", "direction", "agent_id", "duration", "completion_status"],
        ..by_time("calls", "/api/v2/channels/voice/stats/incremental/calls")
    }),
    talk(&StreamSpec {
        description: "each agent's or customer's part in a call",
        records_key: "legs",
        columns: &["updated_at", "id", "call_id", "type", "agent_id", "duration"],
        ..by_time("call_legs", "/api/v2/channels/voice/stats/incremental/legs")
    }),
    StreamSpec {
        description: "each chat as it is after a change",
        query: &[("fields", "chats(*)")],
        time_field: "update_timestamp",
        version_field: Some("update_timestamp"),
        columns: &["update_timestamp", "id", "type", "agent_names", "rating"],
        ..chat("chats", "/api/v2/chat/incremental/chats", TimeUnit::Seconds)
    },
    StreamSpec {
        description: "when agents were online, away or invisible",
        query: &[("fields", "agent_timeline(*)")],
        time_field: "start_time",
        columns: &["start_time", "agent_id", "status", "duration"],
        ..chat("agent_timeline", "/api/v2/chat/incremental/agent_timeline", TimeUnit::Microseconds)
    },
    StreamSpec {
        description: "which visitors reached a goal, and which chat is credited with it",
        query: &[("fields", "conversions(*)")],
        records_key: "conversions",
        columns: &["timestamp", "id", "goal_name"],
        ..chat_event("chat_conversions", "/api/v2/chat/incremental/conversions")
    },
    StreamSpec {
        description: "what happened to the departments of the chat",
        query: &[("fields", "department_events(*)")],
        records_key: "department_events",
        columns: &["timestamp", "id", "department_id"],
        ..chat_event("chat_department_events", "/api/v2/chat/incremental/department_events")
    },
    StreamSpec {
        description: "how long an agent was busy with which conversation",
        page_size: 10,
        poll_interval_secs: 300,
        records_key: "agent_engagement_data",
        id_field: "engagement_id",
        time_field: "engagement_start_time",
        columns: &["engagement_start_time", "agent_id", "ticket_id", "channel"],
        docs_url: docs!("ticketing/engagements/engagements"),
        ..row("engagements", "/api/v2/engagements", Paging::CursorExport(ENGAGEMENTS))
    },
];

const fn talk(row: &StreamSpec) -> StreamSpec {
    StreamSpec {
        plan: "Talk Team",
        bucket: Some("talk-incremental-exports"),
        poll_interval_secs: 300,
        limit: "10/min",
        limit_per_minute: Some(10),
        docs_url: docs!("voice/talk-api/incremental_exports"),
        ..*row
    }
}

const fn chat(name: &'static str, path: &'static str, unit: TimeUnit) -> StreamSpec {
    StreamSpec {
        page_size: 1000,
        plan: "Chat",
        bucket: Some("chat"),
        limit: "200/min",
        docs_url: docs!("live-chat/chat-api/incremental_export"),
        ..row(name, path, Paging::TimeExport(TimeExport { unit, size: "limit" }))
    }
}

/// Of these exports path, key and paging are known. No public answer shows a record: the time's name is
/// that of the other chat records, and an event has no time where that is wrong; one without an `id` is
/// told by its content. Reading depends on neither.
const fn chat_event(name: &'static str, path: &'static str) -> StreamSpec {
    StreamSpec { time_field: "timestamp", ..chat(name, path, TimeUnit::Seconds) }
}

/// Recorded answers hold ten records a page and lead on with a time and an id.
const ENGAGEMENTS: CursorExport = CursorExport {
    size: "page_size",
    start: Some("start_time"),
    next: NextCursor::Link {
        member: "next_page_url",
        known: &["start_time_cursor", "engagement_id_cursor"],
        more: Some("has_more"),
    },
};
