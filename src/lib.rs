//! zenstream
pub mod zendesk;

pub mod streams;

pub mod normalize;

pub mod pipeline;

pub mod sinks;

pub mod checkpoint;

pub mod config;

pub mod cli;

pub mod telemetry;

pub mod clock;

pub mod random;

pub mod simulator;
