//! Formats that need no schema: JSON and MessagePack.

use std::{collections::BTreeMap, fmt::Debug};

use relayhouse_codec::{BorrowDecoder, Decoder, Encoder, JsonCodec, MessagePackCodec, to_bytes};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::check;

/// Is a type that has something of every shape, and contains itself.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shape {
    flag: Option<bool>,
    small: u8,
    large: i64,
    most: u64,
    text: String,
    letter: Option<char>,
    kind: Kind,
    list: Vec<Self>,
    map: BTreeMap<String, Self>,
    pair: (i32, Option<String>),
    unit: (),
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
enum Kind {
    #[default]
    Unit,
    Newtype(u32),
    Tuple(bool, i16),
    Struct {
        name: String,
    },
}

pub(crate) fn json(input: &[u8]) {
    let codec = JsonCodec::new();
    typed(&codec, input);
    all::<serde_json::Value>(&codec, input);
    borrowed(&codec, input);
}

pub(crate) fn message_pack(input: &[u8]) {
    let codec = MessagePackCodec::new();
    typed(&codec, input);
    typed(&codec.compact(), input);
    all::<serde_json::Value>(&codec, input);
    borrowed(&codec, input);
}

/// What was decoded is decoded again from what it is encoded to.
fn typed(codec: &(impl Encoder<Shape> + Decoder<Shape>), input: &[u8]) {
    let shape = match codec.decode(input) {
        Ok(shape) => shape,
        Err(error) => return check::error(&error),
    };
    let Ok(body) = to_bytes(codec, &shape) else {
        return;
    };
    let again = codec.decode(&body);
    assert_eq!(again.ok().as_ref(), Some(&shape));
}

/// Bytes are what they are, whatever type is asked for.
fn all<T: Debug>(codec: &(impl Decoder<T> + Decoder<Vec<T>> + Decoder<IgnoredAny>), input: &[u8]) {
    let one: Result<T, _> = codec.decode(input);
    let many: Result<Vec<T>, _> = codec.decode(input);
    let none: Result<IgnoredAny, _> = codec.decode(input);
    for error in [one.err(), many.err(), none.err()].iter().flatten() {
        check::error(error);
    }
}

fn borrowed<'de>(codec: &impl BorrowDecoder<'de, BTreeMap<&'de str, &'de str>>, input: &'de [u8]) {
    if let Err(error) = codec.decode_borrowed(input) {
        check::error(&error);
    }
}
