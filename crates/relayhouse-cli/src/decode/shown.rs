//! Any value, as JSON can show it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
};
use serde_json::{Map, Value, json};

use crate::envelope::base64;

/// Is a value of any format. Bytes become an object with `base64`, and what is no number in JSON a
/// string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown(pub(crate) Value);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShownVisitor).map(Self)
    }
}

struct ShownVisitor;

impl<'de> Visitor<'de> for ShownVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        value.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_f32<E>(self, value: f32) -> Result<Value, E> {
        // As it is written in decimal: a detour over f64 would add digits that nobody wrote.
        Ok(value
            .to_string()
            .parse()
            .map_or_else(|_| value.to_string().into(), number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(json!({ "base64": base64::encode(value) }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut shown = Vec::new();
        while let Some(Shown(item)) = items.next_element()? {
            shown.push(item);
        }
        Ok(shown.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut shown = Map::new();
        while let Some((Shown(key), Shown(value))) = entries.next_entry()? {
            let key = match key {
                Value::String(key) => key,
                key => key.to_string(),
            };
            shown.insert(key, value);
        }
        Ok(shown.into())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (Shown(symbol), variant) = data.variant()?;
        variant.unit_variant()?;
        Ok(symbol)
    }
}

fn number(value: f64) -> Value {
    match value.is_finite() {
        true => value.into(),
        false => value.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{
        IntoDeserializer,
        value::{BytesDeserializer, Error, F32Deserializer, F64Deserializer, MapDeserializer},
    };

    use super::*;

    fn shown<'de>(deserializer: impl Deserializer<'de, Error = Error>) -> Value {
        Shown::deserialize(deserializer).unwrap().0
    }

    #[test]
    fn what_json_cannot_say_is_shown_all_the_same() {
        assert_eq!(
            shown(BytesDeserializer::new(b"\xff")),
            json!({"base64": "/w=="})
        );
        assert_eq!(shown(F64Deserializer::new(f64::NAN)), json!("NaN"));
        assert_eq!(shown(F32Deserializer::new(f32::INFINITY)), json!("inf"));
        assert_eq!(shown(F32Deserializer::new(0.1)), json!(0.1));
        let large = IntoDeserializer::<Error>::into_deserializer(u128::MAX);
        assert_eq!(
            shown(large),
            json!("340282366920938463463374607431768211455")
        );
        let keys = MapDeserializer::new([(7, true)].into_iter());
        assert_eq!(shown(keys), json!({"7": true}));
    }
}
