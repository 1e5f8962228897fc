//! Data in Avro, whose schema is in the data or in a header.

use super::*;
use crate::avro::{AvroCodec, FixedSchemas, Framing, Schema};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn codec(own: &str, framing: Framing) -> CloudEventsCodec<AvroCodec<String>> {
    let store = FixedSchemas::new().schema(schema(r#""bytes""#));
    let codec = AvroCodec::builder(schema(own)).framing(framing);
    CloudEventsCodec::structured_with(codec.store(store).build().unwrap())
}

#[test]
fn data_that_a_header_describes_goes_in_binary_mode_alone() {
    let event = CloudEvent::new("7", "/orders", "paid").data("a".to_owned());
    let bare = codec(r#""string""#, Framing::Bare);
    let error = to_message(&bare, &event).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert_eq!(
        error.to_string(),
        "data of CloudEvent needs the header avro-schema, which structured mode does not have"
    );
    let binary = bare.headers(HeaderStyle::Dash);
    let message = to_message(&binary, &event).unwrap();
    assert_eq!(
        from_message::<CloudEvent<String>>(&binary, &message).unwrap(),
        event
    );
}

#[test]
fn data_that_names_no_schema_is_not_guessed() {
    let body = example("avro/binary", ("data_base64", json!("AmE=")));
    let bare = codec(r#""string""#, Framing::Bare);
    let error = from_message::<CloudEvent<String>>(&bare, &structured(&body)).unwrap_err();
    assert!(error.to_string().contains("names no schema"), "{error}");
}

#[test]
fn data_with_its_schema_in_it_evolves_in_structured_mode() {
    let event = CloudEvent::new("7", "/orders", "paid").data("a".to_owned());
    let writer = AvroCodec::<serde_bytes::ByteBuf>::builder(schema(r#""bytes""#));
    let writer = writer.framing(Framing::SingleObject).build().unwrap();
    let old = CloudEvent::new("7", "/orders", "paid").data(serde_bytes::ByteBuf::from(b"a"));
    let old = to_message(&CloudEventsCodec::structured_with(writer), &old).unwrap();
    let new = codec(r#""string""#, Framing::SingleObject);
    assert_eq!(
        from_message::<CloudEvent<String>>(&new, &old).unwrap(),
        event
    );
}
