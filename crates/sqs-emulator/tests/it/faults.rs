//! Faults on demand.

use std::time::Duration;

use serde_json::json;
use sqs_emulator::{Fault, ManualClock, Operation, Refusal, SqsEmulator, Times};

use crate::client::{Answer, Fixture, exchange, request};

#[tokio::test]
async fn refusal_does_nothing_and_ends_after_its_times() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    for (refusal, status, code) in [
        (Refusal::Throttled, 400, "RequestThrottled;Sender"),
        (Refusal::TooManyRequests, 429, "ThrottlingException;Sender"),
        (Refusal::Unavailable, 503, "ServiceUnavailable;Receiver"),
        (Refusal::Internal, 500, "InternalError;Receiver"),
        (Refusal::AccessDenied, 403, "AccessDenied;Sender"),
        (Refusal::ExpiredToken, 403, "ExpiredToken;Sender"),
    ] {
        let refuse = Fault::Refuse(refusal);
        faults.inject(Operation::SendMessage, refuse, Times::Next(1));
        let answer = fixture.try_call("SendMessage", json!({"MessageBody": "a"}));
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-amzn-query-error"), Some(code));
    }
    assert!(fixture.receive().await.is_empty());
    fixture.send("a").await;
}

#[tokio::test]
async fn dropped_answer_leaves_what_was_done() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    let drop_next = |operation| faults.inject(operation, Fault::DropAnswer, Times::Next(1));

    drop_next(Operation::SendMessage);
    let send = json!({"MessageBody": "a"});
    assert!(fixture.try_call("SendMessage", send).await.is_none());

    drop_next(Operation::ReceiveMessage);
    assert!(
        fixture
            .try_call("ReceiveMessage", json!({}))
            .await
            .is_none()
    );
    assert!(
        fixture.receive().await.is_empty(),
        "it is in flight to nobody"
    );
    fixture.clock.advance(Duration::from_secs(30));
    let message = fixture.receive().await.remove(0);

    drop_next(Operation::DeleteMessage);
    let delete = json!({"ReceiptHandle": message["ReceiptHandle"]});
    assert!(fixture.try_call("DeleteMessage", delete).await.is_none());
    fixture.clock.advance(Duration::from_secs(30));
    assert!(fixture.receive().await.is_empty());
}

#[tokio::test]
async fn dropped_request_does_nothing() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    faults.inject(Operation::SendMessage, Fault::DropRequest, Times::Next(1));
    let send = json!({"MessageBody": "a"});
    assert!(fixture.try_call("SendMessage", send).await.is_none());
    assert!(fixture.receive().await.is_empty());
}

#[tokio::test]
async fn entries_fail_on_demand() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    let fault = Fault::FailEntries(vec![0, 2]);
    faults.inject(Operation::SendMessageBatch, fault, Times::Next(1));
    let entries = ["a", "b", "c"].map(|id| json!({"Id": id, "MessageBody": id}));
    let answer = fixture
        .call("SendMessageBatch", json!({"Entries": entries}))
        .await;
    assert_eq!(answer["Successful"][0]["Id"], "b");
    assert_eq!(answer["Failed"][1]["Id"], "c");
    assert_eq!(answer["Failed"][1]["SenderFault"], false);
    assert_eq!(answer["Failed"][1]["Code"], "InternalError");
    assert_eq!(fixture.receive().await.len(), 1);
}

#[tokio::test]
async fn latency_goes_by_the_clock_of_the_emulator() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    let delay = Fault::Delay(Duration::from_secs(3));
    faults.inject_everywhere(&delay, Times::Always);
    let poll = fixture.poll(0).await;
    fixture.clock.advance(Duration::from_secs(2));
    faults.clear();
    fixture.send("a").await;
    assert!(!poll.is_finished());
    fixture.clock.advance(Duration::from_secs(1));
    // It looked when its time had come, and not before.
    assert!(poll.await.unwrap().unwrap().body.contains("\"a\""));
}

#[tokio::test]
async fn chance_follows_from_the_seed() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let emulator = SqsEmulator::builder().seed(seed).start().await.unwrap();
        let refuse = Fault::Refuse(Refusal::Throttled);
        let faults = emulator.faults();
        faults.inject(Operation::ListQueues, refuse, Times::Chance(0.5));
        let mut statuses = Vec::new();
        for _ in 0..64 {
            let answer = request(emulator.address(), "ListQueues", "{}").await;
            statuses.push(answer.unwrap().status);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    let refused = runs[0].iter().filter(|status| **status == 400).count();
    assert!((16..=48).contains(&refused), "{refused}");
}

#[tokio::test]
async fn flight_duplicates_and_order_are_changed_while_it_runs() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    faults.duplicate(1.0);
    let sent = fixture
        .call("SendMessage", json!({"MessageBody": "a"}))
        .await;
    faults.duplicate(0.0);
    assert_eq!(
        json!(fixture.emulator.doubled()),
        json!([sent["MessageId"]])
    );
    faults.limit_in_flight(1);
    assert_eq!(fixture.receive().await.len(), 1, "of two copies");
    let answer = fixture.try_call("ReceiveMessage", json!({})).await.unwrap();
    assert_eq!(
        answer.header("x-amzn-query-error"),
        Some("OverLimit;Sender")
    );
    faults.limit_in_flight(1_000);
    for index in 0..50 {
        fixture.send(&index.to_string()).await;
    }
    faults.reorder(10);
    let mut order = Vec::new();
    for _ in 0..5 {
        order.extend(fixture.receive().await);
    }
    let order = order
        .iter()
        .filter_map(|it| it["Body"].as_str()?.parse().ok());
    assert!(!order.collect::<Vec<u32>>().is_sorted());
}

#[tokio::test]
async fn expired_key_is_refused_and_others_are_not() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    faults.expire("OLD");
    for (key, status) in [("OLD", 403), ("NEW", 200)] {
        let answer = signed(&fixture, key, "20260101T000000Z").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn signature_of_another_time_is_refused_where_that_was_asked_for() {
    let clock = ManualClock::new();
    for (skew_max, statuses) in [(None, [200; 3]), (Some(300), [403, 200, 403])] {
        let mut builder = SqsEmulator::builder().clock(clock.clone());
        if let Some(seconds) = skew_max {
            builder = builder.skew_max(Duration::from_secs(seconds));
        }
        let fixture = Fixture::of(builder, clock.clone()).await;
        let times = ["20251231T235459Z", "20260101T000500Z", "20260101T000501Z"];
        for (time, status) in times.into_iter().zip(statuses) {
            let answer = signed(&fixture, "KEY", time).await;
            assert_eq!(answer.status, status, "{time} {answer:?}");
            assert_eq!(answer.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
        }
    }
}

/// Lists queues by a request that was signed with a key at a time.
async fn signed(fixture: &Fixture, key: &str, time: &str) -> Answer {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: sqs\r\nconnection: close\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sqs/aws4_request\r\n\
         x-amz-date: {time}\r\nx-amz-target: AmazonSQS.ListQueues\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    exchange(fixture.address(), &request).await.unwrap()
}
