//! Generated schemas: a model of them, their JSON, and which values they have.

use std::collections::BTreeMap;

use apache_avro::{Decimal, Duration, Uuid, types::Value};
use serde_json::{Value as Json, json};

use super::entropy::Entropy;
use crate::avro::Schema;

const DEPTH_MAX: usize = 5;

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

const MOMENTS: [(Moment, &str, &str); 9] = [
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

    pub(super) fn generate(entropy: &mut Entropy<'_>) -> Self {
        let mut generator = Generator::default();
        Self::new(generator.shape(entropy, DEPTH_MAX, false))
    }

    /// Generates a schema whose unions have no logical types, which `apache-avro` does not always
    /// tell from what is below them when it resolves.
    pub(super) fn generate_resolvable(entropy: &mut Entropy<'_>) -> Self {
        let mut generator = Generator {
            is_resolvable: true,
            ..Generator::default()
        };
        Self::new(generator.shape(entropy, DEPTH_MAX, false))
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

/// Generates shapes, each named type with a name of its own.
#[derive(Default)]
struct Generator {
    count: usize,
    is_resolvable: bool,
    /// Named types that are complete.
    done: Vec<String>,
    /// Records that are being generated: they may stand where a value can end.
    open: Vec<String>,
}

impl Generator {
    /// Generates a shape; `ends` says whether a value can end before it.
    fn shape(&mut self, entropy: &mut Entropy<'_>, depth: usize, ends: bool) -> Shape {
        let choices = if depth == 0 { 16 } else { 24 };
        match entropy.below(choices) {
            0 => Shape::Int,
            1 => Shape::Text,
            2 => Shape::Long,
            3 => Shape::Boolean,
            4 => Shape::Double,
            5 => Shape::Float,
            6 => Shape::Bytes,
            7 => Shape::Null,
            8 | 9 => Shape::Moment(MOMENTS[entropy.below(MOMENTS.len())].0),
            10 => Shape::DecimalBytes,
            11 => Shape::UuidText,
            12 | 13 => self.fixed(entropy),
            14 => self.symbols(entropy),
            15 => self.known(entropy, ends),
            16 => Shape::Array(Box::new(self.shape(entropy, depth - 1, true))),
            17 => Shape::Map(Box::new(self.shape(entropy, depth - 1, true))),
            18 | 19 => self.union(entropy, depth - 1),
            _ => self.record(entropy, depth - 1),
        }
    }

    /// Makes a name: simple, or in one of two namespaces.
    fn name(&mut self, entropy: &mut Entropy<'_>, prefix: &str) -> String {
        self.count += 1;
        let count = self.count;
        match entropy.below(4) {
            0 => format!("a.{prefix}{count}"),
            1 => format!("b.c.{prefix}{count}"),
            _ => format!("n.{prefix}{count}"),
        }
    }

    fn fixed(&mut self, entropy: &mut Entropy<'_>) -> Shape {
        let (size, logical) = match entropy.below(4) {
            0 => (entropy.below(9), Logical::None),
            1 => (4, Logical::Decimal),
            2 => (16, Logical::Uuid),
            _ => (12, Logical::Duration),
        };
        let name = self.name(entropy, "Fixed");
        self.done.push(name.clone());
        Shape::Fixed {
            name,
            size,
            logical,
        }
    }

    fn symbols(&mut self, entropy: &mut Entropy<'_>) -> Shape {
        let name = self.name(entropy, "Enum");
        let count = 1 + entropy.below(5);
        let symbols: Vec<_> = (0..count).map(|index| format!("S{index}")).collect();
        self.done.push(name.clone());
        let default = entropy.one_in(3).then(|| symbols[0].clone());
        Shape::Enum {
            name,
            aliases: Vec::new(),
            symbols,
            default,
        }
    }

    fn known(&mut self, entropy: &mut Entropy<'_>, ends: bool) -> Shape {
        let open = if ends { self.open.as_slice() } else { &[] };
        let count = self.done.len() + open.len();
        if count == 0 {
            return Shape::Int;
        }
        let choice = entropy.below(count);
        let mut names = self.done.iter().chain(open);
        Shape::Named(names.nth(choice).unwrap().clone())
    }

    fn union(&mut self, entropy: &mut Entropy<'_>, depth: usize) -> Shape {
        let mut branches = Vec::new();
        if !entropy.one_in(4) {
            branches.push(Shape::Null);
        }
        let count = 1 + entropy.below(4);
        for _ in 0..count {
            let done = self.done.len();
            let branch = self.shape(entropy, depth, branches.contains(&Shape::Null));
            let is_new = branches.iter().all(|other| !collides(other, &branch));
            let is_told_apart = !(self.is_resolvable && has_logical(&branch));
            if is_new && is_told_apart && !matches!(branch, Shape::Union(_)) {
                branches.push(branch);
            } else {
                // What it defines is not there to be named.
                self.done.truncate(done);
            }
        }
        if branches.is_empty() {
            branches.push(Shape::Int);
        }
        if branches[0] == Shape::Null && entropy.one_in(3) {
            branches.rotate_left(1);
        }
        Shape::Union(branches)
    }

    fn record(&mut self, entropy: &mut Entropy<'_>, depth: usize) -> Shape {
        let name = self.name(entropy, "Record");
        self.open.push(name.clone());
        let count = entropy.below(6);
        let fields = (0..count).map(|index| Field {
            name: format!("f{index}"),
            aliases: Vec::new(),
            shape: self.shape(entropy, depth, false),
            default: None,
        });
        let fields = fields.collect();
        self.open.pop();
        self.done.push(name.clone());
        Shape::Record {
            name,
            aliases: Vec::new(),
            fields,
        }
    }
}

/// Returns whether there is a logical type in a shape, or may be by a name.
fn has_logical(shape: &Shape) -> bool {
    match shape {
        Shape::Moment(_) | Shape::DecimalBytes | Shape::UuidText | Shape::Named(_) => true,
        Shape::Fixed { logical, .. } => *logical != Logical::None,
        Shape::Array(item) | Shape::Map(item) => has_logical(item),
        Shape::Union(branches) => branches.iter().any(has_logical),
        Shape::Record { fields, .. } => fields.iter().any(|field| has_logical(&field.shape)),
        _ => false,
    }
}

/// Returns whether a union can have only one of the two.
fn collides(one: &Shape, other: &Shape) -> bool {
    let kind = |shape: &Shape| match shape {
        Shape::Null => "null",
        Shape::Boolean => "boolean",
        Shape::Int | Shape::Moment(Moment::Date | Moment::TimeMillis) => "int",
        Shape::Long | Shape::Moment(_) => "long",
        Shape::Float => "float",
        Shape::Double => "double",
        Shape::Bytes | Shape::DecimalBytes => "bytes",
        Shape::Text | Shape::UuidText => "string",
        Shape::Array(_) => "array",
        Shape::Map(_) => "map",
        Shape::Union(_) => "union",
        Shape::Fixed { .. } | Shape::Enum { .. } | Shape::Record { .. } | Shape::Named(_) => "",
    };
    match (kind(one), kind(other)) {
        ("", "") => name_of(one) == name_of(other),
        (one, other) => one == other,
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
