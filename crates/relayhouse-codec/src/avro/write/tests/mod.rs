//! The write plan against `apache-avro`, and against datums written by hand.

mod bounds;
mod misfits;
mod records;
mod types;
mod unions;

use apache_avro::writer::datum::GenericDatumWriter;
use bytes::BytesMut;
use relayhouse_core::{ErrorKind, Result};
use serde::{Serialize, Serializer};

use super::WritePlan;
use crate::{Bounds, avro::Schema};

fn plan(schema: &str) -> WritePlan {
    WritePlan::compile(&Schema::parse(schema).unwrap()).unwrap()
}

fn encode<T: Serialize + ?Sized>(plan: &WritePlan, value: &T) -> Result<Vec<u8>> {
    let mut body = BytesMut::from(&b"before"[..]);
    let start = body.len();
    let result = plan.encode(value, start, &mut body, &Bounds::new());
    let written = body.strip_prefix(b"before").unwrap().to_vec();
    match result {
        Ok(()) => Ok(written),
        Err(error) => {
            assert!(written.is_empty(), "the body is as before");
            Err(error)
        }
    }
}

/// Checks that a value is written as these bytes, the second time as well.
#[track_caller]
fn writes<T: Serialize + ?Sized>(schema: &str, value: &T, bytes: &[u8]) {
    let plan = plan(schema);
    for _ in 0..2 {
        assert_eq!(encode(&plan, value).unwrap(), bytes, "{schema}");
    }
}

/// Checks that a value is written as `apache-avro` writes it, and returns the bytes.
#[track_caller]
fn agrees<T: Serialize>(schema: &str, value: &T) -> Vec<u8> {
    let bytes = by_apache(schema, value).unwrap();
    writes(schema, value, &bytes);
    bytes
}

fn by_apache<T: Serialize>(schema: &str, value: &T) -> Option<Vec<u8>> {
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    writer.write_ser_to_vec(value).ok()
}

/// Checks that `apache-avro` refuses a value that is written as these bytes.
#[track_caller]
fn writes_more<T: Serialize>(schema: &str, value: &T, bytes: &[u8]) {
    assert_eq!(by_apache(schema, value), None, "{schema}");
    writes(schema, value, bytes);
}

/// Checks that nobody writes a value, and returns why we do not.
#[track_caller]
fn refused<T: Serialize>(schema: &str, value: &T) -> String {
    assert_eq!(by_apache(schema, value), None, "{schema}");
    refusal(schema, value)
}

#[track_caller]
fn refusal<T: Serialize>(schema: &str, value: &T) -> String {
    let error = encode(&plan(schema), value).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    error.to_string()
}

/// Serialises bytes as bytes.
struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
