//! Schemas, drawn from the bytes of an input, and later versions of them.

use serde_json::{Map, Value, json};

use crate::source::Source;

const DEPTH_MAX: usize = 4;

const PRIMITIVES: &[&str] = &[
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

const LOGICAL: &[(&str, &str)] = &[
    ("int", "date"),
    ("int", "time-millis"),
    ("long", "time-micros"),
    ("long", "timestamp-millis"),
    ("long", "timestamp-micros"),
    ("long", "timestamp-nanos"),
    ("long", "local-timestamp-millis"),
    ("string", "uuid"),
];

const FIELDS: &[&str] = &["a", "b", "c", "d"];

/// Draws schemas. Named types are numbered, and may be referred to once they have begun.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    named: Vec<String>,
}

impl Sketch {
    /// Draws one schema.
    pub(crate) fn schema(&mut self, source: &mut Source<'_>, depth: usize) -> Value {
        let kinds = if depth < DEPTH_MAX { 14 } else { 9 };
        match source.below(kinds) {
            0..=4 => json!(source.one(PRIMITIVES).unwrap_or(&"null")),
            5 => logical(source),
            6 => self.fixed(source),
            7 => self.enumeration(source),
            8 => match source.one(&self.named) {
                Some(name) => json!(name),
                None => json!("long"),
            },
            9 => json!({"type": "array", "items": self.schema(source, depth + 1)}),
            10 => json!({"type": "map", "values": self.schema(source, depth + 1)}),
            11 => self.union(source, depth + 1),
            _ => self.record(source, depth + 1),
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        let name = format!("{prefix}{}", self.named.len());
        self.named.push(name.clone());
        name
    }

    fn fixed(&mut self, source: &mut Source<'_>) -> Value {
        let name = self.name("Fixed");
        match source.below(6) {
            0 => json!({"type": "fixed", "name": name, "size": 12, "logicalType": "duration"}),
            1 => json!({"type": "fixed", "name": name, "size": 16, "logicalType": "uuid"}),
            2 => json!({
                "type": "fixed", "name": name, "size": 8,
                "logicalType": "decimal", "precision": 9, "scale": 2,
            }),
            size => json!({"type": "fixed", "name": name, "size": size - 3}),
        }
    }

    fn enumeration(&mut self, source: &mut Source<'_>) -> Value {
        let count = 1 + usize::from(source.below(3));
        let symbols: Vec<_> = ["A", "B", "C"].into_iter().take(count).collect();
        let mut schema = json!({"type": "enum", "name": self.name("Enum"), "symbols": symbols});
        if source.below(2) == 1 {
            schema["default"] = json!("A");
        }
        schema
    }

    fn union(&mut self, source: &mut Source<'_>, depth: usize) -> Value {
        let mut branches = Vec::new();
        for _ in 0..=source.below(4) {
            let branch = self.schema(source, depth);
            let is_new = !branch.is_array() && branches.iter().all(|it| *it != branch);
            if is_new {
                branches.push(branch);
            }
        }
        Value::Array(branches)
    }

    fn record(&mut self, source: &mut Source<'_>, depth: usize) -> Value {
        let name = self.name("Record");
        let count = usize::from(source.below(5));
        let fields = FIELDS.iter().take(count);
        let fields: Vec<_> = fields
            .map(|field| json!({"name": field, "type": self.schema(source, depth)}))
            .collect();
        json!({"type": "record", "name": name, "fields": fields})
    }
}

fn logical(source: &mut Source<'_>) -> Value {
    match source.one(LOGICAL) {
        Some((of, logical)) if source.below(8) != 0 => json!({"type": of, "logicalType": logical}),
        _ => json!({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 3}),
    }
}

/// Makes a later version of a schema, some of whose changes may be ones that no reader can follow.
pub(crate) fn evolve(schema: &Value, source: &mut Source<'_>) -> Value {
    match schema {
        Value::Array(branches) => union(branches, source),
        Value::Object(object) => composite(object, source),
        Value::String(name) => primitive(name, source),
        other => other.clone(),
    }
}

fn union(branches: &[Value], source: &mut Source<'_>) -> Value {
    let mut later: Vec<_> = branches.iter().map(|it| evolve(it, source)).collect();
    match source.below(6) {
        0 => later.reverse(),
        1 => later.push(json!("string")),
        2 => _ = later.pop(),
        _ => {}
    }
    Value::Array(later)
}

fn primitive(name: &str, source: &mut Source<'_>) -> Value {
    match (name, source.below(6)) {
        ("int", 1) | ("float", 2) => json!("double"),
        ("int", 2) => json!("long"),
        ("int" | "long", 3) => json!("float"),
        ("bytes", 1) => json!("string"),
        ("string", 1) => json!("bytes"),
        (name, 4) => json!(["null", name]),
        (name, 5) => json!([name, "null"]),
        (name, _) => json!(name),
    }
}

fn composite(object: &Map<String, Value>, source: &mut Source<'_>) -> Value {
    let mut later = object.clone();
    for key in ["items", "values"] {
        if let Some(inner) = later.get_mut(key) {
            *inner = evolve(inner, source);
        }
    }
    if let Some(Value::Array(fields)) = later.get_mut("fields") {
        for field in &mut *fields {
            field["type"] = evolve(&field["type"], source);
        }
        change(fields, source);
    }
    if let Some(Value::Array(symbols)) = later.get_mut("symbols") {
        match source.below(4) {
            0 => symbols.reverse(),
            1 => symbols.insert(0, json!("Z")),
            _ => {}
        }
    }
    Value::Object(later)
}

/// Drops, adds, moves or renames a field.
fn change(fields: &mut Vec<Value>, source: &mut Source<'_>) {
    match source.below(6) {
        0 => _ = fields.pop(),
        1 => fields.insert(0, json!({"name": "z", "type": "int", "default": 7})),
        2 => fields.push(json!({
            "name": "y", "type": {"type": "array", "items": "string"}, "default": ["x"],
        })),
        3 => fields.reverse(),
        4 => {
            if let Some(first) = fields.first_mut() {
                first["aliases"] = json!([first["name"]]);
                first["name"] = json!("renamed");
            }
        }
        _ => {}
    }
}
