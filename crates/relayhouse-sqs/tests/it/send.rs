//! Sending: batches, answers in place, and outcomes that nobody knows.

use std::{sync::Arc, time::Duration};

use futures_util::future::join;
use relayhouse_core::{
    ErrorKind, Message, Outcome, Sending,
    port::{Provider, Sender},
};
use serde_json::json;

use crate::canned::{Answer, Canned, entries, take_all, taken};

async fn sender(canned: &Canned) -> Arc<dyn Sender> {
    let queue = "orders".parse().unwrap();
    canned.sqs().sender(&queue).await.unwrap()
}

async fn send(canned: &Canned, bodies: &[&'static str]) -> Vec<Sending> {
    let sender = sender(canned).await;
    let bodies = bodies.iter().map(|body| Sending::new(Message::new(*body)));
    let mut batch: Vec<_> = bodies.collect();
    sender.send(&mut batch).await.unwrap();
    batch
}

fn kinds(batch: &[Sending]) -> Vec<Option<ErrorKind>> {
    let kind = |item: &Sending| item.outcome.error().map(relayhouse_core::Error::kind);
    batch.iter().map(kind).collect()
}

#[tokio::test]
async fn answers_in_any_order_stand_in_place() {
    let canned = Canned::new(|_, body| {
        let mut taken: Vec<_> = entries(body).iter().map(taken).collect();
        taken.remove(1);
        taken.reverse();
        // One that nobody asked about.
        taken.push(json!({ "Id": "17", "MessageId": "x", "MD5OfMessageBody": "x" }));
        let failed = json!({ "Id": "1", "SenderFault": false, "Code": "RequestThrottled" });
        Answer::Json(json!({ "Successful": taken, "Failed": [failed] }))
    });
    let batch = send(&canned, &["a", "b", "c"]).await;
    assert_eq!(kinds(&batch), [None, Some(ErrorKind::Throttled), None]);
    let Outcome::Done(sent) = &batch[2].outcome else {
        panic!("the third was sent");
    };
    assert_eq!(sent.id.as_ref().unwrap().to_string(), "sqs-2");
    assert_eq!(batch[1].message.body, "b", "it keeps its message");
}

#[tokio::test]
async fn a_missing_answer_is_unknown_for_that_item_alone() {
    let canned = Canned::new(|_, body| {
        let taken = taken(&entries(body)[0]);
        Answer::Json(json!({ "Successful": [taken], "Failed": [] }))
    });
    let batch = send(&canned, &["a", "b"]).await;
    assert_eq!(kinds(&batch), [None, Some(ErrorKind::OutcomeUnknown)]);
}

#[tokio::test]
async fn a_broken_connection_leaves_the_outcome_unknown_and_is_not_retried() {
    let canned = Canned::new(|_, _| Answer::Broken);
    let batch = send(&canned, &["a"]).await;
    assert_eq!(kinds(&batch), [Some(ErrorKind::OutcomeUnknown)]);
    assert_eq!(canned.requests("SendMessageBatch").len(), 1);
}

#[tokio::test]
async fn throttling_is_the_callers_to_retry() {
    let canned = Canned::new(|_, _| Answer::Refused {
        status: 400,
        code: "RequestThrottled",
        text: "slow down",
    });
    let batch = send(&canned, &["a"]).await;
    assert_eq!(kinds(&batch), [Some(ErrorKind::Throttled)]);
    assert!(batch[0].outcome.error().unwrap().is_temporary());
    assert_eq!(canned.requests("SendMessageBatch").len(), 1);
}

#[tokio::test]
async fn a_hung_call_is_cut_and_unknown() {
    let canned = Canned::new(|_, _| Answer::Silent);
    let cut = async {
        // The send sleeps until its limit; other tasks of the SDK may be first.
        while canned.clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        canned.clock.advance(Duration::from_secs(5));
    };
    let (batch, ()) = join(send(&canned, &["a"]), cut).await;
    assert_eq!(kinds(&batch), [Some(ErrorKind::OutcomeUnknown)]);
}

#[tokio::test]
async fn what_comes_after_a_failed_call_does_not_leave() {
    let mut calls = 0;
    let canned = Canned::new(move |_, body| {
        calls += 1;
        if calls == 1 {
            Answer::Broken
        } else {
            take_all(body)
        }
    });
    let batch = send(&canned, &["x"; 11]).await;
    let kinds = kinds(&batch);
    assert_eq!(kinds[..10], [Some(ErrorKind::OutcomeUnknown); 10]);
    assert_eq!(kinds[10], Some(ErrorKind::ConnectionFailed));
    assert_eq!(canned.requests("SendMessageBatch").len(), 1);
}

#[tokio::test]
async fn what_comes_after_a_failed_entry_of_its_group_does_not_leave() {
    let canned = Canned::new(move |_, body| {
        let (first, others): (Vec<_>, Vec<_>) = entries(body)
            .iter()
            .partition(|it| it["MessageBody"] == "first");
        let taken: Vec<_> = others.into_iter().map(taken).collect();
        let failed = first
            .iter()
            .map(|it| json!({ "Id": it["Id"], "SenderFault": false, "Code": "RequestThrottled" }));
        Answer::Json(json!({ "Successful": taken, "Failed": failed.collect::<Vec<_>>() }))
    });
    let queue = "orders.fifo".parse().unwrap();
    let sender = canned.sqs().sender(&queue).await.unwrap();
    let message = |body, key| Sending::new(Message::new(body).ordering_key(key));
    let mut batch = vec![message("first", "a")];
    batch.extend((0..9).map(|_| message("x", "b")));
    batch.extend([message("second", "a"), message("x", "b")]);
    sender.send(&mut batch).await.unwrap();
    let kinds = kinds(&batch);
    assert_eq!(kinds[0], Some(ErrorKind::Throttled));
    assert_eq!(kinds[10], Some(ErrorKind::ConnectionFailed));
    assert!(batch[10].outcome.error().unwrap().is_temporary());
    assert_eq!((&kinds[1..10], kinds[11]), (&[None; 9][..], None));
    let second = &canned.requests("SendMessageBatch")[1];
    assert_eq!(entries(second).len(), 1, "the other group goes on");
    assert_eq!(second["Entries"][0]["MessageGroupId"], "b");
}

#[tokio::test]
async fn what_sqs_took_must_be_what_was_sent() {
    let canned = Canned::new(|_, body| {
        let mut taken = taken(&entries(body)[0]);
        taken["MD5OfMessageBody"] = json!("0");
        Answer::Json(json!({ "Successful": [taken], "Failed": [] }))
    });
    let batch = send(&canned, &["a"]).await;
    assert_eq!(kinds(&batch), [Some(ErrorKind::Corrupt)]);
    let lax = canned.builder().verify(false).build().unwrap();
    let sender = lax.sender(&"orders".parse().unwrap()).await.unwrap();
    let mut batch = [Sending::new(Message::new("a"))];
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
}

#[tokio::test]
async fn full_batches_are_what_the_cost_meter_shows() {
    let canned = Canned::new(|_, body| take_all(body));
    let sqs = canned.sqs();
    let sender = sqs.sender(&"orders".parse().unwrap()).await.unwrap();
    let mut batch: Vec<_> = (0..25).map(|_| Sending::new(Message::new("x"))).collect();
    sender.send(&mut batch).await.unwrap();
    let cost = sqs.cost();
    assert_eq!(cost.calls(relayhouse_sqs::Call::Send), 3);
    assert_eq!(cost.sent, 25);
    assert_eq!(cost.requests(), 4, "one more to find the queue");
}

#[tokio::test]
async fn a_closed_sender_refuses() {
    let canned = Canned::new(|_, body| take_all(body));
    let sender = sender(&canned).await;
    sender.close().await.unwrap();
    sender.close().await.unwrap();
    let error = sender.send(&mut [Sending::new(Message::new("x"))]).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Closed);
}
