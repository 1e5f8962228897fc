//! Writing: a schema is compiled once into a plan, and serde runs over the plan.
//!
//! There is no tree of values between a Rust value and its bytes. The plan remembers what the
//! fields of the Rust type are in the schema, so that names are compared for the first value only.
//! Fields go out in the order of the schema; those that come early are kept, those that do not
//! come get the default of the schema.

mod block;
mod bytes_hint;
mod choice;
mod compile;
mod default;
mod early;
mod fault;
mod integer;
mod key;
mod node;
mod record;
mod room;
mod sink;
mod text;
mod tuple;
mod value;
mod variant;
mod varint;

pub(crate) use self::compile::defaults;

use bytes::BytesMut;
use relayhouse_core::Result;
use serde::Serialize;

use self::{
    node::{Enum, Fixed, Node, Record, Union},
    sink::Sink,
    value::ValueWriter,
};
use super::schema::Schema;
use crate::Bounds;

/// Is a schema, ready to write values by.
///
/// It is meant for values of one type, which it is fast for, and is right for values of any.
#[derive(Debug)]
pub(crate) struct WritePlan {
    root: Node,
    /// What the items of arrays and the values of maps are.
    items: Box<[Node]>,
    fixed: Box<[Fixed]>,
    enums: Box<[Enum]>,
    records: Box<[Record]>,
    unions: Box<[Union]>,
}

impl WritePlan {
    /// Compiles `schema`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if the schema has a type
    /// that nothing can be written as.
    pub(crate) fn compile(schema: &Schema) -> Result<Self> {
        compile::compile(schema)
    }

    /// Appends the datum of `value` to `body`, which is as before if that fails. What stands in it
    /// from `start` on counts against the bound of the body as well.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec), which says where, if
    /// `value` does not fit the schema, and
    /// [`ErrorKind::MessageTooLarge`](relayhouse_core::ErrorKind::MessageTooLarge) if it is
    /// beyond `bounds`.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        value: &T,
        start: usize,
        body: &mut BytesMut,
        bounds: &Bounds,
    ) -> Result<()> {
        let mut sink = Sink::new(self, start, body, bounds);
        let written = value.serialize(ValueWriter::new(&mut sink, &self.root));
        let written = sink.finish(written);
        written.map_err(|fault| fault.into_error(self.name(self.root).unwrap_or("value")))
    }

    /// Returns the name of a named type, without its namespace.
    fn name(&self, node: Node) -> Option<&str> {
        match node {
            Node::Fixed(index) => Some(&self.fixed[index as usize].name),
            Node::Enum(index) => Some(&self.enums[index as usize].name),
            Node::Record(index) => Some(&self.records[index as usize].name),
            _ => None,
        }
    }

    /// Returns what errors call a node.
    fn describe(&self, node: Node) -> String {
        let text = match node {
            Node::Null => "null",
            Node::Boolean => "boolean",
            Node::Int => "int",
            Node::Long => "long",
            Node::Float => "float",
            Node::Double => "double",
            Node::Bytes => "bytes",
            Node::Text => "string",
            Node::UuidText => "the string of a uuid",
            Node::Octet => "a byte",
            Node::Array(_) => "array",
            Node::Map(_) => "map",
            Node::Fixed(index) => {
                let Fixed { name, size, .. } = &self.fixed[index as usize];
                return format!("fixed {name} of {size} bytes");
            }
            Node::Enum(index) => return format!("enum {}", self.enums[index as usize].name),
            Node::Record(index) => return format!("record {}", self.records[index as usize].name),
            Node::Union(index) => {
                let branches = &self.unions[index as usize].branches;
                let branches: Vec<_> = branches.iter().map(|node| self.describe(*node)).collect();
                return format!("union of {}", branches.join(", "));
            }
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests;
