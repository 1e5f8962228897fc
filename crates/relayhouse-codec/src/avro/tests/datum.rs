//! Generated values, as serde sees them.

use std::{collections::HashSet, sync::Mutex};

use apache_avro::types::Value;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq, SerializeStruct},
};

use super::shape::{Model, Shape, name_of};

/// Serialises a value like the Rust type that `style` describes would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datum<'a> {
    model: &'a Model,
    shape: &'a Shape,
    value: &'a Value,
    style: Style,
}

/// Describes a Rust type, as far as types for one schema differ.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Fields come in the opposite order.
    pub(super) is_reversed: bool,
    /// Records come as maps, like structs with flattened fields.
    pub(super) has_flattened: bool,
    /// Lists come without their length.
    pub(super) hides_length: bool,
    /// Unions come as what is in them, like untagged enums.
    pub(super) is_untagged: bool,
}

impl<'a> Datum<'a> {
    pub(super) fn new(model: &'a Model, value: &'a Value, style: Style) -> Self {
        let shape = &model.root;
        Self {
            model,
            shape,
            value,
            style,
        }
    }

    fn inner(&self, shape: &'a Shape, value: &'a Value) -> Self {
        Self {
            shape,
            value,
            ..*self
        }
    }

    fn length(&self, length: usize) -> Option<usize> {
        (!self.style.hides_length).then_some(length)
    }

    fn record<S: Serializer>(
        &self,
        serializer: S,
        name: &str,
        shapes: &'a [super::shape::Field],
        values: &'a [(String, Value)],
    ) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<_> = shapes.iter().zip(values).collect();
        if self.style.is_reversed {
            fields.reverse();
        }
        if self.style.has_flattened {
            let mut map = serializer.serialize_map(None)?;
            for (field, (name, value)) in fields {
                map.serialize_entry(name, &self.inner(&field.shape, value))?;
            }
            return map.end();
        }
        let mut record = serializer.serialize_struct(constant(simple(name)), fields.len())?;
        for (field, (name, value)) in fields {
            record.serialize_field(constant(name), &self.inner(&field.shape, value))?;
        }
        record.end()
    }
}

impl Serialize for Datum<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = self.model.resolve(self.shape);
        match (self.value, shape) {
            (Value::Null, _) => serializer.serialize_unit(),
            (Value::Boolean(value), _) => serializer.serialize_bool(*value),
            (Value::Int(value) | Value::Date(value) | Value::TimeMillis(value), _) => {
                serializer.serialize_i32(*value)
            }
            (
                Value::Long(value)
                | Value::TimeMicros(value)
                | Value::TimestampMillis(value)
                | Value::TimestampMicros(value)
                | Value::TimestampNanos(value)
                | Value::LocalTimestampMillis(value)
                | Value::LocalTimestampMicros(value)
                | Value::LocalTimestampNanos(value),
                _,
            ) => serializer.serialize_i64(*value),
            (Value::Float(value), _) => serializer.serialize_f32(*value),
            (Value::Double(value), _) => serializer.serialize_f64(*value),
            (Value::Bytes(value) | Value::Fixed(_, value), _) => serializer.serialize_bytes(value),
            (Value::String(value), _) => serializer.serialize_str(value),
            (Value::Decimal(value), _) => value.serialize(serializer),
            (Value::Duration(value), _) => value.serialize(serializer),
            (Value::Uuid(value), Shape::UuidText) => serializer.collect_str(value),
            (Value::Uuid(value), _) => serializer.serialize_bytes(value.as_bytes()),
            (Value::Enum(index, symbol), _) => {
                let name = name_of(shape).unwrap();
                serializer.serialize_unit_variant(constant(simple(name)), *index, constant(symbol))
            }
            (Value::Array(items), Shape::Array(item)) => {
                let mut list = serializer.serialize_seq(self.length(items.len()))?;
                for value in items {
                    list.serialize_element(&self.inner(item, value))?;
                }
                list.end()
            }
            (Value::Map(items), Shape::Map(item)) => {
                let mut map = serializer.serialize_map(self.length(items.len()))?;
                for (key, value) in items {
                    map.serialize_entry(key, &self.inner(item, value))?;
                }
                map.end()
            }
            (Value::Union(branch, value), Shape::Union(branches)) => {
                let inner = self.inner(&branches[*branch as usize], value);
                match &**value {
                    Value::Null if is_optional(branches) => serializer.serialize_none(),
                    _ if is_optional(branches) => serializer.serialize_some(&inner),
                    // A symbol may be meant for null: `apache-avro` and the plan differ there.
                    Value::Enum(..) => {
                        serializer.serialize_newtype_variant("Union", *branch, "Branch", &inner)
                    }
                    _ if self.style.is_untagged => inner.serialize(serializer),
                    _ => serializer.serialize_newtype_variant("Union", *branch, "Branch", &inner),
                }
            }
            (Value::Record(values), Shape::Record { name, fields, .. }) => {
                self.record(serializer, name, fields, values)
            }
            (value, shape) => panic!("{value:?} is not of {shape:?}"),
        }
    }
}

fn is_optional(branches: &[Shape]) -> bool {
    branches.len() == 2 && branches.contains(&Shape::Null)
}

fn simple(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Makes a text that lives on, like the names in a Rust type; the same text every time.
pub(super) fn constant(text: &str) -> &'static str {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap();
    let texts = texts.get_or_insert_default();
    if let Some(known) = texts.get(text) {
        return known;
    }
    let text = Box::leak(Box::<str>::from(text));
    texts.insert(text);
    text
}
