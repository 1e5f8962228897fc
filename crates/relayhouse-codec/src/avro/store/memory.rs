//! Schemas that a program adds while it runs.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use relayhouse_core::{Error, ErrorKind, Result};

use super::{SchemaId, SchemaStore, unknown};
use crate::avro::schema::Schema;

/// How many schemas a store in memory holds unless it is told otherwise.
const SCHEMAS_MAX: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// Holds schemas that are added while the program runs. A clone shares them.
///
/// It is full at 1024 schemas, or at what [`schemas_max`](Self::schemas_max) says.
///
/// ```
/// use relayhouse_codec::avro::{MemorySchemas, Schema, SchemaStore};
///
/// let store = MemorySchemas::new();
/// let id = store.insert(Schema::parse(r#""string""#)?)?;
/// assert!(store.known(id)?.is_some());
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemorySchemas {
    schemas: Arc<RwLock<HashMap<SchemaId, Schema>>>,
    schemas_max: NonZeroUsize,
}

impl MemorySchemas {
    /// Makes a store without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self {
            schemas: Arc::default(),
            schemas_max: SCHEMAS_MAX,
        }
    }

    /// Sets how many schemas the store may hold.
    #[must_use]
    pub const fn schemas_max(mut self, max: NonZeroUsize) -> Self {
        self.schemas_max = max;
        self
    }

    /// Adds `schema` by its fingerprint, which is returned.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Full`] if the store is full.
    pub fn insert(&self, schema: Schema) -> Result<SchemaId> {
        let id = schema.fingerprint().into();
        self.insert_as(id, schema).map(|()| id)
    }

    /// Adds `schema` by the id that messages call it, in the place of an earlier one.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Full`] if the store is full.
    pub fn insert_as(&self, id: SchemaId, schema: Schema) -> Result<()> {
        let mut schemas = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        let max = self.schemas_max;
        if max.get() <= schemas.len() && !schemas.contains_key(&id) {
            let rule = format!("store of schemas is full with {max}");
            return Err(Error::new(ErrorKind::Full, rule));
        }
        schemas.insert(id, schema);
        Ok(())
    }

    fn get(&self, id: SchemaId) -> Result<Schema> {
        let schemas = self.schemas.read().unwrap_or_else(PoisonError::into_inner);
        schemas.get(&id).cloned().ok_or_else(|| unknown(id))
    }
}

impl Default for MemorySchemas {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl SchemaStore for MemorySchemas {
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        self.get(id).map(Some)
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        self.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_store_takes_no_further_schema_but_a_new_text_of_one() {
        let store = MemorySchemas::new().schemas_max(NonZeroUsize::MIN);
        let schema = Schema::parse(r#""int""#).unwrap();
        let id = store.insert(schema.clone()).unwrap();
        assert_eq!(store.insert(schema).unwrap(), id);
        let other = Schema::parse(r#""long""#).unwrap();
        let error = store.insert(other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
    }
}
