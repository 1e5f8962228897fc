//! Tests of the JSON codec.

use std::{collections::BTreeMap, error::Error as _, sync::Arc};

use bytes::BufMut;
use proptest::prelude::*;
use relayhouse_core::{Lease, MessageId, Previous, Receipt, Timestamp};
use serde::Deserialize;

use super::*;
use crate::{BODY_BYTES_MAX, Codec, from_message, to_bytes};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    note: Option<String>,
    lines: Vec<(String, i64)>,
    totals: BTreeMap<String, f64>,
}

fn delivery(message: Message) -> Delivery {
    Delivery {
        id: MessageId::from(7),
        message,
        receipt: Receipt::from_bytes([0; 16]),
        lease: Lease::new(relayhouse_core::Instant::NEVER, 1),
        attempt: 1,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::default(),
        envelope: None,
    }
}

fn draw<D: FromDelivery<()>>(message: Message) -> Result<D> {
    D::from_delivery(&delivery(message), &())
}

fn refusal<D: FromDelivery<()> + std::fmt::Debug>(message: Message) -> String {
    let error = draw::<D>(message).expect_err("a body that does not fit");
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    assert!(error.source().is_none());
    error.to_string()
}

#[test]
fn extractor_takes_json_with_and_without_its_content_type() {
    for content_type in [
        None,
        Some("application/json"),
        Some("application/x+json; v=1"),
    ] {
        let mut message = Message::new("[1,2]");
        if let Some(content_type) = content_type {
            message = message.content_type(content_type);
        }
        assert_eq!(draw::<Json<Vec<u8>>>(message).unwrap(), Json(vec![1, 2]));
    }
}

#[test]
fn foreign_content_type_is_refused_by_name() {
    let message = Message::new("[1]").content_type("text/plain");
    assert_eq!(
        refusal::<Json<Vec<u8>>>(message),
        "content type is text/plain, expected application/json"
    );
    let hostile = format!("text/\n{}", "x".repeat(500));
    let text = refusal::<Json<Vec<u8>>>(Message::new("[1]").content_type(hostile));
    assert!(text.len() < 200 && !text.contains('\n'), "{text}");
}

#[test]
fn errors_say_where_and_never_what() {
    let cases = [
        (
            "{\"id\": \"secret\"}",
            "unexpected string, at line 1 column 15 in .id",
        ),
        ("{\"secret\": 1}", "missing field id, at line 1 column 13"),
        (
            "{\n\"id\": secret}",
            "body is not JSON: expected value, at line 2 column 7 in .id",
        ),
        (
            "{\"id\":7,\"note\":\"secret",
            "it ends too early, at line 1 column 22 in .note",
        ),
        (
            "secret",
            "body is not JSON: expected value, at line 1 column 1",
        ),
        ("", "it ends too early, at line 1 column 0"),
        (
            "{\"id\":-7,\"secret\":1}",
            "invalid value, at line 1 column 8 in .id",
        ),
        (
            "[1] secret",
            "body is not JSON: trailing characters, at line 1 column 5",
        ),
    ];
    for (body, expected) in cases {
        let text = if body.starts_with('[') {
            refusal::<Json<Vec<u8>>>(Message::new(body))
        } else {
            refusal::<Json<Order>>(Message::new(body))
        };
        assert!(text.ends_with(expected), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(refusal::<Json<Order>>(Message::new(&b"\"\xff\""[..])).contains("line 1"));
}

#[test]
fn errors_name_the_way_as_far_as_the_type_knows_it() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what is decoded into it is refused")]
    enum Step {
        Pair(u8, u8),
        Named { by: BTreeMap<String, Vec<u8>> },
        Inner(Box<Option<Step>>),
    }
    let cases = [
        ("[{\"Pair\":[1,\"secret\"]}]", "[0].Pair[1]"),
        (
            "[{\"Named\":{\"by\":{\"secret\":[0,\"x\"]}}}]",
            "[0].Named.by.*[1]",
        ),
        (
            "[{\"Inner\":{\"Inner\":{\"Pair\":7}}}]",
            "[0].Inner.Inner.Pair",
        ),
        ("[{\"Pair\":[1,2]},{\"Secret\":1}]", "[1]"),
    ];
    for (body, expected) in cases {
        let text = refusal::<Json<Vec<Step>>>(Message::new(body));
        assert!(text.ends_with(&format!(" in {expected}")), "{text}");
        assert!(!text.to_lowercase().contains("secret"), "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let body = "[".repeat(100_000);
    let text = refusal::<Json<serde_json::Value>>(Message::new(body));
    assert!(text.contains("recursion limit exceeded"), "{text}");
}

#[test]
fn size_is_checked_before_decoding() {
    let body = "x".repeat(BODY_BYTES_MAX.get() + 1);
    assert_eq!(
        refusal::<Json<u8>>(Message::new(body)),
        "JSON body has 16777217 bytes, at most 16777216 are decoded"
    );
    type Small = Limited<Json<String>, 4>;
    assert!(draw::<Small>(Message::new("\"ab\"")).is_ok());
    assert_eq!(
        refusal::<Small>(Message::new("\"abc\"")),
        "JSON body has 5 bytes, at most 4 are decoded"
    );
}

#[test]
fn limit_may_be_over_the_default() {
    type Large = Limited<Json<String>, { 32 << 20 }>;
    let body = format!("\"{}\"", "x".repeat(BODY_BYTES_MAX.get()));
    assert!(draw::<Large>(Message::new(body)).is_ok());
}

#[test]
fn failed_encoding_leaves_the_body_as_it_was() {
    let codec = JsonCodec::new().body_bytes_max(NonZeroUsize::new(8).unwrap());
    let mut body = BytesMut::new();
    body.put_slice(b"start");
    codec.encode_into("123456", &mut body).unwrap();
    assert_eq!(body, "start\"123456\"");
    let error = codec.encode_into("1234567", &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(error.to_string(), "JSON body of str has more than 8 bytes");
    let error = codec
        .encode_into(&BTreeMap::from([(Some([1]), 1)]), &mut body)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert_eq!(body, "start\"123456\"");
}

#[test]
fn references_can_be_sent() {
    let shared = Arc::new("x".to_owned());
    assert_eq!(Json(shared.as_str()).into_message().unwrap().body, "\"x\"");
    assert_eq!(Json(&vec![1]).into_message().unwrap().body, "[1]");
}

fn is_codec<T>(_: &impl Codec<T>) {}

prop_compose! {
    fn any_order()(
        id: u64,
        note: Option<String>,
        lines in prop::collection::vec(any::<(String, i64)>(), 0..8),
        totals in prop::collection::btree_map(any::<String>(), -1e300..1e300, 0..8),
    ) -> Order {
        Order { id, note, lines, totals }
    }
}

proptest! {
    #[test]
    fn values_round_trip(order in any_order()) {
        let codec = JsonCodec::new();
        is_codec::<Order>(&codec);
        let message = to_message(&codec, &order)?;
        prop_assert_eq!(from_message::<Order>(&codec, &message)?, order);
    }

    #[test]
    fn no_body_panics(body: Vec<u8>) {
        let codec = JsonCodec::new();
        if let Err(error) = Decoder::<Order>::decode(&codec, &body) {
            prop_assert_eq!(error.kind(), ErrorKind::Codec);
        }
    }

    #[test]
    fn cut_bodies_are_refused(order in any_order(), cut: prop::sample::Index) {
        let body = to_bytes(&JsonCodec::new(), &order)?;
        let cut = &body[..cut.index(body.len())];
        prop_assert!(Decoder::<Order>::decode(&JsonCodec::new(), cut).is_err());
    }
}
