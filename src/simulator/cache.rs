//! Finished pages, so that a fast client does not wait for a page to be rendered
//! once more.
//!
//! Holds only pages that can never change; whoever puts one in vouches for that.
//! When there is no room left, what is here stays: a history is read from its
//! start again and again, and throwing out the oldest would then help nobody.

use std::collections::HashMap;

use bytes::Bytes;

use super::reply::Reply;

/// Finished pages by what was asked.
#[derive(Debug)]
pub(super) struct Cache {
    pages: HashMap<String, Reply>,
    room: usize,
}

impl Cache {
    /// An empty one with room for this many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self { pages: HashMap::new(), room }
    }

    /// The page for this question.
    pub(super) fn get(&self, key: &str) -> Option<Reply> {
        self.pages.get(key).cloned()
    }

    /// Keeps a page, in place of the one kept for the same question, if there is room.
    pub(super) fn put(&mut self, key: String, page: Reply) {
        let freed = self.pages.get(&key).map_or(0, size);
        if let Some(room) = (self.room + freed).checked_sub(size(&page)) {
            self.room = room;
            self.pages.insert(key, page);
        }
    }
}

fn size(page: &Reply) -> usize {
    page.body.len() + page.gzip.as_ref().map_or(0, Bytes::len)
}
