//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::Context;
use tower_layer::Layer;

use super::{Retry, RetryConfig, shared::Shared};

/// Puts [`Retry`] around a service. All services that it makes share one budget.
#[derive(Clone, Debug)]
pub struct RetryLayer {
    shared: Arc<Shared>,
}

impl RetryLayer {
    /// Makes the layer with the defaults.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::with_config(RetryConfig::default(), context)
    }

    /// Makes the layer as `config` says.
    #[must_use]
    pub fn with_config(config: RetryConfig, context: &Context) -> Self {
        let shared = Shared::new(config, context.clone());
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<S: Clone> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry::new(inner, Arc::clone(&self.shared))
    }
}
