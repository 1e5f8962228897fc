//! How messages are forwarded.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{
    Backoff, Growth, Jitter,
    config::{bytes_nonzero, duration},
};
use serde::Deserialize;

/// Configures an outbox; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxConfig {
    /// The most messages that are forwarded at a time; 100. The broker's own limit holds as well.
    pub messages_max: NonZeroU32,
    /// The bytes after which no further message is taken; 1 MiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// How long a send to the broker may take; 10 s.
    #[serde(deserialize_with = "duration")]
    pub send_timeout: Duration,
    /// How long it waits after the first failure; 100 ms. It doubles with each further one.
    #[serde(deserialize_with = "duration")]
    pub delay_first: Duration,
    /// The longest wait after a failure; 30 s.
    #[serde(deserialize_with = "duration")]
    pub delay_max: Duration,
    /// How long a receive from the local queue waits; 20 s. It is woken by a send.
    #[serde(deserialize_with = "duration")]
    pub receive_wait: Duration,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            messages_max: const { NonZeroU32::new(100).unwrap() },
            bytes_max: const { NonZeroU64::new(1 << 20).unwrap() },
            send_timeout: Duration::from_secs(10),
            delay_first: Duration::from_millis(100),
            delay_max: Duration::from_secs(30),
            receive_wait: Duration::from_secs(20),
        }
    }
}

impl OutboxConfig {
    pub(super) const fn backoff(&self) -> Backoff {
        Backoff {
            growth: Growth::Exponential,
            delay_first: self.delay_first,
            delay_max: self.delay_max,
            jitter: Jitter::Full,
        }
    }
}
