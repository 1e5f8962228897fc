//! Arrays and maps, and bytes that come one by one.

use serde::{
    Serialize,
    ser::{SerializeMap, SerializeSeq},
};

use super::{
    fault::{Fault, Result},
    node::Node,
    sink::Sink,
    value::ValueWriter,
};

/// A list of unknown length is written in blocks of this size, as `apache-avro` does.
const BLOCK_BYTES: usize = 1024;

/// Writes the items of one array or map, or bytes.
///
/// One block holds all items if their number is known beforehand.
pub(super) struct Block<'s, 'a> {
    sink: &'s mut Sink<'a>,
    form: Form,
    item: &'a Node,
    length: Option<usize>,
    /// How many items are written.
    count: usize,
    /// Where the block begins whose size is not known yet.
    start: usize,
    /// How many items were written before this block.
    count_before: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    List,
    Bytes,
    Fixed,
}

impl<'s, 'a> Block<'s, 'a> {
    /// Begins what the node is, if it is written item by item.
    #[inline]
    pub(super) fn of(
        writer: ValueWriter<'s, 'a>,
        length: Option<usize>,
        found: &str,
    ) -> Result<Self> {
        let ValueWriter { sink, node } = writer;
        match *node {
            Node::Array(item) => Self::list(sink, item, length),
            Node::Bytes => Self::bytes(sink, length),
            Node::Fixed(fixed) => {
                let size = sink.plan.fixed[fixed as usize].size;
                Ok(Self::new(sink, Form::Fixed, &Node::Octet, Some(size)))
            }
            _ => Err(ValueWriter::new(sink, node).misfit(found)),
        }
    }

    /// Begins an array or a map of items like `item`.
    #[inline]
    pub(super) fn list(sink: &'s mut Sink<'a>, item: u32, length: Option<usize>) -> Result<Self> {
        let item = &sink.plan.items[item as usize];
        match length {
            Some(length) => sink.begin_list(length)?,
            None => sink.enter()?,
        }
        Ok(Self::new(sink, Form::List, item, length))
    }

    /// Begins bytes that come one by one.
    fn bytes(sink: &'s mut Sink<'a>, length: Option<usize>) -> Result<Self> {
        if let Some(length) = length {
            sink.check_text(length)?;
            sink.count(length);
        }
        Ok(Self::new(sink, Form::Bytes, &Node::Octet, length))
    }

    #[inline]
    fn new(sink: &'s mut Sink<'a>, form: Form, item: &'a Node, length: Option<usize>) -> Self {
        Self {
            start: sink.length(),
            sink,
            form,
            item,
            length,
            count: 0,
            count_before: 0,
        }
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, node: &'a Node, value: &T) -> Result {
        match value.serialize(ValueWriter::new(self.sink, node)) {
            Ok(()) => Ok(()),
            Err(fault) => Err(fault.in_item(self.count)),
        }
    }

    #[inline]
    pub(super) fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.value(self.item, value)?;
        self.count += 1;
        match self.length {
            Some(_) => self.sink.check_body(),
            None => self.item_of_unknown(),
        }
    }

    fn item_of_unknown(&mut self) -> Result {
        self.sink.check_body()?;
        if self.form == Form::List {
            self.sink.take_items(1)?;
            if BLOCK_BYTES <= self.sink.length() - self.start {
                self.close_block();
            }
        }
        Ok(())
    }

    fn close_block(&mut self) {
        let items = self.count - self.count_before;
        self.sink.close_block(self.start, items);
        self.start = self.sink.length();
        self.count_before = self.count;
    }

    #[inline]
    pub(super) fn finish(&mut self) -> Result {
        if let Some(length) = self.length
            && length != self.count
        {
            return Err(wrong_length(self.count, length));
        }
        match self.form {
            Form::List => {
                if self.length.is_none() && self.count_before < self.count {
                    self.close_block();
                }
                self.sink.end_list();
                Ok(())
            }
            Form::Bytes if self.length.is_none() => self.sink.close_text(self.start),
            Form::Bytes | Form::Fixed => Ok(()),
        }
    }
}

/// Writes all items of an array whose number is known, in one block.
#[inline]
pub(super) fn values<T: Serialize>(
    sink: &mut Sink<'_>,
    item: u32,
    length: usize,
    values: impl Iterator<Item = T>,
) -> Result {
    let node = &sink.plan.items[item as usize];
    sink.begin_list(length)?;
    let mut count = 0;
    for value in values {
        match value.serialize(ValueWriter::new(sink, node)) {
            Ok(()) => sink.check_body()?,
            Err(fault) => return Err(fault.in_item(count)),
        }
        count += 1;
    }
    end_list(sink, count, length)
}

/// Writes all entries of a map whose number is known, in one block.
#[inline]
pub(super) fn entries<K: Serialize, V: Serialize>(
    sink: &mut Sink<'_>,
    value: u32,
    length: usize,
    entries: impl Iterator<Item = (K, V)>,
) -> Result {
    let node = &sink.plan.items[value as usize];
    sink.begin_list(length)?;
    let mut count = 0;
    for (key, value) in entries {
        let written = key.serialize(ValueWriter::new(sink, &Node::Text));
        let written = written.and_then(|()| value.serialize(ValueWriter::new(sink, node)));
        match written {
            Ok(()) => sink.check_body()?,
            Err(fault) => return Err(fault.in_item(count)),
        }
        count += 1;
    }
    end_list(sink, count, length)
}

#[inline]
fn end_list(sink: &mut Sink<'_>, count: usize, length: usize) -> Result {
    if count != length {
        return Err(wrong_length(count, length));
    }
    sink.end_list();
    Ok(())
}

#[cold]
fn wrong_length(count: usize, length: usize) -> Fault {
    Fault::new(format!("{count} items come where {length} must be"))
}

impl SerializeSeq for Block<'_, '_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.item(value)
    }

    #[inline]
    fn end(mut self) -> Result {
        self.finish()
    }
}

impl SerializeMap for Block<'_, '_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        self.value(&Node::Text, key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.item(value)
    }

    #[inline]
    fn end(mut self) -> Result {
        self.finish()
    }
}
