//! A record with the names of its fields.

use std::{marker::PhantomData, slice};

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, value::StrDeserializer};

use super::{
    fault::Fault,
    input::Input,
    lend::Lend,
    plan::{Action, Step},
    record::{take, trace},
    skip::skip,
};

/// The fields of a record, each with its name.
#[derive(Debug)]
pub(super) struct Names<'r, 'p, 'd, L> {
    input: &'r mut Input<'p, 'd>,
    steps: slice::Iter<'p, Step>,
    /// The field whose name was given and whose value was not.
    open: Option<&'p Step>,
    lend: PhantomData<L>,
}

impl<'r, 'p, 'd, L> Names<'r, 'p, 'd, L> {
    pub(super) fn new(input: &'r mut Input<'p, 'd>, record: u32) -> Self {
        Self {
            steps: input.plan.record(record).steps.iter(),
            input,
            open: None,
            lend: PhantomData,
        }
    }

    /// Goes on to the next field that the reader has.
    fn next(&mut self) -> Result<Option<&'p Step>, Fault> {
        for step in self.steps.by_ref() {
            let Action::Skip(node) = step.action else {
                return Ok(Some(step));
            };
            let skipped = skip(self.input, node);
            skipped.map_err(|fault| trace(self.input, fault, &step.name))?;
        }
        Ok(None)
    }

    pub(super) fn close(&mut self) -> Result<(), Fault> {
        match self.next()?.or(self.open) {
            None => Ok(()),
            Some(_) => Err(self.input.fault("more fields than the type takes")),
        }
    }
}

impl<'de, 'd, L: Lend<'de, 'd>> MapAccess<'de> for Names<'_, '_, 'd, L> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.open = self.next()?;
        let Some(step) = self.open else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Fault> = (*step.name).into_deserializer();
        let key = seed.deserialize(name).map(Some);
        key.map_err(|fault| trace(self.input, fault, &step.name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(step) = self.open.take() else {
            return Err(self.input.fault("type asks for a value before its name"));
        };
        let value = take::<L, _>(self.input, &step.action, seed);
        value.map_err(|fault| trace(self.input, fault, &step.name))
    }
}
