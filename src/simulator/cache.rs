//! Finished pages, so that a fast client does not wait for a page to be rendered
//! once more.
//!
//! Holds only pages that can never change; whoever puts one in vouches for that.
//! The oldest goes when there is no room.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::reply::Reply;

/// Finished pages by what was asked.
#[derive(Debug)]
pub(super) struct Cache {
    pages: HashMap<String, Reply>,
    order: VecDeque<String>,
    bytes: usize,
    most: usize,
}

impl Cache {
    /// An empty one that holds at most this many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { pages: HashMap::new(), order: VecDeque::new(), bytes: 0, most }
    }

    /// The page for this question.
    pub(super) fn get(&self, key: &str) -> Option<Reply> {
        self.pages.get(key).cloned()
    }

    /// Keeps a page.
    pub(super) fn put(&mut self, key: String, page: Reply) {
        let size = page.body.len() + page.gzip.as_ref().map_or(0, Bytes::len);
        if size > self.most {
            return;
        }
        while self.bytes + size > self.most {
            let Some(oldest) = self.order.pop_front() else { break };
            self.forget(&oldest);
        }
        self.bytes += size;
        if let Some(before) = self.pages.insert(key.clone(), page) {
            self.bytes -= Self::size(&before);
        } else {
            self.order.push_back(key);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(page) = self.pages.remove(key) {
            self.bytes -= Self::size(&page);
        }
    }

    fn size(page: &Reply) -> usize {
        page.body.len() + page.gzip.as_ref().map_or(0, Bytes::len)
    }
}
