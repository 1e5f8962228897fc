//! Compatibility of schemas, cross-checked with `apache-avro`.

use apache_avro::schema_compatibility::{Compatibility as Reference, SchemaCompatibility};

use super::*;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

/// A record of `fields`.
fn order(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#
    ))
}

/// What differs for a new schema that reads the old one's data, as `+ ` or `- ` and a text.
fn backward(old: &Schema, new: &Schema) -> Vec<String> {
    let found = compare(old, new, Compatibility::Backward).unwrap();
    let shown = found.iter().map(|difference| {
        let sign = if difference.is_breaking { '-' } else { '+' };
        format!("{sign} {}: {}", difference.path, difference.what)
    });
    shown.collect()
}

#[track_caller]
fn check(old: &str, new: &str, expected: &[&str]) {
    let (old, new) = (schema(old), schema(new));
    assert_eq!(backward(&old, &new), expected);
    let is_compatible = expected.iter().all(|line| line.starts_with('+'));
    let reference = SchemaCompatibility::can_read(old.inner(), new.inner());
    // What it calls partial is that some data cannot be read.
    let is_readable = matches!(reference, Ok(Reference::Full));
    assert_eq!(is_readable, is_compatible, "apache-avro: {reference:?}");
}

#[track_caller]
fn check_fields(old: &str, new: &str, expected: &[&str]) {
    let record =
        |fields: &str| format!(r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#);
    check(&record(old), &record(new), expected);
}

#[test]
fn same_schema_has_no_difference() {
    let tree = r#"{"type": "record", "name": "Tree", "doc": "x", "fields": [
        {"name": "left", "type": ["null", "Tree"], "default": null},
        {"name": "key", "type": {"type": "fixed", "name": "Key", "size": 4}},
        {"name": "keys", "type": {"type": "map", "values": {"type": "array", "items": "Key"}}}
    ]}"#;
    check(tree, tree, &[]);
}

#[test]
fn field_that_the_data_do_not_have_needs_a_default() {
    check_fields(
        r#"{"name": "id", "type": "long"}, {"name": "gone", "type": "int"}"#,
        r#"{"name": "id", "type": "long"},
           {"name": "currency", "type": "string", "default": "EUR"},
           {"name": "total", "type": "double"}"#,
        &[
            "+ Order.gone: only the old schema has this field; it is passed over",
            "+ Order.currency: only the new schema has this field; its default is filled in",
            "- Order.total: only the new schema has this field, and it has no default",
        ],
    );
}

#[test]
fn numbers_widen_and_do_not_narrow() {
    check(r#""int""#, r#""long""#, &["+ value: int is read as long"]);
    check(
        r#""long""#,
        r#""int""#,
        &["- value: long cannot be read as int"],
    );
    check(
        r#""string""#,
        r#""int""#,
        &["- value: string cannot be read as int"],
    );
}

#[test]
fn place_inside_arrays_and_maps_is_named() {
    check_fields(
        r#"{"name": "rows", "type": {"type": "array", "items": {"type": "map", "values": "long"}}}"#,
        r#"{"name": "rows", "type": {"type": "array", "items": {"type": "map", "values": "int"}}}"#,
        &["- Order.rows[][]: long cannot be read as int"],
    );
}

#[test]
fn renamed_field_is_found_by_its_alias() {
    let old = order(r#"{"name": "total", "type": "int"}"#);
    let new = order(r#"{"name": "sum", "aliases": ["total"], "type": "int"}"#);
    assert_eq!(
        backward(&old, &new),
        ["+ Order.sum: total of the old schema is read as this field"]
    );
}

#[test]
fn each_branch_of_the_data_needs_one_to_be_read_as() {
    check(
        r#"["null", "int"]"#,
        r#"["null", "long"]"#,
        &["+ value: int is read as long"],
    );
    check(
        r#"["null", "int", "string"]"#,
        r#"["null", "int"]"#,
        &["- value: the union of the new schema has no branch for string"],
    );
    check(r#""int""#, r#"["null", "int"]"#, &[]);
    check(
        r#"["null", "int"]"#,
        r#""int""#,
        &["- value: null cannot be read as int"],
    );
}

#[test]
fn new_symbol_needs_a_default_of_who_reads_it() {
    let of = |symbols, default| {
        format!(r#"{{"type": "enum", "name": "E", "symbols": [{symbols}]{default}}}"#)
    };
    let (one, two) = (r#""A""#, r#""A", "B""#);
    check(&of(one, ""), &of(two, ""), &[]);
    check(
        &of(two, ""),
        &of(one, ""),
        &["- E: only the old schema has B"],
    );
    check(
        &of(two, ""),
        &of(one, r#", "default": "A""#),
        &["+ E: only the old schema has B; it is read as A"],
    );
}

#[test]
fn fixed_types_match_by_size_and_name() {
    let of = |name, size| format!(r#"{{"type": "fixed", "name": "{name}", "size": {size}}}"#);
    check(
        &of("Key", 4),
        &of("Key", 8),
        &["- Key: fixed Key of 4 bytes cannot be read as fixed Key of 8 bytes"],
    );
    check(
        &of("Key", 4),
        &of("Other", 4),
        &["- Other: fixed Key of 4 bytes cannot be read as fixed Other of 4 bytes"],
    );
}

#[test]
fn recursive_types_are_compared_once() {
    let tree = |field: &str| {
        schema(&format!(
            r#"{{"type": "record", "name": "Tree", "fields": [
                {{"name": "sons", "type": {{"type": "array", "items": "Tree"}}}},
                {{"name": "size", "type": "{field}"}}
            ]}}"#
        ))
    };
    let found = backward(&tree("int"), &tree("long"));
    assert_eq!(found, ["+ Tree.size: int is read as long"]);
}

#[test]
fn mode_says_who_reads() {
    let old = order(r#"{"name": "id", "type": "int"}"#);
    let new = order(r#"{"name": "id", "type": "long"}"#);
    let breaking = |mode| {
        let found = compare(&old, &new, mode).unwrap();
        let breaking = found.iter().filter(|difference| difference.is_breaking);
        breaking
            .map(|difference| difference.direction)
            .collect::<Vec<_>>()
    };
    assert_eq!(breaking(Compatibility::Backward), []);
    assert_eq!(breaking(Compatibility::Forward), [Direction::Forward]);
    assert_eq!(breaking(Compatibility::Full), [Direction::Forward]);
}

/// Each branch of the one is held against each of the other.
#[test]
fn unions_that_take_long_to_compare_are_refused() {
    let union = |prefix: &str| {
        let branch =
            |index: usize| format!(r#"{{"type": "fixed", "name": "{prefix}{index}", "size": 1}}"#);
        let branches: Vec<_> = (0..12_000).map(branch).collect();
        schema(&format!("[{}]", branches.join(",")))
    };
    let error = compare(&union("A"), &union("B"), Compatibility::Backward).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}
