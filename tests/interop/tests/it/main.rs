//! What other implementations have written, checked in, decodes to the values that they wrote.

use std::path::PathBuf;

use anyhow::Result;
use relayhouse_interop::Kind;

/// Returns how many values a package has written that decode.
fn check(kind: Kind, package: &str) -> Result<usize> {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples");
    kind.check(&samples.join(package))
}

#[test]
fn samples_of_java_avro_decode() {
    assert_eq!(check(Kind::Avro, "java").unwrap(), 27);
}

#[test]
fn samples_of_python_avro_decode() {
    assert_eq!(check(Kind::Avro, "avro").unwrap(), 27);
}

#[test]
fn samples_of_fastavro_decode() {
    assert_eq!(check(Kind::Avro, "fastavro").unwrap(), 27);
}

#[test]
fn samples_of_python_msgpack_decode() {
    assert_eq!(check(Kind::MessagePack, "msgpack").unwrap(), 4);
}
