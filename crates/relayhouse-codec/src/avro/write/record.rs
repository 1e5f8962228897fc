//! Records: fields go out in the order of the schema, whatever the order of the Rust type.

use std::mem;

use serde::{
    Serialize,
    ser::{SerializeStruct, SerializeStructVariant},
};

use super::{
    fault::{Fault, Result},
    node::{Absent, Record},
    sink::Sink,
    value::ValueWriter,
};

/// Writes the fields of one record.
pub(super) struct RecordWriter<'s, 'a> {
    sink: &'s mut Sink<'a>,
    record: &'a Record,
    /// Fields kept since here came before their turn.
    early_base: usize,
    /// How far the record around this one is.
    outer: Progress,
}

/// Says how far a record is. The sink has that of the innermost: serde moves a writer about, and
/// a move that waits for what was just stored is slow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The field of the schema that is written next.
    next: u32,
}

impl<'s, 'a> RecordWriter<'s, 'a> {
    #[inline]
    pub(super) fn new(sink: &'s mut Sink<'a>, record: &'a Record) -> Result<Self> {
        sink.enter()?;
        Ok(Self {
            early_base: sink.early.count(),
            outer: mem::take(&mut sink.progress),
            sink,
            record,
        })
    }

    #[inline]
    fn next(&self) -> u32 {
        self.sink.progress.next
    }

    /// Writes the field called `key` of a Rust type.
    #[inline]
    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        let next = self.next();
        let Some(field) = self.record.due(next, key) else {
            return self.field_elsewhere(key, value);
        };
        match value.serialize(ValueWriter::new(self.sink, &field.node)) {
            Ok(()) => {
                // The progress is that of this record again: it need not be kept meanwhile.
                self.sink.progress.next += 1;
                self.settle_early();
                Ok(())
            }
            Err(fault) => Err(fault.in_field(&field.name)),
        }
    }

    /// Writes a field that is not known to be the next one.
    #[inline(never)]
    fn field_elsewhere<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        let position = self.position(key)?;
        self.field_at(position, value)
    }

    /// Writes a field, or keeps it, if others must be written before.
    #[inline]
    pub(super) fn field_at<T: Serialize + ?Sized>(&mut self, position: u32, value: &T) -> Result {
        let start = self.sink.length();
        let is_due = position == self.next();
        if !is_due {
            self.check_not_written(position)?;
        }
        let field = &self.record.fields[position as usize];
        let written = value.serialize(ValueWriter::new(self.sink, &field.node));
        if let Err(fault) = written {
            return Err(fault.in_field(&field.name));
        }
        if !is_due {
            return self.sink.set_aside(position, start);
        }
        self.written(position);
        Ok(())
    }

    fn position(&mut self, key: &'static str) -> Result<u32> {
        // What is written and what is kept: it grows with each field that the Rust type brings.
        let place = self.next() as usize + self.sink.early.count() - self.early_base;
        match self.record.find_nth(place, key) {
            Some(position) => Ok(position),
            None => Err(self.unknown_field(key)),
        }
    }

    /// Goes on from the field at `position`, and past those that were kept for their turn.
    #[inline]
    fn written(&mut self, position: u32) {
        self.sink.progress.next = position + 1;
        self.settle_early();
    }

    /// Goes past the fields that were kept for their turn.
    #[inline]
    fn settle_early(&mut self) {
        if self.early_base < self.sink.early.count() {
            self.bring_back();
        }
    }

    #[cold]
    fn bring_back(&mut self) {
        while let Some(index) = self.sink.early.find(self.early_base, self.next()) {
            self.sink.bring_back(index);
            self.sink.progress.next += 1;
        }
    }

    #[cold]
    fn check_not_written(&self, position: u32) -> Result {
        let early = &self.sink.early;
        if position < self.next() || early.find(self.early_base, position).is_some() {
            let name = &self.record.fields[position as usize].name;
            return Err(Fault::new("the value has the field twice").in_field(name));
        }
        Ok(())
    }

    /// Leaves a field of the Rust type out: it gets its default.
    #[inline]
    fn skip(&mut self, key: &'static str) -> Result {
        let position = self.position(key)?;
        self.check_not_written(position)?;
        if position == self.next() {
            self.default()?;
        }
        // One that is not due yet gets its default when it is.
        Ok(())
    }

    /// Writes the default of the next field.
    #[inline(never)]
    fn default(&mut self) -> Result {
        let record = self.record;
        let position = self.next();
        let field = &record.fields[position as usize];
        let text = match &field.default {
            Absent::Default(bytes) => {
                self.sink.raw(bytes);
                self.written(position);
                return self.sink.check_body();
            }
            Absent::Required => "the value has no such field, and the schema no default for it",
            Absent::Misfit => "the default of the schema is not of the field's type",
        };
        Err(Fault::new(text).in_field(&field.name))
    }

    #[inline]
    pub(super) fn finish(&mut self) -> Result {
        while (self.next() as usize) < self.record.fields.len() {
            self.default()?;
        }
        if self.early_base < self.sink.early.count() {
            self.sink.early.truncate(self.early_base);
        }
        self.sink.progress = self.outer;
        self.sink.leave();
        Ok(())
    }

    /// Finds the field that an entry of a map is for.
    pub(super) fn find(&self, name: &str) -> Result<u32> {
        let position = self.record.find(self.next() as usize, name);
        position.ok_or_else(|| self.unknown_entry())
    }

    #[cold]
    fn unknown_field(&self, key: &str) -> Fault {
        let text = format!("record {} has no such field", self.record.name);
        Fault::new(text).in_field(key)
    }

    /// Does not name the key, which is data.
    #[cold]
    fn unknown_entry(&self) -> Fault {
        let name = &self.record.name;
        Fault::new(format!(
            "a map has a key that record {name} has no field for"
        ))
    }
}

impl SerializeStruct for RecordWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        self.field(key, value)
    }

    #[inline]
    fn skip_field(&mut self, key: &'static str) -> Result {
        self.skip(key)
    }

    #[inline]
    fn end(mut self) -> Result {
        self.finish()
    }
}

impl SerializeStructVariant for RecordWriter<'_, '_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        self.field(key, value)
    }

    #[inline]
    fn skip_field(&mut self, key: &'static str) -> Result {
        self.skip(key)
    }

    #[inline]
    fn end(mut self) -> Result {
        self.finish()
    }
}
