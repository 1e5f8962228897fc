//! `bench` as a shell starts it: on queues in files, on Amazon SQS and on Azure Service Bus.

use serde_json::{Value, json};
use sqs_emulator::Operation;

use crate::{
    cloud::{Cloud, json as parsed},
    desk::{Desk, QUEUE},
    emulator_data::{Bus, QUEUE as BUS},
    program::{end, feed},
    stop::{interrupt, read_until},
};

const PRICED: &str = "sqs://us-east-1/orders?price=0.40";
const FIFO: &str = "sqs://us-east-1/orders.fifo";

#[track_caller]
fn is_whole(report: &Value, count: u64) {
    let names = [
        "sent", "received", "acked", "lost", "twice", "failed", "unknown",
    ];
    let told = names.map(|name| report[name].as_u64().unwrap());
    assert_eq!(told, [count, count, count, 0, 0, 0, 0], "{report}");
}

#[test]
fn queue_in_a_file_is_measured_and_left_empty() {
    let desk = Desk::new();
    let args = ["bench", QUEUE, "--count", "500", "--size", "100"];
    let table = desk.run(&args, "", 0).stdout;
    for text in [
        "500 messages of 100 bytes",
        "end to end",
        "p99.9",
        "no charge for calls",
    ] {
        assert!(table.contains(text), "{table}");
    }
    let report = &desk.lines(&args)[0];
    is_whole(report, 500);
    let latency = |name: &str| report["delivery_latency"][name].as_u64().unwrap();
    let order = ["p50_us", "p95_us", "p99_us", "p999_us", "max_us"].map(latency);
    assert!(order.is_sorted() && 0 < order[0], "{report}");
    assert_eq!(desk.drain(QUEUE).len(), 0);
}

#[test]
fn interrupt_ends_a_run_with_what_it_has() {
    let desk = Desk::new();
    let args = [
        "-v", "bench", QUEUE, "--rate", "100/s", "--count", "1000000", "--output", "json",
    ];
    let mut child = desk.command(&args).spawn().unwrap();
    feed(&mut child, Vec::new());
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, " begins\n");
    interrupt(&child);
    let ran = end(child).ended(130);
    let report = parsed(&ran.stdout);
    is_whole(&report, report["sent"].as_u64().unwrap());
    assert_eq!(report["left"], 0);
    assert_eq!(desk.drain(QUEUE).len(), 0);
}

#[test]
fn calls_to_sqs_and_their_cost_are_told() {
    let cloud = Cloud::with_queue();
    let args = [
        "bench", PRICED, "--count", "200", "--size", "64", "--output", "json",
    ];
    let report = parsed(&cloud.run(&args, "").ended(0).stdout);
    is_whole(&report, 200);
    let calls = |kind: &str| report["calls"][kind]["calls"].as_u64().unwrap();
    assert_eq!(calls("send"), 20, "{report}");
    // Those that opened the connections are not told of.
    let sends = cloud.count(Operation::SendMessageBatch);
    assert_eq!((sends.calls, sends.messages), (24, 204));
    let cost = &report["cost"];
    let requests = cost["requests"].as_u64().unwrap();
    assert!(calls("send") + calls("settle") < requests, "{report}");
    let number = |name: &str| cost[name].as_f64().unwrap();
    let per_message = number("requests_per_message");
    assert!(
        (per_message - requests as f64 / 200.0).abs() < 1e-9,
        "{cost}"
    );
    assert!(
        (number("per_million_messages") - per_message * 0.40).abs() < 1e-9,
        "{cost}"
    );
    assert_eq!(cloud.stats(PRICED)["ready"], 0);

    let unpriced = ["bench", "sqs://us-east-1/orders", "--count", "10"];
    let table = cloud.run(&unpriced, "").ended(0).stdout;
    assert!(table.contains("name the price"), "{table}");
    cloud.close();
}

#[test]
fn fifo_queue_of_sqs_needs_keys() {
    let cloud = Cloud::new();
    cloud.run(&["create", FIFO], "").ended(0);
    let ran = cloud.run(&["bench", FIFO, "--count", "10"], "").ended(2);
    assert!(ran.stderr.contains("--keys"), "{}", ran.stderr);
    let args = [
        "bench", FIFO, "--count", "60", "--keys", "5", "--output", "json",
    ];
    is_whole(&parsed(&cloud.run(&args, "").ended(0).stdout), 60);
    cloud.close();
}

#[test]
fn queue_of_service_bus_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::first(&directory);
    let args = ["bench", BUS, "--count", "200", "--output", "json"];
    let report = parsed(&bus.run_with(&[], &args, "").ended(0).stdout);
    is_whole(&report, 200);
    assert_eq!(report["cost"], Value::Null);
    let sessions = "servicebus:///sessions";
    bus.run_with(&[], &["create", sessions, "--sessions"], "")
        .ended(0);
    let keyed = [&["bench", sessions, "--keys", "5"], &args[2..]].concat();
    let report = parsed(&bus.run_with(&[], &keyed, "").ended(0).stdout);
    is_whole(&report, 200);

    bus.run_with(&[], &["send", BUS], "1\n").ended(0);
    let ran = bus.run_with(&[], &args, "").ended(2);
    assert!(ran.stderr.contains("has 1 messages"), "{}", ran.stderr);
    assert_eq!(bus.receive(BUS, &[])[0]["body"], json!(1));
    bus.interrupt();
}
