//! Bytes as a sequence of numbers, which is what serde makes of a list of `u8`.

use std::slice;

use serde::de::{DeserializeSeed, IntoDeserializer, SeqAccess, Visitor, value::U8Deserializer};

use super::{fault::Fault, lend::Lend, plan::Node, value::Value};
use crate::avro::uuid::UUID_BYTES;

impl<'de, 'd, L: Lend<'de, 'd>> Value<'_, '_, 'd, L> {
    /// Hands over the items of an array, or bytes one by one. They are no items: their number is
    /// bounded as that of any bytes.
    pub(super) fn sequence<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut value = self.settled()?;
        let Some(bytes) = value.octets()? else {
            return value.anything(visitor);
        };
        let mut octets = Octets(bytes.iter());
        match visitor.visit_seq(&mut octets) {
            Ok(sequence) if octets.0.as_slice().is_empty() => Ok(sequence),
            Ok(_) => Err(value.input.fault("more bytes than the type takes")),
            Err(fault) => Err(value.input.given_up(fault)),
        }
    }

    /// Reads the bytes of a type that is written as bytes alone.
    fn octets(&mut self) -> Result<Option<&'d [u8]>, Fault> {
        match *self.node {
            Node::Bytes | Node::UuidBytes => self.input.bytes().map(Some),
            Node::Fixed(size) | Node::Opaque(size) => self.input.take(size as usize).map(Some),
            Node::UuidFixed => self.input.take(UUID_BYTES).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads the one byte of a list of one number.
    pub(super) fn octet(&mut self) -> Result<u8, Fault> {
        match self.octets()? {
            Some([octet]) => Ok(*octet),
            _ => Err(self.input.fault("a list of one number is one byte")),
        }
    }
}

/// The bytes that are left.
struct Octets<'d>(slice::Iter<'d, u8>);

impl<'de> SeqAccess<'de> for &mut Octets<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(octet) = self.0.next() else {
            return Ok(None);
        };
        let octet: U8Deserializer<Fault> = octet.into_deserializer();
        seed.deserialize(octet).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
