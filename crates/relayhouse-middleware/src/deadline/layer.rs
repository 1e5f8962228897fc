//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::{Clock, Context};
use tower_layer::Layer;

use super::{Deadline, DeadlineConfig};

/// Puts [`Deadline`] around a producer or a handler.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    clock: Arc<dyn Clock>,
    config: DeadlineConfig,
}

impl DeadlineLayer {
    /// Makes the layer with the defaults.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::with_config(DeadlineConfig::default(), context)
    }

    /// Makes the layer as `config` says.
    #[must_use]
    pub fn with_config(config: DeadlineConfig, context: &Context) -> Self {
        Self {
            clock: Arc::clone(&context.clock),
            config,
        }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline::new(inner, Arc::clone(&self.clock), self.config.clone())
    }
}
