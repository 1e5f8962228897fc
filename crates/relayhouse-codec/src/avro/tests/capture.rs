//! Values as serde gives them to a type that takes whatever comes.

use std::{collections::BTreeMap, fmt};

use apache_avro::Uuid;
use serde::{
    Deserialize, Deserializer,
    de::{EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor},
};

/// Is any value, so that two are equal if they say the same: floats are kept as their bits, entries
/// in the order of their names, symbols as text, and UUIDs as bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Captured {
    Unit,
    Bool(bool),
    Long(i64),
    Float(u32),
    Double(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Captured>),
    Map(BTreeMap<String, Captured>),
}

impl Captured {
    /// Takes `start` off the names of fields that have it.
    pub(super) fn without(self, start: &str) -> Self {
        match self {
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.without(start)).collect())
            }
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(name, value)| {
                    let name = name.strip_prefix(start).unwrap_or(&name).to_owned();
                    (name, value.without(start))
                });
                Self::Map(entries.collect())
            }
            other => other,
        }
    }
}

/// Is the name of a field or of a symbol, or the key of an entry.
struct Name(String);

struct Anything;

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_identifier(Anything)? {
            Captured::Text(name) => Ok(Self(name)),
            other => Err(D::Error::custom(format!("{other:?} is no name"))),
        }
    }
}

impl<'de> Deserialize<'de> for Captured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = Captured;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Captured, E> {
        Ok(Captured::Unit)
    }

    fn visit_none<E>(self) -> Result<Captured, E> {
        Ok(Captured::Unit)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Captured, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Captured, E> {
        Ok(Captured::Bool(value))
    }

    fn visit_i32<E>(self, value: i32) -> Result<Captured, E> {
        Ok(Captured::Long(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Captured, E> {
        Ok(Captured::Long(value))
    }

    fn visit_f32<E>(self, value: f32) -> Result<Captured, E> {
        Ok(Captured::Float(value.to_bits()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Captured, E> {
        Ok(Captured::Double(value.to_bits()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Captured, E> {
        match Uuid::parse_str(value) {
            Ok(uuid) => Ok(Captured::Bytes(uuid.as_bytes().to_vec())),
            Err(_) => Ok(Captured::Text(value.to_owned())),
        }
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Captured, E> {
        Ok(Captured::Bytes(value.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Captured, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Captured::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Captured, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            entries.insert(name, value);
        }
        Ok(Captured::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Captured, A::Error> {
        let (Name(name), variant) = access.variant()?;
        variant.unit_variant()?;
        Ok(Captured::Text(name))
    }
}
