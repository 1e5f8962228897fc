//! Encodes whatever value another program has sent.
//!
//! The client library has an encoder of values as well, which panics at a map that has a time for a
//! key, and writes a byte for each null of an array, where AMQP has none (`serde_amqp` 0.18). So it
//! encodes what holds no other values, and the rest is done here.

use fe2o3_amqp_types::primitives::{Symbol, Value};
use serde_amqp::{descriptor::Descriptor, to_vec};

const DESCRIBED: u8 = 0x00;
const LIST: u8 = 0xd0;
const MAP: u8 = 0xd1;

/// The bytes of a size or a number.
const WORD_BYTES: usize = 4;

/// Encodes `value`.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Described(described) => {
            bytes.push(DESCRIBED);
            write(&descriptor(&described.descriptor), bytes);
            write(&described.value, bytes);
        }
        Value::List(items) => compound(LIST, items.len(), items.iter(), bytes),
        Value::Map(entries) => {
            let values = entries.iter().flat_map(|(key, value)| [key, value]);
            compound(MAP, 2 * entries.len(), values, bytes);
        }
        // Each element of an array has the same code, which those that hold others may not have.
        Value::Array(items) if items.iter().any(is_no_element) => {
            compound(LIST, items.len(), items.iter(), bytes);
        }
        // What was decoded can be encoded.
        other => bytes.extend(to_vec(other).unwrap_or_default()),
    }
}

fn descriptor(descriptor: &Descriptor) -> Value {
    match descriptor {
        Descriptor::Name(name) => Value::Symbol(Symbol::from(name.as_str())),
        Descriptor::Code(code) => Value::Ulong(*code),
    }
}

fn is_no_element(value: &Value) -> bool {
    matches!(
        value,
        Value::Null | Value::Described(_) | Value::List(_) | Value::Map(_) | Value::Array(_)
    )
}

fn compound<'a>(
    code: u8,
    count: usize,
    values: impl Iterator<Item = &'a Value>,
    bytes: &mut Vec<u8>,
) {
    bytes.push(code);
    let start = bytes.len();
    bytes.extend([0; WORD_BYTES]);
    bytes.extend(word(count));
    for value in values {
        write(value, bytes);
    }
    let size = word(bytes.len() - start - WORD_BYTES);
    bytes[start..start + WORD_BYTES].copy_from_slice(&size);
}

/// Writes a number that is bounded by what a message may have.
fn word(number: usize) -> [u8; WORD_BYTES] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::primitives::{OrderedMap, Timestamp};
    use proptest::{collection::vec, prelude::*};
    use serde_amqp::{described::Described, from_slice};

    use super::*;

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Long),
            any::<i64>().prop_map(|time| Value::Timestamp(Timestamp::from(time))),
            any::<[u8; 16]>().prop_map(|bytes| Value::Uuid(bytes.into())),
            "[a-zé]{0,20}".prop_map(Value::String),
            "[a-z]{0,300}".prop_map(|text| Value::Symbol(Symbol::from(text))),
            vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Binary(bytes.into())),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        scalar().prop_recursive(4, 32, 6, |inner| {
            let pairs = vec((inner.clone(), inner.clone()), 0..5);
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Value::List),
                pairs.prop_map(|pairs| {
                    Value::Map(pairs.into_iter().collect::<OrderedMap<_, _>>())
                }),
                (any::<u64>(), inner).prop_map(|(code, value)| {
                    let descriptor = Descriptor::Code(code);
                    Value::Described(Box::new(Described { descriptor, value }))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_it_was(value in any_value()) {
            prop_assert_eq!(from_slice::<Value>(&encode(&value)).unwrap(), value);
        }
    }

    #[test]
    fn what_the_library_cannot_encode_is_encoded() {
        let time = Value::Timestamp(Timestamp::from(7));
        let pairs = [(time, Value::String("seven".to_owned()))];
        let map = Value::Map(pairs.into_iter().collect());
        assert_eq!(from_slice::<Value>(&encode(&map)).unwrap(), map);
        let nulls = Value::Array(vec![Value::Null, Value::Null].into());
        let decoded = from_slice::<Value>(&encode(&nulls)).unwrap();
        assert_eq!(decoded, Value::List(vec![Value::Null, Value::Null]));
    }
}
