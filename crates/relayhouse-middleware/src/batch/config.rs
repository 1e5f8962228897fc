//! When a batch leaves, and how much may wait.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::config::{bytes_nonzero, duration};
use serde::Deserialize;

/// Configures batches; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// The most requests of a batch; 100.
    pub requests_max: NonZeroU32,
    /// The most bytes of a batch; 1 MiB. A single request may be larger.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// How long the first request of a batch waits for others; 5 ms.
    #[serde(deserialize_with = "duration")]
    pub linger: Duration,
    /// How many requests are waited for; as many as there is use for.
    pub size: BatchSize,
    /// The most calls at a time; 1, which keeps batches in order.
    pub calls_in_flight: NonZeroU32,
    /// The most requests that wait or are in flight; 10,000.
    pub buffer_requests_max: NonZeroU32,
    /// The bytes of such requests at which no further one is taken; 64 MiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub buffer_bytes_max: NonZeroU64,
}

/// Says how many requests are waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchSize {
    /// As many as come together in time: it begins with one.
    #[default]
    Adaptive,
    /// A full batch.
    Full,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            requests_max: const { NonZeroU32::new(100).unwrap() },
            bytes_max: const { NonZeroU64::new(1 << 20).unwrap() },
            linger: Duration::from_millis(5),
            size: BatchSize::Adaptive,
            calls_in_flight: NonZeroU32::MIN,
            buffer_requests_max: const { NonZeroU32::new(10_000).unwrap() },
            buffer_bytes_max: const { NonZeroU64::new(64 << 20).unwrap() },
        }
    }
}
