//! Values that a schema has no form for: the error says where, and what met what.

use serde::{Serialize, Serializer, ser::Error as _};

use super::*;

const ORDER: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "items", "type": {"type": "array", "items":
        {"type": "record", "name": "Item", "fields": [{"name": "price", "type": "double"}]}}},
    {"name": "notes", "type": {"type": "map", "values": ["null", "long"]}, "default": {}}]}"#;

#[derive(Serialize)]
struct Order<T> {
    items: Vec<Item<T>>,
}

#[derive(Serialize)]
struct Item<T> {
    price: T,
}

#[test]
fn error_says_where_and_what_met_what() {
    let order = Order {
        items: vec![Item { price: "cheap" }],
    };
    assert_eq!(
        refused(ORDER, &order),
        "Order.items[0].price: a string cannot be written as double"
    );
    let json = serde_json::json!({"items": [{"price": 1}, {"price": null}]});
    assert_eq!(
        refusal(ORDER, &json),
        "Order.items[1].price: a unit cannot be written as double"
    );
    let json = serde_json::json!({"items": [], "notes": {"a": 1, "b": "x"}});
    assert_eq!(
        refusal(ORDER, &json),
        "Order.notes[1]: a string cannot be written as union of null, long"
    );
}

#[test]
fn unknown_field_is_an_error() {
    #[derive(Serialize)]
    struct Other {
        items: Vec<()>,
        color: i32,
    }
    let other = Other {
        items: Vec::new(),
        color: 1,
    };
    assert_eq!(
        refused(ORDER, &other),
        "Order.color: record Order has no such field"
    );
}

#[test]
fn each_kind_says_what_it_is() {
    #[derive(Serialize)]
    struct Struct {
        a: i32,
    }
    #[derive(Serialize)]
    enum Enum {
        Unit,
        Newtype(i32),
        Tuple(i32, i32),
        Struct { a: i32 },
    }
    let meets = |found: &str| format!("value: {found} cannot be written as null");
    let null = r#""null""#;
    assert_eq!(refused(null, &true), meets("a boolean"));
    assert_eq!(refused(null, &1_u64), meets("an integer"));
    assert_eq!(refused(null, &1.5_f32), meets("a float of 32 bits"));
    assert_eq!(refused(null, &1.5), meets("a float of 64 bits"));
    assert_eq!(refused(null, &'x'), meets("a string"));
    assert_eq!(refused(null, &Octets(b"x")), meets("1 bytes"));
    assert_eq!(refused(null, &vec![1]), meets("a sequence"));
    assert_eq!(refused(null, &(1, 2)), meets("a tuple"));
    assert_eq!(refused(null, &serde_json::Map::new()), meets("a map"));
    assert_eq!(refused(null, &Struct { a: 1 }), meets("a struct"));
    assert_eq!(refused(null, &Enum::Unit), meets("variant Unit"));
    assert_eq!(refused(null, &Enum::Newtype(1)), meets("variant Newtype"));
    assert_eq!(refused(null, &Enum::Tuple(1, 2)), meets("variant Tuple"));
    assert_eq!(
        refused(null, &Enum::Struct { a: 1 }),
        meets("variant Struct")
    );
    assert_eq!(
        refused(r#""int""#, &()),
        "value: a unit cannot be written as int"
    );
}

#[test]
fn words_of_the_type_are_not_repeated() {
    struct Secret;
    impl Serialize for Secret {
        fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(S::Error::custom("hunter2"))
        }
    }
    assert_eq!(
        refused(r#""int""#, &Secret),
        "value: the value refuses to be written"
    );
}

/// The parser refuses most of them, but not a character that is no byte, and not a wrong size.
#[test]
fn default_that_does_not_fit_is_an_error_where_it_is_needed() {
    #[derive(Serialize)]
    struct Given<'a> {
        a: Octets<'a>,
    }
    #[derive(Serialize)]
    struct Nothing {}
    let record = |field: &str, default: &str| {
        format!(
            r#"{{"type": "record", "name": "R", "fields": [
                {{"name": "a", "type": {field}, "default": "{default}"}}]}}"#
        )
    };
    let fixed = r#"{"type": "fixed", "name": "F", "size": 2}"#;
    let text = "R.a: the default of the schema is not of the field's type";
    for (field, default) in [(r#""bytes""#, "\u{100}"), (fixed, "\u{100}a"), (fixed, "a")] {
        let schema = record(field, default);
        assert_eq!(refusal(&schema, &Nothing {}), text, "{schema}");
        let given = Given { a: Octets(b"ab") };
        assert!(encode(&plan(&schema), &given).is_ok(), "{schema}");
    }
    writes(&record(fixed, "a\u{ff}"), &Nothing {}, b"a\xff");
}

/// A default of a record that it stands in itself: the empty list, or null.
#[test]
fn default_of_a_recursive_type_is_written() {
    #[derive(Serialize)]
    struct Nothing {}
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": {"type": "array", "items": "R"}, "default": []},
        {"name": "b", "type": ["null", "R"], "default": null}]}"#;
    agrees(schema, &Nothing {});
}
