//! What messages belong to, inside and outside of handlers.

use std::sync::{Arc, Mutex};

use relayhouse_core::{Delivery, Error, Instant, Message, Sent, Settlement};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::{CAUSATION_ID, CorrelationLayer, carry};
use crate::{
    sync::lock,
    testing::{context, delivery},
};

type Outbox = Arc<Mutex<Vec<Message>>>;

fn producer(
    layer: &CorrelationLayer,
    outbox: &Outbox,
) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<> {
    let outbox = Arc::clone(outbox);
    layer.layer(service_fn(move |message: Message| {
        lock(&outbox).push(message);
        async { Ok::<_, Error>(Sent::default()) }
    }))
}

fn marks(message: &Message) -> (Option<&str>, Option<&str>) {
    let correlation = message.details().correlation_id.as_deref();
    (correlation, message.headers().text(CAUSATION_ID))
}

#[tokio::test]
async fn message_outside_a_handler_begins_an_exchange() {
    let layer = CorrelationLayer::new(&context());
    let outbox = Outbox::default();
    let mut producer = producer(&layer, &outbox);
    producer.call(Message::new("")).await.unwrap();
    producer.call(Message::new("")).await.unwrap();
    let own = Message::new("").correlation_id("7");
    producer.call(own.clone()).await.unwrap();
    let sent = lock(&outbox);
    let (first, cause) = marks(&sent[0]);
    assert_eq!(first.unwrap().len(), 32);
    assert_eq!(cause, None);
    assert_ne!(marks(&sent[1]).0, first);
    assert_eq!(sent[2], own);
}

/// What a handler sends, after a wait and in what it spawns and carries, belongs to what it
/// handles.
#[tokio::test]
async fn sends_of_a_handler_belong_to_what_it_handles() {
    let layer = CorrelationLayer::new(&context());
    let outbox = Outbox::default();
    let producer = producer(&layer, &outbox);
    let handler = service_fn(move |_: Delivery| {
        let [mut direct, mut carried, mut spawned] = [(); 3].map(|()| producer.clone());
        async move {
            tokio::task::yield_now().await;
            direct.call(Message::new("direct")).await?;
            let carried = carry(async move { carried.call(Message::new("carried")).await });
            tokio::spawn(carried).await.unwrap()?;
            let spawned = async move { spawned.call(Message::new("spawned")).await };
            tokio::spawn(spawned).await.unwrap()?;
            Ok::<_, Error>(Settlement::Ack)
        }
    });
    let mut handled = delivery("order-7", 1, Instant::NEVER);
    handled.message = handled.message.correlation_id("exchange");
    layer.layer(handler).oneshot(handled).await.unwrap();
    let sent = lock(&outbox);
    for message in &sent[..2] {
        assert_eq!(marks(message), (Some("exchange"), Some("order-7")));
    }
    assert_eq!(sent[2].body, "spawned");
    assert_ne!(marks(&sent[2]).0, Some("exchange"));
}

#[tokio::test]
async fn delivery_without_a_correlation_begins_one_by_its_id() {
    let layer = CorrelationLayer::new(&context());
    let outbox = Outbox::default();
    let producer = producer(&layer, &outbox);
    let handler = layer.layer(service_fn(move |_: Delivery| {
        let own = Message::new("").header(CAUSATION_ID, "own");
        let sends = [Message::new(""), own].map(|message| producer.clone().call(message));
        async move {
            for send in sends {
                send.await?;
            }
            Ok::<_, Error>(Settlement::Ack)
        }
    }));
    let handled = delivery("order-7", 1, Instant::NEVER);
    handler.oneshot(handled).await.unwrap();
    let sent = lock(&outbox);
    assert_eq!(marks(&sent[0]), (Some("order-7"), Some("order-7")));
    assert_eq!(marks(&sent[1]), (Some("order-7"), Some("own")));
}

/// A batch has a correlation if all of it has the same, and no single cause.
#[tokio::test]
async fn batch_belongs_to_what_its_deliveries_have_in_common() {
    let layer = CorrelationLayer::new(&context());
    let outbox = Outbox::default();
    let producer = producer(&layer, &outbox);
    let mut handler = layer.layer(service_fn(move |_: Vec<Delivery>| {
        let send = producer.clone().call(Message::new(""));
        async move { send.await.map(|_| ()) }
    }));
    let of = |id: &str, exchange: &'static str| {
        let mut delivery = delivery(id, 1, Instant::NEVER);
        delivery.message = delivery.message.correlation_id(exchange);
        delivery
    };
    handler
        .call(vec![of("1", "a"), of("2", "a")])
        .await
        .unwrap();
    handler
        .call(vec![of("1", "a"), of("2", "b")])
        .await
        .unwrap();
    let sent = lock(&outbox);
    assert_eq!(marks(&sent[0]), (Some("a"), None));
    let (mixed, cause) = marks(&sent[1]);
    assert!(mixed != Some("a") && mixed != Some("b"));
    assert_eq!(cause, None);
}
