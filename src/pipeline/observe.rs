//! What can be seen of a pipeline from outside: one snapshot of everything.
//!
//! Reads counters, never stops the pipeline, and holds nothing secret: no address but an
//! account's own, no credential, no record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::plan::ZENDESK;
use super::tally::{
    LastWrite, SinkTally, StreamOutcome, StreamTally, Tally, TransformTally, Trouble,
};
use crate::checkpoint::Role;
use crate::clock::Clock;
use crate::zendesk::{Client, CredentialsEnd};

/// A window onto one pipeline. It may outlive it.
#[derive(Debug, Clone)]
pub struct Observer {
    pub(super) clock: Clock,
    pub(super) tally: Arc<Tally>,
    /// By name.
    pub(super) sources: Vec<(String, Arc<Client>)>,
    /// The types of sinks by name, where they are known.
    pub(super) sink_types: BTreeMap<String, &'static str>,
    /// What it is among those that may run on its checkpoint, if they take turns.
    pub(super) role: Option<watch::Receiver<Role>>,
}

/// How a pipeline fares at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// That moment.
    pub time: Timestamp,
    /// What this process is among those that may run on the checkpoint; none: it has no lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Role>,
    /// Checkpoints saved.
    pub checkpoint_saves: u64,
    /// Why none has been for half a minute, where one should.
    pub checkpoint_error: Option<Trouble>,
    /// In the config's order.
    pub sources: Vec<SourceStatus>,
    /// In the config's order.
    pub streams: Vec<StreamStatus>,
    /// In the config's order.
    pub transforms: Vec<TransformStatus>,
    /// In the config's order.
    pub sinks: Vec<SinkStatus>,
}

/// One account.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    /// Its name in the config.
    pub name: String,
    /// The account's address.
    pub endpoint: String,
    /// Requests sent.
    pub requests: u64,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Answers by HTTP status.
    pub responses: BTreeMap<u16, u64>,
    /// How long whole answers took, all together, in seconds.
    pub response_secs: f64,
    /// Bytes of bodies, unpacked.
    pub received_bytes: u64,
    /// Answers with 429.
    pub rate_limited: u64,
    /// How long requests waited for the budget, all together, in seconds.
    pub budget_wait_secs: f64,
    /// When the credentials, or the token that they last got, end. None: not known, or never.
    pub credentials_end: Option<CredentialsEnd>,
    /// What is left of the rate limits, as the last answers said.
    pub budget: Vec<BudgetStatus>,
}

/// One rate limit of an account.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetStatus {
    /// `account`, or an endpoint's own.
    pub bucket: String,
    /// Requests per window.
    pub limit: u32,
    /// What is left of them.
    pub remaining: u32,
}

/// One stream.
#[derive(Debug, Clone, Serialize)]
pub struct StreamStatus {
    /// The output, `acme.audit_logs`.
    pub name: String,
    /// The type of its source.
    pub source_type: &'static str,
    /// How it fares.
    pub state: StreamState,
    /// The sinks that hold it up, where some do.
    pub held_up_by: Vec<String>,
    /// The position that is saved, with long lists told by their lengths; null: none yet.
    pub position: Value,
    /// Everything before it was delivered, as far as the position tells.
    pub reached: Option<Timestamp>,
    /// For how long its sinks have not had all there is; while it is far from its present end, how
    /// old the newest event is that they have. None: not known yet, or it is sent to us.
    pub lag_secs: Option<f64>,
    /// Whether the last page reached the present end.
    pub caught_up: bool,
    /// The time of the newest event.
    pub last_event: Option<Timestamp>,
    /// Whether it was without an event for longer than `silence_alert_secs`.
    pub silent: bool,
    /// Since when it has been, in that case.
    pub silent_since: Option<Timestamp>,
    /// Pages read.
    pub pages: u64,
    /// Events handed on.
    pub events: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    /// Records that cannot be events.
    pub rejected: u64,
    /// Records left out because they were delivered before.
    pub deduplicated: u64,
    /// Readings that failed.
    pub errors: u64,
    /// What went wrong last.
    pub last_error: Option<Trouble>,
}

/// How a stream fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// It is read.
    Running,
    /// What was read of it waits for a sink that does not get on; so does, once the queue is full,
    /// what has not been.
    HeldUp,
    /// The last reading failed, and is tried again.
    Failing,
    /// It was refused, and is asked for from time to time.
    Refused,
    /// It came to its end.
    Ended,
    /// It broke, or was refused, and is not read any more.
    LeftOut,
}

/// How a sink fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkHealth {
    /// It writes, or has nothing to write.
    Ok,
    /// What it tried last failed, and is tried again.
    Failing,
    /// A batch has been under way for a minute without an error: the destination does not answer, or
    /// the sink waits for the checkpoint or for one that takes what it refuses.
    Held,
}

/// One transform.
#[derive(Debug, Clone, Serialize)]
pub struct TransformStatus {
    /// Its name in the config.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Events it was given.
    pub received: u64,
    /// Events it gave on, to all of its outputs together.
    pub sent: u64,
    /// Events it dropped as the config wants it.
    pub discarded: u64,
    /// Events at which it failed.
    pub errors: u64,
    /// Those of them that were dropped.
    pub dropped: u64,
}

/// One sink.
#[derive(Debug, Clone, Serialize)]
pub struct SinkStatus {
    /// Its name in the config.
    pub name: String,
    /// Its type, where it is known.
    #[serde(rename = "type")]
    pub kind: Option<&'static str>,
    /// How it fares.
    pub state: SinkHealth,
    /// Events given to it, and not durable yet.
    pub queue: u64,
    /// Events ever given to it.
    pub received: u64,
    /// Events made durable.
    pub events: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    /// Batches written.
    pub batches: u64,
    /// Writes that failed and were tried again.
    pub retries: u64,
    /// Events that it will never take.
    pub refused: u64,
    /// Events dropped at its full queue.
    pub discarded: u64,
    /// When it last made events durable.
    pub last_write: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<Trouble>,
}

impl Status {
    /// Whether it waits for its turn, and reads and writes nothing.
    pub fn stands_by(&self) -> bool {
        matches!(self.lease, Some(Role::Standby { .. }))
    }

    /// Of one that reads and writes nothing: whatever it said of streams would be taken for an alarm.
    fn of_standby(time: Timestamp, lease: Option<Role>) -> Self {
        let (sources, streams, transforms, sinks) = (vec![], vec![], vec![], vec![]);
        Self {
            time,
            lease,
            checkpoint_saves: 0,
            checkpoint_error: None,
            sources,
            streams,
            transforms,
            sinks,
        }
    }
}

impl Observer {
    /// How it fares now.
    pub fn status(&self) -> Status {
        let now = self.clock.now();
        let lease = self.role.as_ref().map(|role| role.borrow().clone());
        if let Some(Role::Standby { .. }) = lease {
            return Status::of_standby(now, lease);
        }
        Status {
            time: now,
            lease,
            checkpoint_saves: count(&self.tally.saves),
            checkpoint_error: self.tally.unsaved(),
            sources: self.sources.iter().map(|(name, client)| source(name, client)).collect(),
            streams: self.tally.streams.iter().map(|tally| self.stream(tally, now)).collect(),
            transforms: self.tally.transforms.iter().map(transform).collect(),
            sinks: self.tally.sinks.iter().map(|tally| self.sink(tally, now)).collect(),
        }
    }

    fn sink(&self, tally: &SinkTally, now: Timestamp) -> SinkStatus {
        let last = tally.last();
        SinkStatus {
            name: tally.name.clone(),
            kind: self.sink_types.get(&tally.name).copied(),
            state: health(&last),
            queue: tally.waiting(),
            received: count(&tally.received),
            events: count(&tally.events),
            bytes: count(&tally.bytes),
            batches: count(&tally.batches),
            retries: count(&tally.retries),
            refused: count(&tally.refused),
            discarded: count(&tally.discarded),
            last_write: last.at,
            last_error: last.held(now).or(last.trouble),
        }
    }

    fn stream(&self, tally: &StreamTally, now: Timestamp) -> StreamStatus {
        let waits_for = tally.standing().waits_for;
        let sinks = waits_for.iter().filter_map(|sink| self.tally.sinks.get(*sink));
        let stuck = sinks.filter(|sink| health(&sink.last()) != SinkHealth::Ok);
        stream(tally, stuck.map(|sink| sink.name.clone()).collect(), self.away(tally, now), now)
    }

    /// What is wrong with a stream whose account does not answer, before its own tries are all made.
    fn away(&self, tally: &StreamTally, now: Timestamp) -> Option<Trouble> {
        let (source, _) = tally.name.split_once('.').filter(|_| tally.source_type == ZENDESK)?;
        let (_, client) = self.sources.iter().find(|(name, _)| name == source)?;
        let unheard = client.counters().away()?;
        let at = now.checked_sub(unheard.last.elapsed()).unwrap_or(now);
        let (message, hint) = (unheard.error.to_string(), unheard.error.hint);
        Some(Trouble { at, message, hint, refused: false, over: false })
    }
}

fn health(last: &LastWrite) -> SinkHealth {
    match &last.trouble {
        Some(trouble) if !trouble.over => SinkHealth::Failing,
        _ if last.held_since().is_some() => SinkHealth::Held,
        _ => SinkHealth::Ok,
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn transform(tally: &TransformTally) -> TransformStatus {
    TransformStatus {
        name: tally.name.clone(),
        kind: tally.kind,
        received: count(&tally.received),
        sent: count(&tally.sent),
        discarded: count(&tally.discarded),
        errors: count(&tally.errors),
        dropped: count(&tally.dropped),
    }
}

fn source(name: &str, client: &Client) -> SourceStatus {
    let counters = client.counters();
    let budget = client.budget().into_iter().map(|(bucket, state)| BudgetStatus {
        bucket,
        limit: state.limit,
        remaining: state.remaining,
    });
    SourceStatus {
        name: name.to_owned(),
        endpoint: client.endpoint().origin().ascii_serialization(),
        requests: count(&counters.requests),
        unanswered: count(&counters.unanswered),
        responses: counters.responses(),
        response_secs: seconds(count(&counters.response_ms)),
        received_bytes: count(&counters.received_bytes),
        rate_limited: count(&counters.rate_limited),
        budget_wait_secs: seconds(count(&counters.budget_wait_ms)),
        credentials_end: client.credentials_end(),
        budget: budget.collect(),
    }
}

fn stream(
    tally: &StreamTally,
    stuck: Vec<String>,
    away: Option<Trouble>,
    now: Timestamp,
) -> StreamStatus {
    let mut standing = tally.standing();
    let outcome = tally.outcome();
    let is_read = outcome == StreamOutcome::Running && stuck.is_empty();
    if is_read && standing.trouble.as_ref().is_none_or(|trouble| trouble.over) {
        standing.trouble = away.or(standing.trouble);
    }
    // What is sent to us has no end that we could be behind of.
    let is_sent = tally.source_type != ZENDESK;
    let delivered_through = standing.delivered_through.filter(|_| !is_sent);
    let lag = delivered_through.map(|through| now.duration_since(through).as_secs_f64());
    let trouble = standing.trouble.as_ref().filter(|trouble| !trouble.over);
    let state = match (outcome, trouble) {
        (StreamOutcome::Denied(_) | StreamOutcome::Failed(_), _) => StreamState::LeftOut,
        // Nothing more is read of one that ended; it may not be written yet.
        (StreamOutcome::Running | StreamOutcome::Ended, None) if !stuck.is_empty() => {
            StreamState::HeldUp
        }
        (StreamOutcome::Ended, _) => StreamState::Ended,
        (StreamOutcome::Running, Some(trouble)) if trouble.refused => StreamState::Refused,
        (StreamOutcome::Running, Some(_)) => StreamState::Failing,
        (StreamOutcome::Running, None) => StreamState::Running,
    };
    StreamStatus {
        name: tally.name.clone(),
        source_type: tally.source_type,
        state,
        held_up_by: if state == StreamState::HeldUp { stuck } else { Vec::new() },
        position: standing.position,
        reached: standing.reached,
        lag_secs: lag.map(|lag| lag.max(0.0)),
        caught_up: standing.caught_up || is_sent,
        last_event: standing.last_event,
        silent: standing.silent_since.is_some(),
        silent_since: standing.silent_since,
        pages: count(&tally.pages),
        events: count(&tally.events),
        bytes: count(&tally.bytes),
        rejected: count(&tally.rejected),
        deduplicated: count(&tally.deduplicated),
        errors: count(&tally.errors),
        last_error: standing.trouble,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of waits is no larger than 2^52 ms")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}
