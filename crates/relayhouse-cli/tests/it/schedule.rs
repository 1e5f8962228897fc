//! `schedule`: messages come later, and their numbers take them back until then.

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, QUEUE as SQS},
    desk::{Desk, QUEUE, parsed},
    emulator_data::{Bus, QUEUE as BUS},
    house::{House, Leaving},
    program::Ran,
};

/// Runs a command line with its input to its end.
type Run<'a> = &'a dyn Fn(&[&str], &str) -> Ran;

const SOON: [&str; 2] = ["--in", "2h"];

/// Schedules three messages, cancels the second one, and looks at what is left.
fn cancels(run: Run<'_>, queue: &str) {
    let schedule = [&["schedule", queue, "--output", "ndjson"], &SOON[..]].concat();
    let receipts = parsed(&run(&schedule, "1\n2\n3\n").ended(0).stdout);
    let mut lines: Vec<_> = receipts.iter().map(|it| it["line"].clone()).collect();
    lines.sort_unstable_by_key(Value::as_u64);
    assert_eq!(lines, [1, 2, 3]);
    let second = receipts.iter().find(|it| it["line"] == 2).unwrap();
    let number = second["sequence"].to_string();
    run(&["cancel", queue, &number], "").ended(0);
    run(&["cancel", queue, &number], "").ended(69);

    let peek = run(&["peek", queue, "--output", "ndjson"], "").ended(0);
    let mut bodies: Vec<_> = parsed(&peek.stdout)
        .iter()
        .map(|it| it["body"].clone())
        .collect();
    bodies.sort_unstable_by_key(Value::as_u64);
    assert_eq!(bodies, [1, 3]);
    let stats = run(&["stats", queue, "--output", "json"], "").ended(0);
    let stats = &parsed(&stats.stdout)[0];
    assert_eq!((&stats["ready"], &stats["delayed"]), (&json!(0), &json!(2)));
}

#[test]
fn numbers_cancel_what_is_scheduled_in_a_file() {
    let desk = Desk::new();
    cancels(&|args, input| desk.ran(args, input), QUEUE);
}

#[test]
fn numbers_cancel_what_is_scheduled_on_service_bus() {
    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::first(&directory);
    cancels(&|args, input| bus.run_with(&[], args, input), BUS);
    bus.interrupt();
}

#[test]
fn sqs_holds_back_for_so_long_and_no_longer() {
    let cloud = Cloud::with_queue();
    let schedule = |url: &str, time: &str, code| {
        let args = ["schedule", url, "--in", time, "--output", "ndjson"];
        cloud.run(&args, "1\n").ended(code)
    };
    let ran = schedule(SQS, "16m", 2);
    let said = "relayhouse: 16m is too late: the provider holds messages back for 15m at most";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("long_delays=hop"), "{}", ran.stderr);
    assert_eq!(cloud.stats(SQS)["delayed"], 0);

    let ran = schedule(SQS, "15m", 0);
    assert!(ran.stderr.contains("cannot cancel"), "{}", ran.stderr);
    assert_eq!(parsed(&ran.stdout)[0]["sequence"], Value::Null);
    let hops = "sqs://us-east-1/orders?long_delays=hop";
    schedule(hops, "2h", 0);
    assert_eq!(cloud.stats(SQS)["delayed"], 2);
    cloud.close();
}

#[tokio::test]
async fn time_is_that_of_the_option_or_of_the_line() {
    let house = House::new();
    let lines = "{\"body\":1}\n{\"body\":2,\"delay\":\"1h\"}\n";
    let file = house.file("lines", lines);
    let args = ["schedule", "memory://orders", "--envelope", "--file", &file];
    let at = ["--at", "2999-01-01T06:00:00Z", "--output", "json"];
    let ended = house.run(&[&args[..], &at].concat()).await.ended(0);
    let receipts = ended.json();
    assert_eq!(receipts[0]["at"], "2999-01-01T06:00:00.000000Z");
    assert_ne!(receipts[1]["at"], receipts[0]["at"]);
    assert!(receipts[0]["id"].is_string(), "{receipts}");
    assert_eq!(house.stats("memory://orders").await["delayed"], 2);

    let table = house
        .run(&[&args[..], &SOON, &["--output", "table"]].concat())
        .await
        .ended(0);
    assert!(table.stdout.contains("SEQUENCE"), "{}", table.stdout);
    let none = house.file("none", "");
    let empty = [
        "schedule",
        "memory://orders",
        "--file",
        &none,
        "--output",
        "json",
    ];
    let empty = house.run(&[&empty[..], &SOON].concat()).await.ended(0);
    assert_eq!(empty.json(), json!([]));
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_refused_before_anything_is_sent() {
    let house = House::new();
    let file = house.file("lines", "1\n");
    let url = "memory://orders";
    for args in [
        &["--file", &file][..],
        &["--file", &file, "--at", "2020-01-01T06:00:00Z"],
        &["--file", &file, "--at", "tomorrow"],
        &[
            "--file",
            &file,
            "--in",
            "2h",
            "--at",
            "2999-01-01T06:00:00Z",
        ],
    ] {
        let args = [&["schedule", url], args].concat();
        assert_eq!(house.run(&args).await.ended(2).stdout, "");
    }
    let dead = "memory://orders/$deadletterqueue";
    house.run(&["schedule", dead, "--in", "2h"]).await.ended(2);
    let nothing = ["schedule", url, "--in", "2h", "--file", "no/such/file"];
    house.run(&nothing).await.ended(66);
    house.run(&["stats", url]).await.ended(69);
}

#[tokio::test]
async fn reader_that_goes_away_ends_it() {
    let house = House::new();
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    let file = house.file("lines", lines);
    let args = ["schedule", "memory://orders", "--in", "2h", "--file", &file];
    let code = house.run_to(&args, Leaving(1)).await;
    assert_eq!(code, 141);
    let delayed = house.stats("memory://orders").await["delayed"].as_u64();
    assert!(delayed.unwrap() < 5000, "{delayed:?}");
}

#[test]
fn delay_of_a_send_still_holds_back() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE, "--delay", "2h"], "1\n", 0);
    let stats = desk.run(&["stats", QUEUE, "--output", "json"], "", 0);
    assert_eq!(parsed(&stats.stdout)[0]["delayed"], 1);
}
