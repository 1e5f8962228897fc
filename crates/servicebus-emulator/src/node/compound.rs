//! Lists, maps and arrays, written.
//!
//! The client library writes what holds no other values. The rest is done here: the library panics
//! at a map that has a time for a key, writes a byte for each null of an array, where AMQP has none,
//! and counts the characters of an array's texts instead of their bytes (`serde_amqp` 0.18).

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_amqp::primitives::SymbolRef;

use super::{raw, value};
use crate::{amqp::append, model::Value};

const DESCRIBED: u8 = 0x00;
const STRING: u8 = 0xb1;
const LIST: u8 = 0xd0;
const MAP: u8 = 0xd1;
const ARRAY: u8 = 0xf0;

/// The bytes of a size or a count.
const WORD_BYTES: usize = 4;

/// What a list or a map holds, while it is written: for a map, a key is before each value.
#[derive(Debug)]
pub(super) struct Content<'a> {
    bytes: &'a mut BytesMut,
    count: usize,
}

/// Appends a map of what `fill` puts into it.
pub(super) fn put_map(bytes: &mut BytesMut, fill: impl FnOnce(&mut Content<'_>)) {
    put_compound(bytes, MAP, fill);
}

impl Content<'_> {
    /// Puts a value that holds no others.
    pub(super) fn scalar(&mut self, value: &(impl Serialize + ?Sized)) {
        append(self.bytes, value);
        self.count += 1;
    }

    /// Puts a value of the model.
    pub(super) fn value(&mut self, value: &Value) {
        value::put(self.bytes, value);
        self.count += 1;
    }

    /// Puts values that stand one behind the other, as they came.
    pub(super) fn encoded(&mut self, values: &[u8]) {
        self.bytes.put_slice(values);
        self.count += raw::values(values).count();
    }

    /// Puts a symbol, and a value that holds no others.
    pub(super) fn symbol(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.scalar(&SymbolRef(name));
        self.scalar(value);
    }

    /// Puts a text, and a value that holds no others.
    pub(super) fn entry(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.scalar(name);
        self.scalar(value);
    }

    /// Puts a list of what `fill` puts into it.
    pub(super) fn list(&mut self, fill: impl FnOnce(&mut Content<'_>)) {
        put_compound(self.bytes, LIST, fill);
        self.count += 1;
    }

    /// Puts a list that is described by a code.
    pub(super) fn described(&mut self, code: u64, fill: impl FnOnce(&mut Content<'_>)) {
        self.bytes.put_u8(DESCRIBED);
        append(self.bytes, &code);
        self.list(fill);
    }

    /// Puts a map of what `fill` puts into it.
    pub(super) fn map(&mut self, fill: impl FnOnce(&mut Content<'_>)) {
        put_compound(self.bytes, MAP, fill);
        self.count += 1;
    }

    /// Puts an array of texts.
    pub(super) fn texts<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.bytes.put_u8(ARRAY);
        sized(self.bytes, |bytes| {
            bytes.put_slice(&word(texts.len()));
            bytes.put_u8(STRING);
            for text in texts {
                let text = text.as_ref();
                bytes.put_slice(&word(text.len()));
                bytes.put_slice(text.as_bytes());
            }
        });
        self.count += 1;
    }
}

fn put_compound(bytes: &mut BytesMut, code: u8, fill: impl FnOnce(&mut Content<'_>)) {
    bytes.put_u8(code);
    sized(bytes, |bytes| {
        let at = bytes.len();
        bytes.put_bytes(0, WORD_BYTES);
        let mut content = Content { bytes, count: 0 };
        fill(&mut content);
        let count = word(content.count);
        bytes[at..at + WORD_BYTES].copy_from_slice(&count);
    });
}

/// Appends what `write` appends, with its size before it.
fn sized(bytes: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = bytes.len();
    bytes.put_bytes(0, WORD_BYTES);
    write(bytes);
    let size = word(bytes.len() - start - WORD_BYTES);
    bytes[start..start + WORD_BYTES].copy_from_slice(&size);
}

/// Writes a number that is bounded by what a message may have.
fn word(number: usize) -> [u8; WORD_BYTES] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use serde_amqp::{Value as Encoded, from_slice, primitives::Array};

    use super::*;

    #[test]
    fn texts_of_an_array_are_measured_in_bytes() {
        let texts = ["", "größe", "plain"];
        let mut bytes = BytesMut::new();
        put_map(&mut bytes, |map| {
            map.scalar("texts");
            map.texts(&texts);
        });
        let texts = texts.map(Encoded::from).to_vec();
        let expected = [(Encoded::from("texts"), Encoded::Array(Array(texts)))];
        let expected = Encoded::Map(expected.into_iter().collect());
        assert_eq!(from_slice::<Encoded>(&bytes).unwrap(), expected);
    }

    #[test]
    fn sizes_and_counts_are_those_of_the_content() {
        let mut bytes = BytesMut::new();
        put_map(&mut bytes, |map| {
            map.entry("a", &7_u8);
            map.scalar("b");
            map.list(|list| list.encoded(b"\x40\x54\x01"));
            map.scalar("c");
            map.described(5, |_| {});
        });
        let expected = b"\xd1\0\0\0\x27\0\0\0\x06\xa1\x01a\x50\x07\
            \xa1\x01b\xd0\0\0\0\x07\0\0\0\x02\x40\x54\x01\
            \xa1\x01c\x00\x53\x05\xd0\0\0\0\x04\0\0\0\0";
        assert_eq!(&bytes[..], expected);
    }
}
