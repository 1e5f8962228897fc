//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::Context;
use tower_layer::Layer;

use super::{Fault, FaultConfig, FaultCounts, shared::Shared};

/// Puts [`Fault`] around a service. All services that it makes draw from one seed.
#[derive(Clone, Debug)]
pub struct FaultLayer {
    shared: Arc<Shared>,
}

impl FaultLayer {
    /// Makes the layer. The same seed gives the same faults to the same calls in the same order.
    #[must_use]
    pub fn new(config: FaultConfig, seed: u64, context: &Context) -> Self {
        let shared = Shared::new(config, seed, Arc::clone(&context.clock));
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Changes which faults there are, for all services of the layer, from the next call on.
    pub fn set(&self, config: FaultConfig) {
        self.shared.set(config);
    }

    /// Returns how many faults were made.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        self.shared.counts()
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Fault<S>;

    fn layer(&self, inner: S) -> Fault<S> {
        Fault::new(inner, Arc::clone(&self.shared))
    }
}
