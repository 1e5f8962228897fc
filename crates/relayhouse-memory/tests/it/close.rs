//! Closing and deleting: who waits hears of it.

use std::{num::NonZeroU64, sync::Arc, task::Poll};

use relayhouse_core::{
    ErrorKind, Message,
    port::{Provider, ReceiverOptions},
};

use crate::support::{
    Call, SECOND, ack, builder, counted, memory, receive, receiver, send, send_texts, sender,
    source, up_to, wait_for_one,
};

#[tokio::test(start_paused = true)]
async fn closed_receiver_returns_empty_and_its_leases_can_still_be_settled() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let closed = receiver(&memory, "q").await;
    let other = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let delivery = receive(&*closed, up_to(1)).await.remove(0);
    let mut waiting = Call::new(wait_for_one(Arc::clone(&closed)));
    let mut bystander = Call::new(wait_for_one(Arc::clone(&other)));
    waiting.waits();
    bystander.waits();
    assert!(closed.close().await.is_ok());
    assert!(closed.close().await.is_ok());
    assert_eq!(waiting.poll(), Poll::Ready(Vec::new()));
    bystander.waits();
    assert_eq!(ack(&*closed, &delivery).await, Ok(()));
    let late = closed.receive(up_to(1), &mut Vec::new()).await;
    assert_eq!(
        late.err().map(|error| error.kind()),
        Some(ErrorKind::Closed)
    );
    send_texts(&*sender, &["b"]).await;
    assert_eq!(bystander.poll(), Poll::Ready(vec!["b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn closed_provider_closes_everything() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let mut waiting = Call::new(wait_for_one(Arc::clone(&receiver)));
    waiting.waits();
    assert!(memory.close().await.is_ok());
    assert_eq!(waiting.poll(), Poll::Ready(Vec::new()));
    let sent = send(&*sender, [Message::new("x")]).await;
    assert_eq!(sent[0], Err(ErrorKind::Closed));
    let opened = memory
        .receiver(&source("q"), ReceiverOptions::default())
        .await;
    assert_eq!(
        opened.err().map(|error| error.kind()),
        Some(ErrorKind::Closed)
    );
}

#[tokio::test(start_paused = true)]
async fn closed_sender_ends_its_blocked_send_and_leaves_the_items() {
    let max = NonZeroU64::new(1).expect("not zero");
    let memory = builder().messages_max(max).build().expect("options");
    let sender = sender(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let mut blocked = Call::new(send(&*sender, [Message::new("b")]));
    blocked.waits();
    assert!(sender.close().await.is_ok());
    assert_eq!(blocked.poll(), Poll::Ready(vec![Err(ErrorKind::Closed)]));
}

#[tokio::test(start_paused = true)]
async fn deleted_queue_wakes_everybody_and_tells_the_lost_leases() {
    let max = NonZeroU64::new(1).expect("not zero");
    let memory = builder().messages_max(max).build().expect("options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let delivery = receive(&*receiver, up_to(1)).await.remove(0);
    let mut blocked = Call::new(send(&*sender, [Message::new("b")]));
    blocked.waits();
    let mut into = Vec::new();
    let request = up_to(1).wait(SECOND * 60);
    let mut waiting = Call::new(receiver.receive(request, &mut into));
    waiting.waits();
    let mut receipts = Vec::new();
    let mut lost = Call::new(receiver.lost(&mut receipts));
    lost.waits();
    let admin = memory.admin().expect("administration");
    assert!(admin.delete(&receiver.source().entity).await.is_ok());
    assert_eq!(
        blocked.poll(),
        Poll::Ready(vec![Err(ErrorKind::QueueNotFound)])
    );
    let Poll::Ready(Err(error)) = waiting.poll() else {
        panic!("it should fail");
    };
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    assert_eq!(lost.poll(), Poll::Ready(()));
    drop(lost);
    assert_eq!(receipts, std::slice::from_ref(&delivery.receipt));
    assert_eq!(ack(&*receiver, &delivery).await, Err(ErrorKind::LeaseLost));
}

/// Whatever waited, no timer is left behind when all is closed.
#[tokio::test(start_paused = true)]
async fn no_timer_is_left_after_close() {
    let (context, timers) = counted();
    let memory = relayhouse_memory::Memory::builder(context);
    let memory = memory.build().expect("the default options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    assert_eq!(receive(&*receiver, up_to(1)).await.len(), 1);
    assert_eq!(timers.count(), 0, "nobody waits");
    let mut calls: Vec<_> = (0..10)
        .map(|_| Call::new(wait_for_one(Arc::clone(&receiver))))
        .collect();
    for call in &mut calls {
        call.waits();
    }
    assert_eq!(
        timers.count(),
        11,
        "one for each deadline, one for the queue"
    );
    drop(calls.pop());
    assert_eq!(timers.count(), 10);
    assert!(receiver.close().await.is_ok());
    for call in &mut calls {
        assert_eq!(call.poll(), Poll::Ready(Vec::new()));
    }
    drop(calls);
    assert_eq!(timers.count(), 0);
}
