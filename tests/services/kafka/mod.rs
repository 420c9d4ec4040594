//! The sink and the checkpoint on Apache Kafka.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod alone;
mod beside;
mod cluster;
mod whole;
