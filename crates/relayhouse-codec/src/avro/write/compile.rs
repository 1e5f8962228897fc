//! From a schema to a plan.

use std::collections::{HashMap, VecDeque};

use apache_avro::schema::{
    DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordSchema,
    Schema as Parsed, UuidSchema,
};
use relayhouse_core::{Error, ErrorKind, Result};

use super::{
    WritePlan,
    default::Defaults,
    node::{Absent, Enum, Field, Fixed, Node, Number, Record, Union},
};
use crate::avro::schema::{Names, Schema};

/// The attribute of records that `apache-avro` puts around the variants of an enum.
const WRAPPER: &str = "org.apache.avro.rust.union_of_records";

/// The defaults of fields as they are written, by the record and the place of the field in it.
pub(crate) type WrittenDefaults<'a> = HashMap<(&'a Name, usize), Box<[u8]>>;

/// Compiles `schema`.
pub(super) fn compile(schema: &Schema) -> Result<WritePlan> {
    let (compiler, root) = Compiler::run(schema)?;
    Ok(compiler.finish(root))
}

/// Writes the defaults of all fields; one that is not of the field's type is left out.
///
/// # Errors
///
/// Returns what [`WritePlan::compile`] returns.
pub(crate) fn defaults(schema: &Schema) -> Result<WrittenDefaults<'_>> {
    let (compiler, _) = Compiler::run(schema)?;
    let mut written = compiler.defaults();
    let mut defaults = HashMap::new();
    for (index, (record, _)) in (0..).zip(&compiler.records) {
        for position in 0..record.fields.len() {
            if let Absent::Default(bytes) = written.absent(index, position) {
                defaults.insert((&record.name, position), bytes);
            }
        }
    }
    Ok(defaults)
}

/// Collects the tables of a plan.
#[derive(Default)]
struct Compiler<'a> {
    names: Names<'a>,
    /// The nodes of the named types that have one.
    nodes: HashMap<&'a Name, Node>,
    /// The records that have a node, and no fields yet, in the order of their nodes.
    waiting: VecDeque<&'a RecordSchema>,
    record_count: usize,
    items: Vec<Node>,
    fixed: Vec<Fixed>,
    enums: Vec<Enum>,
    records: Vec<(&'a RecordSchema, Vec<Node>)>,
    unions: Vec<Union>,
}

impl<'a> Compiler<'a> {
    /// Collects all that the schema has.
    fn run(schema: &'a Schema) -> Result<(Self, Node)> {
        let mut compiler = Self {
            names: schema.names(),
            ..Self::default()
        };
        let root = compiler.node(schema.inner())?;
        // Records are compiled one after the other: however they name each other, nothing recurses.
        while let Some(record) = compiler.waiting.pop_front() {
            compiler.record(record)?;
        }
        Ok((compiler, root))
    }

    /// Returns what writes defaults. It needs all types.
    fn defaults(&self) -> Defaults<'_> {
        let Self {
            items,
            fixed,
            enums,
            unions,
            records,
            ..
        } = self;
        Defaults::new(items, fixed, enums, unions, records)
    }

    fn node(&mut self, schema: &'a Parsed) -> Result<Node> {
        Ok(match schema {
            Parsed::Null => Node::Null,
            Parsed::Boolean => Node::Boolean,
            Parsed::Int | Parsed::Date | Parsed::TimeMillis => Node::Int,
            Parsed::Long
            | Parsed::TimeMicros
            | Parsed::TimestampMillis
            | Parsed::TimestampMicros
            | Parsed::TimestampNanos
            | Parsed::LocalTimestampMillis
            | Parsed::LocalTimestampMicros
            | Parsed::LocalTimestampNanos => Node::Long,
            Parsed::Float => Node::Float,
            Parsed::Double => Node::Double,
            Parsed::Bytes
            | Parsed::BigDecimal
            | Parsed::Uuid(UuidSchema::Bytes)
            | Parsed::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Bytes,
                ..
            }) => Node::Bytes,
            Parsed::String => Node::Text,
            Parsed::Uuid(UuidSchema::String) => Node::UuidText,
            Parsed::Fixed(fixed)
            | Parsed::Duration(fixed)
            | Parsed::Uuid(UuidSchema::Fixed(fixed))
            | Parsed::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Fixed(fixed),
                ..
            }) => self.named(&fixed.name, |compiler| compiler.fixed(fixed))?,
            Parsed::Enum(symbols) => {
                self.named(&symbols.name, |compiler| compiler.symbols(symbols))?
            }
            Parsed::Record(record) => self.named(&record.name, |compiler| {
                let node = index(compiler.record_count).map(Node::Record);
                compiler.record_count += 1;
                compiler.waiting.push_back(record);
                node
            })?,
            Parsed::Array(array) => Node::Array(self.item(&array.items)?),
            Parsed::Map(map) => Node::Map(self.item(&map.types)?),
            Parsed::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.node(branch));
                let branches = branches.collect::<Result<_>>()?;
                push(&mut self.unions, Union::new(branches)).map(Node::Union)?
            }
            Parsed::Ref { name } => self.reference(name)?,
        })
    }

    /// Returns the node of a named type, which `make` makes the first time.
    fn named(
        &mut self,
        name: &'a Name,
        make: impl FnOnce(&mut Self) -> Result<Node>,
    ) -> Result<Node> {
        if let Some(node) = self.nodes.get(name) {
            return Ok(*node);
        }
        let node = make(self)?;
        self.nodes.insert(name, node);
        Ok(node)
    }

    fn reference(&mut self, name: &'a Name) -> Result<Node> {
        let schema = self.names.get(name).copied();
        match schema.filter(|schema| !matches!(schema, Parsed::Ref { .. })) {
            Some(schema) => self.node(schema),
            None => Err(Error::new(
                ErrorKind::Codec,
                format!("schema names {name} and does not define it"),
            )),
        }
    }

    fn item(&mut self, schema: &'a Parsed) -> Result<u32> {
        let node = self.node(schema)?;
        push(&mut self.items, node)
    }

    fn fixed(&mut self, fixed: &FixedSchema) -> Result<Node> {
        let number = match (fixed.name.as_ref(), fixed.size) {
            ("org.apache.avro.rust.i128", 16) => Some(Number::I128),
            ("org.apache.avro.rust.u64", 8) => Some(Number::U64),
            ("org.apache.avro.rust.u128", 16) => Some(Number::U128),
            _ => None,
        };
        let fixed = Fixed {
            name: fixed.name.name().into(),
            size: fixed.size,
            number,
        };
        push(&mut self.fixed, fixed).map(Node::Fixed)
    }

    fn symbols(&mut self, symbols: &EnumSchema) -> Result<Node> {
        let symbols = Enum::new(symbols.name.name(), &symbols.symbols);
        push(&mut self.enums, symbols).map(Node::Enum)
    }

    fn record(&mut self, record: &'a RecordSchema) -> Result<()> {
        let nodes = record.fields.iter().map(|field| self.node(&field.schema));
        let nodes = nodes.collect::<Result<_>>()?;
        self.records.push((record, nodes));
        Ok(())
    }

    /// Puts the plan together.
    fn finish(self, root: Node) -> WritePlan {
        let mut defaults = self.defaults();
        let mut records = Vec::with_capacity(self.records.len());
        for (index, (record, nodes)) in (0..).zip(&self.records) {
            let fields = record.fields.iter().zip(nodes).enumerate();
            let fields = fields.map(|(position, (field, node))| {
                let default = defaults.absent(index, position);
                Field::new(field.name.as_str().into(), *node, default)
            });
            let is_wrapper = record.attributes.get(WRAPPER) == Some(&true.into());
            records.push(Record::new(
                record.name.name(),
                is_wrapper,
                fields.collect(),
            ));
        }
        WritePlan {
            root,
            records: records.into(),
            items: self.items.into(),
            fixed: self.fixed.into(),
            enums: self.enums.into(),
            unions: self.unions.into(),
        }
    }
}

/// Adds to a table, and returns where.
fn push<T>(table: &mut Vec<T>, entry: T) -> Result<u32> {
    let place = index(table.len())?;
    table.push(entry);
    Ok(place)
}

fn index(place: usize) -> Result<u32> {
    u32::try_from(place).map_err(|_| Error::new(ErrorKind::Codec, "schema has too many types"))
}
