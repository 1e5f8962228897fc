//! One trace over two processes: over files, Amazon SQS and Azure Service Bus.

use std::{path::Path, process::Stdio};

use relayhouse_telemetry_tests::Collector;
use servicebus_emulator::{ServiceBusEmulator, model::QueueSettings};
use sqs_emulator::SqsEmulator;
use tokio::process::Command;

use crate::fixture::{attribute, one};

/// Runs the program of one part, and waits for its end.
async fn part(part: &str, url: &str, collector: &Collector) {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_part")));
    command
        .args([part, url, &collector.grpc()])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ran = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{part} {url}: {said}");
}

async fn trace_runs_over(url: &str, system: &str) {
    let collector = Collector::start().await.unwrap();
    part("send", url, &collector).await;
    part("handle", url, &collector).await;
    let got = collector.got();
    let create = one(&got.spans, "create orders");
    let is_service_bus = system == "servicebus";
    let settle = if is_service_bus { "complete" } else { "ack" };
    for name in ["send", "receive", "process", settle] {
        let span = one(&got.spans, &format!("{name} orders"));
        assert_eq!(span.trace_id, create.trace_id, "{name} {url}");
        assert_eq!(span.parent_span_id, create.span_id, "{name} {url}");
        let of = attribute(&span.attributes, "messaging.system");
        assert_eq!(of.as_deref(), Some(system));
    }
    let has = |name: &str, key: &str| {
        let span = one(&got.spans, &format!("{name} orders"));
        attribute(&span.attributes, &format!("messaging.servicebus.{key}"))
    };
    for name in ["receive", "process"] {
        for key in ["message.delivery_count", "message.enqueued_time"] {
            assert_eq!(
                has(name, key).is_some(),
                is_service_bus,
                "{name} {key} {url}"
            );
        }
    }
    let status = has(settle, "disposition_status");
    assert_eq!(status.as_deref(), is_service_bus.then_some("complete"));
}

#[tokio::test]
async fn trace_runs_through_files() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("local:{}/orders", directory.path().display());
    trace_runs_over(&url, "local").await;
}

#[tokio::test]
async fn trace_runs_through_sqs() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let quoted = quoted(emulator.endpoint());
    let url = format!("sqs://us-east-1/orders?create=true&endpoint={quoted}");
    trace_runs_over(&url, "aws_sqs").await;
    emulator.close().await;
}

#[tokio::test]
async fn trace_runs_through_service_bus() {
    let emulator = ServiceBusEmulator::builder().queue("orders", QueueSettings::default());
    let emulator = emulator.start().await.unwrap();
    let url = format!(
        "servicebus:///orders?connection_string={}&admin_endpoint={}",
        quoted(&emulator.connection_string()),
        quoted(emulator.http_endpoint()),
    );
    trace_runs_over(&url, "servicebus").await;
    emulator.close().await;
}

pub(crate) fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
