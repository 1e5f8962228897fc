//! A client of a schema registry that speaks as Confluent's does.

mod builder;
mod cache;
mod flights;
mod http;
mod reply;
mod resolve;
mod tls;

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use relayhouse_core::{Clock, Result};

pub use self::{builder::RegistryBuilder, reply::Registered};
use self::{
    cache::Cache,
    flights::Flights,
    http::Http,
    reply::{Compatible, Identified},
};
use super::{SchemaId, SchemaStore, unknown};
use crate::avro::schema::Schema;

/// Finds and registers schemas at a schema registry, by HTTP.
///
/// It speaks the API of Confluent's registry, as Apicurio, Karapace and Redpanda do. Schemas are
/// kept once they were fetched, up to a bound; that there is none of an id, or none that can be
/// used, is kept for a moment.
/// However many deliveries wait for one schema, it is fetched once. Nothing is tried again: layers
/// do that. A clone shares all of it.
///
/// A schema is fetched so rarely that each call makes a connection of its own, and nothing runs
/// beside the calls. Proxies and redirects are not followed.
///
/// ```no_run
/// use relayhouse_codec::avro::{AvroCodec, Framing, SchemaRegistry, Schema};
///
/// # async fn run(context: relayhouse_core::Context) -> relayhouse_core::Result<()> {
/// let registry = SchemaRegistry::builder("https://registry.example", context.clock).build()?;
/// let schema = Schema::parse(r#""long""#)?;
/// let id = registry.register("orders-value", &schema).await?;
/// let codec = AvroCodec::<i64>::builder(schema)
///     .framing(Framing::Confluent)
///     .id(id)
///     .store(registry)
///     .build()?;
/// # let _ = codec;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SchemaRegistry(Arc<Shared>);

struct Shared {
    http: Http,
    clock: Arc<dyn Clock>,
    cache: Cache,
    flights: Flights,
}

impl SchemaRegistry {
    /// Begins a client of the registry at `url`, which may have a path.
    pub fn builder(url: &str, clock: Arc<dyn Clock>) -> RegistryBuilder {
        RegistryBuilder::new(url, clock)
    }

    /// Registers `schema` as the next version of `subject`, and returns its id: that of the same
    /// schema, if the subject has it already.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if the registry refuses the
    /// schema, such as for one that is not compatible, and what a [fetch](SchemaStore::fetch)
    /// returns. After a timeout the schema may be registered: to register it again does no harm.
    pub async fn register(&self, subject: &str, schema: &Schema) -> Result<SchemaId> {
        self.identify(&["subjects", subject, "versions"], schema)
            .await
    }

    /// Returns the id that `schema` has under `subject`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if the subject does not have
    /// it, and what a [fetch](SchemaStore::fetch) returns.
    pub async fn look_up(&self, subject: &str, schema: &Schema) -> Result<SchemaId> {
        self.identify(&["subjects", subject], schema).await
    }

    async fn identify(&self, path: &[&str], schema: &Schema) -> Result<SchemaId> {
        let Shared { http, cache, .. } = &*self.0;
        let Identified { id } = http.post(path, schema).await?;
        cache.keep(id, schema);
        Ok(SchemaId::Number(id))
    }

    /// Returns the latest version of `subject`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if there is no such subject,
    /// and what a [fetch](SchemaStore::fetch) returns.
    pub async fn latest(&self, subject: &str) -> Result<Registered> {
        let Shared { http, cache, .. } = &*self.0;
        let named = http.latest(subject).await?;
        let (id, version) = (named.id, named.version);
        let schema = resolve::resolve(http, named.schema).await?;
        cache.keep(id, &schema);
        Ok(Registered {
            id: SchemaId::Number(id),
            version,
            schema,
        })
    }

    /// Asks the registry whether `schema` is compatible with the latest version of `subject`, by
    /// the mode that is set there.
    ///
    /// # Errors
    ///
    /// Returns what [`latest`](Self::latest) returns.
    pub async fn is_compatible(&self, subject: &str, schema: &Schema) -> Result<bool> {
        let path = ["compatibility", "subjects", subject, "versions", "latest"];
        let Compatible { is_compatible } = self.0.http.post(&path, schema).await?;
        Ok(is_compatible)
    }
}

impl Shared {
    /// Fetches the schema of `id`, and keeps what came of it, unless that may change soon.
    async fn fetch(&self, id: u32) -> Result<Schema> {
        let fetched = self.ask_for(id).await;
        match &fetched {
            Ok(schema) => self.cache.keep(id, schema),
            Err(error) if error.is_permanent() => {
                self.cache.refuse(id, self.clock.now(), error.clone());
            }
            Err(_) => {}
        }
        fetched
    }

    async fn ask_for(&self, id: u32) -> Result<Schema> {
        match self.http.schema(id).await? {
            Some(stored) => resolve::resolve(&self.http, stored).await,
            None => Err(unknown(SchemaId::Number(id))),
        }
    }
}

#[async_trait]
impl SchemaStore for SchemaRegistry {
    /// Returns what was fetched before. A registry does not know schemas by their fingerprints.
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        match id {
            SchemaId::Number(number) => self.0.cache.known(number, self.0.clock.now()),
            SchemaId::Fingerprint(_) => Err(unknown(id)),
        }
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        if let Some(schema) = self.known(id)? {
            return Ok(schema);
        }
        match id {
            SchemaId::Number(number) => {
                let shared = Arc::clone(&self.0);
                let fetch = move || async move { shared.fetch(number).await };
                self.0.flights.join(number, fetch).await
            }
            SchemaId::Fingerprint(_) => Err(unknown(id)),
        }
    }
}

impl Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SchemaRegistry").field(&self.0.http).finish()
    }
}

#[cfg(test)]
mod tests;
