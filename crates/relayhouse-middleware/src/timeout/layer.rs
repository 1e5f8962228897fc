//! The layer that makes the service.

use std::{sync::Arc, time::Duration};

use relayhouse_core::Context;
use tower_layer::Layer;

use super::{Timeout, TimeoutConfig, deadlines::Deadlines};

/// Puts [`Timeout`] around a service. All services that it makes share one timer.
#[derive(Clone, Debug)]
pub struct TimeoutLayer {
    deadlines: Arc<Deadlines>,
}

impl TimeoutLayer {
    /// Makes the layer with `limit` for each call.
    #[must_use]
    pub fn new(limit: Duration, context: &Context) -> Self {
        let config = TimeoutConfig {
            limit,
            ..TimeoutConfig::default()
        };
        Self::with_config(config, context)
    }

    /// Makes the layer as `config` says.
    #[must_use]
    pub fn with_config(config: TimeoutConfig, context: &Context) -> Self {
        Self {
            deadlines: Deadlines::new(config, Arc::clone(&context.clock)),
        }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        Timeout::new(inner, Arc::clone(&self.deadlines))
    }
}
