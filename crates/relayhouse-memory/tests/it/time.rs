//! Scheduled sends, time to live, extension: what time does to a message.

use relayhouse_core::{ErrorKind, Extending, Message, Outcome, port::Provider};

use crate::support::{
    SECOND, ack, builder, context, memory, name, receive, receiver, send, sender, source, texts,
    up_to,
};

#[tokio::test(start_paused = true)]
async fn scheduled_message_comes_when_due_and_not_when_cancelled() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let at = context().clock.wall() + SECOND * 60;
    let messages = [
        Message::new("a").delay(SECOND * 60),
        Message::new("b").not_before(at),
        Message::new("c").delay(SECOND * 60),
    ];
    let sent = send(&*sender, messages).await;
    let admin = memory.admin().expect("administration");
    let cancelled = sent[2].clone().expect("sent").sequence.expect("a number");
    assert!(admin.cancel(&name("q"), cancelled).await.is_ok());
    let again = admin.cancel(&name("q"), cancelled).await;
    assert_eq!(
        again.map_err(|error| error.kind()),
        Err(ErrorKind::MessageNotFound)
    );
    let stats = admin.stats(&source("q")).await.expect("counts");
    assert_eq!((stats.ready, stats.delayed), (0, 2));
    tokio::time::advance(SECOND * 59).await;
    assert!(texts(&*receiver).await.is_empty());
    tokio::time::advance(SECOND).await;
    assert_eq!(texts(&*receiver).await, ["a", "b"]);
    let due = sent[0].clone().expect("sent").sequence.expect("a number");
    assert!(admin.cancel(&name("q"), due).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn expired_message_is_never_delivered() {
    for dead_letter in [false, true] {
        let options = builder().dead_letter_expired(dead_letter);
        let memory = options.build().expect("options");
        let sender = sender(&memory, "q").await;
        let receiver = receiver(&memory, "q").await;
        let dead = crate::support::receiver(&memory, "q/$deadletterqueue").await;
        let short = Message::new("short").ttl(SECOND * 10);
        let delayed = Message::new("late").ttl(SECOND * 10).delay(SECOND * 20);
        send(
            &*sender,
            [Message::new("first"), short, delayed, Message::new("last")],
        )
        .await;
        tokio::time::advance(SECOND * 10).await;
        assert_eq!(texts(&*receiver).await, ["first", "last"]);
        let expected: &[&str] = if dead_letter { &["short", "late"] } else { &[] };
        let mut found = texts(&*dead).await;
        found.sort_by(|a, b| b.cmp(a));
        assert_eq!(found, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_expires_while_leased_can_be_acked_but_does_not_come_back() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let ttl = |text| Message::new(text).ttl(SECOND * 10);
    send(&*sender, [ttl("a"), ttl("b")]).await;
    let found = receive(&*receiver, up_to(2)).await;
    tokio::time::advance(SECOND * 20).await;
    assert_eq!(ack(&*receiver, &found[0]).await, Ok(()));
    let released =
        crate::support::settle(&*receiver, &found[1], relayhouse_core::Settlement::RELEASE).await;
    assert_eq!(released, Ok(()));
    assert!(texts(&*receiver).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_expired_messages_behind_a_long_lived_one_do_not_pile_up() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send(&*sender, [Message::new("stays")]).await;
    for _ in 0..50 {
        send(&*sender, (0..100).map(|_| Message::new("x").ttl(SECOND))).await;
        tokio::time::advance(SECOND).await;
    }
    let admin = memory.admin().expect("administration");
    let stats = admin.stats(&source("q")).await.expect("counts");
    assert_eq!((stats.ready, stats.bytes), (1, Some(5)));
    assert_eq!(texts(&*receiver).await, ["stays"]);
}

#[tokio::test(start_paused = true)]
async fn extension_moves_the_end_and_a_late_one_changes_nothing() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send(&*sender, [Message::new("a"), Message::new("b")]).await;
    let found = receive(&*receiver, up_to(2)).await;
    tokio::time::advance(SECOND * 200).await;
    let mut batch = [Extending::new(found[0].receipt.clone())];
    assert!(receiver.extend(&mut batch, SECOND * 200).await.is_ok());
    let Outcome::Done(until) = batch[0].outcome else {
        panic!("{batch:?}");
    };
    assert_eq!(until, found[0].lease.until() + SECOND * 100);
    tokio::time::advance(SECOND * 100).await;
    assert_eq!(texts(&*receiver).await, ["b"]);
    let mut batch = [
        Extending::new(found[1].receipt.clone()),
        Extending::new(found[0].receipt.clone()),
    ];
    assert!(receiver.extend(&mut batch, SECOND).await.is_ok());
    let kind = batch[0].outcome.error().map(relayhouse_core::Error::kind);
    assert_eq!(kind, Some(ErrorKind::LeaseLost));
    assert!(batch[1].outcome.is_done());
    tokio::time::advance(SECOND).await;
    assert_eq!(texts(&*receiver).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn first_of_a_dedup_id_wins_within_the_window() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let message = |text| Message::new(text).dedup_id("once");
    let sent = send(&*sender, [message("a"), message("b")]).await;
    let first = sent[0].clone().expect("sent");
    let second = sent[1].clone().expect("sent");
    assert!(!first.deduplicated && second.deduplicated);
    assert_eq!(first.sequence, second.sequence);
    let found = receive(&*receiver, up_to(10)).await;
    assert_eq!(crate::support::bodies(&found), ["a"]);
    assert_eq!(ack(&*receiver, &found[0]).await, Ok(()));
    send(&*sender, [message("c")]).await;
    assert!(texts(&*receiver).await.is_empty());
    tokio::time::advance(SECOND * 600).await;
    send(&*sender, [message("d")]).await;
    assert_eq!(texts(&*receiver).await, ["d"]);
}
