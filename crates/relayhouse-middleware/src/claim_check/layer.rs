//! The layer that makes the service.

use std::{num::NonZeroU64, sync::Arc};

use relayhouse_core::{Context, port::BlobStore};
use tower_layer::Layer;

use super::{ClaimCheck, ClaimCheckConfig, shared::Shared};

/// Puts [`ClaimCheck`] around a service.
#[derive(Clone, Debug)]
pub struct ClaimCheckLayer {
    shared: Shared,
}

impl ClaimCheckLayer {
    /// Makes a layer that stores bodies in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, context: &Context) -> Self {
        Self {
            shared: Shared::new(store, ClaimCheckConfig::default(), context),
        }
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: ClaimCheckConfig) -> Self {
        self.shared.config = config;
        self
    }

    /// Sets the bytes from which on a body is stored.
    #[must_use]
    pub const fn bytes_min(mut self, bytes: u64) -> Self {
        self.shared.config.bytes_min = bytes;
        self
    }

    /// Sets the most bytes of a body.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: NonZeroU64) -> Self {
        self.shared.config.bytes_max = bytes;
        self
    }
}

impl<S> Layer<S> for ClaimCheckLayer {
    type Service = ClaimCheck<S>;

    fn layer(&self, inner: S) -> ClaimCheck<S> {
        ClaimCheck::new(inner, self.shared.clone())
    }
}
