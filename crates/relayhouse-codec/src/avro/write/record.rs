//! Records: fields go out in the order of the schema, whatever the order of the Rust type.

use serde::{
    Serialize,
    ser::{SerializeStruct, SerializeStructVariant},
};

use super::{
    fault::{Fault, Result},
    node::{Absent, Place, Record},
    sink::Sink,
    value::ValueWriter,
};

/// Writes the fields of one record.
pub(super) struct RecordWriter<'s, 'a> {
    sink: &'s mut Sink<'a>,
    record: &'a Record,
    /// The field of the schema that is written next.
    next: usize,
    /// How many fields the Rust type has brought.
    ordinal: usize,
    /// Fields kept since here came before their turn.
    early_base: usize,
}

impl<'s, 'a> RecordWriter<'s, 'a> {
    #[inline]
    pub(super) fn new(sink: &'s mut Sink<'a>, record: &'a Record) -> Result<Self> {
        sink.enter()?;
        Ok(Self {
            early_base: sink.early.count(),
            sink,
            record,
            next: 0,
            ordinal: 0,
        })
    }

    /// Writes the field called `key` of a Rust type.
    #[inline]
    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        let place = self.place(key)?;
        self.field_at(place, value)
    }

    #[inline]
    pub(super) fn field_at<T: Serialize + ?Sized>(&mut self, place: Place, value: &T) -> Result {
        if place.position != self.next {
            return self.field_out_of_turn(place, value);
        }
        self.value(place, value)?;
        self.written();
        Ok(())
    }

    #[inline]
    fn place(&mut self, key: &'static str) -> Result<Place> {
        let place = self.record.find_nth(self.ordinal, key);
        self.ordinal += 1;
        place.ok_or_else(|| self.unknown_field(key))
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, place: Place, value: &T) -> Result {
        let writer = ValueWriter::new(self.sink, place.node);
        let written = value.serialize(writer);
        written.map_err(|fault| fault.in_field(&self.record.fields[place.position].name))
    }

    /// Goes on to the next field, and past those that were kept for their turn.
    #[inline]
    fn written(&mut self) {
        self.next += 1;
        if self.early_base < self.sink.early.count() {
            self.bring_back();
        }
    }

    fn bring_back(&mut self) {
        while let Some(index) = self.sink.early.find(self.early_base, self.next) {
            self.sink.bring_back(index);
            self.next += 1;
        }
    }

    /// Keeps a field that comes before its turn.
    fn field_out_of_turn<T: Serialize + ?Sized>(&mut self, place: Place, value: &T) -> Result {
        self.check_not_written(place.position)?;
        let start = self.sink.length();
        self.value(place, value)?;
        self.sink.set_aside(place.position, start)
    }

    fn check_not_written(&self, position: usize) -> Result {
        let early = &self.sink.early;
        if position < self.next || early.find(self.early_base, position).is_some() {
            let name = &self.record.fields[position].name;
            return Err(Fault::new("the value has the field twice").in_field(name));
        }
        Ok(())
    }

    /// Leaves a field of the Rust type out: it gets its default.
    #[inline]
    fn skip(&mut self, key: &'static str) -> Result {
        let place = self.place(key)?;
        self.check_not_written(place.position)?;
        if place.position == self.next {
            self.default()?;
        }
        // One that is not due yet gets its default when it is.
        Ok(())
    }

    /// Writes the default of the next field.
    #[inline(never)]
    fn default(&mut self) -> Result {
        let record = self.record;
        let field = &record.fields[self.next];
        let text = match &field.default {
            Absent::Default(bytes) => {
                self.sink.raw(bytes);
                self.written();
                return self.sink.check_body();
            }
            Absent::Required => "the value has no such field, and the schema no default for it",
            Absent::Misfit => "the default of the schema is not of the field's type",
        };
        Err(Fault::new(text).in_field(&field.name))
    }

    #[inline]
    pub(super) fn end(mut self) -> Result {
        while self.next != self.record.fields.len() {
            self.default()?;
        }
        if self.early_base < self.sink.early.count() {
            self.sink.early.truncate(self.early_base);
        }
        self.sink.leave();
        Ok(())
    }

    /// Finds the field that an entry of a map is for.
    pub(super) fn find(&self, name: &str) -> Result<Place> {
        let place = self.record.find(self.next, name);
        place.ok_or_else(|| self.unknown_entry())
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
    fn end(self) -> Result {
        self.end()
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
    fn end(self) -> Result {
        self.end()
    }
}
