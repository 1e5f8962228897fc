//! What serde may ask of a value.
//!
//! The mapping is that of `apache-avro` in its schema-aware deserializer; what only its generic
//! path takes is taken as well.

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::{
    fault::Fault,
    lend::Lend,
    plan::{Branch, Node},
    single::Elements,
    skip::skip,
    value::Value,
    variant::{Symbol, Variant},
};

/// Hands the visitors of plain values what stands there, the usual kind first.
macro_rules! plain {
    ($($method:ident: $($node:ident by $read:ident to $visit:ident),+;)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                match *self.node {
                    $(Node::$node => visitor.$visit(self.input.$read()?),)+
                    _ => self.anything(visitor),
                }
            }
        )*
    };
}

/// Takes numbers that are written as so many bytes, the least first.
macro_rules! wide {
    ($($method:ident: $number:ident of $size:literal to $visit:ident;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                let value = self.settled()?;
                match *value.node {
                    Node::Fixed($size) => {
                        visitor.$visit($number::from_le_bytes(value.input.array()?))
                    }
                    _ => value.anything(visitor),
                }
            }
        )*
    };
}

impl<'de, 'd, L: Lend<'de, 'd>> Deserializer<'de> for Value<'_, '_, 'd, L> {
    type Error = Fault;

    plain! {
        deserialize_bool: Boolean by boolean to visit_bool;
        deserialize_i8: Int by int to visit_i32;
        deserialize_i16: Int by int to visit_i32;
        deserialize_i32: Int by int to visit_i32;
        deserialize_i64: Long by long to visit_i64, IntAsLong by int to visit_i32;
        deserialize_u8: Int by int to visit_i32;
        deserialize_u16: Int by int to visit_i32;
        deserialize_u32: Long by long to visit_i64, IntAsLong by int to visit_i32;
        deserialize_f32: Float by float to visit_f32;
        deserialize_f64: Double by double to visit_f64, FloatAsDouble by float to visit_f32;
    }

    wide! {
        deserialize_u64: u64 of 8 to visit_u64;
        deserialize_i128: i128 of 16 to visit_i128;
        deserialize_u128: u128 of 16 to visit_u128;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.anything(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match *self.node {
            Node::String | Node::UuidText => L::text(self.input.text()?, visitor),
            _ => self.textual(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Bytes => L::bytes(self.input.bytes()?, visitor),
            _ => self.binary(visitor),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = self.settled()?;
        match *value.node {
            Node::Fixed(4) => match char::from_u32(u32::from_le_bytes(value.input.array()?)) {
                Some(character) => visitor.visit_char(character),
                None => Err(value.input.fault("a character is none of Unicode")),
            },
            _ => value.textual(visitor),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Node::Union(union) = *self.node
            && let Some(written) = self.input.optional(union)
        {
            return match written {
                None => visitor.visit_none(),
                Some(node) => visitor.visit_some(self.with(node)),
            };
        }
        let branch = match *self.node {
            Node::Union(_) | Node::Branch(_) => self.input.branch(*self.node)?,
            Node::Choice(_) => return self.settled()?.deserialize_option(visitor),
            _ => return Err(self.misfit("a union with null")),
        };
        match branch.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self.with(&branch.node)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.anything(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let value = self.settled()?;
        match *value.node {
            Node::Record(record) => {
                value.nothing(record)?;
                visitor.visit_unit()
            }
            _ => value.anything(visitor),
        }
    }

    /// Takes the field of a record that has one and is named as the struct; anything else is the
    /// value itself.
    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Record(_) | Node::Union(_) | Node::Choice(_) | Node::Branch(_) => {
                self.newtype(name, visitor)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Array(items) => self.array(items, visitor),
            _ => self.sequence(visitor),
        }
    }

    /// Takes the fields of a record, the items of an array or bytes. One element is the value
    /// itself, or the one item.
    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match length {
            1 => visitor.visit_seq(Elements::one(self)),
            _ => self.deserialize_tuple_struct("", length, visitor),
        }
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let value = self.settled()?;
        match *value.node {
            Node::Record(record) => value.tuple(record, visitor),
            Node::Null if length == 0 => visitor.visit_seq(Elements::<L>::none()),
            _ => value.sequence(visitor),
        }
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Map(items) => self.map(items, visitor),
            Node::Record(record) => self.by_names(record, visitor),
            Node::Union(_) | Node::Choice(_) | Node::Branch(_) => {
                self.settled()?.deserialize_map(visitor)
            }
            _ => self.anything(visitor),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let value = match *self.node {
            Node::Record(_) => self,
            _ => self.settled()?,
        };
        match *value.node {
            Node::Record(record) => value.structure(record, fields, visitor),
            _ => Err(value.misfit("a record")),
        }
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Enum(of) => visitor.visit_enum(Symbol(self.input.symbol(of)?)),
            Node::String => visitor.visit_enum(Symbol(self.input.text()?)),
            Node::Union(_) | Node::Branch(_) => {
                let Branch { index, node } = self.input.branch(*self.node)?;
                let value = self.with(node);
                match *node {
                    Node::Enum(of) if value.input.plan.is_enum_of(of, variants) => {
                        visitor.visit_enum(Symbol(value.input.symbol(of)?))
                    }
                    _ => visitor.visit_enum(Variant {
                        number: *index,
                        value,
                    }),
                }
            }
            Node::Choice(_) => self.branch()?.deserialize_enum("", variants, visitor),
            _ => Err(self.misfit("an enum or a union")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        skip(self.input, *self.node)?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> Value<'_, '_, 'd, L> {
    fn newtype<V: Visitor<'de>>(self, name: &str, visitor: V) -> Result<V::Value, Fault> {
        let start = self.input.mark();
        let node = match *self.node {
            Node::Record(_) => self.node,
            union => &self.input.branch(union)?.node,
        };
        match *node {
            Node::Record(record) if self.input.plan.record(record).is_newtype(name) => {
                self.with(node).only_field(record, Newtype(visitor))
            }
            _ => {
                self.input.back_to(start);
                visitor.visit_newtype_struct(self)
            }
        }
    }
}

/// The content of a newtype struct.
struct Newtype<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Newtype<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(deserializer)
    }
}
