//! Sends to a full queue.

use std::num::NonZeroU64;

use relayhouse_core::port::Provider;
use relayhouse_local::Full;

use crate::support::{Place, ack, bodies, receive, receiver, send, sender};

/// Sends that wait go in in the order of their arrival, as room comes.
#[tokio::test]
async fn sends_wait_in_the_order_of_arrival() {
    let place = Place::new();
    let one = NonZeroU64::MIN;
    let local = place.builder().messages_max(one).build().unwrap();
    let (sender, receiver) = (sender(&local, "q").await, receiver(&local, "q").await);
    send(&*sender, "0").await.unwrap();
    let names: Vec<String> = (1..20).map(|number| number.to_string()).collect();
    let mut sends = tokio::task::JoinSet::new();
    for name in names.clone() {
        let sender = std::sync::Arc::clone(&sender);
        sends.spawn(async move { send(&*sender, &name).await });
        // Each has its place before the next one comes.
        tokio::task::yield_now().await;
    }
    let mut came = Vec::new();
    for _ in 0..20 {
        let mut deliveries = receive(&*receiver, 1).await;
        came.extend(bodies(&deliveries));
        ack(&*receiver, deliveries.pop().unwrap()).await.unwrap();
    }
    let expected: Vec<String> = std::iter::once("0".to_owned()).chain(names).collect();
    assert_eq!(came, expected);
    while let Some(sent) = sends.join_next().await {
        sent.unwrap().unwrap();
    }
    local.close().await.unwrap();
}

/// A send that waits is let in by a process that makes room: here, by another open directory.
#[tokio::test]
async fn room_made_elsewhere_lets_a_send_in() {
    let place = Place::new();
    let local = place
        .builder()
        .messages_max(NonZeroU64::MIN)
        .build()
        .unwrap();
    let sender = sender(&local, "q").await;
    send(&*sender, "0").await.unwrap();
    let elsewhere = place.open();
    let receiver = receiver(&elsewhere, "q").await;
    let make_room = async {
        let mut deliveries = receive(&*receiver, 1).await;
        ack(&*receiver, deliveries.pop().unwrap()).await
    };
    let (sent, made) = tokio::join!(send(&*sender, "1"), make_room);
    sent.unwrap();
    made.unwrap();
    assert_eq!(bodies(&receive(&*receiver, 1).await), ["1"]);
}

/// What fits goes in, and the rest fails for good.
#[tokio::test]
async fn shed_load_fails_for_good() {
    let place = Place::new();
    let builder = place.builder().messages_max(NonZeroU64::MIN);
    let local = builder.full(Full::Shed).build().unwrap();
    let sender = sender(&local, "q").await;
    send(&*sender, "0").await.unwrap();
    let error = send(&*sender, "1").await.unwrap_err();
    assert_eq!(error.kind(), relayhouse_core::ErrorKind::Full);
    assert!(error.is_permanent());
}
