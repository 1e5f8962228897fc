//! Texts and bytes, where the schema has something else than string or bytes for them.

use std::fmt::{self, Display};

use super::{
    bytes_hint,
    fault::{Fault, Result},
    node::{Kind, Node, Union},
    sink::Sink,
    value::ValueWriter,
};
use crate::avro::uuid::{self, UUID_BYTES};

impl ValueWriter<'_, '_> {
    /// Writes a text where the node is not a string: a symbol of an enum, or in a union.
    pub(super) fn text_elsewhere(self, text: &str) -> Result {
        let writer = match *self.node {
            Node::Union(_) => self.choose("a string", |writer, union| {
                let symbol = |node| writer.symbol(node, text).is_some();
                union.find(Kind::Text).or_else(|| union.position(symbol))
            })?,
            _ => self,
        };
        match (*writer.node, writer.symbol(*writer.node, text)) {
            (Node::Text | Node::UuidText, _) => writer.sink.text(text.as_bytes()),
            (_, Some(symbol)) => {
                writer.sink.index(symbol);
                Ok(())
            }
            _ => Err(writer.misfit("a string")),
        }
    }

    fn symbol(&self, node: Node, text: &str) -> Option<u32> {
        match node {
            Node::Enum(index) => self.sink.plan.enums[index as usize].find(text),
            _ => None,
        }
    }

    /// Writes bytes where the node is not of bytes: a fixed, the text of a uuid, or in a union.
    pub(super) fn bytes_elsewhere(self, bytes: &[u8]) -> Result {
        let writer = match *self.node {
            Node::Union(_) => self.choose("bytes", |writer, union| {
                writer.branch_of_bytes(union, bytes.len())
            })?,
            _ => self,
        };
        match (*writer.node, <[u8; UUID_BYTES]>::try_from(bytes)) {
            (Node::Bytes, _) => writer.sink.text(bytes),
            (node, _) if writer.size(node) == Some(bytes.len()) => {
                writer.sink.raw(bytes);
                Ok(())
            }
            (Node::UuidText, Ok(bytes)) => writer.sink.text(uuid::text(&bytes).as_str().as_bytes()),
            _ => Err(writer.misfit(&format!("{} bytes", bytes.len()))),
        }
    }

    /// Returns the size of a fixed.
    fn size(&self, node: Node) -> Option<usize> {
        match node {
            Node::Fixed(fixed) => Some(self.sink.plan.fixed[fixed as usize].size),
            _ => None,
        }
    }

    /// Finds the branch for bytes: bytes, or the fixed of this size, whichever is first, unless
    /// the field is marked by a module of `apache-avro` to be the other.
    fn branch_of_bytes(&self, union: &Union, length: usize) -> Option<u32> {
        let fixed = union.position(|node| self.size(node) == Some(length));
        match (union.find(Kind::Bytes), fixed) {
            (Some(bytes), Some(fixed)) => {
                let (first, second) = (bytes.min(fixed), bytes.max(fixed));
                let is_second = bytes_hint::is_second(bytes < fixed);
                Some(if is_second { second } else { first })
            }
            (None, None) if length == UUID_BYTES => union.position(|node| node == Node::UuidText),
            (bytes, fixed) => bytes.or(fixed),
        }
    }
}

/// Takes a text as it is being formatted.
struct Formatted<'s, 'a> {
    sink: &'s mut Sink<'a>,
    result: Result,
}

impl fmt::Write for Formatted<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.result = self.sink.check_text(text.len());
        if self.result.is_err() {
            return Err(fmt::Error);
        }
        self.sink.raw(text.as_bytes());
        Ok(())
    }
}

/// Writes the text that `value` is displayed as, without a copy of it elsewhere.
pub(super) fn display<T: Display + ?Sized>(sink: &mut Sink<'_>, value: &T) -> Result {
    let start = sink.length();
    let mut text = Formatted {
        sink,
        result: Ok(()),
    };
    let written = fmt::write(&mut text, format_args!("{value}"));
    text.result?;
    written.map_err(|_| Fault::new("the value refuses to be written"))?;
    text.sink.close_text(start)
}
