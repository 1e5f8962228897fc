//! Schemas in several texts, put into one: each name is replaced by its definition where it is
//! used first.

use std::collections::{HashMap, HashSet};

use relayhouse_core::Result;
use serde_json::{Map, Value};

use super::{
    schema::{SCHEMA_BYTES_MAX, Schema, invalid},
    screen::SCHEMA_DEPTH_MAX,
};

/// Knows what the names in schemas stand for.
#[derive(Debug, Default)]
pub(super) struct Definitions(HashMap<String, Value>);

impl Definitions {
    /// Adds the types that `text` is about: one, or the several of a union.
    ///
    /// # Errors
    ///
    /// Returns what [`Schema::parse`] returns for a text that is no JSON, or too long.
    pub(super) fn add(&mut self, text: &str) -> Result<()> {
        let mut schema = json(text)?;
        qualify(&mut schema, "", 0)?;
        self.define(schema);
        Ok(())
    }

    /// Parses `text`, in which types may stand by name that are defined here.
    ///
    /// # Errors
    ///
    /// Returns what [`Schema::parse`] returns; a name that nobody defines is one such error.
    pub(super) fn inline(&self, text: &str) -> Result<Schema> {
        let mut schema = json(text)?;
        qualify(&mut schema, "", 0)?;
        let mut inliner = Inliner {
            definitions: &self.0,
            defined: HashSet::new(),
        };
        inliner.replace(&mut schema, 0)?;
        Schema::parse(&schema.to_string())
    }

    fn define(&mut self, schema: Value) {
        match schema {
            Value::Array(branches) => branches.into_iter().for_each(|branch| self.define(branch)),
            Value::Object(object) if kind(&object) == Kind::Named => {
                self.0.insert(name_of(&object), object.into());
            }
            _ => {}
        }
    }
}

fn json(text: &str) -> Result<Value> {
    let size = text.len();
    if SCHEMA_BYTES_MAX < size {
        return Err(invalid(format!(
            "schema has {size} bytes, at most {SCHEMA_BYTES_MAX} are parsed"
        )));
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("schema is not JSON: {error}")))
}

const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

/// Writes the names in `schema` in full, so that it means the same at any place.
fn qualify(schema: &mut Value, namespace: &str, depth: usize) -> Result<()> {
    check_depth(depth)?;
    match schema {
        Value::String(name) => {
            let is_bare = !name.contains('.') && !PRIMITIVES.contains(&name.as_str());
            if is_bare && !namespace.is_empty() {
                *name = format!("{namespace}.{name}");
            }
            Ok(())
        }
        Value::Array(branches) => {
            let mut branches = branches.iter_mut();
            branches.try_for_each(|branch| qualify(branch, namespace, depth + 1))
        }
        Value::Object(object) => qualify_object(object, namespace, depth),
        _ => Ok(()),
    }
}

fn qualify_object(object: &mut Map<String, Value>, namespace: &str, depth: usize) -> Result<()> {
    let kind = kind(object);
    let namespace = match kind {
        Kind::Named => full_name(object, namespace),
        _ => namespace.to_owned(),
    };
    let inner = match kind {
        Kind::Named => "fields",
        Kind::Array => "items",
        Kind::Map => "values",
        Kind::Other => "type",
    };
    let Some(inner) = object.get_mut(inner) else {
        return Ok(());
    };
    if kind != Kind::Named {
        return qualify(inner, &namespace, depth + 1);
    }
    for field in inner.as_array_mut().into_iter().flatten() {
        if let Some(schema) = field.get_mut("type") {
            qualify(schema, &namespace, depth + 3)?;
        }
    }
    Ok(())
}

/// Writes name and aliases of a named type in full, and returns its namespace.
fn full_name(object: &mut Map<String, Value>, enclosing: &str) -> String {
    let own = object.remove("namespace");
    let name = object
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let own = own.as_ref().and_then(Value::as_str).unwrap_or(enclosing);
    let (namespace, last) = name.rsplit_once('.').unwrap_or((own, name));
    let (namespace, last) = (namespace.to_owned(), last.to_owned());
    let full = |last: &str| match namespace.is_empty() {
        true => last.to_owned(),
        false => format!("{namespace}.{last}"),
    };
    let aliases = object.get_mut("aliases").and_then(Value::as_array_mut);
    for alias in aliases.into_iter().flatten() {
        if let Some(name) = alias.as_str().filter(|name| !name.contains('.')) {
            *alias = full(name).into();
        }
    }
    // An empty namespace is written, or the type would take that of what it stands in.
    object.insert("namespace".to_owned(), namespace.clone().into());
    object.insert("name".to_owned(), last.into());
    namespace
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Named,
    Array,
    Map,
    Other,
}

fn kind(object: &Map<String, Value>) -> Kind {
    match object.get("type").and_then(Value::as_str) {
        Some("record" | "error" | "enum" | "fixed") => Kind::Named,
        Some("array") => Kind::Array,
        Some("map") => Kind::Map,
        _ => Kind::Other,
    }
}

/// Replaces names by definitions.
#[derive(Debug)]
struct Inliner<'a> {
    definitions: &'a HashMap<String, Value>,
    /// The names that are defined already in what was walked over.
    defined: HashSet<String>,
}

impl Inliner<'_> {
    fn replace(&mut self, schema: &mut Value, depth: usize) -> Result<()> {
        check_depth(depth)?;
        match schema {
            Value::String(name) => {
                if !self.defined.contains(name.as_str())
                    && let Some(definition) = self.definitions.get(name.as_str())
                {
                    *schema = definition.clone();
                    return self.replace(schema, depth);
                }
                Ok(())
            }
            Value::Array(branches) => {
                let mut branches = branches.iter_mut();
                branches.try_for_each(|branch| self.replace(branch, depth + 1))
            }
            Value::Object(object) => self.replace_in(object, depth),
            _ => Ok(()),
        }
    }

    fn replace_in(&mut self, object: &mut Map<String, Value>, depth: usize) -> Result<()> {
        let inner = match kind(object) {
            Kind::Named => {
                self.defined.insert(name_of(object));
                let fields = object.get_mut("fields").and_then(Value::as_array_mut);
                for field in fields.into_iter().flatten() {
                    if let Some(schema) = field.get_mut("type") {
                        self.replace(schema, depth + 3)?;
                    }
                }
                return Ok(());
            }
            Kind::Array => "items",
            Kind::Map => "values",
            Kind::Other => "type",
        };
        match object.get_mut(inner) {
            Some(schema) => self.replace(schema, depth + 1),
            None => Ok(()),
        }
    }
}

/// Returns the full name of a named type whose names are written in full.
fn name_of(object: &Map<String, Value>) -> String {
    let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("namespace"), text("name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}.{name}"),
    }
}

fn check_depth(depth: usize) -> Result<()> {
    match depth <= SCHEMA_DEPTH_MAX {
        true => Ok(()),
        false => Err(invalid(format!(
            "schema is more than {SCHEMA_DEPTH_MAX} deep"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inlined(text: &str, others: &[&str]) -> Result<Schema> {
        let mut definitions = Definitions::default();
        for other in others {
            definitions.add(other)?;
        }
        definitions.inline(text)
    }

    #[test]
    fn name_is_defined_where_it_is_used_first() {
        let order = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
            {"name": "price", "type": "Money"},
            {"name": "prices", "type": {"type": "array", "items": "shop.Money"}},
            {"name": "more", "type": ["null", {"type": "map", "values": "Money"}]}
        ]}"#;
        let money = r#"{"type": "record", "name": "Money", "namespace": "shop", "fields": [
            {"name": "of", "type": "geo.Country"}
        ]}"#;
        let country = r#"{"type": "enum", "name": "geo.Country", "symbols": ["DE"]}"#;
        let schema = inlined(order, &[country, money]).unwrap();
        assert_eq!(
            schema.canonical(),
            concat!(
                r#"{"name":"shop.Order","type":"record","fields":["#,
                r#"{"name":"price","type":{"name":"shop.Money","type":"record","fields":["#,
                r#"{"name":"of","type":{"name":"geo.Country","type":"enum","symbols":["DE"]}}]}},"#,
                r#"{"name":"prices","type":{"type":"array","items":"shop.Money"}},"#,
                r#"{"name":"more","type":["null",{"type":"map","values":"shop.Money"}]}]}"#,
            )
        );
    }

    #[test]
    fn types_that_name_each_other_are_defined_once() {
        let a =
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", "B"]}]}"#;
        let b =
            r#"{"type": "record", "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]}"#;
        let schema = inlined(a, &[b, a]).unwrap();
        assert_eq!(schema.names().len(), 2);
    }

    #[test]
    fn name_of_nobody_is_an_error_that_names_it() {
        let error = inlined(r#"{"type": "array", "items": "a.B"}"#, &[]).unwrap_err();
        assert!(error.to_string().contains("a.B"), "{error}");
    }

    #[test]
    fn chain_of_references_is_bounded_in_depth() {
        let link = |index: usize| {
            let next = index + 1;
            format!(
                r#"{{"type": "record", "name": "L{index}",
                    "fields": [{{"name": "n", "type": "L{next}"}}]}}"#
            )
        };
        let others: Vec<_> = (1..1000).map(link).collect();
        let others: Vec<_> = others.iter().map(String::as_str).collect();
        let error = inlined(&link(0), &others).unwrap_err();
        assert!(error.to_string().contains("deep"), "{error}");
    }
}
