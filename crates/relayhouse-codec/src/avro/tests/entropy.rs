//! Where generated schemas and values come from: bytes that proptest draws, and shrinks.

/// Gives choices out of bytes. When they are used up, each choice is the first, so that shorter
/// inputs make simpler schemas and values.
pub(super) struct Entropy<'a>(&'a [u8]);

impl<'a> Entropy<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Returns a number below `bound`, which is at most 256.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == chances - 1
    }

    /// Returns a number that is often near an edge.
    pub(super) fn long(&mut self) -> i64 {
        match self.below(6) {
            0 | 1 => i64::from(self.byte()) - 128,
            2 => i64::from(i16::from_le_bytes(self.bytes())),
            3 => i64::from(i32::from_le_bytes(self.bytes())),
            4 => i64::MAX - i64::from(self.byte()),
            _ => i64::MIN + i64::from(self.byte()),
        }
    }

    pub(super) fn int(&mut self) -> i32 {
        match self.below(4) {
            0 | 1 => i32::from(self.byte()) - 128,
            2 => i32::MAX - i32::from(self.byte()),
            _ => i32::from_le_bytes(self.bytes()),
        }
    }

    pub(super) fn octets(&mut self) -> Vec<u8> {
        let length = self.below(24);
        (0..length).map(|_| self.byte()).collect()
    }

    pub(super) fn text(&mut self) -> String {
        const CHARACTERS: [char; 8] = ['a', 'Z', '0', ' ', '"', 'é', '€', '🦀'];
        let length = self.below(20);
        (0..length).map(|_| CHARACTERS[self.below(8)]).collect()
    }
}
