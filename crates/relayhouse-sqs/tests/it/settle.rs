//! Settling: late ones, double ones, and dead letters that are sent before they are deleted.

use std::{sync::Arc, time::Duration};

use futures_util::future::join;
use relayhouse_core::{
    Delivery, ErrorKind, Extending, Outcome, Settlement, Settling,
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
    let canned = canned(|_, body| {
        let Answer::Json(answer) = done(body) else {
            unreachable!("it is an answer");
        };
        Answer::After(2 * SECOND, answer)
    });
    let (receiver, deliveries) = received(&canned).await;
    canned.clock.advance(29 * SECOND);
    let pass = async {
        while canned.clock.sleepers() < 2 {
            tokio::task::yield_now().await;
        }
        canned.clock.advance(2 * SECOND);
    };
    let acks = settle(&*receiver, &deliveries, &Settlement::Ack);
    let (kinds, ()) = join(acks, pass).await;
    assert_eq!(kinds, [Some(ErrorKind::OutcomeUnknown); 2]);
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
