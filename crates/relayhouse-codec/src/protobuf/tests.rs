//! Tests of the Protobuf codec.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::{Codec, to_bytes};

#[derive(Clone, PartialEq, prost::Message)]
struct Order {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, optional, tag = "2")]
    note: Option<String>,
    #[prost(message, repeated, tag = "3")]
    lines: Vec<Line>,
    #[prost(bytes = "vec", tag = "4")]
    blob: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Line {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(sint32, tag = "2")]
    count: i32,
    #[prost(message, optional, boxed, tag = "3")]
    part: Option<Box<Line>>,
}

fn refusal(body: &[u8]) -> String {
    let error = Decoder::<Order>::decode(&ProtobufCodec::new(), body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    error.to_string()
}

#[test]
fn older_content_types_are_taken() {
    let codec = ProtobufCodec::new();
    for content_type in [
        "application/protobuf",
        "application/x-protobuf",
        "application/vnd.google.protobuf; proto=a.B",
    ] {
        assert!(codec.accepts(content_type), "{content_type}");
    }
    assert!(!codec.accepts("application/json"));
}

#[test]
fn errors_say_where_and_never_what() {
    for (body, expected) in [
        (
            &b"\x1a\x04\x0a\x02\xff\xff"[..],
            "Line.sku: Order.lines: invalid string value: data is not UTF-8 encoded, at byte 6",
        ),
        (b"\x08", "invalid varint, at byte 1"),
        (b"\x22\x7f", "Order.blob: buffer underflow, at byte 2"),
        (
            b"\x09",
            "Order.id: invalid wire type: SixtyFourBit (expected Varint), at byte 1",
        ),
        (b"\x00", "invalid tag, at byte 1"),
        (b"\xff\xff\xff\xff\xff\x01", "invalid key, at byte 6"),
    ] {
        let text = refusal(body);
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    let mut body = Vec::new();
    for _ in 0..2_000 {
        let mut outer = vec![0x1a];
        prost::encode_length_delimiter(body.len(), &mut outer).unwrap();
        outer.extend(&body);
        body = outer;
    }
    assert!(refusal(&body).contains("recursion limit reached"));
}

#[test]
fn lengths_beyond_the_body_allocate_nothing() {
    for body in [
        &b"\x22\xff\xff\xff\xff\x07"[..],
        b"\x12\xff\xff\xff\xff\x07a",
    ] {
        assert!(refusal(body).contains("buffer underflow"));
    }
}

#[test]
fn size_is_checked_on_both_sides() {
    let codec = ProtobufCodec::new().body_bytes_max(NonZeroUsize::new(3).unwrap());
    let mut body = BytesMut::from(&b"start"[..]);
    let error = codec.encode_into(&"ab".to_owned(), &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    codec.encode_into(&"a".to_owned(), &mut body).unwrap();
    assert_eq!(body, &b"start\x0a\x01a"[..]);
    let error = Decoder::<String>::decode(&codec, b"\x0a\x02ab").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Protobuf body has 4 bytes, at most 3 are decoded"
    );
}

fn is_codec<T>(_: &impl Codec<T>) {}

proptest! {
    #[test]
    fn values_round_trip(
        id: u64,
        note: Option<String>,
        lines in prop::collection::vec(any::<(String, i32)>(), 0..8),
        blob: Vec<u8>,
    ) {
        let lines = lines.into_iter().map(|(sku, count)| Line { sku, count, part: None });
        let order = Order { id, note, lines: lines.collect(), blob };
        let codec = ProtobufCodec::new();
        is_codec::<Order>(&codec);
        let body = to_bytes(&codec, &order)?;
        prop_assert_eq!(&body, &order.encode_to_vec());
        let read: Order = codec.decode(&body)?;
        prop_assert_eq!(read, order);
    }

    #[test]
    fn no_body_panics(body: Vec<u8>) {
        if let Err(error) = Decoder::<Order>::decode(&ProtobufCodec::new(), &body) {
            prop_assert_eq!(error.kind(), ErrorKind::Codec);
        }
    }
}
