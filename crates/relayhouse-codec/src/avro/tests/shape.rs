//! A model of schemas: their shapes, their JSON, and which values they have.

use std::collections::BTreeMap;

use apache_avro::{Decimal, Duration, Uuid, types::Value};
use serde_json::{Value as Json, json};

use super::entropy::Entropy;
use crate::avro::Schema;

/// Is a schema, as it is generated and changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    /// A logical type on int or long.
    Moment(Moment),
    DecimalBytes,
    UuidText,
    Fixed {
        name: String,
        size: usize,
        logical: Logical,
    },
    Enum {
        name: String,
        aliases: Vec<String>,
        symbols: Vec<String>,
        default: Option<String>,
    },
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record {
        name: String,
        aliases: Vec<String>,
        fields: Vec<Field>,
    },
    /// A named type that stands elsewhere.
    Named(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) shape: Shape,
    pub(super) default: Option<Json>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Logical {
    None,
    Decimal,
    Uuid,
    Duration,
}

pub(super) const MOMENTS: [(Moment, &str, &str); 9] = [
    (Moment::Date, "int", "date"),
    (Moment::TimeMillis, "int", "time-millis"),
    (Moment::TimeMicros, "long", "time-micros"),
    (Moment::TimestampMillis, "long", "timestamp-millis"),
    (Moment::TimestampMicros, "long", "timestamp-micros"),
    (Moment::TimestampNanos, "long", "timestamp-nanos"),
    (
        Moment::LocalTimestampMillis,
        "long",
        "local-timestamp-millis",
    ),
    (
        Moment::LocalTimestampMicros,
        "long",
        "local-timestamp-micros",
    ),
    (Moment::LocalTimestampNanos, "long", "local-timestamp-nanos"),
];

/// Is a whole schema: the shape of the root, and the named types in it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) root: Shape,
    named: BTreeMap<String, Shape>,
}

impl Model {
    pub(super) fn new(root: Shape) -> Self {
        let mut named = BTreeMap::new();
        collect(&root, &mut named);
        Self { root, named }
    }

    /// Returns what a shape is, if it names another.
    pub(super) fn resolve<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        match shape {
            Shape::Named(name) => &self.named[name],
            shape => shape,
        }
    }

    pub(super) fn text(&self) -> String {
        json_of(&self.root).to_string()
    }

    pub(super) fn schema(&self) -> Schema {
        let text = self.text();
        Schema::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(super) fn value(&self, entropy: &mut Entropy<'_>) -> Value {
        self.value_of(&self.root, entropy, 8)
    }

    fn value_of(&self, shape: &Shape, entropy: &mut Entropy<'_>, depth: usize) -> Value {
        let depth_left = depth.saturating_sub(1);
        match self.resolve(shape) {
            Shape::Null => Value::Null,
            Shape::Boolean => Value::Boolean(entropy.one_in(2)),
            Shape::Int => Value::Int(entropy.int()),
            Shape::Long => Value::Long(entropy.long()),
            Shape::Float => Value::Float(f32::from(i16::from_le_bytes(entropy.bytes())) / 8.0),
            Shape::Double => Value::Double(f64::from(entropy.int()) / 1024.0),
            Shape::Bytes => Value::Bytes(entropy.octets()),
            Shape::Text => Value::String(entropy.text()),
            Shape::Moment(moment) => moment.value(entropy),
            Shape::DecimalBytes => Value::Decimal(Decimal::from(entropy.bytes::<4>())),
            Shape::UuidText => Value::Uuid(Uuid::from_bytes(entropy.bytes())),
            Shape::Fixed { size, logical, .. } => logical.value(*size, entropy),
            Shape::Enum { symbols, .. } => {
                let index = entropy.below(symbols.len());
                Value::Enum(u32::try_from(index).unwrap(), symbols[index].clone())
            }
            Shape::Array(item) => {
                let length = if depth == 0 { 0 } else { entropy.below(4) };
                let items = (0..length).map(|_| self.value_of(item, entropy, depth_left));
                Value::Array(items.collect())
            }
            Shape::Map(item) => {
                // One entry at most: `apache-avro` keeps maps in an order of its own.
                let length = if depth == 0 { 0 } else { entropy.below(2) };
                let items =
                    (0..length).map(|_| (entropy.text(), self.value_of(item, entropy, depth_left)));
                Value::Map(items.collect())
            }
            Shape::Union(branches) => {
                let null = branches.iter().position(|branch| *branch == Shape::Null);
                let branch = match null {
                    Some(null) if depth == 0 => null,
                    _ => entropy.below(branches.len()),
                };
                let value = self.value_of(&branches[branch], entropy, depth_left);
                Value::Union(u32::try_from(branch).unwrap(), Box::new(value))
            }
            Shape::Record { fields, .. } => {
                let fields = fields.iter().map(|field| {
                    let value = self.value_of(&field.shape, entropy, depth_left);
                    (field.name.clone(), value)
                });
                Value::Record(fields.collect())
            }
            Shape::Named(name) => panic!("{name} names another"),
        }
    }
}

impl Moment {
    fn value(self, entropy: &mut Entropy<'_>) -> Value {
        match self {
            Self::Date => Value::Date(entropy.int()),
            Self::TimeMillis => Value::TimeMillis(entropy.int()),
            Self::TimeMicros => Value::TimeMicros(entropy.long()),
            Self::TimestampMillis => Value::TimestampMillis(entropy.long()),
            Self::TimestampMicros => Value::TimestampMicros(entropy.long()),
            Self::TimestampNanos => Value::TimestampNanos(entropy.long()),
            Self::LocalTimestampMillis => Value::LocalTimestampMillis(entropy.long()),
            Self::LocalTimestampMicros => Value::LocalTimestampMicros(entropy.long()),
            Self::LocalTimestampNanos => Value::LocalTimestampNanos(entropy.long()),
        }
    }
}

impl Logical {
    fn value(self, size: usize, entropy: &mut Entropy<'_>) -> Value {
        match self {
            Self::None => Value::Fixed(size, (0..size).map(|_| entropy.byte()).collect()),
            Self::Decimal => Value::Decimal(Decimal::from(
                (0..size).map(|_| entropy.byte()).collect::<Vec<_>>(),
            )),
            Self::Uuid => Value::Uuid(Uuid::from_bytes(entropy.bytes())),
            Self::Duration => Value::Duration(Duration::from(entropy.bytes::<12>())),
        }
    }
}

pub(super) fn name_of(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Fixed { name, .. }
        | Shape::Enum { name, .. }
        | Shape::Record { name, .. }
        | Shape::Named(name) => Some(name),
        _ => None,
    }
}

fn collect(shape: &Shape, named: &mut BTreeMap<String, Shape>) {
    match shape {
        Shape::Named(_) => return,
        Shape::Array(item) | Shape::Map(item) => collect(item, named),
        Shape::Union(branches) => branches.iter().for_each(|branch| collect(branch, named)),
        Shape::Record { fields, .. } => {
            fields.iter().for_each(|field| collect(&field.shape, named));
        }
        _ => {}
    }
    if let Some(name) = name_of(shape) {
        named.insert(name.to_owned(), shape.clone());
    }
}

fn json_of(shape: &Shape) -> Json {
    match shape {
        Shape::Null => json!("null"),
        Shape::Boolean => json!("boolean"),
        Shape::Int => json!("int"),
        Shape::Long => json!("long"),
        Shape::Float => json!("float"),
        Shape::Double => json!("double"),
        Shape::Bytes => json!("bytes"),
        Shape::Text => json!("string"),
        Shape::Moment(moment) => {
            let (_, base, name) = MOMENTS.iter().find(|(other, ..)| other == moment).unwrap();
            json!({"type": base, "logicalType": name})
        }
        Shape::DecimalBytes => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2})
        }
        Shape::UuidText => json!({"type": "string", "logicalType": "uuid"}),
        Shape::Fixed {
            name,
            size,
            logical,
        } => {
            let mut json = json!({"type": "fixed", "name": name, "size": size});
            match logical {
                Logical::None => {}
                Logical::Decimal => {
                    json["logicalType"] = json!("decimal");
                    json["precision"] = json!(8);
                    json["scale"] = json!(2);
                }
                Logical::Uuid => json["logicalType"] = json!("uuid"),
                Logical::Duration => json["logicalType"] = json!("duration"),
            }
            json
        }
        Shape::Enum {
            name,
            aliases,
            symbols,
            default,
        } => {
            let mut json =
                json!({"type": "enum", "name": name, "aliases": aliases, "symbols": symbols});
            if let Some(default) = default {
                json["default"] = json!(default);
            }
            json
        }
        Shape::Array(item) => json!({"type": "array", "items": json_of(item)}),
        Shape::Map(item) => json!({"type": "map", "values": json_of(item)}),
        Shape::Union(branches) => branches.iter().map(json_of).collect(),
        Shape::Record {
            name,
            aliases,
            fields,
        } => {
            let fields: Vec<_> = fields.iter().map(json_of_field).collect();
            json!({"type": "record", "name": name, "aliases": aliases, "fields": fields})
        }
        Shape::Named(name) => json!(name),
    }
}

fn json_of_field(field: &Field) -> Json {
    let Field {
        name,
        aliases,
        shape,
        default,
    } = field;
    let mut json = json!({"name": name, "aliases": aliases, "type": json_of(shape)});
    if let Some(default) = default {
        json["default"] = default.clone();
    }
    json
}
