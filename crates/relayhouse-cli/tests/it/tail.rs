//! `tail`: shows what arrives, and takes nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::House;

const URL: &str = "memory://orders";

/// Follows a queue while `lines` are sent a second apart, and returns the bodies that are shown.
async fn followed(house: &House, args: &[&str], lines: &[&str]) -> Vec<Value> {
    let args = [&["tail", URL, "--output", "json"], args].concat();
    let tail = house.run(&args);
    let sent = async {
        let clock = house.clock();
        for line in lines {
            clock
                .sleep_until(clock.now() + Duration::from_secs(1))
                .await;
            house.send(URL, line, &["--envelope"], 0).await;
        }
    };
    let (ended, ()) = tokio::join!(tail, sent);
    let shown = ended.ended(0).json();
    let shown = shown.as_array().unwrap().iter();
    shown.map(|line| line["body"].clone()).collect()
}

const THREE: [&str; 3] = [
    "{\"body\":3}\n",
    "{\"body\":4,\"headers\":{\"tenant\":\"acme\"}}\n",
    "{\"body\":5,\"delay\":\"1h\"}\n",
];

async fn house() -> House {
    let house = House::new();
    house.send(URL, "1\n2\n", &[], 0).await;
    house
}

#[tokio::test(start_paused = true)]
async fn what_arrives_is_shown_and_stays() {
    let house = house().await;
    let shown = followed(&house, &["--count", "3"], &THREE).await;
    assert_eq!(shown, [3, 4, 5]);
    let stats = house.stats(URL).await;
    assert_eq!((&stats["ready"], &stats["leased"]), (&json!(4), &json!(0)));
    let peeked = house
        .run(&["peek", URL, "--output", "ndjson"])
        .await
        .ended(0);
    let attempts: Vec<_> = peeked
        .lines()
        .iter()
        .map(|line| line["delivery"]["attempt"].clone())
        .collect();
    assert!(attempts.iter().all(|it| *it == attempts[0]), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_shown_for_whoever_asks() {
    let house = house().await;
    let shown = followed(&house, &["--from-start", "--count", "4"], &THREE).await;
    assert_eq!(shown, [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nothing_arrives() {
    let house = house().await;
    let began = house.clock().now();
    let all = ["--from-start", "--idle", "10s"];
    assert_eq!(followed(&house, &all, &[]).await, [1, 2]);
    assert!(Duration::from_secs(10) <= house.clock().now().since(began));
    let none = followed(&house, &["--idle", "0s"], &[]).await;
    assert_eq!(none, <[Value; 0]>::default());
    // A look each hour sees it only then.
    let hourly = ["--every", "1h", "--count", "1"];
    assert_eq!(followed(&house, &hourly, &THREE[..1]).await, [3]);
}

#[tokio::test(start_paused = true)]
async fn only_what_matches_is_shown_and_counted() {
    let house = house().await;
    let args = ["--match", "acme", "--count", "1"];
    assert_eq!(followed(&house, &args, &THREE).await, [4]);
    let none = ["--match", "acme", "--match", "nobody", "--idle", "20s"];
    assert_eq!(
        followed(&house, &none, &THREE).await,
        <[Value; 0]>::default()
    );
}

#[tokio::test]
async fn many_messages_are_shown_whole_and_decoded() {
    let house = House::new();
    let lines: String = (0..250)
        .map(|number| format!("{{\"n\":{number}}}\n"))
        .collect();
    house.send(URL, &lines, &[], 0).await;
    let all = [
        "tail",
        URL,
        "--from-start",
        "--idle",
        "0s",
        "--decode",
        "--output",
        "ndjson",
    ];
    let shown = house.run(&all).await.ended(0).lines();
    let numbers: Vec<_> = shown.iter().map(|line| &line["decoded"]["n"]).collect();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>());
}

#[tokio::test]
async fn wrong_usage_is_refused() {
    let house = House::new();
    house
        .run(&["tail", "memory://nowhere", "--idle", "0s"])
        .await
        .ended(69);
    house.run(&["tail", URL, "--match", "("]).await.ended(2);
    house.run(&["tail", URL, "--count", "0"]).await.ended(2);
    house.run(&["tail", URL, "--schema", "x"]).await.ended(2);
}
