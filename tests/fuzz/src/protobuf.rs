//! Protobuf.

use std::collections::HashMap;

use prost::Message;
use relayhouse_codec::{Decoder, ProtobufCodec, to_bytes};

use crate::check;

/// Is a message with fields of several types, which contains itself.
#[derive(Clone, PartialEq, prost::Message)]
struct Shape {
    #[prost(int64, tag = "1")]
    number: i64,
    #[prost(string, optional, tag = "2")]
    text: Option<String>,
    #[prost(bytes = "vec", tag = "3")]
    raw: Vec<u8>,
    #[prost(double, repeated, tag = "4")]
    numbers: Vec<f64>,
    #[prost(message, repeated, tag = "5")]
    list: Vec<Self>,
    #[prost(map = "string, int32", tag = "6")]
    counts: HashMap<String, i32>,
}

/// What was decoded is decoded again from what it is encoded to.
pub(crate) fn protobuf(input: &[u8]) {
    let codec = ProtobufCodec::new();
    let shape: Shape = match codec.decode(input) {
        Ok(shape) => shape,
        Err(error) => return check::error(&error),
    };
    let body = check::expect(to_bytes(&codec, &shape), &shape);
    let again: Shape = check::expect(codec.decode(&body), &shape);
    // A number that is none equals nothing, and a map has no order.
    assert_eq!(again.encoded_len(), shape.encoded_len());
}
