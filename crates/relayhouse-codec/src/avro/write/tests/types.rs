//! Each type of Avro, from the Rust types that have one, and from those that fit.

use std::{collections::BTreeMap, fmt};

use apache_avro::{Decimal, Duration, Uuid};
use serde::{Serialize, Serializer};

use super::*;

#[test]
fn plain_types_are_written_as_the_specification_says() {
    assert_eq!(agrees(r#""null""#, &()), b"");
    assert_eq!(agrees(r#""boolean""#, &true), [1]);
    assert_eq!(agrees(r#""int""#, &-64_i32), [0x7f]);
    assert_eq!(agrees(r#""int""#, &64_i32), [0x80, 0x01]);
    assert_eq!(agrees(r#""long""#, &-1_i64), [1]);
    assert_eq!(agrees(r#""float""#, &1.5_f32), 1.5_f32.to_le_bytes());
    assert_eq!(agrees(r#""double""#, &-0.1), (-0.1_f64).to_le_bytes());
    assert_eq!(agrees(r#""string""#, &"foo"), b"\x06foo");
    assert_eq!(agrees(r#""string""#, &'é'), [4, 0xc3, 0xa9]);
    assert_eq!(agrees(r#""bytes""#, &Octets(&[0, 255])), [4, 0, 255]);
}

#[test]
fn integers_have_as_many_bytes_as_they_need() {
    for shift in 0..63 {
        for value in [
            1_i64 << shift,
            (1 << shift) - 1,
            -(1 << shift),
            !(1 << shift),
        ] {
            agrees(r#""long""#, &value);
        }
    }
    agrees(r#""long""#, &i64::MAX);
    agrees(r#""long""#, &i64::MIN);
    agrees(r#""int""#, &i32::MIN);
    agrees(r#""long""#, &u32::MAX);
    agrees(r#""int""#, &(-3_i8));
    agrees(r#""int""#, &200_u8);
    agrees(r#""int""#, &(-300_i16));
    agrees(r#""int""#, &60_000_u16);
}

#[test]
fn integers_are_written_by_their_value() {
    writes_more(r#""long""#, &7_u64, &[14]);
    writes_more(r#""long""#, &7_u8, &[14]);
    writes_more(r#""long""#, &-7_i32, &[13]);
    writes_more(r#""long""#, &7_u128, &[14]);
    writes_more(r#""long""#, &-7_i128, &[13]);
    writes_more(r#""int""#, &7_i64, &[14]);
    writes_more(r#""int""#, &7_u64, &[14]);
    writes_more(r#""double""#, &7_u64, &7_f64.to_le_bytes());
    writes_more(r#""double""#, &-7_i32, &(-7_f64).to_le_bytes());
    writes_more(r#""float""#, &7_i64, &7_f32.to_le_bytes());
    writes_more(r#""double""#, &0.1_f32, &f64::from(0.1_f32).to_le_bytes());
}

#[test]
fn integers_beyond_the_type_are_refused() {
    let beyond = "value: the integer is beyond what";
    assert_eq!(
        refused(r#""long""#, &u64::MAX),
        format!("{beyond} long holds")
    );
    assert_eq!(
        refused(r#""long""#, &i128::MIN),
        format!("{beyond} long holds")
    );
    assert_eq!(
        refused(r#""int""#, &(1_i64 << 31)),
        format!("{beyond} int holds")
    );
    let inexact = (1_u64 << 53) + 1;
    assert_eq!(
        refused(r#""double""#, &inexact),
        format!("{beyond} double holds")
    );
    assert_eq!(
        refused(r#""float""#, &(1 << 25)),
        format!("{beyond} float holds")
    );
}

#[test]
fn wide_integers_have_fixed_types_of_their_own() {
    let schema = |name: &str, size: usize| {
        format!(r#"{{"type": "fixed", "name": "org.apache.avro.rust.{name}", "size": {size}}}"#)
    };
    agrees(&schema("u64", 8), &u64::MAX);
    agrees(&schema("u128", 16), &u128::MAX);
    agrees(&schema("i128", 16), &i128::MIN);
    refused(&schema("u64", 8), &7_i128);
    refused(&schema("i128", 8), &7_i128);
}

#[test]
fn logical_types_are_written_as_what_is_below_them() {
    let logical = |base: &str, name: &str| {
        format!(r#"{{"type": "{base}", "logicalType": "{name}", "precision": 8, "scale": 2}}"#)
    };
    for name in ["date", "time-millis"] {
        agrees(&logical("int", name), &-19_000_i32);
    }
    for name in [
        "time-micros",
        "timestamp-millis",
        "timestamp-nanos",
        "local-timestamp-micros",
    ] {
        agrees(&logical("long", name), &1_700_000_000_000_i64);
    }
    agrees(&logical("bytes", "decimal"), &Decimal::from(vec![1, 24]));
    agrees(&logical("bytes", "big-decimal"), &Octets(&[4, 1, 24, 0]));
    agrees(
        &logical("string", "uuid"),
        &"00112233-4455-6677-8899-aabbccddeeff",
    );
    agrees(&logical("bytes", "uuid"), &Uuid::from_u128(7));
    let fixed = |size: usize, name: &str| {
        format!(
            r#"{{"type": "fixed", "name": "F", "size": {size}, "logicalType": "{name}",
                "precision": 8, "scale": 2}}"#
        )
    };
    agrees(&fixed(16, "uuid"), &Uuid::from_u128(7));
    agrees(&fixed(4, "decimal"), &Octets(&[0, 0, 1, 24]));
    agrees(&fixed(12, "duration"), &Duration::from([7; 12]));
}

#[test]
fn bytes_of_a_uuid_are_written_as_its_text() {
    let uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    let schema = r#"{"type": "string", "logicalType": "uuid"}"#;
    writes_more(schema, &uuid, b"\x4800112233-4455-6677-8899-aabbccddeeff");
    refused(schema, &Octets(&[0; 15]));
}

#[test]
fn fixed_takes_bytes_of_its_size() {
    let schema = r#"{"type": "fixed", "name": "Hash", "size": 3}"#;
    assert_eq!(agrees(schema, &Octets(b"abc")), b"abc");
    assert_eq!(
        refused(schema, &Octets(b"ab")),
        "Hash: 2 bytes cannot be written as fixed Hash of 3 bytes"
    );
    writes_more(schema, &vec![1_u8, 2, 3], &[1, 2, 3]);
    writes_more(schema, &[1_u8, 2, 3], &[1, 2, 3]);
    assert_eq!(
        refused(schema, &vec![1_u8]),
        "Hash: 1 items come where 3 must be"
    );
    refused(schema, &vec![1_u8; 4]);
}

#[test]
fn bytes_may_come_one_by_one() {
    writes_more(r#""bytes""#, &vec![1_u8, 255], &[4, 1, 255]);
    writes_more(r#""bytes""#, &[1_u8, 255], &[4, 1, 255]);
    writes_more(r#""bytes""#, &[255_u8], &[2, 255]);
    writes_more(r#""bytes""#, &vec![1_u64, 255], &[4, 1, 255]);
    writes_more(r#""bytes""#, &Unsized(&[1_u8, 255]), &[4, 1, 255]);
    writes(
        r#""bytes""#,
        &vec![7_u8; 100],
        &[&[200, 1][..], &[7; 100]].concat(),
    );
    assert_eq!(
        refused(r#""bytes""#, &vec![1, 256]),
        "value[1]: an integer cannot be written as a byte"
    );
}

#[test]
fn lists_of_known_length_are_one_block() {
    let ints = r#"{"type": "array", "items": "int"}"#;
    assert_eq!(agrees(ints, &vec![3, 27]), [4, 6, 54, 0]);
    assert_eq!(agrees(ints, &Vec::<i32>::new()), [0]);
    let map = r#"{"type": "map", "values": "long"}"#;
    let values = BTreeMap::from([("a", 1_i64), ("b", 2)]);
    assert_eq!(agrees(map, &values), b"\x04\x02a\x02\x02b\x04\x00");
    writes_more(ints, &[3, 27], &[4, 6, 54, 0]);
    writes_more(ints, &[3], &[2, 6, 0]);
    writes_more(ints, &(3_u8, 27_i64), &[4, 6, 54, 0]);
}

#[test]
fn lists_of_unknown_length_are_blocks_with_their_size() {
    let texts = r#"{"type": "array", "items": "string"}"#;
    agrees(texts, &Unsized::<&str>(&[]));
    assert_eq!(agrees(texts, &Unsized(&["a"])), [1, 4, 2, b'a', 0]);
    let long = "x".repeat(300);
    agrees(texts, &Unsized(&vec![long; 10]));
    let nested = r#"{"type": "array", "items": {"type": "array", "items": "long"}}"#;
    let inner: Vec<_> = (0..900_i64).collect();
    agrees(nested, &Unsized(&[Unsized(&inner), Unsized(&inner[..3])]));
    agrees(r#"{"type": "array", "items": "null"}"#, &Unsized(&[(), ()]));
}

#[test]
fn length_that_is_not_true_is_an_error() {
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut list = serializer.serialize_seq(Some(3))?;
            list.serialize_element(&1)?;
            list.end()
        }
    }
    let error = refusal(r#"{"type": "array", "items": "int"}"#, &Liar);
    assert_eq!(error, "value: 1 items come where 3 must be");
}

#[test]
fn names_are_texts_and_texts_are_symbols() {
    #[derive(Clone, Copy, Serialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Color {
        Red,
        #[serde(rename = "deep blue")]
        Blue,
    }
    writes_more(r#""string""#, &Color::Blue, b"\x12deep blue");
    let values = BTreeMap::from([(Color::Red, 1)]);
    writes_more(
        r#"{"type": "map", "values": "int"}"#,
        &values,
        b"\x02\x06Red\x02\x00",
    );
    let colors = r#"{"type": "enum", "name": "Paint", "symbols": ["Green", "Red"]}"#;
    assert_eq!(agrees(colors, &Color::Red), [2]);
    writes_more(colors, &"Green", &[0]);
    assert_eq!(
        refused(colors, &Color::Blue),
        "Paint: variant deep blue cannot be written as enum Paint"
    );
    assert_eq!(
        refused(colors, &"Pink"),
        "Paint: a string cannot be written as enum Paint"
    );
}

#[test]
fn text_may_be_displayed_into_the_body() {
    struct Shown(&'static str);
    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0
                .chars()
                .try_for_each(|character| write!(f, "{character}"))
        }
    }
    impl Serialize for Shown {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    assert_eq!(agrees(r#""string""#, &Shown("héllo")), b"\x0ch\xc3\xa9llo");
    agrees(r#"["null", "string"]"#, &Some(Shown("")));
    agrees(r#"["int", "string", "null"]"#, &Shown("x"));
    refused(r#""int""#, &Shown("x"));
}

/// Serialises a list without its length.
#[derive(Clone, Copy)]
struct Unsized<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for Unsized<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(None)?;
        for item in self.0 {
            list.serialize_element(item)?;
        }
        list.end()
    }
}
