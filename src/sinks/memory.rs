//! Memory sink.
/// Keeps events in memory.
#[derive(Debug)]
pub struct Memory;
