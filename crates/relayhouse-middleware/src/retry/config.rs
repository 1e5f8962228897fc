//! How often, how long, and after which delay a call is tried again.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Random,
    config::{duration, duration_option},
};
use serde::Deserialize;

/// Configures a retry; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// The most tries of a message, redeliveries included; 5.
    pub attempts_max: NonZeroU32,
    /// The longest time from the start of a call to the start of its last try; no limit.
    #[serde(deserialize_with = "duration_option")]
    pub total_max: Option<Duration>,
    /// How the delay grows from try to try; it doubles.
    pub growth: Growth,
    /// The delay after the first failure; 100 ms.
    #[serde(deserialize_with = "duration")]
    pub delay_first: Duration,
    /// The longest delay; 30 s. What an error asks for may be longer.
    #[serde(deserialize_with = "duration")]
    pub delay_max: Duration,
    /// How much of a delay is left to chance; all of it.
    pub jitter: Jitter,
    /// The longest delay that a delivery waits for in this process, with its lease held; 250 ms.
    /// For a longer one it is released.
    #[serde(deserialize_with = "duration")]
    pub hold_max: Duration,
    /// What must be left of a lease after a delay; 1 s. With less the delivery is released.
    #[serde(deserialize_with = "duration")]
    pub lease_margin: Duration,
    /// How many retries a first try pays for; 0.1, so that one call in ten may be a retry.
    pub budget_share: f64,
    /// How many retries may be saved up, and are there at the start; 100.
    pub budget_max: u32,
    /// What becomes of a send whose outcome is unknown; it is tried again if it has a dedup id.
    pub unknown: Unknown,
}

/// Says how the delay grows from try to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Any delay from zero to the full one.
    #[default]
    Full,
    /// The full delay.
    None,
}

/// Says what becomes of a send whose outcome is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// It is tried again if the message has a dedup id, by which the provider drops the second.
    #[default]
    Deduplicated,
    /// It is tried again: a message may be sent twice.
    Repeat,
    /// It is not tried again.
    Keep,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts_max: NonZeroU32::MIN.saturating_add(4),
            total_max: None,
            growth: Growth::Exponential,
            delay_first: Duration::from_millis(100),
            delay_max: Duration::from_secs(30),
            jitter: Jitter::Full,
            hold_max: Duration::from_millis(250),
            lease_margin: Duration::from_secs(1),
            budget_share: 0.1,
            budget_max: 100,
            unknown: Unknown::Deduplicated,
        }
    }
}

impl RetryConfig {
    /// Returns the delay after `tries` tries have failed.
    #[must_use]
    pub fn delay(&self, tries: u32, random: &dyn Random) -> Duration {
        let grown = match self.growth {
            Growth::Fixed => self.delay_first,
            Growth::Linear => self.delay_first.saturating_mul(tries),
            Growth::Exponential => {
                let doublings = tries.saturating_sub(1).min(31);
                self.delay_first.saturating_mul(1 << doublings)
            }
        };
        let delay = grown.min(self.delay_max);
        match self.jitter {
            Jitter::Full => random.up_to(delay),
            Jitter::None => delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relayhouse_core::{SeededRandom, config::Params};

    use super::*;

    fn delays(growth: Growth) -> Vec<u128> {
        let config = RetryConfig {
            growth,
            jitter: Jitter::None,
            ..RetryConfig::default()
        };
        let random = SeededRandom::new(7);
        [1, 2, 3, 9, u32::MAX]
            .map(|tries| config.delay(tries, &random).as_millis())
            .to_vec()
    }

    #[test]
    fn delays_grow_as_they_are_told() {
        assert_eq!(delays(Growth::Fixed), [100; 5]);
        assert_eq!(delays(Growth::Linear), [100, 200, 300, 900, 30_000]);
        assert_eq!(delays(Growth::Exponential), [100, 200, 400, 25_600, 30_000]);
    }

    #[test]
    fn same_keys_are_read_from_text() {
        let params = Params::from_pairs([
            ("attempts_max", "3"),
            ("growth", "linear"),
            ("total_max", "1min"),
            ("budget_share", "0.2"),
            ("unknown", "repeat"),
        ]);
        let config: RetryConfig = params.and_then(|params| params.read()).unwrap();
        assert_eq!(config.attempts_max.get(), 3);
        assert_eq!(config.growth, Growth::Linear);
        assert_eq!(config.total_max, Some(Duration::from_secs(60)));
        assert_eq!(config.unknown, Unknown::Repeat);
        assert_eq!(config.delay_max, RetryConfig::default().delay_max);
    }

    proptest! {
        #[test]
        fn delay_stays_within_its_bounds(
            tries in 1..u32::MAX,
            first in 0..100_000_u64,
            max in 0..100_000_u64,
            seed: u64,
            growth in prop_oneof![
                Just(Growth::Fixed), Just(Growth::Linear), Just(Growth::Exponential)
            ],
        ) {
            let full = RetryConfig {
                growth,
                delay_first: Duration::from_millis(first),
                delay_max: Duration::from_millis(max),
                jitter: Jitter::None,
                ..RetryConfig::default()
            };
            let jittered = RetryConfig { jitter: Jitter::Full, ..full.clone() };
            let random = SeededRandom::new(seed);
            let delay = full.delay(tries, &random);
            prop_assert!(delay <= full.delay_max);
            prop_assert!(full.delay(tries.saturating_sub(1).max(1), &random) <= delay);
            prop_assert!(jittered.delay(tries, &random) <= delay);
        }
    }
}
