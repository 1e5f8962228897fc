//! The codecs of relayhouse.

use std::{fmt::Debug, hint::black_box, rc::Rc};

use anyhow::Result;
use bytes::BytesMut;
use relayhouse_codec::{
    BorrowDecoder, Decoder, Encoder, JsonCodec, MessagePackCodec,
    avro::{AvroCodec, FixedSchemas, Framing, Schema, SchemaId},
    to_bytes,
};

use super::{
    measure::{Plan, ensure_same},
    record::{Evolving, Record},
};
use crate::compare::Contender;

pub(super) const JSON: &str = "Json";
pub(super) const NAMED: &str = "MessagePack";
pub(super) const COMPACT: &str = "MessagePack, compact";
pub(super) const AVRO: &str = "Avro";
pub(super) const SINGLE: &str = "Avro, single object";
pub(super) const CONFLUENT: &str = "Avro, Confluent";
pub(super) const BORROWED: &str = "Avro, borrowed";
pub(super) const RESOLVING: &str = "Avro, resolving";

/// What a registry calls the schema.
const REGISTERED: SchemaId = SchemaId::Number(42);

/// Returns all codecs for one kind of record.
pub(super) fn contenders<R: Record>(plan: Plan, value: &R::Owned) -> Result<Vec<Contender<'_>>> {
    let avro = |framing| avro::<R>(framing);
    Ok(vec![
        contender(plan, JSON, JsonCodec::new(), value)?,
        contender(plan, NAMED, MessagePackCodec::new(), value)?,
        contender(plan, COMPACT, MessagePackCodec::new().compact(), value)?,
        contender(plan, AVRO, avro(Framing::Bare)?, value)?,
        contender(plan, SINGLE, avro(Framing::SingleObject)?, value)?,
        contender(plan, CONFLUENT, avro(Framing::Confluent)?, value)?,
        borrowed::<R>(plan, value)?,
    ])
}

/// Returns the codec that writes by one schema and reads as the next.
pub(super) fn resolving<R: Evolving>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let old = avro::<R>(Framing::SingleObject)?;
    let new = AvroCodec::<R::Next>::builder(Schema::parse(R::NEXT_SCHEMA)?)
        .framing(Framing::SingleObject)
        .store(FixedSchemas::new().schema(Schema::parse(R::SCHEMA)?))
        .build()?;
    Ok(plan.contender(
        RESOLVING,
        move |buffer: &mut BytesMut| Ok(old.encode_into(value, buffer)?),
        move |body| {
            let decoded: R::Next = new.decode(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

/// Makes the codec of one kind of record.
pub(super) fn avro<R: Record>(framing: Framing) -> Result<AvroCodec<R::Owned>> {
    let builder = AvroCodec::builder(Schema::parse(R::SCHEMA)?).framing(framing);
    let builder = match framing {
        Framing::Confluent => builder.id(REGISTERED),
        Framing::Bare | Framing::SingleObject => builder,
    };
    Ok(builder.build()?)
}

fn contender<'a, T: Debug + PartialEq>(
    plan: Plan,
    name: &'static str,
    codec: impl Encoder<T> + Decoder<T> + 'a,
    value: &'a T,
) -> Result<Contender<'a>> {
    ensure_same(name, &codec.decode(&to_bytes(&codec, value)?)?, value)?;
    let encoder = Rc::new(codec);
    let decoder = Rc::clone(&encoder);
    Ok(plan.contender(
        name,
        move |buffer: &mut BytesMut| Ok(encoder.encode_into(value, buffer)?),
        move |body| {
            drop(black_box(decoder.decode(body)?));
            Ok(())
        },
    ))
}

fn borrowed<R: Record>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let codec = avro::<R>(Framing::Bare)?;
    // A codec for each type: the plans remember its fields.
    let decoder = avro::<R>(Framing::Bare)?;
    Ok(plan.contender(
        BORROWED,
        move |buffer: &mut BytesMut| Ok(codec.encode_into(value, buffer)?),
        move |body| {
            let decoded: R::Borrowed<'_> = decoder.decode_borrowed(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}
