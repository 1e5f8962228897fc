//! How long to wait after a failure: delays that grow, and what of them is left to chance.

use std::time::Duration;

use serde::Deserialize;

use crate::random::Random;

/// Says how long to wait after each of several failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How the delay grows from failure to failure.
    pub growth: Growth,
    /// The delay after the first failure.
    pub delay_first: Duration,
    /// The longest delay.
    pub delay_max: Duration,
    /// How much of a delay is left to chance.
    pub jitter: Jitter,
}

/// Says how a delay grows from failure to failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// It stays the first delay.
    Fixed,
    /// The first delay is added each time.
    Linear,
    /// It doubles each time.
    #[default]
    Exponential,
}

/// Says how much of a delay is left to chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Any delay from zero to the full one.
    #[default]
    Full,
    /// The full delay.
    None,
}

impl Backoff {
    /// Returns the delay after `failures` failures in a row.
    #[must_use]
    pub fn delay(&self, failures: u32, random: &dyn Random) -> Duration {
        let times = match self.growth {
            Growth::Fixed => 1,
            Growth::Linear => failures,
            Growth::Exponential => 1 << failures.saturating_sub(1).min(31),
        };
        let delay = self.delay_first.saturating_mul(times).min(self.delay_max);
        match self.jitter {
            Jitter::Full => random.up_to(delay),
            Jitter::None => delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SeededRandom;

    fn backoff(growth: Growth) -> Backoff {
        Backoff {
            growth,
            delay_first: Duration::from_millis(100),
            delay_max: Duration::from_secs(30),
            jitter: Jitter::None,
        }
    }

    fn delays(growth: Growth) -> [u128; 5] {
        let random = SeededRandom::new(7);
        let delay = |failures| backoff(growth).delay(failures, &random).as_millis();
        [1, 2, 3, 9, u32::MAX].map(delay)
    }

    #[test]
    fn delays_grow_as_they_are_told() {
        assert_eq!(delays(Growth::Fixed), [100; 5]);
        assert_eq!(delays(Growth::Linear), [100, 200, 300, 900, 30_000]);
        assert_eq!(delays(Growth::Exponential), [100, 200, 400, 25_600, 30_000]);
    }

    proptest! {
        #[test]
        fn delay_stays_within_its_bounds(
            failures in 1..u32::MAX,
            first in 0..100_000_u64,
            max in 0..100_000_u64,
            seed: u64,
            growth in prop_oneof![
                Just(Growth::Fixed), Just(Growth::Linear), Just(Growth::Exponential)
            ],
        ) {
            let full = Backoff {
                growth,
                delay_first: Duration::from_millis(first),
                delay_max: Duration::from_millis(max),
                jitter: Jitter::None,
            };
            let jittered = Backoff { jitter: Jitter::Full, ..full };
            let random = SeededRandom::new(seed);
            let delay = full.delay(failures, &random);
            prop_assert!(delay <= full.delay_max);
            prop_assert!(full.delay(failures.saturating_sub(1).max(1), &random) <= delay);
            prop_assert!(jittered.delay(failures, &random) <= delay);
        }
    }
}
