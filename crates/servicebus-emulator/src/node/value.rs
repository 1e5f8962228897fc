//! Values of AMQP to those of the model, and back.

use bytes::Bytes;
use serde_amqp::{
    Value as Encoded,
    described::Described,
    descriptor::Descriptor,
    from_slice,
    primitives::{Symbol, Timestamp},
    to_vec,
};
use serde_bytes::ByteBuf;
use uuid::Uuid;

use crate::model::Value;

/// How the libraries of Microsoft describe a duration, which is a number of ticks.
const TIME_SPAN: &str = "com.microsoft:timespan";

/// Takes a value as the model keeps it.
pub(super) fn keep(value: Encoded) -> Value {
    match value {
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
        Encoded::Described(it) if is_time_span(&it) => {
            Value::Duration(number(&it.value).unwrap_or(0))
        }
        other if is_writable(&other) => {
            Value::Encoded(Bytes::from(to_vec(&other).unwrap_or_default()))
        }
        _ => Value::Null,
    }
}

/// Returns false for what `serde_amqp` 0.18 cannot encode: it panics at a map that has a time for a
/// key. No client of the service writes one.
pub(super) fn is_writable(value: &Encoded) -> bool {
    match value {
        Encoded::Described(it) => is_writable(&it.value),
        Encoded::List(items) => items.iter().all(is_writable),
        Encoded::Array(items) => items.iter().all(is_writable),
        Encoded::Map(entries) => entries
            .iter()
            .all(|(key, value)| is_writable_key(key) && is_writable(value)),
        _ => true,
    }
}

/// Returns true for what can be the key of a map.
pub(super) fn is_writable_key(key: &Encoded) -> bool {
    match key {
        Encoded::Timestamp(_) => false,
        Encoded::Described(it) => is_writable_key(&it.value),
        other => is_writable(other),
    }
}

fn is_time_span(described: &Described<Encoded>) -> bool {
    let is_named =
        matches!(&described.descriptor, Descriptor::Name(it) if it.as_str() == TIME_SPAN);
    is_named && matches!(described.value, Encoded::Long(_))
}

/// Gives a value back as AMQP has it.
pub(super) fn give(value: &Value) -> Encoded {
    match value {
        Value::Null => Encoded::Null,
        Value::Boolean(it) => Encoded::Bool(*it),
        Value::Ubyte(it) => Encoded::Ubyte(*it),
        Value::Ushort(it) => Encoded::Ushort(*it),
        Value::Uint(it) => Encoded::Uint(*it),
        Value::Ulong(it) => Encoded::Ulong(*it),
        Value::Byte(it) => Encoded::Byte(*it),
        Value::Short(it) => Encoded::Short(*it),
        Value::Int(it) => Encoded::Int(*it),
        Value::Long(it) => Encoded::Long(*it),
        Value::Float(it) => Encoded::from(*it),
        Value::Double(it) => Encoded::from(*it),
        Value::Char(it) => Encoded::Char(*it),
        Value::Timestamp(it) => Encoded::Timestamp(Timestamp::from_milliseconds(*it)),
        Value::Duration(it) => Encoded::Described(Box::new(Described {
            descriptor: Descriptor::Name(Symbol::from(TIME_SPAN)),
            value: Encoded::Long(*it),
        })),
        Value::Uuid(it) => Encoded::Uuid((*it).into()),
        Value::Binary(it) => Encoded::Binary(ByteBuf::from(it.to_vec())),
        Value::String(it) => Encoded::String(it.to_string()),
        Value::Symbol(it) => Encoded::Symbol(Symbol::from(&**it)),
        Value::Encoded(it) => from_slice(it).unwrap_or_default(),
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

/// Returns the milliseconds of a time.
pub(super) fn millis(value: &Encoded) -> Option<i64> {
    match value {
        Encoded::Timestamp(it) => Some(it.milliseconds()),
        other => number(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(descriptor: &str, value: Encoded) -> Encoded {
        Encoded::Described(Box::new(Described {
            descriptor: Descriptor::Name(Symbol::from(descriptor)),
            value,
        }))
    }

    #[test]
    fn time_span_is_a_duration_and_comes_back_as_it_was() {
        let encoded = described(TIME_SPAN, Encoded::Long(-50_000_000));
        let kept = keep(encoded.clone());
        assert_eq!(kept, Value::Duration(-50_000_000));
        assert_eq!(give(&kept), encoded);
    }

    #[test]
    fn what_else_is_described_is_kept_as_it_is() {
        for encoded in [
            described(TIME_SPAN, Encoded::from("long")),
            described("com.microsoft:uri", Encoded::from("http://localhost")),
        ] {
            let kept = keep(encoded.clone());
            assert!(matches!(kept, Value::Encoded(_)), "{kept:?}");
            assert_eq!(give(&kept), encoded);
        }
    }
}
