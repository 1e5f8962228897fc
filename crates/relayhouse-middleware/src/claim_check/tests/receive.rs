//! Messages on their way to a handler, and their settlements.

use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn large_body_comes_out_as_it_went_in_and_never_enters_the_queue() {
    let fixture = Fixture::new();
    let small = Message::new("small").id("b");
    fixture
        .sent(vec![large("a"), small.clone(), large("c")])
        .await;
    assert!(fixture.sender.taken().iter().all(|it| it.size() < 200));
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    let bodies: Vec<usize> = deliveries.iter().map(|it| it.message.body.len()).collect();
    assert_eq!(bodies, [LARGE, 5, LARGE]);
    assert_eq!(deliveries[0].message.body, large("a").body);
    assert_eq!(deliveries[0].message.headers().text("tenant"), Some("acme"));
    assert_eq!(deliveries[1].message, small);
    assert!(fixture.settled().is_empty());
}

#[tokio::test]
async fn message_without_a_whole_blob_is_a_dead_letter_that_tells_why() {
    type Harm = fn(&std::path::Path);
    let harms: [(Harm, &str); 3] = [
        (|path| std::fs::remove_file(path).unwrap(), "blob-missing"),
        (
            |path| std::fs::write(path, "other").unwrap(),
            "blob-damaged",
        ),
        (
            |path| std::fs::write(path, [7; 2 * LARGE]).unwrap(),
            "blob-too-large",
        ),
    ];
    for (harm, expected) in harms {
        let mut fixture = Fixture::new();
        fixture.config.bytes_max = NonZeroU64::new(LARGE as u64).unwrap();
        fixture.sent(vec![large("a"), large("b")]).await;
        let name = fixture.store.names.lock().unwrap()[0].clone();
        let blobs = fixture.directory.path().join("blobs");
        harm(&blobs.join(&name[..2]).join(&name));
        let receiver = fixture.receiver();
        let deliveries = fixture.received(&receiver).await;
        let ids: Vec<&MessageId> = deliveries.iter().map(|it| &it.id).collect();
        assert_eq!(ids, [&MessageId::from("b")], "its neighbour comes");
        let settled = fixture.settled();
        assert_eq!(
            settled.iter().map(reason).collect::<Vec<_>>(),
            [Some(expected)]
        );
        let Settlement::DeadLetter(dead_letter) = &settled[0] else {
            unreachable!("it has a reason");
        };
        assert!(
            dead_letter.description.contains(&name),
            "{}",
            dead_letter.description
        );
    }
}

#[tokio::test]
async fn claim_without_a_digest_is_fetched_where_that_is_allowed() {
    for is_allowed in [false, true] {
        let mut fixture = Fixture::new();
        fixture.config.without_digest = is_allowed;
        fixture.sent(vec![large("a")]).await;
        let name = fixture.store.names.lock().unwrap()[0].clone();
        let claim = format!("1 {name} - {LARGE}");
        let foreign = Message::new("").id("b").header("relayhouse-claim", claim);
        fixture.receiver.put(foreign, 1);
        let receiver = fixture.receiver();
        let deliveries = fixture.received(&receiver).await;
        let bodies: Vec<_> = deliveries.iter().map(|it| it.message.body.len()).collect();
        let settled: Vec<_> = fixture.settled();
        let reasons: Vec<_> = settled.iter().map(reason).collect();
        match is_allowed {
            true => assert_eq!((bodies, reasons), (vec![LARGE, LARGE], vec![])),
            false => {
                assert_eq!(bodies, [LARGE]);
                assert_eq!(reasons, [Some("not-decodable")]);
            }
        }
    }
}

#[tokio::test]
async fn claim_that_cannot_be_read_is_a_dead_letter() {
    let fixture = Fixture::new();
    let path = Message::new("").header("relayhouse-claim", "1 ../../etc/passwd 0 0");
    fixture.receiver.put(path, 1);
    let receiver = fixture.receiver();
    assert!(fixture.received(&receiver).await.is_empty());
    let settled = fixture.settled();
    assert_eq!(reason(&settled[0]), Some("not-decodable"));
}

#[tokio::test]
async fn message_waits_while_the_store_does_not_answer() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let receiver = fixture.receiver();
    assert!(fixture.received(&receiver).await.is_empty());
    let delay = Duration::from_secs(5);
    assert_eq!(fixture.settled(), [Settlement::Release { delay }]);
}

#[tokio::test]
async fn claims_are_settled_not_bodies() {
    let fixture = Fixture::new();
    fixture
        .sent(vec![large("a"), Message::new("small").id("b")])
        .await;
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    let dead_letter = Settlement::dead_letter("rejected", "no such order");
    let settling = |delivery| Settling::new(delivery, dead_letter.clone());
    let mut batch: Vec<Settling> = deliveries.into_iter().map(settling).collect();
    receiver.settle(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
    assert_eq!(
        batch[0].delivery.message.body.len(),
        LARGE,
        "the caller's is untouched"
    );
    assert_eq!(fixture.settled(), [dead_letter.clone(), dead_letter]);
    assert_eq!(fixture.files().len(), 1, "a dead letter keeps its blob");
}

#[tokio::test]
async fn blob_is_removed_after_a_confirmed_ack_alone() {
    for (cleanup, reply, kept) in [
        (Cleanup::Keep, Reply::Done, 1),
        (Cleanup::Acked, Reply::Done, 0),
        (Cleanup::Acked, Reply::UnknownDone, 1),
        (Cleanup::Acked, Reply::Failed(ErrorKind::LeaseLost), 1),
    ] {
        let mut fixture = Fixture::new();
        fixture.config.cleanup = cleanup;
        let settles = Script::new().then(Call::all(reply));
        let lease = Duration::from_secs(60);
        let clock = Arc::clone(&fixture.context.clock);
        let source = "orders".parse().unwrap();
        let receiver = HostileReceiver::new(source, CAPABILITIES, clock, lease);
        fixture.receiver = Arc::new(receiver.settles(settles));
        fixture.sent(vec![large("a")]).await;
        let receiver = fixture.receiver();
        let delivery = fixture.received(&receiver).await.remove(0);
        let mut batch = [Settling::new(delivery, Settlement::Ack)];
        receiver.settle(&mut batch).await.unwrap();
        assert_eq!(fixture.files().len(), kept, "{cleanup:?} {reply:?}");
    }
}

#[tokio::test]
async fn dropped_receive_leaves_its_deliveries_to_the_next() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a"), large("b")]).await;
    let receiver = fixture.receiver();
    let mut into = Vec::new();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    let two = ReceiveRequest::up_to(2.try_into().unwrap());
    let receive = receiver.receive(two, &mut into);
    assert!(poll_and_drop(receive, 1).await.is_none());
    fixture.store.hangs.store(false, Ordering::Relaxed);
    assert!(into.is_empty());
    let mut deliveries = Vec::new();
    for number in 1..=2 {
        let one = receiver.receive(ReceiveRequest::ONE, &mut deliveries);
        one.await.unwrap();
        assert_eq!(deliveries.len(), number, "no more than is asked for");
    }
    assert!(deliveries.iter().all(|it| it.message.body.len() == LARGE));
}

#[tokio::test]
async fn close_gives_back_what_a_dropped_receive_left() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let receiver = fixture.receiver();
    let mut into = Vec::new();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    let receive = receiver.receive(ReceiveRequest::ONE, &mut into);
    assert!(poll_and_drop(receive, 1).await.is_none());
    receiver.close().await.unwrap();
    assert_eq!(fixture.settled(), [Settlement::RELEASE]);
    assert!(fixture.receiver.is_closed());
}

/// Of a key that is kept in order nothing comes while an earlier message waits for its body.
#[tokio::test]
async fn released_message_is_not_overtaken_within_its_key() {
    let mut fixture = Fixture::new();
    let ordered = Capabilities {
        key_order: Support::Native,
        ..CAPABILITIES
    };
    let clock = Arc::clone(&fixture.context.clock);
    let source = "orders".parse().unwrap();
    let receiver = HostileReceiver::new(source, ordered, clock, Duration::from_secs(60));
    fixture.receiver = Arc::new(receiver);
    let small = |id: &'static str| Message::new("small").id(id);
    let sent = [large("a"), small("b"), small("c")].map(|it| it.ordering_key("k"));
    let other = small("d").ordering_key("l");
    fixture.sent([&sent[..], &[other]].concat()).await;
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    let ids: Vec<String> = deliveries.iter().map(|it| it.id.to_string()).collect();
    assert_eq!(ids, ["d"]);
    let delay = Duration::from_secs(5);
    let expected = [(); 3].map(|()| Settlement::Release { delay });
    assert_eq!(fixture.settled(), expected);
}

/// Where the queue cannot hold a message back the receive does, or the message would come again at
/// once, and its attempts be used up.
#[tokio::test]
async fn release_that_cannot_be_delayed_is_waited_with() {
    let mut fixture = Fixture::new();
    let without_delay = Capabilities {
        release_delay: Support::Unsupported,
        ..CAPABILITIES
    };
    let clock = Arc::clone(&fixture.context.clock);
    let source = "orders".parse().unwrap();
    let receiver = HostileReceiver::new(source, without_delay, clock, Duration::from_secs(60));
    fixture.receiver = Arc::new(receiver);
    fixture.sent(vec![large("a")]).await;
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let receiver = fixture.receiver();
    let mut into = Vec::new();
    let mut receive = receiver.receive(ReceiveRequest::ONE, &mut into);
    assert!((&mut receive).now_or_never().is_none());
    assert!(fixture.settled().is_empty());
    fixture.clock.advance(fixture.config.retry_delay);
    receive.await.unwrap();
    assert_eq!(fixture.settled(), [Settlement::RELEASE]);
    assert!(into.is_empty());
}
