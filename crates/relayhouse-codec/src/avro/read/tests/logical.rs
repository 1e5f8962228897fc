//! Logical types, and what they resolve to.

use serde::Deserialize;
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn logical(of: &str, name: &str) -> String {
    format!(r#"{{"type": "{of}", "logicalType": "{name}"}}"#)
}

const ID: &str = "00112233-4455-6677-8899-aabbccddeeff";
const FIXED: &str = r#"{"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}"#;

#[test]
fn times_are_their_numbers() {
    for name in ["date", "time-millis"] {
        assert_eq!(
            thrice::<i32>(&plan(&logical("int", name)), &long(19_000)),
            19_000
        );
    }
    for name in [
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
    ] {
        let plan = plan(&logical("long", name));
        assert_eq!(thrice::<i64>(&plan, &long(1 << 50)), 1 << 50);
        assert_eq!(thrice::<Value>(&plan, &long(1 << 50)), json!(1_i64 << 50));
    }
}

#[test]
fn uuids_are_text_or_bytes_as_the_type_likes() {
    let id = Uuid::parse_str(ID).unwrap();
    let prefixed = [vec![32], id.as_bytes().to_vec()].concat();
    for (schema, datum) in [
        (logical("string", "uuid"), text(ID)),
        (logical("bytes", "uuid"), prefixed),
        (FIXED.to_owned(), id.as_bytes().to_vec()),
    ] {
        let plan = plan(&schema);
        assert_eq!(thrice::<String>(&plan, &datum), ID);
        assert_eq!(thrice::<Uuid>(&plan, &datum), id);
        assert_eq!(thrice::<Value>(&plan, &datum), json!(ID));
        for other in [
            logical("string", "uuid"),
            logical("bytes", "uuid"),
            FIXED.to_owned(),
        ] {
            assert_eq!(thrice::<Uuid>(&resolved(&schema, &other), &datum), id);
        }
    }
    let plan = plan(&logical("string", "uuid"));
    assert!(refused::<Uuid>(&plan, &text("none")).contains("a string is no UUID"));
}

#[test]
fn decimals_and_durations_are_their_bytes() {
    let bytes = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    let fixed = r#"{"type": "fixed", "name": "D", "size": 8,
        "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    assert_eq!(*thrice::<ByteBuf>(&plan(bytes), &[4, 0xff, 1]), [0xff, 1]);
    assert_eq!(*thrice::<ByteBuf>(&plan(fixed), &[7; 8]), [7; 8]);
    let decimal: apache_avro::Decimal = decode(&plan(bytes), &[4, 1, 0]).unwrap();
    assert_eq!(num(&decimal), [1, 0]);
    // Eight bytes of a decimal are no number of Rust, whose order is another.
    let error = refused::<u64>(&plan(fixed), &[0; 8]);
    assert!(error.contains("unexpected bytes, expected u64"), "{error}");
    let duration = r#"{"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}"#;
    assert_eq!(*thrice::<ByteBuf>(&plan(duration), &[3; 12]), [3; 12]);
}

fn num(decimal: &apache_avro::Decimal) -> Vec<u8> {
    <Vec<u8>>::try_from(decimal).unwrap()
}

#[test]
fn decimals_resolve_if_precision_and_scale_are_the_same() {
    let bytes = |precision, scale| {
        format!(
            r#"{{"type": "bytes", "logicalType": "decimal",
                "precision": {precision}, "scale": {scale}}}"#
        )
    };
    let fixed = r#"{"type": "fixed", "name": "D", "size": 2,
        "logicalType": "decimal", "precision": 4, "scale": 2}"#;
    assert_eq!(
        *thrice::<ByteBuf>(&resolved(&bytes(4, 2), fixed), &[4, 1, 2]),
        [1, 2]
    );
    assert_eq!(
        *thrice::<ByteBuf>(&resolved(fixed, &bytes(4, 2)), &[1, 2]),
        [1, 2]
    );
    assert!(
        unresolved(&bytes(4, 2), &bytes(5, 2)).contains("decimal of 5 digits, 2 after the point")
    );
    assert!(unresolved(&bytes(4, 2), &bytes(4, 1)).contains("cannot be read as"));
    resolved(&bytes(4, 2), r#""bytes""#);
    resolved(r#""bytes""#, &bytes(4, 2));
}

/// Milliseconds read as microseconds would be wrong by a thousand. What `apache-avro` says of
/// compatibility allows it, and its resolution does not.
#[test]
fn logical_types_resolve_to_what_is_below_and_to_no_others() {
    let millis = logical("long", "timestamp-millis");
    assert!(unresolved(&millis, &logical("long", "timestamp-micros")).contains("TimestampMicros"));
    assert!(unresolved(&millis, &logical("long", "local-timestamp-millis")).contains("cannot"));
    assert!(unresolved(&logical("int", "date"), &logical("int", "time-millis")).contains("cannot"));
    assert_eq!(thrice::<i64>(&resolved(&millis, r#""long""#), &[14]), 7);
    assert_eq!(thrice::<i64>(&resolved(r#""long""#, &millis), &[14]), 7);
    assert_eq!(thrice::<i64>(&resolved(r#""int""#, &millis), &[14]), 7);
    assert_eq!(
        thrice::<i64>(&resolved(&logical("int", "date"), r#""long""#), &[14]),
        7
    );
    assert_eq!(
        thrice::<String>(
            &resolved(&logical("string", "uuid"), r#""string""#),
            &text(ID)
        ),
        ID
    );
}

#[test]
fn logical_types_stand_in_records_and_unions() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        id: Option<Uuid>,
        at: Option<i64>,
        price: ByteBuf,
    }
    let plan = plan(&format!(
        r#"{{"type": "record", "name": "Row", "fields": [
            {{"name": "id", "type": ["null", {FIXED}]}},
            {{"name": "at", "type": [{}, "null"]}},
            {{"name": "price", "type":
                {{"type": "bytes", "logicalType": "decimal", "precision": 4}}}}]}}"#,
        logical("long", "timestamp-millis"),
    ));
    let id = Uuid::parse_str(ID).unwrap();
    let datum = [vec![2], id.as_bytes().to_vec(), vec![2], vec![2, 9]].concat();
    let expected = Row {
        id: Some(id),
        at: None,
        price: ByteBuf::from([9]),
    };
    assert_eq!(thrice::<Row>(&plan, &datum), expected);
}
