//! Arrays, maps, fixed bytes, enums and nested records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{AnyCase, plain};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Containers {
    numbers: Vec<i32>,
    words: Vec<Vec<String>>,
    counts: BTreeMap<String, i64>,
    series: BTreeMap<String, Vec<f64>>,
    tag: ByteArray<4>,
    suit: Suit,
    inner: Inner,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Suit {
    Spades,
    Hearts,
    Diamonds,
    Clubs,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    name: String,
    same: Vec<Suit>,
}

pub(super) fn case() -> Box<dyn AnyCase> {
    plain("containers", vec![empty(), few(), many()])
}

fn empty() -> Containers {
    Containers {
        numbers: Vec::new(),
        words: Vec::new(),
        counts: BTreeMap::new(),
        series: BTreeMap::new(),
        tag: ByteArray::new([0; 4]),
        suit: Suit::Spades,
        inner: inner("", &[]),
    }
}

fn few() -> Containers {
    Containers {
        numbers: vec![1, -1, 64, -65],
        words: vec![Vec::new(), words(&["a"]), words(&["b", "c"])],
        counts: map([("one", 1), ("two", -2), ("three", 1 << 40)]),
        series: map([("empty", Vec::new()), ("half", vec![0.5, -0.25])]),
        tag: ByteArray::new([1, 2, 0xfe, 0xff]),
        suit: Suit::Clubs,
        inner: inner("in", &[Suit::Hearts, Suit::Diamonds]),
    }
}

fn many() -> Containers {
    Containers {
        numbers: (0..300).collect(),
        words: vec![words(&["w"; 70])],
        counts: (0..70).map(|it| (format!("key-{it}"), it)).collect(),
        series: BTreeMap::new(),
        tag: ByteArray::new(*b"tagg"),
        suit: Suit::Hearts,
        inner: inner("n", &[Suit::Clubs; 3]),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn map<V, const N: usize>(entries: [(&str, V); N]) -> BTreeMap<String, V> {
    let entries = entries.into_iter();
    entries
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn inner(name: &str, same: &[Suit]) -> Inner {
    Inner {
        name: name.to_owned(),
        same: same.to_vec(),
    }
}
