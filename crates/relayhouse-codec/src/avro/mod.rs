//! Avro: bodies by schemas, which may change while old and new programs run side by side.
//!
//! An [`AvroCodec`] has one [`Schema`], by which it writes, and reads what other schemas have
//! written as that one says. Schemas are compiled into flat plans, over which serde runs: there is
//! no tree of values in between. [`Avro`] is what handlers take, and a producer sends by
//! `encoded_by(codec)`.
//!
//! # Schemas
//!
//! A schema is [parsed](Schema::parse) from its JSON text, or taken [of a Rust type](Schema::of)
//! that derives `apache_avro::AvroSchema`. Its [`Fingerprint`] is that of other implementations.
//!
//! A body is of no use without the schema that it was written by. How it names that is the
//! [`Framing`], which both sides are told:
//!
//! | framing | content type | where the schema is named |
//! | --- | --- | --- |
//! | [`Bare`](Framing::Bare) | `avro/binary` | in the header [`avro-schema`](SCHEMA_HEADER), by fingerprint (`crc-64-avro:7275d51a3f395c8f`) or number (`id:7`) |
//! | [`SingleObject`](Framing::SingleObject) | `avro/binary; framing=single-object` | in the body, by fingerprint |
//! | [`Confluent`](Framing::Confluent) | `avro/binary; framing=confluent` | in the body, by the number of a registry |
//!
//! `application/avro` and `+avro` are taken as well, as foreign producers say it. Of a schema that
//! is `bytes` alone, Confluent's client for Java leaves the length out; those for Python and others
//! write it, as the Avro specification says, and so does [`Confluent`](Framing::Confluent). Put
//! such bytes into a record, which all of them write alike.
//!
//! # Types
//!
//! Types of serde are written and read as `apache-avro` does it, and more of them: integers by
//! their value, a list of `u8` as `bytes` or a fixed, arrays of any length as an array. A tuple of
//! one, and so an array of one, is the value itself; where the schema has a list and the value is
//! none, it is the one item of that.
//!
//! # Stores
//!
//! A codec finds the schemas of other writers in a [`SchemaStore`]: [`FixedSchemas`],
//! [`MemorySchemas`], the files of a [`SchemaDirectory`], or, with the feature `registry`, a
//! `SchemaRegistry` by HTTP. Decoding does not wait, so a layer around the handler fetches what is
//! not known yet: [`FetchSchemasLayer`].
//!
//! A message that names no schema, one that names a schema which nobody has, and a body that does
//! not decode are permanent errors of the kind
//! [`Codec`](relayhouse_core::ErrorKind::Codec), which the runtime makes dead letters of. A
//! registry that cannot be reached is a temporary one.
//!
//! # Evolution
//!
//! Defaults fill in what the data do not have, fields that only the data have are passed over,
//! names follow aliases, numbers widen, and branches of unions and symbols of enums are found by
//! their names. [`compare`] tells beforehand whether two schemas are compatible, and explains each
//! difference.
//!
//! ```
//! use relayhouse_codec::avro::{AvroCodec, FixedSchemas, Schema};
//! use relayhouse_codec::{from_message, to_message};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize)]
//! struct Old {
//!     id: i32,
//! }
//!
//! #[derive(Deserialize)]
//! struct New {
//!     id: i64,
//!     currency: String,
//! }
//!
//! let old = Schema::parse(r#"{"type": "record", "name": "Order", "fields": [
//!     {"name": "id", "type": "int"}
//! ]}"#)?;
//! let new = Schema::parse(r#"{"type": "record", "name": "Order", "fields": [
//!     {"name": "currency", "type": "string", "default": "EUR"},
//!     {"name": "id", "type": "long"}
//! ]}"#)?;
//! let message = to_message(&AvroCodec::new(old.clone())?, &Old { id: 7 })?;
//! let codec = AvroCodec::<New>::builder(new)
//!     .store(FixedSchemas::new().schema(old))
//!     .build()?;
//! let order = from_message(&codec, &message)?;
//! assert_eq!((order.id, &*order.currency), (7, "EUR"));
//! # Ok::<(), relayhouse_core::Error>(())
//! ```

mod canonical;
mod clean;
mod codec;
mod compatibility;
mod extract;
mod fetch;
mod fingerprint;
mod framing;
mod inline;
mod read;
mod schema;
mod screen;
mod shown;
mod store;
mod uuid;
mod write;

#[cfg(feature = "registry")]
pub use self::store::{Registered, RegistryBuilder, SchemaRegistry};
pub use self::{
    codec::{AvroCodec, AvroCodecBuilder},
    compatibility::{Compatibility, Difference, Direction, compare},
    extract::Avro,
    fetch::{FetchSchemas, FetchSchemasLayer, ResponseFuture},
    fingerprint::Fingerprint,
    framing::{Framing, SCHEMA_HEADER},
    schema::{SCHEMA_BYTES_MAX, Schema},
    store::{FixedSchemas, MemorySchemas, SchemaDirectory, SchemaId, SchemaStore},
};

#[cfg(test)]
mod tests;
