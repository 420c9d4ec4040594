//! White space between tokens: skips it, and leaves it out of what is recorded.
//!
//! Copies nothing until the first gap of a record; must drop nothing but gaps.

use std::ops::Range;

use super::lanes;

/// What lets a copy of a value grow without its gaps, while the value is read.
/// One buffer serves the whole page.
#[derive(Debug, Default)]
pub(super) struct Compactor {
    /// The copies, one after the other.
    copies: Vec<u8>,
    /// Where the copy of the value being recorded begins.
    copy_start: usize,
    /// What of the page is not in the copy yet; none while nothing is recorded.
    pending: Option<usize>,
}

impl Compactor {
    /// From here on gaps matter: a value begins at `at`.
    pub(super) fn start(&mut self, at: usize) {
        self.copy_start = self.copies.len();
        self.pending = Some(at);
    }

    /// A gap ended at `gap.end`: what stood before it is copied.
    pub(super) fn leave_out(&mut self, page: &[u8], gap: Range<usize>) {
        if let Some(pending) = &mut self.pending {
            append(&mut self.copies, page, *pending..gap.start);
            *pending = gap.end;
        }
    }

    /// The value ended at `end`: its copy's place, if it had gaps.
    pub(super) fn finish(&mut self, page: &[u8], end: usize) -> Option<Range<usize>> {
        let pending = self.pending.take()?;
        // A gap is always inside the value, so a copy has at least its first byte.
        if self.copies.len() == self.copy_start {
            return None;
        }
        append(&mut self.copies, page, pending..end);
        Some(self.copy_start..self.copies.len())
    }

    /// All copies.
    pub(super) fn into_copies(self) -> Vec<u8> {
        self.copies
    }
}

/// Where the white space that starts at `at` ends.
#[inline]
pub(super) fn end_of_gap(page: &[u8], mut at: usize) -> usize {
    // After colons and commas a single space is usual.
    if page.get(at) == Some(&b' ') && page.get(at + 1).is_some_and(|byte| *byte > b' ') {
        return at + 1;
    }
    while let Some(run) = page.get(at..).and_then(<[u8]>::first_chunk) {
        let others = lanes::other_than_space(*run);
        if others != 0 {
            return at + others.trailing_zeros() as usize;
        }
        at += lanes::LANES;
    }
    while matches!(page.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// What stands between two gaps is mostly short: a copy of fixed length, cut
/// afterwards, takes fewer steps than one of the right length.
#[inline]
fn append(copies: &mut Vec<u8>, page: &[u8], piece: Range<usize>) {
    const SHORT: usize = 32;
    let len = piece.len();
    match page.get(piece.start..).and_then(<[u8]>::first_chunk::<SHORT>) {
        Some(chunk) if len <= SHORT => {
            copies.extend_from_slice(chunk);
            copies.truncate(copies.len() - SHORT + len);
        }
        _ => copies.extend_from_slice(&page[piece]),
    }
}
