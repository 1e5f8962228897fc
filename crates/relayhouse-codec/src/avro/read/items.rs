//! The items of an array, and the entries of a map, block by block.

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::{fault::Fault, input::Input, lend::Lend, plan::Node, value::Value};

/// So many items are no large block ahead of small ones.
const HINTED_MAX: usize = 16;

/// What is left of an array or a map.
///
/// It gives a hint of how many there are only if these are few. A count alone makes nobody
/// allocate so, and with one large block ahead of many small ones the allocator of glibc takes a
/// third more time.
#[derive(Debug)]
pub(super) struct Items<'r, 'p, 'd, L> {
    input: &'r mut Input<'p, 'd>,
    item: &'p Node,
    /// How many items of this block are left, and how many there are up to its end.
    left: usize,
    end: usize,
    is_ended: bool,
    lend: PhantomData<L>,
}

impl<'r, 'p, 'd, L> Items<'r, 'p, 'd, L> {
    #[inline]
    pub(super) fn open(input: &'r mut Input<'p, 'd>, item: &'p Node) -> Result<Self, Fault> {
        let count = input.items()?;
        Ok(Self {
            input,
            item,
            left: count,
            end: count,
            is_ended: count == 0,
            lend: PhantomData,
        })
    }

    /// Decodes the one item that there must be.
    pub(super) fn only<T>(
        mut self,
        decode: impl FnOnce(Value<'_, 'p, 'd, L>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.left == 0 {
            return Err(self.input.fault("an array has no item, expected one"));
        }
        self.left -= 1;
        let decoded = decode(self.value(self.item)).map_err(|fault| self.trace(fault))?;
        self.close()?;
        Ok(decoded)
    }

    /// Checks that all items were taken.
    #[inline]
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        match self.is_ended {
            true => Ok(()),
            false => self.close_early(),
        }
    }

    /// Checks that there are no more items, for who has asked for as many as there are.
    fn close_early(&mut self) -> Result<(), Fault> {
        match self.is_left()? {
            false => Ok(()),
            true => Err(self.input.fault("more items than the type takes")),
        }
    }

    /// Returns whether there are more items, and goes on to the next block at the end of this one.
    #[inline]
    fn is_left(&mut self) -> Result<bool, Fault> {
        if self.left != 0 {
            return Ok(true);
        }
        if !self.is_ended && !self.input.pass_zero() {
            return self.next_block();
        }
        self.is_ended = true;
        Ok(false)
    }

    #[inline(never)]
    fn next_block(&mut self) -> Result<bool, Fault> {
        self.left = self.input.items()?;
        self.end = self.end.saturating_add(self.left);
        self.is_ended = self.left == 0;
        Ok(!self.is_ended)
    }

    #[inline]
    fn hint(&self) -> Option<usize> {
        (self.left <= HINTED_MAX).then_some(self.left)
    }

    #[inline]
    fn value(&mut self, node: &'p Node) -> Value<'_, 'p, 'd, L> {
        Value::new(self.input, node)
    }

    #[cold]
    fn trace(&mut self, fault: Fault) -> Fault {
        let index = self.end - self.left - 1;
        self.input.item_given_up(fault, index)
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> SeqAccess<'de> for Items<'_, '_, 'd, L> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if !self.is_left()? {
            return Ok(None);
        }
        self.left -= 1;
        match seed.deserialize(self.value(self.item)) {
            Ok(value) => Ok(Some(value)),
            Err(fault) => Err(self.trace(fault)),
        }
    }
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> MapAccess<'de> for Items<'_, '_, 'd, L> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if !self.is_left()? {
            return Ok(None);
        }
        self.left -= 1;
        match seed.deserialize(self.value(&Node::String)) {
            Ok(key) => Ok(Some(key)),
            Err(fault) => Err(self.trace(fault)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match seed.deserialize(self.value(self.item)) {
            Ok(value) => Ok(value),
            Err(fault) => Err(self.trace(fault)),
        }
    }
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}
