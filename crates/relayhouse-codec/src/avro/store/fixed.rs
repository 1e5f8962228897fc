//! The schemas that a program knows from the start.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use relayhouse_core::Result;

use super::{SchemaId, SchemaStore, unknown};
use crate::avro::schema::Schema;

/// Holds the schemas that a program was built with. A clone shares them.
///
/// ```
/// use relayhouse_codec::avro::{FixedSchemas, Schema, SchemaStore};
///
/// let schema = Schema::parse(r#""string""#)?;
/// let store = FixedSchemas::new().schema(schema.clone());
/// assert!(store.known(schema.fingerprint().into())?.is_some());
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FixedSchemas(Arc<HashMap<SchemaId, Schema>>);

impl FixedSchemas {
    /// Makes a store without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `schema`, by its fingerprint.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        let id = schema.fingerprint().into();
        self.schema_as(id, schema)
    }

    /// Adds `schema`, by the id that messages call it.
    #[must_use]
    pub fn schema_as(mut self, id: SchemaId, schema: Schema) -> Self {
        Arc::make_mut(&mut self.0).insert(id, schema);
        self
    }
}

#[async_trait]
impl SchemaStore for FixedSchemas {
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        match self.0.get(&id) {
            Some(schema) => Ok(Some(schema.clone())),
            None => Err(unknown(id)),
        }
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        self.0.get(&id).cloned().ok_or_else(|| unknown(id))
    }
}
