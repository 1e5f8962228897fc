//! How much may be in flight, and what happens beyond.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::config::{bytes, bytes_nonzero, duration};
use serde::Deserialize;

/// Configures back-pressure; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackpressureConfig {
    /// The most messages in flight; 256. More than 8,388,607 are taken for that many.
    pub messages_max: NonZeroU32,
    /// The most bytes in flight; 64 MiB. 1 TiB and more are taken for 1 TiB less a byte.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// The bytes that readiness keeps free for a request of unknown size; 256 KiB.
    #[serde(deserialize_with = "bytes")]
    pub request_bytes: u64,
    /// What happens when the bounds are reached; calls wait.
    pub full: Full,
    /// After which time a request that was shed may come again; 1 s.
    #[serde(deserialize_with = "duration")]
    pub shed_delay: Duration,
}

/// Says what happens when the bounds are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// Readiness waits, in the order of arrival.
    #[default]
    Wait,
    /// The call ends at once with [`ErrorKind::Full`](relayhouse_core::ErrorKind::Full), to come
    /// again after a time: a delivery goes back to its queue for that long.
    Shed,
    /// The call ends at once with [`ErrorKind::Full`](relayhouse_core::ErrorKind::Full), as a
    /// temporary failure.
    Fail,
}

impl Default for BackpressureConfig {
    fn default() -> Self {
        Self {
            messages_max: NonZeroU32::MIN.saturating_add(255),
            bytes_max: NonZeroU64::MIN.saturating_add((64 << 20) - 1),
            request_bytes: 256 << 10,
            full: Full::Wait,
            shed_delay: Duration::from_secs(1),
        }
    }
}
