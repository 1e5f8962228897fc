//! MessagePack: records as maps by name, and as arrays.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use relayhouse_codec::{Decoder, MessagePackCodec, to_bytes};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::sample;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    flag: bool,
    least: i64,
    most: u64,
    single: f32,
    double: f64,
    text: String,
    raw: ByteBuf,
    maybe: Option<String>,
    numbers: Vec<i64>,
    counts: BTreeMap<String, i32>,
    suit: Suit,
    inner: Inner,
    many: Vec<Inner>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Suit {
    Spades,
    Clubs,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    name: String,
    weight: Option<f64>,
}

/// Writes all values to `folder`, and returns how many.
pub(crate) fn write(folder: &Path) -> Result<usize> {
    let records = [empty(), full()];
    for (name, codec) in forms() {
        let bodies: Result<Vec<_>, _> = records.iter().map(|it| to_bytes(&codec, it)).collect();
        sample::write(folder, name, &bodies?)?;
    }
    Ok(2 * records.len())
}

/// Decodes the values of `folder`, and returns how many.
pub(crate) fn check(folder: &Path) -> Result<usize> {
    let records = [empty(), full()];
    for (name, codec) in forms() {
        let bodies = sample::read(folder, name, records.len())?;
        for (expected, body) in records.iter().zip(bodies) {
            let decoded: Record = codec.decode(&body).context(name)?;
            ensure!(
                decoded == *expected,
                "{name}: expected {expected:?}, got {decoded:?}"
            );
        }
    }
    Ok(2 * records.len())
}

fn forms() -> [(&'static str, MessagePackCodec); 2] {
    let codec = MessagePackCodec::new();
    [
        ("message_pack.named.hex", codec),
        ("message_pack.compact.hex", codec.compact()),
    ]
}

fn empty() -> Record {
    Record {
        flag: false,
        least: 0,
        most: 0,
        single: 0.0,
        double: 0.0,
        text: String::new(),
        raw: ByteBuf::new(),
        maybe: None,
        numbers: Vec::new(),
        counts: BTreeMap::new(),
        suit: Suit::Spades,
        inner: inner("", None),
        many: Vec::new(),
    }
}

fn full() -> Record {
    Record {
        flag: true,
        least: i64::MIN,
        most: u64::MAX,
        single: 1.5,
        double: 0.1,
        text: "\u{17e}lu\u{165}ou\u{10d}k\u{fd} \u{1f40e} \0 end".to_owned(),
        raw: ByteBuf::from([0, 0xff, 0x80]),
        maybe: Some("here".to_owned()),
        numbers: vec![
            0,
            127,
            128,
            -32,
            -33,
            65_535,
            65_536,
            -129,
            -32_769,
            4_294_967_296,
        ],
        counts: [("one".to_owned(), 1), ("two".to_owned(), -2)].into(),
        suit: Suit::Clubs,
        inner: inner("in", Some(2.5)),
        many: vec![inner("a", None), inner("b", Some(-0.5))],
    }
}

fn inner(name: &str, weight: Option<f64>) -> Inner {
    let name = name.to_owned();
    Inner { name, weight }
}
