//! Links and connections: kept by tasks, made again after they broke, and given up to others.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Context, ErrorKind, Extending, Message, SeededRandom, Sending, Settlement, Timestamp,
    port::{Provider, ReceiveRequest},
};
use relayhouse_servicebus::ServiceBus;
use relayhouse_testkit::clock::ManualClock;

use crate::{
    broker::{Broker, Script, Verdict, until},
    queue, receive, receiver, sender, settle, up_to,
};

/// How often others run before a broker on this machine has answered.
const TURNS: u32 = 10_000;

fn provider(broker: &Broker, clock: &ManualClock) -> ServiceBus {
    let random = Arc::new(SeededRandom::new(7));
    let context = Context::new(Arc::new(clock.clone()), random);
    ServiceBus::builder(context)
        .connection_string(broker.connection_string())
        .build()
        .unwrap()
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000))
}

/// Lets others run until `is_so`.
async fn wait_for(is_so: impl Fn() -> bool) {
    for _ in 0..TURNS {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it did not come to that");
}

/// A token is renewed before it ends, for as long as somebody is at the entity, whatever it waits
/// for.
#[tokio::test]
async fn a_token_is_renewed_while_a_receive_waits() {
    let broker = Broker::start(Script::default()).await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let receiver = receiver(&servicebus).await;
    let tokens = || broker.script.lock().unwrap().tokens.clone();
    assert_eq!(tokens().len(), 1);
    let mut deliveries = Vec::new();
    let waiting = ReceiveRequest::ONE.wait(Duration::from_secs(60));
    {
        let mut receiving = std::pin::pin!(receiver.receive(waiting, &mut deliveries));
        assert!(futures_util::poll!(receiving.as_mut()).is_pending());
        clock.advance(relayhouse_servicebus::LIFETIME - Duration::from_secs(299));
        wait_for(|| tokens().len() == 2).await;
    }
    let tokens = tokens();
    assert_ne!(tokens[0], tokens[1]);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_token_of_which_nobody_makes_use_is_left_to_end() {
    let broker = Broker::start(Script::default()).await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let receiver = receiver(&servicebus).await;
    let sender = servicebus.sender(&"other".parse().unwrap()).await.unwrap();
    receiver.close().await.unwrap();
    clock.advance(relayhouse_servicebus::LIFETIME - Duration::from_secs(299));
    wait_for(|| broker.script.lock().unwrap().tokens.len() == 3).await;
    let tokens = broker.script.lock().unwrap().tokens.clone();
    assert!(tokens[2].contains("other"), "{tokens:?}");
    sender.close().await.unwrap();
    servicebus.close().await.unwrap();
}

/// A link that ends again and again is not attached again at once.
#[tokio::test]
async fn a_link_that_ended_is_attached_again_after_a_wait() {
    let broker = Broker::start(Script {
        verdicts: [Verdict::Detach].into(),
        ..queue(&["one", "two"])
    })
    .await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let receiver = receiver(&servicebus).await;
    let deliveries = receive(&*receiver, 1).await;
    let outcomes = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::OutcomeUnknown)]);
    let mut deliveries = Vec::new();
    {
        let mut receiving = std::pin::pin!(receiver.receive(up_to(1), &mut deliveries));
        for _ in 0..TURNS {
            assert!(futures_util::poll!(receiving.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        // The first wait is at most this long.
        clock.advance(Duration::from_millis(100));
        receiving.await.unwrap();
    }
    assert_eq!(deliveries.len(), 1);
    servicebus.close().await.unwrap();
}

/// What nobody settled, nor extended, is not kept for ever.
#[tokio::test]
async fn a_delivery_is_forgotten_long_after_its_lock() {
    let locked_until = 1_700_000_030_000;
    let broker = Broker::start(Script {
        answers: [until("expirations", locked_until)].into(),
        ..queue(&["one"])
    })
    .await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let receiver = receiver(&servicebus).await;
    let deliveries = receive(&*receiver, 1).await;
    let mut batch = [Extending::new(deliveries[0].receipt.clone())];
    receiver
        .extend(&mut batch, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(batch[0].outcome.is_done());
    let settled = || broker.script.lock().unwrap().settled.len();
    for (time, is_forgotten) in [(30, false), (59, false), (3, true)] {
        clock.advance(Duration::from_secs(time));
        broker.script.lock().unwrap().queue.push_back("next");
        let others = receive(&*receiver, 1).await;
        assert_eq!(others.len(), 1);
        wait_for(|| settled() == usize::from(is_forgotten)).await;
    }
    let outcomes = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::LeaseLost)]);
    servicebus.close().await.unwrap();
}

/// What came for a receive that has ended goes back, if no other receive asks for it.
#[tokio::test]
async fn what_nobody_asks_for_any_more_goes_back() {
    let broker = Broker::start(queue(&["one", "two"])).await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let receiver = receiver(&servicebus).await;
    let mut deliveries = Vec::new();
    {
        let mut receiving = std::pin::pin!(receiver.receive(up_to(2), &mut deliveries));
        assert!(futures_util::poll!(receiving.as_mut()).is_pending());
        wait_for(|| broker.script.lock().unwrap().queue.is_empty()).await;
    }
    let settled = || broker.script.lock().unwrap().settled.len();
    wait_for(|| {
        clock.advance(Duration::from_millis(1));
        settled() == 2
    })
    .await;
    servicebus.close().await.unwrap();
}

/// A sender that is closed waits for what is under way.
#[tokio::test]
async fn what_is_closed_ends_its_sends_first() {
    let broker = Broker::start(Script::default()).await;
    let clock = clock();
    let servicebus = provider(&broker, &clock);
    let sender = sender(&servicebus).await;
    let mut batch = [Sending::new(Message::new("one"))];
    let sending = sender.send(&mut batch);
    let (sent, closed) = futures_util::future::join(sending, sender.close()).await;
    sent.unwrap();
    closed.unwrap();
    assert!(batch[0].outcome.is_done());
    servicebus.close().await.unwrap();
}
