//! The read plan against datums written by hand and by `apache-avro`.

mod bounds;
mod differ;
mod evolution;
mod faults;
mod logical;
mod remembered;
mod shapes;

use std::num::{NonZeroU8, NonZeroUsize};

use relayhouse_core::{ErrorKind, Result};
use serde::{Deserialize, de::DeserializeOwned};

use super::ReadPlan;
use crate::{avro::schema::Schema, bounds::Bounds};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn plan(text: &str) -> ReadPlan {
    ReadPlan::compile(&schema(text), &schema(text)).unwrap()
}

fn resolved(writer: &str, reader: &str) -> ReadPlan {
    ReadPlan::compile(&schema(writer), &schema(reader)).unwrap()
}

fn decode<'de, T: Deserialize<'de>>(plan: &ReadPlan, datum: &'de [u8]) -> Result<T> {
    plan.decode(datum, &Bounds::new())
}

/// Decodes thrice, so that what is remembered of the type is made, tried and used.
#[track_caller]
fn thrice<T: DeserializeOwned + PartialEq + std::fmt::Debug>(plan: &ReadPlan, datum: &[u8]) -> T {
    let first: T = decode(plan, datum).unwrap();
    for _ in 0..2 {
        assert_eq!(decode::<T>(plan, datum).unwrap(), first);
    }
    first
}

#[track_caller]
fn refused<T: DeserializeOwned + std::fmt::Debug>(plan: &ReadPlan, datum: &[u8]) -> String {
    let error = decode::<T>(plan, datum).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    error.to_string()
}

#[track_caller]
fn unresolved(writer: &str, reader: &str) -> String {
    let error = ReadPlan::compile(&schema(writer), &schema(reader)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    error.to_string()
}

fn long(number: i64) -> Vec<u8> {
    let mut left = u64::from_ne_bytes(((number << 1) ^ (number >> 63)).to_ne_bytes());
    let mut bytes = Vec::new();
    while 0x80 <= left {
        bytes.push(left.to_le_bytes()[0] | 0x80);
        left >>= 7;
    }
    bytes.push(left.to_le_bytes()[0]);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [long(text.len() as i64), text.as_bytes().to_vec()].concat()
}

fn size(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn depth(number: u8) -> NonZeroU8 {
    NonZeroU8::new(number).unwrap()
}
