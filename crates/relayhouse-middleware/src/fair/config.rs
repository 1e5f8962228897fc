//! What a share is counted in, and what one key may have at most.

use std::num::{NonZeroU32, NonZeroU64};

use relayhouse_core::config::bytes_nonzero;
use serde::Deserialize;

/// Configures fair shares; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FairConfig {
    /// What a share is counted in; messages.
    pub cost: Cost,
    /// The bytes of one turn of a key, where bytes are counted; 64 KiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub turn_bytes: NonZeroU64,
    /// The most handlers of one key at a time; no limit.
    pub concurrency_max: Option<NonZeroU32>,
    /// The most messages of one key that start in a second; no limit.
    pub rate_max: Option<NonZeroU64>,
    /// How many of them may start at once after a pause; as many as in a second.
    pub rate_burst: Option<NonZeroU64>,
}

/// Says what a share is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Messages.
    #[default]
    Messages,
    /// The bytes of bodies and headers.
    Bytes,
}

impl Default for FairConfig {
    fn default() -> Self {
        Self {
            cost: Cost::Messages,
            turn_bytes: NonZeroU64::MIN.saturating_add((64 << 10) - 1),
            concurrency_max: None,
            rate_max: None,
            rate_burst: None,
        }
    }
}
