//! Receiving: leases counted with care, and receives whose answers nobody heard.

use std::{sync::Arc, time::Duration};

use futures_util::future::join;
use relayhouse_core::{
    Clock, Delivery, ErrorKind, Extending, Instant, Outcome, Settlement, Settling,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_sqs::Sqs;
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, attributes, messages};

const SECOND: Duration = Duration::from_secs(1);

async fn receiver(canned: &Canned, queue: &str) -> Arc<dyn Receiver> {
    let source = queue.parse().unwrap();
    let options = ReceiverOptions::default();
    canned.sqs().receiver(&source, options).await.unwrap()
}

async fn receive(
    receiver: &dyn Receiver,
    wait: Duration,
) -> relayhouse_core::Result<Vec<Delivery>> {
    let mut into = Vec::new();
    let request = ReceiveRequest::ONE.wait(wait);
    receiver.receive(request, &mut into).await?;
    Ok(into)
}

/// Answers a receive with `answer`, and the rest as SQS would.
fn canned(mut answer: impl FnMut(&Value) -> Answer + Send + 'static) -> Canned {
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => answer(body),
        _ => Answer::Json(json!({ "Successful": [{ "Id": "0" }], "Failed": [] })),
    })
}

async fn advance(canned: &Canned, time: Duration) {
    while canned.clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    canned.clock.advance(time);
}

#[tokio::test]
async fn lease_of_a_look_counts_from_its_start() {
    let one = json!([{ "ReceiptHandle": "h", "Body": "x" }]);
    let canned = canned(move |_| Answer::After(SECOND, json!({ "Messages": one })));
    let receiver = receiver(&canned, "orders").await;
    let (deliveries, ()) = join(
        receive(&*receiver, Duration::ZERO),
        advance(&canned, SECOND),
    )
    .await;
    let until = deliveries.unwrap()[0].lease.until();
    assert!(until <= Instant::START + 31 * SECOND, "{until:?}");
}

#[tokio::test]
async fn lease_of_a_long_poll_counts_from_its_answer() {
    let one = json!([{ "ReceiptHandle": "h", "Body": "x" }]);
    let canned = canned(move |_| Answer::After(15 * SECOND, json!({ "Messages": one })));
    let receiver = receiver(&canned, "orders").await;
    let poll = receive(&*receiver, 20 * SECOND);
    let (deliveries, ()) = join(poll, advance(&canned, 15 * SECOND)).await;
    let until = deliveries.unwrap()[0].lease.until();
    assert_eq!(until, Instant::START + 45 * SECOND);
}

#[tokio::test]
async fn a_long_poll_is_not_cut_and_a_hung_one_is() {
    let canned = canned(|_| Answer::Silent);
    let receiver = receiver(&canned, "orders").await;
    let hang = async {
        advance(&canned, 24 * SECOND).await;
        assert_eq!(canned.clock.sleepers(), 1, "it goes on waiting");
        canned.clock.advance(SECOND);
    };
    let (received, ()) = join(receive(&*receiver, 20 * SECOND), hang).await;
    assert_eq!(received.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test]
async fn a_receive_that_nobody_heard_is_asked_for_again() {
    let mut calls = 0;
    let canned = canned(move |_| {
        calls += 1;
        if calls == 1 {
            Answer::Broken
        } else {
            messages(&["x"])
        }
    });
    let receiver = receiver(&canned, "orders.fifo").await;
    assert!(receive(&*receiver, SECOND).await.is_err());
    for _ in 0..2 {
        assert_eq!(receive(&*receiver, SECOND).await.unwrap().len(), 1);
    }
    let requests = canned.requests("ReceiveMessage");
    let ids: Vec<_> = requests
        .iter()
        .map(|it| &it["ReceiveRequestAttemptId"])
        .collect();
    assert!(ids[0].is_string());
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn requests_are_clamped() {
    let canned = canned(|_| messages(&[]));
    let receiver = receiver(&canned, "orders").await;
    let request = ReceiveRequest::up_to(100.try_into().unwrap()).wait(90 * SECOND);
    receiver.receive(request, &mut Vec::new()).await.unwrap();
    let request = &canned.requests("ReceiveMessage")[0];
    assert_eq!(request["MaxNumberOfMessages"], 10);
    assert_eq!(request["WaitTimeSeconds"], 20);
    assert_eq!(request.get("VisibilityTimeout"), None, "the queue's own");
}

#[tokio::test]
async fn a_close_ends_a_receive_that_waits() {
    let canned = canned(|_| Answer::Silent);
    let receiver = receiver(&canned, "orders").await;
    let close = async { receiver.close().await.unwrap() };
    let (received, ()) = join(receive(&*receiver, 20 * SECOND), close).await;
    assert!(received.unwrap().is_empty());
    let error = receive(&*receiver, SECOND).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn an_extension_stops_twelve_hours_after_the_receive() {
    const HOURS: Duration = Duration::from_secs(12 * 60 * 60);
    let canned = canned(|_| messages(&["x"]));
    let receiver = receiver(&canned, "orders").await;
    let receipt = receive(&*receiver, Duration::ZERO)
        .await
        .unwrap()
        .remove(0)
        .receipt;
    let extend = async |by| {
        let mut batch = [Extending::new(receipt.clone())];
        receiver.extend(&mut batch, by).await.unwrap();
        let [item] = batch;
        item.outcome
    };
    canned.clock.advance(10 * SECOND);
    let Outcome::Done(until) = extend(HOURS).await else {
        panic!("extended");
    };
    assert_eq!(until, Instant::START + HOURS);
    let requests = canned.requests("ChangeMessageVisibilityBatch");
    assert_eq!(requests[0]["Entries"][0]["VisibilityTimeout"], 43_190);
    canned.clock.advance(HOURS - 10 * SECOND - SECOND / 2);
    assert!(canned.clock.now() < until);
    assert!(matches!(extend(SECOND).await, Outcome::Done(end) if end == until));
    assert_eq!(canned.requests("ChangeMessageVisibilityBatch").len(), 1);
    canned.clock.advance(SECOND);
    let lost = extend(SECOND).await;
    assert_eq!(lost.error().unwrap().kind(), ErrorKind::LeaseLost);
}

#[tokio::test]
async fn a_queue_whose_attributes_are_secret_has_an_explicit_lease() {
    let canned = Canned::new(|operation, _| match operation {
        "ReceiveMessage" => messages(&["x"]),
        _ => Answer::Refused {
            status: 403,
            code: "AccessDenied",
            text: "no",
        },
    });
    let receiver = receiver(&canned, "orders").await;
    receive(&*receiver, Duration::ZERO).await.unwrap();
    let request = &canned.requests("ReceiveMessage")[0];
    assert_eq!(request["VisibilityTimeout"], 30);
}

/// The queue is named by its URL and the lease is given, so that no call came before.
#[tokio::test]
async fn the_first_receive_of_all_measures_before_it_waits() {
    let one = json!([{ "ReceiptHandle": "h", "Body": "x" }]);
    let canned = canned(move |body| {
        if body["WaitTimeSeconds"] == 0 {
            return Answer::After(2 * SECOND, json!({}));
        }
        Answer::After(5 * SECOND, json!({ "Messages": one }))
    });
    let address = format!("sqs:{}?lease=30s", crate::canned::URL);
    let address = address.parse().unwrap();
    let sqs = Sqs::open_with(&address, canned.context(), canned.client()).unwrap();
    let source = Sqs::source_of(&address).unwrap();
    let receiver = sqs.receiver(&source, ReceiverOptions::default()).await;
    let receiver = receiver.unwrap();
    let clock = canned.clock.clone();
    let pass = async {
        loop {
            tokio::task::yield_now().await;
            if let Some(next) = clock.next_wake() {
                clock.advance(next.since(clock.now()).min(SECOND));
            }
        }
    };
    let came = tokio::select! {
        came = receive(&*receiver, 20 * SECOND) => came.unwrap(),
        () = pass => unreachable!("time passes for ever"),
    };
    let handed_out = canned.clock.now() - 2 * SECOND;
    let until = came[0].lease.until();
    assert!(until <= handed_out + 30 * SECOND, "{until:?}");
    let waits = canned.requests("ReceiveMessage");
    let waits: Vec<_> = waits
        .iter()
        .map(|it| it["WaitTimeSeconds"].clone())
        .collect();
    assert_eq!(waits, [0, 18]);
}

#[tokio::test]
async fn a_shorter_lease_counts_even_if_nobody_knows_that_it_is_shorter() {
    let canned = Canned::new(|operation, _| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => messages(&["x"]),
        "ChangeMessageVisibilityBatch" => Answer::Broken,
        _ => Answer::Json(json!({ "Successful": [{ "Id": "0" }], "Failed": [] })),
    });
    let receiver = receiver(&canned, "orders").await;
    let delivery = receive(&*receiver, Duration::ZERO).await.unwrap().remove(0);
    let mut batch = [Extending::new(delivery.receipt.clone())];
    receiver.extend(&mut batch, 5 * SECOND).await.unwrap();
    let unknown = batch[0].outcome.error().unwrap();
    assert_eq!(unknown.kind(), ErrorKind::OutcomeUnknown);
    canned.clock.advance(6 * SECOND);
    let mut batch = [Settling::new(delivery, Settlement::Ack)];
    receiver.settle(&mut batch).await.unwrap();
    let lost = batch[0].outcome.error().unwrap();
    assert_eq!(lost.kind(), ErrorKind::LeaseLost);
    assert!(canned.requests("DeleteMessageBatch").is_empty());
}
