//! The layer that makes the service.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Context, Delivery, Text, port::DedupStore};
use tower_layer::Layer;

use super::{
    Idempotency, IdempotencyConfig,
    shared::{Function, Shared},
};

/// Puts [`Idempotency`] around a service.
#[derive(Clone, Debug)]
pub struct IdempotencyLayer {
    store: Arc<dyn DedupStore>,
    config: IdempotencyConfig,
    function: Option<Function>,
    context: Context,
}

impl IdempotencyLayer {
    /// Makes a layer that remembers in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn DedupStore>, context: &Context) -> Self {
        Self {
            store,
            config: IdempotencyConfig::default(),
            function: None,
            context: context.clone(),
        }
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: IdempotencyConfig) -> Self {
        self.config = config;
        self
    }

    /// Keeps these keys apart from those of others in the same store.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.config.scope = scope.into();
        self
    }

    /// Takes the key from the header `name`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.config.header = Some(name.into());
        self
    }

    /// Takes the key that `function` finds, whatever the header says; a delivery without one is
    /// handled as if the layer were not there.
    #[must_use]
    pub fn function(
        mut self,
        function: impl Fn(&Delivery) -> Option<Text> + Send + Sync + 'static,
    ) -> Self {
        self.function = Some(Function(Arc::new(function)));
        self
    }

    /// Sets how long a key is remembered after it is done.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.config.keep = keep;
        self
    }

    /// Sets how long a claim is held while a handler runs.
    #[must_use]
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.config.hold = hold;
        self
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotency<S>;

    fn layer(&self, inner: S) -> Idempotency<S> {
        let shared = Shared {
            store: Arc::clone(&self.store),
            config: self.config.clone(),
            function: self.function.clone(),
            context: self.context.clone(),
        };
        Idempotency::new(inner, Arc::new(shared))
    }
}
