//! Enums of Rust: an enum of Avro by its symbol, a union by the number of its branch.

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, Unexpected, VariantAccess, Visitor,
    value::{StrDeserializer, U32Deserializer},
};

use super::{
    fault::Fault,
    input::Input,
    lend::Lend,
    plan::{Node, RecordKind},
    value::Value,
};

impl<'p> Input<'p, '_> {
    /// Reads the symbol of an enum, as the reader has it.
    #[inline]
    pub(super) fn symbol(&mut self, of: u32) -> Result<&'p str, Fault> {
        let index = self.int()?;
        let symbols = &self.plan.enums[of as usize].symbols;
        let symbol = usize::try_from(index).ok();
        match symbol.and_then(|index| symbols.get(index)) {
            Some(Some(symbol)) => Ok(symbol),
            Some(None) => Err(self.fault("the reader's enum has not the symbol that was written")),
            None => Err(self.no_symbol(symbols.len())),
        }
    }

    #[cold]
    fn no_symbol(&mut self, count: usize) -> Fault {
        self.fault(format!("an enum has {count} symbols, and not this one"))
    }
}

/// A variant without content, by its name.
#[derive(Debug)]
pub(super) struct Symbol<'a>(pub(super) &'a str);

impl<'de> EnumAccess<'de> for Symbol<'_> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Symbol<'_> {
    type Error = Fault;

    #[inline]
    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(content("newtype variant"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(content("tuple variant"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(content("struct variant"))
    }
}

#[cold]
fn content(expected: &str) -> Fault {
    serde::de::Error::invalid_type(Unexpected::UnitVariant, &expected)
}

/// A branch of a union, whose number is that of the variant.
#[derive(Debug)]
pub(super) struct Variant<'r, 'p, 'd, L> {
    pub(super) number: u32,
    pub(super) value: Value<'r, 'p, 'd, L>,
}

impl<'de, 'd, L: Lend<'de, 'd>> EnumAccess<'de> for Variant<'_, '_, 'd, L> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let number: U32Deserializer<Fault> = self.number.into_deserializer();
        match seed.deserialize(number) {
            Ok(variant) => Ok((variant, self)),
            Err(fault) => Err(self.value.input.given_up(fault)),
        }
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> VariantAccess<'de> for Variant<'_, '_, 'd, L> {
    type Error = Fault;

    /// Takes a null, or a record without fields.
    #[inline]
    fn unit_variant(self) -> Result<(), Fault> {
        match *self.value.node {
            Node::Null => Ok(()),
            Node::Record(record) => self.value.nothing(record),
            _ => Err(self.value.misfit("a null or a record without fields")),
        }
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match *self.value.node {
            Node::Record(record)
                if self.value.input.plan.record(record).kind == RecordKind::Newtype =>
            {
                self.value.only_field(record, seed)
            }
            _ => seed.deserialize(self.value),
        }
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_tuple(self.value, length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_struct(self.value, "", fields, visitor)
    }
}
