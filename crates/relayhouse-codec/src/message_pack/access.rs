//! The inside of arrays, maps, enums and extensions.

use serde::{
    de::{
        DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor,
        value::{BorrowedBytesDeserializer, BorrowedStrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    fault::Fault,
    reader::{Head, Reader},
};
use crate::{bounds::Bounds, path::Segment};

/// Is an array, or a struct as one.
pub(super) struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    len: usize,
    left: usize,
    hint: usize,
    fields: &'static [&'static str],
}

impl<'a, 'de> Items<'a, 'de> {
    #[inline]
    pub(super) fn new(
        reader: &'a mut Reader<'de>,
        len: usize,
        fields: &'static [&'static str],
    ) -> Self {
        let hint = reader.hint(len);
        Self {
            reader,
            len,
            left: len,
            hint,
            fields,
        }
    }

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    #[cold]
    fn note(&mut self, fault: Fault) -> Fault {
        let index = self.len - self.left - 1;
        let segment = match self.fields.get(index) {
            Some(name) => Segment::Name(name),
            None => Segment::Index(index),
        };
        self.reader.came_through(&fault, segment);
        fault
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(fault) => Err(self.note(fault)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.hint))
    }
}

/// Is a map, or a struct as one.
pub(super) struct Entries<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
    hint: usize,
    fields: &'static [&'static str],
    /// The body from the key on whose value is next.
    key: &'de [u8],
}

impl<'a, 'de> Entries<'a, 'de> {
    #[inline]
    pub(super) fn new(
        reader: &'a mut Reader<'de>,
        len: usize,
        fields: &'static [&'static str],
    ) -> Self {
        let hint = reader.hint(len);
        Self {
            reader,
            left: len,
            hint,
            fields,
            key: &[],
        }
    }

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    #[cold]
    fn note(&mut self, fault: Fault) -> Fault {
        let segment = name_of(self.key, self.fields);
        self.reader.came_through(&fault, segment);
        fault
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.key = self.reader.rest();
        match seed.deserialize(&mut *self.reader) {
            Ok(key) => Ok(Some(key)),
            Err(fault) => Err(self.note(fault)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(value),
            Err(fault) => Err(self.note(fault)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.hint))
    }
}

/// Returns the name that the text at the start of `body` is, if the type has that name.
fn name_of(body: &[u8], names: &'static [&'static str]) -> Segment {
    let mut reader = Reader::new(body, Bounds::new());
    let Ok(Head::Text(text)) = reader.head() else {
        return Segment::Key;
    };
    let name = names.iter().find(|name| name.as_bytes() == text);
    name.map_or(Segment::Key, |name| Segment::Name(name))
}

/// Is a variant with content: the only entry of a map.
pub(super) struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    variants: &'static [&'static str],
    key: &'de [u8],
}

impl<'a, 'de> Variant<'a, 'de> {
    #[inline]
    pub(super) fn new(reader: &'a mut Reader<'de>, variants: &'static [&'static str]) -> Self {
        let key = reader.rest();
        Self {
            reader,
            variants,
            key,
        }
    }

    #[inline]
    fn noted<T>(
        self,
        result: impl FnOnce(&mut Reader<'de>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        result(&mut *self.reader).inspect_err(|fault| {
            let segment = name_of(self.key, self.variants);
            self.reader.came_through(fault, segment);
        })
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn unit_variant(self) -> Result<(), Fault> {
        self.noted(|reader| match reader.head()? {
            Head::Nil => Ok(()),
            _ => Err(Fault::variant()),
        })
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.noted(|reader| seed.deserialize(reader))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.noted(|reader| reader.deserialize_tuple(len, visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.noted(|reader| reader.deserialize_struct("", fields, visitor))
    }
}

/// Is a variant without content: its name alone.
pub(super) struct Word<'de>(&'de str);

impl<'de> Word<'de> {
    #[inline]
    pub(super) const fn new(name: &'de str) -> Self {
        Self(name)
    }
}

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = seed.deserialize(BorrowedStrDeserializer::new(self.0))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(Fault::variant())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(Fault::variant())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(Fault::variant())
    }
}

/// Is an extension: its number, and its bytes.
pub(super) struct Extension<'de> {
    tag: Option<i8>,
    bytes: Option<&'de [u8]>,
}

impl<'de> Extension<'de> {
    pub(super) const fn new(tag: i8, bytes: &'de [u8]) -> Self {
        Self {
            tag: Some(tag),
            bytes: Some(bytes),
        }
    }
}

impl<'de> Deserializer<'de> for Extension<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> SeqAccess<'de> for Extension<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if let Some(tag) = self.tag.take() {
            return seed.deserialize(tag.into_deserializer()).map(Some);
        }
        let Some(bytes) = self.bytes.take() else {
            return Ok(None);
        };
        seed.deserialize(BorrowedBytesDeserializer::new(bytes))
            .map(Some)
    }
}
