//! `dlq` on queues in memory, which live in one process: its verbs after one another.

use relayhouse::memory::Profile;
use serde_json::{Value, json};

use crate::house::House;

const QUEUE: &str = "memory://orders";

async fn dlq(house: &House, args: &[&str]) -> Vec<Value> {
    let args = [&["dlq"], args, &["--output", "ndjson"]].concat();
    house.run(&args).await.ended(0).lines()
}

#[tokio::test]
async fn all_verbs_work_in_memory() {
    let house = House::new();
    let audit = house.path("audit.jsonl");
    let audit = ["--audit", audit.to_str().unwrap()];
    house.send(QUEUE, "1\n2\n3\n", &[], 0).await;
    for (max, reason) in [("2", "timeout"), ("1", "no stock")] {
        let kill = ["receive", QUEUE, "--max", max, "--dead-letter", reason];
        house.run(&kill).await.ended(0);
    }
    let groups = dlq(&house, &["list", QUEUE]).await;
    assert_eq!((groups.len(), &groups[0]["count"]), (2, &json!(2)));

    let group = groups[0]["group"].as_str().unwrap();
    let redrive = [&["redrive", QUEUE, "--group", group][..], &audit].concat();
    assert_eq!(dlq(&house, &redrive).await[0]["done"], 2);
    let back = house.drain(QUEUE).await;
    let bodies: Vec<_> = back.iter().map(|line| &line["body"]).collect();
    assert_eq!(bodies, [1, 2]);

    let export = house.path("dead.ndjson");
    let export = ["--file", export.to_str().unwrap()];
    house
        .run(&[&["dlq", "export", QUEUE][..], &export].concat())
        .await
        .ended(0);
    let purge = [&["purge", QUEUE, "--yes"][..], &audit].concat();
    assert_eq!(dlq(&house, &purge).await, [json!({"removed": 1})]);
    let import = [&["import", QUEUE][..], &export, &audit].concat();
    assert_eq!(dlq(&house, &import).await[0]["done"], 1);
    assert_eq!(house.drain(QUEUE).await[0]["body"], 3);
}

#[tokio::test]
async fn dead_letters_of_a_subscription_need_another_queue() {
    let house = House::new();
    let audit = house.path("audit.jsonl");
    let audit = ["--audit", audit.to_str().unwrap()];
    let subscription = "memory://events/subscriptions/mail";
    house.run(&["create", subscription]).await.ended(0);
    house.send("memory://events", "1\n2\n", &[], 0).await;
    let kill = [
        "receive",
        subscription,
        "--max",
        "2",
        "--dead-letter",
        "timeout",
    ];
    house.run(&kill).await.ended(0);
    // The topic would give it to every other subscription as well.
    let redrive = ["dlq", "redrive", subscription, "--output", "json"];
    let ended = house.run(&[&redrive[..], &audit].concat()).await.ended(69);
    assert_eq!(ended.json()["refused"], 2);
    let canary = [&redrive[..], &["--canary", "1"], &audit].concat();
    assert_eq!(house.run(&canary).await.ended(69).json()["refused"], 1);
    let to = ["--to", "memory://mail"];
    house
        .run(&[&redrive[..], &to, &audit].concat())
        .await
        .ended(0);
    assert_eq!(house.drain("memory://mail").await.len(), 2);
}

#[tokio::test]
async fn more_that_stay_than_can_be_held_is_no_success() {
    // As many as are held where the provider shows no messages, and one more.
    const COUNT: u32 = 10_001;
    let house = House::like(Profile::SqsFifo);
    let queue = "memory://orders.fifo?profile=sqs-fifo";
    let audit = house.path("audit.jsonl");
    let audit = ["--audit", audit.to_str().unwrap(), "--output", "json"];
    let lines: String = (0..COUNT)
        .map(|number| format!("{{\"body\":{number},\"key\":\"{number}\"}}\n"))
        .collect();
    house.send(queue, &lines, &["--envelope"], 0).await;
    let kill = ["receive", queue, "--max", "20000", "--dead-letter", "late"];
    house.run(&kill).await.ended(0);

    let none = ["--reason", "no stock"];
    let redrive = [&["dlq", "redrive", queue][..], &none, &audit].concat();
    assert_eq!(house.run(&redrive).await.ended(69).json()["done"], 0);
    let purge = [&["dlq", "purge", queue, "--yes"][..], &none, &audit].concat();
    let ended = house.run(&purge).await.ended(69);
    assert_eq!(ended.json(), json!({"removed": 0}));
    // As many as somebody wants to look through are no failure.
    let some = [&purge[..], &["--scan", "100"]].concat();
    house.run(&some).await.ended(0);
}
