//! Randomness from a seed.

/// A generator whose draws follow from its seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns true this often, out of 1.
    pub(crate) fn chance(&mut self, chance: f64) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = self.state;
        let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 53 bits are what a float holds.
        let draw = ((number ^ (number >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        draw < chance
    }
}
