//! Values of AMQP to those of the model, and back.

use bytes::{Bytes, BytesMut};
use serde_amqp::{
    Value as Encoded,
    described::Described,
    descriptor::Descriptor,
    from_slice,
    primitives::{self, Symbol, SymbolRef, Timestamp},
};
use uuid::Uuid;

use super::raw;
use crate::{
    amqp::append,
    model::{Time, Value},
};

/// How the libraries of Microsoft describe a duration, which is a number of ticks.
const TIME_SPAN: &str = "com.microsoft:timespan";

/// Takes a value as the model keeps it: what it has no type for, as the bytes that came.
pub(super) fn keep(value: &[u8]) -> Value {
    if let Some(ticks) = time_span(value) {
        return Value::Duration(ticks);
    }
    scalar(value).unwrap_or_else(|| Value::Encoded(Bytes::copy_from_slice(value)))
}

fn time_span(value: &[u8]) -> Option<i64> {
    let (descriptor, described) = raw::described(value)?;
    match from_slice(described) {
        Ok(Encoded::Long(ticks)) if raw::text(descriptor) == Some(TIME_SPAN) => Some(ticks),
        _ => None,
    }
}

/// Takes a value that holds no others, of a type that the model has.
fn scalar(value: &[u8]) -> Option<Value> {
    if raw::holds_others(value) {
        return None;
    }
    Some(match from_slice(value).ok()? {
        Encoded::Null => Value::Null,
        Encoded::Bool(it) => Value::Boolean(it),
        Encoded::Ubyte(it) => Value::Ubyte(it),
        Encoded::Ushort(it) => Value::Ushort(it),
        Encoded::Uint(it) => Value::Uint(it),
        Encoded::Ulong(it) => Value::Ulong(it),
        Encoded::Byte(it) => Value::Byte(it),
        Encoded::Short(it) => Value::Short(it),
        Encoded::Int(it) => Value::Int(it),
        Encoded::Long(it) => Value::Long(it),
        Encoded::Float(it) => Value::Float(it.0),
        Encoded::Double(it) => Value::Double(it.0),
        Encoded::Char(it) => Value::Char(it),
        Encoded::Timestamp(it) => Value::Timestamp(it.milliseconds()),
        Encoded::Uuid(it) => Value::Uuid(Uuid::from(it)),
        Encoded::Binary(it) => Value::Binary(Bytes::from(it.into_vec())),
        Encoded::String(it) => Value::String(it.into()),
        Encoded::Symbol(it) => Value::Symbol(it.into_inner().into()),
        _ => return None,
    })
}

/// Appends a value as AMQP has it.
pub(super) fn put(bytes: &mut BytesMut, value: &Value) {
    match value {
        Value::Null => append(bytes, &()),
        Value::Boolean(it) => append(bytes, it),
        Value::Ubyte(it) => append(bytes, it),
        Value::Ushort(it) => append(bytes, it),
        Value::Uint(it) => append(bytes, it),
        Value::Ulong(it) => append(bytes, it),
        Value::Byte(it) => append(bytes, it),
        Value::Short(it) => append(bytes, it),
        Value::Int(it) => append(bytes, it),
        Value::Long(it) => append(bytes, it),
        Value::Float(it) => append(bytes, it),
        Value::Double(it) => append(bytes, it),
        Value::Char(it) => append(bytes, it),
        Value::Timestamp(it) => append(bytes, &Timestamp::from_milliseconds(*it)),
        Value::Duration(it) => {
            let descriptor = Descriptor::Name(Symbol::from(TIME_SPAN));
            append(
                bytes,
                &Described {
                    descriptor,
                    value: *it,
                },
            );
        }
        Value::Uuid(it) => append(bytes, &primitives::Uuid::from(*it)),
        Value::Binary(it) => append(bytes, serde_bytes::Bytes::new(it)),
        Value::String(it) => append(bytes, &**it),
        Value::Symbol(it) => append(bytes, &SymbolRef(it)),
        Value::Encoded(it) => bytes.extend_from_slice(it),
    }
}

/// Returns the text of a key, or of a value that is a text.
pub(super) fn text(value: &Encoded) -> Option<&str> {
    match value {
        Encoded::String(it) => Some(it),
        Encoded::Symbol(it) => Some(it.as_str()),
        _ => None,
    }
}

/// Returns a number of any width.
pub(super) fn number(value: &Encoded) -> Option<i64> {
    match *value {
        Encoded::Ubyte(it) => Some(it.into()),
        Encoded::Ushort(it) => Some(it.into()),
        Encoded::Uint(it) => Some(it.into()),
        Encoded::Ulong(it) => i64::try_from(it).ok(),
        Encoded::Byte(it) => Some(it.into()),
        Encoded::Short(it) => Some(it.into()),
        Encoded::Int(it) => Some(it.into()),
        Encoded::Long(it) => Some(it),
        _ => None,
    }
}

/// Returns a time, which may be a number of milliseconds.
pub(super) fn time(value: &[u8]) -> Option<Time> {
    let millis = match from_slice(value).ok()? {
        Encoded::Timestamp(it) => it.milliseconds(),
        other => number(&other)?,
    };
    Some(Time::from_millis(u64::try_from(millis).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(value: &Value) -> BytesMut {
        let mut bytes = BytesMut::new();
        put(&mut bytes, value);
        bytes
    }

    #[test]
    fn scalars_come_back_as_they_were() {
        for (encoded, expected) in [
            (&b"\x40"[..], Value::Null),
            (b"\x42", Value::Boolean(false)),
            (b"\x50\xff", Value::Ubyte(255)),
            (b"\x60\x01\x00", Value::Ushort(256)),
            (b"\x43", Value::Uint(0)),
            (b"\x53\x07", Value::Ulong(7)),
            (b"\x51\xff", Value::Byte(-1)),
            (b"\x61\xff\xfe", Value::Short(-2)),
            (b"\x54\xff", Value::Int(-1)),
            (
                b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
                Value::Long(i64::MAX),
            ),
            (b"\x72\x3f\xc0\0\0", Value::Float(1.5)),
            (b"\x82\x3f\xf8\0\0\0\0\0\0", Value::Double(1.5)),
            (b"\x73\0\0\0\xe9", Value::Char('é')),
            (b"\x83\0\0\0\0\0\0\0\x07", Value::Timestamp(7)),
            (
                b"\x98\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
                { Value::Uuid(Uuid::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f)) },
            ),
            (b"\xa0\x01\xff", Value::Binary(Bytes::from_static(b"\xff"))),
            (b"\xa1\x02\xc3\xa9", Value::from("é")),
            (b"\xa3\x01a", Value::Symbol("a".into())),
        ] {
            assert_eq!(keep(encoded), expected);
            assert_eq!(given(&expected), encoded, "{expected:?}");
        }
    }

    #[test]
    fn time_span_is_a_duration_and_comes_back_as_it_was() {
        let encoded = [b"\x00\xa3\x16", TIME_SPAN.as_bytes(), b"\x55\xfe"].concat();
        let kept = keep(&encoded);
        assert_eq!(kept, Value::Duration(-2));
        assert_eq!(given(&kept), encoded);
    }

    #[test]
    fn what_the_model_has_no_type_for_is_kept_as_it_is() {
        let text_of_span = [b"\x00\xa3\x16", TIME_SPAN.as_bytes(), b"\xa1\x01a"].concat();
        for encoded in [
            &text_of_span[..],
            b"\x00\xa3\x03uri\xa1\x10http://localhost",
            // A decimal.
            b"\x74\0\0\0\x05",
            // Lists, also by codes that the library does not choose.
            b"\x45",
            b"\xd0\0\0\0\x06\0\0\0\x01\xc0\x01\0",
            // A map with a time for a key.
            b"\xc1\x0b\x02\x83\0\0\0\0\0\0\0\x07\x41",
            // Arrays: of nothing, of nulls, of empty lists, of lists, of texts.
            b"\xe0\x01\0",
            b"\xe0\x02\x02\x40",
            b"\xe0\x02\x02\x45",
            b"\xe0\x08\x02\xc0\x02\x01\x40\x02\x01\x41",
            b"\xe0\x09\x02\xa1\x04\xd3\xa4it\x01a",
        ] {
            let kept = keep(encoded);
            assert!(matches!(kept, Value::Encoded(_)), "{kept:?}");
            assert_eq!(given(&kept), encoded);
        }
    }
}
