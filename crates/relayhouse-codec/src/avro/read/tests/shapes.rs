//! Every type of Avro, and every shape of serde.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[test]
fn plain_types_are_read() {
    assert_eq!(thrice::<()>(&plan(r#""null""#), &[]), ());
    assert!(thrice::<bool>(&plan(r#""boolean""#), &[1]));
    assert_eq!(thrice::<i32>(&plan(r#""int""#), &long(-65)), -65);
    assert_eq!(
        thrice::<f32>(&plan(r#""float""#), &1.5_f32.to_le_bytes()),
        1.5
    );
    assert_eq!(
        thrice::<f64>(&plan(r#""double""#), &2.5_f64.to_le_bytes()),
        2.5
    );
    assert_eq!(
        thrice::<String>(&plan(r#""string""#), &text("häuser")),
        "häuser"
    );
    let bytes = thrice::<serde_bytes::ByteBuf>(&plan(r#""bytes""#), &[4, 0xff, 0]);
    assert_eq!(*bytes, [0xff, 0]);
}

#[test]
fn longs_of_each_length_are_read() {
    let plan = plan(r#""long""#);
    for shift in 0..63 {
        for number in [1 << shift, (1 << shift) - 1, -(1 << shift), !(1 << shift)] {
            assert_eq!(decode::<i64>(&plan, &long(number)).unwrap(), number);
            // With more behind it, as in a record.
            let array = super::plan(r#"{"type": "array", "items": "long"}"#);
            let numbers = [vec![4], long(number), long(number), vec![0]].concat();
            assert_eq!(decode::<[i64; 2]>(&array, &numbers).unwrap(), [number; 2]);
        }
    }
    for number in [i64::MIN, i64::MAX] {
        assert_eq!(decode::<i64>(&plan, &long(number)).unwrap(), number);
    }
}

/// `apache-avro` drops the bits beyond 64.
#[test]
fn long_of_more_than_64_bits_is_refused() {
    let mut datum = [0xff; 10];
    datum[9] = 2;
    assert!(refused::<i64>(&plan(r#""long""#), &datum).contains("more than 64 bits"));
    assert!(refused::<i64>(&plan(r#""long""#), &[0xff; 11]).contains("more than 64 bits"));
    assert!(refused::<i32>(&plan(r#""int""#), &long(1 << 31)).contains("more than 32 bits"));
}

#[test]
fn numbers_fit_any_type_that_holds_them() {
    let long_plan = plan(r#""long""#);
    assert_eq!(thrice::<u64>(&long_plan, &long(7)), 7);
    assert_eq!(thrice::<i8>(&long_plan, &long(-7)), -7);
    assert_eq!(thrice::<u128>(&long_plan, &long(7)), 7);
    assert_eq!(thrice::<i128>(&long_plan, &long(-7)), -7);
    assert_eq!(thrice::<f64>(&long_plan, &long(7)), 7.0);
    let int_plan = plan(r#""int""#);
    assert_eq!(thrice::<i64>(&int_plan, &long(7)), 7);
    assert_eq!(thrice::<u8>(&int_plan, &long(255)), 255);
    let error = refused::<u8>(&int_plan, &long(256));
    assert!(error.contains("invalid integer, expected u8"), "{error}");
    let error = refused::<u64>(&long_plan, &long(-1));
    assert!(error.contains("invalid integer, expected u64"), "{error}");
}

#[test]
fn wide_numbers_and_characters_are_fixed() {
    let fixed = |name, size| format!(r#"{{"type": "fixed", "name": "{name}", "size": {size}}}"#);
    let plan_of = |name, size| plan(&fixed(name, size));
    let eight = plan_of("org.apache.avro.rust.u64", 8);
    assert_eq!(thrice::<u64>(&eight, &u64::MAX.to_le_bytes()), u64::MAX);
    let sixteen = plan_of("org.apache.avro.rust.u128", 16);
    assert_eq!(
        thrice::<u128>(&sixteen, &u128::MAX.to_le_bytes()),
        u128::MAX
    );
    assert_eq!(
        thrice::<i128>(&sixteen, &i128::MIN.to_le_bytes()),
        i128::MIN
    );
    assert_eq!(
        thrice::<char>(&plan_of("C", 4), &u32::from('ß').to_le_bytes()),
        'ß'
    );
    assert_eq!(thrice::<char>(&plan(r#""string""#), &text("ß")), 'ß');
    assert!(refused::<char>(&plan(r#""string""#), &text("ss")).contains("expected a character"));
}

#[test]
fn text_and_bytes_are_borrowed() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Borrowed<'a> {
        name: &'a str,
        #[serde(with = "serde_bytes")]
        body: &'a [u8],
    }
    let plan = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "name", "type": "string"}, {"name": "body", "type": "bytes"}]}"#,
    );
    let datum = [text("a name"), text("a body")].concat();
    for _ in 0..3 {
        let read: Borrowed<'_> = decode(&plan, &datum).unwrap();
        assert_eq!(read.name.as_ptr(), datum[1..].as_ptr());
        assert_eq!(read.body, b"a body");
        assert_eq!(read.body.as_ptr(), datum[8..].as_ptr());
    }
}

#[test]
fn blocks_of_arrays_and_maps_are_read_with_and_without_size() {
    let array = plan(r#"{"type": "array", "items": "int"}"#);
    assert!(thrice::<Vec<i32>>(&array, &[0]).is_empty());
    assert_eq!(thrice::<Vec<i32>>(&array, &[4, 2, 4, 2, 6, 0]), [1, 2, 3]);
    assert_eq!(
        thrice::<Vec<i32>>(&array, &[3, 4, 2, 4, 1, 2, 6, 0]),
        [1, 2, 3]
    );
    let map = plan(r#"{"type": "map", "values": "int"}"#);
    let expected = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    let datum = [2, 2, b'a', 2, 1, 6, 2, b'b', 4, 0];
    assert_eq!(thrice::<BTreeMap<String, i32>>(&map, &datum), expected);
}

#[test]
fn tuples_are_records_arrays_or_the_value_itself() {
    let record = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}"#,
    );
    let datum = [long(1), text("x")].concat();
    assert_eq!(
        thrice::<(i32, String)>(&record, &datum),
        (1, "x".to_owned())
    );
    let array = plan(r#"{"type": "array", "items": "int"}"#);
    assert_eq!(thrice::<[i32; 2]>(&array, &[4, 2, 4, 0]), [1, 2]);
    assert_eq!(thrice::<(Vec<i32>,)>(&array, &[4, 2, 4, 0]), (vec![1, 2],));
    let error = refused::<[i32; 2]>(&array, &[6, 2, 4, 6, 0]);
    assert!(error.contains("more items than the type takes"), "{error}");
    let error = refused::<(i32, i32, i32)>(&array, &[4, 2, 4, 0]);
    assert!(error.contains("invalid length 2"), "{error}");
    let error = refused::<(i32, String, u8)>(&record, &datum);
    assert!(error.contains("invalid length 2"), "{error}");
}

#[test]
fn structs_of_each_kind_are_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Unit;
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(i32);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair(i32, i32);
    let unit = plan(r#"{"type": "record", "name": "Unit", "fields": []}"#);
    assert_eq!(thrice::<Unit>(&unit, &[]), Unit);
    assert_eq!(thrice::<Unit>(&plan(r#""null""#), &[]), Unit);
    let one = r#"{"type": "record", "name": "Wrapped", "fields": [{"name": "x", "type": "int"}]}"#;
    assert_eq!(thrice::<Wrapped>(&plan(one), &[2]), Wrapped(1));
    assert_eq!(thrice::<Wrapped>(&plan(r#""int""#), &[2]), Wrapped(1));
    assert_eq!(
        thrice::<Wrapped>(&plan(&format!(r#"["null", {one}]"#)), &[2, 2]),
        Wrapped(1)
    );
    let two = r#"{"type": "record", "name": "Pair", "fields": [
        {"name": "x", "type": "int"}, {"name": "y", "type": "int"}]}"#;
    assert_eq!(thrice::<Pair>(&plan(two), &[2, 4]), Pair(1, 2));
    let optional = plan(r#"["null", "int"]"#);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Maybe(Option<i32>);
    assert_eq!(thrice::<Maybe>(&optional, &[2, 2]), Maybe(Some(1)));
    assert_eq!(thrice::<Maybe>(&optional, &[0]), Maybe(None));
}

#[test]
fn options_are_unions_with_null() {
    for (schema, null, some) in [(r#"["null", "int"]"#, 0, 2), (r#"["int", "null"]"#, 2, 0)] {
        assert_eq!(thrice::<Option<i32>>(&plan(schema), &[null]), None);
        assert_eq!(thrice::<Option<i32>>(&plan(schema), &[some, 8]), Some(4));
        assert_eq!(thrice::<i32>(&plan(schema), &[some, 8]), 4);
    }
    let three = plan(r#"["string", "null", "int"]"#);
    assert_eq!(thrice::<Option<i32>>(&three, &[2]), None);
    assert_eq!(thrice::<Option<i32>>(&three, &[4, 8]), Some(4));
    let error = refused::<Option<i32>>(&plan(r#""int""#), &[8]);
    assert!(
        error.contains("unexpected int, expected a union with null"),
        "{error}"
    );
    assert!(refused::<Option<i32>>(&three, &[6]).contains("a union has 3 branches"));
    assert!(refused::<Option<i32>>(&three, &[1]).contains("a union has 3 branches"));
}

#[derive(Debug, PartialEq, Deserialize)]
enum Color {
    Red,
    Green,
}

const COLOR: &str = r#"{"type": "enum", "name": "Color", "symbols": ["Red", "Green"]}"#;

#[test]
fn enums_are_taken_by_symbol() {
    let plan = plan(COLOR);
    assert_eq!(thrice::<Color>(&plan, &[2]), Color::Green);
    assert_eq!(thrice::<String>(&plan, &[2]), "Green");
    assert_eq!(thrice::<Value>(&plan, &[0]), json!("Red"));
    assert_eq!(
        thrice::<Color>(&super::plan(r#""string""#), &text("Red")),
        Color::Red
    );
    let optional = super::plan(&format!(r#"["null", {COLOR}]"#));
    assert_eq!(
        thrice::<Option<Color>>(&optional, &[2, 2]),
        Some(Color::Green)
    );
    // The branch is the enum itself, not its variant of that number.
    assert_eq!(thrice::<Color>(&optional, &[2, 0]), Color::Red);
    assert!(refused::<Color>(&plan, &[4]).contains("an enum has 2 symbols"));
    assert!(refused::<Color>(&plan, &[1]).contains("an enum has 2 symbols"));
    assert!(refused::<Color>(&super::plan(r#""string""#), &text("Blue")).contains("not known"));
}

#[test]
fn unions_are_enums_by_branch() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Any {
        Nothing,
        Number(i64),
        Point { x: i32, y: i32 },
        Pair(i32, String),
        Wrapped(i32),
        Empty,
        Color(Color),
    }
    let record = |name: &str, more: &str, fields: &str| {
        format!(r#"{{"type": "record", "name": "{name}"{more}, "fields": [{fields}]}}"#)
    };
    let newtype = r#", "org.apache.avro.rust.union_of_records": true"#;
    let branches = [
        r#""null""#.to_owned(),
        r#""long""#.to_owned(),
        record(
            "Point",
            "",
            r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int"}"#,
        ),
        record(
            "Pair",
            "",
            r#"{"name": "a", "type": "int"}, {"name": "b", "type": "string"}"#,
        ),
        record("Wrapped", newtype, r#"{"name": "only", "type": "int"}"#),
        record("Empty", "", ""),
        COLOR.to_owned(),
    ];
    let plan = plan(&format!("[{}]", branches.join(",")));
    assert_eq!(thrice::<Any>(&plan, &[0]), Any::Nothing);
    assert_eq!(thrice::<Any>(&plan, &[2, 14]), Any::Number(7));
    assert_eq!(thrice::<Any>(&plan, &[4, 2, 4]), Any::Point { x: 1, y: 2 });
    assert_eq!(
        thrice::<Any>(&plan, &[6, 2, 2, b'x']),
        Any::Pair(1, "x".to_owned())
    );
    assert_eq!(thrice::<Any>(&plan, &[8, 2]), Any::Wrapped(1));
    assert_eq!(thrice::<Any>(&plan, &[10]), Any::Empty);
    assert_eq!(thrice::<Any>(&plan, &[12, 2]), Any::Color(Color::Green));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Tree {
    name: String,
    children: Vec<Tree>,
    next: Option<Box<Tree>>,
}

#[test]
fn recursive_records_are_read() {
    let plan = plan(
        r#"{"type": "record", "name": "Tree", "namespace": "n", "fields": [
            {"name": "name", "type": "string"},
            {"name": "children", "type": {"type": "array", "items": "Tree"}},
            {"name": "next", "type": ["null", "n.Tree"]}]}"#,
    );
    let leaf = |name: &str| [text(name), vec![0, 0]].concat();
    let datum = [
        text("a"),
        vec![4],
        leaf("b"),
        leaf("c"),
        vec![0, 2],
        leaf("d"),
    ]
    .concat();
    let new = |name: &str| Tree {
        name: name.to_owned(),
        children: vec![],
        next: None,
    };
    let expected = Tree {
        children: vec![new("b"), new("c")],
        next: Some(Box::new(new("d"))),
        ..new("a")
    };
    assert_eq!(thrice::<Tree>(&plan, &datum), expected);
}

#[test]
fn generic_values_and_flattened_ones_are_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        b: Option<i64>,
        c: Vec<i32>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        a: String,
        #[serde(flatten)]
        inner: Inner,
        #[serde(flatten)]
        rest: HashMap<String, Value>,
    }
    let plan = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "string"},
            {"name": "b", "type": ["null", "long"]},
            {"name": "c", "type": {"type": "array", "items": "int"}},
            {"name": "d", "type": {"type": "map", "values": "double"}}]}"#,
    );
    let datum = [
        text("x"),
        vec![2, 14],
        vec![2, 2, 0],
        vec![2, 2, b'k'],
        0.5_f64.to_le_bytes().to_vec(),
        vec![0],
    ];
    let datum = datum.concat();
    let generic = json!({"a": "x", "b": 7, "c": [1], "d": {"k": 0.5}});
    assert_eq!(thrice::<Value>(&plan, &datum), generic);
    let outer = thrice::<Outer>(&plan, &datum);
    assert_eq!(
        outer.inner,
        Inner {
            b: Some(7),
            c: vec![1]
        }
    );
    assert_eq!(
        outer.rest,
        HashMap::from([("d".to_owned(), json!({"k": 0.5}))])
    );
    let map = thrice::<BTreeMap<String, Value>>(&plan, &datum);
    assert_eq!(json!(map), generic);
}

#[test]
fn tagged_and_untagged_enums_are_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Circle { radius: i32 },
        Square { side: Option<i32> },
    }
    let union = plan(r#"["long", "string"]"#);
    assert_eq!(thrice::<Untagged>(&union, &[0, 14]), Untagged::Number(7));
    assert_eq!(
        thrice::<Untagged>(&union, &[2, 2, b'x']),
        Untagged::Text("x".to_owned())
    );
    let tagged = plan(
        r#"{"type": "record", "name": "Shape", "fields": [
            {"name": "type", "type":
                {"type": "enum", "name": "T", "symbols": ["Circle", "Square"]}},
            {"name": "radius", "type": "int"},
            {"name": "side", "type": ["null", "int"]}]}"#,
    );
    assert_eq!(
        thrice::<Tagged>(&tagged, &[0, 2, 0]),
        Tagged::Circle { radius: 1 }
    );
    assert_eq!(
        thrice::<Tagged>(&tagged, &[2, 0, 2, 8]),
        Tagged::Square { side: Some(4) }
    );
}

#[test]
fn fields_that_the_type_has_not_are_passed_over() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Few {
        first: i32,
        last: i32,
    }
    let plan = plan(
        r#"{"type": "record", "name": "Many", "fields": [
            {"name": "first", "type": "int"},
            {"name": "null", "type": "null"},
            {"name": "boolean", "type": "boolean"},
            {"name": "float", "type": "float"},
            {"name": "double", "type": "double"},
            {"name": "text", "type": "string"},
            {"name": "fixed", "type": {"type": "fixed", "name": "F", "size": 3}},
            {"name": "enum", "type": {"type": "enum", "name": "E", "symbols": ["A"]}},
            {"name": "union", "type": ["null", "string"]},
            {"name": "array", "type": {"type": "array", "items": "string"}},
            {"name": "map", "type": {"type": "map", "values": "long"}},
            {"name": "record", "type": {"type": "record", "name": "R", "fields": [
                {"name": "x", "type": "long"}]}},
            {"name": "last", "type": "int"},
            {"name": "end", "type": "long"}]}"#,
    );
    let datum = [
        long(1),
        vec![1],
        vec![9; 4],
        vec![9; 8],
        text("text"),
        vec![1, 2, 3],
        long(0),
        [long(1), text("some")].concat(),
        // One block with its size, and one without.
        [
            long(-2),
            long(4),
            text("a"),
            text("b"),
            long(1),
            text("c"),
            long(0),
        ]
        .concat(),
        [
            long(-1),
            long(3),
            text("k"),
            long(1),
            long(1),
            text("l"),
            long(2),
            long(0),
        ]
        .concat(),
        long(1 << 40),
        long(2),
        long(-1 << 60),
    ];
    assert_eq!(
        thrice::<Few>(&plan, &datum.concat()),
        Few { first: 1, last: 2 }
    );
}

#[test]
fn bytes_and_text_stand_for_each_other() {
    assert_eq!(thrice::<String>(&plan(r#""bytes""#), &text("x")), "x");
    let fixed = plan(r#"{"type": "fixed", "name": "F", "size": 2}"#);
    assert_eq!(thrice::<String>(&fixed, b"ab"), "ab");
    assert_eq!(*thrice::<serde_bytes::ByteBuf>(&fixed, b"ab"), *b"ab");
    let bytes = thrice::<serde_bytes::ByteBuf>(&plan(r#""string""#), &text("x"));
    assert_eq!(*bytes, *b"x");
    assert!(refused::<String>(&plan(r#""bytes""#), &[2, 0xff]).contains("not UTF-8"));
}

#[test]
fn texts_of_any_length_and_script_are_taken() {
    let plan = plan(r#""string""#);
    for character in ["a", "\u{7f}", "\u{80}", "ä", "水", "🦀"] {
        for length in (0..20).chain([31, 32, 63, 64, 65, 200]) {
            let long = character.repeat(length);
            for value in [long.clone(), format!("{long}z"), format!("z{long}")] {
                assert_eq!(thrice::<String>(&plan, &text(&value)), value);
            }
        }
    }
}

#[test]
fn text_with_one_wrong_byte_is_refused() {
    let plan = plan(r#""string""#);
    for length in 1..70 {
        for place in 0..length {
            let mut datum = text(&"a".repeat(length));
            let start = datum.len() - length;
            datum[start + place] = 0xff;
            assert!(refused::<String>(&plan, &datum).contains("not UTF-8"));
        }
    }
}
