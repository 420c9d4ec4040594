//! Sixteen bytes at a time: one bit for each that is of a kind, the first lowest.
//!
//! The only place that knows registers. It must not know what the bytes mean.

#![expect(clippy::inline_always, reason = "measured: the registers must not be spilled")]

use wide::u8x16;

/// How many bytes one register holds.
pub(super) const LANES: usize = 16;

/// The bytes at which a string cannot simply go on: quotes, backslashes and
/// control characters.
///
/// Flipping bit 1 moves the quote to 0x20, next to the control characters and
/// away from the space: one comparison finds both.
#[inline(always)]
pub(super) fn stops(bytes: [u8; LANES]) -> u32 {
    let bytes = u8x16::new(bytes);
    let flipped = bytes ^ u8x16::splat(0b10);
    let quote_or_control = flipped.min(u8x16::splat(0x20)).simd_eq(flipped);
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    (quote_or_control | backslash).to_bitmask()
}

/// The bytes that are no ASCII digit.
#[inline(always)]
pub(super) fn other_than_digits(bytes: [u8; LANES]) -> u32 {
    let above_zero = u8x16::new(bytes) - u8x16::splat(b'0');
    let digits = above_zero.min(u8x16::splat(9)).simd_eq(above_zero);
    digits.to_bitmask() ^ 0xffff
}

/// The bytes that are no white space.
#[inline(always)]
pub(super) fn other_than_space(bytes: [u8; LANES]) -> u32 {
    let bytes = u8x16::new(bytes);
    let [a, b] = [b' ', b'\n'].map(|space| bytes.simd_eq(u8x16::splat(space)));
    let [c, d] = [b'\r', b'\t'].map(|space| bytes.simd_eq(u8x16::splat(space)));
    (a | b | c | d).to_bitmask() ^ 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_judges(judge: impl Fn([u8; LANES]) -> u32, rule: impl Fn(u8) -> bool) {
        for byte in 0..=u8::MAX {
            for place in 0..LANES {
                for other in *b"0 \"x" {
                    let mut bytes = [other; LANES];
                    bytes[place] = byte;
                    let expected: u32 = (0..LANES).map(|at| u32::from(rule(bytes[at])) << at).sum();
                    assert_eq!(judge(bytes), expected, "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn every_byte_is_judged_as_by_the_plain_rules() {
        assert_judges(stops, |byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        assert_judges(other_than_digits, |byte| !byte.is_ascii_digit());
        assert_judges(other_than_space, |byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    }
}
