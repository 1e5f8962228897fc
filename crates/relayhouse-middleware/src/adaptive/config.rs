//! How a limit on calls in flight is found.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::config::{bytes, bytes_nonzero, duration, duration_option};
use serde::Deserialize;

/// Configures an adaptive limit; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveConfig {
    /// How the limit follows what calls tell; by the gradient of their latency.
    pub algorithm: Algorithm,
    /// The limit to start from; 4.
    pub initial: NonZeroU32,
    /// The least limit; 1.
    pub floor: NonZeroU32,
    /// The greatest limit; 256.
    pub ceiling: NonZeroU32,
    /// How much longer than alone a call may take; 1.3 times. Less than once counts as once. For the
    /// gradient.
    pub tolerance: f64,
    /// The latency above which the limit falls; none. For AIMD.
    #[serde(deserialize_with = "duration_option")]
    pub latency_max: Option<Duration>,
    /// The share of failures above which the limit falls; 0.1.
    pub failure_share: f64,
    /// The shortest time between two decisions; 100 ms.
    #[serde(deserialize_with = "duration")]
    pub window: Duration,
    /// The least calls that a decision is made of; 20.
    pub samples_min: NonZeroU32,
    /// How often the latency of a service with room is measured anew; 5 s, but not before the fourth
    /// decision since. For the gradient.
    #[serde(deserialize_with = "duration")]
    pub probe_every: Duration,
    /// The most bytes in flight; 64 MiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// The bytes that readiness keeps free for a request of unknown size; 256 KiB.
    #[serde(deserialize_with = "bytes")]
    pub request_bytes: u64,
}

/// Says how the limit follows what calls tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The limit falls with the ratio of the latency when there is room to the latency now, and
    /// grows by a little while that ratio is good. It needs no number that fits the service.
    #[default]
    Gradient,
    /// The limit grows by one, and falls by a tenth where calls fail or take too long.
    Aimd,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Gradient,
            initial: NonZeroU32::MIN.saturating_add(3),
            floor: NonZeroU32::MIN,
            ceiling: NonZeroU32::MIN.saturating_add(255),
            tolerance: 1.3,
            latency_max: None,
            failure_share: 0.1,
            window: Duration::from_millis(100),
            samples_min: NonZeroU32::MIN.saturating_add(19),
            probe_every: Duration::from_secs(5),
            bytes_max: NonZeroU64::MIN.saturating_add((64 << 20) - 1),
            request_bytes: 256 << 10,
        }
    }
}
