//! Takes attributes out of a schema's JSON that mean nothing where they stand.
//!
//! `apache-avro` keeps them, takes them for parts of the language when it reports a wrong default,
//! and panics over those that are none: a `precision` of an array, or a `size` of a record.

use serde_json::{Map, Value};

/// What has a meaning somewhere, and no business elsewhere.
const PLACED: [&str; 9] = [
    "fields",
    "symbols",
    "items",
    "values",
    "size",
    "precision",
    "scale",
    "order",
    "default",
];

/// Cleans `schema` and all schemas inside it. Its depth is bounded already.
pub(super) fn clean(schema: &mut Value) {
    match schema {
        Value::Array(branches) => branches.iter_mut().for_each(clean),
        Value::Object(object) => clean_type(object),
        _ => {}
    }
}

fn clean_type(object: &mut Map<String, Value>) {
    let own: &[&str] = match object.get("type").and_then(Value::as_str) {
        Some("record" | "error") => &["fields"],
        Some("enum") => &["symbols", "default"],
        Some("fixed") => &["size", "precision", "scale"],
        Some("array") => &["items"],
        Some("map") => &["values"],
        _ => &["precision", "scale"],
    };
    object.retain(|key, value| {
        let key = key.as_str();
        let is_number = ["size", "precision", "scale"].contains(&key);
        let is_readable = !is_number || value.as_i64().is_some();
        is_readable && (own.contains(&key) || !PLACED.contains(&key))
    });
    for key in ["type", "items", "values"] {
        if let Some(schema) = object.get_mut(key) {
            clean(schema);
        }
    }
    let fields = object.get_mut("fields").and_then(Value::as_array_mut);
    for field in fields
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        clean_field(field);
    }
}

fn clean_field(field: &mut Map<String, Value>) {
    field.retain(|key, value| match key.as_str() {
        "default" => true,
        "order" => value.is_string(),
        key => !PLACED.contains(&key),
    });
    if let Some(schema) = field.get_mut("type") {
        clean(schema);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::avro::Schema;

    /// Each of these makes `apache-avro` 0.22 panic.
    #[test]
    fn attributes_in_wrong_places_do_no_harm() {
        for (key, value) in [
            ("precision", json!("x")),
            ("size", json!(0.5)),
            ("order", json!(7)),
            ("symbols", json!(null)),
        ] {
            let field = json!({
                "name": "f",
                "type": {"type": "array", "items": "int", key: value},
                "default": "no array",
            });
            let schema = json!({"type": "record", "name": "R", "fields": [field]});
            let error = Schema::parse(&schema.to_string()).unwrap_err();
            assert!(
                error.to_string().starts_with("schema is not Avro"),
                "{error}"
            );
        }
        let huge = r#"{"type": "fixed", "name": "F", "size": 9223372036854775808}"#;
        assert!(Schema::parse(huge).is_err());
    }

    #[test]
    fn what_means_something_stays() {
        let schema = json!({
            "type": "record", "name": "R", "own": {"size": "kept"}, "fields": [{
                "name": "size", "order": "ignore", "default": "AA", "type": {
                    "type": "fixed", "name": "F", "size": 2,
                    "logicalType": "decimal", "precision": 3, "scale": 1,
                },
            }],
        });
        let mut cleaned = schema.clone();
        clean(&mut cleaned);
        assert_eq!(cleaned, schema);
    }

    const TEXTS: &[&str] = &[
        "int", "null", "record", "enum", "fixed", "array", "map", "bytes", "A", "a.B", "error",
        "decimal", "uuid", "duration", "date", "", "ä",
    ];
    const KEYS: &[&str] = &[
        "type",
        "name",
        "namespace",
        "fields",
        "symbols",
        "items",
        "values",
        "size",
        "default",
        "aliases",
        "logicalType",
        "precision",
        "scale",
        "order",
        "doc",
    ];

    /// JSON of the words that schemas are made of, in any order.
    fn words() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            6 => prop::sample::select(TEXTS).prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => (0..20_i64).prop_map(Value::from),
            1 => any::<u64>().prop_map(Value::from),
            1 => any::<f64>().prop_map(Value::from),
            1 => Just(Value::Null),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            let field = (prop::sample::select(KEYS), inner.clone());
            let object = prop::collection::vec(field, 0..7).prop_map(|fields| {
                let fields = fields.into_iter();
                Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect())
            });
            let record = prop::collection::vec(inner.clone(), 1..4).prop_map(|types| {
                let fields = types.into_iter().enumerate().map(|(index, value)| {
                    let mut field = json!({"name": format!("f{index}"), "type": "int"});
                    match value {
                        Value::Object(object) => field.as_object_mut().unwrap().extend(object),
                        value => field["default"] = value,
                    }
                    field
                });
                json!({"type": "record", "name": "A", "fields": fields.collect::<Vec<_>>()})
            });
            prop_oneof![
                3 => object,
                3 => record,
                1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            ]
        })
    }

    proptest! {
        /// Whatever stands in it, a schema is parsed or refused, and its text is one again.
        #[test]
        fn any_json_is_parsed_or_refused(schema in words()) {
            if let Ok(schema) = Schema::parse(&schema.to_string()) {
                prop_assert!(Schema::parse(schema.canonical()).is_ok(), "{}", schema.canonical());
                prop_assert!(Schema::parse(&schema.to_pretty()).is_ok(), "{}", schema.to_pretty());
            }
        }
    }
}
