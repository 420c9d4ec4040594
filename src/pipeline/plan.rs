//! What a run is made of, before it runs.

use std::sync::Arc;
use std::time::Duration;

use super::batch::BatchSettings;
use crate::sinks::Sink;
use crate::streams::StreamSettings;
use crate::zendesk::Client;

/// The type of a source that reads an account.
pub const ZENDESK: &str = "zendesk";

/// The type of a source that is sent to.
pub const ZENDESK_WEBHOOK: &str = "zendesk_webhook";

/// The type of a source that tells what the log shows.
pub const INTERNAL_LOGS: &str = "internal_logs";

/// The type of a source that tells the program's metrics.
pub const INTERNAL_METRICS: &str = "internal_metrics";

/// One account and what is read of it.
#[derive(Debug)]
pub struct SourcePlan {
    /// Its name in the config.
    pub name: String,
    /// Talks to the account.
    pub client: Arc<Client>,
    /// What is read, and after how long without an event an alert is raised.
    pub streams: Vec<(StreamSettings, Option<Duration>)>,
}

/// One destination and what it takes.
#[derive(Debug)]
pub struct SinkPlan {
    /// Its name in the config.
    pub name: String,
    /// The outputs it takes: `acme.audit_logs`, `acme.rejected`, those of transforms, or the
    /// `siem.rejected` of another sink.
    pub inputs: Vec<String>,
    /// Whether positions wait for it.
    pub acknowledged: bool,
    /// Whether it is checked at start.
    pub healthcheck: bool,
    /// How events are handed to it.
    pub delivery: DeliverySettings,
    /// Where it writes.
    pub sink: Arc<dyn Sink>,
}

/// How events are handed to a sink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeliverySettings {
    /// How batches are cut.
    pub batch: BatchSettings,
    /// What may wait before they are.
    pub buffer: BufferSettings,
    /// What follows a write that failed and may succeed later.
    pub retry: RetrySettings,
    /// At most this many writes in that time; none: as many as there are.
    pub rate_limit: Option<(u64, Duration)>,
}

impl DeliverySettings {
    /// With these batches, and everything else as usual.
    pub const fn batched(batch: BatchSettings) -> Self {
        Self { batch, buffer: BufferSettings::USUAL, retry: RetrySettings::USUAL, rate_limit: None }
    }

    /// For sinks whose writes are cheap: whatever is there goes out at once, and what comes
    /// meanwhile goes out together.
    pub const STREAMING: Self = Self::batched(BatchSettings {
        max_bytes: 4 << 20,
        max_events: 10_000,
        max_age: Duration::ZERO,
    });
}

/// What may wait before it becomes part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSettings {
    /// At most this many events, or one page if that is larger; none: two pages.
    pub max_events: Option<usize>,
    /// What happens to a page that finds no room.
    pub when_full: WhenFull,
}

impl BufferSettings {
    /// Two pages; then the streams wait.
    pub const USUAL: Self = Self { max_events: None, when_full: WhenFull::Block };
}

/// What happens to a page that finds no room in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits, and its stream with it.
    Block,
    /// It is dropped and counted.
    DropNewest,
}

/// What follows a write that failed and may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// How often it is tried again; none: for ever. A run in which that was not enough fails.
    pub attempts: Option<u64>,
    /// The first ceiling of the random delay.
    pub first: Duration,
    /// The highest one.
    pub longest: Duration,
}

impl RetrySettings {
    /// For ever, 1 to 30 s.
    pub const USUAL: Self =
        Self { attempts: None, first: Duration::from_secs(1), longest: Duration::from_secs(30) };
}

/// How long and how far a run goes.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Read every stream to its present end and stop there; the streams must not follow.
    pub once: bool,
    /// Take at most this many pages of each stream.
    pub max_pages: Option<u64>,
    /// How long a stopped run may take to write out what it holds.
    pub shutdown_timeout: Duration,
}
