//! Avro: schemas, plans, data and frames.

mod record;

use std::fmt::Debug;

use bytes::Bytes;
use relayhouse_codec::{
    BorrowDecoder, Decoder, Format,
    avro::{AvroCodec, FixedSchemas, Framing, SCHEMA_HEADER, Schema},
    from_message, to_bytes,
};
use relayhouse_core::{Error, Message};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

use self::record::{Record, Tree};
use crate::{
    check,
    sketch::{Sketch, evolve},
    source::Source,
};

/// Schemas whose data are small, and what they stand for large.
const HOLLOW: &[&str] = &[
    r#"{"type": "array", "items": "null"}"#,
    r#"{"type": "map", "values": "null"}"#,
    r#"{"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}"#,
    r#"{"type": "array", "items": {"type": "fixed", "name": "None", "size": 0}}"#,
    r#"{"type": "array", "items": {"type": "array", "items": "null"}}"#,
    r#""bytes""#,
    r#""string""#,
];

/// A datum of a fixed schema: the first byte says which.
pub(crate) fn datum(input: &[u8]) {
    let mut source = Source::new(input);
    match source.below(9) {
        0 => own::<Record>(Record::SCHEMA, source.rest()),
        1 => own::<Tree>(Tree::SCHEMA, source.rest()),
        hollow => {
            let schema = HOLLOW[usize::from(hollow) - 2];
            let codec = Schema::parse(schema).and_then(AvroCodec::<Value>::new);
            decode(codec, source.rest());
        }
    }
}

/// The text of a schema. One that is parsed is compiled.
pub(crate) fn schema(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let schema = match Schema::parse(text) {
        Ok(schema) => schema,
        Err(error) => return check::error(&error),
    };
    let again = check::expect(Schema::parse(schema.canonical()), &text);
    assert_eq!(again.canonical(), schema.canonical());
    assert_eq!(again.fingerprint(), schema.fingerprint());
    decode(AvroCodec::<Value>::new(schema), input);
}

/// A writer's schema, a reader's, and a datum.
pub(crate) fn plan(input: &[u8]) {
    let mut source = Source::new(input);
    let writer = Sketch::default().schema(&mut source, 0);
    let reader = match source.below(4) {
        0 => writer.clone(),
        1 => Sketch::default().schema(&mut source, 0),
        _ => evolve(&writer, &mut source),
    };
    let parsed = (
        Schema::parse(&writer.to_string()),
        Schema::parse(&reader.to_string()),
    );
    let (Ok(writer), Ok(reader)) = parsed else {
        return;
    };
    let codec = AvroCodec::builder(reader).unlabelled(writer).build();
    decode(codec, source.rest());
}

/// A message whose body, or header, names its schema.
pub(crate) fn frame(input: &[u8]) {
    let Some((first, body)) = input.split_first() else {
        return;
    };
    let framing = match first % 3 {
        0 => Framing::SingleObject,
        1 => Framing::Confluent,
        _ => Framing::Bare,
    };
    let schemas = [Record::SCHEMA, Tree::SCHEMA].map(Schema::parse);
    let mut store = FixedSchemas::new();
    for schema in schemas.into_iter().flatten() {
        store = store.schema(schema);
    }
    let Ok(reader) = Schema::parse(Tree::SCHEMA) else {
        return;
    };
    let Ok(codec) = AvroCodec::<Tree>::builder(reader)
        .framing(framing)
        .store(store)
        .build()
    else {
        return;
    };
    let (header, body) = body.split_at(body.len().min(usize::from(*first) / 8));
    let message = Message::new(Bytes::copy_from_slice(body)).content_type(codec.content_type());
    let message = match std::str::from_utf8(header) {
        Ok(header) => message.header(SCHEMA_HEADER, header.to_owned()),
        Err(_) => message,
    };
    _ = from_message(&codec, &message);
    _ = codec.decode(body);
}

/// What was decoded is decoded again from what it is encoded to.
fn own<T: Debug + PartialEq + Serialize + DeserializeOwned>(schema: &str, datum: &[u8]) {
    let codec = Schema::parse(schema).and_then(AvroCodec::<T>::new);
    let codec = check::expect(codec, &schema);
    let value = match codec.decode(datum) {
        Ok(value) => value,
        Err(error) => return check::error(&error),
    };
    let body = check::expect(to_bytes(&codec, &value), &value);
    let again: T = check::expect(codec.decode(&body), &value);
    // A number that is none equals nothing.
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
}

/// Decodes a datum without a frame into what takes everything, and into what keeps nothing.
fn decode(codec: Result<AvroCodec<Value>, Error>, datum: &[u8]) {
    let codec = match codec {
        Ok(codec) => codec,
        Err(error) => return check::error(&error),
    };
    let message = Message::new(Bytes::copy_from_slice(datum));
    let message = message.content_type(codec.content_type());
    let kept: Result<Value, _> = from_message(&codec, &message);
    let dropped: Result<IgnoredAny, _> = codec.decode_message_borrowed(&message);
    for error in [kept.err(), dropped.err()].iter().flatten() {
        check::error(error);
    }
}
