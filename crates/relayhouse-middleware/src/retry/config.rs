//! How often, how long, and after which delay a call is tried again.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Backoff, Growth, Jitter, Message,
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

/// Says what becomes of a send whose outcome is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// It is tried again if the message has a dedup id, by which the second can be dropped.
    #[default]
    Deduplicated,
    /// It is tried again: a message may be sent twice.
    Repeat,
    /// It is not tried again.
    Keep,
}

impl Unknown {
    /// Returns true if `message` may be sent again.
    pub(crate) fn repeats(self, message: &Message) -> bool {
        match self {
            Self::Deduplicated => message.details().dedup_id.is_some(),
            Self::Repeat => true,
            Self::Keep => false,
        }
    }
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
    pub(super) const fn backoff(&self) -> Backoff {
        Backoff {
            growth: self.growth,
            delay_first: self.delay_first,
            delay_max: self.delay_max,
            jitter: self.jitter,
        }
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::config::Params;

    use super::*;

    #[test]
    fn same_keys_are_read_from_text() {
        let params = Params::from_pairs([
            ("attempts_max", "3"),
            ("growth", "linear"),
            ("jitter", "none"),
            ("total_max", "1min"),
            ("budget_share", "0.2"),
            ("unknown", "repeat"),
        ]);
        let config: RetryConfig = params.and_then(|params| params.read()).unwrap();
        assert_eq!(config.attempts_max.get(), 3);
        assert_eq!(config.growth, Growth::Linear);
        assert_eq!(config.jitter, Jitter::None);
        assert_eq!(config.total_max, Some(Duration::from_secs(60)));
        assert_eq!(config.unknown, Unknown::Repeat);
        assert_eq!(config.delay_max, RetryConfig::default().delay_max);
    }
}
