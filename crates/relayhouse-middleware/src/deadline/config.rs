//! What deadlines messages get, and what becomes of those that are late.

use std::time::Duration;

use relayhouse_core::config::duration_option;
use serde::Deserialize;

/// Configures deadlines; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlineConfig {
    /// The time that a message has which is sent without a deadline, outside of a handler that has
    /// one; no limit.
    #[serde(deserialize_with = "duration_option")]
    pub limit: Option<Duration>,
    /// What becomes of a delivery whose deadline has passed; it is dead-lettered.
    pub late: Late,
}

/// Says what becomes of a delivery whose deadline has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It is dead-lettered with the reason `expired`.
    #[default]
    DeadLetter,
    /// It is acked, and so gone: nobody waits for it.
    Ack,
}
