//! When a breaker opens, and how it tries again.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::config::{duration, duration_option};
use serde::Deserialize;

/// Configures a breaker; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// The latest calls that shares are taken of; 20. With fewer, no share opens the breaker.
    pub window: NonZeroU32,
    /// The share of failures that opens the breaker; 0.5.
    pub failure_share: f64,
    /// The failures one after the other that open the breaker; 5.
    pub failures_in_a_row: NonZeroU32,
    /// How long a call takes that counts as slow; by default none does.
    #[serde(deserialize_with = "duration_option")]
    pub slow_after: Option<Duration>,
    /// The share of slow calls that opens the breaker; 0.5.
    pub slow_share: f64,
    /// How long the breaker stays open before it tries again; 30 s.
    #[serde(deserialize_with = "duration")]
    pub open_for: Duration,
    /// The calls that must succeed for the breaker to close, and the most at a time till then; 3.
    pub probes: NonZeroU32,
}

/// Says what becomes of calls while the breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// Readiness waits: a consumer stops its intake, and no message uses up an attempt.
    Pause,
    /// Calls end at once with [`ErrorKind::Unavailable`](relayhouse_core::ErrorKind::Unavailable).
    Fail,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: NonZeroU32::MIN.saturating_add(19),
            failure_share: 0.5,
            failures_in_a_row: NonZeroU32::MIN.saturating_add(4),
            slow_after: None,
            slow_share: 0.5,
            open_for: Duration::from_secs(30),
            probes: NonZeroU32::MIN.saturating_add(2),
        }
    }
}
