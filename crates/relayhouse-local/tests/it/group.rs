//! Calls at the same time, and what bounds them.

use std::{collections::BTreeSet, sync::Arc};

use relayhouse_core::{Message, Sending, port::Provider};
use tokio::task::JoinSet;

use crate::support::{Place, bodies, receive, receiver, send, sender};

/// More sends at the same time than calls may wait are all taken, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sends_than_places_are_all_taken() {
    const SENDS: usize = 3000;
    let place = Place::new();
    let local = place.open();
    let (sender, receiver) = (sender(&local, "q").await, receiver(&local, "q").await);
    let mut sends = JoinSet::new();
    for number in 0..SENDS {
        let sender = Arc::clone(&sender);
        sends.spawn(async move { send(&*sender, &number.to_string()).await });
    }
    while let Some(sent) = sends.join_next().await {
        sent.unwrap().unwrap();
    }
    let mut came = BTreeSet::new();
    while came.len() < SENDS {
        came.extend(bodies(&receive(&*receiver, 500).await));
    }
    assert_eq!(came.len(), SENDS);
}

/// A batch larger than all that may wait goes in alone.
#[tokio::test]
async fn batch_beyond_the_bounds_goes_in_alone() {
    let place = Place::new();
    let local = place.open();
    let (sender, receiver) = (sender(&local, "q").await, receiver(&local, "q").await);
    let large = || Sending::new(Message::new(vec![b'x'; 6 << 20]));
    let mut batch = [large(), large(), large(), large()];
    sender.send(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
    assert_eq!(receive(&*receiver, 4).await.len(), 4);
}

/// What a dropped sender was asked for is there after the last handle is gone.
#[tokio::test]
async fn last_handle_can_go_without_a_close() {
    let place = Place::new();
    let local = place.open();
    let sender = sender(&local, "q").await;
    send(&*sender, "kept").await.unwrap();
    drop((sender, local));
    let local = place.open();
    let receiver = receiver(&local, "q").await;
    assert_eq!(bodies(&receive(&*receiver, 1).await), ["kept"]);
    local.close().await.unwrap();
    assert_eq!(local.pending(), 0);
}
