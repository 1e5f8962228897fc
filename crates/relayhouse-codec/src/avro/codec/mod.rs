//! The Avro codec: one schema of its own, and the plans by which others are read.

mod builder;
mod plans;

use std::{
    fmt::{self, Debug},
    marker::PhantomData,
    sync::Arc,
};

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result, Text};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::builder::AvroCodecBuilder;
use self::plans::Plans;
use super::{
    SCHEMA_HEADER, framing::Framing, read::ReadPlan, schema::Schema, store::SchemaId,
    store::SchemaStore, write::WritePlan,
};
use crate::{
    any::{AnyCodec, AnySeed, AnyValue},
    bounds::Bounds,
    codec::{BorrowDecoder, Decoder, Encoder, Format, check_content_type},
};

/// Encodes and decodes Avro, for values of the type `T`.
///
/// It writes by one schema, and reads what other schemas have written as that one says: defaults
/// fill in, unknown fields are left out, names follow their aliases, numbers widen. A schema is
/// compiled once into a plan; the plans of other writers are kept. A clone shares them.
///
/// The plans remember what the fields of a type are: have a codec for each type.
///
/// ```
/// use relayhouse_codec::avro::{AvroCodec, Schema};
/// use relayhouse_codec::{from_message, to_message};
///
/// let schema = Schema::parse(r#"{"type": "array", "items": "long"}"#)?;
/// let codec = AvroCodec::<Vec<i64>>::new(schema)?;
/// let message = to_message(&codec, &vec![1, 2, 3])?;
/// assert_eq!(message.body, b"\x06\x02\x04\x06\x00"[..]);
/// assert_eq!(message.details().content_type.as_deref(), Some("avro/binary"));
/// assert_eq!(from_message(&codec, &message)?, [1, 2, 3]);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
pub struct AvroCodec<T> {
    shared: Arc<Shared>,
    of: PhantomData<fn() -> T>,
}

struct Shared {
    schema: Schema,
    id: SchemaId,
    /// The id as the header has it.
    id_text: Text,
    framing: Framing,
    bounds: Bounds,
    store: Arc<dyn SchemaStore>,
    write: WritePlan,
    /// What the codec's own schema has written.
    own: Arc<ReadPlan>,
    /// What messages that name no schema were written by.
    unlabelled: Option<Arc<ReadPlan>>,
    others: Plans,
}

impl<T> AvroCodec<T> {
    /// Makes a codec of `schema`, with bare bodies whose header names their schema, and no store:
    /// it reads what was written by this schema alone.
    ///
    /// # Errors
    ///
    /// Returns what [`AvroCodecBuilder::build`] returns.
    pub fn new(schema: Schema) -> Result<Self> {
        Self::builder(schema).build()
    }

    /// Begins a codec of `schema`.
    pub fn builder(schema: Schema) -> AvroCodecBuilder<T> {
        AvroCodecBuilder::new(schema)
    }

    /// Returns the schema that the codec writes by, and reads as.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.shared.schema
    }

    /// Returns how bodies name their schema.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.shared.framing
    }

    /// Returns where the schemas of other writers are found.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SchemaStore> {
        &self.shared.store
    }

    /// Returns the ids by which messages name the codec's own schema.
    pub(super) fn own_ids(&self) -> [SchemaId; 2] {
        self.shared.own_ids()
    }

    /// Decodes a body of any framing into a value that may borrow from it.
    fn decode_body<'de, U: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<U> {
        let Shared {
            framing, bounds, ..
        } = &*self.shared;
        bounds.check_body("Avro", body)?;
        let (id, datum) = framing.split(body)?;
        match id {
            // No message is at hand that could name a schema.
            None => self.shared.own.decode(datum, bounds),
            Some(id) => self.shared.plan(id)?.decode(datum, bounds),
        }
    }

    fn decode_whole<'de, U: Deserialize<'de>>(&self, message: &'de Message) -> Result<U> {
        check_content_type(self, message)?;
        let (plan, datum) = self.shared.open(message)?;
        plan.decode(datum, &self.shared.bounds)
    }
}

impl Shared {
    /// Takes a message apart: the plan of its schema, and the datum.
    fn open<'de>(&self, message: &'de Message) -> Result<(Arc<ReadPlan>, &'de [u8])> {
        self.bounds.check_body("Avro", &message.body)?;
        let (id, datum) = self.framing.split(&message.body)?;
        let id = match id {
            Some(id) => Some(id),
            None => self.framing.schema_of(message)?,
        };
        let plan = match (id, &self.unlabelled) {
            (Some(id), _) => self.plan(id)?,
            (None, Some(plan)) => Arc::clone(plan),
            (None, None) => return Err(unnamed()),
        };
        Ok((plan, datum))
    }

    fn own_ids(&self) -> [SchemaId; 2] {
        [self.id, self.schema.fingerprint().into()]
    }

    /// Returns the plan by which to read what the schema `id` has written.
    fn plan(&self, id: SchemaId) -> Result<Arc<ReadPlan>> {
        if self.own_ids().contains(&id) {
            return Ok(Arc::clone(&self.own));
        }
        self.others.get(id, || match self.store.known(id)? {
            Some(writer) => Ok(writer),
            None => Err(unfetched(id)),
        })
    }
}

impl<T> Clone for AvroCodec<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            of: PhantomData,
        }
    }
}

impl<T> Debug for AvroCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, of: _ } = self;
        f.debug_struct("AvroCodec")
            .field("schema", &shared.schema)
            .field("id", &shared.id)
            .field("framing", &shared.framing)
            .field("bounds", &shared.bounds)
            .field("store", &shared.store)
            .finish_non_exhaustive()
    }
}

impl<T> Format for AvroCodec<T> {
    fn content_type(&self) -> &'static str {
        self.shared.framing.content_type()
    }

    /// Takes `avro/binary`, `application/avro` and any `+avro`, unless they name another framing.
    fn accepts(&self, content_type: &str) -> bool {
        self.shared.framing.accepts(content_type)
    }

    /// Writes the content type, and the id of the schema if the body does not have it.
    fn label(&self, message: Message) -> Message {
        let message = message.content_type(self.content_type());
        match self.shared.framing {
            Framing::Bare => message.header(SCHEMA_HEADER, self.shared.id_text.clone()),
            Framing::SingleObject | Framing::Confluent => message,
        }
    }
}

impl<T: Serialize> Encoder<T> for AvroCodec<T> {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        self.shared.encode(value, body)
    }
}

impl Shared {
    fn encode<U: Serialize + ?Sized>(&self, value: &U, body: &mut BytesMut) -> Result<()> {
        let start = body.len();
        self.framing.write(self.id, body)?;
        let written = self.write.encode(value, start, body, &self.bounds);
        if written.is_err() {
            body.truncate(start);
        }
        written
    }
}

impl<T: DeserializeOwned> Decoder<T> for AvroCodec<T> {
    /// Decodes all of `body`. A bare one is taken for one of the codec's own schema, since no
    /// header is at hand.
    fn decode(&self, body: &[u8]) -> Result<T> {
        self.decode_body(body)
    }

    fn decode_message(&self, message: &Message) -> Result<T> {
        self.decode_whole(message)
    }
}

impl<'de, T, U: Deserialize<'de>> BorrowDecoder<'de, U> for AvroCodec<T> {
    fn decode_borrowed(&self, body: &'de [u8]) -> Result<U> {
        self.decode_body(body)
    }

    fn decode_message_borrowed(&self, message: &'de Message) -> Result<U> {
        self.decode_whole(message)
    }
}

impl<T> AnyCodec for AvroCodec<T> {
    fn encode_any(&self, value: AnyValue<'_>, body: &mut BytesMut) -> Result<()> {
        self.shared.encode(&value, body)
    }

    fn decode_any<'de>(&self, message: &'de Message, seed: AnySeed<'_, 'de>) -> Result<()> {
        let (plan, datum) = self.shared.open(message)?;
        plan.decode_seed(seed, datum, &self.shared.bounds)
    }
}

fn unnamed() -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("message names no schema: it has no header {SCHEMA_HEADER}"),
    )
}

/// Says that a schema has to be fetched first; it may have been, and dropped again.
fn unfetched(id: SchemaId) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "schema {id} is not fetched yet: a layer FetchSchemas does that before the handler"
        ),
    )
}

#[cfg(test)]
mod tests;
