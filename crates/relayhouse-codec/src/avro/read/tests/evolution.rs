//! Resolution: what one schema wrote, read as another says.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

fn record(name: &str, more: &str, fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "{name}"{more}, "fields": [{fields}]}}"#)
}

#[test]
fn numbers_are_promoted() {
    let read = |from: &str, to: &str, datum: &[u8]| {
        let plan = resolved(&format!("{from:?}"), &format!("{to:?}"));
        thrice::<f64>(&plan, datum)
    };
    for to in ["long", "float", "double"] {
        assert_eq!(read("int", to, &long(-3)), -3.0);
    }
    for to in ["float", "double"] {
        assert_eq!(read("long", to, &long(1 << 40)), (1_u64 << 40) as f64);
    }
    assert_eq!(read("float", "double", &1.5_f32.to_le_bytes()), 1.5);
    let as_long = resolved(r#""int""#, r#""long""#);
    assert_eq!(thrice::<i64>(&as_long, &long(-3)), -3);
    assert_eq!(thrice::<u32>(&as_long, &long(3)), 3);
    assert!(refused::<i64>(&as_long, &long(1 << 40)).contains("more than 32 bits"));
    assert_eq!(
        thrice::<f32>(&resolved(r#""long""#, r#""float""#), &long(1 << 30)),
        (1 << 30) as f32
    );
    assert_eq!(
        thrice::<String>(&resolved(r#""bytes""#, r#""string""#), &text("x")),
        "x"
    );
    let bytes = thrice::<serde_bytes::ByteBuf>(&resolved(r#""string""#, r#""bytes""#), &text("x"));
    assert_eq!(*bytes, *b"x");
}

/// `apache-avro` takes a long for an int that holds it, a double for a float, bytes for a fixed of
/// their size, and a map for a record; the specification has no such promotions.
#[test]
fn types_that_do_not_resolve_are_found_when_the_plan_is_compiled() {
    let fixed = r#"{"type": "fixed", "name": "F", "size": 4}"#;
    let map = r#"{"type": "map", "values": "int"}"#;
    let of_int = record("R", "", r#"{"name": "x", "type": "int"}"#);
    for (from, to, text) in [
        (r#""long""#, r#""int""#, "value: long cannot be read as int"),
        (
            r#""double""#,
            r#""float""#,
            "value: double cannot be read as float",
        ),
        (
            r#""int""#,
            r#""string""#,
            "value: int cannot be read as string",
        ),
        (
            r#""bytes""#,
            fixed,
            "F: bytes cannot be read as fixed F of 4 bytes",
        ),
        (
            fixed,
            r#""string""#,
            "value: fixed F of 4 bytes cannot be read as string",
        ),
        (map, &of_int, "R: map cannot be read as record R"),
    ] {
        assert_eq!(
            unresolved(from, to),
            format!("Avro schemas do not resolve: {text}")
        );
    }
}

#[test]
fn path_of_what_does_not_resolve_is_named() {
    let order = |price: &str| {
        let item = record(
            "Item",
            "",
            &format!(r#"{{"name": "price", "type": "{price}"}}"#),
        );
        let items = format!(r#"{{"name": "items", "type": {{"type": "array", "items": {item}}}}}"#);
        record("Order", "", &items)
    };
    let error = unresolved(&order("string"), &order("double"));
    assert!(
        error.ends_with("Order.items[].price: string cannot be read as double"),
        "{error}"
    );
    let more = record(
        "Order",
        "",
        r#"{"name": "items", "type": "int"}, {"name": "b", "type": "int"}"#,
    );
    let less = record("Order", "", r#"{"name": "items", "type": "int"}"#);
    let error = unresolved(&less, &more);
    assert!(
        error.ends_with("Order.b: the writer has no such field, and the reader no default for it"),
        "{error}"
    );
}

#[test]
fn names_and_sizes_of_named_types_must_match() {
    let fixed = |name, size| format!(r#"{{"type": "fixed", "name": "{name}", "size": {size}}}"#);
    let of = |name: &str| record(name, "", "");
    let symbols = |name: &str| format!(r#"{{"type": "enum", "name": "{name}", "symbols": ["A"]}}"#);
    assert!(unresolved(&fixed("F", 4), &fixed("F", 5)).contains("cannot be read"));
    assert!(unresolved(&fixed("F", 4), &fixed("G", 4)).contains("cannot be read"));
    assert!(unresolved(&of("F"), &of("G")).contains("record F cannot be read as record G"));
    assert!(unresolved(&symbols("F"), &symbols("G")).contains("cannot be read"));
    // The last part of the name counts, and so do the reader's aliases.
    resolved(&of("a.F"), &of("b.F"));
    resolved(&of("a.F"), &record("b.G", r#", "aliases": ["a.F"]"#, ""));
    resolved(
        &fixed("F", 4),
        r#"{"type": "fixed", "name": "G", "size": 4, "aliases": ["F"]}"#,
    );
    resolved(
        &symbols("F"),
        r#"{"type": "enum", "name": "G", "symbols": ["A"], "aliases": ["F"]}"#,
    );
    assert!(
        unresolved(&of("c.F"), &record("b.G", r#", "aliases": ["a.F"]"#, "")).contains("cannot")
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Grown {
    id: i64,
    name: String,
    note: Option<String>,
    tags: Vec<String>,
    size: Size,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Size {
    width: i32,
    height: i32,
}

const SIZE: &str = r#"{"type": "record", "name": "Size", "fields": [
    {"name": "width", "type": "int"}, {"name": "height", "type": "int", "default": 2}]}"#;

/// Fields are dropped, moved, renamed, widened and added at once.
#[test]
fn records_are_skipped_reordered_renamed_and_filled_up() {
    let old = record(
        "Row",
        "",
        r#"{"name": "dropped", "type": {"type": "array", "items": "string"}},
           {"name": "title", "type": "string"},
           {"name": "id", "type": "int"},
           {"name": "also_dropped", "type": ["null", "double"]}"#,
    );
    let new = record(
        "Row",
        "",
        &format!(
            r#"{{"name": "id", "type": "long"}},
               {{"name": "name", "type": "string", "aliases": ["label", "title"]}},
               {{"name": "note", "type": ["null", "string"], "default": null}},
               {{"name": "tags", "type": {{"type": "array", "items": "string"}},
                 "default": ["a", "b"]}},
               {{"name": "size", "type": {SIZE}, "default": {{"width": 1}}}}"#
        ),
    );
    let plan = resolved(&old, &new);
    let datum = [
        vec![2],
        text("gone"),
        vec![0],
        text("a title"),
        long(7),
        vec![2],
        vec![0; 8],
    ]
    .concat();
    let expected = Grown {
        id: 7,
        name: "a title".to_owned(),
        note: None,
        tags: vec!["a".to_owned(), "b".to_owned()],
        size: Size {
            width: 1,
            height: 2,
        },
    };
    assert_eq!(thrice::<Grown>(&plan, &datum), expected);
    let tuple: (i64, String, Option<String>, Vec<String>, Size) = thrice(&plan, &datum);
    assert_eq!((tuple.0, tuple.1.as_str(), tuple.2), (7, "a title", None));
    assert_eq!(
        (tuple.3.len(), tuple.4),
        (
            2,
            Size {
                width: 1,
                height: 2
            }
        )
    );
    let generic = json!({"id": 7, "name": "a title", "note": null, "tags": ["a", "b"],
        "size": {"width": 1, "height": 2}});
    assert_eq!(thrice::<Value>(&plan, &datum), generic);
}

#[test]
fn field_of_the_same_name_goes_before_an_alias() {
    let old = record(
        "R",
        "",
        r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int"}"#,
    );
    let new = record(
        "R",
        "",
        r#"{"name": "b", "type": "int", "aliases": ["a"]},
           {"name": "c", "type": "int", "aliases": ["b", "a"]}"#,
    );
    let plan = resolved(&old, &new);
    assert_eq!(thrice::<Value>(&plan, &[2, 4]), json!({"c": 1, "b": 2}));
}

#[test]
fn defaults_of_each_type_are_read() {
    let read = |of: &str, default: &str| {
        let new = record(
            "R",
            "",
            &format!(r#"{{"name": "x", "type": {of}, "default": {default}}}"#),
        );
        let plan = resolved(&record("R", "", ""), &new);
        thrice::<Value>(&plan, &[])["x"].clone()
    };
    assert_eq!(read(r#""null""#, "null"), json!(null));
    assert_eq!(read(r#""boolean""#, "true"), json!(true));
    assert_eq!(read(r#""int""#, "-7"), json!(-7));
    assert_eq!(read(r#""long""#, "1099511627776"), json!(1_i64 << 40));
    assert_eq!(read(r#""float""#, "0.5"), json!(0.5));
    assert_eq!(read(r#""double""#, "2"), json!(2.0));
    assert_eq!(read(r#""string""#, r#""ä""#), json!("ä"));
    assert_eq!(
        read(
            r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#,
            r#""B""#
        ),
        json!("B")
    );
    assert_eq!(
        read(r#"{"type": "map", "values": "int"}"#, r#"{"a": 1}"#),
        json!({"a": 1})
    );
    assert_eq!(read(r#"["int", "null"]"#, "7"), json!(7));
}

/// The text of such a default has a character for each byte; `apache-avro` takes its UTF-8.
#[test]
fn defaults_of_bytes_have_a_character_for_each_byte() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Bytes {
        x: serde_bytes::ByteBuf,
        y: serde_bytes::ByteBuf,
    }
    let new = record(
        "R",
        "",
        r#"{"name": "x", "type": "bytes", "default": "\u00ff\u0000"},
           {"name": "y", "type": {"type": "fixed", "name": "F", "size": 1}, "default": "\u00fe"}"#,
    );
    let read = thrice::<Bytes>(&resolved(&record("R", "", ""), &new), &[]);
    assert_eq!((&**read.x, &**read.y), (&[0xff, 0][..], &[0xfe][..]));
}

#[test]
fn text_of_a_default_cannot_be_borrowed() {
    #[derive(Debug, Deserialize)]
    struct Borrowed<'a> {
        x: &'a str,
    }
    let reader = |default: &str| {
        record(
            "R",
            "",
            &format!(r#"{{"name": "x", "type": "string", "default": "{default}"}}"#),
        )
    };
    let plan = resolved(&record("R", "", ""), &reader(""));
    assert_eq!(decode::<Borrowed<'_>>(&plan, &[]).unwrap().x, "");
    let plan = resolved(&record("R", "", ""), &reader("text"));
    let error = decode::<Borrowed<'_>>(&plan, &[]).unwrap_err().to_string();
    assert!(
        error.ends_with("R.x: unexpected string, expected a borrowed string"),
        "{error}"
    );
}

#[test]
fn enums_resolve_by_symbol_with_the_readers_default() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        A,
        C,
        Other,
    }
    let old = r#"{"type": "enum", "name": "K", "symbols": ["A", "B", "C"]}"#;
    let strict = r#"{"type": "enum", "name": "K", "symbols": ["C", "A"]}"#;
    let open =
        r#"{"type": "enum", "name": "K", "symbols": ["Other", "C", "A"], "default": "Other"}"#;
    let plan = resolved(old, strict);
    assert_eq!(thrice::<Kind>(&plan, &[0]), Kind::A);
    assert_eq!(thrice::<Kind>(&plan, &[4]), Kind::C);
    assert!(refused::<Kind>(&plan, &[2]).contains("has not the symbol that was written"));
    assert_eq!(thrice::<Kind>(&resolved(old, open), &[2]), Kind::Other);
    let other = r#"{"type": "enum", "name": "K", "symbols": ["X"]}"#;
    assert!(unresolved(old, other).contains("have no symbol in common"));
}

#[derive(Debug, PartialEq, Deserialize)]
enum Either {
    Text(String),
    Number(i64),
}

#[test]
fn unions_resolve_branch_by_branch() {
    let plan = resolved(r#"["int", "boolean", "string"]"#, r#"["string", "long"]"#);
    assert_eq!(thrice::<Either>(&plan, &[0, 14]), Either::Number(7));
    assert_eq!(
        thrice::<Either>(&plan, &[4, 2, b'x']),
        Either::Text("x".to_owned())
    );
    let error = refused::<Either>(&plan, &[2, 1]);
    assert!(
        error.ends_with("the reader's union has no branch for boolean"),
        "{error}"
    );
    let error = unresolved(r#"["boolean", "null"]"#, r#"["string", "long"]"#);
    assert!(error.contains("no branch for boolean"), "{error}");
}

#[test]
fn union_of_one_side_resolves_to_a_plain_type_of_the_other() {
    let plan = resolved(r#"["null", "int"]"#, r#""long""#);
    assert_eq!(thrice::<i64>(&plan, &[2, 14]), 7);
    let error = refused::<i64>(&plan, &[0]);
    assert!(error.contains("null cannot be read as long"), "{error}");
    let plan = resolved(r#""int""#, r#"["null", "long"]"#);
    assert_eq!(thrice::<Option<i64>>(&plan, &[14]), Some(7));
    let plan = resolved(r#""null""#, r#"["null", "long"]"#);
    assert_eq!(thrice::<Option<i64>>(&plan, &[]), None);
    let plan = resolved(r#""int""#, r#"["string", "long"]"#);
    assert_eq!(thrice::<Either>(&plan, &[14]), Either::Number(7));
}

/// The first branch of the same type goes before the first that the writer's can be promoted to,
/// as with other implementations.
#[test]
fn branch_that_loses_nothing_is_preferred() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Number {
        Double(f64),
        Long(i64),
    }
    let plan = resolved(r#""long""#, r#"["double", "long"]"#);
    assert_eq!(thrice::<Number>(&plan, &[14]), Number::Long(7));
    let plan = resolved(r#""int""#, r#"["double", "long"]"#);
    assert_eq!(thrice::<Number>(&plan, &[14]), Number::Double(7.0));
}

/// `apache-avro` takes the first record of the union whose fields fit the value.
#[test]
fn branch_of_a_record_is_chosen_by_its_name() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Which {
        A { x: i32 },
        B { x: i32 },
    }
    let of = |name| record(name, "", r#"{"name": "x", "type": "int"}"#);
    let plan = resolved(&of("n.B"), &format!("[{}, {}]", of("m.A"), of("m.B")));
    assert_eq!(thrice::<Which>(&plan, &[2]), Which::B { x: 1 });
    let same = format!("[{}, {}]", of("m.B"), of("n.B"));
    assert_eq!(
        thrice::<Which>(&resolved(&of("n.B"), &same), &[2]),
        Which::B { x: 1 }
    );
}

#[test]
fn branch_that_fails_inside_is_an_error_of_the_data_that_have_it() {
    let of = |x: &str| {
        let inner = record("In", "", &format!(r#"{{"name": "x", "type": "{x}"}}"#));
        record("Out", "", &format!(r#"{{"name": "in", "type": {inner}}}"#))
    };
    let field = |x: &str| {
        record(
            "R",
            "",
            &format!(r#"{{"name": "f", "type": ["null", {}]}}"#, of(x)),
        )
    };
    let plan = resolved(&field("string"), &field("int"));
    assert_eq!(thrice::<Value>(&plan, &[0]), json!({"f": null}));
    let error = refused::<Value>(&plan, &[2, 2, b'x']);
    assert!(
        error.contains("R.f.in.x: string cannot be read as int"),
        "{error}"
    );
}

#[test]
fn recursive_records_resolve() {
    let list = |value: &str, more: &str| {
        record(
            "List",
            "",
            &format!(
                r#"{{"name": "value", "type": "{value}"}},
                   {{"name": "next", "type": ["null", "List"]}}{more}"#
            ),
        )
    };
    let plan = resolved(
        &list("int", ""),
        &list("long", r#", {"name": "x", "type": "int", "default": 3}"#),
    );
    let expected = json!({"value": 1, "x": 3, "next": {"value": 2, "x": 3, "next": null}});
    assert_eq!(thrice::<Value>(&plan, &[2, 2, 4, 0]), expected);
    assert!(unresolved(&list("string", ""), &list("int", "")).contains("List.value"));
}

/// The parser does not refuse a character that is no byte.
#[test]
fn default_that_does_not_fit_is_found_when_the_plan_is_compiled() {
    let reader = record(
        "R",
        "",
        r#"{"name": "a", "type": "bytes", "default": "\u0100"}"#,
    );
    let text = unresolved(&record("R", "", ""), &reader);
    assert!(
        text.ends_with("R.a: the default is not of the field's type"),
        "{text}"
    );
    let given = thrice::<BTreeMap<String, Vec<u8>>>(&plan(&reader), &[2, b'x']);
    assert_eq!(given, BTreeMap::from([("a".to_owned(), b"x".to_vec())]));
}
