//! Topics: every subscription gets each message once, and competes inside.

use std::{num::NonZeroU64, task::Poll};

use relayhouse_core::{Entity, ErrorKind, Message, port::Provider};

use crate::support::{
    Call, SECOND, ack, builder, memory, name, receive, receiver, send, sender, source, texts, up_to,
};

#[tokio::test(start_paused = true)]
async fn every_subscription_gets_each_message_and_all_share_the_body() {
    let memory = memory();
    let sender = sender(&memory, "events").await;
    let audit = receiver(&memory, "events/subscriptions/audit").await;
    let mail = receiver(&memory, "events/subscriptions/mail").await;
    let other = receiver(&memory, "events/subscriptions/mail").await;
    let sent = send(&*sender, [Message::new(vec![1; 64]), Message::new("b")]).await;
    let first = receive(&*audit, up_to(10)).await;
    let second = receive(&*mail, up_to(1)).await;
    assert_eq!(first.len(), 2);
    assert_eq!(
        first[0].message.body.as_ptr(),
        second[0].message.body.as_ptr()
    );
    assert_eq!(first[0].sequence, sent[0].clone().expect("sent").sequence);
    assert_eq!(texts(&*other).await, ["b"]);
    assert_eq!(ack(&*audit, &second[0]).await, Err(ErrorKind::LeaseLost));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_a_queue_or_a_topic() {
    let memory = memory();
    let queue = sender(&memory, "orders").await;
    send(&*queue, [Message::new("x")]).await;
    let options = relayhouse_core::port::ReceiverOptions::default();
    let refused = memory
        .receiver(&source("orders/subscriptions/a"), options)
        .await;
    assert_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::QueueConflict)
    );
    drop(receiver(&memory, "events/subscriptions/a").await);
    let refused = memory.receiver(&source("events"), options).await;
    assert_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::QueueConflict)
    );
}

#[tokio::test(start_paused = true)]
async fn without_subscriptions_a_message_is_gone() {
    let memory = memory();
    let audit = receiver(&memory, "events/subscriptions/audit").await;
    let admin = memory.admin().expect("administration");
    assert!(admin.delete(&audit.source().entity).await.is_ok());
    let sender = sender(&memory, "events").await;
    assert!(send(&*sender, [Message::new("x")]).await[0].is_ok());
    let again = receiver(&memory, "events/subscriptions/audit").await;
    assert!(texts(&*again).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_full_subscription_holds_the_topic_back_until_it_has_room() {
    let max = NonZeroU64::new(1).expect("not zero");
    let memory = builder().messages_max(max).build().expect("options");
    let fast = receiver(&memory, "events/subscriptions/fast").await;
    let slow = receiver(&memory, "events/subscriptions/slow").await;
    let sender = sender(&memory, "events").await;
    send(&*sender, [Message::new("a")]).await;
    let mut first = Call::new(send(&*sender, [Message::new("b")]));
    let mut second = Call::new(send(&*sender, [Message::new("c")]));
    first.waits();
    second.waits();
    let delivery = receive(&*fast, up_to(1)).await.remove(0);
    assert_eq!(ack(&*fast, &delivery).await, Ok(()));
    first.waits();
    second.waits();
    let delivery = receive(&*slow, up_to(1)).await.remove(0);
    assert_eq!(ack(&*slow, &delivery).await, Ok(()));
    second.waits();
    assert!(matches!(first.poll(), Poll::Ready(_)));
    assert_eq!(texts(&*fast).await, ["b"]);
    let admin = memory.admin().expect("administration");
    let slow: Entity = slow.source().entity.clone();
    assert!(admin.delete(&slow).await.is_ok());
    second.waits();
    let waiting = second.woken.count();
    assert!(0 < waiting, "it looked again when the subscription went");
}

#[tokio::test(start_paused = true)]
async fn dedup_and_cancel_work_over_all_subscriptions() {
    let memory = memory();
    let audit = receiver(&memory, "events/subscriptions/audit").await;
    let mail = receiver(&memory, "events/subscriptions/mail").await;
    let sender = sender(&memory, "events").await;
    let once = |text| Message::new(text).dedup_id("x");
    let later = Message::new("later").delay(SECOND * 60);
    let sent = send(&*sender, [once("a"), once("b"), later]).await;
    assert!(sent[1].clone().expect("sent").deduplicated);
    let number = sent[2].clone().expect("sent").sequence.expect("a number");
    let admin = memory.admin().expect("administration");
    assert!(admin.cancel(&name("events"), number).await.is_ok());
    tokio::time::advance(SECOND * 60).await;
    assert_eq!(texts(&*audit).await, ["a"]);
    assert_eq!(texts(&*mail).await, ["a"]);
}
