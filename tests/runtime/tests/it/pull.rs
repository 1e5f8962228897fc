//! Taking deliveries one by one.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{ErrorKind, Settlement};

use crate::fixture::{Fixture, LEASE, text};

#[tokio::test(start_paused = true)]
async fn deliveries_are_taken_and_settled_by_hand() {
    let fixture = Fixture::new();
    fixture.send(["a", "b"]).await;
    let pull = fixture.consumer().pull().await.unwrap();
    let first = pull.next().await.unwrap().unwrap();
    let second = pull.next().await.unwrap().unwrap();
    assert_eq!(
        (text(&first.message), text(&second.message)),
        ("a".into(), "b".into())
    );
    pull.settle(first, Settlement::Ack).await.unwrap();
    pull.settle(second, Settlement::RELEASE).await.unwrap();
    let again = pull.next().await.unwrap().unwrap();
    assert_eq!((text(&again.message), again.attempt), ("b".into(), 2));
    pull.settle(again, Settlement::Ack).await.unwrap();
    assert!(pull.next().await.unwrap().is_none(), "nothing came in time");
    pull.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_than_is_wanted() {
    let fixture = Fixture::new();
    fixture.send((0..5).map(|number| number.to_string())).await;
    let pull = fixture.consumer().pull().await.unwrap();
    for wanted in [2, 1] {
        let wanted = NonZeroU32::new(wanted).unwrap();
        let delivery = pull.next_up_to(wanted).await.unwrap().unwrap();
        pull.settle(delivery, Settlement::Ack).await.unwrap();
    }
    let stats = fixture.stats().await;
    assert_eq!((stats.ready, stats.leased), (3, Some(0)));
    pull.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn leases_of_what_is_handed_out_are_kept_up_to_the_cap() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let pull = fixture
        .consumer()
        .lease_total_max(LEASE * 10)
        .pull()
        .await
        .unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    fixture.pass(LEASE * 9).await;
    assert_eq!(fixture.stats().await.leased, Some(1));
    delivery.lease.lost().await;
    let error = pull.settle(delivery, Settlement::Ack).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
    assert_eq!(fixture.stats().await.ready, 1);
}

#[tokio::test(start_paused = true)]
async fn close_gives_back_what_was_not_handed_out() {
    let fixture = Fixture::new();
    fixture.send(["a", "b", "c"]).await;
    let pull = fixture.consumer().pull().await.unwrap();
    let delivery = pull.next().await.unwrap().unwrap();
    pull.close().await.unwrap();
    let stats = fixture.stats().await;
    assert_eq!((stats.ready, stats.leased), (2, Some(1)));
    pull.settle(delivery, Settlement::Ack).await.unwrap();
    assert!(pull.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn dropped_next_loses_nothing() {
    let fixture = Fixture::new();
    let pull = fixture.consumer().pull().await.unwrap();
    for number in 0..20 {
        tokio::select! {
            biased;
            delivery = pull.next() => panic!("{delivery:?} came early"),
            () = fixture.pass(Duration::from_millis(number)) => {}
        }
    }
    fixture.send(["a"]).await;
    let delivery = pull.next().await.unwrap().unwrap();
    assert_eq!(delivery.attempt, 1);
}
