//! Which bodies become blobs, and what becomes of the blobs.

use std::{num::NonZeroU64, time::Duration};

use relayhouse_core::config::{bytes, bytes_nonzero, duration};
use serde::Deserialize;

/// Configures claim checks; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimCheckConfig {
    /// The bytes from which on a body is stored; 192 KiB.
    #[serde(deserialize_with = "bytes")]
    pub bytes_min: u64,
    /// The most bytes of a body; 256 MiB. A larger one is not sent, and not fetched.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// What becomes of blobs; they are kept.
    pub cleanup: Cleanup,
    /// True to fetch the blob of a claim that tells no digest, as one does that another program stored:
    /// who may send may then have any blob fetched whose name and bytes they know; false.
    pub without_digest: bool,
    /// How long a message stays away that came while the store did not answer; 5 s.
    #[serde(deserialize_with = "duration")]
    pub retry_delay: Duration,
}

/// Says what becomes of blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// They are kept, until somebody sweeps the store.
    #[default]
    Keep,
    /// A blob is removed once the ack of its message is confirmed.
    Acked,
}

impl Default for ClaimCheckConfig {
    fn default() -> Self {
        Self {
            bytes_min: 192 << 10,
            bytes_max: const { NonZeroU64::new(256 << 20).unwrap() },
            cleanup: Cleanup::Keep,
            without_digest: false,
            retry_delay: Duration::from_secs(5),
        }
    }
}
