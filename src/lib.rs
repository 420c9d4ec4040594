//! zenstream
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod normalize;
pub mod random;
pub mod simulator;
pub mod sinks;
pub mod streams;
pub mod zendesk;
