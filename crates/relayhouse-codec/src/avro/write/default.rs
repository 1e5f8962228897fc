//! Defaults of the schema, written once, when the plan is compiled.

use std::collections::HashMap;

use apache_avro::schema::RecordSchema;
use serde_json::Value;

use super::{
    node::{Absent, Enum, Fixed, Node, Union},
    varint,
};

/// How much the defaults of one plan may come to, in bytes: a default may repeat others, and so on.
const BYTES_MAX: usize = 16 << 20;

/// How many values may be looked at for the defaults of one plan.
const STEPS_MAX: usize = 1 << 20;

/// How deep defaults may stand in each other.
const DEPTH_MAX: usize = 128;

/// Writes defaults by the tables of a plan.
///
/// It keeps to the specification where `apache-avro` does not: the text of a default for bytes has
/// a character for each byte, and named types have defaults wherever they are defined.
pub(super) struct Defaults<'a> {
    items: &'a [Node],
    fixed: &'a [Fixed],
    enums: &'a [Enum],
    unions: &'a [Union],
    records: &'a [(&'a RecordSchema, Vec<Node>)],
    /// The defaults of fields that are known, or being looked at: those are none.
    fields: HashMap<(u32, usize), Option<Box<[u8]>>>,
    depth: usize,
    bytes_left: usize,
    steps_left: usize,
}

impl<'a> Defaults<'a> {
    pub(super) fn new(
        items: &'a [Node],
        fixed: &'a [Fixed],
        enums: &'a [Enum],
        unions: &'a [Union],
        records: &'a [(&'a RecordSchema, Vec<Node>)],
    ) -> Self {
        Self {
            items,
            fixed,
            enums,
            unions,
            records,
            fields: HashMap::new(),
            depth: 0,
            bytes_left: BYTES_MAX,
            steps_left: STEPS_MAX,
        }
    }

    /// Returns what is written for a field that is absent.
    pub(super) fn absent(&mut self, record: u32, position: usize) -> Absent {
        let (schema, _) = self.records[record as usize];
        if schema.fields[position].default.is_none() {
            return Absent::Required;
        }
        let mut bytes = Vec::new();
        match self.field(record, position, &mut bytes) {
            Some(()) => Absent::Default(bytes.into()),
            None => Absent::Misfit,
        }
    }

    /// Writes the default of a field.
    fn field(&mut self, record: u32, position: usize, out: &mut Vec<u8>) -> Option<()> {
        if let Some(known) = self.fields.get(&(record, position)) {
            out.extend_from_slice(known.as_ref()?);
            return Some(());
        }
        let (schema, nodes) = &self.records[record as usize];
        let default = schema.fields[position].default.as_ref()?;
        self.fields.insert((record, position), None);
        let start = out.len();
        self.value(nodes[position], default, out)?;
        let bytes = &out[start..];
        self.bytes_left = self.bytes_left.checked_sub(bytes.len())?;
        self.fields.insert((record, position), Some(bytes.into()));
        Some(())
    }

    fn value(&mut self, node: Node, value: &Value, out: &mut Vec<u8>) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        if self.depth == DEPTH_MAX || self.bytes_left < out.len() {
            return None;
        }
        self.depth += 1;
        let written = self.value_at_depth(node, value, out);
        self.depth -= 1;
        written
    }

    fn value_at_depth(&mut self, node: Node, value: &Value, out: &mut Vec<u8>) -> Option<()> {
        match (node, value) {
            (Node::Null, Value::Null) => {}
            (Node::Boolean, Value::Bool(value)) => out.push((*value).into()),
            (Node::Int, Value::Number(number)) => {
                long(i32::try_from(number.as_i64()?).ok()?.into(), out);
            }
            (Node::Long, Value::Number(number)) => long(number.as_i64()?, out),
            (Node::Float, Value::Number(number)) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a float is the nearest one"
                )]
                let value = number.as_f64()? as f32;
                out.extend_from_slice(&value.to_le_bytes());
            }
            (Node::Double, Value::Number(number)) => {
                out.extend_from_slice(&number.as_f64()?.to_le_bytes());
            }
            (Node::Bytes, Value::String(text)) => {
                length(text.chars().count(), out)?;
                octets(text, out)?;
            }
            (Node::Fixed(index), Value::String(text)) => {
                let size = self.fixed[index as usize].size;
                (text.chars().count() == size).then(|| octets(text, out))??;
            }
            (Node::Text | Node::UuidText, Value::String(text)) => {
                length(text.len(), out)?;
                out.extend_from_slice(text.as_bytes());
            }
            (Node::Enum(index), Value::String(symbol)) => {
                long(self.enums[index as usize].find(symbol)?.into(), out);
            }
            (Node::Array(item), Value::Array(values)) => {
                let item = self.items[item as usize];
                block(values.len(), out)?;
                values
                    .iter()
                    .try_for_each(|value| self.value(item, value, out))?;
                out.push(0);
            }
            (Node::Map(item), Value::Object(entries)) => {
                let item = self.items[item as usize];
                block(entries.len(), out)?;
                for (key, value) in entries {
                    self.value(Node::Text, &Value::String(key.clone()), out)?;
                    self.value(item, value, out)?;
                }
                out.push(0);
            }
            (Node::Record(index), Value::Object(entries)) => {
                let (schema, nodes) = &self.records[index as usize];
                for (position, field) in schema.fields.iter().enumerate() {
                    match entries.get(&field.name) {
                        Some(value) => self.value(nodes[position], value, out)?,
                        None => self.field(index, position, out)?,
                    }
                }
            }
            (Node::Union(index), value) => self.branch(&self.unions[index as usize], value, out)?,
            _ => return None,
        }
        Some(())
    }

    /// Writes the value in the first branch that it is a value of.
    fn branch(&mut self, union: &Union, value: &Value, out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        (0..).zip(&union.branches).find_map(|(branch, node)| {
            out.truncate(start);
            long(branch, out);
            self.value(*node, value, out)
        })
    }
}

/// Writes the bytes that the characters of `text` stand for, up to 255.
fn octets(text: &str, out: &mut Vec<u8>) -> Option<()> {
    for character in text.chars() {
        out.push(u8::try_from(character).ok()?);
    }
    Some(())
}

fn block(items: usize, out: &mut Vec<u8>) -> Option<()> {
    match items {
        0 => Some(()),
        _ => length(items, out),
    }
}

fn length(length: usize, out: &mut Vec<u8>) -> Option<()> {
    long(i64::try_from(length).ok()?, out);
    Some(())
}

fn long(value: i64, out: &mut Vec<u8>) {
    let (bytes, length) = varint::bytes(varint::zigzag(value));
    out.extend_from_slice(&bytes[..length]);
}
