//! What a schema may cost, checked on its JSON before it is parsed.
//!
//! `apache-avro` keeps a copy of each named type for its name and each alias, writes the namespace
//! out wherever a type is named, and fills in what the defaults of fields leave out, with defaults
//! again: a text of some kilobytes can ask for gigabytes, or for hours.

use relayhouse_core::Result;
use serde_json::{Map, Value};

use super::schema::invalid;

/// How deep the JSON of a schema may go, which is what `serde_json` takes.
pub(super) const SCHEMA_DEPTH_MAX: usize = 127;

/// What parsing may cost: about the number of JSON values that are copied.
const COST_MAX: u64 = 1 << 19;

/// How many bytes of text cost as much as one value.
const VALUE_BYTES: u64 = 16;

/// Names of types that are part of the language, and so may not be given to others.
const RESERVED: [&str; 14] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string", "array", "map",
    "record", "enum", "fixed", "union",
];

/// Checks what it would cost to parse `schema`.
pub(super) fn screen(schema: &Value) -> Result<()> {
    let mut screen = Screen {
        left: COST_MAX,
        filled_max: 1,
        namespace_max: namespace_max(schema, 0)?,
    };
    screen.value(schema, 1)
}

/// Counts what is left to spend.
#[derive(Debug)]
struct Screen {
    left: u64,
    /// The most values that the defaults of one record so far fill in.
    filled_max: u64,
    /// The length of the longest namespace, which any name may stand in.
    namespace_max: u64,
}

impl Screen {
    /// Pays for `value`, of which `copies` are kept.
    fn value(&mut self, value: &Value, copies: u64) -> Result<()> {
        self.pay(copies)?;
        match value {
            Value::String(text) => {
                let bytes = self.namespace_max + length(text);
                self.pay(copies.saturating_mul(bytes / VALUE_BYTES))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, copies)),
            Value::Object(object) => self.object(object, copies),
            _ => Ok(()),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, copies: u64) -> Result<()> {
        let copies = copies + names(object)?;
        for (key, value) in object {
            self.pay(copies.saturating_mul(length(key) / VALUE_BYTES))?;
            self.value(value, copies)?;
        }
        if let Some(Value::Array(fields)) = object.get("fields") {
            self.defaults(fields)?;
        }
        Ok(())
    }

    /// Pays for the defaults of a record. Whatever is an object in a default may be a record, of
    /// which the default may leave out all fields.
    fn defaults(&mut self, fields: &[Value]) -> Result<()> {
        let mut filled = 1_u64;
        for field in fields {
            let Some(default) = field.get("default") else {
                continue;
            };
            // Each branch of a union is tried.
            let branches = field.get("type").and_then(Value::as_array);
            let branches = branches.map_or(1, |branches| branches.len() as u64);
            let (objects, others) = count(default);
            let once = objects.saturating_mul(self.filled_max) + others;
            let cost = once.saturating_mul(branches);
            self.pay(cost)?;
            filled = filled.saturating_add(cost);
        }
        self.filled_max = self.filled_max.max(filled);
        Ok(())
    }

    fn pay(&mut self, cost: u64) -> Result<()> {
        let left = self.left.checked_sub(cost);
        self.left = left.ok_or_else(|| invalid("schema is too large to be parsed".to_owned()))?;
        Ok(())
    }
}

/// Returns the number of names that the parser will know a type by: none if it is not named.
fn names(object: &Map<String, Value>) -> Result<u64> {
    let is_named = matches!(
        object.get("type").and_then(Value::as_str),
        Some("record" | "enum" | "fixed")
    );
    if !is_named {
        return Ok(0);
    }
    let aliases = object.get("aliases").and_then(Value::as_array);
    let aliases = aliases.map_or(&[][..], Vec::as_slice);
    for name in object.get("name").into_iter().chain(aliases) {
        let name = name.as_str().unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        if RESERVED.contains(&last) {
            return Err(invalid(format!("schema gives the name {last} to a type")));
        }
    }
    Ok(1 + aliases.len() as u64)
}

/// Finds the length of the longest namespace, and checks the depth.
fn namespace_max(value: &Value, depth: usize) -> Result<u64> {
    if SCHEMA_DEPTH_MAX < depth {
        return Err(invalid(format!(
            "schema is more than {SCHEMA_DEPTH_MAX} deep"
        )));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .try_fold(0, |max, item| Ok(namespace_max(item, depth + 1)?.max(max))),
        Value::Object(object) => {
            let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
            // A name with dots in it has its namespace before the last of them.
            let before = text("name")
                .rsplit_once('.')
                .map_or("", |(before, _)| before);
            let mut max = length(text("namespace")).max(length(before));
            for value in object.values() {
                max = max.max(namespace_max(value, depth + 1)?);
            }
            Ok(max)
        }
        _ => Ok(0),
    }
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

/// Counts the objects in a default, and the other values.
fn count(value: &Value) -> (u64, u64) {
    let add = |(objects, others), (more_objects, more_others)| {
        (objects + more_objects, others + more_others)
    };
    match value {
        Value::Object(object) => object.values().map(count).fold((1, 0), add),
        Value::Array(items) => items.iter().map(count).fold((0, 1), add),
        Value::String(text) => (0, 1 + length(text) / VALUE_BYTES),
        _ => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::avro::Schema;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        let error = Schema::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    /// Each record has two fields of the one before, with the default `{}`: 2^40 values.
    #[test]
    fn defaults_that_double_at_each_record_are_refused() {
        let mut fields = String::new();
        for level in 0..40 {
            let inner = level - 1;
            let of = match level {
                0 => r#"{"name": "x", "type": "int", "default": 0}"#.to_owned(),
                _ => format!(
                    r#"{{"name": "a", "type": "D{inner}", "default": {{}}}},
                       {{"name": "b", "type": "D{inner}", "default": {{}}}}"#
                ),
            };
            let comma = if level == 0 { "" } else { "," };
            write!(
                fields,
                r#"{comma}{{"name": "f{level}", "type":
                    {{"type": "record", "name": "D{level}", "fields": [{of}]}}}}"#
            )
            .unwrap();
        }
        let text = format!(r#"{{"type": "record", "name": "Top", "fields": [{fields}]}}"#);
        refused(&text, "too large");
    }

    #[test]
    fn aliases_that_copy_a_large_type_are_refused() {
        let aliases: Vec<_> = (0..20_000).map(|index| format!("\"A{index}\"")).collect();
        let symbols: Vec<_> = (0..20_000).map(|index| format!("\"S{index}\"")).collect();
        let (aliases, symbols) = (aliases.join(","), symbols.join(","));
        let text = format!(
            r#"{{"type": "enum", "name": "E", "aliases": [{aliases}], "symbols": [{symbols}]}}"#
        );
        refused(&text, "too large");
    }

    #[test]
    fn long_namespace_that_each_name_repeats_is_refused() {
        let field = |index| format!(r#"{{"name": "f{index}", "type": "K"}}"#);
        let fields: Vec<_> = (0..10_000).map(field).collect();
        let (namespace, fields) = ("n".repeat(400_000), fields.join(","));
        let text = format!(
            r#"{{"type": "record", "name": "R", "namespace": "{namespace}", "fields": [
                {{"name": "k", "type": {{"type": "fixed", "name": "K", "size": 1}}}}, {fields}]}}"#
        );
        refused(&text, "too large");
    }

    #[test]
    fn aliases_that_copy_a_long_text_are_refused() {
        let aliases: Vec<_> = (0..600).map(|index| format!("\"A{index}\"")).collect();
        let (aliases, doc) = (aliases.join(","), "x".repeat(900_000));
        let text = format!(
            r#"{{"type": "enum", "name": "E", "aliases": [{aliases}], "doc": "{doc}",
                "symbols": ["S"]}}"#
        );
        refused(&text, "too large");
    }

    #[test]
    fn names_of_the_language_are_not_given_to_types() {
        let text = r#"{"type": "record", "name": "a.fixed", "fields": []}"#;
        refused(text, "gives the name fixed");
        let text = r#"{"type": "enum", "name": "E", "aliases": ["record"], "symbols": []}"#;
        refused(text, "gives the name record");
    }

    #[test]
    fn depth_is_bounded_and_the_deepest_is_parsed_on_a_small_stack() {
        let nested = |depth: usize| {
            let (open, close) = (r#"{"type":"array","items":"#, "}");
            format!("{}\"int\"{}", open.repeat(depth), close.repeat(depth))
        };
        assert!(Schema::parse(&nested(SCHEMA_DEPTH_MAX)).is_ok());
        refused(&nested(SCHEMA_DEPTH_MAX + 1), "recursion limit");
        refused(&nested(30_000), "recursion limit");
    }

    #[test]
    fn large_schema_of_a_real_kind_is_parsed() {
        let field = |index| {
            format!(
                r#"{{"name": "field_{index}", "doc": "What it is for.", "default": null, "type":
                    ["null", {{"type": "long", "logicalType": "timestamp-micros"}}]}}"#
            )
        };
        let fields: Vec<_> = (0..4000).map(field).collect();
        let fields = fields.join(",");
        let text = format!(r#"{{"type": "record", "name": "Wide", "fields": [{fields}]}}"#);
        assert!(Schema::parse(&text).is_ok());
    }
}
