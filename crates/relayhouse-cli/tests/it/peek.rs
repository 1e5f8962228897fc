//! `peek`: shows what is there and what it says, and takes nothing.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::house::House;

const URL: &str = "memory://orders";

const SCHEMA: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "key", "type": "bytes"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "OLD"]}},
    {"name": "note", "type": ["null", "string"]}
]}"#;

/// Sends `messages` as they are.
async fn sent(messages: &[Value]) -> House {
    let house = House::new();
    let lines = messages.iter().fold(String::new(), |mut lines, message| {
        writeln!(lines, "{message}").unwrap();
        lines
    });
    house.send(URL, &lines, &["--envelope"], 0).await;
    house
}

async fn peeked(house: &House, args: &[&str]) -> Vec<Value> {
    let args = [&["peek", URL, "--output", "ndjson"], args].concat();
    house.run(&args).await.ended(0).lines()
}

#[tokio::test]
async fn messages_are_shown_and_stay() {
    let messages: Vec<_> = (0..150).map(|number| json!({"body": number})).collect();
    let house = sent(&messages).await;
    for _ in 0..2 {
        let shown = peeked(&house, &["--max", "1000"]).await;
        let bodies: Vec<_> = shown.iter().map(|line| &line["body"]).collect();
        assert_eq!(bodies, (0..150).collect::<Vec<_>>());
        assert_eq!(shown[0].get("decoded"), None);
    }
    let sequence = peeked(&house, &["--max", "3"]).await[2]["delivery"]["sequence"].clone();
    let from = peeked(&house, &["--from", &sequence.to_string()]).await;
    assert_eq!((from.len(), &from[0]["body"]), (10, &json!(2)));
    assert_eq!(house.stats(URL).await["ready"], 150);
    assert_eq!(house.drain(URL).await[0]["delivery"]["attempt"], 1);
}

#[tokio::test]
async fn bodies_are_decoded_by_their_content_types() {
    let house = House::new();
    let schema = house.file("order.avsc", SCHEMA);
    let fingerprint = house
        .run(&["schema", "fingerprint", &schema])
        .await
        .ended(0);
    let id = format!("crc-64-avro:{}", fingerprint.stdout.trim());
    // 7, two bytes, the second symbol, and the branch of the string "hi".
    let bare = "DgT/AAICBGhp";
    let house = sent(&[
        json!({"body": {"id": 7}}),
        json!({"base64": "gaJpZAc=", "content_type": "application/vnd.msgpack"}),
        json!({"base64": bare, "content_type": "avro/binary", "headers": {"avro-schema": id}}),
    ])
    .await;
    let schema = house.file("order.avsc", SCHEMA);
    let shown = peeked(&house, &["--decode", "--schema", &schema]).await;
    let decoded: Vec<_> = shown.iter().map(|line| &line["decoded"]).collect();
    let order = json!({"id": 7, "key": {"base64": "/wA="}, "state": "OLD", "note": "hi"});
    assert_eq!(decoded, [&json!({"id": 7}), &json!({"id": 7}), &order]);
    assert_eq!(shown[2]["base64"], bare);
    // What is shown can be sent again.
    let lines: String = shown.iter().map(|line| format!("{line}\n")).collect();
    house
        .send("memory://again", &lines, &["--envelope"], 0)
        .await;
}

#[tokio::test]
async fn what_is_not_decoded_says_why_and_is_shown_raw() {
    let house = sent(&[
        json!({"text": "hello"}),
        json!({"text": "hello", "content_type": "text/plain"}),
        json!({"text": "{", "content_type": "application/json"}),
        json!({"text": "x", "content_type": "avro/binary"}),
        json!({"text": "x", "content_type": "avro/binary", "headers": {"avro-schema": "id:7"}}),
    ])
    .await;
    let shown = peeked(&house, &["--decode"]).await;
    for (line, reason) in shown.iter().zip([
        "no content type",
        "content type is none of",
        "body is not JSON",
        "names no schema",
        "schema id:7 is not in the store",
    ]) {
        let said = line["undecoded"].as_str().unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(line["text"].is_string(), "{line}");
        assert_eq!(line.get("decoded"), None);
    }
    let table = house
        .run(&["peek", URL, "--decode", "--output", "table"])
        .await
        .ended(0);
    assert!(
        table.stdout.contains("(message has no content type"),
        "{}",
        table.stdout
    );
}

#[tokio::test]
async fn wrong_usage_is_refused_before_anything_is_shown() {
    let house = sent(&[json!({"body": 1})]).await;
    house.run(&["peek", URL, "--schema", "x"]).await.ended(2);
    house.run(&["peek", URL, "--max", "0"]).await.ended(2);
    let nowhere = ["peek", URL, "--decode", "--schema", "/nowhere.avsc"];
    house.run(&nowhere).await.ended(66);
    let far = [
        "peek",
        URL,
        "--decode",
        "--registry",
        "http://registry.example",
    ];
    house.run(&far).await.ended(2);
    house.run(&["create", "memory://empty"]).await.ended(0);
    let empty = ["peek", "memory://empty", "--output", "json"];
    assert_eq!(house.run(&empty).await.ended(0).json(), json!([]));
}
