//! The layer that makes the service.

use std::{num::NonZeroU64, sync::Arc};

use relayhouse_core::Context;
use tower_layer::Layer;

use super::{RateLimit, RateLimitConfig, shared::Shared};

/// Puts [`RateLimit`] around a service. All services that it makes share one bucket.
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    shared: Arc<Shared>,
}

impl RateLimitLayer {
    /// Makes the layer with `amount` messages a second.
    #[must_use]
    pub fn per_second(amount: NonZeroU64, context: &Context) -> Self {
        Self::with_config(&RateLimitConfig::per_second(amount), context)
    }

    /// Makes the layer as `config` says.
    #[must_use]
    pub fn with_config(config: &RateLimitConfig, context: &Context) -> Self {
        let shared = Shared::new(config, Arc::clone(&context.clock));
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Changes amount, time and burst for all services of the layer, from now on. What is counted
    /// stays as it was.
    pub fn set(&self, config: &RateLimitConfig) {
        self.shared.set(config);
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit::new(inner, Arc::clone(&self.shared))
    }
}
