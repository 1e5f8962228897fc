//! Lists of numbers as bytes, and lists of one item: what one plan writes the other reads.

use std::{collections::BTreeMap, fmt::Debug};

use bytes::BytesMut;
use relayhouse_core::{ErrorKind, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Bounds,
    avro::{Schema, read::ReadPlan, write::WritePlan},
};

const FIXED: &str = r#"{"type": "fixed", "name": "F", "size": 4}"#;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn list_of(items: &str) -> String {
    format!(r#"{{"type": "array", "items": {items}}}"#)
}

fn encode<T: Serialize>(text: &str, value: &T) -> Result<Vec<u8>> {
    let mut body = BytesMut::new();
    let plan = WritePlan::compile(&schema(text)).unwrap();
    plan.encode(value, 0, &mut body, &Bounds::new())?;
    Ok(body.to_vec())
}

fn decode<T: DeserializeOwned>(text: &str, datum: &[u8]) -> Result<T> {
    let plan = ReadPlan::compile(&schema(text), &schema(text)).unwrap();
    plan.decode(datum, &Bounds::new())
}

/// Checks that a value is written as these bytes, and read from them.
#[track_caller]
fn comes_back<T: Debug + PartialEq + Serialize + DeserializeOwned>(
    text: &str,
    value: T,
    datum: &[u8],
) {
    assert_eq!(encode(text, &value).unwrap(), datum, "{text}");
    let read: T = decode(text, datum).unwrap();
    assert_eq!(Some(read), Some(value), "{text}");
}

#[track_caller]
fn refused<T: Debug + DeserializeOwned>(text: &str, datum: &[u8]) -> String {
    let error = decode::<T>(text, datum).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    error.to_string()
}

#[test]
fn numbers_of_a_byte_are_bytes() {
    comes_back(r#""bytes""#, vec![1_u8, 255], &[4, 1, 255]);
    comes_back(r#""bytes""#, Vec::<u8>::new(), &[0]);
    comes_back(r#""bytes""#, [7_u8, 8, 9, 10], &[8, 7, 8, 9, 10]);
    comes_back(r#""bytes""#, (7_u8, 8_u8), &[4, 7, 8]);
    comes_back(FIXED, [7_u8, 8, 9, 10], &[7, 8, 9, 10]);
    comes_back(FIXED, vec![7_u8, 8, 9, 10], &[7, 8, 9, 10]);
    comes_back(r#"["null", "bytes"]"#, Some(vec![1_u8]), &[2, 2, 1]);
    comes_back(
        &list_of(r#""bytes""#),
        vec![vec![1_u8], vec![]],
        &[4, 2, 1, 0, 0],
    );
    let duration = r#"{"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}"#;
    comes_back(duration, [3_u8; 12], &[3; 12]);
}

#[test]
fn bytes_are_as_many_as_the_type_takes() {
    let text = r#""bytes""#;
    let error = refused::<[u8; 3]>(text, &[8, 1, 2, 3, 4]);
    assert!(error.contains("more bytes than the type takes"), "{error}");
    let error = refused::<[u8; 5]>(text, &[8, 1, 2, 3, 4]);
    assert!(error.contains("invalid length 4"), "{error}");
    let error = refused::<Vec<i8>>(text, &[2, 255]);
    assert!(error.contains("invalid integer, expected i8"), "{error}");
    let error = refused::<[u8; 1]>(text, &[4, 1, 2]);
    assert!(error.contains("one byte"), "{error}");
    let error = refused::<[u8; 1]>(FIXED, &[1, 2, 3, 4]);
    assert!(error.contains("unexpected bytes"), "{error}");
}

/// A default belongs to the plan, and not to the datum.
#[test]
fn default_of_bytes_is_a_list_of_numbers() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Key {
        octets: Vec<u8>,
    }
    let record = |fields: &str| {
        schema(&format!(
            r#"{{"type": "record", "name": "Key", "fields": [{fields}]}}"#
        ))
    };
    let reader = record(r#"{"name": "octets", "type": "bytes", "default": "\u0001\u00ff"}"#);
    let plan = ReadPlan::compile(&record(""), &reader).unwrap();
    let key: Key = plan.decode(&[], &Bounds::new()).unwrap();
    assert_eq!(key.octets, [1, 255]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Suit {
    Spades,
    Clubs,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inch(i32);

#[test]
fn array_of_one_is_an_array_where_its_item_is_none() {
    let int = list_of(r#""int""#);
    comes_back(&int, [7], &[2, 14, 0]);
    comes_back(&int, (7,), &[2, 14, 0]);
    comes_back(&int, [7_u64], &[2, 14, 0]);
    comes_back(&int, [Inch(7)], &[2, 14, 0]);
    comes_back(&list_of(r#""boolean""#), [true], &[2, 1, 0]);
    comes_back(&list_of(r#""string""#), ["a".to_owned()], &[2, 2, b'a', 0]);
    comes_back(&list_of(r#""string""#), ['a'], &[2, 2, b'a', 0]);
    comes_back(&list_of(r#""null""#), [()], &[2, 0]);
    comes_back(&list_of(r#"["null", "int"]"#), [Some(7)], &[2, 2, 14, 0]);
    let bytes = serde_bytes::ByteBuf::from(b"ab");
    comes_back(&list_of(r#""bytes""#), [bytes], &[2, 4, b'a', b'b', 0]);
    let point = r#"{"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}"#;
    comes_back(&list_of(point), [Point { x: 7 }], &[2, 14, 0]);
    let suit = r#"{"type": "enum", "name": "Suit", "symbols": ["Spades", "Clubs"]}"#;
    comes_back(&list_of(suit), [Suit::Clubs], &[2, 2, 0]);
    let map = list_of(r#"{"type": "map", "values": "int"}"#);
    let entries = BTreeMap::from([("k".to_owned(), 7)]);
    comes_back(&map, [entries], &[2, 2, 2, b'k', 14, 0, 0]);
}

#[test]
fn array_of_one_is_its_item_where_that_is_a_list_or_the_schema_has_none() {
    let int = list_of(r#""int""#);
    comes_back(&int, [vec![7, 8]], &[4, 14, 16, 0]);
    comes_back(&int, [[7, 8]], &[4, 14, 16, 0]);
    comes_back(&int, [[7]], &[2, 14, 0]);
    comes_back(&int, [Vec::<i32>::new()], &[0]);
    comes_back(r#""bytes""#, [vec![1_u8, 2]], &[4, 1, 2]);
    comes_back(r#""int""#, [7], &[14]);
    comes_back(r#"["null", "int"]"#, [Some(7)], &[2, 14]);
    comes_back(r#""string""#, ["a".to_owned()], &[2, b'a']);
}

#[test]
fn array_of_none_is_null_or_an_array() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing();
    comes_back(r#""null""#, [0_i32; 0], &[]);
    comes_back(r#""null""#, Nothing(), &[]);
    comes_back(r#"["string", "null"]"#, [0_i32; 0], &[2]);
    comes_back(&list_of(r#""int""#), [0_i32; 0], &[0]);
    comes_back(r#""bytes""#, [0_u8; 0], &[0]);
    let empty = r#"{"type": "record", "name": "E", "fields": []}"#;
    comes_back(empty, [0_i32; 0], &[]);
}

#[test]
fn array_of_one_byte_is_bytes() {
    let one = r#"{"type": "fixed", "name": "F", "size": 1}"#;
    comes_back(r#""bytes""#, [7_u8], &[2, 7]);
    comes_back(r#""bytes""#, [Inch(7)], &[2, 7]);
    comes_back(one, [7_u8], &[7]);
    comes_back(one, [7_i64], &[7]);
    let number = r#"{"type": "fixed", "name": "org.apache.avro.rust.u64", "size": 8}"#;
    comes_back(number, [u64::MAX], &[255; 8]);
}

/// The item could be the list, or stand in it: what was written would be read as the other.
#[test]
fn array_of_one_list_in_an_array_of_lists_is_refused() {
    let error = encode(&list_of(r#""bytes""#), &[vec![1_u8]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "value[0]: an integer cannot be written as bytes"
    );
    assert!(encode(&list_of(&list_of(r#""int""#)), &[vec![1]]).is_err());
}

#[test]
fn array_of_one_takes_one_item() {
    let int = list_of(r#""int""#);
    let error = refused::<[i32; 1]>(&int, &[4, 14, 16, 0]);
    assert!(error.contains("more items than the type takes"), "{error}");
    let error = refused::<[i32; 1]>(&int, &[0]);
    assert!(error.contains("no item"), "{error}");
    let error = refused::<[bool; 1]>(&int, &[2, 14, 0]);
    assert!(error.contains("value[0]: unexpected integer"), "{error}");
}

/// The writer's union is a matter of its own, whatever the reader makes of a tuple.
#[test]
fn array_of_one_is_read_out_of_a_union_of_the_writer() {
    let int = list_of(r#""int""#);
    let writer = schema(&format!(r#"["null", {int}]"#));
    let plan = ReadPlan::compile(&writer, &schema(&int)).unwrap();
    let read: [i32; 1] = plan.decode(&[2, 2, 14, 0], &Bounds::new()).unwrap();
    assert_eq!(read, [7]);
}
