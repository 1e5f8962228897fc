//! Rust enums: their variants are symbols of an enum, or branches of a union.

use serde::Serialize;

use super::{
    fault::{Fault, Result},
    node::{Node, Record, Union},
    value::ValueWriter,
};

impl<'a> ValueWriter<'_, 'a> {
    /// Writes a variant without values, where the node is not an enum that has it: its name as
    /// text, or in a union.
    pub(super) fn unit_variant(self, name: &str, number: u32, variant: &'static str) -> Result {
        let found = format!("variant {variant}");
        let writer = match *self.node {
            Node::Text => return self.sink.text(variant.as_bytes()),
            Node::Union(_) => self.choose(&found, |writer, union| {
                writer.branch_of_unit(union, name, number, variant)
            })?,
            _ => return Err(self.misfit(&found)),
        };
        // Null and a record without fields are written as nothing.
        if let Node::Enum(index) = *writer.node {
            let symbols = &writer.sink.plan.enums[index as usize];
            let symbol = symbols.find_variant(number, variant);
            let symbol = symbol.ok_or_else(|| writer.misfit(&found))?;
            writer.sink.index(symbol);
        }
        Ok(())
    }

    /// Finds the branch for a variant without values.
    ///
    /// An enum that is called like the Rust type is meant if it is there. `apache-avro` would
    /// write the variant as null if that happens to be the branch with its number.
    fn branch_of_unit(
        &self,
        union: &Union,
        name: &str,
        number: u32,
        variant: &'static str,
    ) -> Option<u32> {
        let enums = &self.sink.plan.enums;
        let has_symbol = |node: Node, name: Option<&str>| match node {
            Node::Enum(index) => {
                let symbols = &enums[index as usize];
                name.is_none_or(|name| *symbols.name == *name) && symbols.find(variant).is_some()
            }
            _ => false,
        };
        let stands_for_it = |node: &Node| match *node {
            Node::Null => true,
            Node::Record(record) => self.record(record).is_unit(variant),
            _ => false,
        };
        let nth = union.branches.get(number as usize);
        union
            .position(|node| has_symbol(node, Some(name)))
            .or_else(|| nth.filter(|node| stands_for_it(node)).map(|_| number))
            .or_else(|| union.position(|node| has_symbol(node, None)))
    }

    /// Goes on in the branch for a variant with values: the one with its number.
    ///
    /// If another branch is called like the variant, that is an error. `apache-avro` looks at the
    /// number alone, and would label one record as another.
    #[inline]
    fn into_variant(self, number: u32, variant: &'static str) -> Result<Self> {
        if let Node::Union(index) = *self.node {
            let union = self.union(index);
            if union.knows_variant(number, variant) {
                return Ok(self.into_nth(union, number));
            }
        }
        self.into_new_variant(number, variant)
    }

    #[cold]
    fn into_new_variant(self, number: u32, variant: &'static str) -> Result<Self> {
        let Node::Union(index) = *self.node else {
            return Err(self.misfit(&format!("variant {variant}")));
        };
        let union = self.union(index);
        let plan = self.sink.plan;
        let nth = union.branches.get(number as usize).copied();
        let is_named = nth.is_some_and(|node| plan.name(node) == Some(variant));
        match self.branch_named(union, variant) {
            Some(branch) if !is_named => Err(Fault::new(format!(
                "variant {variant} is number {number} of the type, and branch {branch} of the union"
            ))),
            _ if nth.is_some() => {
                union.remember_variant(number, variant);
                Ok(self.into_nth(union, number))
            }
            _ => Err(self.misfit(&format!("variant {variant}"))),
        }
    }

    /// Writes a variant with one value.
    #[inline]
    pub(super) fn newtype_variant<T: Serialize + ?Sized>(
        self,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        let writer = self.into_variant(number, variant)?;
        match *writer.node {
            Node::Record(index) => {
                let record = writer.record(index);
                if record.is_wrapper && *record.name == *variant {
                    return writer.wrapped(record, value);
                }
                value.serialize(writer)
            }
            _ => value.serialize(writer),
        }
    }

    /// Goes on as the record for a variant with several values.
    pub(super) fn into_record_of_variant(
        self,
        number: u32,
        variant: &'static str,
    ) -> Result<(Self, &'a Record)> {
        let writer = self.into_variant(number, variant)?;
        if let Node::Record(index) = *writer.node {
            let record = writer.record(index);
            if *record.name == *variant {
                return Ok((writer, record));
            }
        }
        Err(writer.misfit(&format!("variant {variant}")))
    }

    /// Writes a newtype as the record of its name around one field, or as what it holds.
    pub(super) fn newtype<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Result {
        match self.into_record(name, 1) {
            Ok((writer, record)) => writer.wrapped(record, value),
            Err(writer) => value.serialize(writer),
        }
    }

    /// Writes the one field of a record that only stands around it.
    fn wrapped<T: Serialize + ?Sized>(self, record: &'a Record, value: &T) -> Result {
        let Some(field) = record.fields.first() else {
            return Err(Fault::new("the record of a newtype has no field"));
        };
        self.sink.enter()?;
        let written = value.serialize(ValueWriter::new(self.sink, &field.node));
        written.map_err(|fault| fault.in_field(&field.name))?;
        self.sink.leave();
        Ok(())
    }
}
