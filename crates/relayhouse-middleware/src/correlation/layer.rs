//! The layer that makes the service.

use std::sync::Arc;

use relayhouse_core::{Context, MessageIds};
use tower_layer::Layer;

use super::Correlation;

/// Puts [`Correlation`] around a producer or a handler.
#[derive(Clone, Debug)]
pub struct CorrelationLayer {
    ids: Arc<MessageIds>,
}

impl CorrelationLayer {
    /// Makes the layer.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let ids = MessageIds::new(&*context.random);
        Self { ids: Arc::new(ids) }
    }
}

impl<S> Layer<S> for CorrelationLayer {
    type Service = Correlation<S>;

    fn layer(&self, inner: S) -> Correlation<S> {
        Correlation::new(inner, Arc::clone(&self.ids))
    }
}
