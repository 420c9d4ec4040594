//! Streams that the account refuses for a time: a plan that ended, a scope that
//! was taken away, a role that changed, a service that is away.
//!
//! Says whether and how; which request is for which stream is decided elsewhere.

use jiff::Timestamp;

use super::errors;
use super::reply::Reply;

/// A stream that is refused for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stream, or `*` for all.
    pub stream: String,
    /// The first moment at which it is refused.
    pub from: Timestamp,
    /// The first moment at which it is not any more.
    pub until: Timestamp,
    /// In which words.
    pub reason: RefusalReason,
}

/// In which words a stream is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// 403: the plan has no such page.
    Plan,
    /// 403: the role may not see it.
    Role,
    /// 403: the token has no scope for it.
    Scope,
    /// 404: there is no such endpoint on this account.
    NoEndpoint,
    /// 503: it is being maintained.
    Maintenance,
    /// 429 with an hour to wait.
    UsedUp,
}

impl Refusal {
    /// The refusal of `stream` at `now`, if there is one. `scopes` would let in.
    pub(super) fn of(
        refusals: &[Self],
        stream: &str,
        now: i64,
        scopes: &[&str],
    ) -> Result<(), Reply> {
        let found = refusals.iter().find(|one| {
            (one.stream == "*" || one.stream == stream)
                && (one.from.as_second()..one.until.as_second()).contains(&now)
        });
        match found.map(|refusal| refusal.reason) {
            None => Ok(()),
            Some(RefusalReason::Plan) => Err(errors::forbidden_page()),
            Some(RefusalReason::Role) => Err(errors::restricted()),
            Some(RefusalReason::Scope) => Err(errors::missing_scope(scopes)),
            Some(RefusalReason::NoEndpoint) => Err(errors::invalid_endpoint()),
            Some(RefusalReason::Maintenance) => {
                Err(errors::gateway(503, "Service Temporarily Unavailable"))
            }
            Some(RefusalReason::UsedUp) => Err(errors::export_limit().with("retry-after", "3600")),
        }
    }
}
