//! `receive`: what is printed, and what becomes of it.

use serde_json::{Value, json};

use crate::house::{House, Leaving};

const QUEUE: &str = "memory://orders";

async fn three() -> House {
    let house = House::new();
    house.send(QUEUE, "1\n2\n3\n", &[], 0).await;
    house
}

async fn receive(house: &House, args: &[&str]) -> Vec<Value> {
    let all = ["receive", QUEUE, "--wait", "0s"];
    house.run(&[&all[..], args].concat()).await.ended(0).lines()
}

fn bodies(received: &[Value]) -> Vec<&Value> {
    received.iter().map(|line| &line["body"]).collect()
}

async fn counts(house: &House) -> [u64; 3] {
    let stats = house.stats(QUEUE).await;
    ["ready", "leased", "dead"].map(|name| stats[name].as_u64().unwrap())
}

#[tokio::test]
async fn messages_are_given_back_and_come_again() {
    let house = three().await;
    for attempt in [1, 2] {
        let received = receive(&house, &["--max", "9"]).await;
        assert_eq!(bodies(&received), [1, 2, 3]);
        for line in &received {
            assert_eq!(line["delivery"]["attempt"], attempt);
            assert_eq!(line["delivery"]["id"].as_str().unwrap().len(), 32);
        }
        assert_eq!(counts(&house).await, [3, 0, 0]);
    }
}

#[tokio::test]
async fn no_more_are_taken_than_asked_for() {
    let house = three().await;
    assert_eq!(bodies(&receive(&house, &["--ack"]).await), [1]);
    assert_eq!(
        bodies(&receive(&house, &["--ack", "--max", "2"]).await),
        [2, 3]
    );
}

#[tokio::test]
async fn acked_messages_are_gone() {
    let house = three().await;
    assert_eq!(receive(&house, &["--max", "9", "--ack"]).await.len(), 3);
    assert_eq!(counts(&house).await, [0, 0, 0]);
    let ended = house
        .run(&["receive", QUEUE, "--wait", "0s"])
        .await
        .ended(0);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn messages_that_are_left_keep_their_lease() {
    let house = three().await;
    assert_eq!(receive(&house, &["--max", "2", "--leave"]).await.len(), 2);
    assert_eq!(counts(&house).await, [1, 2, 0]);
}

#[tokio::test]
async fn dead_letters_can_be_made_and_read() {
    let house = three().await;
    receive(&house, &["--dead-letter", "not wanted"]).await;
    assert_eq!(counts(&house).await, [2, 0, 1]);
    let dead = house.drain("memory://orders/$deadletterqueue").await;
    assert_eq!(bodies(&dead), [1]);
    let letter = &dead[0]["dead_letter"];
    assert_eq!(letter["reason"], "not wanted");
    assert_eq!(
        (&letter["source"], &letter["attempts"]),
        (&json!("orders"), &json!(1))
    );
}

#[tokio::test]
async fn formats_are_a_line_each_one_array_and_a_table() {
    let house = three().await;
    let all = ["receive", QUEUE, "--wait", "0s", "--max", "9", "--output"];
    let lines = house.run(&[&all[..], &["ndjson"]].concat()).await.ended(0);
    assert_eq!(lines.lines().len(), 3);
    let array = house
        .run(&[&all[..], &["json"]].concat())
        .await
        .ended(0)
        .json();
    assert_eq!(bodies(array.as_array().unwrap()), [1, 2, 3]);
    let table = house
        .run(&[&all[..], &["table"]].concat())
        .await
        .ended(0)
        .stdout;
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(
        rows[0].starts_with("ID ") && rows[0].ends_with("BODY"),
        "{table}"
    );
    assert!(rows[3].ends_with("3  -                 3"), "{table}");

    let none = [
        "receive",
        "memory://none",
        "--wait",
        "0s",
        "--output",
        "json",
    ];
    assert_eq!(house.run(&none).await.ended(0).json(), json!([]));
}

#[tokio::test]
async fn table_lets_no_message_move_the_cursor() {
    let house = House::new();
    let evil = "{\"text\":\"\\u001b[2J\\nx\",\"key\":\"k\"}\n";
    house.send(QUEUE, evil, &["--envelope"], 0).await;
    let args = ["receive", QUEUE, "--wait", "0s", "--output", "table"];
    let table = house.run(&args).await.ended(0).stdout;
    assert!(
        !table.contains('\x1b') && table.ends_with("  [2J x\n"),
        "{table:?}"
    );
}

#[tokio::test]
async fn what_the_reader_did_not_get_is_given_back() {
    let house = three().await;
    let args = ["receive", QUEUE, "--wait", "0s", "--max", "9", "--ack"];
    assert_eq!(house.run_to(&args, Leaving(1)).await, 141);
    assert_eq!(counts(&house).await, [2, 0, 0]);
    assert_eq!(bodies(&receive(&house, &["--max", "9"]).await), [2, 3]);
}

#[tokio::test]
async fn queue_with_sessions_says_who_can_read_it() {
    let house = House::new();
    house.run(&["create", QUEUE, "--sessions"]).await.ended(0);
    house
        .run(&["receive", QUEUE, "--wait", "0s"])
        .await
        .ended(2);
}
