//! Memory store.
/// In memory.
#[derive(Debug)]
pub struct MemoryStore;
