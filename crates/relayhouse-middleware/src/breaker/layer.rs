//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::{Context, Text};
use tower_layer::Layer;

use super::{Breaker, BreakerConfig, Open, State, shared::Shared};
use crate::verdict::Standard;

/// Puts [`Breaker`] around a service. All services that it makes share one circuit.
#[derive(Clone, Debug)]
pub struct BreakerLayer<C = Standard> {
    shared: Arc<Shared>,
    open: Open,
    classify: C,
}

impl BreakerLayer {
    /// Makes the layer with the defaults. `name` is what its events tell.
    #[must_use]
    pub fn new(name: impl Into<Text>, open: Open, context: &Context) -> Self {
        Self::with_config(name, open, BreakerConfig::default(), context)
    }

    /// Makes the layer as `config` says. `name` is what its events tell.
    #[must_use]
    pub fn with_config(
        name: impl Into<Text>,
        open: Open,
        config: BreakerConfig,
        context: &Context,
    ) -> Self {
        let shared = Shared::new(config, name.into(), context.clone());
        Self {
            shared: Arc::new(shared),
            open,
            classify: Standard,
        }
    }
}

impl<C> BreakerLayer<C> {
    /// Sets what counts as a failure of the service.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> BreakerLayer<D> {
        BreakerLayer {
            shared: self.shared,
            open: self.open,
            classify,
        }
    }

    /// Returns whether the breaker lets calls through now.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.state()
    }
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = Breaker<S, C>;

    fn layer(&self, inner: S) -> Breaker<S, C> {
        Breaker::new(
            inner,
            Arc::clone(&self.shared),
            self.open,
            self.classify.clone(),
        )
    }
}
