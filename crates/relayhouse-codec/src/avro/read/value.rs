//! A value as serde asks for it: what the type expects meets what the plan says is there.

use std::marker::PhantomData;

use serde::de::Visitor;

use super::{
    fault::Fault,
    input::Input,
    items::Items,
    lend::Lend,
    plan::{Node, RecordKind},
};
use crate::avro::uuid::{self, UUID_BYTES};

/// A value that is about to be decoded: two pointers, which are passed in registers.
#[derive(Debug)]
pub(super) struct Value<'r, 'p, 'd, L> {
    pub(super) input: &'r mut Input<'p, 'd>,
    pub(super) node: &'p Node,
    lend: PhantomData<L>,
}

impl<'r, 'p, 'd, L> Value<'r, 'p, 'd, L> {
    #[inline]
    pub(super) fn new(input: &'r mut Input<'p, 'd>, node: &'p Node) -> Self {
        Self {
            input,
            node,
            lend: PhantomData,
        }
    }

    #[inline]
    pub(super) fn with(self, node: &'p Node) -> Self {
        Self { node, ..self }
    }

    /// Goes on with the branch of a union that was written.
    #[inline]
    pub(super) fn branch(self) -> Result<Self, Fault> {
        let branch = self.input.branch(*self.node)?;
        Ok(self.with(&branch.node))
    }

    /// Goes on with the branch of a union that was written, if this is one.
    #[inline]
    pub(super) fn settled(self) -> Result<Self, Fault> {
        match *self.node {
            Node::Union(_) | Node::Choice(_) | Node::Branch(_) | Node::Never(_) => self.branch(),
            _ => Ok(self),
        }
    }

    fn uuid_bytes(&mut self) -> Result<[u8; UUID_BYTES], Fault> {
        if *self.node == Node::UuidFixed {
            return self.input.array();
        }
        match self.input.bytes()?.try_into() {
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(self.input.fault("bytes are no UUID")),
        }
    }

    /// Says that the type wants what is not there.
    #[cold]
    pub(super) fn misfit(self, expected: &str) -> Fault {
        let found = self.node.name();
        self.input
            .fault(format!("unexpected {found}, expected {expected}"))
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> Value<'_, '_, 'd, L> {
    /// Hands over what is there, as it is.
    #[inline(never)]
    pub(super) fn anything<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match *self.node {
            Node::Null => visitor.visit_unit(),
            Node::Boolean => visitor.visit_bool(self.input.boolean()?),
            Node::Int => visitor.visit_i32(self.input.int()?),
            Node::Long => visitor.visit_i64(self.input.long()?),
            Node::IntAsLong => visitor.visit_i64(self.input.int()?.into()),
            Node::Float => visitor.visit_f32(self.input.float()?),
            Node::IntAsFloat => visitor.visit_f32(self.input.int()? as f32),
            Node::LongAsFloat => visitor.visit_f32(self.input.long()? as f32),
            Node::Double => visitor.visit_f64(self.input.double()?),
            Node::IntAsDouble => visitor.visit_f64(self.input.int()?.into()),
            Node::LongAsDouble => visitor.visit_f64(self.input.long()? as f64),
            Node::FloatAsDouble => visitor.visit_f64(self.input.float()?.into()),
            Node::String => L::text(self.input.text()?, visitor),
            Node::UuidText | Node::UuidBytes | Node::UuidFixed => self.textual(visitor),
            Node::Bytes | Node::Fixed(_) | Node::Opaque(_) => self.binary(visitor),
            Node::Enum(of) => visitor.visit_str(self.input.symbol(of)?),
            Node::Array(items) => self.array(items, visitor),
            Node::Map(items) => self.map(items, visitor),
            Node::Record(record) => match self.input.plan.record(record).kind {
                RecordKind::Tuple => self.tuple(record, visitor),
                RecordKind::Struct | RecordKind::Newtype => self.by_names(record, visitor),
            },
            Node::Union(_) | Node::Choice(_) | Node::Branch(_) | Node::Never(_) => {
                self.branch()?.anything(visitor)
            }
        }
    }

    /// Hands over text, or whatever can be taken for it.
    pub(super) fn textual<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut value = self.settled()?;
        match *value.node {
            Node::Bytes | Node::UuidText => L::text(value.input.text()?, visitor),
            Node::Fixed(size) | Node::Opaque(size) => {
                let bytes = value.input.take(size as usize)?;
                L::text(value.input.utf8(bytes)?, visitor)
            }
            Node::UuidBytes | Node::UuidFixed => {
                let bytes = value.uuid_bytes()?;
                visitor.visit_str(uuid::text(&bytes).as_str())
            }
            _ => value.anything(visitor),
        }
    }

    /// Hands over bytes, or whatever can be taken for them.
    pub(super) fn binary<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = self.settled()?;
        match *value.node {
            Node::Bytes | Node::String | Node::UuidBytes => L::bytes(value.input.bytes()?, visitor),
            Node::Fixed(size) | Node::Opaque(size) => {
                L::bytes(value.input.take(size as usize)?, visitor)
            }
            Node::UuidFixed => L::bytes(value.input.take(UUID_BYTES)?, visitor),
            Node::UuidText => match uuid::bytes(value.input.bytes()?) {
                Some(bytes) => visitor.visit_bytes(&bytes),
                None => Err(value.input.fault("a string is no UUID")),
            },
            _ => value.anything(visitor),
        }
    }

    #[inline]
    pub(super) fn array<V: Visitor<'de>>(self, items: u32, visitor: V) -> Result<V::Value, Fault> {
        self.items(items, |items| visitor.visit_seq(items))
    }

    #[inline]
    pub(super) fn map<V: Visitor<'de>>(self, items: u32, visitor: V) -> Result<V::Value, Fault> {
        self.items(items, |items| visitor.visit_map(items))
    }
}

impl<'p, 'd, L> Value<'_, 'p, 'd, L> {
    #[inline]
    fn items<T>(
        self,
        items: u32,
        visit: impl FnOnce(&mut Items<'_, 'p, 'd, L>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.input.enter()?;
        let item = &self.input.plan.items[items as usize];
        let mut items = Items::<L>::open(self.input, item)?;
        let result = visit(&mut items);
        match &result {
            Ok(_) => items.close()?,
            Err(_) => return result.map_err(|fault| self.input.given_up(fault)),
        }
        self.input.leave();
        result
    }
}
