//! Sessions whose messages have claims.

use relayhouse_core::port::{Provider, ReceiverOptions, SessionReceiver, Sessions};
use relayhouse_memory::Memory;

use super::*;
use crate::WrappedSessions;

/// Opens a queue in memory that is received through sessions only, with a sender to it, both with
/// claim checks.
async fn opened(fixture: &Fixture) -> (ClaimSender, WrappedSessions) {
    let builder = Memory::builder(fixture.context.clone()).requires_sessions(true);
    let memory = builder.build().unwrap();
    let (queue, source) = ("orders".parse().unwrap(), "orders".parse().unwrap());
    let sender = memory.sender(&queue).await.unwrap();
    let sessions = memory.sessions(&source, ReceiverOptions::default());
    let sessions = sessions.await.unwrap();
    let (config, context) = (&fixture.config, &fixture.context);
    (
        ClaimSender::new(sender, fixture.blobs(), config.clone(), context),
        ClaimReceiver::sessions(sessions, fixture.blobs(), config.clone(), context),
    )
}

async fn send(sender: &ClaimSender, messages: Vec<Message>) {
    let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
    sender.send(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
}

async fn accept(sessions: &WrappedSessions) -> Arc<dyn SessionReceiver> {
    let accepted = sessions.accept(None, Duration::ZERO).await;
    accepted.unwrap().expect("a session with messages")
}

async fn received(session: &dyn SessionReceiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(10.try_into().unwrap());
    session.receive(request, &mut deliveries).await.unwrap();
    deliveries
}

#[tokio::test]
async fn session_puts_bodies_back_in_order_and_removes_blobs_after_acks() {
    let mut fixture = Fixture::new();
    fixture.config.cleanup = Cleanup::Acked;
    let (sender, sessions) = opened(&fixture).await;
    let small = Message::new("small");
    let sent = [large("a"), small.clone(), large("c")].map(|it| it.ordering_key("s"));
    send(&sender, sent.into()).await;
    assert_eq!(fixture.files().len(), 2);

    let session = accept(&sessions).await;
    assert_eq!(session.session().to_string(), "s");
    assert_eq!(session.capabilities().message_bytes_max, None);
    session.set_state(Some("half".into())).await.unwrap();
    assert_eq!(session.renew().await.unwrap(), session.until());
    assert_eq!(session.state().await.unwrap().unwrap(), "half");
    let deliveries = received(&*session).await;
    let bodies: Vec<usize> = deliveries.iter().map(|it| it.message.body.len()).collect();
    assert_eq!(bodies, [LARGE, 5, LARGE]);
    let ack = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut batch: Vec<Settling> = deliveries.into_iter().map(ack).collect();
    session.settle(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
    assert!(fixture.files().is_empty());
    session.close().await.unwrap();
    sessions.close().await.unwrap();
}

/// While the store is out nothing of the session is handled, and then all of it in order.
#[tokio::test]
async fn session_waits_for_its_bodies_in_order() {
    let fixture = Fixture::new();
    let (sender, sessions) = opened(&fixture).await;
    let sent = [large("a"), Message::new("small").id("b")].map(|it| it.ordering_key("s"));
    send(&sender, sent.into()).await;
    let session = accept(&sessions).await;
    fixture.store.is_down.store(true, Ordering::Relaxed);
    assert!(received(&*session).await.is_empty());
    fixture.store.is_down.store(false, Ordering::Relaxed);
    fixture.clock.advance(fixture.config.retry_delay);
    let ids: Vec<String> = received(&*session)
        .await
        .iter()
        .map(|it| it.id.to_string())
        .collect();
    assert_eq!(ids, ["a", "b"]);
}
