//! Messages on their way to the queue.

use super::*;

#[tokio::test]
async fn layer_stores_what_the_port_would_store() {
    let fixture = Fixture::new();
    let layer = ClaimCheckLayer::new(fixture.blobs(), &fixture.context).bytes_min(200);
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    let small = Message::new("small");
    let passed = layer.layer(service).oneshot(small.clone()).await.unwrap();
    assert_eq!(passed, small);
    let sent = layer.layer(service).oneshot(large("a")).await.unwrap();
    fixture.receiver.put(sent, 1);
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    assert_eq!(deliveries[0].message.body, large("a").body);
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let error = layer.layer(service).oneshot(large("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
}

#[tokio::test]
async fn claim_of_somebody_else_is_not_sent_along() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let claim = fixture.sender.taken()[0].clone();
    let mut copy = Message::new("small");
    copy.details_mut().headers = claim.headers().clone();
    let mut batch = [Sending::new(copy)];
    fixture.sender().send(&mut batch).await.unwrap();
    let sent = fixture.sender.taken().pop().unwrap();
    assert_eq!(sent.body, "small");
    assert_eq!(sent.headers().text("relayhouse-claim"), None);
}

#[tokio::test]
async fn sender_welcomes_large_messages_and_splits_what_the_queue_would_refuse() {
    let fixture = Fixture::new();
    let sender = fixture.sender();
    let max = fixture.config.bytes_max;
    assert_eq!(sender.capabilities().message_bytes_max, Some(max));
    assert_eq!(sender.capabilities().send_bytes_max, None);
    let messages = (0..5).map(|_| Message::new(vec![7; 120]));
    fixture.sent(messages.collect()).await;
    assert_eq!(fixture.sender.batches(), [2, 2, 1]);
}

#[tokio::test]
async fn body_above_the_limit_is_refused_alone() {
    let mut fixture = Fixture::new();
    fixture.config.bytes_max = NonZeroU64::new(LARGE as u64 - 1).unwrap();
    let mut batch = [large("a"), Message::new("small")].map(Sending::new);
    fixture.sender().send(&mut batch).await.unwrap();
    let error = batch[0].outcome.error().unwrap();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        error.message(),
        "body has 1000 bytes, at most 999 are allowed"
    );
    assert!(batch[1].outcome.is_done());
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn message_whose_blob_is_not_stored_is_not_sent() {
    let fixture = Fixture::new();
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let mut batch = [large("a"), Message::new("small")].map(Sending::new);
    fixture.sender().send(&mut batch).await.unwrap();
    let kind = batch[0].outcome.error().map(Error::kind);
    assert_eq!(kind, Some(ErrorKind::ConnectionFailed));
    assert_eq!(batch[0].message, large("a"), "it can be sent again");
    assert!(batch[1].outcome.is_done());
}

#[tokio::test]
async fn blob_of_a_message_that_was_not_sent_is_removed_and_that_of_an_unknown_one_is_not() {
    for (call, kept) in [
        (Call::all(Reply::Failed(ErrorKind::Throttled)), 0),
        (Call::fails(ErrorKind::ConnectionFailed), 0),
        (Call::all(Reply::UnknownDone), 1),
        (Call::all(Reply::UnknownLost), 1),
        (Call::all(Reply::MissingDone), 1),
        (Call::DONE, 1),
    ] {
        let fixture = Fixture::new();
        fixture.sender.script(Script::new().then(call.clone()));
        let mut batch = [Sending::new(large("a"))];
        drop(fixture.sender().send(&mut batch).await);
        assert_eq!(fixture.files().len(), kept, "{call:?}");
        if !batch[0].outcome.is_done() {
            assert_eq!(batch[0].message, large("a"), "it can be sent again");
        }
    }
}

#[tokio::test]
async fn dropped_send_keeps_its_messages() {
    let fixture = Fixture::new();
    let mut batch = [Sending::new(large("a"))];
    let sender = fixture.sender();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    assert!(poll_and_drop(sender.send(&mut batch), 1).await.is_none());
    fixture.store.hangs.store(false, Ordering::Relaxed);
    assert_eq!(batch[0].message, large("a"));
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
}

#[tokio::test]
async fn what_the_queue_would_refuse_is_stored_whatever_the_limit() {
    let mut fixture = Fixture::new();
    fixture.config.bytes_min = 10 * LARGE as u64;
    fixture.sent(vec![large("a")]).await;
    assert!(fixture.sender.taken().iter().all(|it| it.size() < 300));
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    assert_eq!(deliveries[0].message.body, large("a").body);
}
