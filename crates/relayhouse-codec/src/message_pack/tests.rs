//! Tests of the MessagePack codec.

use std::{
    collections::BTreeMap,
    num::{NonZeroU8, NonZeroUsize},
};

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;
use crate::{from_message_borrowed, to_bytes};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    note: Option<String>,
    lines: Vec<Line>,
    totals: BTreeMap<String, f64>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    sku: String,
    count: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    New,
    Paid(u64),
    Sent { by: String, parts: u8 },
    Split(i64, i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
    List(Vec<Chain>),
}

fn refusal<T: DeserializeOwned + std::fmt::Debug>(body: &[u8]) -> String {
    refusal_of::<T>(body, Bounds::new())
}

fn refusal_of<T: DeserializeOwned + std::fmt::Debug>(body: &[u8], bounds: Bounds) -> String {
    let codec = MessagePackCodec::new().bounds(bounds);
    let error = Decoder::<T>::decode(&codec, body).expect_err("a body that does not fit");
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    error.to_string()
}

fn size(max: usize) -> NonZeroUsize {
    NonZeroUsize::new(max).unwrap()
}

#[test]
fn content_type_has_the_name_of_iana_and_older_ones_are_taken() {
    let codec = MessagePackCodec::new();
    assert_eq!(codec.content_type(), "application/vnd.msgpack");
    for content_type in [
        "application/vnd.msgpack",
        "application/msgpack",
        "Application/X-MsgPack; v=1",
    ] {
        assert!(codec.accepts(content_type), "{content_type}");
    }
    for content_type in [
        "",
        "msgpack",
        "application/json",
        "application/vnd.a+msgpack",
    ] {
        assert!(!codec.accepts(content_type), "{content_type}");
    }
}

#[test]
fn named_and_compact_bodies_are_both_read() {
    let line = Line {
        sku: "a".to_owned(),
        count: -1,
    };
    let named = to_bytes(&MessagePackCodec::new(), &line).unwrap();
    assert_eq!(named, &b"\x82\xa3sku\xa1a\xa5count\xff"[..]);
    let compact = to_bytes(&MessagePackCodec::new().compact(), &line).unwrap();
    assert_eq!(compact, &b"\x92\xa1a\xff"[..]);
    for body in [named, compact] {
        let read: Line = MessagePackCodec::new().decode(&body).unwrap();
        assert_eq!(read, line);
    }
}

#[test]
fn fields_may_come_and_go_where_they_have_names() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Newer {
        count: i64,
        #[serde(default)]
        colour: Option<String>,
    }
    let line = Line {
        sku: "a".to_owned(),
        count: 7,
    };
    let body = to_bytes(&MessagePackCodec::new(), &line).unwrap();
    let newer: Newer = MessagePackCodec::new().decode(&body).unwrap();
    assert_eq!((newer.count, newer.colour), (7, None));
}

#[test]
fn compact_refuses_to_leave_a_field_out() {
    #[derive(Serialize)]
    struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<u8>,
        second: u8,
    }
    let codec = MessagePackCodec::new().compact();
    let full = Sparse {
        first: Some(1),
        second: 2,
    };
    assert_eq!(to_bytes(&codec, &full).unwrap(), &[0x92, 1, 2][..]);
    let sparse = Sparse {
        first: None,
        second: 2,
    };
    let error = to_bytes(&codec, &vec![sparse]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let text = error.to_string();
    assert!(text.ends_with("cannot leave out the field first"), "{text}");
}

#[test]
fn bytes_are_a_list_of_numbers_of_the_length_that_the_type_takes() {
    let four = b"\xc4\x04\x01\x02\x03\xff";
    let codec = MessagePackCodec::new();
    assert_eq!(codec.decode_borrowed(four).ok(), Some([1_u8, 2, 3, 255]));
    assert_eq!(
        codec.decode_borrowed(four).ok(),
        Some(vec![1_u64, 2, 3, 255])
    );
    assert_eq!(
        refusal::<[u8; 3]>(four),
        "MessagePack body does not fit [u8; 3]: too many items, at byte 0"
    );
    assert!(refusal::<[u8; 5]>(four).contains("invalid value"));
    let few = Bounds::new().items_max(size(3));
    assert!(refusal_of::<Vec<u64>>(four, few).contains("more than 3 items"));
}

#[test]
fn strings_and_bytes_are_borrowed() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct View<'a> {
        name: &'a str,
        #[serde(with = "plain_bytes")]
        blob: &'a [u8],
    }
    mod plain_bytes {
        use super::*;
        pub(super) fn serialize<S: serde::Serializer>(
            bytes: &[u8],
            serializer: S,
        ) -> std::result::Result<S::Ok, S::Error> {
            serializer.serialize_bytes(bytes)
        }
        pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
            deserializer: D,
        ) -> std::result::Result<&'de [u8], D::Error> {
            <&[u8]>::deserialize(deserializer)
        }
    }
    let view = View {
        name: "a",
        blob: b"\xff\0",
    };
    let message = to_message(&MessagePackCodec::new(), &view).unwrap();
    let read: View<'_> = from_message_borrowed(&MessagePackCodec::new(), &message).unwrap();
    assert_eq!(read, view);
    assert!(message.body.as_ptr_range().contains(&read.name.as_ptr()));
}

#[test]
fn errors_say_where_and_never_what() {
    let codec = MessagePackCodec::new();
    let fits = |value: &serde_json::Value| to_bytes(&codec, value).unwrap();
    let order = serde_json::json!({
        "id": 7, "note": null, "totals": {"secret": "secret"}, "state": "New", "lines": [],
    });
    let line = serde_json::json!({
        "lines": [{"sku": "a", "count": 1}, {"sku": "secret", "count": "secret"}],
    });
    let state = serde_json::json!({ "state": {"Sent": {"by": "secret", "parts": 300}} });
    let unknown = serde_json::json!({ "state": "Secret" });
    let cases = [
        (fits(&order), "unexpected string, at byte 43 in .totals.*"),
        (
            fits(&line),
            "unexpected string, at byte 29 in .lines[1].count",
        ),
        (
            fits(&state),
            "invalid value, at byte 30 in .state.Sent.parts",
        ),
        (fits(&unknown), "invalid value, at byte 7 in .state"),
        (fits(&serde_json::json!({})), "missing field id, at byte 0"),
        (
            fits(&serde_json::json!("secret")),
            "unexpected string, at byte 0",
        ),
    ];
    for (body, expected) in cases {
        let text = refusal::<Order>(&body);
        assert!(text.ends_with(expected), "{text}");
        assert!(!text.to_lowercase().contains("secret"), "{text}");
    }
}

#[test]
fn broken_bodies_are_told_from_foreign_ones() {
    for (body, expected) in [
        (&b""[..], "it ends too early, at byte 0"),
        (b"\xd9\x05ab", "it ends too early, at byte 0"),
        (
            b"\xc1",
            "a value begins with the byte that none does, at byte 0",
        ),
        (b"\xa1\xff", "a text is not UTF-8, at byte 0"),
        (b"\xa1aa", "something follows the value, at byte 2"),
    ] {
        let text = refusal::<String>(body);
        assert_eq!(text, format!("body is not MessagePack: {expected}"));
    }
}

#[test]
fn bounds_hold_before_anything_is_read() {
    let bounds = Bounds::new();
    let few = bounds.items_max(size(3));
    assert!(refusal_of::<Vec<Vec<u8>>>(b"\x92\x91\x01\x91\x01", few).contains("more than 3 items"));
    let flat = bounds.depth_max(NonZeroU8::new(2).unwrap());
    let nested = b"\x91\x91\x91\x01";
    assert!(refusal_of::<Vec<Vec<Vec<u8>>>>(nested, flat).contains("more than 2 levels"));
    let short = bounds.text_bytes_max(size(3));
    for body in [&b"\xa4abcd"[..], b"\xc4\x04abcd"] {
        assert!(refusal_of::<String>(body, short).contains("more than 3 bytes in a text"));
    }
    let small = bounds.body_bytes_max(size(2));
    assert_eq!(
        refusal_of::<String>(b"\xa2ab", small),
        "MessagePack body has 3 bytes, at most 2 are decoded"
    );
}

#[test]
fn lengths_beyond_the_body_are_refused_at_once() {
    for body in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdc\xff\xff\x01",
        b"\x82\x01\x01",
    ] {
        assert!(refusal::<Vec<u64>>(body).contains("it ends too early"));
        assert!(refusal::<BTreeMap<u8, u8>>(body).contains("it ends too early"));
        assert!(refusal::<IgnoredAny>(body).contains("it ends too early"));
    }
    for body in [
        &b"\xdb\x7f\xff\xff\xff"[..],
        b"\xc6\x7f\xff\xff\xff",
        b"\xdb\0\x01\0\0",
    ] {
        let text = refusal::<String>(body);
        assert!(
            text.contains("bytes in a text") || text.contains("too early"),
            "{text}"
        );
    }
}

#[test]
fn deep_bodies_of_every_shape_are_errors() {
    let chains = [
        b"\x81\xa4Link".repeat(20_000),
        // Arrays of one name, which are no variants with content.
        [&b"\xdd\0\0\x4e\x20"[..], &b"\x91\xa4Link".repeat(20_000)].concat(),
        b"\x81\xa4List\x91".repeat(20_000),
    ];
    for body in chains {
        refusal::<Chain>(&body);
        refusal::<Vec<Chain>>(&body);
    }
    let arrays = b"\x91".repeat(100_000);
    assert!(refusal::<serde_json::Value>(&arrays).contains("more than 128 levels"));
}

#[test]
fn what_is_not_asked_for_is_skipped_at_any_depth() {
    let mut body = b"\x82\xa1x".to_vec();
    body.extend(b"\x91".repeat(100_000));
    body.extend(b"\xc0\xa5count\x07");
    #[derive(Debug, Deserialize)]
    struct Count {
        count: u8,
    }
    let count: Count = MessagePackCodec::new().decode(&body).unwrap();
    assert_eq!(count.count, 7);
}

#[test]
fn failed_encoding_leaves_the_body_as_it_was() {
    let codec = MessagePackCodec::new().bounds(Bounds::new().body_bytes_max(size(5)));
    let mut body = BytesMut::from(&b"start"[..]);
    codec.encode_into("1234", &mut body).unwrap();
    let error = codec.encode_into("12345", &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        error.to_string(),
        "MessagePack body of str has more than 5 bytes"
    );
    assert_eq!(body, &b"start\xa41234"[..]);
}

#[test]
fn swallowed_failure_is_no_success() {
    #[derive(Debug, Deserialize)]
    struct Lenient(#[serde(deserialize_with = "or_zero")] u8);
    fn or_zero<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<u8, D::Error> {
        Ok(<Vec<u8>>::deserialize(deserializer).map_or(0, |items| items[0]))
    }
    assert_eq!(
        Decoder::<Lenient>::decode(&MessagePackCodec::new(), b"\x91\x01")
            .unwrap()
            .0,
        1
    );
    assert!(refusal::<Lenient>(b"\x91\xa1a").contains("unexpected string"));
}

prop_compose! {
    fn any_order()(
        id: u64,
        note: Option<String>,
        lines in prop::collection::vec(any::<(String, i32)>(), 0..20),
        totals in prop::collection::btree_map(any::<String>(), any::<f64>(), 0..20),
        state in prop_oneof![
            Just(State::New),
            any::<u64>().prop_map(State::Paid),
            any::<(String, u8)>().prop_map(|(by, parts)| State::Sent { by, parts }),
            any::<(i64, i64)>().prop_map(|(a, b)| State::Split(a, b)),
        ],
    ) -> Order {
        let lines = lines.into_iter().map(|(sku, count)| Line { sku, count });
        Order { id, note, lines: lines.collect(), totals, state }
    }
}

proptest! {
    /// The reader agrees with that of `rmp-serde`, whose bodies these are.
    #[test]
    fn values_round_trip(order in any_order()) {
        for codec in [MessagePackCodec::new(), MessagePackCodec::new().compact()] {
            let body = to_bytes(&codec, &order)?;
            let read: Order = codec.decode(&body)?;
            prop_assert_eq!(&read, &order);
            let reference: Order = rmp_serde::from_slice(&body).unwrap();
            prop_assert_eq!(&reference, &order);
        }
        prop_assert_eq!(
            to_bytes(&MessagePackCodec::new(), &order)?,
            rmp_serde::to_vec_named(&order).unwrap()
        );
        prop_assert_eq!(
            to_bytes(&MessagePackCodec::new().compact(), &order)?,
            rmp_serde::to_vec(&order).unwrap()
        );
    }

    #[test]
    fn no_body_panics(body: Vec<u8>) {
        let codec = MessagePackCodec::new();
        if let Err(error) = Decoder::<Order>::decode(&codec, &body) {
            prop_assert_eq!(error.kind(), ErrorKind::Codec);
        }
        let _ = Decoder::<Chain>::decode(&codec, &body);
        let _ = Decoder::<serde_json::Value>::decode(&codec, &body);
    }

    #[test]
    fn cut_and_changed_bodies_end(order in any_order(), at: prop::sample::Index, byte: u8) {
        let codec = MessagePackCodec::new();
        let mut body = to_bytes(&codec, &order)?.to_vec();
        let at = at.index(body.len());
        prop_assert!(Decoder::<Order>::decode(&codec, &body[..at]).is_err());
        body[at] = byte;
        let _ = Decoder::<Order>::decode(&codec, &body);
    }
}
