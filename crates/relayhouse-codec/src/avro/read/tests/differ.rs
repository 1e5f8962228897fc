//! Types of serde, with what the plan remembers of them: it reads what `apache-avro` reads.

use std::collections::BTreeMap;

use apache_avro::{
    from_value, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use proptest::{collection, option, prelude::*};
use serde::{Deserialize, Serialize};

use super::*;

const OLD: &str = r#"{"type": "record", "name": "Row", "fields": [
    {"name": "id", "type": "int"},
    {"name": "name", "type": "string"},
    {"name": "note", "type": ["null", "string"]},
    {"name": "ratio", "type": "float"},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["Small", "Large"]}},
    {"name": "parts", "type": {"type": "array", "items": {"type": "record", "name": "Part",
        "fields": [{"name": "count", "type": "int"}, {"name": "label", "type": "string"}]}}},
    {"name": "totals", "type": {"type": "map", "values": "long"}},
    {"name": "any", "type": ["null", "long", "string"]}]}"#;

/// The fields in another order, wider, and one more of them.
const NEW: &str = r#"{"type": "record", "name": "Row", "fields": [
    {"name": "name", "type": "string"},
    {"name": "id", "type": "long"},
    {"name": "ratio", "type": "double"},
    {"name": "note", "type": ["string", "null"]},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["Large", "Small"]}},
    {"name": "parts", "type": {"type": "array", "items": {"type": "record", "name": "Part",
        "fields": [{"name": "label", "type": "string"}, {"name": "count", "type": "int"}]}}},
    {"name": "more", "type": {"type": "array", "items": "int"}, "default": [1, 2]}]}"#;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: i32,
    name: String,
    note: Option<String>,
    ratio: f32,
    kind: Kind,
    parts: Vec<Part>,
    totals: BTreeMap<String, i64>,
    any: AnyOf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Small,
    Large,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    count: i32,
    label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum AnyOf {
    Nothing,
    Number(i64),
    Text(String),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Newer {
    id: i64,
    name: String,
    note: Option<String>,
    ratio: f64,
    kind: Kind,
    parts: Vec<Part>,
    more: Vec<i32>,
}

fn any_of() -> impl Strategy<Value = AnyOf> {
    prop_oneof![
        Just(AnyOf::Nothing),
        any::<i64>().prop_map(AnyOf::Number),
        ".{0,9}".prop_map(AnyOf::Text),
    ]
}

prop_compose! {
    fn row()(
        id: i32,
        name in ".{0,20}",
        note in option::of(".{0,9}"),
        ratio in -1e9_f32..1e9,
        is_small: bool,
        parts in collection::vec((any::<i32>(), ".{0,5}"), 0..9),
        totals in collection::btree_map(".{0,5}", any::<i64>(), 0..5),
        any in any_of(),
    ) -> Row {
        let kind = if is_small { Kind::Small } else { Kind::Large };
        let parts = parts.into_iter().map(|(count, label)| Part { count, label });
        Row { id, name, note, ratio, kind, parts: parts.collect(), totals, any }
    }
}

#[test]
fn types_of_serde_are_read_as_apache_avro_reads_them() {
    let (old, new) = (schema(OLD), schema(NEW));
    let same = ReadPlan::compile(&old, &old).unwrap();
    let resolving = ReadPlan::compile(&old, &new).unwrap();
    let writer = GenericDatumWriter::builder(old.inner()).build().unwrap();
    let reader = GenericDatumReader::builder(old.inner()).build().unwrap();
    let by_apache = GenericDatumReader::builder(old.inner());
    let by_apache = by_apache.reader_schema(new.inner()).build().unwrap();
    proptest!(|(row in row())| {
        let datum = writer.write_ser_to_vec(&row).unwrap();
        let read: Row = decode(&same, &datum).unwrap();
        prop_assert_eq!(&read, &row);
        prop_assert_eq!(reader.read_deser::<Row>(&mut &datum[..]).unwrap(), read);
        let newer: Newer = decode(&resolving, &datum).unwrap();
        let expected = by_apache.read_value(&mut &datum[..]).unwrap();
        prop_assert_eq!(newer, from_value(&expected).unwrap());
    });
}

/// `apache-avro` takes the map for the record before it, which needs none of its entries, and
/// loses them.
#[test]
fn map_in_a_union_is_not_taken_for_a_record_without_fields() {
    let of = |value: &str| {
        format!(
            r#"[{{"type": "record", "name": "Empty", "fields": []}},
                {{"type": "map", "values": "{value}"}}]"#
        )
    };
    let datum = [long(1), long(1), text("k"), long(7), long(0)].concat();
    let expected = BTreeMap::from([("k".to_owned(), 7)]);
    for (from, to) in [("int", "int"), ("int", "long")] {
        let read: BTreeMap<String, i64> = thrice(&resolved(&of(from), &of(to)), &datum);
        assert_eq!(read, expected);
        let (from, to) = (schema(&of(from)), schema(&of(to)));
        let by_apache = GenericDatumReader::builder(from.inner());
        let by_apache = by_apache.reader_schema(to.inner()).build().unwrap();
        let lost = Value::Union(0, Box::new(Value::Record(Vec::new())));
        assert_eq!(by_apache.read_value(&mut &datum[..]).unwrap(), lost);
    }
}
