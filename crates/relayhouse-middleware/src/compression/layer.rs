//! The layer that makes the service.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
};

use tower_layer::Layer;

use super::{Compression, CompressionConfig, Effort, Encoding, service::Shared};

/// Puts [`Compression`] around a service.
#[derive(Clone, Debug)]
pub struct CompressionLayer {
    config: CompressionConfig,
}

impl CompressionLayer {
    /// Makes a layer that compresses as `encoding` says.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self::with_config(CompressionConfig {
            encoding,
            ..CompressionConfig::default()
        })
    }

    /// Makes a layer as `config` says.
    #[must_use]
    pub const fn with_config(config: CompressionConfig) -> Self {
        Self { config }
    }

    /// Sets how much time is spent for how small a body.
    #[must_use]
    pub const fn effort(mut self, effort: Effort) -> Self {
        self.config.effort = effort;
        self
    }

    /// Sets the bytes from which on a body is compressed.
    #[must_use]
    pub const fn bytes_min(mut self, bytes: u64) -> Self {
        self.config.bytes_min = bytes;
        self
    }

    /// Sets the most bytes that come out of a body.
    #[must_use]
    pub const fn output_bytes_max(mut self, bytes: NonZeroU64) -> Self {
        self.config.output_bytes_max = bytes;
        self
    }

    /// Sets the most bytes that come out for each byte of a body.
    #[must_use]
    pub const fn ratio_max(mut self, ratio: NonZeroU32) -> Self {
        self.config.ratio_max = ratio;
        self
    }
}

impl<S> Layer<S> for CompressionLayer {
    type Service = Compression<S>;

    fn layer(&self, inner: S) -> Compression<S> {
        Compression::new(inner, Arc::new(Shared::new(self.config.clone())))
    }
}
