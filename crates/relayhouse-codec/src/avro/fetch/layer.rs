//! The layer that makes the service.

use std::sync::Arc;

use tower_layer::Layer;

use super::FetchSchemas;
use crate::avro::{AvroCodec, Framing, SchemaId, SchemaStore};

/// Puts [`FetchSchemas`] around a handler.
#[derive(Clone, Debug)]
pub struct FetchSchemasLayer {
    store: Arc<dyn SchemaStore>,
    framing: Framing,
    own: [SchemaId; 2],
}

impl FetchSchemasLayer {
    /// Makes the layer for what `codec` decodes.
    #[must_use]
    pub fn of<T>(codec: &AvroCodec<T>) -> Self {
        Self {
            store: Arc::clone(codec.store()),
            framing: codec.framing(),
            own: codec.own_ids(),
        }
    }
}

impl<S> Layer<S> for FetchSchemasLayer {
    type Service = FetchSchemas<S>;

    fn layer(&self, inner: S) -> FetchSchemas<S> {
        FetchSchemas::new(inner, Arc::clone(&self.store), self.framing, self.own)
    }
}
