//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::{Context, Text};
use tower_layer::Layer;

use super::{Adaptive, AdaptiveConfig, Decision, shared::Shared};
use crate::verdict::Standard;

/// Puts [`Adaptive`] around a service. All services that it makes share one limit.
#[derive(Clone, Debug)]
pub struct AdaptiveLayer<C = Standard> {
    shared: Arc<Shared>,
    classify: C,
}

impl AdaptiveLayer {
    /// Makes the layer with the defaults. `name` is what its events tell.
    #[must_use]
    pub fn new(name: impl Into<Text>, context: &Context) -> Self {
        Self::with_config(name, AdaptiveConfig::default(), context)
    }

    /// Makes the layer as `config` says. `name` is what its events tell.
    #[must_use]
    pub fn with_config(name: impl Into<Text>, config: AdaptiveConfig, context: &Context) -> Self {
        let shared = Shared::new(name.into(), config, context.clone());
        Self {
            shared: Arc::new(shared),
            classify: Standard,
        }
    }
}

impl<C> AdaptiveLayer<C> {
    /// Sets what counts as a failure of the service.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> AdaptiveLayer<D> {
        AdaptiveLayer {
            shared: self.shared,
            classify,
        }
    }

    /// Explains the latest decision.
    #[must_use]
    pub fn explain(&self) -> Decision {
        self.shared.explain()
    }
}

impl<S, C: Clone> Layer<S> for AdaptiveLayer<C> {
    type Service = Adaptive<S, C>;

    fn layer(&self, inner: S) -> Adaptive<S, C> {
        Adaptive::new(inner, Arc::clone(&self.shared), self.classify.clone())
    }
}
