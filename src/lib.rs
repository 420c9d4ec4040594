#![doc = include_str!("../ARCHITECTURE.md")]

// Where records come from, and what becomes of a page: the way of the data begins here.
pub mod zendesk;

pub mod streams;

pub mod webhook;

pub mod internal;

pub mod normalize;

pub mod transform;

pub mod directory;

// How events move, where they go, and where we stopped.
pub mod pipeline;

pub mod sinks;

pub mod checkpoint;

pub mod tokens;

// The proof, afterwards, that nothing was lost on the way.
pub mod verify;

// What they stand on.
pub mod buckets;

mod durable;

pub mod kafka;

pub mod tls;

pub mod http_client;

// What people say and see: configs, commands, the log.
pub mod config;

pub mod cli;

pub mod telemetry;

pub mod api;

pub mod alerts;

// The outside world, each part of it read in one place, so that a test can stand in for it.
pub mod clock;

pub mod random;

pub mod simulator;
