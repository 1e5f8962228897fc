//! Maps, which are maps of the schema, or records whose fields come by name at run time.

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeMap},
};

use super::{
    block::Block,
    fault::{Fault, Result},
    record::RecordWriter,
};

/// Writes one map.
pub(super) enum MapWriter<'s, 'a> {
    Map(Block<'s, 'a>),
    Record(ByName<'s, 'a>),
}

/// Writes a map as a record: structs with flattened fields come like this.
pub(super) struct ByName<'s, 'a> {
    writer: RecordWriter<'s, 'a>,
    /// The field that the last key is for.
    position: Option<u32>,
}

impl<'s, 'a> MapWriter<'s, 'a> {
    pub(super) fn record(writer: RecordWriter<'s, 'a>) -> Self {
        Self::Record(ByName {
            writer,
            position: None,
        })
    }
}

impl ByName<'_, '_> {
    fn find<T: Serialize + ?Sized>(&self, key: &T) -> Result<u32> {
        key.serialize(Finder {
            writer: &self.writer,
        })
    }
}

impl SerializeMap for MapWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        match self {
            Self::Map(block) => block.serialize_key(key),
            Self::Record(by_name) => {
                by_name.position = Some(by_name.find(key)?);
                Ok(())
            }
        }
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        match self {
            Self::Map(block) => block.serialize_value(value),
            Self::Record(by_name) => match by_name.position.take() {
                Some(position) => by_name.writer.field_at(position, value),
                None => Err(Fault::new("a map has a value without a key")),
            },
        }
    }

    #[inline]
    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        if let Self::Map(block) = self {
            return block.serialize_entry(key, value);
        }
        self.serialize_key(key)?;
        self.serialize_value(value)
    }

    #[inline]
    fn end(self) -> Result {
        match self {
            Self::Map(mut block) => block.finish(),
            Self::Record(mut by_name) => by_name.writer.finish(),
        }
    }
}

/// Finds the field that a key names.
struct Finder<'w, 's, 'a> {
    writer: &'w RecordWriter<'s, 'a>,
}

impl Finder<'_, '_, '_> {
    #[cold]
    fn not_text(self) -> Fault {
        Fault::new("a map with keys that are no strings cannot be written as record")
    }
}

impl Serializer for Finder<'_, '_, '_> {
    type Ok = u32;
    type Error = Fault;
    type SerializeSeq = Impossible<u32, Fault>;
    type SerializeTuple = Impossible<u32, Fault>;
    type SerializeTupleStruct = Impossible<u32, Fault>;
    type SerializeTupleVariant = Impossible<u32, Fault>;
    type SerializeMap = Impossible<u32, Fault>;
    type SerializeStruct = Impossible<u32, Fault>;
    type SerializeStructVariant = Impossible<u32, Fault>;

    fn serialize_str(self, name: &str) -> Result<u32> {
        self.writer.find(name)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u32> {
        self.writer.find(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u32> {
        value.serialize(self)
    }

    fn serialize_bool(self, _: bool) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_i8(self, _: i8) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_i16(self, _: i16) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_i32(self, _: i32) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_i64(self, _: i64) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_u8(self, _: u8) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_u16(self, _: u16) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_u32(self, _: u32) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_u64(self, _: u64) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_f32(self, _: f32) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_f64(self, _: f64) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_char(self, _: char) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_none(self) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_unit(self) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<u32> {
        Err(self.not_text())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(self.not_text())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(self.not_text())
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(self.not_text())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(self.not_text())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(self.not_text())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        Err(self.not_text())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(self.not_text())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
