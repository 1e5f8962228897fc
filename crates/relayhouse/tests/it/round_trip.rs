//! Values through a queue and back.

use std::sync::Arc;

use relayhouse::{DeadLetter, ErrorKind, QueueName, codec::JsonCodec, prelude::*, runtime::Report};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, ServiceExt};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    total: u64,
}

const ORDER: Order = Order { id: 7, total: 1999 };

async fn queue() -> Queue {
    relayhouse::open("memory://orders").await.unwrap()
}

/// Runs a consumer until its handler has seen `count` messages.
async fn consume(queue: &Queue, count: u32) -> Report {
    let seen = Arc::new(Semaphore::new(0));
    let handler = {
        let seen = Arc::clone(&seen);
        move |Json(order): Json<Order>, attempt: Attempt| {
            let seen = Arc::clone(&seen);
            async move {
                assert_eq!(order, ORDER);
                assert_eq!(attempt, Attempt(1));
                seen.add_permits(1);
            }
        }
    };
    let all_seen = async { seen.acquire_many(count).await.map(drop) };
    queue
        .consumer()
        .handler(handler)
        .run_until(all_seen)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn values_come_back_as_they_went() {
    let queue = queue().await;
    queue.producer().json().send(&ORDER).await.unwrap();
    queue.producer().send(Json(ORDER)).await.unwrap();
    queue
        .producer()
        .encoded_by(JsonCodec::new())
        .send(&ORDER)
        .await
        .unwrap();
    let report = consume(&queue, 3).await;
    assert_eq!((report.acked, report.failed), (3, 0));
    queue.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn message_of_a_value_can_carry_more() {
    let queue = queue().await;
    let orders = queue.producer().json();
    let message = orders
        .message(&ORDER)
        .unwrap()
        .ordering_key("7")
        .header("tenant", "acme");
    assert_eq!(
        message.details().content_type.as_deref(),
        Some("application/json")
    );
    orders.producer().send(message).await.unwrap();
    let pull = queue.consumer().pull().await.unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    assert_eq!(delivery.message.headers().text("tenant"), Some("acme"));
    pull.settle(delivery, Settlement::Ack).await.unwrap();
    pull.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn layers_fit_around_the_producer() {
    let queue = queue().await;
    let stamped = ServiceBuilder::new()
        .map_request(|message: Message| message.header("tenant", "acme"))
        .service(queue.producer());
    stamped.json().send(&ORDER).await.unwrap();
    let pull = queue.consumer().pull().await.unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    assert_eq!(delivery.message.headers().text("tenant"), Some("acme"));
    pull.close().await.unwrap();
    let sent = queue
        .producer()
        .oneshot(Message::new("plain"))
        .await
        .unwrap();
    assert!(sent.sequence.is_some());
}

#[tokio::test(start_paused = true)]
async fn body_that_cannot_be_decoded_is_dead_lettered_at_once() {
    let queue = queue().await;
    let poison = Message::new("{\"id\":secret").content_type("application/json");
    queue.producer().send(poison).await.unwrap();
    queue.producer().json().send(&ORDER).await.unwrap();
    let report = consume(&queue, 1).await;
    assert_eq!((report.acked, report.dead_lettered), (1, 1));

    let dead = queue
        .dead_letters()
        .unwrap()
        .consumer()
        .pull()
        .await
        .unwrap();
    let letter = dead.next().await.unwrap().unwrap();
    let envelope = letter.envelope.as_ref().unwrap();
    assert_eq!(envelope.attempts, 1);
    assert_eq!(envelope.dead_letter.reason, DeadLetter::NOT_DECODABLE);
    let description = &envelope.dead_letter.description;
    assert!(description.contains("line 1 column 7"), "{description}");
    assert!(!description.contains("secret"), "{description}");
    dead.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closed_queue_sends_no_more() {
    let queue = queue().await;
    queue.producer().send("hello").await.unwrap();
    queue.close().await.unwrap();
    let error = queue.producer().send("hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    queue.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn answer_goes_to_a_sibling_and_not_to_what_cannot_be_sent_to() {
    let orders = queue().await;
    let name: QueueName = "payments".parse().unwrap();
    let payments = orders.sibling(name).unwrap();
    let dead = orders.dead_letters().unwrap();
    assert_eq!(dead.output().unwrap_err().kind(), ErrorKind::Unsupported);
    orders.producer().send("7").await.unwrap();
    let paid = payments.consumer().pull().await.unwrap();
    let consumer = orders.consumer().output(payments.output().unwrap());
    let consumer =
        consumer.handler(|order: Message| async { Settlement::forward("payments", order) });
    let report = consumer.run_until(async {
        let payment = paid.next().await.unwrap().unwrap();
        assert_eq!(payment.message.body, "7");
        paid.settle(payment, Settlement::Ack).await.unwrap();
    });
    assert_eq!(report.await.unwrap().acked, 1);
    paid.close().await.unwrap();
}
