//! Full queues: wait, shed or fail, by messages and by bytes.

use std::{num::NonZeroU64, task::Poll};

use relayhouse_core::{ErrorKind, Message, Sending, port::Sender};
use relayhouse_memory::Full;

use crate::support::{
    Call, Watch, ack, builder, receive, receiver, send, send_texts, sender, texts, up_to,
};

fn bound(max: u64) -> NonZeroU64 {
    NonZeroU64::new(max).expect("not zero")
}

async fn send_one(sender: &dyn Sender, text: &'static str) -> Result<(), ErrorKind> {
    let sent = send(sender, [Message::new(text)]).await;
    sent.into_iter().next().expect("one answer").map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn senders_wait_in_the_order_of_arrival() {
    let memory = builder().messages_max(bound(1)).build().expect("options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let mut first = Call::new(send_one(&*sender, "b"));
    let mut second = Call::new(send_one(&*sender, "c"));
    first.waits();
    second.waits();
    let delivery = receive(&*receiver, up_to(1)).await.remove(0);
    assert_eq!(ack(&*receiver, &delivery).await, Ok(()));
    assert!(0 < first.woken.count());
    assert_eq!(second.woken.count(), 0);
    let mut third = Call::new(send_one(&*sender, "d"));
    third.waits();
    second.waits();
    assert_eq!(first.poll(), Poll::Ready(Ok(())));
    second.waits();
    assert_eq!(texts(&*receiver).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_send_leaves_nothing_and_lets_the_next_one_in() {
    for polls_after_room in [0, 1] {
        let memory = builder().messages_max(bound(1)).build().expect("options");
        let sender = sender(&memory, "q").await;
        let receiver = receiver(&memory, "q").await;
        send_texts(&*sender, &["a"]).await;
        let mut first = Call::new(send_one(&*sender, "b"));
        let mut second = Call::new(send_one(&*sender, "c"));
        first.waits();
        second.waits();
        if polls_after_room == 1 {
            let delivery = receive(&*receiver, up_to(1)).await.remove(0);
            assert_eq!(ack(&*receiver, &delivery).await, Ok(()));
        }
        drop(first);
        if polls_after_room == 0 {
            let delivery = receive(&*receiver, up_to(1)).await.remove(0);
            assert_eq!(ack(&*receiver, &delivery).await, Ok(()));
        }
        assert!(0 < second.woken.count());
        assert_eq!(second.poll(), Poll::Ready(Ok(())));
        assert_eq!(texts(&*receiver).await, ["c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn batch_goes_in_as_room_comes_and_says_so() {
    let memory = builder().messages_max(bound(2)).build().expect("options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let mut batch: Vec<Sending> = ["a", "b", "c"]
        .into_iter()
        .map(|text| Sending::new(Message::new(text)))
        .collect();
    let mut call = Call::new(sender.send(&mut batch));
    call.waits();
    drop(call);
    let done: Vec<bool> = batch.iter().map(|item| item.outcome.is_done()).collect();
    assert_eq!(done, [true, true, false]);
    assert_eq!(batch[2].message.body, "c", "what was not sent stays");
    assert_eq!(texts(&*receiver).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn shed_takes_what_fits_and_fail_takes_nothing() {
    for (full, expected) in [(Full::Shed, 2), (Full::Fail, 0)] {
        let options = builder().messages_max(bound(2)).full(full);
        let memory = options.build().expect("options");
        let sender = sender(&memory, "q").await;
        let receiver = receiver(&memory, "q").await;
        let messages = ["a", "b", "c"].map(Message::new);
        let sent = send(&*sender, messages).await;
        let failed = sent.iter().filter(|r| **r == Err(ErrorKind::Full)).count();
        assert_eq!(sent.len() - failed, expected, "{full:?}");
        assert_eq!(texts(&*receiver).await.len(), expected, "{full:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bound_and_one_message_over_the_bound_fails_at_once() {
    let memory = builder().bytes_max(bound(10)).build().expect("options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let sent = send(
        &*sender,
        [Message::new("12345678901"), Message::new("123456")],
    )
    .await;
    assert_eq!(sent[0], Err(ErrorKind::MessageTooLarge));
    assert!(sent[1].is_ok());
    let mut call = Call::new(send_one(&*sender, "12345"));
    call.waits();
    let delivery = receive(&*receiver, up_to(1)).await.remove(0);
    call.waits();
    assert_eq!(ack(&*receiver, &delivery).await, Ok(()));
    assert_eq!(call.poll(), Poll::Ready(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn expired_messages_make_room_without_any_receiver() {
    let memory = builder().messages_max(bound(1)).build().expect("options");
    let sender = sender(&memory, "q").await;
    let minute = crate::support::SECOND * 60;
    send(&*sender, [Message::new("a").ttl(minute)]).await;
    let start = Watch::start();
    assert_eq!(send_one(&*sender, "b").await, Ok(()));
    assert_eq!(start.elapsed().as_secs(), 60);
}
