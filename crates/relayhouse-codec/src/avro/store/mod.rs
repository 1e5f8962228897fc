//! Where schemas are found by what a message says of them.

mod directory;
mod fixed;
mod id;
mod memory;
#[cfg(feature = "registry")]
mod registry;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use relayhouse_core::{Error, ErrorKind, Result};

#[cfg(feature = "registry")]
pub use self::registry::{Registered, RegistryBuilder, SchemaRegistry};
pub use self::{
    directory::SchemaDirectory, fixed::FixedSchemas, id::SchemaId, memory::MemorySchemas,
};
use super::schema::Schema;

/// Finds the schemas by which messages were written.
///
/// Decoding does not wait: it takes what is [`known`](Self::known). What has to be fetched first is
/// fetched by [`FetchSchemas`](super::FetchSchemas), before the handler.
#[async_trait]
pub trait SchemaStore: Debug + Send + Sync {
    /// Returns the schema `id` without input and output, or nothing if it must be fetched first.
    ///
    /// # Errors
    ///
    /// Returns a permanent [`ErrorKind::Codec`] if no such schema is in the store.
    fn known(&self, id: SchemaId) -> Result<Option<Schema>>;

    /// Fetches the schema `id`, which is known then.
    ///
    /// Calls may overlap. Nothing is tried again. Dropping the future loses what was fetched so
    /// far and nothing else.
    ///
    /// # Errors
    ///
    /// Returns a permanent [`ErrorKind::Codec`] if no such schema is in the store, and a temporary
    /// error if the store cannot be reached.
    async fn fetch(&self, id: SchemaId) -> Result<Schema>;
}

#[async_trait]
impl<S: SchemaStore + ?Sized> SchemaStore for Arc<S> {
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        (**self).known(id)
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        (**self).fetch(id).await
    }
}

/// Says that a store has no such schema, which waiting will not change.
pub(crate) fn unknown(id: SchemaId) -> Error {
    Error::new(ErrorKind::Codec, format!("schema {id} is not in the store"))
}
