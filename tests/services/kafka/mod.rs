//! The sink and the checkpoint on Apache Kafka.

mod alone;
mod beside;
mod cluster;
mod whole;
