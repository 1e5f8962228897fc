//! Delays beyond those of SQS: hops that nobody sees, and that lose nothing.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Clock, Delivery, ErrorKind, Message, Sending, Settlement, Settling,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_sqs::LongDelays;
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, attributes, entries, messages, take_all};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Answers the first receive with `first`, and later ones with nothing.
fn canned(first: Value, mut other: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Canned {
    let mut first = Some(first);
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => match first.take() {
            Some(first) => Answer::Json(json!({ "Messages": [first] })),
            None => messages(&[]),
        },
        operation => other(operation, body),
    })
}

fn take_or_do(operation: &str, body: &Value) -> Answer {
    if operation == "SendMessageBatch" {
        return take_all(body);
    }
    let done = entries(body)
        .iter()
        .map(|entry| json!({ "Id": entry["Id"] }));
    Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
}

/// Returns a message that is due `after` the start, as SQS hands it out.
fn early(after: Duration, count: u32) -> Value {
    let due = 1_700_000_000_000_000 + u64::try_from(after.as_micros()).unwrap();
    let packed = json!({ "id": "seven", "due": due, "enqueued": 1_600_000_000_000_000_u64 });
    json!({
        "MessageId": "sqs-7",
        "ReceiptHandle": "handle-7",
        "Body": "x",
        "Attributes": { "ApproximateReceiveCount": count.to_string() },
        "MessageAttributes": {
            "relayhouse": { "DataType": "String", "StringValue": packed.to_string() },
        },
    })
}

async fn receiver(canned: &Canned) -> Arc<dyn Receiver> {
    let sqs = canned.builder().long_delays(LongDelays::Hop);
    let sqs = sqs.build().unwrap();
    let options = ReceiverOptions::default();
    let source = "orders".parse().unwrap();
    sqs.receiver(&source, options).await.unwrap()
}

async fn receive(receiver: &dyn Receiver) -> relayhouse_core::Result<Vec<Delivery>> {
    let mut into = Vec::new();
    let request = ReceiveRequest::ONE.wait(SECOND);
    receiver.receive(request, &mut into).await?;
    Ok(into)
}

fn packed(entry: &Value) -> Value {
    let text = &entry["MessageAttributes"]["relayhouse"]["StringValue"];
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_long_delay_is_refused_unless_it_may_hop() {
    let canned = Canned::new(|_, body| take_all(body));
    for (long_delays, queue, kind) in [
        (
            LongDelays::Refuse,
            "orders",
            Some(ErrorKind::MessageInvalid),
        ),
        (LongDelays::Hop, "orders", None),
        (LongDelays::Hop, "orders.fifo", Some(ErrorKind::Unsupported)),
    ] {
        let sqs = canned.builder().long_delays(long_delays).build().unwrap();
        let sender = sqs.sender(&queue.parse().unwrap()).await.unwrap();
        let message = Message::new("x").ordering_key("k").delay(2 * HOUR);
        let mut batch = [Sending::new(message)];
        sender.send(&mut batch).await.unwrap();
        let error = batch[0].outcome.error().map(relayhouse_core::Error::kind);
        assert_eq!(error, kind, "{queue}");
    }
    let requests = canned.requests("SendMessageBatch");
    let [request] = &requests[..] else {
        panic!("one was sent: {requests:?}");
    };
    let entry = &request["Entries"][0];
    assert_eq!(entry["DelaySeconds"], 900);
    assert_eq!(packed(entry)["due"], 1_700_007_200_000_000_u64);
}

#[tokio::test]
async fn what_is_not_due_is_sent_again_and_not_shown() {
    let canned = canned(early(HOUR, 3), take_or_do);
    let receiver = receiver(&canned).await;
    assert!(receive(&*receiver).await.unwrap().is_empty());
    let sent = &canned.requests("SendMessageBatch")[0]["Entries"][0];
    assert_eq!(sent["DelaySeconds"], 900);
    assert_eq!(sent["MessageBody"], "x");
    let packed = packed(sent);
    assert_eq!(packed["id"], "seven", "it stays the same message");
    assert_eq!(packed["enqueued"], 1_600_000_000_000_000_u64);
    assert_eq!(packed["due"], 1_700_003_600_000_000_u64);
    assert_eq!(packed.get("attempts"), None, "a hop is no delivery");
    let deleted = &canned.requests("DeleteMessageBatch")[0]["Entries"][0];
    assert_eq!(deleted["ReceiptHandle"], "handle-7");
}

/// Where there is no room to tell when it was first sent, it goes on all the same.
#[tokio::test]
async fn a_message_that_fills_the_limit_hops() {
    let due = 1_700_003_600_000_000_u64;
    let ours = json!({ "id": "seven", "due": due }).to_string();
    // What SQS counts besides the body: name, type and value of our attribute.
    let rest = "relayhouse".len() + "String".len() + ours.len();
    let mut full = early(HOUR, 1);
    full["Body"] = "x".repeat((1 << 20) - rest).into();
    full["MessageAttributes"]["relayhouse"]["StringValue"] = ours.into();
    let canned = canned(full, take_or_do);
    let receiver = receiver(&canned).await;
    assert!(receive(&*receiver).await.unwrap().is_empty());
    let sent = &canned.requests("SendMessageBatch")[0]["Entries"][0];
    assert_eq!(packed(sent), json!({ "id": "seven", "due": due }));
    assert_eq!(canned.requests("DeleteMessageBatch").len(), 1);
}

#[tokio::test]
async fn the_last_hop_is_as_long_as_what_is_left() {
    let canned = canned(early(Duration::from_millis(90_500), 1), take_or_do);
    let receiver = receiver(&canned).await;
    assert!(receive(&*receiver).await.unwrap().is_empty());
    let sent = &canned.requests("SendMessageBatch")[0]["Entries"][0];
    assert_eq!(sent["DelaySeconds"], 91);
    assert_eq!(packed(sent).get("due"), None, "SQS holds it until then");
}

#[tokio::test]
async fn what_is_due_is_delivered() {
    let canned = canned(early(Duration::ZERO, 1), take_or_do);
    let receiver = receiver(&canned).await;
    let came = receive(&*receiver).await.unwrap();
    assert_eq!((came[0].attempt, came.len()), (1, 1));
    assert!(canned.requests("SendMessageBatch").is_empty());
}

#[tokio::test]
async fn a_hop_that_is_not_confirmed_deletes_nothing_and_is_told() {
    let canned = canned(early(HOUR, 1), |operation, body| match operation {
        "SendMessageBatch" => Answer::Broken,
        operation => take_or_do(operation, body),
    });
    let receiver = receiver(&canned).await;
    let error = receive(&*receiver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(canned.requests("DeleteMessageBatch").is_empty());
}

#[tokio::test]
async fn a_release_beyond_twelve_hours_is_sent_again_with_its_attempts() {
    let canned = canned(early(Duration::ZERO, 2), take_or_do);
    let receiver = receiver(&canned).await;
    let delivery = receive(&*receiver).await.unwrap().remove(0);
    canned.clock.advance(SECOND);
    let delay = 13 * HOUR;
    let mut batch = [Settling::new(delivery, Settlement::Release { delay })];
    receiver.settle(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done(), "{:?}", batch[0].outcome);
    let sent = &canned.requests("SendMessageBatch")[0]["Entries"][0];
    let due = (canned.clock.wall() + delay).as_micros();
    assert_eq!(packed(sent)["due"], due);
    assert_eq!(packed(sent)["attempts"], 2);
    assert_eq!(canned.requests("DeleteMessageBatch").len(), 1);
    assert!(canned.requests("ChangeMessageVisibilityBatch").is_empty());
}

#[tokio::test]
async fn earlier_attempts_are_counted_on() {
    let mut message = early(Duration::ZERO, 1);
    let text = json!({ "id": "seven", "attempts": 2 }).to_string();
    message["MessageAttributes"]["relayhouse"]["StringValue"] = json!(text);
    let canned = canned(message, take_or_do);
    let receiver = receiver(&canned).await;
    assert_eq!(receive(&*receiver).await.unwrap()[0].attempt, 3);
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_again_holds_back_no_other() {
    let mut large = early(HOUR, 1);
    large["Body"] = json!("x".repeat(1024 * 1024));
    large["ReceiptHandle"] = json!("handle-large");
    let mut first = Some([large, early(HOUR, 1)]);
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => Answer::Json(
            json!({ "Messages": first.take().into_iter().flatten().collect::<Vec<_>>() }),
        ),
        operation => take_or_do(operation, body),
    });
    let receiver = receiver(&canned).await;
    let error = receive(&*receiver).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge, "it is told");
    assert_eq!(canned.requests("SendMessageBatch").len(), 1);
    let deleted = &canned.requests("DeleteMessageBatch")[0];
    assert_eq!(entries(deleted).len(), 1);
    assert_eq!(deleted["Entries"][0]["ReceiptHandle"], "handle-7");
}

/// Whoever receives gives up some seconds after the wait, and would cut a hop in two.
#[tokio::test]
async fn a_receive_ends_in_time_however_many_are_not_due() {
    let mut count = 0;
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" if count < 20 => {
            count += 1;
            Answer::After(SECOND / 2, json!({ "Messages": [early(HOUR, 1)] }))
        }
        "ReceiveMessage" => messages(&[]),
        operation => take_or_do(operation, body),
    });
    let receiver = receiver(&canned).await;
    let came = tokio::select! {
        came = receive(&*receiver) => came.unwrap(),
        () = pass(&canned) => unreachable!("time passes for ever"),
    };
    assert!(came.is_empty());
    let asked = canned.requests("ReceiveMessage").len();
    assert!(asked <= 3, "{asked} receives in a wait of a second");
    assert_eq!(canned.requests("DeleteMessageBatch").len(), asked);
}

#[tokio::test]
async fn a_fifo_queue_shows_what_another_program_marked_as_not_due() {
    let canned = canned(early(HOUR, 1), take_or_do);
    let sqs = canned.builder().long_delays(LongDelays::Hop);
    let source = "orders.fifo".parse().unwrap();
    let sqs = sqs.build().unwrap();
    let options = ReceiverOptions::default();
    let receiver = sqs.receiver(&source, options).await.unwrap();
    let came = receive(&*receiver).await.unwrap();
    assert_eq!(came.len(), 1, "it could not be sent again with a delay");
    assert!(canned.requests("SendMessageBatch").is_empty());
}

/// Passes half a second whenever somebody waits for time.
async fn pass(canned: &Canned) {
    loop {
        tokio::task::yield_now().await;
        if let Some(next) = canned.clock.next_wake() {
            let step = next.since(canned.clock.now()).min(SECOND / 2);
            canned.clock.advance(step);
        }
    }
}

fn take_late(operation: &str, body: &Value) -> Answer {
    match take_or_do(operation, body) {
        Answer::Json(answer) if operation == "SendMessageBatch" => Answer::After(SECOND, answer),
        answer => answer,
    }
}

#[tokio::test]
async fn a_close_cuts_no_hop_in_two() {
    let canned = canned(early(HOUR, 1), take_late);
    let receiver = receiver(&canned).await;
    let close = async {
        while canned.requests("SendMessageBatch").is_empty() {
            tokio::task::yield_now().await;
        }
        receiver.close().await.unwrap();
        pass(&canned).await;
    };
    let came = tokio::select! {
        came = receive(&*receiver) => came.unwrap(),
        () = close => unreachable!("time passes for ever"),
    };
    assert!(came.is_empty());
    assert_eq!(canned.requests("DeleteMessageBatch").len(), 1);
}

#[tokio::test]
async fn what_another_shard_brings_cuts_no_hop_in_two() {
    let canned = Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ListQueueTags" => Answer::Json(json!({ "Tags": { "relayhouse-shards": "2" } })),
        "ReceiveMessage" if body["WaitTimeSeconds"] == 0 => messages(&[]),
        "ReceiveMessage" if body["QueueUrl"].as_str().unwrap().ends_with("orders-0") => {
            Answer::Json(json!({ "Messages": [early(HOUR, 1)] }))
        }
        "ReceiveMessage" => {
            let one = json!([{ "ReceiptHandle": "h", "Body": "other" }]);
            Answer::After(SECOND / 2, json!({ "Messages": one }))
        }
        operation => take_late(operation, body),
    });
    let sqs = canned.builder().long_delays(LongDelays::Hop);
    let sqs = sqs.build().unwrap();
    let source = "orders-0..1".parse().unwrap();
    let options = ReceiverOptions::default();
    let receiver = sqs.receiver(&source, options).await.unwrap();
    let mut came = Vec::new();
    let request = ReceiveRequest::up_to(10.try_into().unwrap()).wait(5 * SECOND);
    tokio::select! {
        received = receiver.receive(request, &mut came) => received.unwrap(),
        () = pass(&canned) => unreachable!("time passes for ever"),
    }
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].message.body, "other");
    let sent = canned.requests("SendMessageBatch").len();
    assert_eq!(canned.requests("DeleteMessageBatch").len(), sent);
    assert!(0 < sent);
}
