//! What serde may ask the reader for.

use serde::de::{self, Deserializer, Visitor};

use super::{
    access::{Extension, Variant, Word},
    fault::Fault,
    reader::{Head, Reader},
};

/// The name of the newtypes by which `rmp-serde` asks for extensions.
const EXTENSION: &str = "_ExtStruct";

macro_rules! plain {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.deserialize_any(visitor)
        }
    )*};
}

macro_rules! scalar {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.head()? {
                Head::Unsigned(value) => visitor.visit_u64(value),
                Head::Signed(value) => visitor.visit_i64(value),
                Head::F64(value) => visitor.visit_f64(value),
                head => self.visit(head, &[], visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let head = self.head()?;
        self.visit(head, &[], visitor)
    }

    scalar! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    plain! { deserialize_bool deserialize_unit deserialize_map }

    /// Takes 16 bytes, which is what `rmp-serde` writes, or any integer.
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Bytes(bytes) => match bytes.try_into() {
                Ok(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            head => self.visit(head, &[], visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Bytes(bytes) => match bytes.try_into() {
                Ok(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            head => self.visit(head, &[], visitor),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Text(bytes) => visitor.visit_borrowed_str(self.utf8(bytes)?),
            head => self.visit(head, &[], visitor),
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
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    /// Takes a text for bytes as well, whether it is UTF-8 or not.
    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Bytes(bytes) | Head::Text(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => self.visit(head, &[], visitor),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.take_nil() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// Takes nil, or an empty array, which is what `rmp-serde` writes.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Nil | Head::Array(0) => visitor.visit_unit(),
            head => self.visit(head, &[], visitor),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name != EXTENSION {
            return visitor.visit_newtype_struct(self);
        }
        match self.head()? {
            Head::Extension(tag, bytes) => visitor.visit_newtype_struct(Extension::new(tag, bytes)),
            _ => Err(Fault::no_extension()),
        }
    }

    /// Takes bytes for an array of numbers as well.
    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Array(len) => self.seq(len, &[], visitor),
            Head::Bytes(bytes) => self.octets(bytes, visitor),
            head => self.visit(head, &[], visitor),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    /// Takes a map of names, or an array in the order of the fields.
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let head = self.head()?;
        self.visit(head, fields, visitor)
    }

    /// Takes the name of a variant, or a map from it to what the variant holds.
    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.head()? {
            Head::Text(bytes) => visitor.visit_enum(Word::new(self.utf8(bytes)?)),
            Head::Map(1) => {
                self.enter(1, 2)?;
                let value = visitor.visit_enum(Variant::new(self, variants))?;
                self.leave(0, value)
            }
            head => self.visit(head, &[], visitor),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.skip()?;
        visitor.visit_unit()
    }
}

impl de::Error for Fault {
    #[cold]
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
