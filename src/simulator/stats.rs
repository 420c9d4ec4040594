//! What the simulator counts about itself.
//!
//! Numbers only: no token, no address, no body.

use std::collections::BTreeMap;

use serde::Serialize;

use super::faults::Fault;

/// What happened so far. Requests to the simulator's own paths do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests that came in.
    pub requests: u64,
    /// Requests with an `Authorization` header.
    pub with_credentials: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Faults that happened, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Stats {
    /// Answers with that status.
    pub fn answers(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// How often that fault happened.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.faults.get(fault.name()).copied().unwrap_or(0)
    }

    pub(super) fn count_fault(&mut self, fault: Fault) {
        *self.faults.entry(fault.name()).or_default() += 1;
    }
}
