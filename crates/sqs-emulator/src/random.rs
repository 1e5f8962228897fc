//! Randomness from a seed.

/// A generator whose draws follow from its seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Returns a number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        debug_assert!(end != 0, "there is no number below zero");
        let draw = u128::from(self.next()) * end as u128;
        usize::try_from(draw >> 64).unwrap_or(0)
    }

    /// Returns true this often, out of 1.
    pub(crate) fn chance(&mut self, chance: f64) -> bool {
        // 53 bits are what a float holds.
        let draw = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        draw < chance
    }

    /// Returns an id of the form of a UUID.
    pub(crate) fn id(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff,
        )
    }
}

/// Spreads a number over all bits.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
