//! Decoding: the schema of the writer and that of the reader are compiled into one flat plan, and
//! serde runs over it. No tree of values is made in between.

mod branch;
mod compile;
mod deserialize;
mod fault;
mod input;
mod items;
mod lend;
mod memory;
mod moves;
mod names;
mod octets;
mod plan;
mod record;
mod scattered;
mod single;
mod skip;
mod value;
mod variant;

use std::marker::PhantomData;

use relayhouse_core::Result;
use serde::{Deserialize, de::DeserializeSeed};

pub(in crate::avro) use self::compile::{COMPARED_A_STEP, Fit, fit, pair, type_name};
use self::{
    compile::compile,
    fault::Fault,
    input::{Input, Trust},
    lend::Lent,
    plan::{Node, Plan},
    value::Value,
};
use super::schema::Schema;
use crate::bounds::Bounds;

/// Decodes what was written with one schema as what another one says.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    plan: Plan,
    root: Node,
    /// What the reader's schema is called.
    name: Box<str>,
}

impl ReadPlan {
    /// Compiles the resolution of two schemas.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) with the path of the first
    /// field that does not resolve, if no datum of the writer can be read. A branch of a union
    /// that does not resolve is an error of the data that have it.
    pub(crate) fn compile(writer: &Schema, reader: &Schema) -> Result<Self> {
        let (plan, root, name) = compile(writer, reader)?;
        Ok(Self { plan, root, name })
    }

    /// Decodes all of `datum`, whose size was checked with the body that it stands in.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) with offset and path, and
    /// nothing of the content, if the datum is not of the writer's schema, does not fit `T`, or is
    /// beyond one of the other bounds.
    pub(crate) fn decode<'de, T: Deserialize<'de>>(
        &self,
        datum: &'de [u8],
        bounds: &Bounds,
    ) -> Result<T> {
        let mut input = Input::new(&self.plan, datum, bounds);
        match self.run(&mut input) {
            Ok(value) => Ok(value),
            Err(fault) => self.run_again(datum, bounds, fault),
        }
    }

    /// Decodes all of `datum` into `seed`.
    ///
    /// A seed cannot be tried twice, so what is remembered of its type is relied on only once
    /// [`decode`](Self::decode) has proved it. Its type may be erased, and its errors then too.
    ///
    /// # Errors
    ///
    /// Returns what [`decode`](Self::decode) returns.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        datum: &'de [u8],
        bounds: &Bounds,
    ) -> Result<S::Value> {
        let mut input = Input::new(&self.plan, datum, bounds);
        input.trust = Trust::Proved;
        input.is_erased = true;
        let value = self.run_seed(seed, &mut input);
        value.map_err(|fault| fault.into_error(&self.name))
    }

    #[inline]
    fn run<'p, 'de, T: Deserialize<'de>>(&'p self, input: &mut Input<'p, 'de>) -> Result<T, Fault> {
        self.run_seed(PhantomData, input)
    }

    #[inline]
    fn run_seed<'p, 'de, S: DeserializeSeed<'de>>(
        &'p self,
        seed: S,
        input: &mut Input<'p, 'de>,
    ) -> Result<S::Value, Fault> {
        let value = seed.deserialize(Value::<Lent>::new(input, &self.root));
        // What is decoded may be large, and stays where it is.
        match &value {
            Ok(_) if input.is_done() => value,
            Ok(_) => Err(input.unfinished()),
            Err(_) => value.map_err(|fault| input.recall(fault).at(input.offset())),
        }
    }

    /// Decodes once more, if what failed was a trial: without anything that is remembered.
    #[cold]
    fn run_again<'de, T: Deserialize<'de>>(
        &self,
        datum: &'de [u8],
        bounds: &Bounds,
        fault: Fault,
    ) -> Result<T> {
        let Some(suspect) = fault.suspect() else {
            return Err(fault.into_error(&self.name));
        };
        let mut input = Input::new(&self.plan, datum, bounds);
        input.trust = Trust::Nothing;
        let value = self.run(&mut input);
        let value = value.map_err(|fault| fault.into_error(&self.name))?;
        self.plan
            .record(suspect.record)
            .memory
            .refute(suspect.place);
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
