//! Where a string may end: 64 bytes of the page at a time.
//!
//! Finds bytes and judges nothing: whether a quote closes a string or opens one
//! is for its caller to know, so outside of strings it must not be asked.

use super::lanes::{self, LANES};

/// How many bytes one mask tells of.
const BLOCK: usize = 64;

/// The bytes at which a string cannot simply go on: quotes, backslashes and
/// control characters. The page's end counts as one.
#[derive(Debug)]
pub(super) struct Stops<'p> {
    page: &'p [u8],
    /// Where the block starts that `mask` tells of.
    block: usize,
    /// One bit a byte, the first byte lowest.
    mask: u64,
}

impl<'p> Stops<'p> {
    /// Looks at the first block.
    pub(super) fn new(page: &'p [u8]) -> Self {
        Self { page, block: 0, mask: mask_at(page, 0) }
    }

    /// The first stop at or after `from`, which is at most the page's length.
    // Inlined by force: a call costs more than the few instructions of a hit.
    #[expect(clippy::inline_always, reason = "measured: one call for each string of the page")]
    #[inline(always)]
    pub(super) fn next(&mut self, from: usize) -> usize {
        let block = from & !(BLOCK - 1);
        if block != self.block {
            self.block = block;
            self.mask = mask_at(self.page, block);
        }
        let ahead = self.mask >> (from % BLOCK);
        if ahead != 0 { from + ahead.trailing_zeros() as usize } else { self.in_later_blocks() }
    }

    /// Strings are mostly short, so this is the rarer way.
    #[inline(never)]
    fn in_later_blocks(&mut self) -> usize {
        loop {
            self.block += BLOCK;
            self.mask = mask_at(self.page, self.block);
            if self.mask != 0 {
                return self.block + self.mask.trailing_zeros() as usize;
            }
        }
    }
}

/// The stops of the block that starts at `at`. Past the page's end it sees zeros,
/// which are control characters: no search runs away.
#[inline]
fn mask_at(page: &[u8], at: usize) -> u64 {
    let rest = page.get(at..).unwrap_or_default();
    match rest.first_chunk::<BLOCK>() {
        Some(block) => mask(block),
        None => mask_of_tail(rest),
    }
}

#[cold]
fn mask_of_tail(rest: &[u8]) -> u64 {
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    mask(&block)
}

#[inline]
fn mask(block: &[u8; BLOCK]) -> u64 {
    let (lanes, _) = block.as_chunks::<LANES>();
    lanes.iter().rev().fold(0, |mask, lane| mask << LANES | u64::from(lanes::stops(*lane)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_found_wherever_it_is_and_wherever_the_search_starts() {
        for len in 0..200 {
            for stop in 0..=len {
                let mut page = vec![b'x'; len];
                if let Some(byte) = page.get_mut(stop) {
                    *byte = b'"';
                }
                for from in 0..=stop {
                    assert_eq!(Stops::new(&page).next(from), stop, "{len} {from}");
                }
            }
        }
    }
}
