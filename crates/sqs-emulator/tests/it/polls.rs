//! Long polls: what wakes them, and what ends them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Fixture, messages};

fn bodies(answer: Option<Answer>) -> Vec<String> {
    let messages = messages(&answer.unwrap().json());
    let bodies = messages.iter().map(|it| it["Body"].as_str().unwrap());
    bodies.map(str::to_owned).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn release(fixture: &Fixture, message: &Value) {
    let change = json!({"ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0});
    fixture.call("ChangeMessageVisibility", change).await;
}

#[tokio::test]
async fn poll_is_woken_by_a_send() {
    let fixture = Fixture::new().await;
    let poll = fixture.poll(20).await;
    fixture.send("a").await;
    assert_eq!(bodies(poll.await.unwrap()), ["a"]);
}

#[tokio::test]
async fn poll_is_woken_by_a_release() {
    let fixture = Fixture::new().await;
    fixture.send("a").await;
    let message = fixture.receive().await.remove(0);
    let poll = fixture.poll(20).await;
    release(&fixture, &message).await;
    assert_eq!(bodies(poll.await.unwrap()), ["a"]);
}

#[tokio::test]
async fn poll_is_woken_by_an_expiry() {
    let fixture = Fixture::new().await;
    fixture.send("a").await;
    fixture.receive().await;
    fixture.clock.advance(seconds(15));
    let poll = fixture.poll(20).await;
    fixture.clock.advance(seconds(15));
    assert_eq!(bodies(poll.await.unwrap()), ["a"]);
}

#[tokio::test]
async fn poll_is_woken_by_the_end_of_a_delay() {
    let fixture = Fixture::new().await;
    let send = json!({"MessageBody": "a", "DelaySeconds": 5});
    fixture.call("SendMessage", send).await;
    let poll = fixture.poll(20).await;
    fixture.clock.advance(seconds(5));
    assert_eq!(bodies(poll.await.unwrap()), ["a"]);
}

#[tokio::test]
async fn poll_of_a_fifo_queue_is_woken_when_the_group_is_free() {
    let mut fixture = Fixture::new().await;
    let create = json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}});
    let created = fixture.call("CreateQueue", create).await;
    fixture.queue_url = created["QueueUrl"].as_str().unwrap().to_owned();
    for body in ["a", "b"] {
        let send = json!({
            "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body,
        });
        fixture.call("SendMessage", send).await;
    }
    let first = fixture.call("ReceiveMessage", json!({})).await;
    let poll = fixture.poll(20).await;
    let receipt = &first["Messages"][0]["ReceiptHandle"];
    fixture
        .call("DeleteMessage", json!({"ReceiptHandle": receipt}))
        .await;
    assert_eq!(bodies(poll.await.unwrap()), ["b"]);
}

#[tokio::test]
async fn poll_ends_with_nothing_at_its_time() {
    let fixture = Fixture::new().await;
    let poll = fixture.poll(20).await;
    fixture.clock.advance(seconds(19));
    fixture.receive().await;
    assert!(!poll.is_finished());
    fixture.clock.advance(seconds(1));
    assert!(bodies(poll.await.unwrap()).is_empty());
}

#[tokio::test]
async fn one_message_ends_one_of_two_polls() {
    let fixture = Fixture::new().await;
    let polls = [fixture.poll(20).await, fixture.poll(20).await];
    fixture.send("a").await;
    fixture.clock.advance(seconds(20));
    let mut all = Vec::new();
    for poll in polls {
        all.extend(bodies(poll.await.unwrap()));
    }
    assert_eq!(all, ["a"]);
}

#[tokio::test]
async fn poll_ends_with_an_error_when_its_queue_is_deleted() {
    let fixture = Fixture::new().await;
    let poll = fixture.poll(20).await;
    fixture.call("DeleteQueue", json!({})).await;
    let answer = poll.await.unwrap().unwrap();
    assert_eq!(
        answer.json()["__type"],
        "com.amazonaws.sqs#QueueDoesNotExist"
    );
}

#[tokio::test]
async fn poll_whose_client_is_gone_takes_nothing() {
    let fixture = Fixture::new().await;
    let poll = fixture.poll(20).await;
    poll.abort();
    assert!(poll.await.unwrap_err().is_cancelled());
    // Its connection was closed before the next one was made.
    fixture.receive().await;
    fixture.send("a").await;
    assert_eq!(fixture.receive().await.len(), 1);
}

#[tokio::test]
async fn close_ends_a_poll_with_nothing() {
    let fixture = Fixture::new().await;
    let poll = fixture.poll(20).await;
    fixture.emulator.close().await;
    assert!(bodies(poll.await.unwrap()).is_empty());
}
