//! `bench`: each message is accounted for, and latencies count from when messages were due.

use std::{sync::Arc, time::Duration};

use relayhouse::memory::Profile;
use serde_json::{Value, json};

use crate::{
    flawed::{Flawed, Flaws},
    house::House,
    wrapped::Wrapped,
};

const URL: &str = "memory://bench";
const FLAWED: &str = "flawed://bench";

async fn bench(house: &House, url: &str, args: &[&str], code: u8) -> Value {
    let all = ["bench", url, "--output", "json"];
    house
        .run(&[&all[..], args].concat())
        .await
        .ended(code)
        .json()
}

/// Makes a house with queues whose senders have flaws.
fn flawed(lost: Option<u32>, twice: Option<u32>, takes: Duration) -> House {
    House::with("flawed", move |provider, clock| {
        let flaws = Flaws {
            lost,
            twice,
            takes,
            clock: Arc::clone(clock),
        };
        let flawed = move |inner| {
            let flaws = flaws.clone();
            Arc::new(Flawed { inner, flaws }) as _
        };
        Arc::new(Wrapped::new(provider, "flawed").sender(flawed))
    })
}

#[track_caller]
fn counts(report: &Value, expected: &[(&str, u64)]) {
    for (name, count) in expected {
        assert_eq!(report[name], json!(count), "{name} of {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_message_is_counted_once_and_the_queue_is_left_empty() {
    let house = House::new();
    let args = [
        "--count",
        "1003",
        "--size",
        "32",
        "--producers",
        "3",
        "--consumers",
        "2",
    ];
    let report = bench(&house, URL, &args, 0).await;
    counts(
        &report,
        &[
            ("count", 1003),
            ("size_bytes", 32),
            ("sent", 1003),
            ("received", 1003),
            ("acked", 1003),
            ("failed", 0),
            ("unknown", 0),
            ("lost", 0),
            ("twice", 0),
            ("left", 0),
            ("foreign", 0),
        ],
    );
    let calls = &report["calls"];
    assert_eq!(calls["send"]["messages"], 1003);
    assert_eq!(calls["receive"]["messages"], 1003);
    assert_eq!(calls["settle"]["messages"], 1003);
    assert!(calls["send"]["calls"].as_u64().unwrap() <= 1003, "{calls}");
    assert_eq!(report["cost"], Value::Null);
    let stats = house.stats(URL).await;
    assert_eq!((&stats["ready"], &stats["leased"]), (&json!(0), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn batches_are_as_large_as_asked_for() {
    let house = House::new();
    let args = ["--count", "100", "--producers", "1", "--batch", "25"];
    let report = bench(&house, URL, &args, 0).await;
    assert_eq!(report["calls"]["send"]["calls"], 4, "{report}");
}

#[tokio::test(start_paused = true)]
async fn lost_and_doubled_messages_are_found() {
    let house = flawed(Some(3), Some(7), Duration::ZERO);
    let args = ["--count", "20", "--patience", "5s"];
    let report = bench(&house, FLAWED, &args, 1).await;
    counts(
        &report,
        &[("sent", 20), ("received", 19), ("lost", 1), ("twice", 1)],
    );
    let table = house
        .run(&[
            "bench",
            "flawed://other",
            "--count",
            "4",
            "--patience",
            "5s",
        ])
        .await
        .ended(1);
    let lost = table.stdout.lines().find(|line| line.starts_with("lost"));
    assert!(lost.unwrap().ends_with(" 1"), "{}", table.stdout);
}

#[tokio::test(start_paused = true)]
async fn latency_counts_from_when_a_message_was_due_and_not_from_its_send() {
    let takes = Duration::from_millis(100);
    let one = ["--count", "50", "--producers", "1", "--batch", "1"];
    // A sender that is ready again only after 100 ms is late for what is due each 10 ms.
    let house = flawed(None, None, takes);
    let paced = [&one[..], &["--rate", "100/s"]].concat();
    let report = bench(&house, FLAWED, &paced, 0).await;
    let latency = |report: &Value, name: &str| report["send_latency"][name].as_u64().unwrap();
    // The last one is due at 490 ms and confirmed at 5 s.
    assert!(4_000_000 < latency(&report, "max_us"), "{report}");
    assert!(2_000_000 < latency(&report, "p50_us"), "{report}");
    assert!(4_000_000 < report["delivery_latency"]["p99_us"].as_u64().unwrap());

    let report = bench(&house, FLAWED, &one, 0).await;
    let (p50, max) = (latency(&report, "p50_us"), latency(&report, "max_us"));
    assert!(
        (90_000..=110_000).contains(&p50) && max < 200_000,
        "{report}"
    );
}

/// Returns the bodies on the queue, and how often each was delivered.
async fn shown(house: &House) -> Vec<(Value, u64)> {
    let args = ["peek", URL, "--output", "ndjson"];
    let lines = house.run(&args).await.ended(0).lines();
    let shown = lines.iter().map(|line| {
        let attempt = line["delivery"]["attempt"].as_u64().unwrap();
        (line["body"].clone(), attempt)
    });
    shown.collect()
}

#[tokio::test(start_paused = true)]
async fn queue_with_messages_is_refused_and_they_are_not_touched() {
    let house = House::new();
    house.send(URL, "1\n2\n", &[], 0).await;
    let before = shown(&house).await;
    house.run(&["bench", URL, "--count", "5"]).await.ended(2);
    assert_eq!(shown(&house).await, before);
    // Nobody can say whether it is empty.
    let unknown = ["bench", "flaky://orders", "--count", "5"];
    house.run(&unknown).await.ended(2);
}

#[tokio::test(start_paused = true)]
async fn messages_of_others_are_held_and_given_back() {
    let house = House::new();
    house.send(URL, "1\n2\n3\n", &[], 0).await;
    let before = shown(&house).await;
    let args = ["--count", "100", "--shared", "--consumers", "2"];
    let report = bench(&house, URL, &args, 0).await;
    counts(&report, &[("received", 100), ("foreign", 3), ("lost", 0)]);
    let expected = before
        .into_iter()
        .map(|(body, attempt)| (body, attempt + 1));
    assert_eq!(shown(&house).await, expected.collect::<Vec<_>>());
    let stats = house.stats(URL).await;
    assert_eq!((&stats["ready"], &stats["leased"]), (&json!(3), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn message_of_somebody_else_ends_a_run_that_is_alone() {
    let house = Arc::new(House::new());
    let args = ["--count", "1000", "--rate", "10/s"];
    let run = bench(&house, URL, &args, 1);
    let other = async {
        let clock = house.clock();
        clock
            .sleep_until(clock.now() + Duration::from_secs(20))
            .await;
        house.send(URL, "7\n", &[], 0).await;
    };
    let (report, ()) = tokio::join!(run, other);
    let sent = report["sent"].as_u64().unwrap();
    assert!((150..1000).contains(&sent), "{report}");
    counts(&report, &[("foreign", 1), ("received", sent), ("left", 0)]);
    let kept = shown(&house).await;
    assert_eq!(kept.iter().map(|(body, _)| body).collect::<Vec<_>>(), [7]);
}

#[tokio::test(start_paused = true)]
async fn message_that_cannot_be_sent_ends_it_before_it_begins() {
    let house = House::like(Profile::SqsFifo);
    let fifo = "memory://orders.fifo?profile=sqs-fifo";
    let ran = house.run(&["bench", fifo, "--count", "5"]).await.ended(2);
    assert_eq!(ran.stdout, "");
    // Of batches of more than one the profile throttles a part.
    let args = ["--count", "50", "--keys", "3", "--batch", "1"];
    let report = bench(&house, fifo, &args, 0).await;
    counts(&report, &[("received", 50), ("lost", 0), ("twice", 0)]);
    let large = ["bench", fifo, "--keys", "3", "--size", "2MiB"];
    house.run(&large).await.ended(2);
    let dead = ["bench", "memory://orders/$deadletterqueue"];
    house.run(&dead).await.ended(2);
}

#[tokio::test(start_paused = true)]
async fn message_that_is_not_taken_is_counted_with_its_reason() {
    let house = House::like(Profile::SqsFifo);
    let fifo = "memory://orders.fifo?profile=sqs-fifo";
    // One of a hundred is throttled: that none of so many is has a chance of one in 10^43.
    let args = ["--count", "10000", "--keys", "100", "--batch", "10"];
    let report = bench(&house, fifo, &args, 69).await;
    let failed = report["failed"].as_u64().unwrap();
    assert!(0 < failed, "{report}");
    assert_eq!(report["reasons"], json!({ "Throttled": failed }));
    let sent = 10_000 - failed;
    counts(&report, &[("sent", sent), ("received", sent), ("lost", 0)]);
}
