//! Encodes whatever value another program has sent.
//!
//! The client library has an encoder of values as well, which panics at a map that has a time for a
//! key, writes a byte for each null of an array, where AMQP has none, and counts the characters of
//! an array's texts in place of their bytes (`serde_amqp` 0.18). So it encodes what holds no other
//! values, and arrays of what is no text; the rest is done here.

use fe2o3_amqp_types::primitives::{Symbol, Value};
use serde_amqp::{descriptor::Descriptor, to_vec};

const DESCRIBED: u8 = 0x00;
const STRING: u8 = 0xb1;
const SYMBOL: u8 = 0xb3;
const LIST: u8 = 0xd0;
const MAP: u8 = 0xd1;
const ARRAY: u8 = 0xf0;

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
        Value::Array(items) => match texts(items) {
            Some((code, texts)) => array(code, &texts, bytes),
            None => bytes.extend(to_vec(value).unwrap_or_default()),
        },
        // What was decoded can be encoded.
        other => bytes.extend(to_vec(other).unwrap_or_default()),
    }
}

/// Returns the texts of an array that has nothing else, and the code of all of them.
fn texts(items: &[Value]) -> Option<(u8, Vec<&str>)> {
    let code = match items.first()? {
        Value::String(_) => STRING,
        Value::Symbol(_) => SYMBOL,
        _ => return None,
    };
    let texts = items.iter().map(|item| match item {
        Value::String(text) if code == STRING => Some(text.as_str()),
        Value::Symbol(text) if code == SYMBOL => Some(text.as_str()),
        _ => None,
    });
    Some((code, texts.collect::<Option<_>>()?))
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
    sized(bytes, |bytes| {
        bytes.extend(word(count));
        for value in values {
            write(value, bytes);
        }
    });
}

fn array(code: u8, texts: &[&str], bytes: &mut Vec<u8>) {
    bytes.push(ARRAY);
    sized(bytes, |bytes| {
        bytes.extend(word(texts.len()));
        bytes.push(code);
        for text in texts {
            bytes.extend(word(text.len()));
            bytes.extend(text.as_bytes());
        }
    });
}

/// Appends what `fill` appends, behind its size.
fn sized(bytes: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend([0; WORD_BYTES]);
    fill(bytes);
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

    /// Each element of an array is of one type.
    fn array() -> impl Strategy<Value = Value> {
        let text = || "[a-zé€]{0,9}";
        let items = prop_oneof![
            vec(text().prop_map(Value::String), 1..5),
            vec(text().prop_map(|it| Value::Symbol(Symbol::from(it))), 1..5),
            vec(any::<i64>().prop_map(Value::Long), 1..5),
            vec(any::<u64>().prop_map(Value::Ulong), 1..5),
            vec(any::<bool>().prop_map(Value::Bool), 1..5),
            vec(vec(any::<u8>(), 0..300), 1..5)
                .prop_map(|all| { all.into_iter().map(|it| Value::Binary(it.into())).collect() }),
        ];
        items.prop_map(|items| Value::Array(items.into()))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![4 => scalar(), 1 => array()].prop_recursive(4, 32, 6, |inner| {
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
