//! File store.
/// One file.
#[derive(Debug)]
pub struct FileStore;
