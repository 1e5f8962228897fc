//! How long a call may take.

use std::time::Duration;

use relayhouse_core::config::duration;
use serde::Deserialize;

/// Configures a timeout; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutConfig {
    /// The longest time that a call may take; 30 s.
    #[serde(deserialize_with = "duration")]
    pub limit: Duration,
    /// How long before the end of its lease a delivery is cut off; 1 s.
    #[serde(deserialize_with = "duration")]
    pub lease_margin: Duration,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(30),
            lease_margin: Duration::from_secs(1),
        }
    }
}
