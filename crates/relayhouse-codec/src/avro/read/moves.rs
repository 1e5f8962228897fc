//! A record in the order of the type's fields, or with their numbers.

use std::{marker::PhantomData, slice};

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, value::U64Deserializer};

use super::{
    fault::Fault,
    input::Input,
    lend::Lend,
    memory::{Move, Take},
    record::{default, trace},
    value::Value,
};

/// The fields of a record in the order of the type, or with the numbers that the type gives them.
#[derive(Debug)]
pub(super) struct Moves<'r, 'p, 'd, L> {
    input: &'r mut Input<'p, 'd>,
    record: u32,
    moves: slice::Iter<'p, Move>,
    /// The field whose number was given and whose value was not.
    open: Option<&'p Move>,
    lend: PhantomData<L>,
}

impl<'r, 'p, 'd, L> Moves<'r, 'p, 'd, L> {
    #[inline]
    pub(super) fn new(input: &'r mut Input<'p, 'd>, record: u32, moves: &'p [Move]) -> Self {
        Self {
            input,
            record,
            moves: moves.iter(),
            open: None,
            lend: PhantomData,
        }
    }

    /// Goes on to the next field that the type takes.
    fn next(&mut self) -> Result<Option<&'p Move>, Fault> {
        while let Some(of) = self.moves.next() {
            if of.what != Take::Nothing {
                return Ok(Some(of));
            }
            let step = &self.input.plan.record(self.record).steps[of.step as usize];
            step.skip(self.input)
                .map_err(|fault| self.trace(fault, of))?;
        }
        Ok(None)
    }

    #[inline]
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        match (self.moves.as_slice(), self.open) {
            ([], None) => Ok(()),
            _ => self.close_early(),
        }
    }

    fn close_early(&mut self) -> Result<(), Fault> {
        match self.next()?.or(self.open) {
            None => Ok(()),
            Some(_) => Err(self.input.fault("more fields than the type takes")),
        }
    }

    #[cold]
    fn trace(&mut self, fault: Fault, of: &Move) -> Fault {
        let record = self.input.plan.record(self.record);
        trace(self.input, fault, &record.steps[of.step as usize].name)
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> SeqAccess<'de> for Moves<'_, '_, 'd, L> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        match self.moves.as_slice() {
            [
                of @ Move {
                    what: Take::Value(node),
                    ..
                },
                ..,
            ] => {
                self.moves.next();
                match seed.deserialize(Value::<L>::new(self.input, node)) {
                    Ok(value) => Ok(Some(value)),
                    Err(fault) => Err(self.trace(fault, of)),
                }
            }
            [] => Ok(None),
            _ => self.next_element_after(seed),
        }
    }
}

impl<'p, 'd, L> Moves<'_, 'p, 'd, L> {
    /// Decodes what is written for a field, or its default.
    #[inline]
    fn take<'de, T: DeserializeSeed<'de>>(
        &mut self,
        of: &'p Move,
        seed: T,
    ) -> Result<T::Value, Fault>
    where
        L: Lend<'de, 'd>,
    {
        match &of.what {
            Take::Value(node) => seed.deserialize(Value::<L>::new(self.input, node)),
            Take::Default(constant) => default(self.input, *constant, seed),
            Take::Nothing => Err(self.input.fault("a field is skipped")),
        }
    }

    /// Passes over what is not taken, and decodes what is next.
    #[inline(never)]
    fn next_element_after<'de, T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault>
    where
        L: Lend<'de, 'd>,
    {
        let Some(of) = self.next()? else {
            return Ok(None);
        };
        let value = self.take(of, seed).map(Some);
        value.map_err(|fault| self.trace(fault, of))
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> MapAccess<'de> for Moves<'_, '_, 'd, L> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.open = self.next()?;
        let Some(of) = self.open else {
            return Ok(None);
        };
        let number: U64Deserializer<Fault> = u64::from(of.number).into_deserializer();
        match seed.deserialize(number) {
            Ok(key) => Ok(Some(key)),
            Err(fault) => Err(self.trace(fault, of)),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(of) = self.open.take() else {
            return Err(self.input.fault("type asks for a value before its name"));
        };
        match self.take(of, seed) {
            Ok(value) => Ok(value),
            Err(fault) => Err(self.trace(fault, of)),
        }
    }
}
