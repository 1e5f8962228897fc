//! Counters and the log.

use serde_json::json;
use sqs_emulator::{Clock, Fault, ManualClock, Operation, SqsEmulator, Times};

use crate::client::{Fixture, request};

#[tokio::test]
async fn calls_errors_empty_answers_and_messages_are_counted() {
    let fixture = Fixture::new().await;
    let entries = ["a", "b", "c"].map(|id| json!({"Id": id, "MessageBody": id}));
    fixture
        .call("SendMessageBatch", json!({"Entries": entries}))
        .await;
    fixture
        .try_call("SendMessageBatch", json!({"Entries": []}))
        .await;
    fixture.receive().await;
    fixture.receive().await;
    let sends = fixture.emulator.count(Operation::SendMessageBatch);
    assert_eq!((sends.calls, sends.errors, sends.messages), (2, 1, 3));
    let receives = fixture.emulator.count(Operation::ReceiveMessage);
    assert_eq!(
        (receives.calls, receives.empty, receives.messages),
        (2, 1, 3)
    );
    assert_eq!(fixture.emulator.count(Operation::DeleteMessage).calls, 0);
    assert_eq!(
        fixture.emulator.calls(),
        5,
        "with the one that made the queue"
    );
}

#[tokio::test]
async fn log_tells_what_came_and_how_it_ended() {
    let fixture = Fixture::new().await;
    let faults = fixture.emulator.faults();
    faults.inject(Operation::SendMessage, Fault::DropAnswer, Times::Next(1));
    let send = json!({"MessageBody": "a"});
    fixture.try_call("SendMessage", send).await;
    fixture.try_call("SendMessage", json!({})).await;
    let log = fixture.emulator.requests();
    let [_, dropped, refused] = log.as_slice() else {
        panic!("{log:?}");
    };
    assert_eq!(dropped.operation, Operation::SendMessage);
    assert_eq!(dropped.queue.as_deref(), Some("q"));
    assert_eq!((dropped.messages, dropped.is_answered), (1, false));
    assert_eq!(dropped.at, fixture.clock.now());
    assert_eq!(refused.error.as_deref(), Some("MissingParameter"));
}

#[tokio::test]
async fn log_forgets_the_oldest() {
    let builder = SqsEmulator::builder().clock(ManualClock::new());
    let emulator = builder.requests_max(2).start().await.unwrap();
    for name in ["a", "b", "c"] {
        let body = json!({"QueueName": name}).to_string();
        request(emulator.address(), "CreateQueue", &body).await;
    }
    let queues = emulator.requests().into_iter().map(|it| it.queue.unwrap());
    assert_eq!(queues.collect::<Vec<_>>(), ["b", "c"]);
}

#[tokio::test]
async fn connections_are_counted() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    assert_eq!(emulator.connections(), 0);
    for count in 1..=2 {
        // Each request of this client is a connection.
        request(emulator.address(), "ListQueues", "{}").await;
        assert_eq!(emulator.connections(), count);
    }
}
