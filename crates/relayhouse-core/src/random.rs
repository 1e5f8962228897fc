//! Randomness as a port, and the one place that asks the operating system for it.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Gives random numbers: the only source of chance in the whole system.
///
/// It serves jitter and identifiers, never keys.
pub trait Random: Debug + Send + Sync {
    /// Returns the next 64 random bits.
    fn next_u64(&self) -> u64;
}

impl dyn Random + '_ {
    /// Returns a number below `bound`, or 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns a duration between zero and `max`, both included: full jitter.
    pub fn up_to(&self, max: Duration) -> Duration {
        let nanos = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }

    /// Answers yes in `share` of all calls, `share` between 0 and 1.
    pub fn chance(&self, share: f64) -> bool {
        const BITS: u32 = 53;
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits fit the mantissa of a double"
        )]
        let drawn = (self.next_u64() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
        drawn < share
    }
}

/// Gives the same numbers for the same seed (`SplitMix64`), to any number of threads.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// Starts from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Starts from a seed that the operating system gives.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if it has no randomness to give.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks for entropy"
    )]
    pub fn from_entropy() -> std::io::Result<Self> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
        Ok(Self::new(u64::from_le_bytes(seed)))
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_same_numbers() {
        let (one, two) = (SeededRandom::new(7), SeededRandom::new(7));
        for _ in 0..100 {
            assert_eq!(one.next_u64(), two.next_u64());
        }
    }

    #[test]
    fn jitter_stays_in_bounds() {
        let random: &dyn Random = &SeededRandom::new(7);
        for _ in 0..1000 {
            assert!(random.up_to(Duration::from_millis(3)) <= Duration::from_millis(3));
            assert!(random.below(10) < 10);
        }
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn chance_follows_its_share() {
        let random: &dyn Random = &SeededRandom::new(7);
        let hits = (0..10_000).filter(|_| random.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!(!random.chance(0.0));
        assert!(random.chance(1.0));
    }
}
