//! A pretend Zendesk: requests in, answers out, everything from a seed.
//!
//! [`Simulator`] is a state machine without IO, clock or randomness of its own:
//! equal settings and equal requests at equal times give equal answers. It is
//! mounted in-process by [`transport`] and on a port by [`server`]. It holds the
//! client to what real accounts do, traps included, and must never be used by
//! anything but tests, benches and the command line.

mod audit;
mod audit_record;
mod auth;
mod cache;
mod collection;
mod consent;
mod cursor;
mod draw;
mod errors;
mod faults;
mod filter;
mod incremental;
mod json;
mod limits;
mod list;
mod other;
mod pages;
mod query;
mod record;
mod records;
mod refusal;
mod reply;
mod resources;
pub mod server;
mod settings;
mod stats;
mod ticket_record;
mod tickets;
mod timeline;
pub mod transport;
mod truth;
mod users;
mod walk;
mod wire;
mod words;
mod world;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;

pub use faults::{FAULTS, Fault, Faults, FaultsError};
pub use other::OtherClient;
pub use refusal::{Refusal, RefusalReason};
pub use reply::{Answer, BodyFault};
pub use settings::{Credentials, HeaderProfile, Plan, RetryAfter, Settings};
pub use stats::Stats;
pub use truth::Vanished;

use audit::AuditLogs;
use auth::{Door, Identity};
use cache::Cache;
use collection::Collection;
use incremental::Mode;
use limits::{Base, Extra, Limits};
use other::OtherTraffic;
use pages::Ask;
use query::{Call, EVIL_BASE};
use reply::Reply;
use resources::Hit;
use tickets::Tickets;
use world::World;

/// The pretend account.
pub struct Simulator {
    settings: Settings,
    host: String,
    logs: AuditLogs,
    tickets: Tickets,
    world: World,
    limits: Limits,
    other: OtherTraffic,
    door: Door,
    cache: Cache,
    stats: Stats,
    /// The page given last, by the request it led to.
    previous_page: Option<(String, Reply)>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy)]
enum Endpoint<'a> {
    Resource(Hit<'a>),
    AuditLogs,
    AuditLog(&'a str),
    AuditExport,
    TicketsByCursor,
    TicketsByTime,
    Me,
    ManyUsers,
    User(&'a str),
    AskConsent,
    IssueToken,
    CurrentToken,
    Unknown,
}

impl<'a> Endpoint<'a> {
    fn of(call: &'a Call) -> Self {
        let get = call.method == Method::GET;
        let post = call.method == Method::POST;
        match call.route.as_str() {
            "/api/v2/audit_logs" if get => Self::AuditLogs,
            "/api/v2/audit_logs/export" if post => Self::AuditExport,
            "/api/v2/incremental/tickets/cursor" if get => Self::TicketsByCursor,
            "/api/v2/incremental/tickets" if get => Self::TicketsByTime,
            "/api/v2/users/me" if get => Self::Me,
            "/api/v2/users/show_many" if get => Self::ManyUsers,
            "/oauth/authorizations/new" if get => Self::AskConsent,
            "/oauth/tokens" if post => Self::IssueToken,
            "/api/v2/oauth/tokens/current" if get => Self::CurrentToken,
            route if get => {
                let id = |prefix| route.strip_prefix(prefix).filter(|id| !id.contains('/'));
                resources::find(route)
                    .map(Self::Resource)
                    .or_else(|| id("/api/v2/audit_logs/").map(Self::AuditLog))
                    .or_else(|| id("/api/v2/users/").map(Self::User))
                    .unwrap_or(Self::Unknown)
            }
            _ => Self::Unknown,
        }
    }

    /// The budgets that it draws on.
    fn budgets(self) -> (Base, Extra) {
        match self {
            Self::Resource(hit) => (hit.endpoint.base, hit.endpoint.extra),
            Self::TicketsByCursor | Self::TicketsByTime => (Base::Account, Extra::Exports),
            Self::AuditExport => (Base::Account, Extra::AuditExport),
            Self::IssueToken | Self::AskConsent => (Base::Unmetered, Extra::None),
            _ => (Base::Account, Extra::None),
        }
    }

    /// Scopes beside the global `read` that let in.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Resource(hit) => hit.resource.scopes,
            Self::AuditLogs | Self::AuditLog(_) | Self::AuditExport => &["auditlogs:read", "read"],
            Self::TicketsByCursor | Self::TicketsByTime => &["tickets:read", "read"],
            Self::Me | Self::ManyUsers | Self::User(_) => &["users:read", "read"],
            _ => &["read"],
        }
    }

    /// The number of the resource that it looks into.
    fn number(self) -> Option<usize> {
        match self {
            Self::Resource(hit) => Some(hit.number),
            Self::Me | Self::ManyUsers | Self::User(_) => resources::number("users"),
            _ => None,
        }
    }

    /// The stream that it belongs to; empty for those that belong to none.
    fn stream(self) -> &'static str {
        match self {
            Self::Resource(hit) => hit.resource.stream,
            Self::AuditLogs | Self::AuditLog(_) | Self::AuditExport => "audit_logs",
            Self::TicketsByCursor | Self::TicketsByTime => "tickets",
            Self::ManyUsers | Self::User(_) => "users",
            _ => "",
        }
    }

    fn is_page(self) -> bool {
        let tickets = matches!(self, Self::TicketsByCursor | Self::TicketsByTime);
        tickets || matches!(self, Self::AuditLogs | Self::Resource(_))
    }
}

impl Simulator {
    /// An account as `settings` have it, with its whole history.
    pub fn new(settings: Settings) -> Self {
        Self {
            host: format!("{}.zendesk.com", settings.subdomain),
            logs: AuditLogs::new(&settings),
            tickets: Tickets::new(&settings),
            world: World::new(&settings),
            limits: Limits::new(&settings),
            other: OtherTraffic::new(settings.other_client_per_minute, settings.anchor()),
            door: Door::new(&settings),
            cache: Cache::new(settings.cache_bytes),
            stats: Stats::default(),
            previous_page: None,
            settings,
        }
    }

    /// What was chosen.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the faults while it runs.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// Changes which streams are refused, and when, while it runs.
    pub fn set_refusals(&mut self, refusals: Vec<Refusal>) {
        self.settings.refusals = refusals;
    }

    /// Ends every access token that was issued, as an administrator can. Refresh tokens stay.
    pub fn revoke_access_tokens(&mut self) {
        self.door.revoke_access();
    }

    /// What happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Answers a request that comes in at `now`.
    pub fn handle(&mut self, now: Timestamp, request: &http::Request<Bytes>) -> Answer {
        let mut call = Call::read(request, self.settings.public_url.as_deref(), &self.host);
        if let Some(host) = &call.foreign_host {
            return wire::plain_answer(errors::no_help_desk(host), &call);
        }
        if let Some(name) = call.route.strip_prefix("/_simulator/") {
            let name = name.to_owned();
            let reply = self.own(&name, &call, now);
            return wire::plain_answer(reply, &call);
        }
        self.stats.requests += 1;
        self.stats.with_credentials += u64::from(call.authorization.is_some());
        let now = now.as_second();
        self.other.advance(now, &mut self.limits);
        self.logs.advance(now);
        self.tickets.advance(now);
        if self.settings.faults.links_lead_astray(self.stats.requests) {
            self.stats.count_fault(Fault::EvilLinks);
            EVIL_BASE.clone_into(&mut call.base);
        }
        let fault = self.settings.faults.due(self.stats.requests);
        let answer = self.answer(now, &call, fault);
        *self.stats.statuses.entry(answer.status.as_u16()).or_default() += 1;
        answer
    }

    fn answer(&mut self, now: i64, call: &Call, fault: Option<Fault>) -> Answer {
        let endpoint = Endpoint::of(call);
        let (base, extra) = endpoint.budgets();
        let refusal = self.limits.take(now, base, extra).err();
        let account_refuses = fault == Some(Fault::TooManyRequests);
        // A request that is refused anyway meets no fault.
        let fault = fault.filter(|_| refusal.is_none());
        let mut reply = match (refusal, fault) {
            (Some(refusal), _) => refusal,
            (None, Some(fault)) => self.faulty_reply(fault, endpoint, call, now),
            (None, None) => self.reply(endpoint, call, now),
        };
        reply.headers.extend(self.limits.headers(now, (base, extra), account_refuses));
        self.finish(reply, call, fault)
    }

    /// The reply without faults and budgets.
    fn reply(&mut self, endpoint: Endpoint<'_>, call: &Call, now: i64) -> Reply {
        let identity = self.door.identify(call.authorization.as_deref(), now);
        if let Some(number) = endpoint.number() {
            self.world.advance(number, now);
        }
        match endpoint {
            Endpoint::AskConsent => return self.door.ask_consent(call, now),
            Endpoint::IssueToken => return self.door.issue(call, now),
            Endpoint::Me => return users::me(&self.settings, self.users(), &identity),
            Endpoint::CurrentToken => return Door::current(&identity),
            _ => {}
        }
        if let Err(refusal) = self.admit(endpoint, &identity, now) {
            return match endpoint.budgets().0 {
                Base::AccessLogs => errors::access_log(refusal.status.as_u16(), ""),
                _ => refusal,
            };
        }
        if endpoint.is_page() {
            return self.page(endpoint, call, now);
        }
        let settings = &self.settings;
        match endpoint {
            Endpoint::AuditLog(id) => list::one(settings, &self.logs, id, now),
            Endpoint::AuditExport => Reply::new(202, None, ""),
            Endpoint::ManyUsers => users::many(settings, self.users(), call),
            Endpoint::User(id) => users::one(settings, self.users(), id),
            _ => errors::invalid_endpoint(),
        }
    }

    fn users(&self) -> &Collection {
        self.world.collection(resources::number("users").unwrap_or(0))
    }

    fn admit(&self, endpoint: Endpoint<'_>, identity: &Identity, now: i64) -> Result<(), Reply> {
        identity.admit(endpoint.scopes())?;
        let refusals = &self.settings.refusals;
        Refusal::of(refusals, endpoint.stream(), now, endpoint.scopes())?;
        let enterprise = match endpoint {
            Endpoint::Resource(hit) => hit.resource.enterprise,
            _ => endpoint.stream() == "audit_logs",
        };
        // What an agent did is there for that agent.
        let for_admins = enterprise
            || matches!(endpoint, Endpoint::Resource(hit) if hit.resource.stream != "activities");
        let denied = enterprise && self.settings.plan != Plan::Enterprise;
        if denied || (for_admins && self.settings.role != "admin") {
            return Err(errors::forbidden_page());
        }
        Ok(())
    }

    /// A page of records, from the cache when it cannot have changed.
    fn page(&mut self, endpoint: Endpoint<'_>, call: &Call, now: i64) -> Reply {
        let key = call.cache_key();
        let mut page = match self.cache.get(&key) {
            Some(page) if page.gzip.is_some() || !call.takes_gzip => return page,
            Some(page) => page,
            None => self.fresh_page(endpoint, call, now),
        };
        if call.takes_gzip && page.status.is_success() {
            page.gzip = Some(wire::gzip(&page.body));
        }
        if page.is_final {
            self.cache.put(key, page.clone());
        }
        page
    }

    fn fresh_page(&self, endpoint: Endpoint<'_>, call: &Call, now: i64) -> Reply {
        let (settings, tickets) = (&self.settings, &self.tickets);
        match endpoint {
            Endpoint::Resource(hit) => {
                let world = &self.world;
                pages::page(Ask { settings, world, hit, call, now })
            }
            Endpoint::AuditLogs => list::page(settings, &self.logs, call, now),
            Endpoint::TicketsByCursor => {
                incremental::page(Mode::Cursor, settings, tickets, call, now)
            }
            _ => incremental::page(Mode::Time, settings, tickets, call, now),
        }
    }
}
