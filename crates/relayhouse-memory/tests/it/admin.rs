//! Administration: names, counts, peeks, purges.

use std::num::NonZeroU32;

use relayhouse_core::{
    ErrorKind, Message,
    port::{Provider, QueueConfig, ReceiverOptions, Stats},
};

use crate::support::{
    SECOND, ack, bodies, builder, memory, receive, receiver, send, send_texts, sender, source,
    texts, up_to,
};

#[tokio::test(start_paused = true)]
async fn without_create_an_unknown_queue_is_refused_by_name() {
    let memory = builder().create(false).build().expect("options");
    let opened = memory
        .receiver(&source("orders"), ReceiverOptions::default())
        .await;
    let error = opened.expect_err("it does not exist");
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    assert!(error.to_string().contains("orders"), "{error}");
    let admin = memory.admin().expect("administration");
    let entity = source("orders").entity;
    assert!(admin.create(&entity, &QueueConfig::default()).await.is_ok());
    assert!(admin.create(&entity, &QueueConfig::default()).await.is_ok());
    let other = QueueConfig {
        lease: Some(SECOND),
        ..QueueConfig::default()
    };
    let conflict = admin.create(&entity, &other).await;
    assert_eq!(
        conflict.err().map(|error| error.kind()),
        Some(ErrorKind::QueueConflict)
    );
    drop(sender(&memory, "orders").await);
}

#[tokio::test(start_paused = true)]
async fn list_comes_in_pages_by_name() {
    let memory = memory();
    let admin = memory.admin().expect("administration");
    for n in 0..150 {
        drop(sender(&memory, &format!("q{n:03}")).await);
    }
    drop(receiver(&memory, "events/subscriptions/audit").await);
    let first = admin.list(None).await.expect("a page");
    assert_eq!(first.entities.len(), 100);
    assert_eq!(first.entities[0].to_string(), "events/subscriptions/audit");
    let second = admin.list(first.next.as_deref()).await.expect("a page");
    assert_eq!((second.entities.len(), second.next), (51, None));
}

#[tokio::test(start_paused = true)]
async fn counts_peek_and_purge_agree() {
    let memory = memory();
    let admin = memory.admin().expect("administration");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a", "b", "c"]).await;
    send(&*sender, [Message::new("d").delay(SECOND * 5)]).await;
    let leased = receive(&*receiver, up_to(1)).await.remove(0);
    tokio::time::advance(SECOND * 2).await;
    let stats = admin.stats(&source("q")).await.expect("counts");
    assert_eq!((stats.ready, stats.leased, stats.delayed), (2, Some(1), 1));
    assert_eq!((stats.bytes, stats.oldest_age), (Some(4), Some(SECOND * 2)));

    let max = NonZeroU32::new(3).expect("not zero");
    let peeked = admin.peek(&source("q"), 2, max).await.expect("a peek");
    assert_eq!(bodies(&peeked), ["b", "c", "d"]);
    assert_eq!(ack(&*receiver, &peeked[0]).await, Err(ErrorKind::LeaseLost));

    assert_eq!(admin.purge(&source("q")).await.ok(), Some(3));
    assert!(texts(&*receiver).await.is_empty());
    assert_eq!(ack(&*receiver, &leased).await, Ok(()));
    let stats = admin.stats(&source("q")).await.expect("counts");
    let nothing = Stats {
        leased: Some(0),
        bytes: Some(0),
        ..Stats::default()
    };
    assert_eq!(stats, nothing);
    send_texts(&*sender, &["e"]).await;
    assert_eq!(texts(&*receiver).await, ["e"]);
}

#[tokio::test(start_paused = true)]
async fn options_are_read_from_a_url() {
    let context = crate::support::context;
    let open = |text: &str| {
        let address = text.parse().expect("an address");
        relayhouse_memory::Memory::open(&address, context())
    };
    let memory = open("memory://orders?lease=30s&messages-max=5&bytes_max=1KiB&full=shed")
        .expect("right options");
    assert_eq!(memory.config().lease, Some(SECOND * 30));
    assert_eq!(memory.config().full, relayhouse_memory::Full::Shed);
    let memory = open("memory://orders?profile=sqs-fifo").expect("right options");
    assert_eq!(memory.config().profile, relayhouse_memory::Profile::SqsFifo);
    for wrong in [
        "memory://q?leese=1s",
        "memory://q?lease=0s",
        "memory://q?failures=2",
        "memory://q?bytes_max=0",
        "memory://q?profile=servicebus&lease=10min",
        "local://q",
    ] {
        let error = open(wrong).expect_err("a wrong option");
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{wrong}");
    }
}
