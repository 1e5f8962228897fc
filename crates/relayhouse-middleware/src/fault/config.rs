//! Which faults there are, and how often.

use std::time::Duration;

use relayhouse_core::config::duration;
use serde::Deserialize;

/// Configures faults; readable from URL, environment and map through the same keys.
///
/// Shares lie between 0 and 1 and are drawn for each call, each by itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultConfig {
    /// The share of calls that fail before they are made.
    pub fail: f64,
    /// The share of calls that are made, and whose answer is lost.
    pub lose_answer: f64,
    /// The share of calls that are made twice, one after the other.
    pub duplicate: f64,
    /// The share of calls that wait before they are made.
    pub delay: f64,
    /// The longest such wait; 1 s.
    #[serde(deserialize_with = "duration")]
    pub delay_max: Duration,
    /// The share of calls that wait until one that came later has ended.
    pub reorder: f64,
    /// How long a call waits at most for such a one; 1 s.
    #[serde(deserialize_with = "duration")]
    pub reorder_max: Duration,
    /// The share of calls that panic.
    pub panic: f64,
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            fail: 0.0,
            lose_answer: 0.0,
            duplicate: 0.0,
            delay: 0.0,
            delay_max: Duration::from_secs(1),
            reorder: 0.0,
            reorder_max: Duration::from_secs(1),
            panic: 0.0,
        }
    }
}
