//! What the account has: one row a kind of record, and the endpoints that give it.
//!
//! Rows are data, one file a family. What an endpoint does follows from its
//! [`Serve`]; what a record says follows from its fields. A row says what the API
//! reference and recordings say of it.

mod account;
mod community;
mod help_center;
mod lists;
mod people;
mod rules;
mod security;
mod tickets;
mod voice;

use super::collection::Life;
use super::limits::{Base, Extra};
use super::record::Member;

/// A kind of record.
#[derive(Debug)]
pub(super) struct Resource {
    /// The stream that it is.
    pub(super) stream: &'static str,
    /// The member of a page that holds the records.
    pub(super) key: &'static str,
    /// How its ids look.
    pub(super) id: Id,
    /// What can happen to a record.
    pub(super) life: Life,
    /// The stream that its records are children of.
    pub(super) parent: Option<&'static str>,
    /// Scopes beside the global `read` that let in.
    pub(super) scopes: &'static [&'static str],
    /// For the Enterprise plan alone.
    pub(super) enterprise: bool,
    /// A list sees its records at once; an export holds the last minute back.
    pub(super) held_back: bool,
    /// After how many days a record is forgotten.
    pub(super) kept_days: Option<u16>,
    /// What its records say.
    pub(super) members: &'static [(&'static str, Member)],
    /// Where it can be had.
    pub(super) endpoints: &'static [Endpoint],
}

/// Where and how a resource can be had.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The path below `/api/v2`; `*` stands for a parent's id.
    pub(super) path: &'static str,
    /// How its pages are made.
    pub(super) serve: Serve,
    /// The budget that every request draws on.
    pub(super) base: Base,
    /// The budget beside it.
    pub(super) extra: Extra,
}

/// How an endpoint makes its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serve {
    /// A list with these ways of paging, in this order.
    List(Paging, Order),
    /// The list of the access log's service.
    AccessLogs,
    /// An incremental export with a cursor.
    CursorExport,
    /// An incremental export by time.
    TimeExport(TimeStyle),
    /// The same, and a list by cursor when a page size is given.
    TimeOrCursorExport(TimeStyle),
    /// The skill-based routing's exports.
    Routing,
    /// The chat service's exports.
    Chat {
        /// Times are in microseconds.
        micros: bool,
    },
    /// The engagements' list.
    Engagements,
}

/// Which ways of paging a list knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// By cursor and by offset.
    Both,
    /// By cursor and by offset; says that more follows on every full page.
    Eager,
    /// By cursor alone.
    Cursor,
    /// By cursor, or by the older one of `limit` and `cursor`.
    Legacy,
    /// All on one page.
    Single,
    /// The same, and nothing said of other pages.
    Bare,
    /// One object, and no list.
    Object,
    /// As the Help Center does.
    HelpCenter,
    /// By cursor, with links as the webhooks service writes them.
    Webhooks,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `id`.
    Id,
    /// `created_at,id`.
    Oldest,
    /// `-created_at,id`.
    Newest,
    /// `-score,id`: what is used comes to the front.
    Score,
}

/// What sets exports by time apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeStyle {
    /// Says `end_of_stream`.
    pub(super) tells_end: bool,
    /// `next_page` is null at the end; a link for ever otherwise.
    pub(super) ends_with_null: bool,
    /// `start_time` must be over for a minute.
    pub(super) too_recent: bool,
}

/// How ids look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// Whole numbers that rise.
    Number,
    /// The users' own.
    User,
    /// Text that sorts by time.
    Ulid,
    /// Text with no order.
    Uuid,
    /// `V3-` and 32 digits.
    Job,
    /// The chat service's.
    Chat,
    /// A key that people chose.
    Key,
    /// A tag.
    Tag,
}

const SUPPORT: TimeStyle = TimeStyle { tells_end: true, ends_with_null: false, too_recent: true };

/// A resource with what most have.
const fn resource(
    stream: &'static str,
    members: &'static [(&'static str, Member)],
    endpoints: &'static [Endpoint],
) -> Resource {
    Resource {
        stream,
        key: stream,
        id: Id::Number,
        life: Life::Vanishes,
        parent: None,
        scopes: &["read"],
        enterprise: false,
        held_back: false,
        kept_days: None,
        members,
        endpoints,
    }
}

/// A list on the account's budget.
const fn list(path: &'static str, paging: Paging, order: Order) -> Endpoint {
    Endpoint { path, serve: Serve::List(paging, order), base: Base::Account, extra: Extra::None }
}

/// An export on the account's budget and its own.
const fn export(path: &'static str, serve: Serve, extra: Extra) -> Endpoint {
    Endpoint { path, serve, base: Base::Account, extra }
}

const FAMILIES: &[&[Resource]] = &[
    security::ROWS,
    people::ROWS,
    tickets::ROWS,
    rules::ROWS,
    lists::ROWS,
    help_center::ROWS,
    voice::ROWS,
    account::ROWS,
    community::ROWS,
];

/// Every resource, each with a number of its own that never changes within a build.
pub(super) fn all() -> impl Iterator<Item = &'static Resource> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The number of the resource of that name.
pub(super) fn number(stream: &str) -> Option<usize> {
    all().position(|resource| resource.stream == stream)
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit<'a> {
    /// The resource's number.
    pub(super) number: usize,
    pub(super) resource: &'static Resource,
    pub(super) endpoint: &'static Endpoint,
    /// The parent's id in the path.
    pub(super) parent: Option<&'a str>,
}

/// The endpoint at a path without `.json`.
pub(super) fn find(route: &str) -> Option<Hit<'_>> {
    let path = route.strip_prefix("/api/v2")?;
    all().enumerate().find_map(|(number, resource)| {
        resource.endpoints.iter().find_map(|endpoint| {
            let hit = Hit { number, resource, endpoint, parent: None };
            let Some((before, after)) = endpoint.path.split_once('*') else {
                return (endpoint.path == path).then_some(hit);
            };
            let id = path.strip_prefix(before)?.strip_suffix(after)?;
            let parent = (!id.is_empty() && !id.contains('/')).then_some(id);
            parent.map(|_| Hit { parent, ..hit })
        })
    })
}
