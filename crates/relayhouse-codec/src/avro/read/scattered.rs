//! Tuples of a record whose fields are written in another order.

use std::{marker::PhantomData, slice};

use serde::de::{DeserializeSeed, SeqAccess, Visitor};

use super::{
    fault::Fault,
    input::Input,
    lend::Lend,
    plan::Step,
    record::{take, trace},
    value::Value,
};

impl<'de, 'd, L: Lend<'de, 'd>> Value<'_, '_, 'd, L> {
    /// Hands over the fields of a record in the reader's order: finds where each one begins, then
    /// goes to and fro.
    pub(super) fn scattered<V: Visitor<'de>>(
        self,
        record: u32,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Self { input, .. } = self;
        let plan = input.plan;
        input.enter()?;
        // What is only looked at does not count against the bounds.
        let mut scout = input.scout();
        let mut fields = Vec::with_capacity(plan.record(record).field_count);
        for step in &plan.record(record).steps {
            let start = scout.mark();
            let skipped = step.skip(&mut scout);
            skipped.map_err(|fault| trace(input, fault, &step.name))?;
            if !step.is_skipped() {
                fields.push((step, start));
            }
        }
        fields.sort_by_key(|(step, _)| step.field);
        let mut fields = Scattered::<L> {
            input,
            fields: fields.iter(),
            lend: PhantomData,
        };
        let value = visitor.visit_seq(&mut fields);
        let value = value.map_err(|fault| fields.input.given_up(fault))?;
        if fields.fields.next().is_some() {
            return Err(input.fault("more fields than the type takes"));
        }
        input.back_to(scout.mark());
        input.leave();
        Ok(value)
    }
}

struct Scattered<'r, 'p, 'd, L> {
    input: &'r mut Input<'p, 'd>,
    fields: slice::Iter<'r, (&'p Step, &'d [u8])>,
    lend: PhantomData<L>,
}

impl<'de, 'd, L: Lend<'de, 'd>> SeqAccess<'de> for Scattered<'_, '_, 'd, L> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((step, start)) = self.fields.next() else {
            return Ok(None);
        };
        self.input.back_to(start);
        let value = take::<L, _>(self.input, &step.action, seed).map(Some);
        value.map_err(|fault| trace(self.input, fault, &step.name))
    }
}
