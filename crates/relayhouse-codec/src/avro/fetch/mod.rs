//! Fetches the schema of a delivery before the handler runs.
//!
//! Decoding does not wait, and the schemas of a registry are on another machine.
//! [`FetchSchemasLayer`] stands between: it reads which schema the delivery names, and fetches it
//! if the store does not know it yet. For the schemas that are known it costs a look at the store.
//!
//! If the registry cannot be reached, the call ends with a temporary error: the delivery is
//! released, or tried again by a retry layer. If there is no such schema, the error is permanent,
//! and the delivery is dead-lettered.
//!
//! # Order
//!
//! Inside retry: each try may fetch. Inside a timeout as well: fetching takes of the same time.
//! A layer that counts failures of the handler belongs inside of this one, or it would count those
//! of the registry.
//!
//! # Cancellation
//!
//! Dropping the future drops what was fetched so far, or the call.
//!
//! # Defaults
//!
//! None: store and framing are those of the codec.
//!
//! # Example
//!
//! ```
//! use relayhouse_codec::avro::{AvroCodec, FetchSchemasLayer, FixedSchemas, Schema};
//! use relayhouse_core::{Delivery, Error, Settlement};
//! use tower::{Service, ServiceBuilder};
//!
//! let codec = AvroCodec::<i64>::builder(Schema::parse(r#""long""#)?)
//!     .store(FixedSchemas::new().schema(Schema::parse(r#""int""#)?))
//!     .build()?;
//! let handler = ServiceBuilder::new()
//!     .layer(FetchSchemasLayer::of(&codec))
//!     .service_fn(async |_: Delivery| Ok::<_, Error>(Settlement::Ack));
//! # fn check(_: impl Service<Delivery>) {}
//! # check(handler);
//! # Ok::<(), Error>(())
//! ```

mod future;
mod layer;
mod service;

pub use self::{future::ResponseFuture, layer::FetchSchemasLayer, service::FetchSchemas};

#[cfg(test)]
mod tests;
