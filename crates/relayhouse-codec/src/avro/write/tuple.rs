//! Tuples: the fields of a record by their order, the items of an array, or the one value inside.

use serde::{
    Serialize,
    ser::{SerializeTuple, SerializeTupleStruct, SerializeTupleVariant},
};

use super::{
    block::Block,
    fault::{Fault, Result},
    node::{Node, Record},
    record::RecordWriter,
    sink::Sink,
    value::ValueWriter,
};

/// Writes one tuple.
pub(super) enum TupleWriter<'s, 'a> {
    /// The empty tuple, as null.
    Unit,
    One(One<'s, 'a>),
    Fields(Fields<'s, 'a>),
    Items(Block<'s, 'a>),
}

/// Writes the value of a tuple of one as that value.
pub(super) struct One<'s, 'a>(pub(super) ValueWriter<'s, 'a>);

/// Writes a tuple as a record.
pub(super) struct Fields<'s, 'a> {
    writer: RecordWriter<'s, 'a>,
    position: u32,
    length: usize,
}

impl<'s, 'a> TupleWriter<'s, 'a> {
    pub(super) fn fields(sink: &'s mut Sink<'a>, record: &'a Record) -> Result<Self> {
        Ok(Self::Fields(Fields {
            writer: RecordWriter::new(sink, record)?,
            length: record.fields.len(),
            position: 0,
        }))
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        match self {
            Self::Unit => Err(Fault::new("a tuple of no values has one")),
            Self::One(one) => one.element(value),
            Self::Fields(fields) => fields.element(value),
            Self::Items(block) => block.item(value),
        }
    }

    fn finish(self) -> Result {
        match self {
            Self::Unit | Self::One(_) => Ok(()),
            Self::Fields(mut fields) => fields.writer.finish(),
            Self::Items(mut block) => block.finish(),
        }
    }
}

impl One<'_, '_> {
    /// Writes the value as what stands for the tuple, or as the one item of a list if it is none
    /// itself. A list of other items is no item: the plan that reads could not tell.
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        let Self(ValueWriter { sink, node }) = self;
        let mark = sink.mark();
        let written = value.serialize(ValueWriter::new(sink, node));
        let is_list = matches!(node, Node::Array(_) | Node::Bytes | Node::Fixed(_));
        let is_item = |fault: &Fault| is_list && fault.is_of_all();
        if !written.as_ref().is_err_and(is_item) {
            return written;
        }
        sink.go_back(mark);
        let writer = ValueWriter::new(sink, node);
        let mut block = Block::of(writer, Some(1), "a tuple")?;
        block.item(value)?;
        block.finish()
    }
}

impl Fields<'_, '_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        let position = self.position;
        if self.length <= position as usize {
            let text = "the tuple has more values than the record fields";
            return Err(Fault::new(text));
        }
        self.position += 1;
        self.writer.field_at(position, value)
    }
}

impl SerializeTuple for TupleWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.element(value)
    }

    fn end(self) -> Result {
        self.finish()
    }
}

impl SerializeTupleStruct for TupleWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.element(value)
    }

    fn end(self) -> Result {
        self.finish()
    }
}

impl SerializeTupleVariant for TupleWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.element(value)
    }

    fn end(self) -> Result {
        self.finish()
    }
}
