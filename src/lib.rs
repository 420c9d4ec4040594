//! zenstream
pub mod zendesk;
pub mod streams;
pub mod normalize;
pub mod sinks;
pub mod checkpoint;
pub mod clock;
pub mod random;
