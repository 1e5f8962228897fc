//! Which keys messages have, and for how long they count.

use std::time::Duration;

use relayhouse_core::config::duration;
use serde::Deserialize;

/// Configures idempotency; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdempotencyConfig {
    /// What keeps these keys apart from those of others in the same store; empty.
    pub scope: String,
    /// The header that holds the key; the key is the message's id.
    pub header: Option<String>,
    /// How long a key is remembered after it is done; 1 day.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
    /// How long a claim is held while a handler runs; 5 min. After a crash the message waits for
    /// its end.
    #[serde(deserialize_with = "duration")]
    pub hold: Duration,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            scope: String::new(),
            header: None,
            keep: Duration::from_secs(24 * 3600),
            hold: Duration::from_secs(300),
        }
    }
}
