//! Values: serde calls what it has, the node says how that is written.
//!
//! What `apache-avro` writes is written like it. Some of what it refuses is written as well, where
//! nothing is lost and no choice is made: integers by their value, floats as doubles, newtypes as
//! what they hold, tuples as arrays, bytes that come one by one, names of symbols and variants as
//! text, the bytes of a uuid as its text.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    block::{self, Block},
    fault::{Fault, Result},
    integer::Integer,
    key::MapWriter,
    node::{Kind, Node, Optional, Record, Union},
    record::RecordWriter,
    sink::Sink,
    text,
    tuple::{One, TupleWriter},
};

/// Writes one value as its node says.
pub(super) struct ValueWriter<'s, 'a> {
    pub(super) sink: &'s mut Sink<'a>,
    pub(super) node: &'a Node,
}

impl<'s, 'a> ValueWriter<'s, 'a> {
    #[inline]
    pub(super) fn new(sink: &'s mut Sink<'a>, node: &'a Node) -> Self {
        Self { sink, node }
    }

    #[inline]
    pub(super) fn union(&self, index: u32) -> &'a Union {
        &self.sink.plan.unions[index as usize]
    }

    #[inline]
    pub(super) fn record(&self, index: u32) -> &'a Record {
        &self.sink.plan.records[index as usize]
    }

    #[cold]
    pub(super) fn misfit(&self, found: &str) -> Fault {
        let expected = self.sink.plan.describe(*self.node);
        Fault::new(format!("{found} cannot be written as {expected}"))
    }

    /// Writes `integer`, which is of another kind than the node, if nothing is lost by that.
    #[inline(never)]
    fn integer(self, integer: Integer) -> Result {
        integer.write(self)
    }
}

impl<'s, 'a> Serializer for ValueWriter<'s, 'a> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Block<'s, 'a>;
    type SerializeTuple = TupleWriter<'s, 'a>;
    type SerializeTupleStruct = TupleWriter<'s, 'a>;
    type SerializeTupleVariant = TupleWriter<'s, 'a>;
    type SerializeMap = MapWriter<'s, 'a>;
    type SerializeStruct = RecordWriter<'s, 'a>;
    type SerializeStructVariant = RecordWriter<'s, 'a>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result {
        let writer = match *self.node {
            Node::Boolean => self,
            _ => self.into_branch(Kind::Boolean, "a boolean")?,
        };
        writer.sink.byte(value.into());
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result {
        self.serialize_i32(value.into())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result {
        self.serialize_i32(value.into())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result {
        match *self.node {
            Node::Int => self.sink.long(value.into()),
            _ => return self.integer(Integer::int(value)),
        }
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result {
        match *self.node {
            Node::Long => self.sink.long(value),
            _ => return self.integer(Integer::long(value)),
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result {
        self.integer(Integer::i128(value))
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result {
        match *self.node {
            Node::Octet => self.sink.byte(value),
            _ => return self.serialize_i32(value.into()),
        }
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result {
        self.serialize_i32(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result {
        match (*self.node, i64::try_from(value)) {
            (Node::Long, Ok(value)) => self.sink.long(value),
            _ => return self.integer(Integer::u64(value)),
        }
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result {
        self.integer(Integer::u128(value))
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result {
        let writer = match *self.node {
            Node::Float | Node::Double => self,
            _ => self.into_float_branch()?,
        };
        match *writer.node {
            Node::Double => writer.sink.array(f64::from(value).to_le_bytes()),
            _ => writer.sink.array(value.to_le_bytes()),
        }
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result {
        let writer = match *self.node {
            Node::Double => self,
            _ => self.into_branch(Kind::Double, "a float of 64 bits")?,
        };
        writer.sink.array(value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        match *self.node {
            Node::Text | Node::UuidText => self.sink.text(value.as_bytes()),
            _ => self.text_elsewhere(value),
        }
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result {
        match *self.node {
            Node::Bytes => self.sink.text(value),
            _ => self.bytes_elsewhere(value),
        }
    }

    #[inline]
    fn serialize_none(self) -> Result {
        let null = match *self.node {
            Node::Union(union) => match self.union(union).optional {
                Some(Optional { null, .. }) => {
                    self.sink.byte(null);
                    return Ok(());
                }
                None => self.union(union).find(Kind::Null),
            },
            _ => None,
        };
        let null = null.ok_or_else(|| self.misfit("none"))?;
        self.sink.index(null);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        let union = match *self.node {
            Node::Union(union) => self.union(union),
            _ => return Err(self.misfit("an option")),
        };
        match &union.optional {
            Some(optional) => {
                self.sink.byte(optional.some);
                value.serialize(Self::new(self.sink, &optional.node))
            }
            None if union.find(Kind::Null).is_some() => value.serialize(self),
            None => Err(self.misfit("an option")),
        }
    }

    #[inline]
    fn serialize_unit(self) -> Result {
        match *self.node {
            Node::Null => Ok(()),
            _ => self.into_branch(Kind::Null, "a unit").map(drop),
        }
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result {
        match self.into_record(name, 0) {
            Ok(_) => Ok(()),
            Err(writer) => Err(writer.misfit("a unit struct")),
        }
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
    ) -> Result {
        if let Node::Enum(index) = *self.node {
            let symbols = &self.sink.plan.enums[index as usize];
            if let Some(symbol) = symbols.find_variant(number, variant) {
                self.sink.index(symbol);
                return Ok(());
            }
        }
        self.unit_variant(name, number, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result {
        match *self.node {
            Node::Record(_) | Node::Union(_) => self.newtype(name, value),
            _ => value.serialize(self),
        }
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        self.newtype_variant(number, variant, value)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Block<'s, 'a>> {
        let writer = match *self.node {
            Node::Union(_) => self.into_list_branch()?,
            _ => self,
        };
        Block::of(writer, length, "a sequence")
    }

    #[inline]
    fn collect_seq<I>(self, values: I) -> Result
    where
        I: IntoIterator<Item: Serialize>,
    {
        let values = values.into_iter();
        match (*self.node, exact(values.size_hint())) {
            (Node::Array(item), Some(length)) => block::values(self.sink, item, length, values),
            (_, length) => {
                let mut block = self.serialize_seq(length)?;
                for value in values {
                    block.item(&value)?;
                }
                block.finish()
            }
        }
    }

    fn serialize_tuple(self, length: usize) -> Result<TupleWriter<'s, 'a>> {
        if length == 1 {
            return Ok(TupleWriter::One(One(self)));
        }
        let writer = match *self.node {
            Node::Union(_) => self.into_tuple_branch(length)?,
            _ => self,
        };
        match *writer.node {
            Node::Null if length == 0 => Ok(TupleWriter::Unit),
            Node::Record(index) if writer.record(index).fields.len() == length => {
                let record = writer.record(index);
                TupleWriter::fields(writer.sink, record)
            }
            _ => Block::of(writer, Some(length), "a tuple").map(TupleWriter::Items),
        }
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<TupleWriter<'s, 'a>> {
        match self.into_record(name, length) {
            Ok((writer, record)) => TupleWriter::fields(writer.sink, record),
            Err(writer) => writer.serialize_tuple(length),
        }
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        number: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<TupleWriter<'s, 'a>> {
        let (writer, record) = self.into_record_of_variant(number, variant)?;
        if record.fields.len() != length {
            return Err(Fault::new(format!(
                "variant {variant} has {length} values, its record {} fields",
                record.fields.len()
            )));
        }
        TupleWriter::fields(writer.sink, record)
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<MapWriter<'s, 'a>> {
        let writer = match *self.node {
            Node::Union(_) => self.into_map_branch(length)?,
            _ => self,
        };
        match *writer.node {
            Node::Map(item) => Block::list(writer.sink, item, length).map(MapWriter::Map),
            Node::Record(record) => {
                let record = writer.record(record);
                RecordWriter::new(writer.sink, record).map(MapWriter::record)
            }
            _ => Err(writer.misfit("a map")),
        }
    }

    #[inline]
    fn collect_map<K, V, I>(self, entries: I) -> Result
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let entries = entries.into_iter();
        match (*self.node, exact(entries.size_hint())) {
            (Node::Map(value), Some(length)) => block::entries(self.sink, value, length, entries),
            (_, length) => {
                let mut map = self.serialize_map(length)?;
                for (key, value) in entries {
                    map.serialize_entry(&key, &value)?;
                }
                map.end()
            }
        }
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<RecordWriter<'s, 'a>> {
        let writer = match *self.node {
            Node::Record(_) => self,
            _ => self.into_struct_branch(name)?,
        };
        match *writer.node {
            Node::Record(record) => {
                let record = writer.record(record);
                RecordWriter::new(writer.sink, record)
            }
            _ => Err(writer.misfit("a struct")),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<RecordWriter<'s, 'a>> {
        let (writer, record) = self.into_record_of_variant(number, variant)?;
        RecordWriter::new(writer.sink, record)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result {
        match *self.node {
            Node::Text | Node::UuidText => text::display(self.sink, value),
            _ => self.serialize_str(&value.to_string()),
        }
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Returns how many there are, if that is sure.
#[inline]
fn exact((least, most): (usize, Option<usize>)) -> Option<usize> {
    (most == Some(least)).then_some(least)
}
