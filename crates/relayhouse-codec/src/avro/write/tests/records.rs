//! Records: fields by name, in any order, absent, flattened, recursive, and of several types.

use std::collections::BTreeMap;

use serde::Serialize;

use super::*;

const PERSON: &str = r#"{
    "type": "record", "name": "Person", "namespace": "a.b", "fields": [
        {"name": "name", "type": "string"},
        {"name": "age", "type": "int", "default": 7},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["x", "y"]},
        {"name": "boss", "type": ["null", "Person"], "default": null}
    ]
}"#;

#[derive(Serialize)]
struct Person {
    name: &'static str,
    age: i32,
    tags: Vec<String>,
    boss: Option<Box<Person>>,
}

#[test]
fn recursive_record_is_written() {
    let person = |boss| Person {
        name: "Ada",
        age: 36,
        tags: vec!["a".to_owned()],
        boss,
    };
    let chain = (0..5).fold(person(None), |boss, _| person(Some(Box::new(boss))));
    agrees(PERSON, &chain);
}

#[test]
fn fields_go_out_in_the_order_of_the_schema() {
    #[derive(Serialize)]
    struct Backwards {
        boss: Option<Box<Backwards>>,
        tags: Vec<&'static str>,
        age: i32,
        name: &'static str,
    }
    #[derive(Serialize)]
    struct Mixed {
        age: i32,
        name: &'static str,
        boss: Option<Backwards>,
        tags: Vec<&'static str>,
    }
    let inner = || Backwards {
        boss: None,
        tags: vec!["b"],
        age: 1,
        name: "inner",
    };
    let backwards = Backwards {
        boss: Some(Box::new(inner())),
        ..inner()
    };
    agrees(PERSON, &backwards);
    let mixed = Mixed {
        age: 2,
        name: "mixed",
        boss: Some(backwards),
        tags: vec![],
    };
    agrees(PERSON, &mixed);
}

#[test]
fn absent_fields_have_their_default() {
    #[derive(Serialize)]
    struct Name {
        name: &'static str,
    }
    #[derive(Serialize)]
    struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none")]
        boss: Option<()>,
        #[serde(skip)]
        #[expect(dead_code, reason = "serde leaves it out")]
        age: i32,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        name: &'static str,
    }
    let expected = b"\x04Al\x0e\x04\x02x\x02y\x00\x00";
    assert_eq!(agrees(PERSON, &Name { name: "Al" }), expected);
    let sparse = Sparse {
        boss: None,
        age: 3,
        tags: Vec::new(),
        name: "Al",
    };
    assert_eq!(agrees(PERSON, &sparse), expected);
    #[derive(Serialize)]
    struct Age {
        age: i32,
    }
    assert_eq!(
        refused(PERSON, &Age { age: 1 }),
        "Person.name: the value has no such field, and the schema no default for it"
    );
}

#[test]
fn maps_and_flattened_structs_are_records() {
    #[derive(Serialize)]
    struct Flat {
        age: i32,
        #[serde(flatten)]
        rest: BTreeMap<&'static str, &'static str>,
    }
    let flat = Flat {
        age: 3,
        rest: BTreeMap::from([("name", "Al")]),
    };
    agrees(PERSON, &flat);
    let map = BTreeMap::from([("name", "Al")]);
    agrees(PERSON, &map);
    let json = serde_json::json!({"boss": null, "age": 3, "name": "Al", "tags": []});
    writes(PERSON, &json, b"\x04Al\x06\x00\x00");
    assert_eq!(
        refused(PERSON, &BTreeMap::from([("secret", "Al")])),
        "Person: a map has a key that record Person has no field for"
    );
    assert_eq!(
        refused(PERSON, &BTreeMap::from([(1, "Al")])),
        "Person: a map with keys that are no strings cannot be written as record"
    );
}

#[test]
fn one_plan_writes_several_types() {
    #[derive(Serialize)]
    struct One {
        name: &'static str,
        age: i32,
    }
    #[derive(Serialize)]
    struct Other {
        age: i32,
        name: &'static str,
    }
    let plan = plan(PERSON);
    let expected = encode(&plan, &One { name: "Al", age: 3 }).unwrap();
    for _ in 0..3 {
        assert_eq!(
            encode(&plan, &Other { age: 3, name: "Al" }).unwrap(),
            expected
        );
        assert_eq!(
            encode(&plan, &One { name: "Al", age: 3 }).unwrap(),
            expected
        );
        encode(&plan, &BTreeMap::from([("name", "Al")])).unwrap();
    }
}

#[test]
fn field_twice_is_an_error() {
    #[derive(Serialize)]
    struct Twice {
        name: &'static str,
        #[serde(rename = "name")]
        again: &'static str,
    }
    let twice = Twice {
        name: "a",
        again: "b",
    };
    assert_eq!(
        refused(PERSON, &twice),
        "Person.name: the value has the field twice"
    );
    #[derive(Serialize)]
    struct Early {
        age: i32,
        #[serde(rename = "age")]
        again: i32,
    }
    let early = Early { age: 1, again: 2 };
    assert_eq!(
        refused(PERSON, &early),
        "Person.age: the value has the field twice"
    );
}

#[test]
fn tuples_are_records_by_their_order() {
    let pair = r#"{"type": "record", "name": "Pair", "fields": [
        {"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}"#;
    #[derive(Serialize)]
    struct Pair(i32, &'static str);
    #[derive(Serialize)]
    struct Couple(i32, &'static str);
    agrees(pair, &(1, "x"));
    agrees(pair, &Pair(1, "x"));
    writes_more(pair, &Couple(1, "x"), b"\x02\x02x");
    assert_eq!(
        refused(pair, &(1, 2, 3)),
        "Pair: a tuple cannot be written as record Pair"
    );
    agrees(r#""string""#, &("x",));
    assert_eq!(
        refused(pair, &(1, 2)),
        "Pair.b: an integer cannot be written as string"
    );
}

#[test]
fn newtypes_are_what_they_hold_unless_the_schema_has_them() {
    #[derive(Serialize)]
    struct Id(i64);
    #[derive(Serialize)]
    struct Unit;
    let wrapped = r#"{"type": "record", "name": "Id", "fields": [{"name": "x", "type": "long"}]}"#;
    agrees(wrapped, &Id(7));
    writes_more(r#""long""#, &Id(7), &[14]);
    writes_more(r#"["null", "long"]"#, &Id(7), &[2, 14]);
    agrees(r#"{"type": "record", "name": "Unit", "fields": []}"#, &Unit);
    assert_eq!(
        refused(r#""long""#, &Unit),
        "value: a unit struct cannot be written as long"
    );
}

/// `apache-avro` writes the text of the default as UTF-8; the specification (1.12, "Complex
/// types", `default`) has a character for each byte.
#[test]
fn default_of_bytes_has_a_character_for_each_byte() {
    #[derive(Serialize)]
    struct Nothing {}
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "b", "type": "bytes", "default": "\u00ff\u0001"},
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 1}, "default": "\u00fe"}]}"#;
    writes(schema, &Nothing {}, &[4, 0xff, 1, 0xfe]);
}

/// `apache-avro` finds no default for a field whose type is defined elsewhere.
#[test]
fn default_of_a_named_type_is_written() {
    #[derive(Serialize)]
    struct Outer {
        a: Inner,
    }
    #[derive(Serialize)]
    struct Inner {
        x: i32,
    }
    let schema = r#"{"type": "record", "name": "Outer", "fields": [
        {"name": "a", "type": {"type": "record", "name": "Inner", "fields": [
            {"name": "x", "type": "int", "default": 5}, {"name": "y", "type": "int", "default": 6}]}},
        {"name": "b", "type": "Inner", "default": {"y": 8}}]}"#;
    writes_more(schema, &Outer { a: Inner { x: 1 } }, &[2, 12, 10, 16]);
}

#[test]
fn union_has_the_default_of_the_branch_that_it_fits() {
    #[derive(Serialize)]
    struct Nothing {}
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": ["null", "long"], "default": null},
        {"name": "b", "type": ["long", "null"], "default": 3},
        {"name": "c", "type": ["string", "double", "null"], "default": "x"}]}"#;
    assert_eq!(agrees(schema, &Nothing {}), b"\x00\x00\x06\x00\x02x");
}
