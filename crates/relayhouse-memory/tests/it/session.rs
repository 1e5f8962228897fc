//! Sessions: one holder at a time, order, state, and what comes back.

use std::{sync::Arc, task::Poll, time::Duration};

use relayhouse_core::{
    ErrorKind, Message, SessionId, Settlement,
    port::{Provider, ReceiverOptions, SessionReceiver, Sessions},
};
use relayhouse_memory::Memory;

use crate::support::{
    Call, SECOND, Watch, ack, bodies, builder, receive, send, sender, settle, source, texts, up_to,
};

async fn with_sessions() -> (Memory, Arc<dyn Sessions>) {
    let memory = builder().requires_sessions(true).build().expect("options");
    let queue = source("q");
    let opened = memory.sessions(&queue, ReceiverOptions::default());
    let sessions = opened.await.expect("sessions");
    (memory, sessions)
}

fn of(session: &'static str, text: &'static str) -> Message {
    Message::new(text).ordering_key(session)
}

fn id(text: &str) -> SessionId {
    text.parse().expect("a session id")
}

async fn accept(sessions: &dyn Sessions) -> Option<Arc<dyn SessionReceiver>> {
    sessions
        .accept(None, Duration::ZERO)
        .await
        .expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn sessions_are_handed_out_longest_waiting_first_and_to_one_holder() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    send(&*sender, [of("a", "a1"), of("b", "b1"), of("a", "a2")]).await;
    let a = accept(&*sessions).await.expect("a session");
    let b = accept(&*sessions).await.expect("a session");
    assert_eq!((a.session(), b.session()), (&id("a"), &id("b")));
    assert!(accept(&*sessions).await.is_none());
    assert_eq!(texts(&*a).await, ["a1", "a2"]);
    let busy = sessions.accept(Some(&id("a")), SECOND).await;
    assert_eq!(
        busy.err().map(|error| error.kind()),
        Some(ErrorKind::SessionBusy)
    );
}

#[tokio::test(start_paused = true)]
async fn plain_receivers_and_sessions_refuse_each_others_queues() {
    let (memory, _) = with_sessions().await;
    let plain = memory
        .receiver(&source("q"), ReceiverOptions::default())
        .await;
    assert_eq!(
        plain.err().map(|error| error.kind()),
        Some(ErrorKind::Unsupported)
    );
    let dead = source("q/$deadletterqueue");
    assert!(
        memory
            .receiver(&dead, ReceiverOptions::default())
            .await
            .is_ok()
    );
    let without = crate::support::memory();
    let refused = without
        .sessions(&source("q"), ReceiverOptions::default())
        .await;
    assert_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::Unsupported)
    );
    let sender = sender(&memory, "q").await;
    let sent = send(&*sender, [Message::new("x")]).await;
    assert_eq!(sent[0], Err(ErrorKind::MessageInvalid));
}

#[tokio::test(start_paused = true)]
async fn close_and_drop_give_back_in_order() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    send(&*sender, [of("a", "1"), of("a", "2"), of("a", "3")]).await;
    for attempt in 1..=3 {
        let held = accept(&*sessions).await.expect("a session");
        let found = receive(&*held, up_to(2)).await;
        assert_eq!(bodies(&found), ["1", "2"]);
        assert_eq!(found[0].attempt, attempt);
        if attempt == 1 {
            assert!(held.close().await.is_ok());
            assert_eq!(ack(&*held, &found[0]).await, Err(ErrorKind::LeaseLost));
        }
        drop(held);
    }
}

#[tokio::test(start_paused = true)]
async fn lease_of_the_session_is_renewed_or_lost_with_all_its_deliveries() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    send(&*sender, [of("a", "1"), of("a", "2")]).await;
    let old = accept(&*sessions).await.expect("a session");
    let found = receive(&*old, up_to(2)).await;
    tokio::time::advance(SECOND * 200).await;
    let until = old.renew().await.expect("renewed");
    assert_eq!(until, old.until());
    tokio::time::advance(SECOND * 200).await;
    assert_eq!(ack(&*old, &found[0]).await, Ok(()));
    tokio::time::advance(SECOND * 100).await;
    assert_eq!(ack(&*old, &found[1]).await, Err(ErrorKind::LeaseLost));
    let lost = old.renew().await;
    assert_eq!(
        lost.err().map(|error| error.kind()),
        Some(ErrorKind::LeaseLost)
    );
    let new = accept(&*sessions).await.expect("the session is free");
    let found = receive(&*new, up_to(2)).await;
    assert_eq!(bodies(&found), ["2"]);
    assert_eq!(found[0].previous, relayhouse_core::Previous::Expired);
    assert!(old.close().await.is_ok());
    assert_eq!(ack(&*new, &found[0]).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn state_stays_with_an_empty_session_until_it_is_removed() {
    let (memory, sessions) = with_sessions().await;
    drop(sender(&memory, "q").await);
    let held = sessions.accept(Some(&id("a")), Duration::ZERO).await;
    let held = held
        .expect("an answer")
        .expect("an empty session can be taken");
    assert_eq!(held.state().await.ok(), Some(None));
    assert!(held.set_state(Some("half".into())).await.is_ok());
    assert!(held.close().await.is_ok());
    let held = sessions.accept(Some(&id("a")), Duration::ZERO).await;
    let held = held.expect("an answer").expect("the session");
    assert_eq!(held.state().await.ok(), Some(Some("half".into())));
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_for_a_session_hear_of_it() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    let hour = SECOND * 3600;
    let mut any = Call::new(sessions.accept(None, hour));
    let wanted = id("b");
    let mut named = Call::new(sessions.accept(Some(&wanted), hour));
    any.waits();
    let Poll::Ready(Ok(Some(b))) = named.poll() else {
        panic!("an empty session can be taken");
    };
    let mut next = Call::new(sessions.accept(Some(&wanted), hour));
    next.waits();
    send(&*sender, [of("b", "1")]).await;
    assert_eq!(any.woken.count(), 0, "b is held");
    assert!(b.close().await.is_ok());
    assert_eq!((next.woken.count(), any.woken.count()), (1, 0));
    drop(next);
    assert_eq!(any.woken.count(), 1, "the call is handed on");
    assert!(matches!(any.poll(), Poll::Ready(Ok(Some(_)))));
}

#[tokio::test(start_paused = true)]
async fn receive_within_a_session_waits_and_ends_with_its_lease() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    send(&*sender, [of("a", "1")]).await;
    let held = accept(&*sessions).await.expect("a session");
    assert_eq!(texts(&*held).await, ["1"]);
    let waiting = Arc::clone(&held);
    let task = tokio::spawn(async move {
        let request = up_to(1).wait(SECOND * 3600);
        bodies(&receive(&*waiting, request).await)
    });
    tokio::task::yield_now().await;
    send(&*sender, [of("a", "2")]).await;
    assert_eq!(task.await.expect("no panic"), ["2"]);
    let mut into = Vec::new();
    let request = up_to(1).wait(SECOND * 3600);
    let start = Watch::start();
    let lost = held.receive(request, &mut into).await;
    assert_eq!(
        lost.err().map(|error| error.kind()),
        Some(ErrorKind::LeaseLost)
    );
    assert_eq!(start.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn released_message_comes_back_within_its_session_and_in_its_place() {
    let (memory, sessions) = with_sessions().await;
    let sender = sender(&memory, "q").await;
    send(&*sender, [of("a", "1"), of("a", "2")]).await;
    let held = accept(&*sessions).await.expect("a session");
    let found = receive(&*held, up_to(1)).await;
    assert_eq!(settle(&*held, &found[0], Settlement::RELEASE).await, Ok(()));
    assert_eq!(texts(&*held).await, ["1", "2"]);
}
