//! How events move: wiring only.
//!
//! ```text
//! stream ─page─> feed ─2 pages─> deliver ─> sink
//!                  └──64 notes──> commit <──64 notes──┘
//!                                   └─> checkpoint store
//! ```
//!
//! Every arrow is a bounded channel: a slow sink holds the streams it takes, and nothing grows.
//! Only this module sees streams, sinks and checkpoints at once; it must not know what any of
//! them is made of.

mod batch;
mod build;
mod commit;
mod connect;
mod deliver;
mod directories;
mod error;
mod feed;
mod feeds;
mod hooks;
mod intake;
mod internal;
mod ledger;
mod metrics;
mod observe;
mod patience;
mod plan;
mod route;
mod scopes;
mod silence;
mod tally;
mod topology;
mod transforms;

pub use batch::{Around, BatchSettings, Batcher, Cut, Delivery, Span, Whence};
pub use build::{
    BuildError, KEPT, Outside, build, client, rejected_file, stream_settings, token_store,
};
pub use connect::Connector;
pub use directories::lookups;
pub use error::RunError;
pub use ledger::{Ledger, Seq, Share, SinkId};
pub use metrics::{every_metric, metrics};
pub use observe::{
    BudgetStatus, Observer, SinkHealth, SinkStatus, SourceStatus, Status, StreamState,
    StreamStatus, TransformStatus,
};
pub use plan::{
    BufferSettings, DeliverySettings, INTERNAL_LOGS, INTERNAL_METRICS, RetrySettings, RunOptions,
    SinkPlan, SourcePlan, WhenFull, ZENDESK, ZENDESK_WEBHOOK,
};
pub use scopes::{is_granted, may_lack, may_see_users};
pub use tally::{
    LastWrite, SinkTally, Standing, StreamOutcome, StreamTally, Tally, TransformTally, Trouble,
};
pub use topology::Pipeline;

pub use crate::telemetry::{Family, Labels, Metric, NAMESPACE, Reading};
