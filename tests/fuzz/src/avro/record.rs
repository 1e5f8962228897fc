//! Records with something of every type, and one that contains itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    flag: bool,
    small: i32,
    large: i64,
    single: f32,
    double: f64,
    text: String,
    maybe: Option<String>,
    choice: Choice,
    suit: Suit,
    numbers: Vec<i64>,
    counts: BTreeMap<String, i32>,
    nothing: Vec<()>,
    inner: Vec<Inner>,
    octets: Vec<u8>,
    only: [i64; 1],
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Null,
    Long(i64),
    String(String),
    Inner(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Suit {
    Spades,
    Clubs,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    value: i64,
    children: Vec<Self>,
    next: Option<Box<Self>>,
}

impl Record {
    pub(super) const SCHEMA: &'static str = r#"{"type": "record", "name": "Record", "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "small", "type": "int"},
        {"name": "large", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "single", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "text", "type": "string"},
        {"name": "maybe", "type": ["null", "string"]},
        {"name": "choice", "type": ["null", "long", "string",
            {"type": "record", "name": "Inner", "fields": [{"name": "name", "type": "string"}]}]},
        {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["Spades", "Clubs"]}},
        {"name": "numbers", "type": {"type": "array", "items": "long"}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "nothing", "type": {"type": "array", "items": "null"}},
        {"name": "inner", "type": {"type": "array", "items": "Inner"}},
        {"name": "octets", "type": "bytes"},
        {"name": "only", "type": {"type": "array", "items": "long"}}
    ]}"#;
}

impl Tree {
    pub(super) const SCHEMA: &'static str = r#"{"type": "record", "name": "Tree", "fields": [
        {"name": "value", "type": "long"},
        {"name": "children", "type": {"type": "array", "items": "Tree"}},
        {"name": "next", "type": ["null", "Tree"]}
    ]}"#;
}
