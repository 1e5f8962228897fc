//! Records: with names, by number, in order, as tuples, and with one field or none.

use serde::de::{DeserializeSeed, Visitor};

use super::{
    fault::{Fault, Suspect},
    input::{Input, Trust},
    lend::{Kept, Lend},
    memory::{Key, Learned, Move, Way},
    moves::Moves,
    names::Names,
    plan::Action,
    skip::skip,
    value::Value,
};

impl<'de, 'p, 'd, L: Lend<'de, 'd>> Value<'_, 'p, 'd, L> {
    /// Hands over a record to a type with this table of fields, as it takes it best.
    #[inline]
    pub(super) fn structure<V: Visitor<'de>>(
        self,
        record: u32,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let key = Key::of::<V>(fields);
        let memory = &self.input.plan.record(record).memory;
        if Trust::Proved <= self.input.trust
            && let Some(moves) = memory.proved_order(key)
        {
            return self.in_order(record, moves, visitor);
        }
        self.structure_elsewhere(record, key.visitor, fields, visitor)
    }

    #[inline(never)]
    fn structure_elsewhere<V: Visitor<'de>>(
        self,
        record: u32,
        name: usize,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let key = Key::new(fields, name);
        match self.input.plan.record(record).memory.find(key) {
            Some((place, learned)) => {
                let suspect = Suspect { record, place };
                self.by_memory(suspect, learned, visitor)
            }
            None => self.by_names_first(record, key, fields, visitor),
        }
    }

    fn by_memory<V: Visitor<'de>>(
        self,
        suspect: Suspect,
        learned: &'p Learned,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let record = suspect.record;
        let (way, is_proved) = learned.way();
        let needed = if is_proved { Trust::Proved } else { Trust::All };
        if self.input.trust < needed {
            return self.by_names(record, visitor);
        }
        match (way, is_proved) {
            (Way::Order, true) => self.in_order(record, learned.moves(), visitor),
            (Way::Numbers, true) => self.by_numbers(record, learned.moves(), visitor),
            (Way::Names, _) => self.by_names(record, visitor),
            (Way::Order, false) => {
                let result = self.in_order(record, learned.moves(), visitor);
                end_trial(result, suspect, learned)
            }
            (Way::Numbers, false) => {
                let result = self.by_numbers(record, learned.moves(), visitor);
                end_trial(result, suspect, learned)
            }
        }
    }

    /// Hands over a record with names, and remembers what the type makes of it.
    #[cold]
    fn by_names_first<V: Visitor<'de>>(
        self,
        record: u32,
        key: Key,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let of = self.input.plan.record(record);
        let value = self.by_names(record, visitor)?;
        if of.memory.has_room() {
            of.memory.learn(Learned::new(key, fields, of));
        }
        Ok(value)
    }

    #[inline]
    fn in_order<V: Visitor<'de>>(
        self,
        record: u32,
        moves: &'p [Move],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.by_moves(record, moves, |fields| visitor.visit_seq(fields))
    }

    #[inline]
    fn by_numbers<V: Visitor<'de>>(
        self,
        record: u32,
        moves: &'p [Move],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.by_moves(record, moves, |fields| visitor.visit_map(fields))
    }

    #[inline]
    fn by_moves<T>(
        self,
        record: u32,
        moves: &'p [Move],
        visit: impl FnOnce(&mut Moves<'_, 'p, 'd, L>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.input.enter()?;
        let mut fields = Moves::<L>::new(self.input, record, moves);
        let result = visit(&mut fields);
        // What is decoded may be large, and stays where it is.
        match &result {
            Ok(_) => fields.close()?,
            Err(_) => return result.map_err(|fault| self.input.given_up(fault)),
        }
        self.input.leave();
        result
    }

    /// Hands over a record with the names of its fields.
    #[inline(never)]
    pub(super) fn by_names<V: Visitor<'de>>(
        self,
        record: u32,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.input.enter()?;
        let mut fields = Names::<L>::new(self.input, record);
        match visitor.visit_map(&mut fields) {
            Ok(value) => {
                fields.close()?;
                self.input.leave();
                Ok(value)
            }
            Err(fault) => Err(self.input.given_up(fault)),
        }
    }

    /// Hands over the fields of a record in the reader's order.
    #[inline(never)]
    pub(super) fn tuple<V: Visitor<'de>>(self, record: u32, visitor: V) -> Result<V::Value, Fault> {
        match &self.input.plan.record(record).in_order {
            Some(moves) => self.in_order(record, moves, visitor),
            None => self.scattered(record, visitor),
        }
    }

    /// Passes over a record without a field that the reader has.
    pub(super) fn nothing(self, record: u32) -> Result<(), Fault> {
        match self.input.plan.record(record).field_count {
            0 => skip(self.input, *self.node),
            _ => Err(self.misfit("a record without fields")),
        }
    }

    /// Hands over the one field that a record has for the reader.
    pub(super) fn only_field<T: DeserializeSeed<'de>>(
        self,
        record: u32,
        seed: T,
    ) -> Result<T::Value, Fault> {
        let Self { input, .. } = self;
        input.enter()?;
        let (mut seed, mut value) = (Some(seed), None);
        for step in &input.plan.record(record).steps {
            match (&step.action, seed.take()) {
                (Action::Skip(node), back) => {
                    seed = back;
                    skip(input, *node)?;
                }
                (action, Some(seed)) => {
                    let result = take::<L, _>(input, action, seed);
                    value = Some(result.map_err(|fault| trace(input, fault, &step.name))?);
                }
                (_, None) => {}
            }
        }
        input.leave();
        value.ok_or_else(|| input.fault("a record has not one field"))
    }
}

/// Decides whether a type can be given its fields in the way that was tried.
#[cold]
fn end_trial<T>(result: Result<T, Fault>, suspect: Suspect, learned: &Learned) -> Result<T, Fault> {
    match result {
        Ok(value) => {
            learned.prove();
            Ok(value)
        }
        Err(fault) => Err(fault.suspecting(suspect)),
    }
}

/// Decodes what is written, or the reader's default.
pub(super) fn take<'de, 'p, 'd, L: Lend<'de, 'd>, T: DeserializeSeed<'de>>(
    input: &mut Input<'p, 'd>,
    action: &'p Action,
    seed: T,
) -> Result<T::Value, Fault> {
    match action {
        Action::Take(node) | Action::Skip(node) | Action::Null(node) => {
            seed.deserialize(Value::<L>::new(input, node))
        }
        Action::Constant(constant) => default(input, *constant, seed),
    }
}

#[inline(never)]
pub(super) fn default<'de, T: DeserializeSeed<'de>>(
    input: &mut Input<'_, '_>,
    constant: u32,
    seed: T,
) -> Result<T::Value, Fault> {
    let constant = input.plan.constant(constant);
    let mut own = input.constant(&constant.datum);
    let value = seed.deserialize(Value::<Kept>::new(&mut own, &constant.node));
    input.is_broken |= own.is_broken;
    value.map_err(|fault| {
        let fault = own.recall(fault).moved_to(input.offset());
        input.given_up(fault)
    })
}

#[cold]
pub(super) fn trace(input: &mut Input<'_, '_>, fault: Fault, field: &str) -> Fault {
    input.field_given_up(fault, field)
}
