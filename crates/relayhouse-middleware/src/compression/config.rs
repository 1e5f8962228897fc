//! How bodies are compressed, and what may come out of them.

use std::num::{NonZeroU32, NonZeroU64};

use relayhouse_core::config::{bytes, bytes_nonzero};
use serde::Deserialize;

use super::Encoding;

/// Up to here any ratio will do: what comes out is too small to do harm.
const ANY_RATIO_BYTES_MAX: u64 = 64 << 10;

/// Configures compression; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionConfig {
    /// How bodies are compressed; Zstandard where its feature is on. Every encoding whose feature
    /// is on is restored.
    pub encoding: Encoding,
    /// How much time is spent for how small a body; normal.
    pub effort: Effort,
    /// The bytes from which on a body is compressed; 1 KiB.
    #[serde(deserialize_with = "bytes")]
    pub bytes_min: u64,
    /// The most bytes that come out of a body; 64 MiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub output_bytes_max: NonZeroU64,
    /// The most bytes that come out for each byte of a body; 250. Up to 64 KiB any ratio will do.
    pub ratio_max: NonZeroU32,
}

/// Says how much time is spent for how small a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Little time: level 1.
    Low,
    /// The balance of the encoding: level 3 of Zstandard, level 6 of gzip.
    #[default]
    Normal,
    /// Small bodies: level 9.
    High,
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            effort: Effort::Normal,
            bytes_min: 1 << 10,
            output_bytes_max: const { NonZeroU64::new(64 << 20).unwrap() },
            ratio_max: const { NonZeroU32::new(250).unwrap() },
        }
    }
}

impl CompressionConfig {
    /// Returns the most bytes that may come out of a body of `length`.
    pub(super) fn output_max(&self, length: usize) -> u64 {
        let by_ratio = (length as u64).saturating_mul(self.ratio_max.get().into());
        by_ratio
            .max(ANY_RATIO_BYTES_MAX)
            .min(self.output_bytes_max.get())
    }
}
