//! Redrives: as a move task with a rate and a look at how far it is, or message by message.

use std::sync::{Arc, Mutex};

use relayhouse_core::ErrorKind;
use relayhouse_sqs::Progress;
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, URL, entries, messages, take_all};

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:eu-west-1:123456789012:{name}")
}

/// Has the dead letters of `sources` in one queue.
fn canned(sources: &'static [&'static str]) -> Canned {
    let (mut looks, mut receives) = (0, 0);
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => {
            let url = body["QueueUrl"].as_str().unwrap();
            let name = url.rsplit('/').next().unwrap();
            let policy = json!({ "deadLetterTargetArn": arn("orders-dead"), "maxReceiveCount": 5 });
            Answer::Json(json!({ "Attributes": {
                "QueueArn": arn(name),
                "RedrivePolicy": policy.to_string(),
            }}))
        }
        "ListDeadLetterSourceQueues" => {
            let urls = sources.iter().map(|name| URL.replace("orders", name));
            Answer::Json(json!({ "queueUrls": urls.collect::<Vec<_>>() }))
        }
        "StartMessageMoveTask" => Answer::Json(json!({ "TaskHandle": "task" })),
        "ListMessageMoveTasks" => {
            looks += 1;
            let status = if looks < 3 { "RUNNING" } else { "COMPLETED" };
            Answer::Json(json!({ "Results": [{
                "Status": status,
                "ApproximateNumberOfMessagesMoved": 5 * looks,
                "ApproximateNumberOfMessagesToMove": 15,
            }]}))
        }
        "ReceiveMessage" => {
            receives += 1;
            messages(if receives <= 3 { &["a", "b"] } else { &[] })
        }
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    })
}

fn done(body: &Value) -> Answer {
    let done = entries(body)
        .iter()
        .map(|entry| json!({ "Id": entry["Id"] }));
    Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
}

#[tokio::test]
async fn a_move_task_has_a_rate_and_tells_how_far_it_is() {
    let canned = canned(&["orders"]);
    let seen = Arc::<Mutex<Vec<Progress>>>::default();
    let watched = Arc::clone(&seen);
    let redrive = canned.sqs().redrive(&"orders".parse().unwrap());
    let redrive = redrive.rate(50.try_into().unwrap());
    let redrive = redrive.progress(move |progress| watched.lock().unwrap().push(progress));
    let clock = canned.clock.clone();
    let pass = async {
        loop {
            tokio::task::yield_now().await;
            if let Some(next) = clock.next_wake() {
                use relayhouse_core::Clock as _;
                clock.advance(
                    next.since(clock.now())
                        .min(std::time::Duration::from_millis(200)),
                );
            }
        }
    };
    let moved = tokio::select! {
        moved = redrive.run() => moved.unwrap(),
        () = pass => 0,
    };
    assert_eq!(moved, 15);
    let task = &canned.requests("StartMessageMoveTask")[0];
    assert_eq!(task["MaxNumberOfMessagesPerSecond"], 50);
    assert_eq!(task["DestinationArn"], arn("orders"));
    let moved: Vec<_> = seen.lock().unwrap().iter().map(|it| it.moved).collect();
    assert_eq!(moved, [5, 10, 15]);
    assert!(seen.lock().unwrap().iter().all(|it| it.total == Some(15)));
}

#[tokio::test]
async fn a_filter_sends_some_back_and_leaves_the_others() {
    let canned = canned(&["orders"]);
    let redrive = canned.sqs().redrive(&"orders".parse().unwrap());
    let redrive = redrive.filter(|message, _| message.body == "a");
    assert_eq!(redrive.run().await.unwrap(), 3);
    assert!(canned.requests("StartMessageMoveTask").is_empty());
    for sent in canned.requests("SendMessageBatch") {
        assert_eq!(entries(&sent).len(), 1);
        assert_eq!(sent["Entries"][0]["MessageBody"], "a");
        assert!(sent["QueueUrl"].as_str().unwrap().ends_with("/orders"));
    }
    let released = &canned.requests("ChangeMessageVisibilityBatch")[0];
    assert!(
        entries(released)
            .iter()
            .all(|it| it["ReceiptHandle"] == "handle-b")
    );
}

#[tokio::test]
async fn a_filter_that_matches_nothing_ends_when_all_was_seen() {
    let canned = canned(&["orders"]);
    let redrive = canned.sqs().redrive(&"orders".parse().unwrap());
    assert_eq!(redrive.filter(|_, _| false).run().await.unwrap(), 0);
    assert_eq!(
        canned.requests("ReceiveMessage").len(),
        2,
        "the second brought nothing new"
    );
}

#[tokio::test]
async fn sources_of_a_dead_letter_queue_are_listed() {
    let canned = canned(&["orders", "returns"]);
    let letters = "orders-dead".parse().unwrap();
    let sources = canned.sqs().dead_letter_sources(&letters).await.unwrap();
    let names: Vec<_> = sources
        .iter()
        .map(relayhouse_core::QueueName::as_str)
        .collect();
    assert_eq!(names, ["orders", "returns"]);
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_sent_holds_back_no_other() {
    let mut dead = canned_letters();
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => {
            let policy = json!({ "deadLetterTargetArn": arn("orders-dead"), "maxReceiveCount": 5 });
            Answer::Json(json!({ "Attributes": { "RedrivePolicy": policy.to_string() }}))
        }
        "ReceiveMessage" => Answer::Json(json!({ "Messages": std::mem::take(&mut dead) })),
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    });
    let redrive = canned.sqs().redrive(&"orders".parse().unwrap());
    let error = redrive.filter(|_, _| true).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge, "it is told");
    let deleted = &canned.requests("DeleteMessageBatch")[0];
    assert_eq!(entries(deleted).len(), 1);
    assert_eq!(deleted["Entries"][0]["ReceiptHandle"], "handle-a");
}

/// Returns one message that SQS has no room for with what we add, and one more.
fn canned_letters() -> Vec<Value> {
    let letter = |handle: &str, body: String| json!({ "ReceiptHandle": handle, "Body": body });
    let large = "x".repeat(1024 * 1024);
    vec![
        letter("handle-large", large),
        letter("handle-a", "a".to_owned()),
    ]
}
