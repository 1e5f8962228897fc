//! From two schemas to a plan: the rules of resolution, applied once.
//!
//! Records are compiled one after the other, however they name each other. What does not resolve
//! becomes a node that says why; at the end it is worked out what that spoils.

mod fit;
mod spoilt;

pub(in crate::avro) use self::fit::{Fit, fit, name as type_name};

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt::Write,
    ptr,
};

use apache_avro::schema::{EnumSchema, Name, RecordSchema, Schema as Parsed, UnionSchema};
use relayhouse_core::{Error, ErrorKind, Result};

use super::{
    memory::{Memory, in_order},
    plan::{Action, Branch, Constant, Enum, Node, Plan, Record, RecordKind, Step},
};
use crate::avro::{
    schema::{Names, Schema},
    shown::shown,
    write::defaults,
};

/// How many steps, branches and symbols one plan may have.
const STEPS_MAX: usize = 1 << 18;

/// How many branches are compared for what one step costs.
pub(in crate::avro) const COMPARED_A_STEP: usize = 16;

/// How many bytes a reason has for what one step costs.
const REASON_BYTES_A_STEP: usize = 64;

/// The place of what stands in an array or a map.
const ITEM: &str = "[]";

/// How many places of a path are shown.
const PATH_MAX: usize = 16;

const TUPLE: &str = "org.apache.avro.rust.tuple";
const NEWTYPE: &str = "org.apache.avro.rust.union_of_records";

/// Compiles the plan by which `reader` reads what `writer` wrote: its tables, its root, and what
/// the reader's schema is called.
pub(super) fn compile(writer: &Schema, reader: &Schema) -> Result<(Plan, Node, Box<str>)> {
    let mut compiler = Compiler {
        names: [writer.names(), reader.names()],
        defaults: defaults(reader)?,
        plan: Plan::default(),
        known: HashMap::new(),
        constants: HashMap::new(),
        waiting: VecDeque::new(),
        places: vec![Place {
            parent: None,
            segment: root_name(reader.inner()),
        }],
        place: 0,
        steps_left: STEPS_MAX,
    };
    let root = compiler.resolve(
        At::new(Side::Writer, writer.inner()),
        At::new(Side::Reader, reader.inner()),
    );
    while let Some(waiting) = compiler.waiting.pop_front() {
        compiler.check()?;
        compiler.record(&waiting);
    }
    compiler.check()?;
    let Compiler { mut plan, .. } = compiler;
    if let Some(reason) = plan.spoil(root) {
        let reason = &plan.reasons[reason as usize];
        return Err(Error::new(
            ErrorKind::Codec,
            format!("Avro schemas do not resolve: {reason}"),
        ));
    }
    plan.find_optionals();
    Ok((plan, root, root_name(reader.inner()).into()))
}

fn root_name(schema: &Parsed) -> &str {
    schema.name().map_or("value", Name::name)
}

/// Which of the two schemas something is a part of. What is only skipped, and what is only a
/// default, is of one schema on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Writer,
    Reader,
}

/// A part of a schema.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    side: Side,
    schema: &'a Parsed,
}

/// A record that has a node, and no steps yet.
#[derive(Debug)]
struct Waiting<'a> {
    record: usize,
    place: usize,
    writer: (Side, &'a RecordSchema),
    reader: (Side, &'a RecordSchema),
}

/// A place in the reader's schema, for the reason of a failure.
#[derive(Debug)]
struct Place<'a> {
    parent: Option<usize>,
    segment: &'a str,
}

struct Compiler<'a> {
    names: [Names<'a>; 2],
    /// The defaults of the reader's fields, as they are written.
    defaults: HashMap<(&'a Name, usize), Box<[u8]>>,
    plan: Plan,
    /// The nodes of pairs of records and of enums.
    known: HashMap<[(Side, &'a Name); 2], Node>,
    /// The steps of fields that are defaults.
    constants: HashMap<(&'a Name, usize), Action>,
    waiting: VecDeque<Waiting<'a>>,
    places: Vec<Place<'a>>,
    place: usize,
    steps_left: usize,
}

impl<'a> At<'a> {
    fn new(side: Side, schema: &'a Parsed) -> Self {
        Self { side, schema }
    }

    fn with(self, schema: &'a Parsed) -> Self {
        Self { schema, ..self }
    }
}

impl<'a> Compiler<'a> {
    /// Returns the node by which what is written at `writer` is read as `reader`.
    fn resolve(&mut self, writer: At<'a>, reader: At<'a>) -> Node {
        let (writer, reader) = (self.defined(writer), self.defined(reader));
        match (writer.schema, reader.schema) {
            (Parsed::Union(union), _) => self.union(writer.side, union, reader),
            (_, Parsed::Union(union)) => {
                let branch = self.branch(writer, reader.side, union);
                match branch.node {
                    Node::Never(_) => branch.node,
                    _ => Node::Branch(push(&mut self.plan.branches, branch)),
                }
            }
            _ => self.plain(writer, reader),
        }
    }

    /// Follows a name to its definition, which each name of a schema has.
    fn defined(&self, at: At<'a>) -> At<'a> {
        let names = &self.names[at.side as usize];
        match at.schema {
            Parsed::Ref { name } => At::new(at.side, names.get(name).copied().unwrap_or(at.schema)),
            _ => at,
        }
    }

    /// Resolves each branch of the writer's union by itself.
    fn union(&mut self, side: Side, union: &'a UnionSchema, reader: At<'a>) -> Node {
        let variants = (0..).zip(union.variants());
        let branches = variants.map(|(index, variant)| {
            let writer = self.defined(At::new(side, variant));
            match reader.schema {
                // Of one and the same union each branch is itself.
                Parsed::Union(same) if ptr::eq(same, union) => Branch {
                    index,
                    node: self.plain(writer, writer),
                },
                Parsed::Union(union) => self.branch(writer, reader.side, union),
                _ => Branch {
                    index: 0,
                    node: self.plain(writer, reader),
                },
            }
        });
        let branches = branches.collect::<Vec<_>>();
        self.spend(branches.len());
        let place = push(&mut self.plan.unions, branches);
        match reader.schema {
            Parsed::Union(_) => Node::Union(place),
            _ => Node::Choice(place),
        }
    }

    /// Finds the reader's branch for what the writer has: the first that is the same type, else
    /// the first that it can be promoted to. So do other implementations, which know unions of
    /// int and long, and so prefer the branch that loses nothing.
    fn branch(&mut self, writer: At<'a>, side: Side, union: &'a UnionSchema) -> Branch {
        self.spend(union.variants().len().div_ceil(COMPARED_A_STEP));
        if self.steps_left == 0 {
            let node = self.never("there are too many branches");
            return Branch { index: 0, node };
        }
        let variants = (0..).zip(union.variants());
        let fits = variants.filter_map(|(index, variant)| {
            let reader = self.defined(At::new(side, variant));
            let fit = fit(writer.schema, reader.schema)?;
            Some((fit, index, reader))
        });
        match fits.min_by_key(|(fit, index, _)| (*fit, *index)) {
            Some((_, index, reader)) => Branch {
                index,
                node: self.plain(writer, reader),
            },
            None => {
                let name = fit::name(writer.schema);
                let node = self.never(&format!("the reader's union has no branch for {name}"));
                Branch { index: 0, node }
            }
        }
    }

    /// Resolves what is no union.
    fn plain(&mut self, writer: At<'a>, reader: At<'a>) -> Node {
        let is_fit = fit(writer.schema, reader.schema).is_some();
        match (writer.schema, reader.schema) {
            (Parsed::Record(from), Parsed::Record(to)) if is_fit => self.known(
                [(writer.side, &from.name), (reader.side, &to.name)],
                |compiler| compiler.new_record((writer.side, from), (reader.side, to)),
            ),
            (Parsed::Enum(from), Parsed::Enum(to)) if is_fit => self.known(
                [(writer.side, &from.name), (reader.side, &to.name)],
                |compiler| compiler.new_enum(from, to),
            ),
            (Parsed::Array(from), Parsed::Array(to)) => {
                Node::Array(self.item(writer.with(&from.items), reader.with(&to.items)))
            }
            (Parsed::Map(from), Parsed::Map(to)) => {
                Node::Map(self.item(writer.with(&from.types), reader.with(&to.types)))
            }
            (from, to) => match fit::node(from, to) {
                Some(node) if is_fit => node,
                _ => {
                    let (from, to) = (fit::name(from), fit::name(to));
                    self.never(&format!("{from} cannot be read as {to}"))
                }
            },
        }
    }

    fn item(&mut self, writer: At<'a>, reader: At<'a>) -> u32 {
        let place = self.place;
        self.place = self.place_in(ITEM);
        let node = self.resolve(writer, reader);
        self.place = place;
        push(&mut self.plan.items, node)
    }

    /// Returns the node of a pair of named types, which `make` makes the first time.
    fn known(&mut self, pair: [(Side, &'a Name); 2], make: impl FnOnce(&mut Self) -> Node) -> Node {
        if let Some(node) = self.known.get(&pair) {
            return *node;
        }
        let node = make(self);
        self.known.insert(pair, node);
        node
    }

    fn new_enum(&mut self, writer: &'a EnumSchema, reader: &'a EnumSchema) -> Node {
        let known = reader.symbols.iter().collect::<HashSet<_>>();
        let symbols = writer.symbols.iter().map(|symbol| {
            let symbol = if known.contains(symbol) {
                Some(symbol)
            } else {
                reader.default.as_ref()
            };
            symbol.map(|symbol| symbol.as_str().into())
        });
        let symbols = symbols.collect::<Vec<_>>();
        self.spend(symbols.len());
        if !symbols.is_empty() && symbols.iter().all(Option::is_none) {
            let name = shown(reader.name.as_ref());
            return self.never(&format!("the enums {name} have no symbol in common"));
        }
        Node::Enum(push(&mut self.plan.enums, Enum { symbols }))
    }

    fn new_record(
        &mut self,
        writer: (Side, &'a RecordSchema),
        reader: (Side, &'a RecordSchema),
    ) -> Node {
        let (_, schema) = reader;
        let is = |attribute| schema.attributes.get(attribute) == Some(&true.into());
        let kind = match schema.fields.len() {
            1 if is(NEWTYPE) => RecordKind::Newtype,
            _ if is(TUPLE) => RecordKind::Tuple,
            _ => RecordKind::Struct,
        };
        self.waiting.push_back(Waiting {
            record: self.plan.records.len(),
            place: self.place,
            writer,
            reader,
        });
        let record = Record {
            name: schema.name.name().into(),
            steps: Vec::new(),
            kind,
            field_count: schema.fields.len(),
            in_order: None,
            memory: Memory::default(),
        };
        Node::Record(push(&mut self.plan.records, record))
    }

    /// Works out the steps of a record.
    fn record(&mut self, waiting: &Waiting<'a>) {
        let Waiting {
            writer: (side, writer),
            reader: (reader_side, reader),
            ..
        } = *waiting;
        let step_count = writer.fields.len() + reader.fields.len();
        self.spend(step_count);
        let mut read_as = pair(writer, reader);
        let mut steps = Vec::with_capacity(step_count);
        for (field, as_field) in writer.fields.iter().zip(&mut read_as.of_writer) {
            self.place = waiting.place;
            self.place = self.place_in(&field.name);
            let from = At::new(side, &field.schema);
            steps.push(match *as_field {
                Some(index) => {
                    let to = &reader.fields[index];
                    let node = self.resolve(from, At::new(reader_side, &to.schema));
                    Step::new(Action::Take(node), &to.name, index)
                }
                None => Step::new(Action::Skip(self.resolve(from, from)), &field.name, 0),
            });
        }
        for index in read_as.missing {
            let field = &reader.fields[index];
            self.place = waiting.place;
            self.place = self.place_in(&field.name);
            let action = self.default(reader, index, At::new(reader_side, &field.schema));
            steps.push(Step::new(action, &field.name, index));
        }
        let record = &mut self.plan.records[waiting.record];
        record.in_order = in_order(&by_field(&steps, reader.fields.len()), &steps);
        record.steps = steps;
    }

    /// Returns the step of a field that the writer does not have.
    fn default(&mut self, record: &'a RecordSchema, index: usize, at: At<'a>) -> Action {
        let key = (&record.name, index);
        if let Some(known) = self.constants.get(&key) {
            return *known;
        }
        let action = match (self.defaults.remove(&key), &record.fields[index].default) {
            (Some(datum), _) => {
                let node = self.resolve(at, at);
                self.constant(node, datum)
            }
            (None, Some(_)) => Action::Take(self.never("the default is not of the field's type")),
            (None, None) => Action::Take(
                self.never("the writer has no such field, and the reader no default for it"),
            ),
        };
        self.constants.insert(key, action);
        action
    }

    /// Returns the step of a default. The usual one, null, needs no datum.
    fn constant(&mut self, node: Node, datum: Box<[u8]>) -> Action {
        if let (Node::Union(union), [index]) = (node, &*datum) {
            let branch = self.plan.unions[union as usize].get(usize::from(index / 2));
            if let Some(branch) = branch.copied().filter(|branch| branch.node == Node::Null) {
                return Action::Null(Node::Branch(push(&mut self.plan.branches, branch)));
            }
        }
        Action::Constant(push(&mut self.plan.constants, Constant { node, datum }))
    }

    /// Makes the node of what cannot be read, with the reason and the place.
    fn never(&mut self, text: &str) -> Node {
        let mut path = Vec::new();
        let mut place = Some(self.place);
        while let Some(index) = place.filter(|_| path.len() < PATH_MAX) {
            path.push(self.places[index].segment);
            place = self.places[index].parent;
        }
        let mut reason = String::new();
        for (index, segment) in path.iter().rev().enumerate() {
            let dot = if index == 0 || *segment == ITEM {
                ""
            } else {
                "."
            };
            // Writing to a string cannot fail.
            let _ = write!(reason, "{dot}{}", shown(segment));
        }
        let _ = write!(reason, ": {text}");
        self.spend(1 + reason.len() / REASON_BYTES_A_STEP);
        Node::Never(push(&mut self.plan.reasons, reason.into()))
    }

    fn spend(&mut self, steps: usize) {
        self.steps_left = self.steps_left.saturating_sub(steps);
    }

    fn check(&self) -> Result<()> {
        match self.steps_left {
            0 => Err(Error::new(
                ErrorKind::Codec,
                format!("resolution of Avro schemas takes more than {STEPS_MAX} steps"),
            )),
            _ => Ok(()),
        }
    }

    fn place_in(&mut self, segment: &'a str) -> usize {
        self.places.push(Place {
            parent: Some(self.place),
            segment,
        });
        self.places.len() - 1
    }
}

/// Which fields of two records belong together.
pub(in crate::avro) struct Paired {
    /// The reader's field for each of the writer's.
    pub(in crate::avro) of_writer: Vec<Option<usize>>,
    /// The reader's fields that the writer does not have.
    pub(in crate::avro) missing: Vec<usize>,
}

/// Pairs fields by the reader's names, and then by its other names for fields that are left.
pub(in crate::avro) fn pair(writer: &RecordSchema, reader: &RecordSchema) -> Paired {
    let names = writer.fields.iter().map(|field| field.name.as_str());
    let places = names.zip(0..).collect::<HashMap<_, usize>>();
    let mut of_writer = vec![None; writer.fields.len()];
    let mut missing = Vec::new();
    let mut unnamed = Vec::new();
    for (index, field) in reader.fields.iter().enumerate() {
        match places.get(field.name.as_str()) {
            Some(place) => of_writer[*place] = Some(index),
            None => unnamed.push((index, &field.aliases)),
        }
    }
    for (index, aliases) in unnamed {
        let mut places = aliases
            .iter()
            .filter_map(|alias| places.get(alias.as_str()));
        match places.find(|place| of_writer[**place].is_none()) {
            Some(place) => of_writer[*place] = Some(index),
            None => missing.push(index),
        }
    }
    Paired { of_writer, missing }
}

/// Returns the place of the step that each of the reader's fields has.
fn by_field(steps: &[Step], field_count: usize) -> Vec<usize> {
    let mut places = vec![0; field_count];
    for (place, step) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !step.is_skipped())
    {
        places[step.field as usize] = place;
    }
    places
}

/// Adds to a table, and returns where. No table outgrows the bound on steps.
fn push<T>(table: &mut Vec<T>, entry: T) -> u32 {
    table.push(entry);
    u32::try_from(table.len() - 1).unwrap_or(u32::MAX)
}
