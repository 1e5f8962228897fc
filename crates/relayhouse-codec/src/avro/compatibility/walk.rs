//! The walk over two schemas at once, by the rules of resolution.

use std::collections::{HashMap, HashSet};

use apache_avro::schema::{EnumSchema, Name, RecordSchema, Schema as Parsed, UnionSchema};
use relayhouse_core::{Error, ErrorKind, Result};

use super::{Difference, Direction};
use crate::avro::{
    read::{COMPARED_A_STEP, Fit, fit, pair, type_name},
    schema::{Names, Schema},
    write::defaults,
};

/// How many pairs of types are compared, and how many differences are found, at most.
const STEPS_MAX: usize = 1 << 16;

const TYPES: &str = "a type is read as itself, or as one that it promotes to";
const PROMOTION: &str = "int, long, float and double widen; bytes and string read as each other";
const NAMES: &str = "named types match by the last part of their names, or by an alias";
const LOGICAL: &str = "a logical type and the type below it read as each other";
const DEFAULT: &str = "a field that the data do not have is read as its default";
const NO_DEFAULT: &str = "a field that the data do not have needs a default";
const PASSED_OVER: &str = "a field that only the data have is passed over";
const ALIAS: &str = "an alias of a field is the name of another in the data";
const BRANCH: &str = "each branch of a union in the data needs one to be read as";
const SYMBOL: &str = "a symbol that only the data have is read as the default of the enum";
const NO_SYMBOL: &str = "a symbol that only the data have needs a default of the enum";

/// Compares what one schema writes with what another reads.
pub(super) struct Walk<'a> {
    direction: Direction,
    writer: &'a Parsed,
    reader: &'a Parsed,
    names: [Names<'a>; 2],
    /// The defaults of the reader's fields, those that are of the field's type.
    defaults: HashMap<(&'a Name, usize), Box<[u8]>>,
    /// The pairs of named types that were compared, or are being compared.
    seen: HashSet<[&'a Name; 2]>,
    path: Vec<&'a str>,
    steps_left: usize,
    found: Vec<Difference>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        direction: Direction,
        writer: &'a Schema,
        reader: &'a Schema,
    ) -> Result<Self> {
        let root = reader.inner().name().map_or("value", Name::name);
        Ok(Self {
            direction,
            writer: writer.inner(),
            reader: reader.inner(),
            names: [writer.names(), reader.names()],
            defaults: defaults(reader)?,
            seen: HashSet::new(),
            path: vec![root],
            steps_left: STEPS_MAX,
            found: Vec::new(),
        })
    }

    /// Walks, and adds what was found to `found`.
    pub(super) fn run(mut self, found: &mut Vec<Difference>) -> Result<()> {
        self.any(self.writer, self.reader)?;
        found.append(&mut self.found);
        Ok(())
    }

    fn any(&mut self, writer: &'a Parsed, reader: &'a Parsed) -> Result<()> {
        self.step()?;
        let (writer, reader) = (self.defined(0, writer), self.defined(1, reader));
        match (writer, reader) {
            (Parsed::Union(union), _) => union
                .variants()
                .iter()
                .try_for_each(|variant| self.branch(self.defined(0, variant), reader)),
            (_, Parsed::Union(_)) => self.branch(writer, reader),
            _ => self.plain(writer, reader),
        }
    }

    /// Compares a type, or a branch of the writer's, with the branch that reads it.
    fn branch(&mut self, writer: &'a Parsed, reader: &'a Parsed) -> Result<()> {
        let Parsed::Union(union) = reader else {
            return self.plain(writer, reader);
        };
        self.spend(union.variants().len().div_ceil(COMPARED_A_STEP))?;
        match self.best(writer, union) {
            Some(reader) => self.plain(writer, reader),
            None => {
                let (name, of) = (type_name(writer), self.direction.reader());
                let what = format!("the union of the {of} schema has no branch for {name}");
                self.note(true, what, BRANCH)
            }
        }
    }

    /// Finds the branch that reads what `writer` has written.
    fn best(&self, writer: &'a Parsed, union: &'a UnionSchema) -> Option<&'a Parsed> {
        let variants = union.variants().iter();
        let variants = variants.map(|variant| self.defined(1, variant)).enumerate();
        let fits =
            variants.filter_map(|(index, reader)| Some((fit(writer, reader)?, index, reader)));
        let best = fits.min_by_key(|(fit, index, _)| (*fit, *index));
        best.map(|(.., reader)| reader)
    }

    fn plain(&mut self, writer: &'a Parsed, reader: &'a Parsed) -> Result<()> {
        let (from, to) = (type_name(writer), type_name(reader));
        let Some(fit) = fit(writer, reader) else {
            return self.note(true, format!("{from} cannot be read as {to}"), TYPES);
        };
        if from != to {
            let rule = match fit {
                Fit::Promoted => PROMOTION,
                Fit::Named => NAMES,
                Fit::Same => LOGICAL,
            };
            self.note(false, format!("{from} is read as {to}"), rule)?;
        }
        match (writer, reader) {
            (Parsed::Array(from), Parsed::Array(to)) => self.inside("[]", &from.items, &to.items),
            (Parsed::Map(from), Parsed::Map(to)) => self.inside("[]", &from.types, &to.types),
            (Parsed::Record(from), Parsed::Record(to))
                if self.seen.insert([&from.name, &to.name]) =>
            {
                self.record(from, to)
            }
            (Parsed::Enum(from), Parsed::Enum(to)) if self.seen.insert([&from.name, &to.name]) => {
                self.symbols(from, to)
            }
            _ => Ok(()),
        }
    }

    fn record(&mut self, writer: &'a RecordSchema, reader: &'a RecordSchema) -> Result<()> {
        let paired = pair(writer, reader);
        for (field, index) in writer.fields.iter().zip(paired.of_writer) {
            let Some(index) = index else {
                let of = self.direction.writer();
                let what = format!("only the {of} schema has this field; it is passed over");
                self.at(&field.name, |walk| walk.note(false, what, PASSED_OVER))?;
                continue;
            };
            let as_field = &reader.fields[index];
            if field.name != as_field.name {
                let (name, of) = (&field.name, self.direction.writer());
                let what = format!("{name} of the {of} schema is read as this field");
                self.at(&as_field.name, |walk| walk.note(false, what, ALIAS))?;
            }
            self.inside(&as_field.name, &field.schema, &as_field.schema)?;
        }
        for index in paired.missing {
            self.missing(reader, index)?;
        }
        Ok(())
    }

    fn missing(&mut self, reader: &'a RecordSchema, index: usize) -> Result<()> {
        let field = &reader.fields[index];
        let of = self.direction.reader();
        let has_default = self.defaults.contains_key(&(&reader.name, index));
        let (tail, rule) = match (has_default, &field.default) {
            (true, _) => ("; its default is filled in", DEFAULT),
            (false, Some(_)) => (", and its default is not of its type", NO_DEFAULT),
            (false, None) => (", and it has no default", NO_DEFAULT),
        };
        let what = format!("only the {of} schema has this field{tail}");
        self.at(&field.name, |walk| walk.note(!has_default, what, rule))
    }

    fn symbols(&mut self, writer: &EnumSchema, reader: &EnumSchema) -> Result<()> {
        let of = self.direction.writer();
        let known = reader.symbols.iter().collect::<HashSet<_>>();
        for symbol in &writer.symbols {
            if known.contains(symbol) {
                continue;
            }
            match &reader.default {
                Some(default) => {
                    let what =
                        format!("only the {of} schema has {symbol}; it is read as {default}");
                    self.note(false, what, SYMBOL)?;
                }
                None => {
                    let what = format!("only the {of} schema has {symbol}");
                    self.note(true, what, NO_SYMBOL)?;
                }
            }
        }
        Ok(())
    }

    fn inside(&mut self, segment: &'a str, writer: &'a Parsed, reader: &'a Parsed) -> Result<()> {
        self.at(segment, |walk| walk.any(writer, reader))
    }

    fn at(&mut self, segment: &'a str, go: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.path.push(segment);
        let result = go(self);
        self.path.pop();
        result
    }

    /// Follows a name to its definition, which each name of a schema has.
    fn defined(&self, side: usize, schema: &'a Parsed) -> &'a Parsed {
        match schema {
            Parsed::Ref { name } => self.names[side].get(name).copied().unwrap_or(schema),
            _ => schema,
        }
    }

    fn note(&mut self, is_breaking: bool, what: String, rule: &'static str) -> Result<()> {
        self.step()?;
        self.found.push(Difference {
            direction: self.direction,
            path: self.path.join(".").replace(".[]", "[]"),
            what,
            rule,
            is_breaking,
        });
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        self.spend(1)
    }

    fn spend(&mut self, steps: usize) -> Result<()> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left = left.ok_or_else(|| {
            let rule = format!("comparison of Avro schemas takes more than {STEPS_MAX} steps");
            Error::new(ErrorKind::Codec, rule)
        })?;
        Ok(())
    }
}
