//! Bounds: a value beyond one is an error, and the body is as before.

use std::num::{NonZeroU8, NonZeroUsize};

use relayhouse_core::Error;
use serde::Serialize;

use super::*;

fn max(max: usize) -> NonZeroUsize {
    NonZeroUsize::new(max).unwrap()
}

#[track_caller]
fn beyond<T: Serialize>(schema: &str, value: &T, bounds: Bounds) -> Error {
    let mut body = BytesMut::from(&b"before"[..]);
    let start = body.len();
    let error = plan(schema)
        .encode(value, start, &mut body, &bounds)
        .unwrap_err();
    assert_eq!(body, &b"before"[..]);
    error
}

#[track_caller]
fn within<T: Serialize>(schema: &str, value: &T, bounds: Bounds) {
    plan(schema)
        .encode(value, 0, &mut BytesMut::new(), &bounds)
        .unwrap();
}

#[test]
fn body_is_bounded() {
    let texts = r#"{"type": "array", "items": "string"}"#;
    let values = vec!["abcd"; 3];
    within(texts, &values, Bounds::new().body_bytes_max(max(17)));
    let error = beyond(texts, &values, Bounds::new().body_bytes_max(max(16)));
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(error.to_string(), "value: Avro body has more than 16 bytes");
    let error = beyond(texts, &values, Bounds::new().body_bytes_max(max(8)));
    assert_eq!(
        error.to_string(),
        "value[1]: Avro body has more than 8 bytes"
    );
    let longs = r#"{"type": "array", "items": "long"}"#;
    let error = beyond(
        longs,
        &vec![i64::MAX; 100],
        Bounds::new().body_bytes_max(max(50)),
    );
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    let bytes = Bounds::new().body_bytes_max(max(50));
    assert_eq!(
        beyond(r#""bytes""#, &vec![7_u8; 100], bytes).kind(),
        ErrorKind::MessageTooLarge
    );
}

#[test]
fn fields_that_come_early_count() {
    #[derive(Serialize)]
    struct Backwards {
        b: String,
        a: String,
    }
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "string"}, {"name": "b", "type": "string"}]}"#;
    let value = Backwards {
        b: "x".repeat(40),
        a: "y".repeat(40),
    };
    within(schema, &value, Bounds::new().body_bytes_max(max(82)));
    let error = beyond(schema, &value, Bounds::new().body_bytes_max(max(81)));
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
}

#[test]
fn texts_are_bounded() {
    let bounds = Bounds::new().text_bytes_max(max(4));
    within(r#""string""#, &"abcd", bounds);
    let error = beyond(r#""string""#, &"abcde", bounds);
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        error.to_string(),
        "value: text has 5 bytes, at most 4 are written"
    );
    beyond(r#""bytes""#, &Octets(b"abcde"), bounds);
    beyond(r#""bytes""#, &vec![1_u8; 5], bounds);
    beyond(r#""string""#, &format_args!("{}", "abcde"), bounds);
}

#[test]
fn items_are_bounded_in_total() {
    let schema = r#"{"type": "array", "items": {"type": "array", "items": "null"}}"#;
    let bounds = Bounds::new().items_max(max(8));
    within(schema, &vec![vec![(); 3]; 2], bounds);
    let error = beyond(schema, &vec![vec![(); 4]; 2], bounds);
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        error.to_string(),
        "value[1]: arrays and maps have more than 8 items"
    );
}

#[test]
fn depth_is_bounded_on_a_small_stack() {
    #[derive(Serialize)]
    struct List {
        next: Option<Box<List>>,
    }
    impl Drop for List {
        fn drop(&mut self) {
            let mut next = self.next.take();
            while let Some(mut list) = next {
                next = list.next.take();
            }
        }
    }
    let schema = r#"{"type": "record", "name": "List", "fields": [
        {"name": "next", "type": ["null", "List"]}]}"#;
    let list = |length: usize| {
        (1..length).fold(List { next: None }, |list, _| List {
            next: Some(Box::new(list)),
        })
    };
    within(schema, &list(128), Bounds::new());
    let error = beyond(schema, &list(100_000), Bounds::new());
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(
        error
            .to_string()
            .ends_with("values stand more than 128 deep in each other")
    );
    let shallow = Bounds::new().depth_max(NonZeroU8::new(2).unwrap());
    within(schema, &list(2), shallow);
    beyond(schema, &list(3), shallow);
}

#[test]
fn short_texts_are_bounded_to_the_byte() {
    let texts = r#"{"type": "array", "items": "string"}"#;
    let values = vec!["abcdefgh"; 40];
    let whole = 1 + 40 * 9 + 1;
    for beyond_start in 0..30 {
        let bounds = Bounds::new().body_bytes_max(max(whole - beyond_start));
        match beyond_start {
            0 => within(texts, &values, bounds),
            _ => drop(beyond(texts, &values, bounds)),
        }
    }
}
