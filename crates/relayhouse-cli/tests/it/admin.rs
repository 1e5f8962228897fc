//! `create`, `list` and `stats`.

use serde_json::json;

use crate::{
    house::{House, Leaving},
    program::run,
};

#[tokio::test]
async fn queue_is_created_once_and_refused_with_other_options() {
    let house = House::new();
    let create = [
        "create",
        "memory://orders",
        "--lease",
        "1min",
        "--attempts",
        "7",
    ];
    for _ in 0..2 {
        house.run(&create).await.ended(0);
    }
    let other = ["create", "memory://orders", "--lease", "2min"];
    house.run(&other).await.ended(69);
    house
        .run(&["create", "memory://orders/$deadletterqueue"])
        .await
        .ended(2);
}

#[tokio::test]
async fn every_option_of_a_queue_reaches_the_provider() {
    let house = House::new();
    let options = [
        ["--lease", "1min"],
        ["--attempts", "7"],
        ["--dedup-window", "1h"],
        ["--ttl", "1day"],
        ["--messages-max", "10"],
        ["--bytes-max", "1MiB"],
    ];
    for (index, option) in options.iter().enumerate() {
        let url = format!("memory://q{index}");
        house.run(&["create", &url]).await.ended(0);
        house
            .run(&["create", &url, option[0], option[1]])
            .await
            .ended(69);
    }
    for (index, flag) in ["--sessions", "--dead-letter-expired"].iter().enumerate() {
        let url = format!("memory://f{index}");
        house.run(&["create", &url]).await.ended(0);
        house.run(&["create", &url, flag]).await.ended(69);
    }
}

#[tokio::test]
async fn list_has_queues_and_subscriptions_in_every_format() {
    let house = House::new();
    assert_eq!(
        house
            .run(&["list", "memory://", "--output", "json"])
            .await
            .ended(0)
            .json(),
        json!([])
    );
    for url in ["memory://orders", "memory://events/subscriptions/audit"] {
        house.run(&["create", url]).await.ended(0);
    }
    let expected = json!([
        { "kind": "subscription", "name": "events/subscriptions/audit" },
        { "kind": "queue", "name": "orders" },
    ]);
    let list = async |format| {
        let args = ["list", "memory://", "--output", format];
        house.run(&args).await.ended(0)
    };
    assert_eq!(list("json").await.json(), expected);
    assert_eq!(json!(list("ndjson").await.lines()), expected);
    assert_eq!(
        list("table").await.stdout,
        "subscription  events/subscriptions/audit\nqueue         orders\n"
    );
    let of_one = house.run(&["list", "memory://orders"]).await.ended(0);
    assert_eq!(of_one.stdout.lines().count(), 2);
}

#[tokio::test]
async fn list_of_many_pages_is_whole() {
    let house = House::new();
    for number in 0..250 {
        house
            .run(&["create", &format!("memory://q{number}")])
            .await
            .ended(0);
    }
    let list = house
        .run(&["list", "memory://", "--output", "json"])
        .await
        .ended(0);
    assert_eq!(list.json().as_array().unwrap().len(), 250);
}

#[tokio::test]
async fn stats_count_what_is_there() {
    let house = House::new();
    house.send("memory://orders", "1\n22\n333\n", &[], 0).await;
    house
        .send("memory://orders", "4\n", &["--delay", "1h"], 0)
        .await;
    house
        .run(&["receive", "memory://orders", "--leave"])
        .await
        .ended(0);
    let stats = house.stats("memory://orders").await;
    let counts = ["ready", "leased", "delayed", "dead", "bytes"].map(|name| stats[name].clone());
    assert_eq!(counts, [2, 1, 1, 0, 7].map(|count| json!(count)));
    assert!(stats["oldest_age_ms"].is_u64(), "{stats}");
    assert!(stats["at"].as_str().unwrap().ends_with('Z'), "{stats}");

    let table = house
        .run(&["stats", "memory://orders"])
        .await
        .ended(0)
        .stdout;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[..5],
        [
            ["ready", "2"],
            ["leased", "1"],
            ["delayed", "1"],
            ["dead", "0"],
            ["bytes", "7"],
        ]
    );
}

#[tokio::test]
async fn watch_counts_until_nobody_reads() {
    let house = House::new();
    house.run(&["create", "memory://orders"]).await.ended(0);
    for format in ["ndjson", "table"] {
        let args = [
            "stats",
            "memory://orders",
            "--watch",
            "--every",
            "1ms",
            "--output",
            format,
        ];
        assert_eq!(house.run_to(&args, Leaving(3)).await, 141);
    }
}

#[tokio::test]
async fn reader_that_has_gone_is_told_by_the_exit_code() {
    let house = House::new();
    house.run(&["create", "memory://orders"]).await.ended(0);
    for command in ["list", "stats"] {
        let args = [command, "memory://orders"];
        assert_eq!(house.run_to(&args, Leaving(0)).await, 141);
    }
}

#[tokio::test]
async fn queue_that_is_not_there_is_said_with_what_to_do() {
    let house = House::new();
    house.run(&["stats", "memory://orders"]).await.ended(69);
    let ran = run(&["stats", "memory://orders"], "").ended(69);
    ran.said_only(
        "cannot administer orders: it does not exist; create it with `relayhouse create`, or \
         check its URL",
    );
}

#[tokio::test]
async fn provider_without_administration_says_so() {
    let house = House::new();
    for command in ["stats", "list", "create"] {
        house.run(&[command, "flaky://orders"]).await.ended(2);
    }
}
