//! Unions: options, enums by the number of the branch, and values by their type.

use std::collections::BTreeMap;

use serde::Serialize;

use super::*;

#[test]
fn options_are_unions_with_null() {
    for schema in [r#"["null", "int"]"#, r#"["int", "null"]"#] {
        agrees(schema, &Some(5));
        agrees(schema, &None::<i32>);
        agrees(schema, &5);
        agrees(schema, &());
    }
    let wide = r#"["null", "int", "string"]"#;
    writes_more(wide, &Some("x"), b"\x04\x02x");
    writes_more(wide, &None::<i32>, &[0]);
    assert_eq!(
        refused(r#""int""#, &Some(5)),
        "value: an option cannot be written as int"
    );
    assert_eq!(
        refused(r#""int""#, &None::<i32>),
        "value: none cannot be written as int"
    );
}

const WIDE: &str = r#"["null", "boolean", "int", "long", "float", "double", "bytes", "string",
    {"type": "array", "items": "int"}, {"type": "map", "values": "int"},
    {"type": "enum", "name": "Color", "symbols": ["Red", "Green"]},
    {"type": "fixed", "name": "Four", "size": 4},
    {"type": "record", "name": "One", "fields": [{"name": "a", "type": "int"}]},
    {"type": "record", "name": "Two", "fields": [
        {"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}]"#;

#[derive(Serialize)]
struct One {
    a: i32,
}

#[derive(Serialize)]
struct Two {
    a: i32,
    b: i32,
}

#[derive(Serialize)]
enum Color {
    Red,
    Green,
}

#[test]
fn values_find_their_branch_by_type() {
    agrees(WIDE, &());
    agrees(WIDE, &true);
    agrees(WIDE, &1_i8);
    agrees(WIDE, &1_u32);
    agrees(WIDE, &1_i64);
    agrees(WIDE, &1.5_f32);
    agrees(WIDE, &1.5);
    agrees(WIDE, &"x");
    agrees(WIDE, &'x');
    agrees(WIDE, &Octets(b"abc"));
    agrees(WIDE, &vec![1, 2]);
    agrees(WIDE, &BTreeMap::from([("a", 1), ("b", 2), ("c", 3)]));
    agrees(WIDE, &One { a: 1 });
    agrees(WIDE, &Two { a: 1, b: 2 });
    agrees(WIDE, &(1, 2));
    agrees(WIDE, &Color::Green);
    writes_more(WIDE, &1_u64, &[6, 2]);
}

/// `apache-avro` writes the first variant of an enum as null, if null is the first branch.
#[test]
fn enum_of_the_type_is_meant_before_null() {
    assert_eq!(by_apache(WIDE, &Color::Red), Some(vec![0]));
    writes(WIDE, &Color::Red, &[20, 0]);
}

#[test]
fn types_of_another_name_find_the_only_branch_there_is() {
    let schema = r#"["null", "int", {"type": "enum", "name": "E", "symbols": ["x", "Green"]},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}]"#;
    writes_more(schema, &One { a: 1 }, &[6, 2]);
    writes_more(schema, &Color::Green, &[4, 2]);
    writes_more(schema, &"x", &[4, 0]);
    refused(schema, &Two { a: 1, b: 2 });
}

#[test]
fn integers_find_a_branch_that_holds_them() {
    writes_more(r#"["null", "string", "long"]"#, &1_i32, &[4, 2]);
    writes_more(r#"["null", "string", "int"]"#, &1_i64, &[4, 2]);
    writes_more(
        r#"["null", "string", "double"]"#,
        &1,
        &[&[4][..], &1_f64.to_le_bytes()].concat(),
    );
    writes_more(r#"["null", "int", "double"]"#, &(1_i64 << 40), &{
        let double = (1_u64 << 40) as f64;
        [&[4][..], &double.to_le_bytes()].concat()
    });
    writes_more(
        r#"["null", "string", "double"]"#,
        &1.5_f32,
        &[&[4][..], &1.5_f64.to_le_bytes()].concat(),
    );
    let wide = r#"["long", {"type": "fixed", "name": "org.apache.avro.rust.u64", "size": 8}]"#;
    assert_eq!(agrees(wide, &1_u64), [2, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        refused(r#"["null", "int"]"#, &u64::MAX),
        "value: the integer cannot be written as union of null, int"
    );
}

#[derive(Serialize)]
enum Shape {
    Nothing,
    Circle(Circle),
    Square(i32, i32),
    Line { x: i64 },
    Name(String),
}

#[derive(Serialize)]
struct Circle {
    r: i32,
}

const SHAPE: &str = r#"["null",
    {"type": "record", "name": "Circle", "fields": [{"name": "r", "type": "int"}]},
    {"type": "record", "name": "Square", "fields": [
        {"name": "w", "type": "int"}, {"name": "h", "type": "int"}]},
    {"type": "record", "name": "Line", "fields": [{"name": "x", "type": "long"}]},
    "string"]"#;

#[test]
fn variants_are_branches_by_their_number() {
    agrees(SHAPE, &Shape::Nothing);
    agrees(SHAPE, &Shape::Circle(Circle { r: 1 }));
    agrees(SHAPE, &Shape::Square(1, 2));
    agrees(SHAPE, &Shape::Line { x: 3 });
    agrees(SHAPE, &Shape::Name("n".to_owned()));
}

#[test]
fn variants_have_records_of_their_own() {
    let schema = r#"[
        {"type": "record", "name": "Nothing", "fields": []},
        {"type": "record", "name": "Circle", "org.apache.avro.rust.union_of_records": true,
            "fields": [{"name": "value", "type":
                {"type": "record", "name": "Round", "fields": [{"name": "r", "type": "int"}]}}]}]"#;
    assert_eq!(agrees(schema, &Shape::Nothing), [0]);
    assert_eq!(agrees(schema, &Shape::Circle(Circle { r: 1 })), [2, 2]);
}

/// `apache-avro` would write the circle as a square.
#[test]
fn variant_is_not_labelled_as_another() {
    let record = |name: &str| {
        format!(
            r#"{{"type": "record", "name": "{name}", "fields": [{{"name": "r", "type": "int"}}]}}"#
        )
    };
    let schema = format!(r#"[{}, {}]"#, record("Circle"), record("Square"));
    let circle = Shape::Circle(Circle { r: 1 });
    assert_eq!(by_apache(&schema, &circle), Some(vec![2, 2]));
    assert_eq!(
        refusal(&schema, &circle),
        "value: variant Circle is number 1 of the type, and branch 0 of the union"
    );
}

#[test]
fn enums_tagged_inside_or_beside_are_records() {
    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Inside {
        A { x: i32 },
        B { y: i32 },
    }
    let inside = r#"{"type": "record", "name": "Inside", "fields": [
        {"name": "kind", "type": "string"},
        {"name": "x", "type": "int", "default": 0}, {"name": "y", "type": "int", "default": 0}]}"#;
    agrees(inside, &Inside::A { x: 1 });
    agrees(inside, &Inside::B { y: 2 });
    #[derive(Serialize)]
    #[serde(tag = "t", content = "c")]
    enum Beside {
        A(i32),
        B(String),
    }
    let beside = r#"{"type": "record", "name": "Beside", "fields": [
        {"name": "t", "type": {"type": "enum", "name": "Tag", "symbols": ["A", "B"]}},
        {"name": "c", "type": ["int", "string"]}]}"#;
    agrees(beside, &Beside::A(1));
    agrees(beside, &Beside::B("x".to_owned()));
}

#[test]
fn marked_bytes_find_the_branch_that_they_are_marked_for() {
    #[derive(Serialize)]
    struct Plain {
        #[serde(serialize_with = "plain")]
        b: [u8; 4],
    }
    #[derive(Serialize)]
    struct Bytes {
        #[serde(with = "apache_avro::serde::bytes")]
        b: Vec<u8>,
    }
    #[derive(Serialize)]
    struct Fixed {
        #[serde(with = "apache_avro::serde::fixed")]
        b: [u8; 4],
    }
    fn plain<S: Serializer>(
        bytes: &(impl AsRef<[u8]> + ?Sized),
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes.as_ref())
    }
    let fixed = r#"{"type": "fixed", "name": "F", "size": 4}"#;
    for union in [
        format!(r#"["null", "bytes", {fixed}]"#),
        format!(r#"[{fixed}, "bytes"]"#),
    ] {
        let schema = format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "b", "type": {union}}}]}}"#
        );
        let b = [1, 2, 3, 4];
        agrees(&schema, &Plain { b });
        agrees(&schema, &Fixed { b });
        agrees(&schema, &Bytes { b: b.to_vec() });
    }
}

/// What is remembered of one type is not taken for another that has a variant of the same number.
#[test]
fn variants_of_two_types_are_told_apart() {
    #[derive(Serialize)]
    enum Other {
        Nothing,
        Square(Circle),
    }
    let plan = plan(SHAPE);
    let encode = |value: &dyn erased_serde::Serialize| {
        let mut body = BytesMut::new();
        let encoded = plan.encode(value, 0, &mut body, &Bounds::new());
        encoded
            .map(|()| body.to_vec())
            .map_err(|error| error.to_string())
    };
    for _ in 0..3 {
        assert_eq!(encode(&Shape::Circle(Circle { r: 1 })), Ok(vec![2, 2]));
        let refused = "variant Square is number 1 of the type, and branch 2 of the union";
        let error = encode(&Other::Square(Circle { r: 1 })).unwrap_err();
        assert!(error.contains(refused), "{error}");
        assert_eq!(encode(&Other::Nothing), Ok(vec![0]));
    }
}
