//! What errors say: where, what is wrong, and nothing of the content.

use std::{any::type_name, collections::BTreeMap};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::*;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "name", "type": "string"},
    {"name": "items", "type": {"type": "array", "items":
        {"type": "record", "name": "Item", "fields": [
            {"name": "price", "type": "int"},
            {"name": "labels", "type": {"type": "map", "values": ["null", "string"]}}]}}}]}"#;

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    name: String,
    items: Vec<Item>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    price: u8,
    labels: BTreeMap<String, Option<String>>,
}

fn order(price: i64, label: &[u8]) -> Vec<u8> {
    let item = |price| [long(price), vec![2], text("key"), label.to_vec(), vec![0]].concat();
    [text("secret"), vec![4], item(1), item(price), vec![0]].concat()
}

#[test]
fn fault_has_offset_and_path_and_no_content() {
    let plan = plan(ORDER);
    let good = order(2, &[2, 2, b'x']);
    for _ in 0..3 {
        let error = refused::<Order>(&plan, &order(300, &[0]));
        let place = "Avro datum does not decode at byte 18, Order.items[1].price";
        assert_eq!(error, format!("{place}: invalid integer, expected u8"));
        let error = refused::<Order>(&plan, &order(2, &[2, 2, 0xff]));
        let place = "Avro datum does not decode at byte 17, Order.items[0].labels[0]";
        assert_eq!(error, format!("{place}: a string is not UTF-8"));
        let error = refused::<Order>(&plan, &good[..20]);
        assert!(
            error.contains("Order.items[1].labels[0]: datum ends too early"),
            "{error}"
        );
        assert!(decode::<Order>(&plan, &good).is_ok());
    }
}

#[test]
fn middle_of_a_long_path_is_left_out() {
    let list = plan(
        r#"{"type": "record", "name": "List", "fields": [
            {"name": "x", "type": ["null", "List"]}]}"#,
    );
    let path = |datum: &[u8]| {
        let error = refused::<Value>(&list, datum);
        let (path, _) = error.rsplit_once(": ").unwrap();
        path.rsplit_once(", ").unwrap().1.to_owned()
    };
    assert_eq!(path(&[2; 15]), format!("List{}", ".x".repeat(16)));
    assert_eq!(
        path(&[2; 16]),
        format!("List{}...{}", ".x".repeat(8), ".x".repeat(8))
    );
    assert_eq!(
        path(&[2; 100]),
        format!("List{}...{}", ".x".repeat(8), ".x".repeat(8))
    );
}

#[test]
fn nothing_of_the_content_is_repeated() {
    #[derive(Debug, Deserialize)]
    enum Closed {
        Open,
    }
    #[derive(Debug)]
    struct Chatty;
    impl<'de> Deserialize<'de> for Chatty {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(text))
        }
    }
    fn check<T: DeserializeOwned + std::fmt::Debug>(of: &str) {
        let error = refused::<T>(&plan(of), &text("secret"));
        assert!(!error.contains("secret"), "{}: {error}", type_name::<T>());
    }
    check::<Closed>(r#""string""#);
    check::<Chatty>(r#""string""#);
    check::<i32>(r#""string""#);
    check::<char>(r#""string""#);
    check::<std::net::IpAddr>(r#""string""#);
    check::<bool>(r#""bytes""#);
}

#[test]
fn all_of_the_datum_must_be_used() {
    let plan = plan(r#""int""#);
    let error = refused::<i32>(&plan, &[2, 2]);
    assert!(
        error.ends_with("at byte 1, value: bytes are left after the value"),
        "{error}"
    );
    assert!(refused::<i32>(&plan, &[]).contains("datum ends too early"));
}

/// `apache-avro` takes a datum that ends where a boolean, a string or a union begins for a null.
#[test]
fn datum_that_ends_too_early_is_no_null() {
    for of in [r#""boolean""#, r#""string""#, r#"["null", "int"]"#] {
        assert!(
            refused::<Value>(&plan(of), &[]).contains("datum ends too early"),
            "{of}"
        );
    }
}

#[test]
fn each_start_of_a_datum_is_refused() {
    let plan = plan(ORDER);
    let datum = order(2, &[2, 2, b'x']);
    for length in 0..datum.len() {
        refused::<Order>(&plan, &datum[..length]);
        refused::<Value>(&plan, &datum[..length]);
        refused::<serde::de::IgnoredAny>(&plan, &datum[..length]);
    }
}

#[test]
fn booleans_are_0_or_1() {
    assert!(refused::<bool>(&plan(r#""boolean""#), &[2]).contains("a boolean is 0 or 1"));
}

/// A type that makes something of what failed would read on in the middle of a value.
#[test]
fn value_after_one_that_does_not_decode_is_not_trusted() {
    fn forgiving<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(Vec::deserialize(deserializer).unwrap_or_default())
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its decoding is looked at")]
    struct Forgiving {
        #[serde(deserialize_with = "forgiving")]
        bytes: Vec<u8>,
        rest: String,
    }
    let plan = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "bytes", "type": {"type": "array", "items": "int"}},
            {"name": "rest", "type": "string"}]}"#,
    );
    // 300 is no u8; what follows it looks like a string.
    let datum = [vec![4], long(300), text("x")].concat();
    let error = refused::<Forgiving>(&plan, &datum);
    assert!(
        error.contains("type goes on after a value that does not decode"),
        "{error}"
    );
    // Here the type gives up before the first item.
    let of_text = super::plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "bytes", "type": {"type": "map", "values": "int"}},
            {"name": "rest", "type": "string"}]}"#,
    );
    let error = refused::<Forgiving>(&of_text, &[[0].to_vec(), text("x")].concat());
    assert!(
        error.contains("type goes on after a value that does not decode"),
        "{error}"
    );
}

#[test]
fn missing_fields_are_named() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its decoding is looked at")]
    struct More {
        a: i32,
        b: i32,
    }
    let plan = plan(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#);
    for _ in 0..3 {
        let error = refused::<More>(&plan, &[2]);
        assert_eq!(
            error,
            "Avro datum does not decode at byte 1, R: missing field b"
        );
    }
    let error = refused::<More>(&super::plan(r#""int""#), &[2]);
    assert!(
        error.ends_with("value: unexpected int, expected a record"),
        "{error}"
    );
}
