//! The canonical form of a schema, by which fingerprints are taken.
//!
//! It is the Parsing Canonical Form of the specification. `apache-avro` keeps precision and scale
//! of decimals in it, and the braces around a primitive type with a logical one, so that its
//! fingerprints of such schemas are not those of other implementations.

use std::collections::HashSet;
use std::fmt::Write;

use apache_avro::schema::{
    DecimalSchema, FixedSchema, InnerDecimalSchema, Name, RecordSchema, Schema, UuidSchema,
};

/// Writes the canonical form of `schema`.
pub(crate) fn canonical(schema: &Schema) -> String {
    let mut form = Form::default();
    form.schema(schema);
    form.text
}

#[derive(Debug, Default)]
struct Form<'a> {
    text: String,
    defined: HashSet<&'a Name>,
}

impl<'a> Form<'a> {
    fn schema(&mut self, schema: &'a Schema) {
        match schema {
            Schema::Null => self.quoted("null"),
            Schema::Boolean => self.quoted("boolean"),
            Schema::Int | Schema::Date | Schema::TimeMillis => self.quoted("int"),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => self.quoted("long"),
            Schema::Float => self.quoted("float"),
            Schema::Double => self.quoted("double"),
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Bytes,
                ..
            })
            | Schema::Uuid(UuidSchema::Bytes) => self.quoted("bytes"),
            Schema::String | Schema::Uuid(UuidSchema::String) => self.quoted("string"),
            Schema::Array(array) => self.container("array", "items", &array.items),
            Schema::Map(map) => self.container("map", "values", &map.types),
            Schema::Union(union) => self.list(union.variants(), Self::schema),
            Schema::Record(record) => self.record(record),
            Schema::Enum(of) => {
                if self.opens(&of.name, "enum") {
                    self.text.push_str(",\"symbols\":");
                    self.list(&of.symbols, |form, symbol| form.quoted(symbol));
                    self.text.push('}');
                }
            }
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Fixed(fixed),
                ..
            }) => self.fixed(fixed),
            Schema::Ref { name } => self.quoted(name.as_ref()),
        }
    }

    fn record(&mut self, record: &'a RecordSchema) {
        if self.opens(&record.name, "record") {
            self.text.push_str(",\"fields\":");
            self.list(&record.fields, |form, field| {
                form.text.push_str("{\"name\":");
                form.quoted(&field.name);
                form.text.push_str(",\"type\":");
                form.schema(&field.schema);
                form.text.push('}');
            });
            self.text.push('}');
        }
    }

    fn fixed(&mut self, fixed: &'a FixedSchema) {
        if self.opens(&fixed.name, "fixed") {
            let size = fixed.size;
            // Writing to a string cannot fail.
            let _ = write!(self.text, ",\"size\":{size}}}");
        }
    }

    /// Begins the definition of a named type, or writes its name if it was defined before.
    fn opens(&mut self, name: &'a Name, of: &str) -> bool {
        let is_new = self.defined.insert(name);
        if is_new {
            self.text.push_str("{\"name\":");
            self.quoted(name.as_ref());
            self.text.push_str(",\"type\":");
            self.quoted(of);
        } else {
            self.quoted(name.as_ref());
        }
        is_new
    }

    fn container(&mut self, of: &str, key: &str, item: &'a Schema) {
        self.text.push_str("{\"type\":");
        self.quoted(of);
        self.text.push(',');
        self.quoted(key);
        self.text.push(':');
        self.schema(item);
        self.text.push('}');
    }

    fn list<T>(&mut self, items: &'a [T], mut write: impl FnMut(&mut Self, &'a T)) {
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            if 0 < index {
                self.text.push(',');
            }
            write(self, item);
        }
        self.text.push(']');
    }

    /// Writes a name. None needs an escape: the parser takes letters, digits, `_` and `.` alone.
    fn quoted(&mut self, name: &str) {
        self.text.push('"');
        self.text.push_str(name);
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let schema = Schema::parse_str(text).unwrap();
        assert_eq!(canonical(&schema), expected);
        let again = Schema::parse_str(expected).unwrap();
        assert_eq!(canonical(&again), expected, "the form of a form is itself");
    }

    #[test]
    fn form_keeps_names_in_full_and_drops_what_readers_do_not_need() {
        check(
            r#"{"type": "record", "name": "Order", "namespace": "shop", "doc": "x",
                "aliases": ["Old"],
                "fields": [
                    {"name": "state", "type":
                        {"name": "State", "type": "enum", "symbols": ["A", "B"]}},
                    {"name": "last", "type": "State", "default": "A", "order": "ignore"},
                    {"name": "key", "type": {"type": "fixed", "name": "other.Key", "size": 16}},
                    {"name": "next", "type": ["null", "Order"]},
                    {"name": "tags", "type": {"type": "map", "values": {"type": "string"}}},
                    {"name": "rows", "type": {"type": "array", "items": "shop.State"}}
                ]}"#,
            concat!(
                r#"{"name":"shop.Order","type":"record","fields":["#,
                r#"{"name":"state","type":{"name":"shop.State","type":"enum","symbols":["A","B"]}},"#,
                r#"{"name":"last","type":"shop.State"},"#,
                r#"{"name":"key","type":{"name":"other.Key","type":"fixed","size":16}},"#,
                r#"{"name":"next","type":["null","shop.Order"]},"#,
                r#"{"name":"tags","type":{"type":"map","values":"string"}},"#,
                r#"{"name":"rows","type":{"type":"array","items":"shop.State"}}]}"#,
            ),
        );
    }

    /// `apache-avro` says `{"type":"bytes","precision":4,"scale":2}` and `{"type":"int"}`, which
    /// the rules STRIP and PRIMITIVE of the specification do not allow.
    #[test]
    fn logical_types_leave_no_trace() {
        let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#;
        check(decimal, r#""bytes""#);
        check(r#"{"type": "int", "logicalType": "date"}"#, r#""int""#);
        check(
            r#"{"type": "string", "logicalType": "uuid"}"#,
            r#""string""#,
        );
        check(
            r#"{"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"}"#,
            r#"{"name":"Span","type":"fixed","size":12}"#,
        );
    }
}
