//! Turns: calls that wait leave some to those that do not.

use std::{num::NonZeroU32, pin::pin, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::{Either, join, join3, select},
    stream::FuturesUnordered,
};
use relayhouse_core::{
    Delivery, Error, ErrorKind, Message, Sending,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_sqs::Call;
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, attributes, messages, take_all};

const WAIT: Duration = Duration::from_secs(20);
/// Half of them are used at a time, of which a quarter does not wait.
const CONNECTIONS_MAX: NonZeroU32 = NonZeroU32::new(16).unwrap();
const POLLS_MAX: usize = 6;
const RECEIVERS: usize = 10;

fn waits(body: &Value) -> bool {
    body["WaitTimeSeconds"] != 0
}

/// Lets every poll that waits hang.
fn canned() -> Canned {
    Canned::new(|operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" if waits(body) => Answer::After(WAIT, json!({})),
        "ReceiveMessage" => messages(&[]),
        _ => take_all(body),
    })
}

async fn receive(receiver: Arc<dyn Receiver>) -> Vec<Delivery> {
    let mut into = Vec::new();
    let request = ReceiveRequest::ONE.wait(WAIT);
    receiver.receive(request, &mut into).await.unwrap();
    into
}

fn polls(canned: &Canned) -> Vec<Value> {
    let mut polls = canned.requests("ReceiveMessage");
    polls.retain(waits);
    polls
}

/// Gives others the time to do what they can do now.
async fn settle_down() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn polls_that_wait_never_take_the_turns_of_sends() {
    let canned = canned();
    let sqs = canned.builder().connections_max(CONNECTIONS_MAX);
    let sqs = sqs.build().unwrap();
    let (source, queue) = ("orders".parse().unwrap(), "orders".parse().unwrap());
    let idle = FuturesUnordered::new();
    for _ in 0..RECEIVERS {
        let options = ReceiverOptions::default();
        idle.push(receive(sqs.receiver(&source, options).await.unwrap()));
    }
    let sender = sqs.sender(&queue).await.unwrap();
    let mut sending = [Sending::new(Message::new("x"))];
    let send = pin!(async {
        settle_down().await;
        let send = pin!(sender.send(&mut sending));
        matches!(select(send, pin!(settle_down())).await, Either::Left(_))
    });
    let mut idle = pin!(idle.collect::<Vec<_>>());
    let Either::Right((is_sent, _)) = select(&mut idle, send).await else {
        panic!("polls wait");
    };
    assert!(is_sent, "the send has no turn");
    assert_eq!(polls(&canned).len(), POLLS_MAX);
    // The polls without a turn look once at the end of their wait.
    canned.clock.advance(WAIT);
    let came = idle.await;
    assert_eq!(came.len(), RECEIVERS);
    assert_eq!(polls(&canned).len(), POLLS_MAX);
    let looks = canned.requests("ReceiveMessage").len() - POLLS_MAX;
    assert!(RECEIVERS - POLLS_MAX <= looks, "{looks}");
}

#[tokio::test]
async fn a_poll_whose_turn_comes_late_waits_for_the_rest_of_its_time() {
    let mut first = Some(());
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" if waits(body) => match first.take() {
            Some(()) => Answer::After(WAIT / 2, json!({})),
            None => Answer::After(WAIT / 4, json!({})),
        },
        "ReceiveMessage" => messages(&[]),
        _ => take_all(body),
    });
    let four = NonZeroU32::new(4).unwrap();
    let sqs = canned.builder().connections_max(four).build().unwrap();
    let source = "orders".parse().unwrap();
    let open = || sqs.receiver(&source, ReceiverOptions::default());
    let (one, other) = (open().await.unwrap(), open().await.unwrap());
    let idle = pin!(join(receive(one), receive(other)));
    let pass = pin!(async {
        for _ in 0..3 {
            settle_down().await;
            canned.clock.advance(WAIT / 4);
        }
        settle_down().await;
    });
    assert!(
        matches!(select(idle, pass).await, Either::Left(_)),
        "both are over"
    );
    let waits: Vec<_> = polls(&canned)
        .iter()
        .map(|it| it["WaitTimeSeconds"].as_u64().unwrap())
        .collect();
    assert_eq!(waits, [20, 10]);
}

#[tokio::test]
async fn a_send_without_a_turn_costs_nothing() {
    let canned = Canned::new(|operation, body| match operation {
        "SendMessageBatch" => Answer::Silent,
        _ => take_all(body),
    });
    let four = NonZeroU32::new(4).unwrap();
    let sqs = canned.builder().connections_max(four).build().unwrap();
    let sender = sqs.sender(&"orders".parse().unwrap()).await.unwrap();
    let send = || async {
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        batch[0].outcome.error().map(Error::kind)
    };
    // The last comes first in the list, so that its time is over before another's turn is free.
    let last = async {
        settle_down().await;
        send().await
    };
    let sends = pin!(join3(last, send(), send()));
    let pass = pin!(async {
        settle_down().await;
        settle_down().await;
        canned.clock.advance(Duration::from_secs(5));
        settle_down().await;
    });
    let Either::Left((kinds, _)) = select(sends, pass).await else {
        panic!("all are given up");
    };
    let unknown = Some(ErrorKind::OutcomeUnknown);
    assert_eq!(kinds, (Some(ErrorKind::Timeout), unknown, unknown));
    let cost = sqs.cost();
    assert_eq!((cost.calls(Call::Send), cost.sent), (2, 2));
}
