//! The sink and the checkpoint on Apache Kafka.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

pub(crate) mod access;
mod alone;
mod beside;
pub(crate) mod cluster;
mod verified;
mod whole;
