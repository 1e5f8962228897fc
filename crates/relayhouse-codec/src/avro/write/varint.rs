//! Whole numbers as Avro writes them: seven bits in a byte, the low ones first.

const MARKS: u64 = 0x8080_8080_8080_8080;

/// The most bytes that a number has.
pub(super) const BYTES_MAX: usize = 10;

/// Numbers whole numbers so that small ones are short: 0, -1, 1, -2 are 0, 1, 2, 3.
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    u64::from_ne_bytes(((value << 1) ^ (value >> 63)).to_ne_bytes())
}

/// Returns a number of at most 56 bits as it is written, in the first so many of eight bytes.
#[inline]
pub(super) const fn word(value: u64) -> Option<([u8; 8], usize)> {
    if 56 < u64::BITS - value.leading_zeros() {
        return None;
    }
    // Groups of seven bits are moved apart: into halves, then quarters, then bytes.
    let fours = (value & 0x0000_0000_0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
    let pairs = (fours & 0x0000_3fff_0000_3fff) | (fours & 0x0fff_c000_0fff_c000) << 2;
    let groups = (pairs & 0x007f_007f_007f_007f) | (pairs & 0x3f80_3f80_3f80_3f80) << 1;
    // All bytes up to the last one with a bit have a mark, but for that one.
    let last = (u64::BITS - 1 - (groups | 1).leading_zeros()) / 8;
    let marks = MARKS & ((1 << (8 * last)) - 1);
    Some(((groups | marks).to_le_bytes(), last as usize + 1))
}

/// Returns a number as it is written, in the first so many bytes.
pub(super) const fn bytes(mut value: u64) -> ([u8; BYTES_MAX], usize) {
    let mut bytes = [0; BYTES_MAX];
    let mut length = 0;
    while 0x80 <= value {
        bytes[length] = value.to_le_bytes()[0] | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length] = value.to_le_bytes()[0];
    (bytes, length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_is_what_goes_byte_by_byte() {
        for bits in 0..u64::BITS {
            for value in [(1_u64 << bits) - 1, 1 << bits, (1 << bits) | 0x55] {
                let (bytes, length) = bytes(value);
                match word(value) {
                    Some((word, count)) => assert_eq!(word[..count], bytes[..length], "{value}"),
                    None => assert!(1 << 56 <= value, "{value}"),
                }
            }
        }
    }
}
