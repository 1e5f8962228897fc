//! The adapter against a broker that is written by hand, and decides as each test has it.
#![cfg(test)]

mod admin;
mod broker;
#[cfg(all(feature = "entra", feature = "websockets"))]
mod entra;
mod extras;
#[cfg(feature = "websockets")]
mod fronts;
mod http;
mod links;
mod sends;
mod sessions;
#[cfg(feature = "websockets")]
mod ways;

use std::{future::poll_fn, num::NonZeroU32, sync::Arc, task::Poll, time::Duration};

use relayhouse_core::{
    Delivery, ErrorKind, Extending, Message, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_servicebus::ServiceBus;

use self::broker::{Broker, LOCK_LOST, Script, Verdict, until};

fn provider(broker: &Broker) -> ServiceBus {
    ServiceBus::builder(relayhouse_time::context().unwrap())
        .connection_string(broker.connection_string())
        .build()
        .unwrap()
}

async fn receiver(servicebus: &ServiceBus) -> Arc<dyn Receiver> {
    let source: Source = "orders".parse().unwrap();
    let receiver = servicebus
        .receiver(&source, ReceiverOptions::default())
        .await;
    receiver.unwrap()
}

async fn sender(servicebus: &ServiceBus) -> Arc<dyn Sender> {
    servicebus.sender(&"orders".parse().unwrap()).await.unwrap()
}

fn up_to(count: u32) -> ReceiveRequest {
    let count = NonZeroU32::new(count).unwrap();
    ReceiveRequest::up_to(count).wait(Duration::from_secs(5))
}

async fn receive(receiver: &dyn Receiver, count: u32) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    receiver
        .receive(up_to(count), &mut deliveries)
        .await
        .unwrap();
    deliveries
}

async fn settle(
    receiver: &dyn Receiver,
    deliveries: Vec<Delivery>,
    settlement: &Settlement,
) -> Vec<Option<ErrorKind>> {
    let mut batch: Vec<Settling> = deliveries
        .into_iter()
        .map(|delivery| Settling::new(delivery, settlement.clone()))
        .collect();
    receiver.settle(&mut batch).await.unwrap();
    batch
        .iter()
        .map(|item| {
            assert!(!item.outcome.is_pending());
            item.outcome.error().map(relayhouse_core::Error::kind)
        })
        .collect()
}

fn queue(bodies: &[&'static str]) -> Script {
    Script {
        queue: bodies.iter().copied().collect(),
        ..Script::default()
    }
}

/// The client library says yes to both acks; the broker to one.
#[tokio::test]
async fn an_ack_is_done_only_if_the_broker_says_so() {
    let broker = Broker::start(Script {
        verdicts: [Verdict::Agree, Verdict::LockLost, Verdict::Agree].into(),
        ..queue(&["one", "two", "three"])
    })
    .await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let mut deliveries = Vec::new();
    while deliveries.len() < 3 {
        deliveries.extend(receive(&*receiver, 3).await);
    }
    let again = deliveries.clone();
    let kinds = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(kinds, [None, Some(ErrorKind::LeaseLost), None]);
    let kinds = settle(&*receiver, again, &Settlement::Ack).await;
    assert_eq!(kinds, [Some(ErrorKind::LeaseLost); 3]);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn every_settlement_is_confirmed_in_its_own_way() {
    let broker = Broker::start(queue(&["one", "two", "three"])).await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let settlements = [
        Settlement::Ack,
        Settlement::RELEASE,
        Settlement::dead_letter("rejected", "why"),
    ];
    for settlement in settlements {
        let deliveries = receive(&*receiver, 1).await;
        assert_eq!(deliveries.len(), 1);
        assert_eq!(settle(&*receiver, deliveries, &settlement).await, [None]);
    }
    assert_eq!(broker.script.lock().unwrap().settled.len(), 3);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_receive_returns_what_is_there() {
    let broker = Broker::start(queue(&["one", "two"])).await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let clock = relayhouse_time::context().unwrap().clock;
    let started = clock.now();
    let mut deliveries = receive(&*receiver, 10).await;
    if deliveries.len() < 2 {
        deliveries.extend(receive(&*receiver, 10).await);
    }
    let bodies: Vec<_> = deliveries.iter().map(|it| &it.message.body[..]).collect();
    assert_eq!(bodies, [&b"one"[..], b"two"]);
    assert!(clock.now().since(started) < Duration::from_secs(4));
    let sequences: Vec<_> = deliveries.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [Some(1), Some(2)]);
    let credits = broker.script.lock().unwrap().credits.clone();
    assert!(credits.iter().all(|credit| *credit <= 10), "{credits:?}");
    servicebus.close().await.unwrap();
}

/// What comes in while nobody waits any more is there for the next receive.
#[tokio::test]
async fn a_receive_that_is_dropped_loses_nothing() {
    let broker = Broker::start(queue(&["one"])).await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let mut nothing = Vec::new();
    {
        let receiving = receiver.receive(up_to(1), &mut nothing);
        tokio::pin!(receiving);
        // The order for credit is given, and no answer is waited for.
        let polled = poll_fn(|context| Poll::Ready(receiving.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    }
    assert!(nothing.is_empty());
    let deliveries = receive(&*receiver, 1).await;
    assert_eq!(&deliveries[0].message.body[..], b"one");
    servicebus.close().await.unwrap();
}

/// The locks of a link end with it: its deliveries are lost, and the next receive attaches anew.
#[tokio::test]
async fn a_link_that_ends_loses_its_deliveries_and_comes_back() {
    let broker = Broker::start(Script {
        verdicts: [Verdict::Detach].into(),
        ..queue(&["one", "two"])
    })
    .await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let mut deliveries = Vec::new();
    while deliveries.len() < 2 {
        deliveries.extend(receive(&*receiver, 2).await);
    }
    let second = deliveries.split_off(1);
    let kinds = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(kinds, [Some(ErrorKind::OutcomeUnknown)]);
    let mut lost = Vec::new();
    receiver.lost(&mut lost).await;
    assert_eq!(lost, [second[0].receipt.clone()]);
    let kinds = settle(&*receiver, second, &Settlement::Ack).await;
    assert_eq!(kinds, [Some(ErrorKind::LeaseLost)]);
    broker.script.lock().unwrap().queue.push_back("three");
    let mut deliveries = Vec::new();
    // The first receive may tell that the link had ended.
    if receiver.receive(up_to(1), &mut deliveries).await.is_err() {
        deliveries = receive(&*receiver, 1).await;
    }
    assert_eq!(&deliveries[0].message.body[..], b"three");
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_settlements_unknown_and_comes_back() {
    let broker = Broker::start(Script {
        verdicts: [Verdict::Cut].into(),
        ..queue(&["one"])
    })
    .await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let deliveries = receive(&*receiver, 1).await;
    let kinds = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(kinds, [Some(ErrorKind::OutcomeUnknown)]);
    broker.script.lock().unwrap().queue.push_back("two");
    let mut deliveries = Vec::new();
    // The first receive may tell that the connection had ended.
    while deliveries.is_empty() {
        let _ = receiver.receive(up_to(1), &mut deliveries).await;
    }
    assert_eq!(&deliveries[0].message.body[..], b"two");
    assert_eq!(broker.script.lock().unwrap().tokens.len(), 2);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn an_extension_asks_for_each_lock_that_another_spoils() {
    let broker = Broker::start(Script {
        answers: [
            Err(LOCK_LOST),
            until("expirations", 4_000_000_000_000),
            Err(LOCK_LOST),
        ]
        .into(),
        ..queue(&["one", "two"])
    })
    .await;
    let servicebus = provider(&broker);
    let receiver = receiver(&servicebus).await;
    let mut deliveries = Vec::new();
    while deliveries.len() < 2 {
        deliveries.extend(receive(&*receiver, 2).await);
    }
    let mut batch: Vec<Extending> = deliveries
        .iter()
        .map(|delivery| Extending::new(delivery.receipt.clone()))
        .collect();
    receiver
        .extend(&mut batch, Duration::from_secs(60))
        .await
        .unwrap();
    assert!(batch[0].outcome.is_done());
    let kind = batch[1].outcome.error().map(relayhouse_core::Error::kind);
    assert_eq!(kind, Some(ErrorKind::LeaseLost));
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_told_when_it_is_opened() {
    let broker = Broker::start(Script::default()).await;
    let servicebus = provider(&broker);
    let missing: Source = "missing".parse().unwrap();
    let opened = servicebus
        .receiver(&missing, ReceiverOptions::default())
        .await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::QueueNotFound);
    let opened = servicebus.sender(&"missing".parse().unwrap()).await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::QueueNotFound);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn what_is_closed_says_so() {
    let broker = Broker::start(queue(&["one"])).await;
    let servicebus = provider(&broker);
    let (receiver, sender) = (receiver(&servicebus).await, sender(&servicebus).await);
    sender.close().await.unwrap();
    let mut batch = [Sending::new(Message::new("x"))];
    let error = sender.send(&mut batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    servicebus.close().await.unwrap();
    servicebus.close().await.unwrap();
    let mut deliveries = Vec::new();
    let error = receiver
        .receive(up_to(1), &mut deliveries)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let opened = servicebus.sender(&"orders".parse().unwrap()).await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Closed);
}
