//! How an Avro codec is built.

use std::{
    fmt::{self, Debug},
    marker::PhantomData,
    num::NonZeroUsize,
    sync::Arc,
};

use relayhouse_core::Result;

use super::{AvroCodec, Plans, Shared, plans::PLANS_MAX};
use crate::{
    avro::{
        framing::Framing,
        read::ReadPlan,
        schema::Schema,
        store::{FixedSchemas, SchemaId, SchemaStore},
        write::WritePlan,
    },
    bounds::Bounds,
};

/// Builds an [`AvroCodec`].
///
/// ```
/// use relayhouse_codec::avro::{AvroCodec, FixedSchemas, Framing, Schema};
///
/// let old = Schema::parse(r#""int""#)?;
/// let new = Schema::parse(r#""long""#)?;
/// let codec = AvroCodec::<i64>::builder(new)
///     .framing(Framing::SingleObject)
///     .store(FixedSchemas::new().schema(old))
///     .build()?;
/// # let _ = codec;
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[must_use]
pub struct AvroCodecBuilder<T> {
    schema: Schema,
    id: Option<SchemaId>,
    framing: Framing,
    bounds: Bounds,
    store: Arc<dyn SchemaStore>,
    unlabelled: Option<Schema>,
    plans_max: NonZeroUsize,
    of: PhantomData<fn() -> T>,
}

impl<T> AvroCodecBuilder<T> {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            schema,
            id: None,
            framing: Framing::default(),
            bounds: Bounds::new(),
            store: Arc::new(FixedSchemas::new()),
            unlabelled: None,
            plans_max: PLANS_MAX,
            of: PhantomData,
        }
    }

    /// Sets what messages call the schema, instead of by its fingerprint: the number that a
    /// registry gave it. To write with [`Framing::Confluent`] needs it.
    pub fn id(mut self, id: SchemaId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets how bodies name their schema, instead of [`Framing::Bare`].
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sets what a body may cost.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets where the schemas of other writers are found.
    pub fn store(mut self, store: impl SchemaStore + 'static) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Sets the schema that messages were written by which do not name one, instead of refusing
    /// them.
    pub fn unlabelled(mut self, schema: Schema) -> Self {
        self.unlabelled = Some(schema);
        self
    }

    /// Sets how many plans for other writers are kept: 64 by default. Beyond that the oldest is
    /// dropped, and compiled again when it is needed.
    pub fn plans_max(mut self, max: NonZeroUsize) -> Self {
        self.plans_max = max;
        self
    }

    /// Builds the codec.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) that says where, if the
    /// schema cannot be compiled, or what [`unlabelled`](Self::unlabelled) says cannot be read as
    /// it.
    pub fn build(self) -> Result<AvroCodec<T>> {
        let schema = self.schema;
        let unlabelled = self.unlabelled.as_ref();
        let unlabelled = unlabelled.map(|writer| ReadPlan::compile(writer, &schema));
        let id = self.id.unwrap_or_else(|| schema.fingerprint().into());
        let shared = Shared {
            id,
            id_text: id.to_string().into(),
            framing: self.framing,
            bounds: self.bounds,
            store: self.store,
            write: WritePlan::compile(&schema)?,
            own: Arc::new(ReadPlan::compile(&schema, &schema)?),
            unlabelled: unlabelled.transpose()?.map(Arc::new),
            others: Plans::new(schema.clone(), self.plans_max),
            schema,
        };
        Ok(AvroCodec {
            shared: Arc::new(shared),
            of: PhantomData,
        })
    }
}

impl<T> Debug for AvroCodecBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            schema,
            id,
            framing,
            bounds,
            store,
            unlabelled,
            plans_max,
            of: _,
        } = self;
        f.debug_struct("AvroCodecBuilder")
            .field("schema", schema)
            .field("id", id)
            .field("framing", framing)
            .field("bounds", bounds)
            .field("store", store)
            .field("unlabelled", unlabelled)
            .field("plans_max", plans_max)
            .finish()
    }
}
