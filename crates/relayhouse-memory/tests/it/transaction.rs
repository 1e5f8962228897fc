//! Settling and sending as one: all of it, or none.

use std::num::NonZeroU64;

use relayhouse_core::{
    Delivery, ErrorKind, Message, Sending, Settlement, Settling, port::Provider,
};
use relayhouse_memory::Memory;

use crate::support::{
    SECOND, builder, memory, name, receive, receiver, send_texts, sender, source, texts, up_to,
};

async fn transact(
    memory: &Memory,
    delivery: &Delivery,
    to: &str,
    texts: &[&'static str],
) -> Vec<Option<ErrorKind>> {
    let mut settle = [Settling::new(delivery.clone(), Settlement::Ack)];
    let mut send: Vec<Sending> = texts
        .iter()
        .map(|text| Sending::new(Message::new(*text)))
        .collect();
    let port = memory.transactional().expect("transactions");
    let call = port
        .settle_and_send(&source("in"), &mut settle, &name(to), &mut send)
        .await;
    assert!(call.is_ok(), "{call:?}");
    let settled = settle.iter().map(|item| item.outcome.error());
    let sent = send.iter().map(|item| item.outcome.error());
    settled
        .chain(sent)
        .map(|error| error.map(relayhouse_core::Error::kind))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn both_happen_or_neither() {
    let max = NonZeroU64::new(2).expect("not zero");
    let memory = builder().messages_max(max).build().expect("options");
    let sender = sender(&memory, "in").await;
    let from = receiver(&memory, "in").await;
    let to = receiver(&memory, "out").await;
    send_texts(&*sender, &["a", "b"]).await;
    let found = receive(&*from, up_to(2)).await;
    let full = Some(ErrorKind::Full);
    assert_eq!(
        transact(&memory, &found[0], "out", &["1", "2", "3"]).await,
        [full; 4]
    );
    assert!(texts(&*to).await.is_empty());
    assert_eq!(transact(&memory, &found[0], "out", &["1"]).await, [None; 2]);
    assert_eq!(texts(&*to).await, ["1"]);
    let lost = Some(ErrorKind::LeaseLost);
    assert_eq!(transact(&memory, &found[0], "out", &["2"]).await, [lost; 2]);
    tokio::time::advance(SECOND * 300).await;
    assert_eq!(transact(&memory, &found[1], "out", &["3"]).await, [lost; 2]);
}

#[tokio::test(start_paused = true)]
async fn one_queue_can_be_both_ends_and_a_topic_the_far_one() {
    let max = NonZeroU64::new(1).expect("not zero");
    let memory = builder().messages_max(max).build().expect("options");
    let sender = sender(&memory, "in").await;
    let from = receiver(&memory, "in").await;
    send_texts(&*sender, &["a"]).await;
    let found = receive(&*from, up_to(1)).await;
    assert_eq!(transact(&memory, &found[0], "in", &["b"]).await, [None; 2]);
    let found = receive(&*from, up_to(1)).await;
    assert_eq!(crate::support::bodies(&found), ["b"]);
    let audit = receiver(&memory, "events/subscriptions/audit").await;
    let mail = receiver(&memory, "events/subscriptions/mail").await;
    assert_eq!(
        transact(&memory, &found[0], "events", &["c"]).await,
        [None; 2]
    );
    assert_eq!(texts(&*audit).await, ["c"]);
    assert_eq!(texts(&*mail).await, ["c"]);
}

/// Threads that move messages between two queues both ways end, and lose none.
#[test]
fn opposite_transactions_do_not_lock_each_other_out() {
    let runtime = || {
        let builder = &mut tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    };
    let memory = memory();
    runtime().block_on(async {
        for queue in ["in", "out"] {
            let sender = sender(&memory, queue).await;
            send_texts(&*sender, &["x", "y"]).await;
        }
    });
    std::thread::scope(|scope| {
        for (from, to) in [("in", "out"), ("out", "in")] {
            let memory = &memory;
            scope.spawn(move || {
                runtime().block_on(async {
                    let receiver = receiver(memory, from).await;
                    let port = memory.transactional().expect("transactions");
                    for _ in 0..500 {
                        for delivery in receive(&*receiver, up_to(1)).await {
                            let mut settle = [Settling::new(delivery, Settlement::Ack)];
                            let mut send = [Sending::new(Message::new("z"))];
                            let call = port
                                .settle_and_send(
                                    receiver.source(),
                                    &mut settle,
                                    &name(to),
                                    &mut send,
                                )
                                .await;
                            assert!(call.is_ok() && settle[0].outcome.is_done());
                        }
                    }
                });
            });
        }
    });
    let left = runtime().block_on(async {
        let first = texts(&*receiver(&memory, "in").await).await.len();
        first + texts(&*receiver(&memory, "out").await).await.len()
    });
    assert_eq!(left, 4);
}
