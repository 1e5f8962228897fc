//! Tuples of no element, and of one: the value itself, or the one item of a list.
//!
//! What the schema has as a list is one if the element is none: nothing else tells them apart. The
//! plan that writes keeps to the same.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{fault::Fault, items::Items, lend::Lend, plan::Node, value::Value};

/// The elements that are left.
pub(super) struct Elements<'r, 'p, 'd, L>(Option<Value<'r, 'p, 'd, L>>);

impl<'r, 'p, 'd, L> Elements<'r, 'p, 'd, L> {
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn one(value: Value<'r, 'p, 'd, L>) -> Self {
        Self(Some(value))
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> SeqAccess<'de> for Elements<'_, '_, 'd, L> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.0.take() else {
            return Ok(None);
        };
        let value = match value.node {
            // A union of the writer alone says nothing of what the reader has.
            Node::Choice(_) => value.settled()?,
            _ => value,
        };
        seed.deserialize(Element(value)).map(Some)
    }
}

/// The one element, before it is known whether it is a list.
struct Element<'r, 'p, 'd, L>(Value<'r, 'p, 'd, L>);

impl<'p, 'd, L> Element<'_, 'p, 'd, L> {
    /// Goes on with the item of an array, or with what is no array.
    fn item<T>(
        self,
        decode: impl FnOnce(Value<'_, 'p, 'd, L>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Self(value) = self;
        let Node::Array(items) = *value.node else {
            return decode(value);
        };
        let input = value.input;
        input.enter()?;
        let item = &input.plan.items[items as usize];
        let decoded = Items::<L>::open(input, item)?.only(decode)?;
        input.leave();
        Ok(decoded)
    }

    /// Returns whether a number would be the one byte of a list.
    fn is_octet(&self) -> bool {
        matches!(self.0.node, Node::Bytes | Node::Fixed(1) | Node::Opaque(1))
    }
}

/// Takes what is no list: the item of one, if the schema has a list.
macro_rules! items {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(
            fn $method<V: Visitor<'de>>(
                self,
                $($argument: $kind,)*
                visitor: V,
            ) -> Result<V::Value, Fault> {
                self.item(|value| value.$method($($argument,)* visitor))
            }
        )*
    };
}

/// Takes a number, which may be a byte of bytes as well.
macro_rules! numbers {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
                match self.is_octet() {
                    true => visitor.visit_u8(self.0.octet()?),
                    false => self.item(|value| value.$method(visitor)),
                }
            }
        )*
    };
}

/// Takes a list, or what tells by itself that it is one: the value itself.
macro_rules! lists {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(
            fn $method<V: Visitor<'de>>(
                self,
                $($argument: $kind,)*
                visitor: V,
            ) -> Result<V::Value, Fault> {
                self.0.$method($($argument,)* visitor)
            }
        )*
    };
}

impl<'de, 'd, L: Lend<'de, 'd>> Deserializer<'de> for Element<'_, '_, 'd, L> {
    type Error = Fault;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    items! {
        deserialize_bool();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_identifier();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    lists! {
        deserialize_any();
        deserialize_ignored_any();
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.is_octet() || matches!(self.0.node, Node::Array(_)) {
            true => visitor.visit_newtype_struct(self),
            false => self.0.deserialize_newtype_struct(name, visitor),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
