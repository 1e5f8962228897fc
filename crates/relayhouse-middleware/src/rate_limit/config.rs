//! How many messages or bytes may pass, in how long.

use std::{num::NonZeroU64, time::Duration};

use relayhouse_core::config::duration;
use serde::Deserialize;

/// Configures a rate limit; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitConfig {
    /// What passes in [`per`](Self::per).
    pub amount: NonZeroU64,
    /// The time in which the amount passes; 1 s.
    #[serde(deserialize_with = "duration", default = "second")]
    pub per: Duration,
    /// What may pass at once after a pause; the amount.
    #[serde(default)]
    pub burst: Option<NonZeroU64>,
    /// What is counted; messages.
    #[serde(default)]
    pub unit: Unit,
}

/// Says what a rate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Messages.
    #[default]
    Messages,
    /// The bytes of bodies and headers.
    Bytes,
}

const fn second() -> Duration {
    Duration::from_secs(1)
}

impl RateLimitConfig {
    /// Lets `amount` messages pass in a second.
    #[must_use]
    pub const fn per_second(amount: NonZeroU64) -> Self {
        Self {
            amount,
            per: second(),
            burst: None,
            unit: Unit::Messages,
        }
    }
}
