//! Several queues that are one: where messages go, whose turn it is, and that their number stays.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::join};
use relayhouse_core::{
    Delivery, Entity, ErrorKind, Extending, Message, Outcome, Sending, Settlement, Settling,
    port::{Provider, QueueConfig, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use serde_json::{Value, json};

use crate::canned::{Answer, Canned, attributes, entries, messages, take_all};

const SECOND: Duration = Duration::from_secs(1);
const NAME: &str = "orders-0..3.fifo";

/// Returns the number of the queue that a request is for.
fn shard(body: &Value) -> usize {
    let url = body["QueueUrl"].as_str().unwrap();
    let name = url.strip_suffix(".fifo").unwrap();
    name.rsplit('-').next().unwrap().parse().unwrap()
}

fn done(body: &Value) -> Answer {
    let done = entries(body)
        .iter()
        .map(|entry| json!({ "Id": entry["Id"] }));
    Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
}

/// Answers receives of each queue with `answer`, and takes everything else.
fn canned(mut answer: impl FnMut(usize, &Value) -> Answer + Send + 'static) -> Canned {
    Canned::new(move |operation, body| match operation {
        "ListQueueTags" => Answer::Json(json!({ "Tags": { "relayhouse-shards": "4" } })),
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => answer(shard(body), body),
        "SendMessageBatch" => take_all(body),
        _ => done(body),
    })
}

async fn sender(canned: &Canned) -> Arc<dyn Sender> {
    canned.sqs().sender(&NAME.parse().unwrap()).await.unwrap()
}

async fn receiver(canned: &Canned) -> Arc<dyn Receiver> {
    let options = ReceiverOptions::default();
    let source = NAME.parse().unwrap();
    canned.sqs().receiver(&source, options).await.unwrap()
}

async fn receive(receiver: &dyn Receiver, max: u32, wait: Duration) -> Vec<Delivery> {
    let mut into = Vec::new();
    let request = ReceiveRequest::up_to(max.try_into().unwrap()).wait(wait);
    receiver.receive(request, &mut into).await.unwrap();
    into
}

fn bodies(deliveries: &[Delivery]) -> Vec<&[u8]> {
    deliveries.iter().map(|it| &it.message.body[..]).collect()
}

#[tokio::test]
async fn a_key_always_goes_to_the_same_queue_in_order() {
    let canned = canned(|_, _| messages(&[]));
    let sender = sender(&canned).await;
    let message = |number: usize| {
        let key = format!("customer-{}", number % 7);
        Sending::new(Message::new(number.to_string()).ordering_key(key))
    };
    for numbers in [0..25, 25..60] {
        let mut batch: Vec<_> = numbers.map(message).collect();
        sender.send(&mut batch).await.unwrap();
        assert!(batch.iter().all(|item| item.outcome.is_done()));
    }
    let mut came: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for request in canned.requests("SendMessageBatch") {
        for entry in entries(&request) {
            let group = entry["MessageGroupId"].as_str().unwrap().to_owned();
            let number = entry["MessageBody"].as_str().unwrap().parse().unwrap();
            came.entry(group)
                .or_default()
                .push((shard(&request), number));
        }
    }
    assert_eq!(came.values().map(Vec::len).sum::<usize>(), 60);
    for (group, sent) in came {
        assert!(
            sent.iter().all(|(shard, _)| *shard == sent[0].0),
            "{group}: {sent:?}"
        );
        assert!(
            sent.is_sorted_by_key(|(_, number)| *number),
            "{group}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn messages_without_a_key_fill_a_call_and_go_everywhere() {
    let canned = Canned::new(|operation, body| match operation {
        "ListQueueTags" => Answer::Json(json!({ "Tags": { "relayhouse-shards": "4" } })),
        _ => take_all(body),
    });
    let sqs = canned.sqs();
    let sender = sqs.sender(&"orders-0..3".parse().unwrap()).await.unwrap();
    let mut batch: Vec<_> = (0..40).map(|_| Sending::new(Message::new("x"))).collect();
    sender.send(&mut batch).await.unwrap();
    let requests = canned.requests("SendMessageBatch");
    let mut urls: Vec<_> = requests
        .iter()
        .map(|it| it["QueueUrl"].to_string())
        .collect();
    urls.sort();
    urls.dedup();
    assert_eq!((requests.len(), urls.len()), (4, 4));
    assert!(requests.iter().all(|request| entries(request).len() == 10));
}

#[tokio::test]
async fn a_queue_that_fails_fails_its_own_messages() {
    let canned = Canned::new(|operation, body| match operation {
        "ListQueueTags" => Answer::Json(json!({ "Tags": { "relayhouse-shards": "4" } })),
        "SendMessageBatch" if shard(body) == 1 => Answer::Broken,
        _ => take_all(body),
    });
    let sender = sender(&canned).await;
    // "customer-7" belongs to the queue 1 of 4, "a" to the queue 0.
    let message = |key: &str| Sending::new(Message::new("x").ordering_key(key.to_owned()));
    let mut batch = ["a", "customer-7", "a"].map(message);
    sender.send(&mut batch).await.unwrap();
    let kinds = batch.map(|item| item.outcome.error().map(relayhouse_core::Error::kind));
    assert_eq!(kinds, [None, Some(ErrorKind::OutcomeUnknown), None]);
}

/// Returns true if the request waits for messages.
fn waits(body: &Value) -> bool {
    body["WaitTimeSeconds"] != 0
}

/// Lets 20 seconds pass when all four queues wait.
async fn idle(canned: &Canned) {
    while canned.clock.sleepers() < 8 {
        tokio::task::yield_now().await;
    }
    canned.clock.advance(20 * SECOND);
}

#[tokio::test]
async fn a_queue_with_messages_does_not_wait_for_those_without() {
    let mut polls = 0;
    let canned = canned(move |shard, body| {
        if !waits(body) {
            return messages(&[]);
        }
        polls += 1;
        match (polls, shard) {
            (..=4, _) => Answer::After(20 * SECOND, json!({})),
            (_, 2) => messages(&["x"]),
            _ => Answer::Silent,
        }
    });
    let receiver = receiver(&canned).await;
    let (came, ()) = join(receive(&*receiver, 10, 20 * SECOND), idle(&canned)).await;
    assert!(came.is_empty());
    let came = receive(&*receiver, 10, 20 * SECOND).await;
    assert_eq!(bodies(&came), [b"x"]);
    assert_eq!(canned.requests("ReceiveMessage").len(), 4 + 4 + 4);
}

#[tokio::test]
async fn a_busy_queue_is_looked_at_alone() {
    let canned = canned(|shard, _| messages(if shard == 2 { &["x"] } else { &[] }));
    let receiver = receiver(&canned).await;
    for _ in 0..3 {
        let came = receive(&*receiver, 10, 20 * SECOND).await;
        assert_eq!(bodies(&came), [b"x"]);
    }
    let requests = canned.requests("ReceiveMessage");
    assert!(!requests.iter().any(waits));
    // The first looks until it finds the busy one.
    assert_eq!(requests.len(), 3 + 2);
}

#[tokio::test]
async fn queues_that_wait_bring_no_more_than_was_asked_for() {
    let canned = canned(|shard, body| {
        if !waits(body) {
            return messages(&[]);
        }
        let asked = body["MaxNumberOfMessages"].as_u64().unwrap();
        let all = [
            ["a", "b", "c"],
            ["d", "e", "f"],
            ["g", "h", "i"],
            ["j", "k", "l"],
        ][shard];
        messages(&all[..3.min(usize::try_from(asked).unwrap())])
    });
    let receiver = receiver(&canned).await;
    for max in [1, 2, 5, 9, 10] {
        canned.clock.advance(Duration::from_secs(60));
        let came = receive(&*receiver, max, 20 * SECOND).await;
        assert!(
            !came.is_empty() && came.len() <= max as usize,
            "{max}: {}",
            came.len()
        );
    }
}

#[tokio::test]
async fn busy_queues_take_turns_and_none_starves() {
    let mut left = [100, 100, 0, 0];
    let canned = canned(move |shard, _| {
        // The last gets one message in the middle of the work of the others.
        let late = left[0] + left[1] == 140;
        left[3] += usize::from(late);
        match left[shard] {
            0 => messages(&[]),
            _ => {
                left[shard] -= 1;
                messages(&[["a", "b", "c", "late"][shard]])
            }
        }
    });
    let receiver = receiver(&canned).await;
    let mut came = Vec::new();
    for _ in 0..150 {
        for delivery in receive(&*receiver, 10, 20 * SECOND).await {
            came.push(delivery.message.body.to_vec());
        }
        canned.clock.advance(SECOND / 10);
    }
    let late = came.iter().position(|body| body == b"late").unwrap();
    assert!(late < 60 + 15, "it came after {late} others");
    // The second queue is found within a second, which is ten receives here.
    let shared = &came[12..52];
    let of_a = shared.iter().filter(|body| *body == b"a").count();
    assert!((18..=22).contains(&of_a), "{of_a} of 40");
}

#[tokio::test]
async fn idle_queues_cost_one_poll_each() {
    let canned = canned(|_, body| match waits(body) {
        true => Answer::After(20 * SECOND, json!({})),
        false => messages(&[]),
    });
    let receiver = receiver(&canned).await;
    for _ in 0..3 {
        let (came, ()) = join(receive(&*receiver, 10, 20 * SECOND), idle(&canned)).await;
        assert!(came.is_empty());
    }
    let requests = canned.requests("ReceiveMessage");
    assert_eq!(requests.iter().filter(|it| waits(it)).count(), 3 * 4);
    assert_eq!(requests.len(), 3 * 4 + 4, "all were looked at once");
}

#[tokio::test]
async fn settles_go_back_to_the_queue_they_came_from() {
    let canned = canned(|shard, _| messages(&[["a", "b", "c", "d"][shard]]));
    let receiver = receiver(&canned).await;
    let mut came = Vec::new();
    while came.len() < 4 {
        came.extend(receive(&*receiver, 1, Duration::ZERO).await);
    }
    let mut extends: Vec<_> = came
        .iter()
        .map(|it| Extending::new(it.receipt.clone()))
        .collect();
    receiver.extend(&mut extends, SECOND).await.unwrap();
    assert!(extends.iter().all(|item| item.outcome.is_done()));

    let mut batch: Vec<_> = came
        .iter()
        .map(|it| Settling::new(it.clone(), Settlement::Ack))
        .collect();
    batch.push(Settling::new(came[0].clone(), Settlement::Ack));
    receiver.settle(&mut batch).await.unwrap();
    for (item, delivery) in batch.iter().zip(&came) {
        assert!(item.outcome.is_done());
        assert_eq!(item.delivery.receipt, delivery.receipt);
    }
    let twice = batch[4].outcome.error().unwrap();
    assert_eq!(twice.kind(), ErrorKind::LeaseLost);
    let deletes = canned.requests("DeleteMessageBatch");
    assert_eq!(deletes.len(), 4);
    for delete in deletes {
        let handle = ["handle-a", "handle-b", "handle-c", "handle-d"][shard(&delete)];
        assert_eq!(entries(&delete)[0]["ReceiptHandle"], handle);
    }
}

#[tokio::test]
async fn one_receive_waits_and_the_others_wait_for_it() {
    let canned = canned(|_, body| match waits(body) {
        true => Answer::Silent,
        false => messages(&[]),
    });
    let receiver = receiver(&canned).await;
    let mut first = Box::pin(receive(&*receiver, 10, 20 * SECOND));
    let mut second = Box::pin(receive(&*receiver, 10, 5 * SECOND));
    let polls = async |count: usize, receive: &mut (dyn Future<Output = _> + Unpin)| {
        while canned.requests("ReceiveMessage").len() < count {
            assert!((&mut *receive).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    };
    polls(4 + 4, &mut first).await;
    polls(4 + 4 + 4, &mut second).await;
    assert!((&mut second).now_or_never().is_none());
    canned.clock.advance(5 * SECOND);
    assert!(second.await.is_empty());
    let close = async { receiver.close().await.unwrap() };
    let (came, ()) = join(first, close).await;
    assert!(came.is_empty());
    assert_eq!(canned.requests("ReceiveMessage").len(), 4 + 4 + 4);
}

fn tagged(tag: &'static str, counts: &'static [u64]) -> Canned {
    Canned::new(move |operation, body| match operation {
        "ListQueueTags" => Answer::Json(json!({ "Tags": { "relayhouse-shards": tag } })),
        "GetQueueAttributes" => {
            let is_dead = body["QueueUrl"].as_str().unwrap().contains("-dead");
            let count = if is_dead {
                None
            } else {
                counts.get(shard(body))
            };
            let count = count.copied().unwrap_or(0);
            Answer::Json(json!({ "Attributes": {
                "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:orders-dead.fifo",
                "ApproximateNumberOfMessages": count.to_string(),
            }}))
        }
        "CreateQueue" => {
            Answer::Json(json!({ "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q" }))
        }
        _ => Answer::Json(json!({})),
    })
}

#[tokio::test]
async fn another_number_is_refused_when_a_queue_is_opened() {
    let canned = tagged("8", &[]);
    let error = canned
        .sqs()
        .sender(&NAME.parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueConflict);
    assert!(error.to_string().contains("8 queues"), "{error}");
    let canned = tagged("no number", &[0, 0, 0, 0, 3]);
    let error = canned
        .sqs()
        .sender(&NAME.parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueConflict);
    assert!(error.to_string().contains("orders-4.fifo"), "{error}");
}

#[tokio::test]
async fn another_number_is_made_when_nothing_is_left() {
    for (counts, is_made) in [(&[0, 0, 0, 0, 0, 0, 0, 1][..], false), (&[][..], true)] {
        let canned = tagged("8", counts);
        let entity = Entity::Queue(NAME.parse().unwrap());
        let admin = canned.sqs().admin().unwrap();
        let created = admin.create(&entity, &QueueConfig::default()).await;
        assert_eq!(created.is_ok(), is_made, "{created:?}");
        let tags = canned.requests("TagQueue");
        assert_eq!(tags.len(), usize::from(is_made));
        assert!(
            tags.iter()
                .all(|it| it["Tags"]["relayhouse-shards"] == "4" && shard(it) == 0)
        );
        let created = canned.requests("CreateQueue").len();
        assert_eq!(created, if is_made { 8 } else { 0 });
    }
}

#[tokio::test]
async fn a_list_names_the_queues_and_what_they_are_together() {
    let canned = Canned::new(|operation, body| match operation {
        "ListQueues" => {
            let names = ["orders-0.fifo", "orders-1.fifo", "returns", "v2-0"];
            let urls = names.map(|name| format!("https://sqs.eu-west-1.amazonaws.com/1/{name}"));
            Answer::Json(json!({ "QueueUrls": urls }))
        }
        _ if body["QueueUrl"].as_str().unwrap().ends_with(".fifo") => {
            Answer::Json(json!({ "Tags": { "relayhouse-shards": "2" } }))
        }
        _ => Answer::Json(json!({})),
    });
    let page = canned.sqs().admin().unwrap().list(None).await.unwrap();
    let names: Vec<_> = page.entities.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "orders-0.fifo",
            "orders-1.fifo",
            "returns",
            "v2-0",
            "orders-0..1.fifo"
        ]
    );
    assert_eq!(canned.requests("ListQueueTags").len(), 2);
}

#[tokio::test]
async fn a_tag_that_may_not_be_read_is_none() {
    let canned = Canned::new(|operation, _| match operation {
        "ListQueueTags" => Answer::Refused {
            status: 403,
            code: "AccessDenied",
            text: "no",
        },
        _ => attributes(),
    });
    assert!(canned.sqs().sender(&NAME.parse().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_lost_receipt_of_another_receiver_is_refused() {
    let canned = canned(|_, _| messages(&["x"]));
    let receiver = receiver(&canned).await;
    let mut delivery = receive(&*receiver, 1, Duration::ZERO).await.remove(0);
    for receipt in ["no mark", "9:handle-x", "x:handle-x"] {
        delivery.receipt = relayhouse_core::Receipt::from_text(receipt);
        let mut batch = [Settling::new(delivery.clone(), Settlement::Ack)];
        receiver.settle(&mut batch).await.unwrap();
        let Outcome::Failed(error) = &batch[0].outcome else {
            panic!("{receipt} was settled");
        };
        assert_eq!(error.kind(), ErrorKind::LeaseLost);
    }
}

#[tokio::test]
async fn a_queue_that_fails_keeps_back_nothing_that_others_brought() {
    let canned = canned(|shard, body| match (shard, body["WaitTimeSeconds"] == 0) {
        (_, true) => messages(&[]),
        (0, _) => messages(&["a"]),
        (1, _) => Answer::Refused {
            status: 403,
            code: "AccessDenied",
            text: "no",
        },
        (2, _) => messages(&["b"]),
        _ => messages(&["c"]),
    });
    let receiver = receiver(&canned).await;
    let came = receive(&*receiver, 10, 5 * SECOND).await;
    assert_eq!(bodies(&came), [b"a", b"b", b"c"]);
}

#[tokio::test]
async fn a_queue_that_fails_beside_a_busy_one_is_told() {
    let canned = canned(|shard, _| match shard {
        1 => messages(&["x"]),
        2 => Answer::Refused {
            status: 403,
            code: "AccessDenied",
            text: "no",
        },
        _ => messages(&[]),
    });
    let receiver = receiver(&canned).await;
    let request = ReceiveRequest::ONE.wait(20 * SECOND);
    let mut into = Vec::new();
    let told = async {
        for receives in 1..10 {
            canned.clock.advance(SECOND);
            if let Err(error) = receiver.receive(request, &mut into).await {
                return Some((receives, error.kind()));
            }
        }
        None
    };
    let (receives, kind) = told.await.unwrap();
    assert_eq!(kind, ErrorKind::Unauthorized);
    assert_eq!(into.len(), receives - 1, "every other one brings a message");
    // Nothing is lost by it.
    receiver.receive(request, &mut into).await.unwrap();
    assert_eq!(into.len(), receives);
}
