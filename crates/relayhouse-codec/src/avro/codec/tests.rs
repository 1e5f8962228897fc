//! Codecs of Avro: framings, stores, plans and what is refused.

use std::num::NonZeroUsize;

use relayhouse_core::HeaderValue;
use serde::Deserialize;

use super::*;
use crate::{
    avro::{Fingerprint, FixedSchemas},
    body::{from_message, from_message_borrowed, to_bytes, to_message},
    registry::CodecRegistry,
};

const V1: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": "string"}
]}"#;

const V2: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "currency", "type": "string", "default": "EUR"},
    {"name": "note", "type": "string"},
    {"name": "id", "type": "long"}
]}"#;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    id: i64,
    note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Order2 {
    id: i64,
    note: String,
    currency: String,
}

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn order() -> Order {
    Order {
        id: 7,
        note: "red".to_owned(),
    }
}

#[test]
fn both_directions_of_evolution_decode_with_every_framing() {
    let (first, second) = (schema(V1), schema(V2));
    let numbered = |number| SchemaId::Number(number);
    let store = FixedSchemas::new()
        .schema(first.clone())
        .schema(second.clone())
        .schema_as(numbered(1), first.clone())
        .schema_as(numbered(2), second.clone());
    for framing in [Framing::Bare, Framing::SingleObject, Framing::Confluent] {
        let mut old = AvroCodec::<Order>::builder(first.clone());
        let mut new = AvroCodec::<Order2>::builder(second.clone());
        if framing == Framing::Confluent {
            (old, new) = (old.id(numbered(1)), new.id(numbered(2)));
        }
        let old = old.framing(framing).store(store.clone()).build().unwrap();
        let new = new.framing(framing).store(store.clone()).build().unwrap();

        let from_old = to_message(&old, &order()).unwrap();
        let read = from_message(&new, &from_old).unwrap();
        assert_eq!((read.id, &*read.note, &*read.currency), (7, "red", "EUR"));

        let from_new = to_message(&new, &read).unwrap();
        assert_eq!(from_message(&old, &from_new).unwrap(), order());
        assert_eq!(from_message(&new, &from_new).unwrap(), read);
    }
}

#[test]
fn bare_body_has_the_datum_alone_and_its_schema_in_a_header() {
    let codec = AvroCodec::new(schema(V1)).unwrap();
    let message = to_message(&codec, &order()).unwrap();
    assert_eq!(message.body, b"\x0e\x06red"[..]);
    let fingerprint = schema(V1).fingerprint();
    assert_eq!(
        message.headers().text(SCHEMA_HEADER),
        Some(&*format!("crc-64-avro:{fingerprint}"))
    );
}

#[test]
fn message_without_a_schema_is_refused_unless_one_is_set_for_such() {
    let codec = AvroCodec::<Order>::new(schema(V1)).unwrap();
    let message = Message::new(to_bytes(&codec, &order()).unwrap());
    let error = from_message(&codec, &message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "message names no schema: it has no header avro-schema"
    );
    let codec = AvroCodec::<Order2>::builder(schema(V2))
        .unlabelled(schema(V1))
        .build()
        .unwrap();
    assert_eq!(from_message(&codec, &message).unwrap().currency, "EUR");
}

#[test]
fn schema_that_nobody_knows_is_a_permanent_error_that_names_it() {
    let codec = AvroCodec::<Order>::new(schema(V1)).unwrap();
    let message = to_message(&codec, &order()).unwrap();
    let unknown = SchemaId::from(Fingerprint::new(1)).to_string();
    let message = message.header(SCHEMA_HEADER, unknown);
    let error = from_message(&codec, &message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "schema crc-64-avro:0000000000000001 is not in the store"
    );
    let garbage = message.header(SCHEMA_HEADER, HeaderValue::Bytes("x".into()));
    let error = from_message(&codec, &garbage).unwrap_err();
    assert!(error.to_string().contains("avro-schema"), "{error}");
}

#[test]
fn writer_that_cannot_be_read_is_a_permanent_error_with_the_path() {
    let writer = schema(&V1.replace(r#""long""#, r#""string""#));
    let codec = AvroCodec::<Order>::builder(schema(V1))
        .store(FixedSchemas::new().schema(writer.clone()))
        .build()
        .unwrap();
    let id = SchemaId::from(writer.fingerprint()).to_string();
    let message = Message::new("\x00\x00").header(SCHEMA_HEADER, id);
    let error = from_message(&codec, &message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    assert!(error.to_string().contains("id"), "{error}");
}

#[test]
fn body_that_ends_early_says_where_and_nothing_of_its_content() {
    let codec = AvroCodec::<Order>::new(schema(V1)).unwrap();
    let error = codec.decode(b"\x0e\x06re").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let text = error.to_string();
    assert!(text.contains("note") && text.contains('2'), "{text}");
    assert!(!text.contains("re\""), "{text}");
}

#[test]
fn value_borrows_from_the_body() {
    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct View<'a> {
        id: i64,
        note: &'a str,
    }
    let codec = AvroCodec::new(schema(V1)).unwrap();
    let message = to_message(&codec, &order()).unwrap();
    let view: View<'_> = from_message_borrowed(&codec, &message).unwrap();
    assert_eq!(view, View { id: 7, note: "red" });
    assert!(message.body.as_ptr_range().contains(&view.note.as_ptr()));
}

#[test]
fn failed_encode_leaves_the_buffer_as_it_was() {
    let bounds = Bounds::new().body_bytes_max(NonZeroUsize::MIN);
    let codec = AvroCodec::builder(schema(V1))
        .framing(Framing::SingleObject)
        .bounds(bounds)
        .build()
        .unwrap();
    let mut body = BytesMut::from(&b"before"[..]);
    let error = codec.encode_into(&order(), &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(body, b"before"[..]);
    let error = codec.decode(&[0; 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
}

/// What was written under a bound is read under it: the frame counts as the datum does.
#[test]
fn frame_counts_against_the_bound_of_the_body() {
    let codec = |max| {
        let bounds = Bounds::new().body_bytes_max(NonZeroUsize::new(max).unwrap());
        let codec = AvroCodec::builder(schema(V1)).framing(Framing::SingleObject);
        codec.bounds(bounds).build().unwrap()
    };
    let body = to_bytes(&codec(15), &order()).unwrap();
    assert_eq!(body.len(), 15);
    assert_eq!(codec(15).decode(&body).unwrap(), order());
    let mut body = BytesMut::from(&b"before"[..]);
    let error = codec(14).encode_into(&order(), &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(error.to_string(), "Order: Avro body has more than 14 bytes");
    assert_eq!(body, b"before"[..]);
}

#[test]
fn body_over_the_bound_is_refused_in_every_way() {
    let bounds = Bounds::new().body_bytes_max(NonZeroUsize::new(2).unwrap());
    let codec = AvroCodec::<String>::builder(schema(r#""string""#)).bounds(bounds);
    let codec = codec.build().unwrap();
    let message = |text: &str| {
        let open = AvroCodec::new(schema(r#""string""#)).unwrap();
        to_message(&open, &text.to_owned()).unwrap()
    };
    let codecs = CodecRegistry::new().codec(codec.clone());
    let (fits, over) = (message("x"), message("xx"));
    assert_eq!(codec.decode(&fits.body).unwrap(), "x");
    assert_eq!(codec.decode_message(&fits).unwrap(), "x");
    assert_eq!(codecs.decode::<String>(&fits).unwrap(), "x");
    let errors = [
        codec.decode(&over.body).unwrap_err(),
        codec.decode_message(&over).unwrap_err(),
        codecs.decode::<String>(&over).unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert_eq!(text, "Avro body has 3 bytes, at most 2 are decoded");
    }
}

#[test]
fn confluent_framing_without_a_number_says_what_is_missing() {
    let codec = AvroCodec::builder(schema(V1)).framing(Framing::Confluent);
    let codec = codec.build().unwrap();
    let error = to_bytes(&codec, &order()).unwrap_err();
    assert!(error.to_string().contains("number"), "{error}");
}

/// As deep as a schema may be, on the stack of a test's thread.
#[test]
fn deepest_schema_is_compiled() {
    let (open, close) = (r#"{"type":"array","items":"#.repeat(127), "}".repeat(127));
    let codec = AvroCodec::<Vec<()>>::new(schema(&format!("{open}\"int\"{close}"))).unwrap();
    assert_eq!(codec.decode(b"\x00").unwrap(), []);
}

#[test]
fn registry_of_codecs_chooses_avro_by_its_content_type() {
    let store = FixedSchemas::new().schema(schema(V2));
    let codec = AvroCodec::<Order>::builder(schema(V1)).store(store);
    let codecs = CodecRegistry::new().codec(codec.build().unwrap());
    let message = codecs.encode("avro/binary", &order()).unwrap();
    assert!(message.headers().text(SCHEMA_HEADER).is_some());
    assert_eq!(codecs.decode::<Order>(&message).unwrap(), order());

    let new = AvroCodec::<Order2>::new(schema(V2)).unwrap();
    let value = Order2 {
        id: 7,
        note: "red".to_owned(),
        currency: "EUR".to_owned(),
    };
    let message = to_message(&new, &value).unwrap();
    assert_eq!(codecs.decode::<Order>(&message).unwrap(), order());
    let foreign = message.content_type("avro/binary; framing=confluent");
    assert!(codecs.decode::<Order>(&foreign).is_err());
}
