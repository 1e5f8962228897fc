//! Settling: late ones, double ones, and dead letters that are sent before they are deleted.

use std::{sync::Arc, time::Duration};

use futures_util::future::join;
use relayhouse_core::{
    Delivery, Error, ErrorKind, Extending, Outcome, Settlement, Settling,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, attributes, entries, messages, take_all};

const SECOND: Duration = Duration::from_secs(1);

/// Hands out a message, and answers settles with `answer`.
fn canned(mut answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Canned {
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => messages(&["a", "b"]),
        operation => answer(operation, body),
    })
}

fn done(body: &Value) -> Answer {
    let done = entries(body)
        .iter()
        .map(|entry| json!({ "Id": entry["Id"] }));
    Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
}

/// Lets `time` pass as soon as a call waits for its answer.
async fn pass(canned: &Canned, time: Duration) {
    while canned.clock.sleepers() < 2 {
        tokio::task::yield_now().await;
    }
    canned.clock.advance(time);
}

fn after(time: Duration, answer: Answer) -> Answer {
    match answer {
        Answer::Json(answer) => Answer::After(time, answer),
        answer => answer,
    }
}

async fn received(canned: &Canned) -> (Arc<dyn Receiver>, Vec<Delivery>) {
    let source = "orders".parse().unwrap();
    let options = ReceiverOptions::default();
    let receiver = canned.sqs().receiver(&source, options).await.unwrap();
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(2.try_into().unwrap());
    receiver.receive(request, &mut deliveries).await.unwrap();
    (receiver, deliveries)
}

async fn settle(
    receiver: &dyn Receiver,
    deliveries: &[Delivery],
    settlement: &Settlement,
) -> Vec<Option<ErrorKind>> {
    let items = deliveries.iter().cloned();
    let mut batch: Vec<_> = items
        .map(|it| Settling::new(it, settlement.clone()))
        .collect();
    receiver.settle(&mut batch).await.unwrap();
    kinds(batch)
}

fn kinds(batch: Vec<Settling>) -> Vec<Option<ErrorKind>> {
    let kind = |item: Settling| match item.outcome {
        Outcome::Done(()) => None,
        Outcome::Failed(error) => Some(error.kind()),
        Outcome::Pending => panic!("no answer"),
    };
    batch.into_iter().map(kind).collect()
}

#[tokio::test]
async fn an_ack_after_the_lease_is_not_even_asked_for() {
    let canned = canned(|_, body| done(body));
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(30 * SECOND);
    let lost = Some(ErrorKind::LeaseLost);
    assert_eq!(
        settle(&*receiver, &deliveries, &Settlement::Ack).await,
        [lost; 2]
    );
    assert!(canned.requests("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn a_yes_after_the_lease_is_unknown() {
    let canned = canned(|_, body| after(2 * SECOND, done(body)));
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let acks = settle(&*receiver, &deliveries, &Settlement::Ack);
    let (kinds, ()) = join(acks, pass(&canned, 2 * SECOND)).await;
    assert_eq!(kinds, [Some(ErrorKind::OutcomeUnknown); 2]);
}

#[tokio::test]
async fn an_extension_that_is_answered_after_the_lease_is_unknown() {
    let canned = canned(|_, body| after(2 * SECOND, done(body)));
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let mut batch = [Extending::new(deliveries[0].receipt.clone())];
    let extend = receiver.extend(&mut batch, 30 * SECOND);
    let (extended, ()) = join(extend, pass(&canned, 2 * SECOND)).await;
    extended.unwrap();
    let error = batch[0].outcome.error().map(Error::kind);
    assert_eq!(error, Some(ErrorKind::OutcomeUnknown));
    let lost = Some(ErrorKind::LeaseLost);
    let acks = settle(&*receiver, &deliveries[..1], &Settlement::Ack).await;
    assert_eq!(acks, [lost], "the lease stays as it was");
}

#[tokio::test]
async fn a_delivery_is_acked_once() {
    let canned = canned(|_, body| done(body));
    let (receiver, deliveries) = received(&canned).await;
    let twice = [deliveries[0].clone(), deliveries[0].clone()];
    let kinds = settle(&*receiver, &twice, &Settlement::Ack).await;
    assert_eq!(kinds, [None, Some(ErrorKind::LeaseLost)]);
}

#[tokio::test]
async fn an_ack_that_broke_can_be_tried_again() {
    let mut calls = 0;
    let canned = canned(move |_, body| {
        calls += 1;
        if calls == 1 {
            Answer::Broken
        } else {
            done(body)
        }
    });
    let (receiver, deliveries) = received(&canned).await;
    let unknown = Some(ErrorKind::OutcomeUnknown);
    assert_eq!(
        settle(&*receiver, &deliveries, &Settlement::Ack).await,
        [unknown; 2]
    );
    assert_eq!(
        settle(&*receiver, &deliveries, &Settlement::Ack).await,
        [None; 2]
    );
}

#[tokio::test]
async fn a_release_is_a_visibility_timeout() {
    let canned = canned(|_, body| done(body));
    let (receiver, deliveries) = received(&canned).await;
    let delay = Duration::from_millis(1500);
    settle(&*receiver, &deliveries[..1], &Settlement::Release { delay }).await;
    settle(&*receiver, &deliveries[1..], &Settlement::RELEASE).await;
    let requests = canned.requests("ChangeMessageVisibilityBatch");
    assert_eq!(requests[0]["Entries"][0]["VisibilityTimeout"], 2);
    assert_eq!(requests[1]["Entries"][0]["VisibilityTimeout"], 0);
}

#[tokio::test]
async fn a_release_too_far_ahead_is_refused() {
    let canned = canned(|_, body| done(body));
    let (receiver, deliveries) = received(&canned).await;
    let delay = Duration::from_secs(43_201);
    let kinds = settle(&*receiver, &deliveries, &Settlement::Release { delay }).await;
    assert_eq!(kinds, [Some(ErrorKind::MessageInvalid); 2]);
}

#[tokio::test]
async fn a_dead_letter_is_sent_and_then_deleted() {
    let canned = canned(|operation, body| match operation {
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    let dead = Settlement::dead_letter("poisoned", "no customer");
    assert_eq!(settle(&*receiver, &deliveries, &dead).await, [None; 2]);
    let sent = &canned.requests("SendMessageBatch")[0];
    assert!(sent["QueueUrl"].as_str().unwrap().ends_with("/orders-dead"));
    let ours = &sent["Entries"][0]["MessageAttributes"]["relayhouse"]["StringValue"];
    assert!(ours.as_str().unwrap().contains("poisoned"), "{ours}");
    assert_eq!(entries(&canned.requests("DeleteMessageBatch")[0]).len(), 2);
}

#[tokio::test]
async fn a_dead_letter_that_was_not_sent_is_not_deleted() {
    let canned = canned(|operation, body| match operation {
        "SendMessageBatch" => {
            let taken = crate::canned::taken(&entries(body)[0]);
            let failed = json!({ "Id": "1", "SenderFault": false, "Code": "RequestThrottled" });
            Answer::Json(json!({ "Successful": [taken], "Failed": [failed] }))
        }
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    let dead = Settlement::dead_letter("poisoned", "no customer");
    let kinds = settle(&*receiver, &deliveries, &dead).await;
    assert_eq!(kinds, [None, Some(ErrorKind::Throttled)]);
    let deleted = &canned.requests("DeleteMessageBatch")[0];
    assert_eq!(entries(deleted).len(), 1);
    assert_eq!(deleted["Entries"][0]["ReceiptHandle"], "handle-a");
}

#[tokio::test]
async fn a_dead_letter_without_a_place_to_go_stays() {
    let mut has_policy = false;
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" if has_policy => attributes(),
        "GetQueueAttributes" => Answer::Json(json!({ "Attributes": {} })),
        "ReceiveMessage" => messages(&["a"]),
        "ChangeMessageVisibilityBatch" => {
            has_policy = true;
            done(body)
        }
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    let dead = Settlement::dead_letter("poisoned", "no customer");
    let kinds = settle(&*receiver, &deliveries, &dead).await;
    assert_eq!(kinds, [Some(ErrorKind::Unsupported)]);
    assert!(canned.requests("DeleteMessageBatch").is_empty());
    // It is still leased, and goes when there is a place.
    let mut batch = [Extending::new(deliveries[0].receipt.clone())];
    receiver.extend(&mut batch, SECOND).await.unwrap();
    assert_eq!(settle(&*receiver, &deliveries, &dead).await, [None]);
}

#[tokio::test]
async fn an_ack_whose_lease_ends_while_others_are_released_is_not_asked_for() {
    let canned = canned(|operation, body| match operation {
        "ChangeMessageVisibilityBatch" => after(2 * SECOND, done(body)),
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let settlements = [Settlement::RELEASE, Settlement::Ack];
    let items = deliveries.into_iter().zip(settlements);
    let mut batch: Vec<_> = items
        .map(|(delivery, settlement)| Settling::new(delivery, settlement))
        .collect();
    let (settled, ()) = join(receiver.settle(&mut batch), pass(&canned, 2 * SECOND)).await;
    settled.unwrap();
    assert_eq!(
        kinds(batch),
        [Some(ErrorKind::OutcomeUnknown), Some(ErrorKind::LeaseLost)]
    );
    assert!(canned.requests("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn a_dead_letter_whose_lease_ends_before_it_is_deleted_is_unknown() {
    let canned = canned(|operation, body| match operation {
        "SendMessageBatch" => after(2 * SECOND, take_all(body)),
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let dead = Settlement::dead_letter("poisoned", "no customer");
    let settle = settle(&*receiver, &deliveries, &dead);
    let (kinds, ()) = join(settle, pass(&canned, 2 * SECOND)).await;
    // It is on both queues, which is not nothing.
    assert_eq!(kinds, [Some(ErrorKind::OutcomeUnknown); 2]);
    assert!(canned.requests("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn a_dead_letter_whose_lease_ends_before_it_is_sent_stays() {
    let mut looks = 0;
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => {
            looks += 1;
            let time = if looks == 1 {
                Duration::ZERO
            } else {
                2 * SECOND
            };
            after(time, attributes())
        }
        "ReceiveMessage" => messages(&["a", "b"]),
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    });
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let dead = Settlement::dead_letter("poisoned", "no customer");
    let settle = settle(&*receiver, &deliveries, &dead);
    let (kinds, ()) = join(settle, pass(&canned, 2 * SECOND)).await;
    assert_eq!(kinds, [Some(ErrorKind::LeaseLost); 2]);
    assert!(canned.requests("SendMessageBatch").is_empty());
}

/// Returns the bytes of an entry as SQS counts them.
fn size(entry: &Value) -> usize {
    let attributes = entry["MessageAttributes"].as_object().unwrap().iter();
    let attributes = attributes.map(|(name, value)| {
        let text = |field: &str| value[field].as_str().unwrap().len();
        name.len() + text("DataType") + text("StringValue")
    });
    entry["MessageBody"].as_str().unwrap().len() + attributes.sum::<usize>()
}

/// Dead-letters a message of another program with a body of `length`, and returns what arrives.
async fn dead_of(length: usize, description: &str) -> (Value, Value) {
    let body = "x".repeat(length);
    let canned = Canned::new(move |operation, request| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => Answer::Json(json!({ "Messages": [{
            "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
            "ReceiptHandle": "handle",
            "Body": body,
            "Attributes": { "ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000" },
        }]})),
        "SendMessageBatch" => take_all(request),
        _ => done(request),
    });
    let (receiver, deliveries) = received(&canned).await;
    let dead = Settlement::dead_letter("poisoned", description.to_owned());
    assert_eq!(settle(&*receiver, &deliveries, &dead).await, [None]);
    assert_eq!(canned.requests("DeleteMessageBatch").len(), 1);
    let entry = canned.requests("SendMessageBatch")[0]["Entries"][0].clone();
    assert!(size(&entry) <= 1 << 20, "{}", size(&entry));
    let ours = &entry["MessageAttributes"]["relayhouse"]["StringValue"];
    let ours = serde_json::from_str(ours.as_str().unwrap()).unwrap();
    (entry, ours)
}

#[tokio::test]
async fn a_large_dead_letter_is_described_as_far_as_there_is_room() {
    let description = "\u{1}ß".repeat(1_000);
    let (entry, ours) = dead_of((1 << 20) - 900, &description).await;
    let told = ours["envelope"]["description"].as_str().unwrap();
    assert!(description.starts_with(told), "{told}");
    assert!(100 < told.len() && told.len() < description.len());
    assert_eq!(ours["envelope"]["reason"], "poisoned");
    assert_eq!(
        entry["MessageBody"].as_str().unwrap().len(),
        (1 << 20) - 900
    );
}

#[tokio::test]
async fn a_dead_letter_that_leaves_no_room_goes_without_an_envelope() {
    let (_, ours) = dead_of((1 << 20) - 100, "no customer").await;
    assert_eq!(ours["envelope"], Value::Null);
    assert_eq!(ours["id"], "5fea7756-0ea4-451a-a703-a558b933e274");
}
